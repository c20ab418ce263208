// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let deadLetters = Command(
        name: "dead-letters",
        summary: "Lists work that waits for you with its reason; lets it run again or gives it up.",
        arguments: [
            Argument(name: "list|replay|drop", help: "What to do; list by default.", isRequired: false),
            Argument(
                name: "WHICH",
                help: "To replay or drop: an event's id, a record as KIND/ID, or a dead letter's id.",
                isRequired: false,
                isRepeated: true
            ),
        ],
        options: [
            Option(name: "of", value: "INTEGRATION", help: "Of this integration alone."),
            Option(name: "all", value: nil, help: "Replays or drops all of them."),
            yes,
        ],
        notes: ["What is replayed goes out at the next push."],
        examples: [
            Example(line: "integrate dead-letters", words: "What waits, why, and what to do about it."),
            Example(line: "integrate dead-letters replay evt-7 && integrate push", words: "After the cause is mended."),
            Example(line: "integrate dead-letters drop prospect/p-3", words: "Gives it up for good."),
        ],
        run: { try await $0.deadLetters() }
    )
}

extension CommandContext {
    fileprivate func deadLetters() async throws -> ExitCode {
        let action = arguments.argument(0) ?? "list"
        guard ["list", "replay", "drop"].contains(action) else {
            let meant = ArgumentParser.nearest(to: action, among: ["list", "replay", "drop"])
            throw arguments.misuse(
                "dead-letters does not know \(action.prefix(40))" + (meant.map { "; did you mean \($0)?" } ?? "")
            )
        }
        let names = Array(arguments.arguments.dropFirst())
        if action != "list", names.isEmpty, !arguments.has("all") {
            throw arguments.misuse("name what to \(action), or give --all")
        }
        return try await withWorkspace { workspace in
            var letters: [DeadLetter] = []
            for integration in try await workspace.integrations(arguments.value("of")) {
                letters += try await workspace.manager.deadLetters(of: integration.id, limit: 100_000)
            }
            if action == "list" { return list(letters) }
            var chosen = letters
            if !arguments.has("all") {
                chosen = letters.filter { letter in names.contains { letter.goes(by: $0) } }
                if let unknown = names.first(where: { name in !letters.contains { $0.goes(by: name) } }) {
                    throw IntegrationError(
                        .notFound,
                        "There is no dead letter “\(unknown.prefix(80))”.",
                        remedy: LocalizedText(
                            "integrate dead-letters lists them.",
                            fr: "integrate dead-letters les énumère."
                        )
                    )
                }
            }
            if action == "drop", !chosen.isEmpty,
                try await !confirm("Give up \(chosen.count.counted("dead letter")) for good?")
            {
                console.note("Nothing was dropped.")
                return .failed
            }
            return try await carryOut(action, chosen, in: workspace)
        }
    }

    private func list(_ letters: [DeadLetter]) -> ExitCode {
        console.result(
            ["deadLetters": .array(letters.map(json))],
            letters.isEmpty ? "There are none." : letters.map(text).joined(separator: "\n")
        )
        return letters.isEmpty ? .done : .partly
    }

    private func carryOut(_ action: String, _ letters: [DeadLetter], in workspace: Workspace) async throws -> ExitCode {
        var done = 0
        for letter in letters {
            try Task.checkCancellation()
            do {
                if action == "replay" {
                    try await workspace.manager.replay(letter.id)
                } else {
                    try await workspace.manager.drop(letter.id)
                }
                done += 1
            } catch IntegrationError.Code.notFound {
                // It ran again together with another one of these.
                done += 1
            }
        }
        let words =
            action == "replay"
            ? "\(done.counted("dead letter")) will run again: integrate push"
            : "Gave up \(done.counted("dead letter"))."
        console.result([action == "replay" ? "replayed" : "dropped": done.json], words)
        return .done
    }

    private func text(_ letter: DeadLetter) -> String {
        let subject = letter.record.map { "\($0.kind)/\($0.id)" } ?? letter.id
        var lines = [
            "\(subject)  \(letter.kind.rawValue)  \(letter.event ?? "no event")  since \(ISO8601.string(from: letter.since))"
        ]
        lines.append("  \(letter.reason.message)")
        let remedy = letter.reason.remedy.text(in: language)
        if !remedy.isEmpty { lines.append("  \(remedy)") }
        if !letter.candidates.isEmpty {
            lines.append("  candidates: \(letter.candidates.map(\.value).joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }

    private func json(_ letter: DeadLetter) -> JSONValue {
        var object: JSONObject = [
            "id": .string(letter.id), "integration": .string(letter.integration),
            "kind": .string(letter.kind.rawValue), "since": .string(ISO8601.string(from: letter.since)),
            "reason": letter.reason.json(in: language),
        ]
        if let event = letter.event { object["event"] = .string(event) }
        if let record = letter.record { object["record"] = .string("\(record.kind)/\(record.id)") }
        if !letter.candidates.isEmpty { object["candidates"] = .array(letter.candidates.map { .string($0.value) }) }
        return .object(object)
    }
}

extension DeadLetter {
    /// Whether a person means it by this.
    fileprivate func goes(by name: String) -> Bool {
        name == id || name == event || record.map { name == "\($0.kind)/\($0.id)" || name == $0.id } ?? false
    }
}
