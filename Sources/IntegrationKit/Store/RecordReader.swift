// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads a record from the JSON text that ``RecordWriter`` wrote.
struct RecordReader {
    private let value: JSONValue

    /// Returns the record that a text holds.
    static func value<Value: Decodable>(_ type: Value.Type, of value: JSONValue) throws -> Value {
        try RecordReader(value: value).read(type)
    }

    @inline(__always)
    private func read<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == String.self {
            return try cast(value.string)
        } else if type == Bool.self {
            return try cast(value.bool)
        } else if type == Int.self {
            return try cast(value.number.flatMap { Int($0.text) })
        } else {
            return try readOther(type)
        }
    }

    private func readOther<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == Date.self {
            try cast(value.number?.int64.map { Date(milliseconds: $0) })
        } else if type == Data.self {
            try cast(value.string.flatMap { Data(base64Encoded: $0) })
        } else if type == URL.self {
            try cast(value.string.flatMap { URL(string: $0) })
        } else if type == Double.self {
            try cast(value.number?.double)
        } else if RecordCoding.isInteger(type), let type = type as? any FixedWidthInteger.Type {
            try cast(value.number.flatMap { type.init($0.text) as Any? })
        } else if type == Float.self {
            throw RecordReader.mismatch(type)
        } else {
            try Value(from: self)
        }
    }

    @inline(__always)
    private func cast<Found, Value>(_ found: Found?) throws -> Value {
        guard let found = found as? Value else { throw RecordReader.mismatch(Value.self) }
        return found
    }

    /// The error where a value of another type stands.
    static func mismatch(_ type: Any.Type) -> DecodingError {
        DecodingError.typeMismatch(
            type,
            DecodingError.Context(codingPath: [], debugDescription: "Another type stands there.")
        )
    }

    /// The error where a member is not there.
    static func missing(_ key: String) -> DecodingError {
        DecodingError.valueNotFound(
            JSONValue.self,
            DecodingError.Context(codingPath: [], debugDescription: "There is no member \(key).")
        )
    }
}

extension RecordReader: Decoder {
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let object = value.object else { throw RecordReader.mismatch(JSONObject.self) }
        return KeyedDecodingContainer(Keyed(object: object))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.array else { throw RecordReader.mismatch([JSONValue].self) }
        return Unkeyed(elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(reader: self) }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let object: JSONObject
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { object.members.compactMap { Key(stringValue: $0.key) } }

        func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }

        func decodeNil(forKey key: Key) throws -> Bool { try reader(of: key).isNull }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try reader(of: key).read(type)
        }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
            -> KeyedDecodingContainer<Nested>
        {
            try reader(of: key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try reader(of: key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { RecordReader(value: object["super"] ?? .null) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try reader(of: key) }

        private func reader(of key: Key) throws -> RecordReader {
            guard let value = object[key.stringValue] else { throw RecordReader.missing(key.stringValue) }
            return RecordReader(value: value)
        }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        private(set) var currentIndex = 0
        var codingPath: [any CodingKey] { [] }
        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        init(elements: [JSONValue]) {
            self.elements = elements
        }

        mutating func decodeNil() throws -> Bool {
            guard try peek().isNull else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let value = try peek().read(type)
            currentIndex += 1
            return value
        }

        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
            -> KeyedDecodingContainer<Nested>
        {
            try superDecoder().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try superDecoder().unkeyedContainer()
        }

        mutating func superDecoder() throws -> any Decoder {
            defer { currentIndex += 1 }
            return try peek()
        }

        private func peek() throws -> RecordReader {
            guard !isAtEnd else { throw RecordReader.mismatch(JSONValue.self) }
            return RecordReader(value: elements[currentIndex])
        }
    }

    private struct Single: SingleValueDecodingContainer {
        let reader: RecordReader
        var codingPath: [any CodingKey] { [] }

        func decodeNil() -> Bool { reader.isNull }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try reader.read(type) }
    }

    private var isNull: Bool { value.isNull }
}
