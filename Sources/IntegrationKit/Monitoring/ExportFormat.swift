// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How an export is written.
public enum ExportFormat: String, Hashable, Codable, Sendable, CaseIterable {
    /// Comma-separated values by RFC 4180, with a header line.
    ///
    /// A cell that a spreadsheet would take for a formula begins with an apostrophe.
    case csv
    /// One JSON object per line.
    case jsonLines
}

extension ExportFormat {
    /// Writes lines of cells, each under its column's name; an empty cell is left out of JSON.
    func text(_ lines: [[String]], columns: [String], withHeader: Bool) -> Data {
        var text: [UInt8] = []
        switch self {
        case .csv:
            if withHeader { ExportFormat.append(columns, to: &text) }
            for line in lines { ExportFormat.append(line.map(ExportFormat.defused), to: &text) }
        case .jsonLines:
            for line in lines {
                let members = zip(columns, line).filter { !$1.isEmpty }.map { JSONObject.Member($0, .string($1)) }
                text += JSONWriter.bytes(of: .object(JSONObject(members)), pretty: false)
                text.append(0x0a)
            }
        }
        return Data(text)
    }

    private static func append(_ cells: [String], to text: inout [UInt8]) {
        for (place, cell) in cells.enumerated() {
            if place > 0 { text.append(UInt8(ascii: ",")) }
            text += quoted(cell).utf8
        }
        text += [0x0d, 0x0a]
    }

    /// A cell in quotes where it holds a quote, a comma or a line break.
    private static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: { [0x22, 0x2c, 0x0d, 0x0a].contains($0) }) else { return cell }
        return "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }

    /// A cell that no spreadsheet calculates, whatever a platform or a customer wrote into it.
    private static func defused(_ cell: String) -> String {
        guard let first = cell.unicodeScalars.first, formulaStarts.contains(first) else { return cell }
        return "'" + cell
    }

    /// What begins a formula, or hides one from a look at the first character; wide forms are folded by spreadsheets.
    private static let formulaStarts: Set<Unicode.Scalar> = [
        "=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}",
    ]
}
