// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct OutageTests {
    @Test func twoHoursOfOutageKillNoJobAndProbeSparingly() async throws {
        let world = try await World.pushing()
        let peer = try await world.peer(seed: 4)
        world.platform.fail(1_000_000, with: .status(503))
        for index in 0..<250 {
            try await world.create("p\(index)", ["email": .text("ada\(index)@example.fr")])
        }
        let before = world.platform.calls.count
        let ends = world.clock.wall.addingTimeInterval(7200)
        while world.clock.wall < ends {
            _ = try await world.sync()
            _ = try await peer.sync()
            world.clock.advance(by: .seconds(5))
        }
        // 15 minutes is the longest interval and half a minute the shortest: 2 hours hold some 20 probes of one call.
        // The first read is repeated twice, before anybody knows of the outage.
        let times = world.platform.calls[(before + 2)...].map(\.time)
        for (one, next) in zip(times, times.dropFirst()) { #expect(next - one >= 10_000) }
        #expect(times.count < 40)
        #expect(world.observer.count(.breakerOpened) + peer.observer.count(.breakerOpened) == 1)
        world.platform.stopFailing()
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 250)
        #expect(try await world.statistics().isEmpty)
        #expect(world.observer.count(.breakerClosed) == 1)
    }

    @Test func oneProcessProbesAndTheOthersWait() async throws {
        let world = try await World.pushing()
        let peer = try await world.peer(seed: 4)
        world.platform.fail(3, with: .status(503))
        for index in 0..<5 { try await world.create("p\(index)", ["email": .text("ada\(index)@example.fr")]) }
        _ = try await world.sync()
        world.clock.advance(by: .seconds(31))
        let turnstile = Turnstile()
        world.platform.onStep { step in
            if step.moment == .received { await turnstile.pass() }
        }
        async let probe = world.sync()
        await turnstile.arrival()
        let calls = world.platform.calls.count
        world.clock.advance(by: .seconds(2))
        let other = Task { try await peer.sync() }
        for _ in 0..<200 { await Task.yield() }
        #expect(world.platform.calls.count == calls)
        await turnstile.open()
        _ = try await probe
        _ = try await other.value
        #expect(peer.observer.count(.request) == 0)
    }

    @Test func aReadThatSucceedsClosesTheBreakerToo() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        // A read is repeated twice before it counts.
        world.platform.fail(3, with: .status(503))
        world.clock.advance(by: .seconds(70))
        _ = try await world.sync()
        #expect(world.observer.count(.breakerOpened) == 1)
        try await world.settle(within: .seconds(120))
        #expect(world.observer.count(.breakerClosed) == 1)
        #expect(try await world.manager.integration(world.integration.id).lastError == nil)
    }

    @Test func aRefusedCallLetsItsOwnBudgetWaitAlone() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.settle()
        world.platform.fail(1, .init(path: "/associations/"), with: .status(429))
        try await world.coordinator.enqueue([
            world.event(
                .documentSent,
                "n1",
                of: "doc1",
                ["text": "Devis", "sent_at": .instant(world.clock.wall)],
                related: [RelatedRecord("prospect", "p1")]
            ),
            world.event(.prospectCreated, "c2", of: "p2", ["email": "grace@example.fr"]),
        ])
        _ = try await world.sync()
        try await world.create("p3", ["email": "marie@example.fr"])
        _ = try await world.sync()
        #expect(world.contacts().count == 3)
        try await world.settle()
        let note = try #require(world.platform.records("notes", in: World.portal).first)
        #expect(world.platform.associations(of: "notes", note.id, to: "contacts", in: World.portal).count == 1)
        #expect(try await world.deadLetters().isEmpty)
        #expect(world.observer.count(.breakerOpened) == 0)
    }

    @Test func aDayWithoutCallsLeftEndsAtMidnight() async throws {
        let world = try await World.pushing()
        world.platform.spendLimits(10_000_000, of: World.portal, appID: 7)
        try await world.create("p1", ["email": "ada@example.fr"])
        let before = world.platform.calls.count
        try await world.settle(within: .seconds(2 * 86_400))
        #expect(world.creations("contact") == 1)
        #expect(world.platform.calls.count - before < 12)
        #expect(try await world.statistics().isEmpty)
    }

    @Test func aLockedRecordIsTriedAgainWithoutCountingAgainstIt() async throws {
        let world = try await World.pushing()
        world.platform.fail(8, .init(path: "/batch/upsert"), with: .status(423))
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.settle()
        #expect(world.creations("contact") == 1)
        #expect(world.observer.count(.breakerOpened) == 0)
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func aRevokedTokenIsToldOnceAndTheQueueGoesOnInOrderAfterwards() async throws {
        let world = try await World.pushing()
        try await world.create("p0", ["email": "grace@example.fr"])
        try await world.settle()
        world.platform.revokeToken(world.token)
        for index in 1...150 { try await world.create("p\(index)", ["email": .text("ada\(index)@example.fr")]) }
        try await world.settle(within: .seconds(600))
        try await world.update("p1", ["first_name": "Ada"], event: "u1")
        try await world.settle(within: .seconds(600))
        #expect(try await world.manager.integration(world.integration.id).need == .reauthorization)
        let notices = world.observer.events(.stateChanged).filter { $0.error?.code == .reauthorizationRequired }
        #expect(notices.count == 1)
        #expect(try await world.statistics().queued == 151)

        world.platform.addAccount(SimulatedHubSpot.Account(portalID: 43))
        let stranger = world.platform.issueToken(for: 43)
        do {
            try await world.manager.reconnect(world.integration.id, form: ["access_token": stranger])
            Issue.record("Another account was taken.")
        } catch let error as IntegrationError {
            #expect(error.code == .accountMismatch)
        }
        let fresh = world.platform.issueToken(for: World.portal)
        try await world.manager.reconnect(world.integration.id, form: ["access_token": fresh])
        try await world.settle(within: .seconds(30))
        #expect(world.creations("contact") == 151)
        #expect(world.values("firstname") == ["Ada"])
        #expect(try await world.statistics().isEmpty)
    }
}
