// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct DispatchTests {
    @Test func aMessageOfTheHostArrivesSignedAndOnce() async throws {
        let world = try await HookWorld()
        let (endpoint, secret) = try await world.endpoint()
        #expect(try await world.manager.send(world.message("m1"), to: HookWorld.tenant) == 1)
        #expect(try await world.manager.send(world.message("m1"), to: HookWorld.tenant) == 0)
        try await world.settle()
        let request = try #require(world.sink.received.first)
        #expect(world.sink.received.count == 1)
        #expect(request.method == .post)
        #expect(request.headers["Content-Type"] == "application/json")
        let body = try #require(request.body)
        try WebhookSigner(secrets: [secret]).verify(headers: request.headers, body: body, at: world.clock.wall)
        let value = try JSONValue(parsing: body)
        #expect(value.object?["type"]?.string == "invoice.paid")
        #expect(value.object?["data"]?.object?["amount"]?.string == "12,50 €")
        let dispatch = try #require(try await world.manager.dispatches(of: endpoint.id).first)
        #expect(dispatch.state == .delivered)
        #expect(dispatch.attempts == 1)
        #expect(world.observer.count(.webhookSent) == 1)
    }

    @Test func aFailedMessageIsSentAgainByTheTableOverDaysUnderOneID() async throws {
        let world = try await HookWorld()
        let (endpoint, _) = try await world.endpoint()
        world.sink.answer { _ in HTTPResponse(status: 500) }
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        let start = world.clock.wall
        try await world.settle(within: .seconds(10 * 86_400))
        #expect(world.sink.received.count == 10)
        #expect(Set(world.sink.received.compactMap { $0.headers["webhook-id"] }) == ["m1"])
        let times = world.sink.received.compactMap { $0.headers["webhook-timestamp"].flatMap(Double.init) }
        let first = try #require(times.first)
        let table: [Double] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
        #expect(abs(first - start.timeIntervalSince1970) < 2)
        for (place, wait) in table.enumerated() where place + 1 < times.count {
            let waited = times[place + 1] - times[place]
            #expect(waited >= wait - 1 && waited <= wait * 1.1 + 2, "attempt \(place + 2) after \(waited) s")
        }
        let shown = try #require(try await world.manager.endpoints(of: HookWorld.tenant).first)
        #expect(shown.disabled == .unreachable)
        #expect(world.observer.count(.endpointDisabled) == 1)
        #expect(try await world.manager.dispatches(of: endpoint.id).first?.state == .failed)
        // Switched on, it takes what failed when a person sends it again.
        world.sink.answer { _ in HTTPResponse(status: 200) }
        try await world.manager.switchEndpoint(endpoint.id, on: true)
        try await world.manager.resend("m1", to: endpoint.id)
        try await world.settle()
        #expect(try await world.manager.dispatches(of: endpoint.id).first?.state == .delivered)
    }

    @Test func aMessageThatFailsHoldsNoOtherUp() async throws {
        let world = try await HookWorld()
        let (endpoint, _) = try await world.endpoint()
        world.sink.answer { HTTPResponse(status: $0.headers["webhook-id"] == "poison" ? 500 : 200) }
        try await world.manager.send(world.message("poison"), to: HookWorld.tenant)
        for number in 1...40 { try await world.manager.send(world.message("m\(number)"), to: HookWorld.tenant) }
        try await world.settle(within: .seconds(2))
        let states = try await world.manager.dispatches(of: endpoint.id)
        #expect(states.filter { $0.state == .delivered }.count == 40)
        #expect(states.first { $0.id == "poison" }?.state == .waiting)
        #expect(try await world.manager.endpoints(of: HookWorld.tenant).first?.disabled == nil)
    }

    @Test func anEndpointThatIsGoneGetsNothingMore() async throws {
        let world = try await HookWorld()
        try await _ = world.endpoint()
        world.sink.answer { _ in HTTPResponse(status: 410) }
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        try await world.settle(within: .seconds(86_400))
        #expect(world.sink.received.count == 1)
        #expect(try await world.manager.endpoints(of: HookWorld.tenant).first?.disabled == .gone)
        #expect(try await world.manager.send(world.message("m2"), to: HookWorld.tenant) == 0)
        try await world.settle(within: .seconds(86_400))
        #expect(world.sink.received.count == 1)
    }

    @Test func theServersWishToWaitWins() async throws {
        let world = try await HookWorld()
        try await _ = world.endpoint()
        world.sink.answer { _ in HTTPResponse(status: 503, headers: ["Retry-After": "900"]) }
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        _ = try await world.sync()
        world.clock.advance(by: .seconds(890))
        _ = try await world.sync()
        #expect(world.sink.received.count == 1)
        world.clock.advance(by: .seconds(15))
        _ = try await world.sync()
        #expect(world.sink.received.count == 2)
    }

    @Test func aRedirectIsAFailureAndIsNotFollowed() async throws {
        let world = try await HookWorld()
        let (endpoint, _) = try await world.endpoint()
        world.sink.answer { _ in HTTPResponse(status: 302, headers: ["Location": "http://169.254.169.254/"]) }
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        _ = try await world.sync()
        let dispatch = try #require(try await world.manager.dispatches(of: endpoint.id).first)
        #expect(dispatch.state == .waiting)
        #expect(dispatch.lastAnswer == "answered 302")
    }

    @Test(arguments: [
        "http://hooks.example.fr/in", "https://127.0.0.1/in", "https://10.0.0.1/in",
        "https://user:pw@hooks.example.fr/",
        "https://[::1]/in", "https://169.254.169.254/latest", "ftp://hooks.example.fr/in",
    ])
    func anAddressThatReachesInsideIsRefused(address: String) async throws {
        let world = try await HookWorld()
        let url = try #require(URL(string: address))
        await #expect(throws: IntegrationError.self) {
            try await world.manager.addEndpoint(url, for: HookWorld.tenant)
        }
    }

    @Test func afterARotationBothSecretsSignForADayAndThenTheNewOneAlone() async throws {
        let world = try await HookWorld()
        let (endpoint, old) = try await world.endpoint()
        let new = try await world.manager.rotateSecret(of: endpoint.id)
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        try await world.settle()
        let first = try #require(world.sink.received.last)
        let body = try #require(first.body)
        for secret in [old, new] {
            try WebhookSigner(secrets: [secret]).verify(headers: first.headers, body: body, at: world.clock.wall)
        }
        world.clock.advance(by: .seconds(86_401))
        try await world.manager.send(world.message("m2"), to: HookWorld.tenant)
        try await world.settle()
        let second = try #require(world.sink.received.last)
        let later = try #require(second.body)
        try WebhookSigner(secrets: [new]).verify(headers: second.headers, body: later, at: world.clock.wall)
        #expect(throws: IntegrationError.self) {
            try WebhookSigner(secrets: [old]).verify(headers: second.headers, body: later, at: world.clock.wall)
        }
    }

    @Test func anEndpointHearsOfRecordsInTheCommitThatCarriedThem() async throws {
        let world = try await HookWorld()
        try await _ = world.endpoint([.recordSynced])
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let bodies = try world.sink.received.compactMap(\.body).map { try JSONValue(parsing: $0) }
        let data = try #require(bodies.first?.object?["data"]?.object)
        #expect(bodies.count == 1)
        #expect(data["happening"]?.string == "created")
        #expect(data["integration_name"]?.string == "Mon HubSpot")
        #expect(data["host_id"]?.string == "p1")
        for request in world.sink.received {
            #expect(!String(decoding: request.body ?? Data(), as: UTF8.self).contains("ada@example.fr"))
        }
    }

    @Test func whatIsKeptOfAnEndpointShowsNeitherSecretNorToken() async throws {
        let world = try await HookWorld()
        let (endpoint, secret) = try await world.endpoint()
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        let ids = [
            RowID(type: "hook", key: endpoint.id), RowID(type: "dispatch", key: "\(endpoint.id)|m1"),
        ]
        let rows = await world.store.rows(ids)
        #expect(rows.count == 2)
        for row in rows.values {
            let text = String(decoding: row.content.body, as: UTF8.self)
            #expect(!text.contains("t0k3n"))
            #expect(!text.contains("12,50"))
            #expect(!secret.withExposedValue { text.contains($0.dropFirst(6)) })
        }
    }

    @Test func aRemovedEndpointLeavesNothingBehind() async throws {
        let world = try await HookWorld()
        let (endpoint, _) = try await world.endpoint()
        try await world.manager.send(world.message("m1"), to: HookWorld.tenant)
        try await world.manager.removeEndpoint(endpoint.id)
        try await world.settle()
        #expect(world.sink.received.isEmpty)
        let rows = await world.store.rows([
            RowID(type: "hook", key: endpoint.id), RowID(type: "dispatch", key: "\(endpoint.id)|m1"),
        ])
        #expect(rows.isEmpty)
    }
}
