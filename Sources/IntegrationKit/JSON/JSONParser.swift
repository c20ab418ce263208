// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads JSON as RFC 8259 defines it, and nothing else.
///
/// A zero byte is put behind the text: it is valid nowhere, so that no read needs to ask whether the text has ended.
struct JSONParser {
    /// Why and where a text is not valid.
    struct Fault: Error {
        var reason: StaticString
        var place: Int
    }

    private let bytes: [UInt8]
    private let end: Int
    private let depth: Int
    private var place = 0
    /// Whether the strings read since it was set are ASCII without escapes.
    private var isPlain = true

    private init(_ bytes: [UInt8], depth: Int) {
        self.bytes = bytes
        self.end = bytes.count - 1
        self.depth = depth
    }

    /// Returns the value of a text.
    static func parse(_ data: Data, limits: JSONValue.Limits, skippingNoise: Bool) throws -> JSONValue {
        guard data.count <= limits.bytes else {
            throw invalid("The JSON text has \(data.count) bytes; at most \(limits.bytes) are read.", retry: .smaller)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 1)
        bytes.append(contentsOf: data)
        bytes.append(0)
        var parser = JSONParser(bytes, depth: min(limits.depth, 512))
        do {
            if skippingNoise { try parser.skipNoise() }
            return try parser.document()
        } catch {
            let (line, column) = position(of: error.place, in: bytes)
            throw invalid(
                "The text is not valid JSON at line \(line), column \(column): \(error.reason).",
                retry: .never
            )
        }
    }

    private static func invalid(_ message: String, retry: IntegrationError.RetryAdvice) -> IntegrationError {
        IntegrationError(
            .invalidAnswer,
            message,
            remedy: LocalizedText(
                "Try again later; if it stays so, contact the platform's support.",
                fr: "Réessayez plus tard ; si cela persiste, contactez l'assistance de la plateforme."
            ),
            retry: retry
        )
    }

