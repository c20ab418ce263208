// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct EnqueueTests {
    @Test func oneEventTwiceInOneCallIsQueuedOnce() async throws {
        let world = try await World.pushing()
        let event = world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr"])
        let receipt = try await world.coordinator.enqueue([event, event])
        #expect(receipt.lines.map(\.queued) == [[world.integration.id], []])
        #expect(receipt.lines.map(\.known) == [[], [world.integration.id]])
        try await world.settle()
        #expect(try await world.coordinator.enqueue(event).lines[0].known == [world.integration.id])
        try await world.settle()
        #expect(world.creations("contact") == 1)
    }

    @Test func aDisabledIntegrationDropsEventsAndSaysSo() async throws {
        let world = try await World.pushing()
        try await world.manager.disable(world.integration.id)
        #expect(try await world.manager.integration(world.integration.id).needsResync == false)
        for index in 0..<3 {
            let receipt = try await world.coordinator.enqueue(
                world.event(.prospectCreated, "c\(index)", of: "p\(index)", ["email": "ada@example.fr"])
            )
            #expect(receipt.lines[0].queued.isEmpty)
            #expect(receipt.lines[0].skipped[world.integration.id]?.isEmpty == false)
        }
        #expect(world.observer.count(.dropped) == 3)
        #expect(try await world.manager.why(event: "c1", of: World.tenant).description.contains("disabled"))
        try await world.manager.enable(world.integration.id)
        try await world.settle()
        #expect(world.contacts().isEmpty)
        #expect(try await world.manager.integration(world.integration.id).needsResync)
    }

    @Test func aPausedIntegrationKeepsItsQueueAndGoesOnAtOnce() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.manager.pause(world.integration.id)
        try await world.create("p2", ["email": "grace@example.fr"])
        let before = world.platform.calls.count
        try await world.settle(within: .seconds(600))
        #expect(world.platform.calls.count == before)
        try await world.manager.enable(world.integration.id)
        _ = try await world.sync()
        #expect(world.contacts().count == 2)
    }

    @Test func anEventWithoutARouteIsLogged() async throws {
        let world = try await World.pushing()
        let receipt = try await world.coordinator.enqueue(
            DomainEvent("invoice.paid", id: "i1", of: "inv1", for: World.tenant)
        )
        #expect(receipt.lines[0].queued.isEmpty)
        #expect(world.observer.count(.unrouted) == 1)
        #expect(try await world.manager.why(event: "i1", of: World.tenant).description.contains("invoice.paid"))
    }

    @Test func anEventGoesToItsAudienceAlone() async throws {
        let world = try await World.pushing()
        var event = world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr"])
        event.audience = .only(["another"])
        #expect(try await world.coordinator.enqueue(event).lines[0].queued.isEmpty)
        try await world.settle()
        #expect(world.contacts().isEmpty)
    }

    @Test func anEventFromThePlatformItselfWritesNothingBack() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let contact = try #require(world.contacts().first)
        var event = world.event(.prospectUpdated, "u1", of: "p1", ["first_name": "Ada"])
        event.origin = DomainEvent.Origin(integration: world.integration.id, remote: RemoteID(.contact, contact.id))
        try await world.coordinator.enqueue(event)
        try await world.settle()
        #expect(world.values("firstname") == ["Ada"])
        #expect(try await world.statistics().isEmpty)
    }

    /// Its first life may be longer ago than ids are remembered: what it made then is looked for.
    @Test func anEventOlderThanTheMemoryLooksBeforeItMakes() async throws {
        let world = try await World.pushing()
        let event = world.event(
            .documentSent,
            "n1",
            of: "doc1",
            ["text": "Devis", "sent_at": .instant(world.clock.wall)],
            related: [RelatedRecord("prospect", "p1", fields: ["email": "ada@example.fr"])]
        )
        try await world.coordinator.enqueue(event)
        try await world.settle()
        // A restored store has neither the job nor the link.
        for row in await world.store.rows(matching: RowQuery("record", keys: ["tenant-42|document|doc1"])) {
            try await world.store.commit(Changes(id: UUID(), deletes: [row.content.id]))
        }
        world.clock.advance(by: .seconds(31 * 86_400))
        try await world.coordinator.enqueue(event)
        try await world.settle(within: .seconds(60))
        #expect(world.creations("note") == 1)
    }

    @Test func aFenceThatMovesMeanwhileOnlyRoutesAnew() async throws {
        let world = try await World.pushing()
        let store = FaultyStore(world.store)
        let peer = try await world.peer(store: store)
        let moved = LockBox(0)
        let fence = RowID(type: "fence", key: world.integration.id)
        let row = try #require(await world.store.rows([fence])[fence])
        // Somebody else's commit comes between the read and this one.
        store.beforeCommit { changes in
            guard changes.puts.contains(where: { $0.id.type == "job" }), moved.withLock({ $0 }) < 2 else { return }
            moved.withLock { $0 += 1 }
            try await world.store.commit(Changes(id: UUID(), puts: [row.content]))
        }
        let receipt = try await peer.coordinator.enqueue(
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr"])
        )
        #expect(moved.withLock { $0 } == 2)
        #expect(receipt.lines[0].queued == [world.integration.id])
    }
}
