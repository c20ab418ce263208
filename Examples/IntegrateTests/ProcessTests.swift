// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

/// The real executable as a process of its own, killed and interrupted in the middle; the platform's books tell what it
/// did.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ProcessTests {
    static let count = 300

    /// A HubSpot on the machine's clock behind a server, and a folder for the tool.
    private final class Stage: Sendable {
        let hubSpot = SimulatedHubSpot()
        let folder: TemporaryFolder
        let environment: [String: String]
        let address: URL
        private let server: LoopbackServer

        init() async throws {
            folder = try TemporaryFolder()
            hubSpot.addAccount(SimulatedHubSpot.Account(portalID: 42))
            server = LoopbackServer(serving: hubSpot, rewriting: URL(string: "https://api.hubapi.com"))
            address = try await server.start()
            var environment = ProcessInfo.processInfo.environment
            environment["INTEGRATE_HUBSPOT_ACCESS_TOKEN"] = hubSpot.issueToken(for: 42)
            environment["LANG"] = "C"
            self.environment = environment
            try folder.write(HubSpotWorld.prospects(0..<ProcessTests.count), to: "events.jsonl")
        }

        deinit {
            server.stop()
        }

        /// Starts the executable; what it prints goes into files, so that no pipe can fill up.
        func start(_ arguments: String...) throws -> Process {
            let process = Process()
            process.executableURL = try Stage.executable()
            process.arguments = arguments + ["--store", folder.url.appending(path: "store").path(percentEncoded: false)]
            process.currentDirectoryURL = folder.url
            process.environment = environment
            for (name, isOutput) in [("out.txt", true), ("err.txt", false)] {
                try folder.write("", to: name)
                let handle = try FileHandle(forWritingTo: folder.url.appending(path: name))
                if isOutput { process.standardOutput = handle } else { process.standardError = handle }
            }
            process.standardInput = FileHandle.nullDevice
            try process.run()
            return process
        }

        /// Runs the executable to its end.
        func run(_ arguments: [String]) async throws -> Int32 {
            let process = Process()
            process.executableURL = try Stage.executable()
            process.arguments = arguments + ["--store", folder.url.appending(path: "store").path(percentEncoded: false)]
            process.currentDirectoryURL = folder.url
            process.environment = environment
            process.standardInput = FileHandle.nullDevice
            for name in ["out.txt", "err.txt"] { try folder.write("", to: name) }
            process.standardOutput = try FileHandle(forWritingTo: folder.url.appending(path: "out.txt"))
            process.standardError = try FileHandle(forWritingTo: folder.url.appending(path: "err.txt"))
            return try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do {
                    try process.run()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }

        /// The executable stands beside the tests.
        static func executable() throws -> URL {
            #if canImport(Darwin)
                let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
                let folder = try #require(bundle).bundleURL.deletingLastPathComponent()
            #else
                let folder = try #require(Bundle.main.executableURL).deletingLastPathComponent()
            #endif
            return folder.appending(path: "integrate")
        }
    }

    private func expectEachOnce(_ hubSpot: SimulatedHubSpot) {
        let contacts = Dictionary(grouping: hubSpot.records("contact", in: 42)) { $0.properties["email"] ?? "" }
        #expect(contacts.count == Self.count)
        for number in 0..<Self.count {
            let email = "p\(number)@example.fr"
            #expect(contacts[email]?.count == 1)
            #expect(hubSpot.creationCount(of: "contact", where: "email", is: email, in: 42) == 1)
        }
    }
}
