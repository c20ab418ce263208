// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct FoldTests {
    @Test func aCreateAndItsUpdatesAreOneWrite() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.update("p1", ["first_name": "Adèle", "phone": "+33612345678"], event: "u1")
        try await world.settle()
        let effects = world.platform.history(of: World.portal).filter {
            $0.objectType == "contact" && $0.kind != .propertyCreated
        }
        #expect(effects.count == 1)
        #expect(effects.first?.values["firstname"] == "Adèle")
        #expect(effects.first?.values["phone"] == "+33612345678")
    }

    @Test func anUpdateThatComesBeforeItsCreateIsNotUndoneByIt() async throws {
        let world = try await World.pushing()
        try await world.coordinator.enqueue(
            world.event(.prospectUpdated, "u1", of: "p1", ["first_name": "Adèle"], at: 5)
        )
        try await world.coordinator.enqueue(
            world.event(.prospectCreated, "c1", of: "p1", ["email": "ada@example.fr", "first_name": "Ada"], at: 10)
        )
        try await world.settle()
        #expect(world.contacts().compactMap { $0.properties["firstname"] } == ["Adèle"])
        #expect(world.contacts().compactMap { $0.properties["email"] } == ["ada@example.fr"])
    }

    @Test(arguments: [true, false])
    func anOlderEventNeverTurnsAFieldBack(together: Bool) async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada", "phone": "1"])
        try await world.settle()
        world.clock.advance(by: .seconds(100))
        let newer = world.event(.prospectUpdated, "u2", of: "p1", ["first_name": "Adèle"], at: 10)
        let older = world.event(.prospectUpdated, "u1", of: "p1", ["first_name": "Adelaide", "phone": "2"], at: 20)
        try await world.coordinator.enqueue(newer)
        if !together { try await world.settle() }
        try await world.coordinator.enqueue(older)
        try await world.settle()
        #expect(world.values("firstname") == ["Ada", "Adèle"])
        #expect(world.contacts().first?.properties["phone"] == "2")
    }

    @Test func aHostsClockThatRunsAheadDoesNotSilenceWhatComesLater() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.coordinator.enqueue(
            world.event(.prospectUpdated, "u1", of: "p1", ["first_name": "Adèle"], at: -86_400 * 365)
        )
        try await world.settle()
        world.clock.advance(by: .seconds(60))
        try await world.coordinator.enqueue(world.event(.prospectUpdated, "u2", of: "p1", ["first_name": "Adelaide"]))
        try await world.settle()
        #expect(world.values("firstname") == ["Ada", "Adèle", "Adelaide"])
    }

    @Test func aRecordThatIsCreatedAndDeletedBeforeItIsSentLeavesNothing() async throws {
        let world = try await World.pushing { $0.routes = World.withDeletes }
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.coordinator.enqueue(world.event(.prospectDeleted, "d1", of: "p1"))
        try await world.settle()
        #expect(
            world.platform.history(of: World.portal).filter {
                $0.objectType == "contact" && $0.kind != .propertyCreated
            }.isEmpty
        )
        #expect(try await world.statistics().queued == 0)
    }

    @Test func anUpdateBeforeADeletionIsNotSent() async throws {
        let world = try await World.pushing {
            $0.routes = World.withDeletes; $0.hostDeletePolicy = .carryOut
        }
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.update("p1", ["first_name": "Adèle"], event: "u1")
        try await world.coordinator.enqueue(world.event(.prospectDeleted, "d1", of: "p1"))
        try await world.settle()
        #expect(world.values("firstname") == ["Ada"])
        #expect(world.contacts().isEmpty)
    }

    @Test func aRecordMadeAgainAfterItsDeletionIsAnotherOneWithAnotherKey() async throws {
        let world = try await World.pushing {
            $0.routes = World.withDeletes; $0.hostDeletePolicy = .carryOut
        }
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.coordinator.enqueue(world.event(.prospectDeleted, "d1", of: "p1"))
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada II"], event: "c2")
        let reports = try await world.settle()
        let all = world.platform.records("contacts", in: World.portal, includesArchived: true)
        #expect(all.count == 2, "\(reports)")
        #expect(world.contacts().compactMap { $0.properties["firstname"] } == ["Ada II"])
        #expect(Set(all.map { $0.properties["integrationkit_key"] }).count == 2)
    }

    @Test func aRebornRecordWhoseAnswerIsLostKeepsItsOwnKey() async throws {
        let world = try await World.pushing {
            $0.routes = World.withDeletes; $0.hostDeletePolicy = .carryOut
        }
        for (index, fault) in [nil, SimulatedHubSpot.Fault.lostAnswerAfter, nil].enumerated() {
            if let fault { world.platform.fail(1, .init(path: "contacts/batch/upsert"), with: fault) }
            try await world.create("p1", ["email": "ada@example.fr"], event: "c\(index)")
            try await world.settle(within: .seconds(3600))
            try await world.coordinator.enqueue(world.event(.prospectDeleted, "d\(index)", of: "p1"))
            try await world.settle(within: .seconds(3600))
        }
        #expect(world.creations("contact") == 3)
        let keys = world.platform.records("contacts", in: World.portal, includesArchived: true)
            .map { $0.properties["integrationkit_key"] }
        #expect(Set(keys).count == 3)
    }

    @Test(arguments: [true, false])
    func whatANoteTellsOfItsContactChangesNothingThatIsThere(isLinked: Bool) async throws {
        let world = try await World.pushing()
        if isLinked {
            try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
            try await world.settle()
        } else {
            _ = try world.platform.create(
                "contacts",
                in: World.portal,
                ["email": "ada@example.fr", "firstname": "Ada"]
            )
        }
        try await world.coordinator.enqueue([
            world.event(
                .documentSent,
                "n1",
                of: "doc1",
                ["text": "Devis", "sent_at": .instant(world.clock.wall)],
                related: [
                    RelatedRecord(
                        "prospect",
                        "p1",
                        fields: ["email": "ada@example.fr", "first_name": "X", "phone": "9"]
                    )
                ]
            )
        ])
        if isLinked { try await world.update("p1", ["company": "ACME"], event: "u1") }
        let reports = try await world.settle()
        #expect(world.platform.records("notes", in: World.portal).count == 1, "\(reports)")
        let contact = try #require(world.contacts().first)
        #expect(contact.properties["firstname"] == "Ada")
        #expect(contact.properties["phone"] == nil)
    }

    @Test func aQueueLongerThanOneClaimIsWorkedOffToItsEnd() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "0"])
        for index in 1...100 {
            try await world.update("p1", ["first_name": .text("\(index)")], event: "u\(index)")
        }
        try await world.settle()
        #expect(try await world.statistics().queued == 0)
        #expect(world.contacts().first?.properties["firstname"] == "100")
    }
}
