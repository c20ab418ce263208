// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Where the library takes its randomness from: keys, nonces, identifiers and jitter.
///
/// The default draws from the system's secure generator. A seeded source makes a test repeatable and is never fit for
/// real credentials.
public struct RandomSource: Sendable {
    private let next: @Sendable () -> UInt64

    /// The system's secure generator.
    public static let system = RandomSource {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    /// Creates a source from a function that returns 64 random bits at each call.
    public init(_ next: @escaping @Sendable () -> UInt64) {
        self.next = next
    }

    /// Returns random bytes.
    ///
    /// - Parameter count: How many bytes.
    /// - Returns: The bytes.
    public func bytes(_ count: Int) -> Data {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            var word = next()
            for _ in 0..<min(8, count - bytes.count) {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return Data(bytes)
    }

    /// Returns a random version 4 identifier.
    public func uuid() -> UUID {
        RandomSource.uuid(from: [UInt8](bytes(16)), version: 4)
    }

    /// Returns the identifier of a version that 16 bytes make.
    static func uuid(from bytes: [UInt8], version: UInt8) -> UUID {
        var b = bytes
        b[6] = (b[6] & 0x0f) | version << 4
        b[8] = (b[8] & 0x3f) | 0x80
        return UUID(
            uuid: (b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15])
        )
    }

    /// Returns a number from 0 up to, but not including, 1.
    public func fraction() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
