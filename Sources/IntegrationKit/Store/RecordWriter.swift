// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Writes a record as JSON text, as `JSONEncoder` would with sorted keys, unescaped slashes and dates in milliseconds.
///
/// It writes straight into one buffer, while Foundation's encoder first builds a tree; that is most of what storing a
/// record costs. An array or object stays open until something is written outside of it.
final class RecordWriter {
    private struct Level {
        var isObject: Bool
        var isEmpty = true
        /// Where this object's first member stands in `members`.
        var firstMember: Int
        var isSorted = true
    }

    private struct Member {
        var start: Int
        var keyEnd: Int
    }

    private var bytes: [UInt8] = []
    private var levels: [Level] = []
    private var members: [Member] = []

    /// Returns the text of a record.
    static func data(of value: some Encodable) throws -> Data {
        let writer = RecordWriter()
        writer.bytes.reserveCapacity(1024)
        try writer.write(value)
        return Data(writer.bytes)
    }

    // MARK: - Values

    /// Writes a value where one is awaited.
    @inline(__always)
    fileprivate func write<Value: Encodable>(_ value: Value) throws {
        if Value.self == String.self, let text = value as? String {
            JSONWriter.append(text, to: &bytes)
        } else if Value.self == Bool.self, let flag = value as? Bool {
            bytes.append(contentsOf: flag ? "true".utf8 : "false".utf8)
        } else if Value.self == Int.self, let number = value as? Int {
            bytes.append(contentsOf: String(number).utf8)
        } else {
            try writeOther(value)
        }
    }

    private func writeOther<Value: Encodable>(_ value: Value) throws {
        if Value.self == Date.self, let date = value as? Date {
            bytes.append(contentsOf: String(date.milliseconds).utf8)
        } else if Value.self == Data.self, let data = value as? Data {
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: data.base64EncodedData())
            bytes.append(UInt8(ascii: "\""))
        } else if Value.self == URL.self, let url = value as? URL {
            JSONWriter.append(url.absoluteString, to: &bytes)
        } else if RecordCoding.isInteger(Value.self) {
            bytes.append(contentsOf: "\(value)".utf8)
        } else if Value.self == Double.self, let number = value as? Double, number.isFinite {
            bytes.append(contentsOf: number.description.utf8)
        } else if Value.self == Double.self || Value.self == Float.self || Value.self == Decimal.self {
            throw unwritable(value, "Of fractions, only finite doubles are stored.")
        } else {
            let (depth, start) = (levels.count, bytes.count)
            try value.encode(to: Encoding(writer: self))
            close(downTo: depth)
            guard bytes.count > start else { throw unwritable(value, "It wrote nothing.") }
        }
    }

    fileprivate func writeNull() {
        bytes.append(contentsOf: "null".utf8)
    }

    private func unwritable(_ value: Any, _ reason: String) -> EncodingError {
        EncodingError.invalidValue(value, EncodingError.Context(codingPath: [], debugDescription: reason))
    }

    // MARK: - Arrays and objects

    /// Opens an array or object where a value is awaited, and returns its depth.
    fileprivate func open(isObject: Bool) -> Int {
        bytes.append(UInt8(ascii: isObject ? "{" : "["))
        levels.append(Level(isObject: isObject, firstMember: members.count))
        return levels.count
    }

    /// Prepares the place of an array's next element.
    fileprivate func element(at depth: Int) {
        close(downTo: depth)
        if !levels[depth - 1].isEmpty { bytes.append(UInt8(ascii: ",")) }
        levels[depth - 1].isEmpty = false
    }

    /// Writes the key of an object's next member and prepares the place of its value.
    fileprivate func member(_ key: String, at depth: Int) {
        element(at: depth)
        let start = bytes.count
        JSONWriter.append(key, to: &bytes)
        if members.count > levels[depth - 1].firstMember, let last = members.last,
            !precedes(last.start..<last.keyEnd, start..<bytes.count)
        {
            levels[depth - 1].isSorted = false
        }
        members.append(Member(start: start, keyEnd: bytes.count))
        bytes.append(UInt8(ascii: ":"))
    }

    /// Closes what was opened inside a level and is still open.
    private func close(downTo depth: Int) {
        while levels.count > depth {
            let level = levels.removeLast()
            guard level.isObject else {
                bytes.append(UInt8(ascii: "]"))
                continue
            }
            if !level.isSorted { sort(from: level.firstMember) }
            members.removeSubrange(level.firstMember...)
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// Puts the last members into the order of their keys.
    private func sort(from first: Int) {
        let start = members[first].start
        var parts: [(key: Range<Int>, all: Range<Int>)] = []
        parts.reserveCapacity(members.count - first)
        for place in first..<members.count {
            let end = place + 1 < members.count ? members[place + 1].start - 1 : bytes.count
            parts.append((members[place].start..<members[place].keyEnd, members[place].start..<end))
        }
        parts.sort { precedes($0.key, $1.key) }
        var sorted: [UInt8] = []
        sorted.reserveCapacity(bytes.count - start)
        for part in parts {
            if !sorted.isEmpty { sorted.append(UInt8(ascii: ",")) }
            sorted.append(contentsOf: bytes[part.all])
        }
        bytes.replaceSubrange(start..., with: sorted)
    }

    private func precedes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        // Without the quotes that end them, the shorter of two keys comes first.
        bytes[left].dropLast().lexicographicallyPrecedes(bytes[right].dropLast())
    }
}

// MARK: - What `Encodable` asks for

extension RecordWriter {
    private struct Encoding: Encoder {
        let writer: RecordWriter
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            KeyedEncodingContainer(Keyed(writer: writer, depth: writer.open(isObject: true)))
        }

        func unkeyedContainer() -> any UnkeyedEncodingContainer {
            Unkeyed(writer: writer, depth: writer.open(isObject: false))
        }

        func singleValueContainer() -> any SingleValueEncodingContainer { Single(writer: writer) }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let writer: RecordWriter
        let depth: Int
        var codingPath: [any CodingKey] { [] }

        func encodeNil(forKey key: Key) {
            writer.member(key.stringValue, at: depth)
            writer.writeNull()
        }

        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            writer.member(key.stringValue, at: depth)
            try writer.write(value)
        }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
            -> KeyedEncodingContainer<Nested>
        {
            encoder(forKey: key.stringValue).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            encoder(forKey: key.stringValue).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { encoder(forKey: "super") }
        func superEncoder(forKey key: Key) -> any Encoder { encoder(forKey: key.stringValue) }

        private func encoder(forKey key: String) -> Encoding {
            writer.member(key, at: depth)
            return Encoding(writer: writer)
        }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let writer: RecordWriter
        let depth: Int
        private(set) var count = 0
        var codingPath: [any CodingKey] { [] }

        init(writer: RecordWriter, depth: Int) {
            self.writer = writer
            self.depth = depth
        }

        mutating func encodeNil() {
            next()
            writer.writeNull()
        }

        mutating func encode<Value: Encodable>(_ value: Value) throws {
            next()
            try writer.write(value)
        }

        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            superEncoder().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { superEncoder().unkeyedContainer() }

        mutating func superEncoder() -> any Encoder {
            next()
            return Encoding(writer: writer)
        }

        private mutating func next() {
            writer.element(at: depth)
            count += 1
        }
    }

    private struct Single: SingleValueEncodingContainer {
        let writer: RecordWriter
        var codingPath: [any CodingKey] { [] }

        func encodeNil() { writer.writeNull() }
        func encode<Value: Encodable>(_ value: Value) throws { try writer.write(value) }
    }
}
