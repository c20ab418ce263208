// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A line of every file of the store: checksum, length, JSON.
///
/// `crc32c(8 hex) SP length(7 digits) SP json LF`; the checksum covers the length and the JSON, so that `cut -c18-` leaves
/// plain JSON lines.
enum StoreLine {
    /// The bytes before the JSON.
    static let prefix = 17
    /// The longest JSON that a line can hold.
    static let longest = 9_999_999

    /// Begins a line: leaves room for what is only known at its end.
    static func begin(in bytes: inout [UInt8]) {
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: prefix))
    }

    /// Ends the line that began at a place; its JSON must not be longer than ``longest``.
    static func end(in bytes: inout [UInt8], from start: Int) {
        var length = bytes.count - start - prefix
        for place in (start + 9..<start + 16).reversed() {
            bytes[place] = UInt8(ascii: "0") + UInt8(length % 10)
            length /= 10
        }
        var sum = CRC32C.checksum(bytes, start + 9..<bytes.count)
        for place in (start..<start + 8).reversed() {
            let digit = UInt8(sum & 15)
            bytes[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            sum >>= 4
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Returns a whole line.
    static func make(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        begin(in: &bytes)
        write(&bytes)
        end(in: &bytes, from: 0)
        return bytes
    }

    /// Returns the length of the JSON of the line that begins at a place; nil if none can begin there.
    static func length(in bytes: [UInt8], at start: Int) -> Int? {
        guard start + prefix <= bytes.count, bytes[start + 8] == UInt8(ascii: " "),
            bytes[start + 16] == UInt8(ascii: " ")
        else { return nil }
        var length = 0
        for place in start + 9..<start + 16 {
            guard bytes[place] &- UInt8(ascii: "0") < 10 else { return nil }
            length = length * 10 + Int(bytes[place] - UInt8(ascii: "0"))
        }
        return length
    }

    /// Whether a whole line with JSON of a length stands at a place, undamaged.
    static func isValid(in bytes: [UInt8], at start: Int, length: Int) -> Bool {
        let end = start + prefix + length
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\n") else { return false }
        var sum: UInt32 = 0
        for place in start..<start + 8 {
            switch bytes[place] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): sum = sum << 4 | UInt32(bytes[place] - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): sum = sum << 4 | UInt32(bytes[place] - UInt8(ascii: "a") + 10)
            default: return false
            }
        }
        return CRC32C.checksum(bytes, start + 9..<end) == sum
    }
}

/// Goes through the lines of a file, reading each byte once.
struct StoreLineReader {
    /// A line.
    struct Line {
        /// Where it begins in the file.
        var offset: Int
        /// Which of the file's lines it is, from 1.
        var number: Int
        /// Bytes among which it stands.
        var bytes: [UInt8]
        /// Where its JSON stands among them.
        var json: Range<Int>

        /// Where the JSON begins in the file.
        var jsonOffset: Int { offset + StoreLine.prefix }
        /// Where the line ends in the file.
        var end: Int { offset + StoreLine.prefix + json.count + 1 }
    }

    private static let block = 1 << 20
    private let file: any StoreFile
    private let limit: Int
    private var bytes: [UInt8] = []
    private var place = 0
    private var number = 0
    /// Where the next line begins.
    private(set) var offset = 0

    /// Reads a file up to a place.
    init(_ file: any StoreFile, upTo limit: Int) {
        self.file = file
        self.limit = limit
    }

    /// Whether all was read.
    var isAtEnd: Bool { offset >= limit }

    /// Which of the file's lines the next one is, from 1.
    var nextNumber: Int { number + 1 }

    /// Returns the next line; nil at the end and where damage begins.
    mutating func next() throws -> Line? {
        guard try fill(StoreLine.prefix), let length = StoreLine.length(in: bytes, at: place),
            try fill(StoreLine.prefix + length + 1), StoreLine.isValid(in: bytes, at: place, length: length)
        else { return nil }
        number += 1
        let start = place + StoreLine.prefix
        let line = Line(offset: offset, number: number, bytes: bytes, json: start..<start + length)
        place = start + length + 1
        offset = line.end
        return line
    }

    /// Goes one byte on, to look for a line behind damage.
    mutating func skipByte() throws {
        guard try fill(1) else { return }
        place += 1
        offset += 1
    }

    /// Sees to it that so many bytes are there behind the place.
    private mutating func fill(_ count: Int) throws -> Bool {
        if bytes.count - place >= count { return true }
        guard offset + count <= limit else { return false }
        let missing = min(limit - offset, max(count, Self.block)) - (bytes.count - place)
        let more = try file.read(at: offset + bytes.count - place, count: missing)
        bytes = Array(bytes[place...]) + more
        place = 0
        return bytes.count >= count
    }
}
