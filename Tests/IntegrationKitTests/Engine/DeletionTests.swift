// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct DeletionTests {
    typealias DeletePolicy = SyncSettings.DeletePolicy

    private func linked(_ settings: SyncSettings) async throws -> (World, String) {
        let world = try await World(settings: settings)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        world.clock.advance(by: .seconds(60))
        return (world, try #require(world.contacts().first).id)
    }

    @Test(arguments: [DeletePolicy.carryOut, .unlink, .ask])
    func aDeletionOnThePlatformFollowsThePolicy(policy: DeletePolicy) async throws {
        let (world, id) = try await linked(World.contacts { $0.remoteDeletePolicy = policy })
        try world.platform.archive("contacts", id, in: World.portal)
        try await world.sweep()
        let record = await world.records.record(World.prospect("p1"))
        #expect((record == nil) == (policy == .carryOut))
        #expect(try await world.letters().count == (policy == .ask ? 1 : 0))
        #expect(world.contacts().isEmpty)
        // An update of the host does not bring it back.
        if policy != .ask {
            try await world.update("p1", ["first_name": "Adèle"], event: "u1")
            try await world.settle(within: .seconds(600))
            #expect(world.contacts().isEmpty)
        }
    }

    @Test(arguments: [DeletePolicy.carryOut, .unlink])
    func aRestoredRecordRevivesItsLink(policy: DeletePolicy) async throws {
        let (world, id) = try await linked(World.contacts { $0.remoteDeletePolicy = policy })
        for round in 0..<2 {
            try world.platform.archive("contacts", id, in: World.portal)
            try await world.sweep()
            #expect(
                (await world.records.record(World.prospect("p1")) == nil) == (policy == .carryOut),
                "round \(round)"
            )
            world.clock.advance(by: .seconds(60))
            try world.platform.restore("contacts", id, in: World.portal)
            try world.person(edits: id, ["firstname": "Back\(round)"])
            try await world.sweep()
            let record = await world.records.record(World.prospect("p1"))
            #expect(record?.fields["first_name"] == .text("Back\(round)"), "round \(round)")
            world.clock.advance(by: .seconds(60))
        }
        #expect(await world.records.references.count == 1)
        try await world.update("p1", ["first_name": "Ada"], event: "u1")
        try await world.settle(within: .seconds(600))
        #expect(world.property("firstname", of: id) == "Ada")
        #expect(world.contacts().count == 1)
    }

    @Test func anEditOfTheHostSurvivesADeletion() async throws {
        let (world, id) = try await linked(World.contacts { $0.remoteDeletePolicy = .carryOut })
        try world.platform.archive("contacts", id, in: World.portal)
        try await world.update("p1", ["first_name": "Adèle"], event: "u1")
        try await world.sweep()
        try await world.settle(within: .seconds(600))
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Adèle")
        let alive = try #require(world.contacts().first)
        #expect(alive.properties["firstname"] == "Adèle")
        #expect(alive.properties["email"] == "ada@example.fr")
        #expect(world.contacts().count == 1)
    }

    @Test(arguments: [DeletePolicy.carryOut, .unlink, .ask])
    func aDeletionInTheHostFollowsThePolicy(policy: DeletePolicy) async throws {
        let (world, id) = try await linked(
            World.contacts {
                $0.hostDeletePolicy = policy
                $0.routes = [
                    EventRoute(.prospectCreated, .create, .contact), EventRoute(.prospectUpdated, .update, .contact),
                    EventRoute(.prospectDeleted, .delete, .contact),
                ]
            }
        )
        await world.records.delete(World.prospect("p1"))
        try await world.coordinator.enqueue(
            DomainEvent(.prospectDeleted, id: "d1", of: "p1", for: World.tenant, occurredAt: world.clock.wall)
        )
        try await world.settle(within: .seconds(600))
        #expect(world.contacts().isEmpty == (policy == .carryOut))
        #expect(try await world.letters().count == (policy == .ask ? 1 : 0))
        guard policy == .unlink else { return }
        // The platform's record lives on and is edited: it must not come back to life in the host.
        world.clock.advance(by: .seconds(60))
        try world.person(edits: id, ["firstname": "Zombie"])
        try await world.sweep()
        for delivery in world.platform.takeDeliveries() {
            _ = await WebhookInbox(world.manager).receive(delivery, from: .hubSpot)
        }
        try await world.settle(within: .seconds(7200))
        #expect(await world.records.references.isEmpty)
    }

    @Test func nothingIsDeletedThatAReadByIDStillFinds() async throws {
        let world = try await World(settings: World.contacts { $0.remoteDeletePolicy = .carryOut })
        for index in 0..<230 { try world.person(creates: "s\(index)@example.fr", ["firstname": "S\(index)"]) }
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 230)
        let ids = world.contacts().map(\.id)
        // While the sweep walks: one is merged, one archived and brought back, some are made.
        let turn = LockBox(0)
        world.platform.onStep { [platform = world.platform, clock = world.clock] step in
            guard step.moment == .performed, step.request.url.path.hasSuffix("/contacts") else { return }
            let number = turn.withLock { value in
                value += 1
                return value
            }
            clock.advance(by: .milliseconds(20))
            switch number {
            case 1:
                try platform.merge("contacts", ids[3], into: ids[220], in: World.portal)
                try platform.archive("contacts", ids[200], in: World.portal)
            case 2:
                try platform.create("contacts", in: World.portal, ["email": "late@example.fr", "firstname": "Late"])
            case 3: try platform.restore("contacts", ids[200], in: World.portal)
            default: break
            }
        }
        try await world.sweep()
        world.platform.onStep(nil)
        try await world.settle(within: .seconds(600))
        let deletions = await world.records.applied.filter { if case .delete = $0.action { true } else { false } }
        #expect(deletions.isEmpty)
        #expect(await world.records.references.count == 231)
    }

    @Test func aRecordThatThePermissionsHideIsNotDeleted() async throws {
        let (world, id) = try await linked(World.contacts { $0.remoteDeletePolicy = .carryOut })
        try world.platform.archive("contacts", id, in: World.portal)
        // The list shows it no more, and reading it by id is forbidden now.
        world.platform.fail(50, .init(path: "/contacts/batch/read"), with: .status(403))
        world.platform.fail(50, .init(path: "/contacts/\(id)"), with: .status(403))
        try await world.sweep()
        #expect(await world.records.record(World.prospect("p1")) != nil)
    }

    // MARK: - Merges

    @Test(arguments: [true, false])
    func aMergeOfTwoLinkedRecordsTellsTheLosersHostRecord(sweeps: Bool) async throws {
        let world = try await World(settings: World.contacts { $0.remoteDeletePolicy = .carryOut })
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.create("p2", ["email": "grace@example.fr", "first_name": "Grace"])
        try await world.create("p3", ["email": "linus@example.fr", "first_name": "Linus"])
        try await world.settle(within: .seconds(60))
        let winner = try #require(world.contact("ada@example.fr")).id
        for (loser, host) in [("grace@example.fr", "p2"), ("linus@example.fr", "p3")] {
            world.clock.advance(by: .seconds(60))
            try world.platform.merge(
                "contacts",
                try #require(world.contact(loser)).id,
                into: winner,
                in: World.portal
            )
            if sweeps { try await world.sweep() } else { try await world.pull() }
            let merges = await world.records.applied.filter { change in
                if case .merge(let into) = change.action {
                    return into == World.prospect("p1") && change.host?.id == host
                }
                return false
            }
            #expect(merges.count == 1, "\(host)")
        }
        #expect(await world.records.references.count == 3)
        #expect(try await world.letters().isEmpty)
        try world.person(edits: winner, ["firstname": "Both"])
        try await world.pull()
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Both")
        #expect(await world.records.record(World.prospect("p2"))?.fields["first_name"] == "Grace")
        // The merged record's events wait for a person; they never write over the winner.
        try await world.update("p2", ["first_name": "Stray"], event: "u2")
        try await world.settle(within: .seconds(600))
        #expect(world.property("firstname", of: winner) == "Both")
        #expect(try await world.letters().count == 1)
    }

    @Test func aLinkFollowsARecordThatIsMergedIntoAStranger() async throws {
        let world = try await World(settings: World.contacts { $0.remoteDeletePolicy = .carryOut })
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let loser = try #require(world.contact("ada@example.fr")).id
        world.clock.advance(by: .seconds(60))
        // Made and merged before anybody looked.
        let winner = try world.person(creates: "countess@example.fr", ["firstname": "Countess"])
        try world.platform.merge("contacts", loser, into: winner, in: World.portal)
        try await world.sweep()
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 1)
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Countess")
        try await world.update("p1", ["job_title": "Comtesse"], event: "u1")
        try await world.settle(within: .seconds(600))
        #expect(world.property("jobtitle", of: winner) == "Comtesse")
    }
}
