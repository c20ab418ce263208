// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The checksum of a line: CRC-32C (Castagnoli), sixteen bytes at a time.
enum CRC32C {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 16 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for byte in 0..<256 {
            for table in 1..<16 {
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
                while place + 16 <= range.upperBound {
                    let near = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                    let far = unsafe UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self)
                    )
                    sum = unsafe fold(near ^ UInt64(sum), tables, 15) ^ fold(far, tables, 7)
                    place += 16
                }
                while place < range.upperBound {
                    sum = unsafe sum >> 8 ^ tables[Int((sum ^ UInt32(bytes[place])) & 0xff)]
                    place += 1
                }
                return ~sum
            }
        }
    }

    /// Looks eight bytes up, the first one in the table with the highest number.
    @inline(__always)
    private static func fold(_ word: UInt64, _ tables: UnsafeBufferPointer<UInt32>, _ first: Int) -> UInt32 {
        var sum: UInt32 = 0
        for byte in 0..<8 {
            sum ^= unsafe tables[(first &- byte) &* 256 &+ Int(truncatingIfNeeded: word &>> (8 &* UInt64(byte)) & 0xff)]
        }
        return sum
    }
}
