// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite struct ImplementingAProviderTests {
    @Test func `The guide shows the example as it is`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let guide = try text(of: root.appending(path: "Documentation/ImplementingAProvider.md"))
        let folder = root.appending(path: "Examples/CustomPlatform")
        let sources = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" }
            .map { try lines(of: text(of: $0)) }
            .joined(separator: "\n")
        let blocks = guide.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
            .filter { !$0.contains("@Test") }
        #expect(blocks.count > 10)
        for block in blocks { #expect(sources.contains(lines(of: block)), "\(block)") }
    }

    private func text(of file: URL) throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }

    /// The lines without their indentation, which the guide takes off.
    private func lines(of text: String) -> String {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            .joined(separator: "\n")
    }
}
