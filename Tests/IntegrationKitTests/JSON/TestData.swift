// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

/// A generator that gives the same numbers for the same seed.
struct SeededBits: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func bytes(_ count: Int) -> Data {
        Data((0..<count).map { _ in UInt8(truncatingIfNeeded: next()) })
    }
}

/// The published test vectors.
enum TestVectors {
    static func folder() throws -> URL {
        try #require(Bundle.module.url(forResource: "Vectors", withExtension: nil))
    }

    static func data(_ name: String) throws -> Data {
        try Data(contentsOf: folder().appendingPathComponent(name))
    }

    static func names(in subfolder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder().appendingPathComponent(subfolder).path).sorted()
    }
}
