// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct ConflictPolicyTests {
    typealias Policy = SyncSettings.ConflictPolicy

    @Test(arguments: [Policy.platformWins, .hostWins, .newestWins, .ask])
    func aPersonEditsWhileTheHostsEditWaitsBehindABreaker(policy: Policy) async throws {
        let world = try await World(settings: World.contacts(policy))
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada", "phone": "+33612345678"])
        try await world.settle()
        let id = try #require(world.contacts().first).id
        world.platform.fail(100, with: .status(503))
        world.clock.advance(by: .seconds(5))
        try await world.update("p1", ["first_name": "Host", "phone": "+33600000000"], event: "u1")
        _ = try await world.sync()
        world.clock.advance(by: .seconds(5))
        try world.person(edits: id, ["firstname": "Person", "jobtitle": "Directrice"])
        world.platform.stopFailing()
        try await world.settle(within: .seconds(3600))
        let host = await world.records.record(World.prospect("p1"))?.fields ?? [:]
        let expected: (host: String, platform: String) =
            switch policy {
            case .platformWins, .newestWins: ("Person", "Person")
            case .hostWins: ("Host", "Host")
            case .ask: ("Host", "Person")
            }
        #expect(host["first_name"] == .text(expected.host))
        #expect(world.property("firstname", of: id) == expected.platform)
        #expect(try await world.letters().count == (policy == .ask ? 1 : 0))
        if policy != .ask {
            #expect(host["job_title"] == "Directrice")
            #expect(world.property("phone", of: id) == "+33600000000")
        } else {
            try world.person(edits: id, ["firstname": "Host"])
            for letter in try await world.letters() { try await world.manager.replay(letter.id) }
            try await world.settle(within: .seconds(3600))
            #expect(try await world.letters().isEmpty)
            #expect(await world.records.record(World.prospect("p1"))?.fields["job_title"] == "Directrice")
            #expect(world.property("phone", of: id) == "+33600000000")
        }
    }

    @Test(arguments: [Policy.platformWins, .hostWins, .newestWins, .ask])
    func bothSidesFilledAndDifferentAtFirstContact(policy: Policy) async throws {
        let world = try await World(settings: World.contacts(policy))
        let id = try world.person(creates: "ada@example.fr", ["firstname": "Person", "city": "Lyon"])
        world.clock.advance(by: .seconds(60))
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Host", "job_title": "Directrice"])
        try await world.settle(within: .seconds(3600))
        let host = await world.records.record(World.prospect("p1"))?.fields ?? [:]
        let expected: (host: String, platform: String) =
            switch policy {
            case .platformWins: ("Person", "Person")
            case .hostWins, .newestWins: ("Host", "Host")
            case .ask: ("Host", "Person")
            }
        #expect(host["first_name"] == .text(expected.host))
        #expect(world.property("firstname", of: id) == expected.platform)
        #expect(world.contacts().count == 1)
        #expect(await world.records.references.count == 1)
        if policy != .ask {
            #expect(host["city"] == "Lyon")
            #expect(world.property("jobtitle", of: id) == "Directrice")
        }
    }

    @Test(arguments: [Policy.platformWins, .hostWins])
    func aPersonsEditOfAFieldThatTheHostChangedInSilence(policy: Policy) async throws {
        let world = try await World(settings: World.contacts(policy))
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let id = try #require(world.contacts().first).id
        await world.records.edit(World.prospect("p1"), ["first_name": "Silent"])
        world.clock.advance(by: .seconds(5))
        try world.person(edits: id, ["firstname": "Person"])
        try await world.pull()
        let winner = policy == .hostWins ? "Silent" : "Person"
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == .text(winner))
        #expect(world.property("firstname", of: id) == winner)
        try await world.settle(within: .seconds(7200))
        #expect(world.property("firstname", of: id) == winner)
    }

    @Test func whatALossyStepCutsOffIsNoNewsForTheHost() async throws {
        let world = try await World()
        try await world.manager.setMapping(
            FieldMapping(
                hostKind: "prospect",
                kind: .contact,
                rules: [
                    FieldRule("email", "email"), FieldRule("first_name", "firstname", transforms: [.truncated(to: 5)]),
                ]
            ),
            of: world.integration.id
        )
        try await world.create("p1", ["email": "Ada@Example.fr", "first_name": "Alexandrine"])
        try await world.settle(within: .seconds(7200))
        let id = try #require(world.contacts().first).id
        #expect(world.property("firstname", of: id) == "Alexa")
        #expect(await world.records.applied.isEmpty)
        try world.person(edits: id, ["firstname": "Zoé"])
        try await world.pull()
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Zoé")
    }

    /// Random edits on both sides; the platform lowers the case of addresses and cuts nothing else.
    @Test(arguments: 1...1 as ClosedRange<UInt64>, [Policy.platformWins, .hostWins, .newestWins])
    func randomEditsOnBothSidesComeToRest(seed: UInt64, policy: Policy) async throws {
        let world = try await World(seed: seed, settings: World.contacts(policy))
        var random = SeededGenerator(seed: seed)
        for index in 0..<3 {
            try await world.create(
                "p\(index)",
                ["email": .text("Ada\(index)@Example.FR"), "first_name": "Ada", "phone": "+33 6 12 34 56 78"]
            )
        }
        try await world.settle()
        let ids = world.contacts().map(\.id).sorted()
        try #require(ids.count == 3)
        for step in 0..<40 {
            let which = Int.random(in: 0..<3, using: &random)
            let value = "v\(Int.random(in: 0..<5, using: &random))"
            switch Int.random(in: 0..<6, using: &random) {
            case 0: try await world.update("p\(which)", ["first_name": .text(value)], event: "u\(step)")
            case 1:
                try await world.update(
                    "p\(which)",
                    ["email": .text("ADA\(which)\(value)@example.fr")],
                    event: "e\(step)"
                )
            case 2: try world.person(edits: ids[which], ["firstname": value])
            case 3: try world.person(edits: ids[which], ["email": "ada\(which)\(value)@example.fr"])
            case 4: _ = try await world.sync()
            default: world.clock.advance(by: .seconds(Int64.random(in: 1...120, using: &random)))
            }
        }
        world.clock.advance(by: .seconds(1))
        let writesBefore = world.writes
        let deliveriesBefore = await world.records.applied.count
        try await world.settle(within: .seconds(3 * 3600))
        #expect(world.writes - writesBefore <= 12)
        #expect(await world.records.applied.count - deliveriesBefore <= 12)
        for index in 0..<3 {
            let host = try #require(await world.records.record(World.prospect("p\(index)"))?.fields)
            let address = try #require(host["email"]?.lowercased)
            let remote = try #require(world.contact(address)?.id, "p\(index) \(address)")
            #expect(host["first_name"] == world.property("firstname", of: remote).map(FieldValue.text), "p\(index)")
        }
        let (writes, deliveries) = (world.writes, await world.records.applied.count)
        try await world.rest(for: .seconds(7 * 86_400))
        #expect(world.writes == writes, "writes go on")
        #expect(await world.records.applied.count == deliveries, "deliveries go on")
    }
}
