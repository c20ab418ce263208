// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Writes a record as JSON text, as `JSONEncoder` would with sorted keys, unescaped slashes and dates in milliseconds.
///
/// It writes straight into one buffer, while Foundation's encoder first builds a tree; that is most of what storing a
/// record costs. An array or object stays open until something is written outside of it.
final class RecordWriter {
    private var text = Text()

    /// Returns the text of a record.
    static func bytes(of value: some Encodable) throws -> [UInt8] {
        let writer = RecordWriter()
        try writer.write(value)
        return writer.text.bytes
    }

    /// Writes a value where one is awaited.
    @inline(__always)
    private func write<Value: Encodable>(_ value: Value) throws {
        if Value.self == String.self, let string = value as? String {
            JSONWriter.append(string, to: &text.bytes)
        } else if Value.self == Bool.self, let flag = value as? Bool {
            text.append(flag ? "true" : "false")
        } else if Value.self == Int.self, let number = value as? Int {
            text.append(Int64(number))
        } else {
            try writeOther(value)
        }
    }

    private func writeOther<Value: Encodable>(_ value: Value) throws {
        if Value.self == UInt64.self, let number = value as? UInt64 {
            text.append(number)
        } else if Value.self == Int64.self, let number = value as? Int64 {
            text.append(number)
        } else if Value.self == Date.self, let date = value as? Date {
            text.append(date.milliseconds)
        } else if Value.self == Data.self, let data = value as? Data {
            JSONWriter.append(data.base64EncodedString(), to: &text.bytes)
        } else if Value.self == URL.self, let url = value as? URL {
            JSONWriter.append(url.absoluteString, to: &text.bytes)
        } else if RecordCoding.isInteger(Value.self) {
            text.append("\(value)")
        } else if Value.self == Double.self, let number = value as? Double, number.isFinite {
            text.append(number.description)
        } else if Value.self == Double.self || Value.self == Float.self || Value.self == Decimal.self {
            throw unwritable(value, "Of fractions, only finite doubles are stored.")
        } else {
            let (depth, start) = (text.levels.count, text.bytes.count)
            try value.encode(to: Encoding(writer: self))
            text.close(downTo: depth)
            guard text.bytes.count > start else { throw unwritable(value, "It wrote nothing.") }
        }
    }

    private func writeNull() {
        text.append("null")
    }

    private func unwritable(_ value: Any, _ reason: String) -> EncodingError {
        EncodingError.invalidValue(value, EncodingError.Context(codingPath: [], debugDescription: reason))
    }
}

// MARK: - Arrays and objects

extension RecordWriter {
    /// The text so far, and what is open in it.
    private struct Text {
        struct Level {
            var isObject: Bool
            var isEmpty = true
            /// Where this object's first member stands in `members`.
            var firstMember: Int
            var isSorted = true
        }

        struct Member {
            var start: Int
            var keyEnd: Int
        }

        var bytes: [UInt8] = []
        var levels: [Level] = []
        private var members: [Member] = []

        init() {
            bytes.reserveCapacity(1024)
            levels.reserveCapacity(8)
            members.reserveCapacity(32)
        }

        mutating func append(_ token: String) {
            bytes.append(contentsOf: token.utf8)
        }

        mutating func append(_ number: Int64) {
            if number < 0 { bytes.append(UInt8(ascii: "-")) }
            append(number.magnitude)
        }

        mutating func append(_ number: UInt64) {
            let start = bytes.count
            var rest = number
            repeat {
                bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            } while rest > 0
            bytes[start...].reverse()
        }

        /// Opens an array or object where a value is awaited, and returns its depth.
        mutating func open(isObject: Bool) -> Int {
            bytes.append(UInt8(ascii: isObject ? "{" : "["))
            levels.append(Level(isObject: isObject, firstMember: members.count))
            return levels.count
        }

        /// Prepares the place of an array's next element.
        mutating func element(at depth: Int) {
            close(downTo: depth)
            if !levels[depth - 1].isEmpty { bytes.append(UInt8(ascii: ",")) }
            levels[depth - 1].isEmpty = false
        }

        /// Writes the key of an object's next member and prepares the place of its value.
        mutating func member(_ key: String, at depth: Int) {
            element(at: depth)
            let start = bytes.count
            JSONWriter.append(key, to: &bytes)
            let member = Member(start: start, keyEnd: bytes.count)
            if levels[depth - 1].isSorted, members.count > levels[depth - 1].firstMember {
                levels[depth - 1].isSorted = precedes(members[members.count - 1], member)
            }
            members.append(member)
            bytes.append(UInt8(ascii: ":"))
        }

        /// Closes what was opened inside a level and is still open.
        mutating func close(downTo depth: Int) {
            while levels.count > depth {
                let level = levels.removeLast()
                guard level.isObject else {
                    bytes.append(UInt8(ascii: "]"))
                    continue
                }
                if !level.isSorted { sort(from: level.firstMember) }
                members.removeLast(members.count - level.firstMember)
                bytes.append(UInt8(ascii: "}"))
            }
        }

        /// Puts the last members into the order of their keys.
        private mutating func sort(from first: Int) {
            let start = members[first].start
            let order = (first..<members.count).sorted { precedes(members[$0], members[$1]) }
            var sorted: [UInt8] = []
            sorted.reserveCapacity(bytes.count - start)
            for place in order {
                let end = place + 1 < members.count ? members[place + 1].start - 1 : bytes.count
                if !sorted.isEmpty { sorted.append(UInt8(ascii: ",")) }
                sorted.append(contentsOf: bytes[members[place].start..<end])
            }
            bytes.replaceSubrange(start..., with: sorted)
        }

        /// Compares two keys by their bytes, between their quotes: the shorter of two that begin alike comes first.
        private func precedes(_ left: Member, _ right: Member) -> Bool {
            var (mine, other) = (left.start + 1, right.start + 1)
            while mine < left.keyEnd - 1, other < right.keyEnd - 1 {
                guard bytes[mine] == bytes[other] else { return bytes[mine] < bytes[other] }
                mine += 1
                other += 1
            }
            return mine == left.keyEnd - 1 && other < right.keyEnd - 1
        }
    }
}

// MARK: - What `Encodable` asks for

extension RecordWriter {
    private struct Encoding: Encoder {
        let writer: RecordWriter
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            KeyedEncodingContainer(Keyed(writer: writer, depth: writer.text.open(isObject: true)))
        }

        func unkeyedContainer() -> any UnkeyedEncodingContainer {
            Unkeyed(writer: writer, depth: writer.text.open(isObject: false))
        }

        func singleValueContainer() -> any SingleValueEncodingContainer { Single(writer: writer) }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let writer: RecordWriter
        let depth: Int
        var codingPath: [any CodingKey] { [] }

        func encodeNil(forKey key: Key) {
            writer.text.member(key.stringValue, at: depth)
            writer.writeNull()
        }

        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            writer.text.member(key.stringValue, at: depth)
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
            writer.text.member(key, at: depth)
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
            writer.text.element(at: depth)
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
