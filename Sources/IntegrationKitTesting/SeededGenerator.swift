// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// A generator whose numbers depend on its seed alone (SplitMix64), so that a failing test can be run again.
///
/// It is no source of secrets.
public struct SeededGenerator: RandomNumberGenerator, Codable, Sendable {
    private var state: UInt64

    /// Creates a generator.
    ///
    /// - Parameter seed: Any number; equal seeds give equal sequences.
    public init(seed: UInt64) {
        state = seed
    }

    /// Returns the next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A source for the library that goes on from here, for itself and safely from many tasks.
    public var randomSource: RandomSource {
        let box = LockBox(self)
        return RandomSource { box.withLock { $0.next() } }
    }
}
