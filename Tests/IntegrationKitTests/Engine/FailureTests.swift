// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct FailureTests {
    @Test func oneBadValueDoesNotStopTheOthersOfItsBatch() async throws {
        let world = try await World.pushing()
        var events: [DomainEvent] = []
        for index in 0..<20 {
            events.append(
                world.event(
                    .prospectCreated,
                    "c\(index)",
                    of: "p\(index)",
                    ["email": .text(index == 13 ? "not an address" : "ada\(index)@example.fr"), "first_name": "Ada"]
                )
            )
        }
        try await world.coordinator.enqueue(events)
        let reports = try await world.settle()
        #expect(world.contacts().count == 19, "\(reports)")
        let letters = try await world.deadLetters()
        #expect(letters.map(\.record?.id) == ["p13"])
        #expect(letters.first?.reason.code == .refused)
        #expect(letters.first?.reason.remedy.text(in: "fr").isEmpty == false)
        #expect(try await world.statistics().queued == 0)
    }

    @Test func aRefusedCreateKeepsItsLaneClosedAndAReplayCarriesWhatCameSince() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "not an address", "first_name": "Ada"])
        try await world.settle()
        let letter = try #require(try await world.deadLetters().first)
        try await world.update("p1", ["email": "ada@example.fr", "first_name": "Adèle"], event: "u1")
        try await world.settle()
        #expect(world.contacts().isEmpty)
        try await world.manager.replay(letter.id)
        try await world.settle()
        #expect(world.contacts().compactMap { $0.properties["firstname"] } == ["Adèle"])
        #expect(try await world.statistics().isEmpty)
    }

    @Test func anUpdateThatWouldMakeItsRecordKeepsItsLaneClosedToo() async throws {
        let world = try await World.pushing()
        try await world.update("p1", ["email": "not an address", "first_name": "Ada"], event: "u1")
        try await world.settle()
        try await world.update("p1", ["phone": "+33612345678"], event: "u2")
        try await world.settle()
        #expect(world.contacts().isEmpty)
        #expect(try await world.deadLetters().count == 1)
    }

    @Test func aRefusedUpdateStandsBesideItsLaneAndItsReplayTurnsNothingBack() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.update("p1", ["email": "not an address", "phone": "1", "first_name": "Adèle"], event: "u1")
        try await world.settle()
        try await world.update("p1", ["email": "adele@example.fr", "phone": "2"], event: "u2")
        try await world.settle()
        #expect(world.contacts().first?.properties["phone"] == "2")
        let letter = try #require(try await world.deadLetters().first)
        try await world.manager.replay(letter.id)
        try await world.settle()
        let contact = try #require(world.contacts().first)
        #expect(contact.properties["email"] == "adele@example.fr")
        #expect(contact.properties["phone"] == "2")
        #expect(contact.properties["firstname"] == "Adèle")
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func anUpdateIsNotRefusedForWhatAnotherOneSaid() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.update("p1", ["first_name": "Adèle"], event: "u1")
        try await world.update("p1", ["email": "not an address"], event: "u2")
        try await world.settle()
        for letter in try await world.deadLetters() { try await world.manager.replay(letter.id) }
        try await world.settle()
        #expect(world.contacts().first?.properties["firstname"] == "Adèle")
        #expect(try await world.deadLetters().map(\.event) == ["u2"])
    }

    @Test func dependentsOfARefusedRecordAreStoppedWithItsReasonAndFollowItsReplay() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "not an address"])
        try await world.settle()
        try await world.coordinator.enqueue(
            world.event(
                .documentSent,
                "n1",
                of: "doc1",
                ["text": "Devis", "sent_at": .instant(world.clock.wall)],
                related: [RelatedRecord("prospect", "p1")]
            )
        )
        try await world.settle()
        let letters = try await world.deadLetters()
        #expect(Set(letters.compactMap(\.record?.kind)) == ["prospect", "document"])
        let note = try #require(letters.first { $0.record?.kind == "document" })
        #expect(note.reason.message.contains("prospect"))
        try await world.update("p1", ["email": "ada@example.fr"], event: "u1")
        let contact = try #require(letters.first { $0.record?.kind == "prospect" })
        try await world.manager.replay(contact.id)
        try await world.settle()
        #expect(world.contacts().count == 1)
        #expect(world.platform.records("notes", in: World.portal).count == 1)
        #expect(try await world.statistics().isEmpty)
    }

    @Test func aKindWithoutItsScopeWaitsWithoutDeadLettersAndGoesOnLater() async throws {
        let world = try await World.pushing()
        world.platform.setScopes(
            SimulatedHubSpot.allScopes.filter { !$0.contains("deals.write") && !$0.contains("deals.sensitive") },
            of: world.token
        )
        try await world.create("p1", ["email": "ada@example.fr"])
        for index in 0..<5 {
            try await world.coordinator.enqueue(
                world.event(
                    .appointmentCreated,
                    "a\(index)",
                    of: "rdv\(index)",
                    ["title": "Visite"],
                    related: [RelatedRecord("prospect", "p1")]
                )
            )
        }
        let reports = try await world.settle(within: .seconds(3 * 3600))
        #expect(world.contacts().count == 1, "\(reports)")
        #expect(try await world.deadLetters().isEmpty)
        #expect(try await world.statistics().queued == 5)
        #expect(try await world.manager.integration(world.integration.id).suspendedKinds[.deal] != nil)
        #expect(try await world.manager.integration(world.integration.id).lastError != nil)
        world.platform.setScopes(SimulatedHubSpot.allScopes, of: world.token)
        try await world.manager.test(world.integration.id)
        try await world.settle()
        #expect(world.creations("deal") == 5)
        #expect(try await world.statistics().isEmpty)
    }

    @Test func aMappingThatThePlatformRefusesHoldsItsKindAndNotTheAccount() async throws {
        let world = try await World.pushing()
        world.platform.configureAccount(World.portal) { account in
            account.rules = [SimulatedHubSpot.RequiredProperty("description", of: "deals")]
        }
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.coordinator.enqueue(
            world.event(
                .appointmentCreated,
                "a1",
                of: "rdv1",
                ["title": "Visite"],
                related: [RelatedRecord("prospect", "p1")]
            )
        )
        try await world.settle()
        try await world.update("p1", ["first_name": "Ada"], event: "u1")
        let reports = try await world.settle()
        #expect(world.contacts().first?.properties["firstname"] == "Ada", "\(reports)")
        #expect(world.observer.count(.breakerOpened) == 0)
    }

    // MARK: - Somebody else's records

    @Test func somebodyElsesContactIsLinkedAndMerged() async throws {
        let world = try await World.pushing()
        _ = try world.platform.create("contacts", in: World.portal, ["email": "ada@example.fr", "firstname": "Ada"])
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada", "phone": "+33612345678"])
        let reports = try await world.settle()
        #expect(world.contacts().count == 1, "\(reports)")
        #expect(world.contacts().first?.properties["phone"] == "+33612345678")
    }

    @Test(arguments: [true, false])
    func twoProspectsWithOneAddressNeverWriteOneContact(together: Bool) async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        if !together { try await world.settle() }
        try await world.create("p2", ["email": "Ada@example.fr", "first_name": "Grace"])
        let reports = try await world.settle()
        #expect(world.creations("contact") == 1, "\(reports)")
        #expect(world.values("firstname") == ["Ada"])
        let letters = try await world.deadLetters()
        #expect(letters.map(\.record?.id) == ["p2"])
        #expect(letters.first?.reason.code == .conflict)
    }

    @Test func anUpdateToAnAddressOfAnotherContactLinksNothingAnew() async throws {
        let world = try await World.pushing()
        let other = try world.platform.create("contacts", in: World.portal, ["email": "grace@example.fr"])
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        try await world.update("p1", ["email": "grace@example.fr"], event: "u1")
        try await world.settle()
        #expect(try await world.deadLetters().first?.reason.code == .conflict)
        try await world.update("p1", ["first_name": "Adèle"], event: "u2")
        try await world.settle()
        #expect(world.platform.record("contacts", other, in: World.portal)?.properties["firstname"] == nil)
        #expect(world.values("firstname") == ["Ada", "Adèle"])
    }

    @Test func aRefusedCreateHoldsNoAddress() async throws {
        let world = try await World.pushing()
        world.platform.configureAccount(World.portal) { account in
            account.rules = []
        }
        try await world.create("p1", ["email": "ada@example.fr", "stage": "no such stage"])
        try await world.settle()
        #expect(try await world.deadLetters().map(\.record?.id) == ["p1"])
        try await world.create("p2", ["email": "ada@example.fr"])
        let reports = try await world.settle()
        #expect(world.contacts().count == 1, "\(reports)")
    }

    @Test func anAddressThatWasGivenUpIsFreeForAnotherRecord() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.settle()
        try await world.update("p1", ["email": "ada@example.com"], event: "u1")
        try await world.settle()
        try await world.create("p2", ["email": "ada@example.fr"])
        try await world.settle()
        #expect(world.contacts().count == 2)
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func aHostThatHoldsDuplicatesDecidesItself() async throws {
        let world = try await World.pushing { $0.duplicatePolicy = .hold }
        let id = try world.platform.create("contacts", in: World.portal, ["email": "ada@example.fr"])
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let letter = try #require(try await world.deadLetters().first)
        #expect(letter.candidates == [RemoteID(.contact, id)])
        #expect(world.platform.record("contacts", id, in: World.portal)?.properties["firstname"] == nil)
    }
}
