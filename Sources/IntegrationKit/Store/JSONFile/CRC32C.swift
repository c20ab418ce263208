// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The checksum of a line: CRC-32C (Castagnoli), eight bytes at a time.
enum CRC32C {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for byte in 0..<256 {
            for table in 1..<8 {
                let before = tables[(table - 1) * 256 + byte]
                tables[table * 256 + byte] = before >> 8 ^ tables[Int(before & 0xff)]
            }
        }
        return tables
    }()

    /// Returns the checksum of a range of bytes.
    static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "A checksum goes over bytes that exist.")
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe tables.withUnsafeBufferPointer { tables in
                var sum: UInt32 = 0xffff_ffff
                var place = range.lowerBound
                while place + 8 <= range.upperBound {
                    let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                    let low = UInt32(truncatingIfNeeded: word) ^ sum
                    let high = UInt32(truncatingIfNeeded: word >> 32)
                    let near =
                        unsafe tables[7 * 256 + Int(low & 0xff)] ^ tables[6 * 256 + Int(low >> 8 & 0xff)]
                        ^ tables[5 * 256 + Int(low >> 16 & 0xff)] ^ tables[4 * 256 + Int(low >> 24)]
                    let far =
                        unsafe tables[3 * 256 + Int(high & 0xff)] ^ tables[2 * 256 + Int(high >> 8 & 0xff)]
                        ^ tables[256 + Int(high >> 16 & 0xff)] ^ tables[Int(high >> 24)]
                    sum = near ^ far
                    place += 8
                }
                while place < range.upperBound {
                    sum = unsafe sum >> 8 ^ tables[Int((sum ^ UInt32(bytes[place])) & 0xff)]
                    place += 1
                }
                return ~sum
            }
        }
    }
}
