// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrateCommands
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// What a run of the tool came to.
struct ToolRun: Sendable {
    var code: ExitCode
    var output: String
    var errors: String

    func json() throws -> JSONValue { try JSONValue(parsing: Data(output.utf8)) }

    /// Runs the tool in this process, in a home folder of its own.
    static func run(
        _ arguments: [String],
        in folder: TemporaryFolder,
        environment: [String: String],
        time: TimeSource,
        prompt: (any Prompt)? = nil,
        interrupts: AsyncStream<Void>? = nil
    ) async -> ToolRun {
        let output = Transcript()
        let errors = Transcript()
        let surroundings = Surroundings(
            environment: environment,
            home: folder.url,
            currentFolder: folder.url,
            output: { output.append($0) },
            errors: { errors.append($0) },
            prompt: prompt,
            providers: [.hubSpot, .wooCommerce],
            time: time,
            interrupts: interrupts ?? AsyncStream { $0.finish() }
        )
        let code = await IntegrateTool.run(arguments, in: surroundings)
        return ToolRun(code: code, output: output.text, errors: errors.text)
    }
}

extension TemporaryFolder {
    /// The records of the tool's records file, by id.
    func records() throws -> [String: JSONValue] {
        var records: [String: JSONValue] = [:]
        for line in try read(".integrate/records.jsonl").split(separator: "\n") {
            let json = try JSONValue(parsing: Data(line.utf8))
            let id = try #require(json["id"]?.string)
            #expect(records[id] == nil, "one line per record")
            records[id] = json
        }
        return records
    }
}

/// A person with the tool, and a HubSpot behind a server on this machine.
final class HubSpotWorld: Sendable {
    static let portal: Int64 = 42

    let clock = ShiftedClock()
    let hubSpot: SimulatedHubSpot
    let folder: TemporaryFolder
    let token: String
    let address: URL
    private let server: LoopbackServer

    init() async throws {
        folder = try TemporaryFolder()
        hubSpot = SimulatedHubSpot(time: clock.timeSource)
        hubSpot.addAccount(SimulatedHubSpot.Account(portalID: Self.portal))
        token = hubSpot.issueToken(for: Self.portal)
        server = LoopbackServer(serving: hubSpot, rewriting: URL(string: "https://api.hubapi.com"))
        address = try await server.start()
    }

    deinit {
        server.stop()
    }

    var environment: [String: String] { ["INTEGRATE_HUBSPOT_ACCESS_TOKEN": token] }

    /// Runs the tool with the world's store.
    func run(
        _ arguments: String...,
        environment: [String: String]? = nil,
        prompt: (any Prompt)? = nil,
        interrupts: AsyncStream<Void>? = nil
    ) async -> ToolRun {
        await ToolRun.run(
            arguments,
            in: folder,
            environment: environment ?? self.environment,
            time: clock.timeSource,
            prompt: prompt,
            interrupts: interrupts
        )
    }

    /// Connects the account; a failure fails the test.
    func connect() async throws {
        let run = await run(
            "connect",
            "hubspot",
            "--name",
            "Sales",
            "--base-url",
            address.absoluteString,
            "--allow-http",
            "--allow-private"
        )
        try #require(run.code == .done, "\(run.errors)")
    }

    /// Lets a little time pass, so that what was done is over by the platform's clock.
    func pass(_ duration: Duration = .seconds(30)) {
        clock.shift(by: duration)
    }

    func records() throws -> [String: JSONValue] { try folder.records() }

    /// The live contacts by e-mail address.
    func contacts() -> [String: [SimulatedHubSpot.Snapshot]] {
        Dictionary(grouping: hubSpot.records("contact", in: Self.portal)) { $0.properties["email"] ?? "" }
    }

    /// Writes a file of events that create prospects.
    func writeProspects(_ range: Range<Int>, to name: String = "events.jsonl") throws {
        try folder.write(Self.prospects(range), to: name)
    }

    static func prospects(_ range: Range<Int>) -> String {
        range.map { number in
            #"{"event": "prospect.created", "id": "evt-\#(number)", "record": "p-\#(number)", "fields": "#
                + #"{"email": "p\#(number)@example.fr", "first_name": "Zoë", "last_name": "Numéro \#(number)"}}"#
        }.joined(separator: "\n") + "\n"
    }
}
