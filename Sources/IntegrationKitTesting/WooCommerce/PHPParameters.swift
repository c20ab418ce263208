// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Reads and writes texts as PHP does.
enum PHP {
    /// Reads `a=b&c[]=d&e[f]=g`: arrays become objects with keys from 0, a dot or space in a name becomes `_`, the last
    /// of equal names wins, and `+` is a space.
    static func parameters(_ text: String) -> JSONObject {
        var object = JSONObject()
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(decoded)
            set(path(parts[0])[...], parts.count > 1 ? parts[1] : "", in: &object)
        }
        return object
    }

    /// A percent-encoded text of a query or form, decoded.
    static func decoded(_ text: Substring) -> String {
        let spaced = text.replacingOccurrences(of: "+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
    }

    /// Encodes all but RFC 3986's unreserved characters.
    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// JSON as PHP writes it: slashes escaped, and everything but ASCII as `\u....`.
    static func json(_ value: JSONValue) -> Data {
        var bytes: [UInt8] = []
        for scalar in value.text.unicodeScalars {
            switch scalar.value {
            case 0x2F: bytes += Array("\\/".utf8)
            case 0..<0x80: bytes.append(UInt8(scalar.value))
            default:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    bytes += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
                }
            }
        }
        return Data(bytes)
    }

    /// The parts of `a[b][]`: `a`, `b` and an empty one.
    private static func path(_ name: String) -> [String] {
        guard let bracket = name.firstIndex(of: "["), bracket != name.startIndex, name.contains("]") else {
            return [clean(name)]
        }
        var parts = [clean(String(name[..<bracket]))]
        var rest = name[bracket...]
        while rest.first == "[", let end = rest.firstIndex(of: "]") {
            parts.append(String(rest[rest.index(after: rest.startIndex)..<end]))
            rest = rest[rest.index(after: end)...]
        }
        return parts
    }

    private static func clean(_ name: String) -> String {
        String(name.map { $0 == "." || $0 == " " ? "_" : $0 })
    }

    private static func set(_ path: ArraySlice<String>, _ value: String, in object: inout JSONObject) {
        guard let first = path.first else { return }
        var key = first
        if key.isEmpty { key = String((object.keys.compactMap { Int($0) }.max() ?? -1) + 1) }
        if path.count == 1 {
            object[key] = .string(value)
        } else {
            var inner = object[key]?.object ?? [:]
            set(path.dropFirst(), value, in: &inner)
            object[key] = .object(inner)
        }
    }
}
