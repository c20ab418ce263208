// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A JSON number, kept as the text it was written with.
public struct JSONNumber: Hashable, Sendable {
    /// The number's text, in JSON's grammar.
    public let text: String

    /// Creates a number from an integer.
    public init(_ value: some FixedWidthInteger) {
        text = String(value)
    }

    /// Creates a number from a decimal.
    public init(_ value: Decimal) {
        text = value.description
    }

    /// Creates a number from its text.
    ///
    /// - Parameter text: A number in JSON's grammar; anything else gives nil.
    public init?(text: String) {
        let bytes = [UInt8](text.utf8) + [0]
        guard JSONParser.endOfNumber(in: bytes, from: 0) == bytes.count - 1 else { return nil }
        self.text = text
    }

    /// Wraps a text that the parser has checked.
    init(checked text: String) {
        self.text = text
    }

    /// The value as a 64-bit integer; nil if it has a fraction, an exponent, or does not fit.
    public var int64: Int64? { Int64(text) }

    /// The value as an exact decimal; nil if it has more than 38 significant digits or does not fit.
    public var decimal: Decimal? {
        let digits = text.prefix(while: { $0 != "e" && $0 != "E" }).filter(\.isNumber).drop(while: { $0 == "0" })
        guard digits.count <= 38 else { return nil }
        return Decimal(string: text, locale: JSONNumber.posix)
    }

    private static let posix = Locale(identifier: "en_US_POSIX")

    /// The nearest `Double`, for values that are not money and not ids.
    public var double: Double? { Double(text) }
}
