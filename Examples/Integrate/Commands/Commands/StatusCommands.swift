// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let status = Command(
        name: "status",
        summary: "Tells how each integration stands: what waits, what failed, what was done.",
        arguments: [integrationArgument],
        notes: ["The exit code is 0 where nothing waits, 3 where dead letters wait for you, 4 where work is left."],
        examples: [Example(line: "integrate status --json", words: "For scripts.")],
        run: { try await $0.status() }
    )

    static let why = Command(
        name: "why",
        summary: "Tells what became of an event or a record, and why.",
        arguments: [
            Argument(name: "WHAT", help: "An event's id, a record's id, or KIND/ID for one of several kinds.")
        ],
        examples: [
            Example(
                line: "integrate why evt-1",
                words: "Where the event went, what waits and for what, what was refused."
            ),
            Example(line: "integrate why prospect/p-1", words: "What the record is linked to, and its log."),
        ],
        run: { try await $0.why() }
    )
}

extension CommandContext {
    fileprivate func status() async throws -> ExitCode {
        try await withWorkspace { workspace in
            var pages: [String] = []
            var list: [JSONValue] = []
            var left = 0
            var blocked = 0
            for integration in try await workspace.integrations(arguments.argument(0)) {
                let statistics = try await workspace.manager.statistics(of: integration.id)
                left += statistics.queued + statistics.sent
                blocked += statistics.blocked
                pages.append(text(integration, statistics))
                list.append(json(integration, statistics))
            }
            let count = try await workspace.records.count()
            let file = workspace.records.file.path(percentEncoded: false)
            pages.append("\(count.counted("record")) of yours in \(file)")
            console.result(
                ["integrations": .array(list), "records": count.json, "recordsFile": .string(file)],
                pages.joined(separator: "\n\n")
            )
            return blocked > 0 ? .partly : left > 0 ? .waiting : .done
        }
    }

    private func text(_ integration: Integration, _ statistics: IntegrationStatistics) -> String {
        var lines = ["\(integration.name) (\(integration.id)): \(integration.state.rawValue)"]
        switch integration.need {
        case .reauthorization:
            lines.append(
                "! The sign-in is refused: integrate connect \(integration.platform.rawValue) --again \(integration.id)"
            )
        case .setup: lines.append("! It needs a choice of yours: integrate settings \(integration.id)")
        case nil: break
        }
        for (kind, reason) in integration.suspendedKinds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("! \(kind.rawValue) waits: \(reason)")
        }
        if integration.needsResync {
            lines.append(
                "! Events were dropped while it was disabled: push them again, then integrate enable --resynced."
            )
        }
        let last = integration.lastSync.map { ISO8601.string(from: $0) } ?? "never"
        lines.append(
            "  waiting \(statistics.queued.grouped), being found out \(statistics.sent.grouped), "
                + "dead letters \(statistics.blocked.grouped); last success \(last)"
        )
        if let error = integration.lastError {
            lines.append("  last failure: \(error.message) \(error.remedy.text(in: language))")
        }
        for (kind, counts) in statistics.counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let parts = counts.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.value.grouped) \($0.key.rawValue)" }
            lines.append("  \(kind.rawValue.padding(to: 12)) " + parts.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }

    private func json(_ integration: Integration, _ statistics: IntegrationStatistics) -> JSONValue {
        guard case .object(var object) = integration.json else { return integration.json }
        object["waiting"] = statistics.queued.json
        object["sent"] = statistics.sent.json
        object["deadLetters"] = statistics.blocked.json
        object["counts"] = .object(
            JSONObject(
                statistics.counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, counts in
                    JSONObject.Member(
                        kind.rawValue,
                        .object(
                            JSONObject(
                                counts.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                                    JSONObject.Member($0.key.rawValue, $0.value.json)
                                }
                            )
                        )
                    )
                }
            )
        )
        return .object(object)
    }

    fileprivate func why() async throws -> ExitCode {
        let what = arguments.argument(0) ?? ""
        return try await withWorkspace { workspace in
            var parts: [(title: String, explanation: SyncExplanation)] = []
            if let place = what.firstIndex(of: "/") {
                let kind = String(what[..<place])
                let reference = HostReference(tenant: tenant, kind: kind, id: String(what[what.index(after: place)...]))
                parts.append(("\(kind) \(reference.id)", try await workspace.manager.why(reference)))
            } else {
                let event = try await workspace.manager.why(event: what, of: tenant)
                let records = try await workspace.records.references(id: what)
                // An id may name both; what is known of neither is told once.
                if records.isEmpty || !event.entries.isEmpty || event.sentences.count > 1 {
                    parts.append(("event \(what)", event))
                }
                for record in records {
                    parts.append(("\(record.kind) \(record.id)", try await workspace.manager.why(record)))
                }
            }
            console.result(
                ["answers": .array(parts.map { json($0.title, $0.explanation) })],
                parts.map { text($0.title, $0.explanation) }.joined(separator: "\n\n")
            )
            return .done
        }
    }

    private func text(_ title: String, _ explanation: SyncExplanation) -> String {
        var lines = [title] + explanation.sentences.map { "  " + $0 }
        let entries = explanation.entries.suffix(50)
        if entries.count < explanation.entries.count {
            lines.append(
                "  … \(explanation.entries.count - entries.count) earlier entries: integrate logs --export jsonl"
            )
        }
        lines += entries.map { "  " + LogText.line($0) }
        return lines.joined(separator: "\n")
    }

    private func json(_ title: String, _ explanation: SyncExplanation) -> JSONValue {
        [
            "about": .string(title), "sentences": .array(explanation.sentences.map { .string($0) }),
            "log": .array(explanation.entries.map(LogText.json)),
        ]
    }
}
