// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// At the platform's limit, never over it.
@Suite struct PaceTests {
    private static let count = 300

    @Test(arguments: [true, false])
    func `A backlog is worked off at 95 per cent of our share, and no call is refused`(tells: Bool) async throws {
        let world = try await TightWorld(limit: 20, reserve: 0.2, tells: tells)
        let start = world.clock.now
        try await world.enqueue(Self.count)
        try await world.settle(within: .seconds(3600))
        let state = world.platform.state
        #expect(state.ours == Self.count)
        #expect(state.refused == 0)
        // The last calls leave when the spans before them are over.
        let spans = Double(Self.count - 16) / 16
        let taken = start.duration(to: world.clock.now) / TightPlatform.span
        #expect(taken <= spans / 0.95, "\(taken) spans instead of \(spans)")
    }

    @Test(arguments: [true, false])
    func `Beside a stranger who takes half of the limit, fewer than one call in a hundred is refused`(
        tells: Bool
    ) async throws {
        let world = try await TightWorld(limit: 20, reserve: 0.1, strangerEvery: .seconds(1), tells: tells)
        try await world.enqueue(Self.count)
        try await world.settle(within: .seconds(3600))
        let state = world.platform.state
        #expect(state.ours == Self.count)
        #expect(state.refused * 100 < (tells ? Self.count : Self.count * 10), "\(state.refused) refused")
    }

    @Test(arguments: [(1, nil), (4, nil), (4, "ada@example.fr")] as [(Int, String?)])
    func `Writes in flight are as many as the options say, and one where batches exclude each other`(
        most: Int,
        exclusive: String?
    ) async throws {
        var options = EngineOptions()
        options.writesInFlight = most
        let world = try await TightWorld(limit: 1000, exclusive: exclusive, options: options)
        let platform = world.platform
        platform.onCall.withLock {
            $0 = {
                for _ in 0..<1000 where platform.state.inFlight < most { await Task.yield() }
            }
        }
        try await world.enqueue(40)
        try await world.settle()
        #expect(platform.state.ours == 40)
        #expect(platform.state.mostInFlight == (exclusive == nil ? most : 1))
    }

    /// Connects an account of another tenant; returns its token.
    private static func connectAnother(to world: World) async throws -> String {
        world.platform.addAccount(SimulatedHubSpot.Account(portalID: 43))
        let token = world.platform.issueToken(for: 43)
        try await world.manager.connect(
            .hubSpot,
            for: "tenant-43",
            name: "Petit",
            form: ["access_token": token],
            settings: SyncSettings(direction: .push, frequency: .manual)
        )
        return token
    }

    @Test func `An integration that waits for its platform lets the others go on`() async throws {
        var options = EngineOptions()
        options.lanesPerIntegration = 1
        let world = try await World.pushing(options: options)
        _ = try await Self.connectAnother(to: world)
        try await world.create("p1", ["email": "ada@example.fr"])
        for number in 1...5 {
            let fields: [FieldName: FieldValue] = ["email": .text("grace\(number)@example.fr")]
            try await world.coordinator.enqueue(
                DomainEvent(.prospectCreated, id: "e\(number)", of: "q\(number)", for: "tenant-43", fields: fields)
            )
        }
        let turnstile = Turnstile()
        let platform = world.platform
        let slow = "Bearer \(world.token)"
        platform.onStep { step in
            guard step.moment == .received, step.request.headers["Authorization"] == slow else { return }
            await turnstile.pass()
        }
        async let round = world.sync()
        await turnstile.arrival()
        for _ in 0..<100_000 where platform.records("contacts", in: 43).count < 5 { await Task.yield() }
        #expect(platform.records("contacts", in: 43).count == 5)
        #expect(platform.records("contacts", in: World.portal).isEmpty)
        await turnstile.open()
        _ = try await round
        #expect(platform.records("contacts", in: World.portal).count == 1)
    }

    @Test(arguments: [60, 500])
    func `A single event waits for two turns of another tenant's backlog at most, however long that is`(
        backlog: Int
    ) async throws {
        let lanes = 10
        var options = EngineOptions()
        options.lanesPerIntegration = lanes
        let world = try await World.pushing(options: options)
        let platform = world.platform
        let token = try await Self.connectAnother(to: world)
        try await world.coordinator.enqueue(
            (0..<backlog).map { number in
                DomainEvent(
                    .prospectCreated,
                    id: "b\(number)",
                    of: "b\(number)",
                    for: World.tenant,
                    fields: ["email": .text("b\(number)@example.fr")]
                )
            }
        )
        let (big, small) = ("Bearer \(world.token)", "Bearer \(token)")
        let calls = LockBox((own: 0, since: Int?.none, waited: Int?.none))
        let single = DomainEvent(
            .prospectCreated,
            id: "single",
            of: "single",
            for: "tenant-43",
            fields: ["email": "ada@example.fr"]
        )
        platform.onStep { step in
            guard step.moment == .received else { return }
            let isFirst = calls.withLock { calls -> Bool in
                if step.request.headers["Authorization"] == big {
                    calls.own += 1
                    defer { calls.since = calls.since ?? calls.own }
                    return calls.since == nil
                }
                if step.request.headers["Authorization"] == small, calls.waited == nil, let since = calls.since {
                    calls.waited = calls.own - since
                }
                return false
            }
            if isFirst { _ = try? await world.coordinator.enqueue(single) }
        }
        try await world.settle(within: .seconds(3600))
        #expect(platform.records("contacts", in: 43).count == 1)
        #expect(platform.records("contacts", in: World.portal).count == backlog)
        // A turn is three calls here: two that look the records up, and one that writes them.
        let waited = try #require(calls.withLock { $0.waited })
        #expect(waited <= 2 * 3, "\(waited) of \(calls.withLock { $0.own }) calls")
    }
}
