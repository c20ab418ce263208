// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let list = Command(
        name: "list",
        summary: "Lists what is connected.",
        examples: [Example(line: "integrate list --json", words: "For scripts.")],
        run: { try await $0.list() }
    )

    static let test = Command(
        name: "test",
        summary: "Tests a connection with the stored sign-in, and takes up work that waited for it.",
        arguments: [integrationArgument],
        examples: [Example(line: "integrate test Sales", words: "Who is connected, and what may be done with what.")],
        run: { try await $0.test() }
    )

    static let enable = Command(
        name: "enable",
        summary: "Lets an integration work again.",
        arguments: [integrationArgument],
        options: [
            Option(
                name: "resynced",
                value: nil,
                help: "Notes that you have pushed again what was dropped while it was disabled."
            )
        ],
        examples: [
            Example(line: "integrate enable Sales", words: "What was kept in its queue goes out at the next push.")
        ],
        run: { try await $0.enable() }
    )

    static let disable = Command(
        name: "disable",
        summary: "Stops an integration. New events are dropped with a log entry; with --keep they are kept.",
        arguments: [integrationArgument],
        options: [Option(name: "keep", value: nil, help: "Keeps new events in the queue: a pause.")],
        examples: [
            Example(line: "integrate disable Sales", words: "Sends and reads nothing; events are not kept for it."),
            Example(line: "integrate disable Sales --keep", words: "Sends and reads nothing; events wait."),
        ],
        run: { try await $0.disable() }
    )

    static let delete = Command(
        name: "delete",
        summary: "Deletes an integration with its queue, links and sign-in. What is on the platform stays there.",
        arguments: [integrationArgument],
        options: [yes],
        examples: [Example(line: "integrate delete Sales --yes", words: "Does not ask.")],
        run: { try await $0.delete() }
    )
}

extension CommandContext {
    private func named() -> String? { arguments.argument(0) }

    fileprivate func list() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integrations = try await workspace.manager.integrations(of: tenant)
            console.result(
                ["integrations": .array(integrations.map(\.json))],
                integrations.isEmpty
                    ? "Nothing is connected. integrate catalogue shows what can be."
                    : Console.table(
                        integrations.map { integration in
                            [
                                integration.id, integration.name, integration.platform.rawValue,
                                integration.need.map { "needs \($0.rawValue)" } ?? integration.state.rawValue,
                                integration.account.value,
                            ]
                        }
                    )
            )
            return .done
        }
    }

    fileprivate func test() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integration = try await workspace.integration(named())
            let report = try await workspace.manager.test(integration.id)
            var lines = ["\(integration.name) works: \(report.name), account \(report.key.value)."]
            lines.append("It is called at \(report.profile.baseURL.absoluteString).")
            let access = report.access.sorted { $0.key.rawValue < $1.key.rawValue }
            lines += access.map { "  \($0.key.rawValue.padding(to: 14)) \($0.value.rawValue)" }
            for warning in report.warnings {
                lines.append("! \(warning.message) \(warning.remedy.text(in: language))")
            }
            var object: JSONObject = [
                "integration": .string(integration.id), "account": .string(report.key.value),
                "name": .string(report.name), "isSandbox": .bool(report.isSandbox),
                "baseURL": .string(report.profile.baseURL.absoluteString),
            ]
            object["access"] = .object(
                JSONObject(access.map { JSONObject.Member($0.key.rawValue, .string($0.value.rawValue)) })
            )
            object["warnings"] = .array(report.warnings.map { $0.json(in: language) })
            console.result(.object(object), lines.joined(separator: "\n"))
            return report.warnings.isEmpty ? .done : .partly
        }
    }

    fileprivate func enable() async throws -> ExitCode {
        try await change("enabled") { manager, id in
            try await manager.enable(id)
            if arguments.has("resynced") { try await manager.markResynced(id) }
        }
    }

    fileprivate func disable() async throws -> ExitCode {
        try await change(arguments.has("keep") ? "paused" : "disabled") { manager, id in
            if arguments.has("keep") { try await manager.pause(id) } else { try await manager.disable(id) }
        }
    }

    private func change(
        _ state: String,
        _ body: (IntegrationManager, String) async throws -> Void
    ) async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integration = try await workspace.integration(named())
            try await body(workspace.manager, integration.id)
            let now = try await workspace.manager.integration(integration.id)
            var lines = ["\(integration.name) is \(state)."]
            if now.needsResync {
                lines.append(
                    "Events were dropped while it was disabled: push them again, then integrate enable --resynced."
                )
            }
            console.result(now.json, lines.joined(separator: "\n"))
            return .done
        }
    }

    fileprivate func delete() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integration = try await workspace.integration(named())
            let statistics = try await workspace.manager.statistics(of: integration.id)
            let waiting = statistics.queued + statistics.sent + statistics.blocked
            let lost = waiting > 0 ? " \(waiting.counted("job")) that wait are lost." : ""
            guard
                try await confirm(
                    "Delete \(integration.name) (\(integration.id)) with its links and its sign-in?\(lost)"
                )
            else {
                console.note("Nothing was deleted.")
                return .failed
            }
            let receipt = try await workspace.manager.delete(integration.id)
            var lines = ["\(integration.name) is deleted."]
            if !receipt.unknownWrites.isEmpty {
                let names = receipt.unknownWrites.prefix(20).map { "\($0.kind)/\($0.id)" }.joined(separator: ", ")
                lines.append("The platform may hold these, though nobody knows: \(names)")
            }
            console.result(
                [
                    "deleted": .string(integration.id), "rows": receipt.rows.json,
                    "unknownWrites": .array(receipt.unknownWrites.map { .string("\($0.kind)/\($0.id)") }),
                ],
                lines.joined(separator: "\n")
            )
            return .done
        }
    }
}
