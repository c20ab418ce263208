// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Texts that are equal exactly if what they stand for is; they are hashed and compared, never shown.
enum CanonicalText {
    /// Composes the accents of a text, so that `é` has one spelling in bytes.
    static func composed(_ text: String) -> String {
        text.utf8.allSatisfy { $0 < 0x80 } ? text : text.precomposedStringWithCanonicalMapping
    }

    /// Joins parts so that no other parts give the same text.
    static func joined(_ parts: [String]) -> String {
        parts.map { "\($0.utf8.count):\($0)" }.joined()
    }

    /// Joins parts whose order and repetition have no meaning.
    static func set(_ parts: [String]) -> String {
        joined(Set(parts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    /// Writes an exact number without the zeros and the exponent that make no difference to its value.
    static func number(_ value: Decimal) -> String {
        number(text: value.description)
    }

    /// Writes a number in JSON's grammar without the zeros and the exponent that make no difference to its value.
    ///
    /// Works on the text, so that numbers with more digits than `Decimal` holds stay exact.
    static func number(text: String) -> String {
        let parts = text.split(maxSplits: 1, whereSeparator: { $0 == "e" || $0 == "E" })
        guard let mantissa = parts.first, let exponent = parts.count == 2 ? Int(parts[1]) : 0,
            abs(exponent) < 1 << 30
        else { return text }
        let isNegative = mantissa.hasPrefix("-")
        let halves = mantissa.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = halves.first, halves.count <= 2 else { return text }
        let fraction = halves.count == 2 ? halves[1] : ""
        var digits = String((whole + fraction).drop { $0 == "0" })
        var point = exponent - fraction.count
        while digits.last == "0" {
            digits.removeLast()
            point += 1
        }
        guard !digits.isEmpty else { return "0" }
        let sign = isNegative ? "-" : ""
        if point >= 0 {
            return point <= 200 ? sign + digits + String(repeating: "0", count: point) : "\(sign)\(digits)e\(point)"
        }
        if -point > 200 { return "\(sign)\(digits)e\(point)" }
        let padded = String(repeating: "0", count: max(0, 1 - point - digits.count)) + digits
        return "\(sign)\(padded.dropLast(-point)).\(padded.suffix(-point))"
    }

    /// Writes a JSON value with sorted keys and normal numbers.
    static func json(_ value: JSONValue) -> String {
        switch value {
        case .null: "z"
        case .bool(let value): value ? "y" : "n"
        case .number(let value): "#" + number(text: value.text)
        case .string(let value): "s" + composed(value)
        case .array(let values): "a" + joined(values.map(json))
        case .object(let object):
            "o" + set(object.members.map { joined([composed($0.key), json($0.value)]) })
        }
    }

    /// Hashes a text with 32-bit FNV-1a, which is the same in every process and version.
    static func hash(_ text: String) -> UInt32 {
        text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}