    /// Returns the line and the column, both from 1, of a byte; a column is a Unicode scalar.
    private static func position(of place: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
        let before = bytes[..<place]
        let line = before.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return (line, bytes[start..<place].reduce(1) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 })
    }

    private func fault(_ reason: StaticString) -> Fault {
        Fault(reason: place < end ? reason : "the text ends too early", place: place)
    }

    // MARK: - Values

    private mutating func skipNoise() throws(Fault) {
        while place < end, bytes[place] != UInt8(ascii: "{"), bytes[place] != UInt8(ascii: "[") { place += 1 }
        if place == end { throw fault("no bracket") }
    }

    private mutating func document() throws(Fault) -> JSONValue {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard place == end else { throw fault("the text goes on after its value") }
        return value
    }

    @inline(__always)
    private mutating func skipSpace() {
        while true {
            let byte = bytes[place]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            place += 1
        }
    }

    private mutating func value(depth: Int) throws(Fault) -> JSONValue {
        switch bytes[place] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("no value begins here")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(Fault) -> JSONValue {
        for byte in word.utf8 {
            guard bytes[place] == byte else { throw fault("no value begins here") }
            place += 1
        }
        return value
    }

    private mutating func array(depth: Int) throws(Fault) -> [JSONValue] {
        guard depth <= self.depth else { throw fault("too many arrays and objects inside each other") }
        var elements: [JSONValue] = []
        place += 1
        skipSpace()
        if bytes[place] == UInt8(ascii: "]") {
            place += 1
            return elements
        }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            switch bytes[place] {
            case UInt8(ascii: ","):
                place += 1
                skipSpace()
            case UInt8(ascii: "]"):
                place += 1
                return elements
            default: throw fault("neither a comma nor the end of the array")
            }
        }
    }

    private mutating func object(depth: Int) throws(Fault) -> JSONObject {
        guard depth <= self.depth else { throw fault("too many arrays and objects inside each other") }
        var members: [JSONObject.Member] = []
        var seen: UInt64 = 0
        var areDistinct = true
        place += 1
        skipSpace()
        if bytes[place] == UInt8(ascii: "}") {
            place += 1
            return JSONObject(distinct: members)
        }
        members.reserveCapacity(8)
        while true {
            guard bytes[place] == UInt8(ascii: "\"") else { throw fault("no key begins here") }
            let start = place
            isPlain = true
            let key = try string()
            // Outside ASCII, unequal bytes can be equal text.
            areDistinct = areDistinct && isPlain
            if areDistinct {
                // Only keys whose length and ends share a bit have to be compared.
                let mark = (place &- start) &* 31 &+ Int(bytes[start + 1]) &* 7 &+ Int(bytes[place &- 2])
                let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: mark & 63)
                if seen & bit != 0 { areDistinct = members.count < 32 && !members.contains { $0.key == key } }
                seen |= bit
            }
            skipSpace()
            guard bytes[place] == UInt8(ascii: ":") else { throw fault("no colon after the key") }
            place += 1
            skipSpace()
            members.append(JSONObject.Member(key, try value(depth: depth)))
            skipSpace()
            switch bytes[place] {
            case UInt8(ascii: ","):
                place += 1
                skipSpace()
            case UInt8(ascii: "}"):
                place += 1
                return areDistinct ? JSONObject(distinct: members) : JSONObject(members)
            default: throw fault("neither a comma nor the end of the object")
            }
        }
    }

    // MARK: - Numbers

    private mutating func number() throws(Fault) -> JSONValue {
        guard let end = JSONParser.endOfNumber(in: bytes, from: place) else { throw fault("not a valid number") }
        defer { place = end }
        return .number(JSONNumber(checked: String(decoding: bytes[place..<end], as: UTF8.self)))
    }

    /// Returns where the number that begins at a place ends; nil if there is none.
    ///
    /// A zero byte must stand behind the text.
    static func endOfNumber(in bytes: [UInt8], from start: Int) -> Int? {
        var place = start
        if bytes[place] == UInt8(ascii: "-") { place += 1 }
        if bytes[place] == UInt8(ascii: "0") {
            place += 1
        } else {
            guard skipDigits(in: bytes, at: &place) else { return nil }
        }
        if bytes[place] == UInt8(ascii: ".") {
            place += 1
            guard skipDigits(in: bytes, at: &place) else { return nil }
        }
        if bytes[place] | 0x20 == UInt8(ascii: "e") {
            place += 1
            if bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") { place += 1 }
            guard skipDigits(in: bytes, at: &place) else { return nil }
        }
        return place
    }

    @inline(__always)
    private static func skipDigits(in bytes: [UInt8], at place: inout Int) -> Bool {
        let start = place
        while bytes[place] &- UInt8(ascii: "0") < 10 { place += 1 }
        return place > start
    }

    // MARK: - Strings

    private mutating func string() throws(Fault) -> String {
        let start = place + 1
        var end = start
        while true {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                place = end + 1
                return String(decoding: bytes[start..<end], as: UTF8.self)
            }
            if byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\\") {
                end &+= 1
                continue
            }
            place = end
            if byte == UInt8(ascii: "\\") { return try stringWithEscapes(from: start) }
            try skipPlain(byte)
            end = place
        }
    }

    /// Goes on with a string at its first escape.
    private mutating func stringWithEscapes(from start: Int) throws(Fault) -> String {
        isPlain = false
        var decoded = [UInt8](bytes[start..<place])
        while true {
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"):
                decoded.append(contentsOf: String(try escape()).utf8)
            default:
                let first = place
                try skipPlain(byte)
                decoded.append(contentsOf: bytes[first..<place])
            }
        }
    }

    /// Goes over one scalar that is neither a quote nor a backslash.
    @inline(__always)
    private mutating func skipPlain(_ byte: UInt8) throws(Fault) {
        if byte >= 0x80 {
            try skipMultibyteScalar(byte)
        } else if byte >= 0x20 {
            place += 1
        } else {
            throw fault("a control character inside a string")
        }
    }

    private mutating func skipMultibyteScalar(_ lead: UInt8) throws(Fault) {
        isPlain = false
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw fault("not valid UTF-8")
        }
        guard second.contains(bytes[place + 1]) else { throw fault("not valid UTF-8") }
        for offset in 2..<max(length, 2) {
            guard bytes[place + offset] & 0xC0 == 0x80 else { throw fault("not valid UTF-8") }
        }
        place += length
    }

    private mutating func escape() throws(Fault) -> Unicode.Scalar {
        place += 1
        switch bytes[place] {
        case UInt8(ascii: "u"): return try unicodeEscape()
        case UInt8(ascii: "b"): return try finishEscape("\u{08}")
        case UInt8(ascii: "f"): return try finishEscape("\u{0C}")
        case UInt8(ascii: "n"): return try finishEscape("\n")
        case UInt8(ascii: "r"): return try finishEscape("\r")
        case UInt8(ascii: "t"): return try finishEscape("\t")
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return try finishEscape(Unicode.Scalar(bytes[place]))
        default: throw fault("no such escape")
        }
    }

    private mutating func finishEscape(_ scalar: Unicode.Scalar) throws(Fault) -> Unicode.Scalar {
        place += 1
        return scalar
    }

    /// Reads an escape from its `u` on, the second half of a surrogate pair included.
    private mutating func unicodeEscape() throws(Fault) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, bytes[place] == UInt8(ascii: "\\") else { throw fault("half a surrogate pair") }
        place += 1
        guard bytes[place] == UInt8(ascii: "u") else { throw fault("half a surrogate pair") }
        let second = try hexadecimal()
        guard 0xDC00..<0xE000 ~= second,
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw fault("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        place += 1
        for _ in 0..<4 {
            let digit: UInt8
            switch bytes[place] {
            case let byte where byte &- UInt8(ascii: "0") < 10: digit = byte &- UInt8(ascii: "0")
            case let byte where (byte | 0x20) &- UInt8(ascii: "a") < 6: digit = (byte | 0x20) &- UInt8(ascii: "a") + 10
            default: throw fault("an escape without four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }
}
