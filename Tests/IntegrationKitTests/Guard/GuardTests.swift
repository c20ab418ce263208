// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct GuardTests {
    private func world(_ count: Int) async throws -> World {
        let world = try await World(settings: World.contacts { $0.remoteDeletePolicy = .carryOut })
        for number in 0..<count {
            _ = try world.platform.create(
                "contacts",
                in: World.portal,
                ["email": "c\(number)@example.fr", "firstname": "Ada \(number)"]
            )
        }
        try await sweep(world)
        #expect(await world.records.references.count == count)
        return world
    }

    private func sweep(_ world: World) async throws {
        world.clock.advance(by: .seconds(120))
        try await world.coordinator.pull(world.integration.id, sweep: true)
        try await world.settle(within: .seconds(600))
    }

    private func archive(_ count: Int, in world: World) throws {
        for contact in world.contacts().prefix(count) {
            try world.platform.archive("contacts", contact.id, in: World.portal)
        }
    }

    @Test func aFewDeletionsAreCarriedOut() async throws {
        let world = try await world(60)
        try archive(5, in: world)
        try await sweep(world)
        #expect(await world.records.references.count == 55)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func aMassDeletionWaitsUntilAPersonConfirmsIt() async throws {
        let world = try await world(60)
        try archive(30, in: world)
        try await sweep(world)
        try await sweep(world)
        #expect(await world.records.references.count == 60)
        let held = try await world.manager.heldChanges(of: world.integration.id)
        let change = try #require(held.first)
        #expect(held.count == 1)
        #expect(change.effect == .delete && change.count == 30 && change.total == 60)
        #expect(world.observer.count(.incidentOpened) == 1)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 30)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func moreThanWasConfirmedWaitsAgain() async throws {
        let world = try await world(60)
        try archive(20, in: world)
        try await sweep(world)
        let change = try #require(try await world.manager.heldChanges(of: world.integration.id).first)
        try archive(20, in: world)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 60)
        #expect(try await world.manager.heldChanges(of: world.integration.id).first?.count == 40)
    }

    @Test func whatCameBackByItselfIsForgotten() async throws {
        let world = try await world(60)
        let ids = world.contacts().prefix(30).map(\.id)
        try archive(30, in: world)
        try await sweep(world)
        #expect(try await world.manager.heldChanges(of: world.integration.id).count == 1)
        for id in ids { try world.platform.restore("contacts", id, in: World.portal) }
        try await sweep(world)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
        #expect(await world.records.references.count == 60)
    }

    @Test func aPageThatWouldEmptyManyOfTheHostsValuesWaits() async throws {
        let world = try await world(60)
        for contact in world.contacts() {
            try world.platform.edit("contacts", contact.id, in: World.portal, ["firstname": ""])
        }
        try await sweep(world)
        let names = await world.records.references
        var kept = 0
        for reference in names {
            if case .text = await world.records.record(reference)?.fields["first_name"] { kept += 1 }
        }
        #expect(kept == 60)
        let change = try #require(try await world.manager.heldChanges(of: world.integration.id).first)
        #expect(change.effect == .blank)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
        try await sweep(world)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
        var left = 0
        for reference in names {
            if case .text = await world.records.record(reference)?.fields["first_name"] { left += 1 }
        }
        #expect(left == 0)
    }
}
