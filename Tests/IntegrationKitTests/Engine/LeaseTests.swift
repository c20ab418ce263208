// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct LeaseTests {
    /// The first owner's answer is held back until the second one has done the work.
    @Test(arguments: [true, false])
    func aFrozenOwnersLateAnswerDoublesNothing(hasKeys: Bool) async throws {
        let world = hasKeys ? try await World.pushing() : try await World.withoutKeys()
        let first = try await world.peer(seed: 5)
        let second = try await world.peer(seed: 6)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        let gate = Turnstile()
        world.platform.onStep { step in
            if step.moment == .performed,
                step.request.url.path.contains("contacts/batch/\(hasKeys ? "upsert" : "create")")
            {
                await gate.pass()
            }
        }
        async let late = first.sync()
        await gate.arrival()
        world.platform.onStep(nil)
        world.clock.advance(by: .seconds(29))
        world.clock.advance(by: .seconds(92))
        try await second.settle(within: .seconds(7200))
        await gate.open()
        _ = try await late
        try await second.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 1)
        let statistics = try await world.statistics()
        #expect(statistics.isEmpty)
        #expect(first.observer.count(.duplicateFound) == 0)
    }

    /// The answer comes after the lease was lost and before anybody else looked: it must not be thrown away.
    @Test func anAnswerThatComesAfterTheLeaseWasLostIsRemembered() async throws {
        let world = try await World.withoutKeys()
        let first = try await world.peer(seed: 5)
        try await world.coordinator.enqueue([
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr"]),
            world.event(
                .appointmentCreated,
                "a1",
                of: "rdv1",
                ["title": "Visite"],
                related: [RelatedRecord("prospect", "p1")]
            ),
        ])
        world.platform.onStep { step in
            if step.moment == .performed, step.request.url.path.contains("deals/batch/create") {
                await LeaseTests.endLease(of: "rdv1", in: world)
            }
        }
        _ = try? await first.sync()
        world.platform.onStep(nil)
        // Where no look-up can tell, only the remembered answer can say that the deal is there.
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("deal") == 1)
        #expect(try await world.deadLetters().isEmpty)
        #expect(try await world.statistics().sent == 0)
    }

    /// Lets the lease of a lane end at once, whoever holds it.
    private static func endLease(of record: String, in world: World) async {
        let lane = LaneID(integration: world.integration.id, subject: "h|appointment|\(record)")
        for token in Int64(1)...200 {
            _ = await world.store.renew([LaneLease(lane: lane, token: token, duration: .zero, starts: 1)], for: .zero)
        }
    }

    @Test func nothingLeavesAfterItsWindowHasClosed() async throws {
        let world = try await World.pushing()
        let store = FaultyStore(world.store)
        let peer = try await world.peer(store: store)
        try await world.create("p1", ["email": "ada@example.fr"])
        // The process freezes inside the commit that marks the write as sent.
        let frozen = LockBox(false)
        let clock = world.clock
        store.fail { _, changes in
            let isSent = changes.puts.contains { content in
                content.indexes.contains { $0.name == "job.sent" }
            }
            guard isSent, !frozen.withLock({ $0 }) else { return nil }
            frozen.withLock { $0 = true }
            clock.advance(by: .seconds(10))
            return nil
        }
        func upserts(_ world: World) -> Int {
            world.platform.calls.filter { $0.path.contains("contacts/batch/upsert") }.count
        }
        let before = upserts(world)
        let report = try await peer.sync()
        #expect(frozen.withLock { $0 })
        #expect(upserts(world) == before, "\(report)")
        try await peer.settle()
        #expect(world.creations("contact") == 1)
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func twoCoordinatorsShareOneQueue() async throws {
        let world = try await World.pushing()
        let peers = [try await world.peer(seed: 5), try await world.peer(seed: 6)]
        for index in 0..<150 {
            try await world.create("p\(index)", ["email": .text("ada\(index)@example.fr")])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for peer in peers { group.addTask { _ = try await peer.sync() } }
            try await group.waitForAll()
        }
        try await peers[0].settle()
        #expect(world.creations("contact") == 150)
        #expect(world.contacts().count == 150)
    }

    @Test(arguments: 1...12)
    func aCancelledTaskLosesNothing(step: Int) async throws {
        let world = try await World.pushing()
        let peer = try await world.peer(seed: 5)
        try await peer.coordinator.enqueue([
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr", "first_name": "Ada"]),
            world.event(
                .documentSent,
                "n1",
                of: "doc1",
                ["text": "Devis", "sent_at": .instant(world.clock.wall)],
                related: [RelatedRecord("prospect", "p1")]
            ),
        ])
        let steps = LockBox(0)
        let gate = Turnstile()
        world.platform.onStep { _ in
            let count = steps.withLock { steps -> Int in
                steps += 1
                return steps
            }
            if count == step { await gate.pass() }
        }
        // Cancelled while a call stands at that step; a run that ends before it is cancelled afterwards.
        let task = Task { try? await peer.sync() }
        let watcher = Task {
            await gate.arrival()
            task.cancel()
            await gate.open()
        }
        _ = await task.value
        await gate.open()
        await gate.pass()
        await watcher.value
        world.platform.onStep(nil)
        try await peer.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 1)
        #expect(world.creations("note") == 1)
        let statistics = try await world.statistics()
        #expect(statistics.isEmpty)
    }
}
