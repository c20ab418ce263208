// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let logs = Command(
        name: "logs",
        summary: "Shows what an integration did, newest first; exports all of it.",
        arguments: [integrationArgument],
        options: [
            Option(name: "limit", value: "COUNT", help: "How many entries are shown; 50 by default."),
            Option(
                name: "export",
                value: "csv|jsonl",
                help: "Writes every entry that is kept, oldest first. In CSV no cell can be a formula of a spreadsheet."
            ),
            Option(name: "out", value: "FILE", help: "Where the export goes; standard output by default."),
        ],
        examples: [
            Example(line: "integrate logs Sales --limit 10", words: "The last ten things."),
            Example(line: "integrate logs Sales --export csv --out log.csv", words: "For a spreadsheet."),
        ],
        run: { try await $0.logs() }
    )
}

extension CommandContext {
    fileprivate func logs() async throws -> ExitCode {
        let format = try arguments.value("export").map { name in
            guard let format: ExportFormat = ["csv": .csv, "jsonl": .jsonLines][name] else {
                throw arguments.misuse("--export is csv or jsonl")
            }
            return format
        }
        let limit = try arguments.value("limit").map { text in
            guard let limit = Int(text), limit > 0 else { throw arguments.misuse("--limit is a number from 1") }
            return limit
        }
        return try await withWorkspace { workspace in
            let integration = try await workspace.integration(arguments.argument(0))
            if let format {
                let pages = try await workspace.manager.exportLogs(of: integration.id, as: format)
                try await export(pages)
                return .done
            }
            let entries = try await workspace.manager.logs(of: integration.id, limit: limit ?? 50)
            console.result(
                ["entries": .array(entries.map(LogText.json))],
                entries.isEmpty ? "Nothing is logged." : entries.map(LogText.line).joined(separator: "\n")
            )
            return .done
        }
    }

    private func export(_ pages: ExportPages) async throws {
        guard let path = arguments.value("out") else {
            for try await page in pages {
                try Task.checkCancellation()
                surroundings.output(String(decoding: page, as: UTF8.self))
            }
            return
        }
        try await PrivateFile.write(to: surroundings.file(path)) { handle in
            for try await page in pages {
                try Task.checkCancellation()
                try handle.write(contentsOf: page)
            }
        }
    }
}

/// A log entry as the tool shows it.
enum LogText {
    static func line(_ entry: SyncLogEntry) -> String {
        let what = entry.record.map { "\($0.kind)/\($0.id)" } ?? entry.remote.map { "\($0.kind.rawValue) \($0.value)" }
        let head = [ISO8601.string(from: entry.date), entry.kind.rawValue.padding(to: 14), what ?? ""]
        return (head + [entry.message]).filter { !$0.isEmpty }.joined(separator: "  ")
    }

    static func json(_ entry: SyncLogEntry) -> JSONValue {
        var object: JSONObject = [
            "date": .string(ISO8601.string(from: entry.date)), "what": .string(entry.kind.rawValue),
            "integration": .string(entry.integration), "message": .string(entry.message),
        ]
        if let kind = entry.recordKind { object["kind"] = .string(kind.rawValue) }
        if let record = entry.record { object["record"] = .string("\(record.kind)/\(record.id)") }
        if let remote = entry.remote { object["remote"] = .string(remote.value) }
        if let event = entry.event { object["event"] = .string(event) }
        if let error = entry.error { object["error"] = error.json(in: "en") }
        return .object(object)
    }
}
