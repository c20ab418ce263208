// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What the tool says: results to standard output, everything else to standard error.
struct Console: Sendable {
    let isJSON: Bool
    let language: String
    private let output: @Sendable (String) -> Void
    private let errors: @Sendable (String) -> Void

    init(_ surroundings: Surroundings, isJSON: Bool) {
        self.isJSON = isJSON
        language = surroundings.language
        output = surroundings.output
        errors = surroundings.errors
    }

    /// Prints lines to standard output.
    func print(_ text: String) {
        output(text + "\n")
    }

    /// Prints the result: the JSON where that was asked for, else the text.
    func result(_ json: @autoclosure () -> JSONValue, _ text: @autoclosure () -> String) {
        print(isJSON ? json().prettyText : text())
    }

    /// Says something beside the result.
    func note(_ text: String) {
        errors(text + "\n")
    }

    /// Writes to standard error as it is.
    func draw(_ text: String) {
        errors(text)
    }

    /// Prints an error with its remedy in the person's language.
    func fail(_ error: any Error) {
        guard let error = error as? IntegrationError else {
            return complain("\(error)", code: "failed")
        }
        let remedy = error.remedy.text(in: language)
        if isJSON { print(JSONValue.object(["error": error.json(in: language)]).prettyText) }
        note("integrate: \(error.message)" + (remedy.isEmpty || remedy == error.message ? "" : "\n  \(remedy)"))
    }

    /// Prints an error in words.
    func complain(_ text: String, code: String) {
        if isJSON {
            let words: JSONObject = ["code": .string(code), "message": .string(text)]
            print(JSONValue.object(["error": .object(words)]).prettyText)
        }
        note("integrate: \(text)")
    }

    /// A table with aligned columns, two spaces between them.
    static func table(_ rows: [[String]], indent: String = "") -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = indent
            for (column, cell) in row.enumerated() {
                line += column + 1 < row.count ? cell.padding(to: widths[column] + 2) : cell
            }
            return line
        }.joined(separator: "\n")
    }
}

extension IntegrationError {
    func json(in language: String) -> JSONValue {
        var object: JSONObject = ["code": .string(code.rawValue), "message": .string(message)]
        let remedy = remedy.text(in: language)
        if !remedy.isEmpty { object["remedy"] = .string(remedy) }
        if let status = context.status { object["status"] = .number(JSONNumber(status)) }
        if let request = context.requestID { object["requestID"] = .string(request) }
        return .object(object)
    }
}

extension Int {
    /// The number with thousands apart, such as 1,204.
    var grouped: String {
        var text = ""
        for (place, digit) in String(abs(self)).reversed().enumerated() {
            if place > 0, place % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (self < 0 ? "-" : "") + String(text.reversed())
    }

    var json: JSONValue { .number(JSONNumber(self)) }

    /// The number with the word for it, such as `1 line`, `2 lines`.
    func counted(_ word: String, plural: String? = nil) -> String {
        grouped + " " + (self == 1 ? word : plural ?? word + "s")
    }
}
