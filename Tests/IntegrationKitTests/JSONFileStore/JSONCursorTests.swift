// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct JSONCursorTests {
    @Test(arguments: 0..<40) func `A string ends at its quote, wherever a byte of note stands in it`(length: Int) throws
    {
        let plain = String(repeating: "ü", count: length / 4) + String(repeating: "~", count: length)
        for special in ["", "\"", "\\", "\n", "\u{1}", "é", "\u{7f}", " "] {
            for place in 0...plain.count {
                let text = plain.prefix(place) + special + plain.dropFirst(place)
                var json: [UInt8] = []
                json.append(json: String(text))
                json.append(contentsOf: Array(",\"next\"".utf8))
                var cursor = JSONCursor(json, 0..<json.count)
                let read = try cursor.string()
                #expect(read.utf8.elementsEqual(text.utf8))
                #expect(cursor.place == json.count - 7)
                var bytes: [UInt8] = [1]
                var other = JSONCursor(json, 0..<json.count)
                let range = try other.string(to: &bytes)
                #expect(range == 1..<1 + text.utf8.count)
                #expect(bytes.dropFirst().elementsEqual(text.utf8))
                #expect(other.place == json.count - 7)
            }
        }
    }

    @Test(arguments: 0..<20) func `A raw control character and a missing quote are refused`(length: Int) {
        let text = "\"" + String(repeating: "x", count: length)
        for json in [text, text + "\n\"", text + "\u{1f}\"", text + "\\\"", text + "\\"] {
            #expect(throws: JSONCursor.Malformed.self) {
                var cursor = JSONCursor(Array(json.utf8), 0..<json.utf8.count)
                _ = try cursor.string()
            }
        }
    }

    @Test(arguments: [0, 7, -7, 10, 99, 1_000_000, .max, .min, .max - 1, .min + 1] as [Int64])
    func `An integer is read as it was written`(number: Int64) throws {
        var json: [UInt8] = []
        json.append(json: number)
        #expect(json == Array("\(number)".utf8))
        var cursor = JSONCursor(json, 0..<json.count)
        let read = try cursor.integer()
        #expect(read == number)
        #expect(cursor.isAtEnd)
    }

    @Test(arguments: ["", "-", "x", "9223372036854775808", "-9223372036854775809", "99999999999999999999"])
    func `What is no integer of 64 bits is refused`(json: String) {
        #expect(throws: JSONCursor.Malformed.self) {
            var cursor = JSONCursor(Array(json.utf8), 0..<json.utf8.count)
            _ = try cursor.integer()
        }
    }

    @Test func `The checksum is CRC-32C, for any length and place`() {
        // The check value of the standard.
        #expect(CRC32C.checksum(Array("123456789".utf8), 0..<9) == 0xE306_9283)
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for range in [0..<0, 3..<40, 7..<200, 1..<17, 5..<20, 9..<26, 0..<64] {
            var sum: UInt32 = 0xffff_ffff
            for byte in bytes[range] {
                sum ^= UInt32(byte)
                for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
            }
            #expect(CRC32C.checksum(bytes, range) == ~sum)
        }
    }
}
