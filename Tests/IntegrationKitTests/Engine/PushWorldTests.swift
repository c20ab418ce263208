// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// Random events, faults, crashes and two processes; once the faults cease, everything must have arrived once.
@Suite struct PushWorldTests {
    private static let faults: [SimulatedHubSpot.Fault] = [
        .lostAnswerBefore, .lostAnswerAfter, .timeout, .timeoutAfterEffect, .status(503), .statusAfterEffect(502),
        .status(429), .status(423), .truncatedBody, .html, .noConnection,
    ]

    @Test(arguments: 1...UInt64(8))
    func everyEventArrivesOnce(seed: UInt64) async throws {
        var chance = IntegrationKitTesting.SeededGenerator(seed: seed)
        let world = try await (seed.isMultiple(of: 3) ? World.withoutKeys() : World.pushing(seed: seed))
        // Each process has a seed of its own: two with one seed would give their commits the same ids.
        var life = seed * 1000
        func start(_ store: any IntegrationStore) async throws -> Peer {
            life += 1
            return try await world.peer(seed: life, store: store)
        }
        var store = FaultyStore(world.store)
        var peers = [try await start(store), try await start(world.store)]
        world.platform.failAtRandom(rate: 0.2, faults: PushWorldTests.faults)
        var wanted: [String: (name: String, phone: String)] = [:]
        var notes = 0
        var number = 0
        for _ in 0..<60 {
            var batch: [DomainEvent] = []
            for _ in 0..<Int.random(in: 0...4, using: &chance) {
                number += 1
                let id = "p\(Int.random(in: 0..<6, using: &chance))"
                var fields: [FieldName: FieldValue] = [:]
                if wanted[id] == nil { fields["email"] = .text("\(id)@example.fr") }
                var state = wanted[id] ?? (name: "", phone: "")
                if wanted[id] == nil || Bool.random(using: &chance) { state.name = "Name \(number)" }
                if Bool.random(using: &chance) { state.phone = "\(number)" }
                if state.name != wanted[id]?.name { fields["first_name"] = .text(state.name) }
                if state.phone != (wanted[id]?.phone ?? "") { fields["phone"] = .text(state.phone) }
                if !fields.isEmpty {
                    batch.append(
                        world.event(
                            wanted[id] == nil ? .prospectCreated : .prospectUpdated,
                            "e\(number)",
                            of: id,
                            fields
                        )
                    )
                }
                wanted[id] = state
                if Int.random(in: 0..<4, using: &chance) == 0 {
                    notes += 1
                    batch.append(
                        world.event(
                            .documentSent,
                            "n\(notes)",
                            of: "doc\(notes)",
                            ["text": .text("Note \(notes)"), "sent_at": .instant(world.clock.wall)],
                            related: [RelatedRecord("prospect", id)]
                        )
                    )
                }
                world.clock.advance(by: .milliseconds(20))
            }
            // The first process dies now and then; the host enqueues again what was not acknowledged.
            if Int.random(in: 0..<6, using: &chance) == 0 {
                let last = store.commits + Int.random(in: 1...6, using: &chance)
                let fault: FaultyStore.Fault = Bool.random(using: &chance) ? .deathBefore : .deathAfter
                store.fail { commit, _ in commit == last ? fault : nil }
            }
            do {
                try await peers[0].coordinator.enqueue(batch)
            } catch is IntegrationError {
                try await peers[1].coordinator.enqueue(batch)
            }
            for peer in peers.shuffled(using: &chance) { _ = try? await peer.sync() }
            if store.isDead {
                store = FaultyStore(world.store)
                peers[0] = try await start(store)
            }
            world.clock.advance(by: .seconds(Int.random(in: 0...90, using: &chance)))
        }
        world.platform.stopFailing()
        store.fail { _, _ in nil }
        try await peers[0].settle(within: .seconds(4 * 3600))
        try await peers[1].settle(within: .seconds(4 * 3600))
        #expect(world.creations("contact") == wanted.count)
        #expect(world.creations("note") == notes)
        for (id, state) in wanted {
            let contact = world.contacts().first { $0.properties["email"] == "\(id)@example.fr" }
            #expect(contact?.properties["firstname"] == state.name, "\(id)")
            #expect(contact?.properties["phone"] ?? "" == state.phone, "\(id)")
        }
        let statistics = try await world.statistics()
        let letters = try await world.deadLetters()
        #expect(statistics.isEmpty, "\(statistics), \(letters)")
    }
}
