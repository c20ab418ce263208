// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let pull = Command(
        name: "pull",
        summary: "Brings what changed on the platforms into your records file.",
        arguments: [integrationArgument],
        options: [
            Option(name: "kind", value: "KIND", help: "Reads this kind alone, such as customer.", isRepeated: true),
            Option(
                name: "all",
                value: nil,
                help: "Compares every record where the platform allows, not only those that changed."
            ),
            until,
        ],
        notes: [
            "Your records stand in a JSON Lines file, one record a line, that you may read and edit: by default "
                + "records.jsonl in the store's folder. Tell of an edit by an event, such as customer.updated, and push "
                + "it; an edit that no event told of stays here.",
            "A pull that is interrupted or killed goes on where it was when it is run again.",
        ],
        examples: [
            Example(line: "integrate pull", words: "Everything that changed since the last time."),
            Example(line: "integrate pull Shop --kind order --kind customer", words: "Two kinds of one integration."),
        ],
        run: { try await $0.pull() }
    )
}

extension CommandContext {
    fileprivate func pull() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let kinds = Set(arguments.values("kind").map { RecordKind(rawValue: $0) })
            let integrations = try await workspace.integrations(arguments.argument(0))
            var idle: [String] = []
            for integration in integrations {
                let platform = try workspace.manager.catalog.descriptor(for: integration.platform)
                if let kind = kinds.first(where: { platform.kind($0)?.canPull != true }), integrations.count == 1 {
                    let known = platform.kinds.filter(\.canPull).map(\.kind.rawValue).joined(separator: ", ")
                    throw arguments.misuse("\(platform.name) lets nobody read \(kind.rawValue); it has \(known)")
                }
                if integration.state != .enabled {
                    idle.append(
                        "\(integration.name) is \(integration.state.rawValue): integrate enable \(integration.id)"
                    )
                } else if let need = integration.need {
                    idle.append(
                        "\(integration.name) waits for you (\(need.rawValue)): integrate status \(integration.id)"
                    )
                } else {
                    try await workspace.coordinator.pull(
                        integration.id,
                        kinds: kinds.isEmpty ? nil : kinds,
                        sweep: arguments.has("all")
                    )
                }
            }
            var loop = try SyncLoop(workspace, self, .pull)
            let result = try await loop.run()
            let counts = await workspace.records.counts
            let total = try await workspace.records.count()
            console.result(
                json(result, counts, total: total, idle: idle),
                text(result, counts, total: total, idle: idle, file: workspace.records.file)
            )
            if !idle.isEmpty, result.ending == .drained { return .waiting }
            return result.exitCode(isPartly: result.count(.refused) > 0)
        }
    }

    private func text(
        _ result: SyncLoop.Result,
        _ counts: RecordsFile.Counts,
        total: Int,
        idle: [String],
        file: URL
    ) -> String {
        let done = [(counts.created, "new"), (counts.changed, "changed"), (counts.deleted, "deleted")]
            .filter { $0.0 > 0 }.map { "\($0.0.grouped) \($0.1)" }
        var lines = [
            (done.isEmpty ? "Nothing new" : done.joined(separator: ", "))
                + "; \(total.counted("record")) in \(file.path(percentEncoded: false))"
        ]
        lines += report(result) + idle.map { "! " + $0 }
        return lines.joined(separator: "\n")
    }

    private func json(
        _ result: SyncLoop.Result,
        _ counts: RecordsFile.Counts,
        total: Int,
        idle: [String]
    ) -> JSONValue {
        var object = result.json
        object["created"] = counts.created.json
        object["changed"] = counts.changed.json
        object["deleted"] = counts.deleted.json
        object["records"] = total.json
        object["idle"] = .array(idle.map { .string($0) })
        return .object(object)
    }
}
