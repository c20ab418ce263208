// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let push = Command(
        name: "push",
        summary: "Sends what happened in your world: takes the events of a file, then works until all are done.",
        arguments: [
            Argument(
                name: "EVENTS",
                help: "A JSON Lines file, one event a line; - is standard input. Without one, only what waits is sent.",
                isRequired: false
            )
        ],
        options: [
            Option(
                name: "to",
                value: "INTEGRATION",
                help: "Sends to this one alone; to all that take the event by default."
            ),
            until,
        ],
        notes: [
            "An event: {\"event\": \"prospect.created\", \"id\": \"evt-1\", \"record\": \"p-1\", \"fields\": {\"email\": "
                + "\"ada@example.fr\", \"first_name\": \"Ada\"}}. The id names the event: pushed twice, it is done once, "
                + "so a push that was interrupted or killed is simply run again.",
            "What the events tell is noted in your records file too. prospect.deleted deletes the record there; what "
                + "becomes of its partner is the setting on-host-delete.",
            "A line that holds no event is named and left out; the rest goes on, and the exit code is 3.",
        ],
        examples: [
            Example(line: "integrate push events.jsonl", words: "Takes the file and works it off, with progress."),
            Example(
                line: "integrate push events.jsonl --until 5m",
                words: "Stops after five minutes; for cron. Exit code 4 if work is left."
            ),
            Example(line: "tail -n 100 log.jsonl | integrate push -", words: "From standard input."),
            Example(line: "integrate push", words: "Goes on with what an earlier push left."),
        ],
        run: { try await $0.push() }
    )
}

extension CommandContext {
    private static let chunk = 200

    /// What became of the lines of a file.
    private struct Intake {
        var queued = 0
        var known = 0
        var malformed: [(number: Int, message: String)] = []
        /// Events that went nowhere, by reason.
        var skipped: [String: Int] = [:]

        var total: Int { queued + known + skipped.values.reduce(0, +) }
    }

    fileprivate func push() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integrations = try await workspace.integrations(arguments.value("to"))
            let audience = arguments.value("to") == nil ? nil : Set(integrations.map(\.id))
            var loop = try SyncLoop(workspace, self, .push)
            var intake = Intake()
            if let path = arguments.argument(0) {
                let file = path == "-" ? URL(filePath: "/dev/stdin") : surroundings.file(path)
                try await take(file, audience, workspace, &intake)
            }
            let result = try await loop.run()
            var blocked = 0
            for integration in try await workspace.manager.integrations(of: tenant) {
                blocked += try await workspace.manager.statistics(of: integration.id).blocked
            }
            console.result(json(intake, result, blocked: blocked), text(intake, result, blocked: blocked))
            return result.exitCode(isPartly: !intake.malformed.isEmpty || blocked > 0)
        }
    }

    private func take(
        _ file: URL,
        _ audience: Set<String>?,
        _ workspace: Workspace,
        _ intake: inout Intake
    ) async throws {
        var lines = try EventLines(file, tenant: tenant)
        var progress = ProgressDisplay(self)
        defer { progress.end() }
        var isAtEnd = false
        while !isAtEnd {
            // What was not taken yet is taken by the next run; nothing that was acknowledged is lost.
            try Task.checkCancellation()
            var chunk: [DomainEvent] = []
            while chunk.count < Self.chunk {
                guard let line = try lines.next() else {
                    isAtEnd = true
                    break
                }
                switch line.result {
                case .success(var event):
                    if let audience { event.audience = .only(audience) }
                    chunk.append(event)
                case .failure(let error):
                    intake.malformed.append((line.number, error.message))
                    let remedy = error.remedy.text(in: language)
                    progress.end()
                    console.note("line \(line.number): \(error.message) \(remedy)")
                }
            }
            guard !chunk.isEmpty else { continue }
            // First the records: an event that is queued must find what it told when its record is merged.
            try await workspace.records.take(chunk)
            for line in try await workspace.coordinator.enqueue(chunk).lines {
                if !line.queued.isEmpty {
                    intake.queued += 1
                } else if !line.known.isEmpty {
                    intake.known += 1
                } else {
                    let reason = Set(line.skipped.values).sorted().joined(separator: " ")
                    intake.skipped[reason, default: 0] += 1
                }
            }
            progress.update("took", intake.total, of: nil)
        }
    }

    private func text(_ intake: Intake, _ result: SyncLoop.Result, blocked: Int) -> String {
        var lines: [String] = []
        if intake.total + intake.malformed.count > 0 {
            var parts = ["\(intake.queued.grouped) new"]
            if intake.known > 0 { parts.append("\(intake.known.grouped) known already") }
            let skipped = intake.skipped.values.reduce(0, +)
            if skipped > 0 { parts.append("\(skipped.grouped) that nobody takes") }
            if !intake.malformed.isEmpty { parts.append("\(intake.malformed.count.counted("line")) malformed") }
            lines.append("Took \(intake.total.counted("event")): " + parts.joined(separator: ", "))
        }
        lines += intake.skipped.sorted { $0.key < $1.key }.map { "  \($0.value.grouped) not sent: \($0.key)" }
        lines += report(result)
        if blocked > 0 {
            lines.append("\(blocked.counted("dead letter")) for you: integrate dead-letters")
        }
        if lines.isEmpty { lines.append("Nothing to do.") }
        return lines.joined(separator: "\n")
    }

    private func json(_ intake: Intake, _ result: SyncLoop.Result, blocked: Int) -> JSONValue {
        var object = result.json
        object["taken"] = intake.total.json
        object["queued"] = intake.queued.json
        object["known"] = intake.known.json
        object["malformed"] = .array(
            intake.malformed.map { ["line": $0.number.json, "message": .string($0.message)] }
        )
        object["skipped"] = .object(
            JSONObject(intake.skipped.sorted { $0.key < $1.key }.map { JSONObject.Member($0.key, $0.value.json) })
        )
        object["deadLetters"] = blocked.json
        return .object(object)
    }
}
