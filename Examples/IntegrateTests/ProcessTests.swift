// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// How a process ended.
private struct Ending {
    var status: Int32
    var wasKilled: Bool
    var output: String
    var errors: String
}

/// A process that is to be sent a signal, by a thread that may learn of it only later.
private final class Victim: Sendable {
    private let lock = NSLock()
    private nonisolated(unsafe) var identifier: Int32?

    func identify(_ identifier: Int32) {
        lock.withLock { unsafe self.identifier = identifier }
    }

    func strike(_ signal: Int32) {
        let identifier = lock.withLock { unsafe self.identifier }
        if let identifier { kill(identifier, signal) }
    }
}

/// The real executable as a process of its own, killed and interrupted in the middle; the platform's books tell what it
/// did.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ProcessTests {
    static let count = 1200

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

        /// Runs the executable to its end.
        ///
        /// - Parameters:
        ///   - arguments: Its arguments.
        ///   - signal: What it is sent when the platform is at a step of a write; nil: nothing.
        ///   - moment: At which step.
        ///   - place: Of which write, from 1.
        /// - Returns: How it ended.
        /// - Throws: What starting it throws.
        func run(
            _ arguments: String...,
            sending signal: Int32? = nil,
            at moment: SimulatedHubSpot.Step.Moment = .performed,
            of place: Int = 1
        ) async throws -> Ending {
            let process = Process()
            process.executableURL = try Stage.executable()
            process.arguments =
                arguments + ["--store", folder.url.appending(path: "store").path(percentEncoded: false)]
            process.currentDirectoryURL = folder.url
            process.environment = environment
            process.standardInput = FileHandle.nullDevice
            for name in ["out.txt", "err.txt"] { try folder.write("", to: name) }
            process.standardOutput = try FileHandle(forWritingTo: folder.url.appending(path: "out.txt"))
            process.standardError = try FileHandle(forWritingTo: folder.url.appending(path: "err.txt"))
            let victim = Victim()
            if let signal {
                let once = Once(at: place)
                hubSpot.onStep { step in
                    guard step.moment == moment, step.request.url.path.hasSuffix("batch/upsert"), once.isIt() else {
                        return
                    }
                    victim.strike(signal)
                }
            }
            defer { hubSpot.onStep(nil) }
            let status: Int32 = try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do {
                    try process.run()
                    victim.identify(process.processIdentifier)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            return Ending(
                status: status,
                wasKilled: process.terminationReason == .uncaughtSignal,
                output: try folder.read("out.txt"),
                errors: try folder.read("err.txt")
            )
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

    private func connect(_ stage: Stage) async throws {
        let connected = try await stage.run(
            "connect",
            "hubspot",
            "--base-url",
            stage.address.absoluteString,
            "--allow-http",
            "--allow-private"
        )
        try #require(connected.status == 0, "\(connected.errors)")
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

    @Test func `a push that is killed again and again is done by the last run, and nothing twice`() async throws {
        let stage = try await Stage()
        try await connect(stage)
        let kills: [(SimulatedHubSpot.Step.Moment, Int)] = [(.performed, 1), (.received, 1), (.performed, 2)]
        for (moment, place) in kills {
            let killed = try await stage.run("push", "events.jsonl", sending: SIGKILL, at: moment, of: place)
            #expect(killed.wasKilled, "\(killed.output) \(killed.errors)")
        }
        let last = try await stage.run("push", "events.jsonl")
        #expect(last.status == 0, "\(last.output) \(last.errors)")
        expectEachOnce(stage.hubSpot)
        let status = try await stage.run("status", "--json")
        #expect(status.status == 0, "\(status.output)")
    }

    @Test func `Ctrl-C ends a push with a word and an exit code, and the next run goes on`() async throws {
        let stage = try await Stage()
        try await connect(stage)
        let interrupted = try await stage.run("push", "events.jsonl", sending: SIGINT)
        #expect(interrupted.status == 130, "\(interrupted.output) \(interrupted.errors)")
        #expect(!interrupted.wasKilled)
        #expect(interrupted.output.contains("Interrupted"))
        // The answer that was under way was waited for and noted: the records that it made are not waiting.
        let made = stage.hubSpot.records("contact", in: 42).count
        #expect(made > 0 && made < Self.count)
        let status = try await stage.run("status", "--json")
        let waiting = try JSONValue(parsing: Data(status.output.utf8))["integrations"]?[0]?["waiting"]?.int64
        #expect(waiting == Int64(Self.count - made))
        let last = try await stage.run("push")
        #expect(last.status == 0, "\(last.output) \(last.errors)")
        expectEachOnce(stage.hubSpot)
    }

    @Test func `without a terminal the executable asks nothing and says what to set`() async throws {
        let stage = try await Stage()
        let help = try await stage.run("--help")
        #expect(help.status == 0)
        let unknown = try await stage.run("pusch")
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("did you mean push?"))
        let woo = try await stage.run("connect", "woocommerce", "--base-url", "https://shop.example")
        #expect(woo.status == 1)
        #expect(woo.errors.contains("INTEGRATE_WOOCOMMERCE_CONSUMER_KEY"))
    }
}
