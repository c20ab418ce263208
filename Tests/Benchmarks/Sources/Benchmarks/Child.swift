// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Opens a store in a process of its own, so that memory which others gave back does not hide what it takes.
struct OpeningChild {
    static let flag = "--child-open"

    var seconds: Double
    /// What the process holds more than before; and at most held more.
    var memory: Int
    var peak: Int

    var text: String { String(format: "%.2f s", seconds) }

    static func run(_ folder: URL) throws -> OpeningChild {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = [flag, folder.path]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let parts = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard process.terminationStatus == 0, parts.count == 3 else { throw ChildFailure(output: text) }
        return OpeningChild(seconds: parts[0], memory: Int(parts[1]), peak: Int(parts[2]))
    }

    /// The child's part.
    static func main(_ folder: String) async throws {
        let before = Meter.memory
        let start = ContinuousClock.now
        let store = try JSONFileIntegrationStore(directory: URL(fileURLWithPath: folder))
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print("\(seconds) \(Meter.memory - before) \(Meter.peakMemory - before)")
        await store.close()
    }
}

/// Queues jobs in a process of its own until it is killed.
enum WritingChild {
    static let flag = "--child-write"

    /// Returns how many jobs the child had acknowledged when it was killed.
    static func runAndKill(_ folder: URL, from first: Int) throws -> Int {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = [flag, folder.path, "\(first)"]
        process.standardOutput = output
        try process.run()
        var text = Data()
        while text.count(where: { $0 == 0x0a }) < 50 {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { throw ChildFailure(output: String(decoding: text, as: UTF8.self)) }
            text += more
        }
        kill(process.processIdentifier, SIGKILL)
        text += output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return text.count(where: { $0 == 0x0a })
    }

    /// The child's part.
    static func main(_ folder: String, _ first: Int) async throws {
        let work = StoreWorkload(store: try JSONFileIntegrationStore(directory: URL(fileURLWithPath: folder)))
        var number = first
        while true {
            try await work.enqueue(number..<number + 1)
            try FileHandle.standardOutput.write(contentsOf: Data("\(number)\n".utf8))
            number += 1
        }
    }
}

/// A child did not answer.
struct ChildFailure: Error {
    var output: String
}
