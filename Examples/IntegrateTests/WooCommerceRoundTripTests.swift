// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrateCommands
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// What stands before a shop: it takes the `Authorization` field away.
private struct StrippingProxy: HTTPTransport {
    let shop: any HTTPTransport

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        var request = request
        request.headers["Authorization"] = nil
        return try await shop.send(request, context: context)
    }
}

/// A server that can be stopped and started again at its address.
private actor Host {
    private let transport: any HTTPTransport
    private var server: LoopbackServer?
    private var port: UInt16 = 0

    init(_ transport: any HTTPTransport) {
        self.transport = transport
    }

    /// Starts the server, at the port of the first start.
    func start() async throws -> URL {
        let server = LoopbackServer(serving: transport, port: port)
        let address = try await server.start()
        port = UInt16(address.port ?? 0)
        self.server = server
        return address
    }

    func stop() {
        server?.stop()
        server = nil
    }
}

/// The tool against a WooCommerce shop over plain http, behind a proxy that strips a field.
@Suite(.timeLimit(.minutes(5)))
struct WooCommerceRoundTripTests {
    private final class World: Sendable {
        let clock = ShiftedClock()
        let woo: SimulatedWooCommerce
        let folder: TemporaryFolder
        let host: Host
        let home: String
        let environment: [String: String]

        init() async throws {
            folder = try TemporaryFolder()
            woo = SimulatedWooCommerce(time: clock.timeSource)
            host = Host(StrippingProxy(shop: woo))
            home = try await host.start().absoluteString
            woo.addShop(SimulatedWooCommerce.Shop(home: home))
            let key = try woo.issueKey(in: home)
            environment = [
                "INTEGRATE_WOOCOMMERCE_CONSUMER_KEY": key.consumerKey,
                "INTEGRATE_WOOCOMMERCE_CONSUMER_SECRET": key.consumerSecret,
            ]
        }

        func run(_ arguments: String...) async -> ToolRun {
            await ToolRun.run(arguments, in: folder, environment: environment, time: clock.timeSource)
        }

        func connect() async throws {
            let run = await run(
                "connect",
                "woocommerce",
                "--name",
                "Shop",
                "--base-url",
                home,
                "--allow-http",
                "--allow-private",
                "--notify-people"
            )
            try #require(run.code == .done, "\(run.errors)")
        }

        func customers() -> [String: [JSONValue]] {
            Dictionary(grouping: woo.records("customer", in: home)) { $0["email"]?.string ?? "" }
        }
    }

    @Test func `connect, push, edit and delete on both sides, over plain http behind a stripping proxy`() async throws {
        let world = try await World()
        try await world.connect()
        let chosen = await world.run("settings", "on-host-delete=carry-out", "on-remote-delete=carry-out")
        #expect(chosen.code == .done, "\(chosen.errors)")
        try world.folder.write(HubSpotWorld.prospects(0..<30), to: "events.jsonl")
        let push = await world.run("push", "events.jsonl", "--har", "traffic.har")
        #expect(push.code == .done, "\(push.output) \(push.errors)")
        #expect(world.customers().count == 30)
        for secret in world.environment.values { #expect(try !world.folder.read("traffic.har").contains(secret)) }

        world.clock.shift(by: .seconds(60))
        let first = await world.run("pull")
        #expect(first.code == .done, "\(first.output) \(first.errors)")
        let edited = try #require(world.customers()["p1@example.fr"]?.first?["id"]?.int64)
        try world.woo.edit("customer", edited, in: world.home, ["last_name": "Guivarc’h"])
        try world.woo.create("customer", in: world.home, ["email": "new@example.fr", "first_name": "Noé"])
        let gone = try #require(world.customers()["p2@example.fr"]?.first?["id"]?.int64)
        try world.woo.erase("customer", gone, in: world.home)
        try world.folder.write(
            #"{"event": "prospect.updated", "id": "u", "record": "p-3", "fields": {"first_name": "Anaïs"}}"# + "\n"
                + #"{"event": "prospect.deleted", "id": "d", "record": "p-4"}"#,
            to: "more.jsonl"
        )
        let more = await world.run("push", "more.jsonl")
        #expect(more.code == .done, "\(more.output) \(more.errors)")
        world.clock.shift(by: .seconds(86_400))
        let pull = await world.run("pull", "--all")
        #expect(pull.code == .done, "\(pull.output) \(pull.errors)")

        let records = try world.folder.records()
        #expect(records["p-1"]?["fields"]?["last_name"] == "Guivarc’h")
        #expect(records["p-2"]?["deleted"] == true)
        #expect(records.values.contains { $0["fields"]?["email"] == "new@example.fr" })
        let customers = world.customers()
        #expect(customers["p3@example.fr"]?.first?["first_name"] == "Anaïs")
        #expect(customers["p4@example.fr"] == nil)
        #expect(customers.count == 29)
        #expect(customers.values.allSatisfy { $0.count == 1 })
        #expect(await world.run("status").code == .done)
    }

    @Test func `a shop that restarts in the middle of a push has each customer once`() async throws {
        let world = try await World()
        try await world.connect()
        try world.folder.write(HubSpotWorld.prospects(0..<120), to: "events.jsonl")
        let once = Once()
        let host = world.host
        world.woo.onStep { step in
            guard step.moment == .performed, step.request.method == .post, once.isIt() else { return }
            // The answer is lost, although the shop has acted.
            await host.stop()
            _ = try await host.start()
        }
        var push = await world.run("push", "events.jsonl")
        world.woo.onStep(nil)
        for _ in 0..<5 where push.code == .waiting {
            world.clock.shift(by: .seconds(600))
            push = await world.run("push", "events.jsonl")
        }
        #expect(push.code == .done, "\(push.output) \(push.errors)")
        let created = world.woo.history(of: world.home).filter { $0.resource == "customer" && $0.kind == .created }
        #expect(created.count == 120)
        #expect(world.customers().count == 120)
    }

    @Test func `writes that mail people are left out until that is agreed to`() async throws {
        let world = try await World()
        let connected = await world.run(
            "connect",
            "woocommerce",
            "--base-url",
            world.home,
            "--allow-http",
            "--allow-private"
        )
        #expect(connected.code == .done, "\(connected.errors)")
        try world.folder.write(HubSpotWorld.prospects(0..<1), to: "events.jsonl")
        let push = await world.run("push", "events.jsonl")
        #expect(push.output.contains("mails people"))
        #expect(world.customers().isEmpty)
    }
}
