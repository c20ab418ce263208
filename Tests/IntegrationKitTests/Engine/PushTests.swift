// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct PushTests {
    @Test func anEventBecomesARecord() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada", "phone": "+33612345678"])
        let report = try await world.sync()
        #expect(report.count(.created) == 1, "\(report)")
        let contact = try #require(world.contacts().first)
        #expect(contact.properties["email"] == "ada@example.fr")
        #expect(contact.properties["firstname"] == "Ada")
    }

    @Test func theSameEventTwiceIsDoneOnce() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr"])
        let receipt = try await world.coordinator.enqueue(
            DomainEvent(
                .prospectCreated,
                id: "created-p1",
                of: "p1",
                for: World.tenant,
                fields: ["email": "ada@example.fr"]
            )
        )
        #expect(receipt.lines[0].known == [world.integration.id])
        try await world.settle()
        #expect(world.contacts().count == 1)
    }

    @Test func updatesFollowTheirCreate() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.update("p1", ["first_name": "Adèle"], event: "u1")
        let reports = try await world.settle()
        #expect(reports.reduce(0) { $0 + $1.count(.updated) } == 1, "\(reports)")
        #expect(world.contacts().first?.properties["firstname"] == "Adèle")
    }

    @Test(arguments: [
        SimulatedHubSpot.Fault.lostAnswerBefore, .lostAnswerAfter, .timeout, .timeoutAfterEffect, .truncatedBody, .html,
        .status(500), .statusAfterEffect(502), .status(429), .status(423), .noConnection, .hugeBody,
        .moving(retryAfter: 90),
    ])
    func aFaultNeverDoublesARecord(fault: SimulatedHubSpot.Fault) async throws {
        let world = try await World()
        try await world.settle()
        world.platform.fail(1, .init(path: "/batch/upsert"), with: fault)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        let reports = try await world.settle(within: .seconds(3600))
        #expect(world.contacts().count == 1, "\(reports)")
        #expect(try await world.manager.statistics(of: world.integration.id).queued == 0)
        let creations = world.platform.history(of: World.portal).filter {
            $0.kind == .created && $0.objectType == "contact"
        }
        #expect(creations.count == 1)
    }

    @Test func aNoteWaitsForItsContactAndMakesIt() async throws {
        let world = try await World()
        try await world.coordinator.enqueue(
            DomainEvent(
                .documentSent,
                id: "d1",
                of: "doc_1",
                for: World.tenant,
                fields: ["text": "Devis envoyé", "sent_at": .instant(world.clock.wall)],
                related: [RelatedRecord("prospect", "p1", fields: ["email": "ada@example.fr", "first_name": "Ada"])]
            )
        )
        let reports = try await world.settle()
        let notes = world.platform.records("notes", in: World.portal)
        #expect(notes.count == 1, "\(reports)")
        let contact = try #require(world.contacts().first)
        #expect(world.platform.associations(of: "notes", notes[0].id, to: "contacts", in: World.portal) == [contact.id])
    }
}
