// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct AttemptTests {
    static let faults: [SimulatedHubSpot.Fault] = [
        .lostAnswerBefore, .lostAnswerAfter, .timeoutAfterEffect, .statusAfterEffect(502), .truncatedBody,
        .noConnection,
    ]

    private static func fill(_ world: World) async throws {
        try await world.coordinator.enqueue([
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr", "first_name": "Ada"]),
            world.event(
                .appointmentCreated,
                "a1",
                of: "rdv1",
                ["title": "Visite", "amount": 1200],
                related: [RelatedRecord("prospect", "p1")]
            ),
            world.event(
                .callCompleted,
                "k1",
                of: "call1",
                ["started_at": .instant(world.clock.wall), "summary": "Parlé du prix", "direction": "outbound"],
                related: [RelatedRecord("prospect", "p1")]
            ),
            world.event(
                .documentSent,
                "n1",
                of: "doc1",
                ["text": "Devis", "sent_at": .instant(world.clock.wall)],
                related: [RelatedRecord("prospect", "p1")]
            ),
        ])
    }

    @Test(arguments: ["contacts", "deals", "calls", "notes"], faults)
    func aLostAnswerLeavesOneRecord(objects: String, fault: SimulatedHubSpot.Fault) async throws {
        let world = try await World.pushing()
        world.platform.fail(1, .init(path: "/\(objects)/batch/upsert"), with: fault)
        try await AttemptTests.fill(world)
        let reports = try await world.settle(within: .seconds(7200))
        for type in ["contact", "deal", "call", "note"] {
            #expect(world.creations(type) == 1, "\(type): \(reports)")
        }
        #expect(try await world.statistics().queued == 0)
        #expect(try await world.statistics().sent == 0)
        let contact = try #require(world.contacts().first)
        for type in ["deals", "calls", "notes"] {
            let record = try #require(world.platform.records(type, in: World.portal).first)
            #expect(world.platform.associations(of: type, record.id, to: "contacts", in: World.portal) == [contact.id])
        }
    }

    @Test(arguments: ["contacts", "notes", "calls"], faults)
    func aLostAnswerLeavesOneRecordWhereTheAccountTakesNoKey(
        objects: String,
        fault: SimulatedHubSpot.Fault
    ) async throws {
        let world = try await World.withoutKeys()
        world.platform.fail(1, .init(path: "/\(objects)/batch/create"), with: fault)
        try await AttemptTests.fill(world)
        let reports = try await world.settle(within: .seconds(7200))
        for type in ["contact", "call", "note"] {
            #expect(world.creations(type) == 1, "\(type): \(reports)")
        }
    }

    @Test(arguments: [SimulatedHubSpot.Fault.lostAnswerBefore, .lostAnswerAfter])
    func aLostDealWaitsForAPersonWhereNothingCanTell(fault: SimulatedHubSpot.Fault) async throws {
        let world = try await World.withoutKeys()
        world.platform.fail(1, .init(path: "/deals/batch/create"), with: fault)
        try await AttemptTests.fill(world)
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("deal") == (fault == .lostAnswerAfter ? 1 : 0))
        let letter = try #require(try await world.deadLetters().first)
        #expect(letter.reason.code == .outcomeUnknown)
        #expect(!letter.reason.remedy.text(in: "fr").isEmpty)
        guard fault == .lostAnswerBefore else {
            try await world.manager.drop(letter.id)
            let record = try #require(letter.record)
            let event = DomainEvent(
                .appointmentUpdated,
                id: "again",
                of: record.id,
                for: World.tenant,
                fields: ["title": "Démo"]
            )
            try await world.coordinator.enqueue(event)
            try await world.settle(within: .seconds(7200))
            #expect(world.creations("deal") == 1)
            #expect(try await world.deadLetters().first?.reason.code == .outcomeUnknown)
            return
        }
        try await world.manager.replay(letter.id)
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("deal") == 1)
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func anUpdateBehindALostCreateGoesOutAfterTheAdoption() async throws {
        let world = try await World.withoutKeys()
        world.platform.fail(1, .init(path: "/contacts/batch/create"), with: .lostAnswerAfter)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        _ = try await world.sync()
        try await world.update("p1", ["first_name": "Adèle"], event: "u1")
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 1)
        #expect(world.values("firstname") == ["Ada", "Adèle"])
    }

    @Test func aDeletionBehindALostCreateIsCarriedOut() async throws {
        let world = try await World.pushing {
            $0.routes = World.withDeletes; $0.hostDeletePolicy = .carryOut
        }
        world.platform.fail(1, .init(path: "contacts/batch/upsert"), with: .lostAnswerAfter)
        try await world.create("p1", ["email": "ada@example.fr"])
        _ = try await world.sync()
        try await world.coordinator.enqueue(world.event(.prospectDeleted, "d1", of: "p1"))
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 1)
        #expect(world.contacts().isEmpty)
    }

    /// The process ends after the bytes left; what it did not commit must still count as sent.
    @Test func aDeletionBehindACreateThatACrashCutOffIsCarriedOut() async throws {
        let world = try await World.pushing {
            $0.routes = World.withDeletes; $0.hostDeletePolicy = .carryOut
        }
        let store = FaultyStore(world.store)
        let peer = try await world.peer(store: store)
        try await world.create("p1", ["email": "ada@example.fr"])
        world.platform.onStep { step in
            if step.moment == .performed, step.request.url.path.contains("upsert") {
                store.fail { _, _ in .deathBefore }
            }
        }
        await #expect(throws: IntegrationError.self) { try await peer.sync() }
        world.platform.onStep(nil)
        #expect(world.creations("contact") == 1)
        // The repeat is refused at first, and the deletion comes meanwhile.
        world.clock.advance(by: .seconds(130))
        world.platform.fail(1, .init(path: "batch/upsert"), with: .status(429))
        _ = try await world.sync()
        try await world.coordinator.enqueue(world.event(.prospectDeleted, "d1", of: "p1"))
        try await world.settle(within: .seconds(7200))
        #expect(world.contacts().isEmpty)
        #expect(try await world.statistics().queued == 0)
    }

    @Test func somebodyElsesContactThatIsFoundAfterALostAnswerGetsOurValues() async throws {
        let world = try await World.withoutKeys()
        world.platform.fail(1, .init(path: "/contacts/batch/create"), with: .lostAnswerBefore)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada", "phone": "+33612345678"])
        _ = try await world.sync()
        _ = try world.platform.create("contacts", in: World.portal, ["email": "ada@example.fr", "firstname": "Ada"])
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 0)
        #expect(world.contacts().compactMap { $0.properties["phone"] } == ["+33612345678"])
    }
}
