// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads the JSON of a line from left to right, in the order in which it was written.
struct JSONCursor {
    /// The JSON is not what the format says, although its checksum is right.
    struct Malformed: Error {}

    private let bytes: [UInt8]
    private let end: Int
    /// Where the cursor stands.
    private(set) var place: Int

    /// Reads a range of bytes.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.place = range.lowerBound
        self.end = range.upperBound
    }

    /// Whether all was read.
    var isAtEnd: Bool { place == end }

    /// The next byte; 0 at the end.
    private var byte: UInt8 { place < end ? bytes[place] : 0 }

    /// Takes a text that must stand here.
    mutating func take(_ text: StaticString) throws(Malformed) {
        guard takeIf(text) else { throw Malformed() }
    }

    /// Takes a text if it stands here.
    mutating func takeIf(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard place + count <= end else { return false }
        for offset in 0..<count where unsafe bytes[place + offset] != text.utf8Start[offset] { return false }
        place += count
        return true
    }

    /// Takes the elements of an array.
    mutating func array(_ element: (inout JSONCursor) throws -> Void) throws {
        try take("[")
        if takeIf("]") { return }
        repeat { try element(&self) } while takeIf(",")
        try take("]")
    }

    /// Takes an integer.
    mutating func integer() throws(Malformed) -> Int64 {
        let isNegative = takeIf("-")
        let start = place
        var value: Int64 = 0
        while byte &- UInt8(ascii: "0") < 10 {
            let digit = Int64(byte &- UInt8(ascii: "0"))
            let (tens, isTooLong) = value.multipliedReportingOverflow(by: 10)
            let (sum, isTooLarge) = tens.subtractingReportingOverflow(digit)
            if isTooLong || isTooLarge { throw Malformed() }
            value = sum
            place += 1
        }
        // Counted downwards, since the lowest number has no positive counterpart.
        guard place > start, isNegative || value > .min else { throw Malformed() }
        return isNegative ? value : -value
    }

    /// Takes an integer or null.
    mutating func optionalInteger() throws(Malformed) -> Int64? {
        takeIf("null") ? nil : try integer()
    }

    /// Takes an identifier.
    mutating func uuid() throws(Malformed) -> UUID {
        guard let id = UUID(uuidString: try string()) else { throw Malformed() }
        return id
    }

    /// Takes a string or null.
    mutating func optionalString() throws(Malformed) -> String? {
        takeIf("null") ? nil : try string()
    }

    /// Takes a string.
    mutating func string() throws(Malformed) -> String {
        let (range, isPlain) = try quoted()
        return isPlain ? String(decoding: bytes[range], as: UTF8.self) : try text(in: range)
    }

    /// Takes a string and appends its bytes; returns where they stand.
    mutating func string(to other: inout [UInt8]) throws(Malformed) -> Range<Int> {
        let (range, isPlain) = try quoted()
        let start = other.count
        if isPlain {
            other.append(contentsOf: bytes[range])
        } else {
            other.append(contentsOf: try text(in: range).utf8)
        }
        return start..<other.count
    }

    private func text(in range: Range<Int>) throws(Malformed) -> String {
        let json = Data(bytes[range.lowerBound - 1..<range.upperBound + 1])
        guard case .string(let text)? = try? JSONValue(parsing: json) else { throw Malformed() }
        return text
    }

    /// Goes over a string; returns what stands between its quotes, and whether it stands for itself.
    private mutating func quoted() throws(Malformed) -> (Range<Int>, isPlain: Bool) {
        try take("\"")
        let (start, end) = (place, end)
        var isPlain = true
        let close = unsafe bytes.withUnsafeBytes { bytes in
            var place = start
            while place < end {
                if place + 8 <= end {
                    let word = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    let plain = Self.plainBytes(UInt64(littleEndian: word))
                    place += plain
                    if plain == 8 { continue }
                }
                let byte = unsafe bytes[place]
                if byte == UInt8(ascii: "\"") || byte < 0x20 { break }
                if byte == UInt8(ascii: "\\") {
                    isPlain = false
                    place += 1
                }
                place += 1
            }
            return place
        }
        guard close < end, bytes[close] == UInt8(ascii: "\"") else { throw Malformed() }
        place = close + 1
        return (start..<close, isPlain)
    }

    /// Counts the bytes before the first quote, backslash or control character, looking at eight at once.
    @inline(__always)
    private static func plainBytes(_ word: UInt64) -> Int {
        let (ones, highs) = (0x0101_0101_0101_0101 as UInt64, 0x8080_8080_8080_8080 as UInt64)
        let quotes = word ^ ones &* 0x22
        let backslashes = word ^ ones &* 0x5c
        // A byte that is zero, or below 0x20, borrows into its highest bit; what is above the first one does not count.
        let found =
            (word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
        return (found & highs).trailingZeroBitCount / 8
    }

    /// Goes over all that is left.
    mutating func skipToEnd() {
        place = end
    }

    /// Goes over a value and returns where it stands.
    mutating func skipValue(depth: Int = 0) throws -> Range<Int> {
        let start = place
        switch byte {
        case UInt8(ascii: "\""): _ = try quoted()
        case UInt8(ascii: "["):
            guard depth < 256 else { throw Malformed() }
            try array { _ = try $0.skipValue(depth: depth + 1) }
        case UInt8(ascii: "{"):
            guard depth < 256 else { throw Malformed() }
            place += 1
            if takeIf("}") { break }
            repeat {
                _ = try quoted()
                try take(":")
                _ = try skipValue(depth: depth + 1)
            } while takeIf(",")
            try take("}")
        case UInt8(ascii: "t"): try take("true")
        case UInt8(ascii: "f"): try take("false")
        case UInt8(ascii: "n"): try take("null")
        default:
            let isNumber = { (byte: UInt8) in
                byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
                    || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
            }
            while isNumber(byte) { place += 1 }
            guard place > start else { throw Malformed() }
        }
        return start..<place
    }
}

extension [UInt8] {
    /// Appends a string as it is.
    mutating func append(text: String) {
        append(contentsOf: text.utf8)
    }

    /// Appends a string as JSON; nil as null.
    mutating func append(json string: String?) {
        guard let string else { return append(text: "null") }
        JSONWriter.append(string, to: &self)
    }

    /// Appends a number as JSON; nil as null.
    mutating func append(json number: Int64?) {
        guard let number else { return append(text: "null") }
        if number < 0 { append(UInt8(ascii: "-")) }
        append(digits: number.magnitude)
    }

    private mutating func append(digits number: UInt64) {
        if number >= 10 { append(digits: number / 10) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
