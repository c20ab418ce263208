// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value that has a place in the text of a stored record.
///
/// `Codable` defines the text, as `JSONEncoder` writes it with sorted keys and dates in milliseconds, and is enough. What
/// is written for every event also writes and reads itself, the same text in a fraction of the time.
protocol StoredValue: Codable, Sendable {
    /// Writes the value.
    func write(to text: inout RecordText) throws
    /// Reads what ``write(to:)`` wrote.
    init(reading value: JSONValue) throws
}

extension StoredValue {
    func write(to text: inout RecordText) throws {
        text.append(try RecordWriter.bytes(of: self))
    }

    init(reading value: JSONValue) throws {
        self = try RecordReader.value(Self.self, of: value)
    }
}

/// The JSON text of a record, written from its front to its end.
///
/// Every member and element ends with a comma, and the last comma makes way for the bracket that closes.
struct RecordText {
    private(set) var bytes: [UInt8] = []

    init() {
        // With an array's head this is a kilobyte: allocators keep blocks of up to that size at hand.
        bytes.reserveCapacity(992)
    }

    /// Appends text that needs no quotes and no escapes.
    mutating func append(_ text: some Sequence<UInt8>) {
        bytes.append(contentsOf: text)
    }

    /// Appends a string in quotes that has nothing to be escaped.
    mutating func append(quoted text: some Sequence<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: text)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends a string.
    mutating func append(_ string: String) {
        JSONWriter.append(string, to: &bytes)
    }

    /// Appends an integer.
    mutating func append(_ number: some FixedWidthInteger) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = UInt64(number.magnitude)
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// Writes an object; its members must be written in the order of their keys' bytes.
    mutating func object(_ members: (inout RecordText) throws -> Void) rethrows {
        bytes.append(UInt8(ascii: "{"))
        try members(&self)
        close(with: UInt8(ascii: "}"))
    }

    /// Writes an array.
    mutating func array(_ elements: (inout RecordText) throws -> Void) rethrows {
        bytes.append(UInt8(ascii: "["))
        try elements(&self)
        close(with: UInt8(ascii: "]"))
    }

    /// Writes a member of an object.
    mutating func member(_ key: String, _ value: some StoredValue) throws {
        try member(key) { try value.write(to: &$0) }
    }

    /// Writes a member of an object; nil is left out.
    mutating func member(_ key: String, _ value: (some StoredValue)?) throws {
        if let value { try member(key, value) }
    }

    /// Writes a member of an object.
    mutating func member(_ key: String, _ value: (inout RecordText) throws -> Void) rethrows {
        append(key)
        bytes.append(UInt8(ascii: ":"))
        try value(&self)
        bytes.append(UInt8(ascii: ","))
    }

    /// Writes an element of an array.
    mutating func element(_ value: some StoredValue) throws {
        try value.write(to: &self)
        bytes.append(UInt8(ascii: ","))
    }

    private mutating func close(with bracket: UInt8) {
        if bytes.last == UInt8(ascii: ",") { bytes[bytes.count - 1] = bracket } else { bytes.append(bracket) }
    }
}

/// The members of an object in the text of a record.
struct RecordMembers {
    private let members: [JSONObject.Member]

    /// Takes an object's members.
    init(of value: JSONValue) throws {
        guard let object = value.object else { throw RecordReader.mismatch(JSONObject.self) }
        members = object.members
    }

    /// Reads a member.
    func read<Value: StoredValue>(_ key: String) throws -> Value {
        guard let value = self[key] else { throw RecordReader.missing(key) }
        return try Value(reading: value)
    }

    /// Reads a member; nil if it is not there or null.
    func readIfPresent<Value: StoredValue>(_ key: String) throws -> Value? {
        guard let value = self[key], !value.isNull else { return nil }
        return try Value(reading: value)
    }

    /// The value of a member.
    subscript(key: String) -> JSONValue? {
        members.first { $0.key == key }?.value
    }
}

// MARK: - What records are made of

extension String: StoredValue {
    func write(to text: inout RecordText) { text.append(self) }
    init(reading value: JSONValue) throws { self = try value.string.orMismatch() }
}

extension Bool: StoredValue {
    func write(to text: inout RecordText) { text.append(self ? "true".utf8 : "false".utf8) }
    init(reading value: JSONValue) throws { self = try value.bool.orMismatch() }
}

extension StoredValue where Self: FixedWidthInteger {
    func write(to text: inout RecordText) { text.append(self) }
    init(reading value: JSONValue) throws { self = try value.number.flatMap { Self($0.text) }.orMismatch() }
}

extension Int: StoredValue {}
extension Int32: StoredValue {}
extension Int64: StoredValue {}
extension UInt8: StoredValue {}
extension UInt32: StoredValue {}
extension UInt64: StoredValue {}

extension Date: StoredValue {
    func write(to text: inout RecordText) { text.append(milliseconds) }
    init(reading value: JSONValue) throws { self.init(milliseconds: try Int64(reading: value)) }
}

extension Data: StoredValue {
    func write(to text: inout RecordText) { text.append(quoted: base64EncodedString().utf8) }
    init(reading value: JSONValue) throws {
        self = try value.string.flatMap { Data(base64Encoded: $0) }.orMismatch()
    }
}

extension UUID: StoredValue {
    func write(to text: inout RecordText) { text.append(quoted: uuidString.utf8) }
    init(reading value: JSONValue) throws { self = try value.string.flatMap { UUID(uuidString: $0) }.orMismatch() }
}

extension StoredValue where Self: RawRepresentable, RawValue == String {
    func write(to text: inout RecordText) { text.append(rawValue) }
    init(reading value: JSONValue) throws { self = try Self(rawValue: String(reading: value)).orMismatch() }
}

extension RecordKind: StoredValue {}
extension FieldName: StoredValue {}

extension Array: StoredValue where Element: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.array { for element in self { try $0.element(element) } }
    }

    init(reading value: JSONValue) throws {
        self = try value.array.orMismatch().map { try Element(reading: $0) }
    }
}

extension Set: StoredValue where Element: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.array { for element in self { try $0.element(element) } }
    }

    init(reading value: JSONValue) throws {
        self = Set(try [Element](reading: value))
    }
}

extension Dictionary: StoredValue where Key == FieldName, Value: StoredValue {
    func write(to text: inout RecordText) throws {
        let members = sorted { $0.key.rawValue.compareBytes(to: $1.key.rawValue) < 0 }
        try text.object { for member in members { try $0.member(member.key.rawValue, member.value) } }
    }

    init(reading value: JSONValue) throws {
        self.init()
        for member in try value.object.orMismatch().members {
            self[FieldName(member.key)] = try Value(reading: member.value)
        }
    }
}

extension Optional {
    /// The value, where the text of a record must have one.
    func orMismatch() throws -> Wrapped {
        guard let self else { throw RecordReader.mismatch(Wrapped.self) }
        return self
    }
}
