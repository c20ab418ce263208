// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let logs = Command(
        name: "logs",
        summary: "Shows what an integration did, newest first; exports all of it.",
        arguments: [integrationArgument],
        options: [
            Option(name: "limit", value: "COUNT", help: "How many entries; 50 by default."),
            Option(
                name: "export",
                value: "csv|jsonl",
                help: "Writes every entry that is kept, newest first. In CSV no cell can be a formula of a spreadsheet."
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
    private static let page = 1000

    fileprivate func logs() async throws -> ExitCode {
        let format = try arguments.value("export").map { name in
            guard let format = LogExport(rawValue: name) else { throw arguments.misuse("--export is csv or jsonl") }
            return format
        }
        let limit = try arguments.value("limit").map { text in
            guard let limit = Int(text), limit > 0 else { throw arguments.misuse("--limit is a number from 1") }
            return limit
        }
        return try await withWorkspace { workspace in
            let integration = try await workspace.integration(arguments.argument(0))
            guard let format else {
                let entries = try await workspace.manager.logs(of: integration.id, limit: limit ?? 50)
                console.result(
                    ["entries": .array(entries.map(LogExport.json))],
                    entries.isEmpty ? "Nothing is logged." : entries.map(LogExport.line).joined(separator: "\n")
                )
                return .done
            }
            var count = 0
            if let path = arguments.value("out") {
                var text = format.head
                try await allEntries(of: integration.id, in: workspace, upTo: limit) { entries in
                    count += entries.count
                    text += entries.map(format.row).joined()
                }
                try PrivateFile.write(Data(text.utf8), to: surroundings.file(path))
                console.note("\(count == 1 ? "1 entry" : "\(count.grouped) entries") in \(path)")
            } else {
                surroundings.output(format.head)
                try await allEntries(of: integration.id, in: workspace, upTo: limit) { entries in
                    surroundings.output(entries.map(format.row).joined())
                }
            }
            return .done
        }
    }

    /// Reads the log page by page; several entries may have one time, so a page begins with what the last one ended on.
    private func allEntries(
        of id: String,
        in workspace: Workspace,
        upTo limit: Int?,
        _ body: ([SyncLogEntry]) -> Void
    ) async throws {
        var before: Date?
        var size = Self.page
        var given = 0
        var repeated = 0
        while limit.map({ given < $0 }) ?? true {
            try Task.checkCancellation()
            let page = try await workspace.manager.logs(of: id, before: before, limit: size)
            var fresh = page.dropFirst(repeated)
            if let limit { fresh = fresh.prefix(limit - given) }
            guard let last = page.last else { return }
            body(Array(fresh))
            given += fresh.count
            guard page.count == size else { return }
            repeated = page.count { $0.date == last.date }
            before = last.date.addingTimeInterval(0.001)
            if repeated * 2 > size { size *= 2 }
        }
    }
}

/// A form in which the log leaves the tool.
enum LogExport: String {
    case csv
    case jsonl

    var head: String {
        switch self {
        case .csv: "date,what,integration,kind,record,remote,event,message,error,remedy\r\n"
        case .jsonl: ""
        }
    }

    /// One entry with its line end.
    func row(_ entry: SyncLogEntry) -> String {
        switch self {
        case .csv: LogExport.cells(entry).map(LogExport.cell).joined(separator: ",") + "\r\n"
        case .jsonl: LogExport.json(entry).text + "\n"
        }
    }

    private static func cells(_ entry: SyncLogEntry) -> [String] {
        [
            ISO8601.string(from: entry.date), entry.kind.rawValue, entry.integration,
            entry.recordKind?.rawValue ?? "", entry.record.map { "\($0.kind)/\($0.id)" } ?? "",
            entry.remote?.value ?? "", entry.event ?? "", entry.message, entry.error?.code.rawValue ?? "",
            entry.error?.remedy.text(in: "en") ?? "",
        ]
    }

    /// A cell of a CSV file; one that a spreadsheet would take for a formula begins with an apostrophe.
    static func cell(_ text: String) -> String {
        let formula: Set<Character> = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
        let isFormula = text.first.map { formula.contains($0) || $0 == "\r\n" } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.unicodeScalars.contains(where: { ["\"", ",", "\n", "\r", ";"].contains($0) }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }

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
