// SPDX-License-Identifier: Apache-2.0
import Foundation

extension FieldValue: Codable {
    /// Writes an array: the name of the form, then its parts.
    ///
    /// Numbers stand as texts, so that they stay exact.
    public func encode(to encoder: any Encoder) throws {
        var array = encoder.unkeyedContainer()
        switch self {
        case .empty:
            try array.encode("empty")
        case .text(let value):
            try array.encode("text")
            try array.encode(value)
        case .flag(let value):
            try array.encode("flag")
            try array.encode(value)
        case .number(let value):
            try array.encode("number")
            try array.encode(value.description)
        case .money(let value, let currency):
            try array.encode("money")
            try array.encode(value.description)
            try array.encode(currency)
        case .day(let value):
            try array.encode("day")
            try array.encode(value)
        case .instant(let value):
            try array.encode("instant")
            try array.encode(value.milliseconds)
        case .seconds(let value):
            try array.encode("seconds")
            try array.encode(value)
        case .options(let values):
            try array.encode("options")
            try array.encode(values)
        case .labelled(let values):
            try array.encode("labelled")
            try array.encode(values)
        case .address(let value):
            try array.encode("address")
            try array.encode(value)
        case .record(let value):
            try array.encode("record")
            try array.encode(value)
        case .json(let value):
            try array.encode("json")
            try array.encode(value)
        }
    }

    /// Reads what ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        var array = try decoder.unkeyedContainer()
        let form = try array.decode(String.self)
        switch form {
        case "empty": self = .empty
        case "text": self = .text(try array.decode(String.self))
        case "flag": self = .flag(try array.decode(Bool.self))
        case "number": self = .number(try FieldValue.decimal(in: &array))
        case "money": self = .money(try FieldValue.decimal(in: &array), currency: try array.decode(String.self))
        case "day": self = .day(try array.decode(String.self))
        case "instant": self = .instant(Date(milliseconds: try array.decode(Int64.self)))
        case "seconds": self = .seconds(try array.decode(Int.self))
        case "options": self = .options(try array.decode([String].self))
        case "labelled": self = .labelled(try array.decode([LabelledText].self))
        case "address": self = .address(try array.decode(PostalAddress.self))
        case "record": self = .record(try array.decode(RemoteID.self))
        case "json": self = .json(try array.decode(JSONValue.self))
        default:
            throw DecodingError.dataCorruptedError(in: array, debugDescription: "Unknown form of value \(form).")
        }
    }

    private static func decimal(in array: inout any UnkeyedDecodingContainer) throws -> Decimal {
        let text = try array.decode(String.self)
        guard let value = Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")) else {
            throw DecodingError.dataCorruptedError(in: array, debugDescription: "\(text) is no number.")
        }
        return value
    }
}

extension JSONValue: Codable {
    /// Writes the value's JSON text as one string, so that numbers and the order of keys stay exact.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    /// Reads what ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        try self.init(text: try decoder.singleValueContainer().decode(String.self))
    }
}
