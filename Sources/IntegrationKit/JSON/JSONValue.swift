// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A JSON value whose numbers keep their exact text and whose objects keep the order of their keys.
///
/// Platforms send 64-bit ids and amounts of money as JSON numbers; none of them passes through a `Double` here.
public enum JSONValue: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number, by its exact text.
    case number(JSONNumber)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object; its keys keep their order.
    case object(JSONObject)
}

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
        guard JSONNumber.isValid(text) else { return nil }
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
        return Decimal(string: text, locale: Locale(identifier: "en_US_POSIX"))
    }

    /// The nearest `Double`, for values that are not money and not ids.
    public var double: Double? { Double(text) }

    private static func isValid(_ text: String) -> Bool {
        var rest = Substring(text)
        if rest.first == "-" { rest.removeFirst() }
        let whole = rest.prefix(while: { $0.isASCII && $0.isNumber })
        guard !whole.isEmpty, whole.count == 1 || whole.first != "0" else { return false }
        rest = rest.dropFirst(whole.count)
        if rest.first == "." {
            rest.removeFirst()
            let fraction = rest.prefix(while: { $0.isASCII && $0.isNumber })
            guard !fraction.isEmpty else { return false }
            rest = rest.dropFirst(fraction.count)
        }
        if rest.first == "e" || rest.first == "E" {
            rest.removeFirst()
            if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
            let exponent = rest.prefix(while: { $0.isASCII && $0.isNumber })
            guard !exponent.isEmpty else { return false }
            rest = rest.dropFirst(exponent.count)
        }
        return rest.isEmpty
    }
}

/// A JSON object that keeps the order of its keys.
public struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// The members in order. A key that occurs twice keeps its last value at its first place.
    public private(set) var members: [Member]

    /// One key with its value.
    public struct Member: Hashable, Sendable {
        /// The key.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Creates a member.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Creates an object from members in order.
    public init(_ members: [Member] = []) {
        self.members = []
        self.members.reserveCapacity(members.count)
        if members.count < 16 {
            for member in members { self[member.key] = member.value }
        } else {
            var places: [String: Int] = [:]
            for member in members {
                if let place = places[member.key] {
                    self.members[place].value = member.value
                } else {
                    places[member.key] = self.members.count
                    self.members.append(member)
                }
            }
        }
    }

    /// Creates an object from a literal.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member($0.0, $0.1) })
    }

    /// Creates an object from a dictionary, its keys sorted.
    public init(_ values: [String: JSONValue]) {
        members = values.sorted { $0.key < $1.key }.map { Member($0.key, $0.value) }
    }

    /// Reads, sets or (with nil) removes the value of a key.
    public subscript(key: String) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            if let place = members.firstIndex(where: { $0.key == key }) {
                if let newValue { members[place].value = newValue } else { members.remove(at: place) }
            } else if let newValue {
                members.append(Member(key, newValue))
            }
        }
    }

    /// The keys in order.
    public var keys: [String] { members.map(\.key) }

    /// The number of members.
    public var count: Int { members.count }
}

extension JSONValue {
    /// The member of an object; nil if this is no object or has no such key.
    public subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// The element of an array; nil if this is no array or is shorter.
    public subscript(index: Int) -> JSONValue? {
        if case .array(let array) = self, array.indices.contains(index) { array[index] } else { nil }
    }

    /// The string, if this is one.
    public var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The Boolean, if this is one.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The number, if this is one.
    public var number: JSONNumber? { if case .number(let value) = self { value } else { nil } }

    /// The array, if this is one.
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The object, if this is one.
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// Whether this is `null`.
    public var isNull: Bool { self == .null }

    /// An id that platforms write as a string or as a number: its text, exactly.
    public var idText: String? { string ?? number?.text }

    /// The integer, if this is a whole number that fits, or a string that holds one.
    public var int64: Int64? { number?.int64 ?? string.flatMap { Int64($0) } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// Creates a string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Creates a Boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Creates a number.
    public init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
    /// Creates an array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Creates an object.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member($0.0, $0.1) }))
    }
    /// Creates `null`.
    public init(nilLiteral: ()) { self = .null }
}
