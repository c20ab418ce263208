// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

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

extension SeededGenerator {
    /// The next bytes.
    mutating func bytes(_ count: Int) -> Data {
        Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &self) })
    }
}
