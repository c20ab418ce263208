// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct CrashTests {
    /// What the host does; after a failure it enqueues the same events again, as it must.
    private static func run(_ world: World, _ peer: Peer) async throws {
        try await peer.coordinator.enqueue([
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr", "first_name": "Ada"], at: 60),
            world.event(
                .documentSent,
                "n1",
                of: "doc1",
                ["text": "Devis", "sent_at": .instant(world.clock.wall)],
                related: [RelatedRecord("prospect", "p1")],
                at: 50
            ),
        ])
        try await peer.settle()
        try await peer.coordinator.enqueue(
            world.event(.prospectUpdated, "u1", of: "p1", ["first_name": "Adèle"], at: 40)
        )
        try await peer.settle()
    }

    @Test(arguments: [FaultyStore.Fault.deathBefore, .deathAfter])
    func aCrashAtAnyCommitLosesAndDoublesNothing(fault: FaultyStore.Fault) async throws {
        var number = 1
        while true {
            let world = try await World.pushing()
            let store = FaultyStore(world.store)
            let peer = try await world.peer(store: store)
            let last = number
            store.fail { commit, _ in commit == last ? fault : nil }
            do {
                try await CrashTests.run(world, peer)
            } catch is IntegrationError {
                #expect(store.isDead, "commit \(number)")
            }
            guard store.isDead else { break }
            let heir = try await world.peer(seed: 7)
            try await CrashTests.run(world, heir)
            try await heir.settle(within: .seconds(7200))
            #expect(world.creations("contact") == 1, "commit \(number)")
            #expect(world.creations("note") == 1, "commit \(number)")
            #expect(world.contacts().first?.properties["firstname"] == "Adèle", "commit \(number)")
            let statistics = try await heir.manager.statistics(of: world.integration.id)
            #expect(statistics.isEmpty, "commit \(number)")
            number += 1
        }
        #expect(number > 6)
    }

    @Test(arguments: [FaultyStore.Fault.refused, .unknownLost, .unknownDone])
    func whatAFailingStoreDidNotTakeIsHeldAndCommittedFirst(fault: FaultyStore.Fault) async throws {
        let world = try await World.pushing()
        let store = FaultyStore(world.store)
        let peer = try await world.peer(store: store)
        try await peer.coordinator.enqueue(
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr", "first_name": "Ada"])
        )
        world.platform.onStep { step in
            if step.moment == .performed, step.request.url.path.contains("upsert") { store.fail { _, _ in fault } }
        }
        await #expect(throws: IntegrationError.self) { try await peer.sync() }
        let calls = world.platform.calls.count
        // While the store fails nothing is sent, and nothing that is known is given up.
        await #expect(throws: IntegrationError.self) { try await peer.sync() }
        #expect(world.platform.calls.count == calls)
        world.platform.onStep(nil)
        store.fail { _, _ in nil }
        try await peer.settle(within: .seconds(5))
        #expect(world.platform.calls.count == calls)
        #expect(world.creations("contact") == 1)
        let statistics = try await peer.manager.statistics(of: world.integration.id)
        #expect(statistics.isEmpty)
        #expect(try await world.manager.why(event: "c1", of: World.tenant).description.contains("created"))
    }

    @Test func aStoreThatIsFullForAnHourTurnsNoRecordIntoACrashLoop() async throws {
        let world = try await World.pushing()
        let store = FaultyStore(world.store)
        let peer = try await world.peer(store: store)
        try await peer.coordinator.enqueue(
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr", "first_name": "Ada"])
        )
        store.fail { _, _ in .refused }
        for _ in 0..<30 {
            await #expect(throws: IntegrationError.self) { try await peer.sync() }
            world.clock.advance(by: .seconds(125))
        }
        store.fail { _, _ in nil }
        try await peer.settle()
        #expect(world.creations("contact") == 1)
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func anEnqueueThatAFullStoreRefusesMayBeRepeated() async throws {
        let world = try await World.pushing()
        let store = FaultyStore(world.store)
        let peer = try await world.peer(store: store)
        let event = world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr"])
        store.fail { _, _ in .refused }
        do {
            try await peer.coordinator.enqueue(event)
            Issue.record("A full store took an event.")
        } catch let error as IntegrationError {
            #expect(error.code == .storeFailed)
        }
        store.fail { _, _ in nil }
        let receipt = try await peer.coordinator.enqueue(event)
        #expect(receipt.lines[0].queued == [world.integration.id])
    }
}
