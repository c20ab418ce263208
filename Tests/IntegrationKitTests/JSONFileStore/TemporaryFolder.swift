// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A folder of its own for a test, removed with the value's last reference.
final class TemporaryFolder: Sendable {
    let url = FileManager.default.temporaryDirectory
        .appendingPathComponent("IntegrationKitTests-\(UUID().uuidString)", isDirectory: true)

    /// The store's folder inside; a store makes it.
    var store: URL { url.appendingPathComponent("store", isDirectory: true) }

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        // A folder left behind in the temporary directory harms nobody.
        try? FileManager.default.removeItem(at: url)
    }

    /// The bytes of a file in the store's folder.
    func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: store.appendingPathComponent(name))
    }

    /// The names in the store's folder.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: store.path).sorted()
    }
}
