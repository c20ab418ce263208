// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct GuardTests {
    /// A world of linked contacts in small pages, where more than a fifth, or two, are a mass; worked on by so many lanes
    /// at a time.
    private func world(_ count: Int, lanes: Int = 400) async throws -> World {
        var options = EngineOptions()
        options.lanesPerIntegration = lanes
        options.pageSize = 10
        options.massChangeMinimum = 2
        let world = try await World(
            seed: 1,
            settings: World.contacts { $0.remoteDeletePolicy = .carryOut },
            options: options,
            account: { $0.limits = .none }
        )
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
        let world = try await world(30)
        try archive(5, in: world)
        try await sweep(world)
        #expect(await world.records.references.count == 25)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func aMassDeletionWaitsUntilAPersonConfirmsIt() async throws {
        let world = try await world(30)
        try archive(15, in: world)
        try await sweep(world)
        try await sweep(world)
        #expect(await world.records.references.count == 30)
        let held = try await world.manager.heldChanges(of: world.integration.id)
        let change = try #require(held.first)
        #expect(held.count == 1)
        #expect(change.effect == .delete && change.count == 15 && change.total == 30)
        #expect(world.observer.count(.incidentOpened) == 1)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 15)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func moreThanWasConfirmedWaitsAgain() async throws {
        let world = try await world(30)
        try archive(10, in: world)
        try await sweep(world)
        let change = try #require(try await world.manager.heldChanges(of: world.integration.id).first)
        try archive(10, in: world)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 20)
        #expect(try await world.manager.heldChanges(of: world.integration.id).first?.count == 10)
    }

    @Test func whatCameBackByItselfIsForgotten() async throws {
        let world = try await world(30)
        let ids = world.contacts().prefix(15).map(\.id)
        try archive(15, in: world)
        try await sweep(world)
        #expect(try await world.manager.heldChanges(of: world.integration.id).count == 1)
        for id in ids { try world.platform.restore("contacts", id, in: World.portal) }
        try await sweep(world)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
        #expect(await world.records.references.count == 30)
    }

    private func deliver(_ world: World) async {
        let inbox = WebhookInbox(world.manager)
        for delivery in world.platform.takeDeliveries() { _ = await inbox.receive(delivery, from: .hubSpot) }
    }

    private func names(_ world: World) async -> Int {
        var count = 0
        for reference in await world.records.references {
            if case .text = await world.records.record(reference)?.fields["first_name"] { count += 1 }
        }
        return count
    }

    private func confirm(_ world: World) async throws {
        let change = try #require(try await world.manager.heldChanges(of: world.integration.id).first)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
    }

    @Test func pagesOfListedDeletionsAreCountedBeforeOneIsCarriedOut() async throws {
        let world = try await world(30, lanes: 5)
        try archive(30, in: world)
        // Only the list of deletions is due; no list proves absence.
        world.clock.advance(by: .seconds(6 * 3600 + 60))
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 30)
        let held = try await world.manager.heldChanges(of: world.integration.id)
        #expect(held.map(\.count) == [30] && held.map(\.total) == [30])
        try await confirm(world)
        #expect(await world.records.references.isEmpty)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func aFloodOfDeletionWebhooksWaits() async throws {
        let world = try await world(30, lanes: 5)
        try archive(30, in: world)
        await deliver(world)
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 30)
        #expect(try await world.manager.heldChanges(of: world.integration.id).map(\.count) == [30])
        #expect(world.observer.count(.incidentOpened) == 1)
        let record = try #require(await world.records.references.first)
        #expect(try await world.manager.why(record).description.contains("until a person confirms"))
        try await confirm(world)
        #expect(await world.records.references.isEmpty)
        _ = try await world.sync()
        #expect(world.observer.count(.incidentClosed) == 1)
    }

    @Test func manySmallRoundsOfDeletionsDeleteNoMoreThanTheShare() async throws {
        let world = try await world(30)
        for _ in 0..<10 {
            try archive(3, in: world)
            await deliver(world)
            try await world.settle(within: .seconds(30))
            world.clock.advance(by: .seconds(60))
        }
        #expect(world.contacts().isEmpty)
        #expect(await world.records.references.count == 24)
        // A day later as many wait as before.
        world.clock.advance(by: .seconds(26 * 3600))
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.count == 24)
        #expect(try await world.manager.heldChanges(of: world.integration.id).map(\.count) == [24])
        try await confirm(world)
        #expect(await world.records.references.isEmpty)
    }

    @Test func anErasureUnderAPrivacyLawWaitsForNobody() async throws {
        let world = try await world(30)
        world.platform.configureApp { app in
            app.subscriptions = [SimulatedHubSpot.Subscription("contact.privacyDeletion", id: 5)]
        }
        for contact in world.contacts() { try world.platform.erase("contacts", contact.id, in: World.portal) }
        await deliver(world)
        try await world.settle(within: .seconds(30))
        #expect(await world.records.references.isEmpty)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
        #expect(try await world.statistics().queued == 0)
    }

    @Test func oneKindsDeletionsAreNoneOfAnothers() async throws {
        var options = EngineOptions()
        options.massChangeMinimum = 2
        let world = try await World(
            seed: 1,
            settings: SyncSettings(kinds: [.contact, .company], remoteDeletePolicy: .carryOut),
            options: options,
            account: { $0.limits = .none }
        )
        for number in 0..<15 {
            for (type, name) in [("contacts", "email"), ("companies", "domain")] {
                let value = type == "contacts" ? "c\(number)@example.fr" : "c\(number).example.fr"
                _ = try world.platform.create(type, in: World.portal, [name: value])
            }
        }
        try await sweep(world)
        #expect(await world.records.references.count == 30)
        for type in ["contacts", "companies"] {
            for record in world.platform.records(type, in: World.portal).prefix(3) {
                try world.platform.archive(type, record.id, in: World.portal)
            }
        }
        try await sweep(world)
        #expect(await world.records.references.count == 24)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func whatWaitsInALaneAndComesBackIsForgotten() async throws {
        let world = try await world(30)
        let ids = world.contacts().map(\.id)
        try archive(30, in: world)
        await deliver(world)
        try await world.settle(within: .seconds(30))
        #expect(try await world.manager.heldChanges(of: world.integration.id).count == 1)
        for id in ids { try world.platform.restore("contacts", id, in: World.portal) }
        world.clock.advance(by: .seconds(6 * 3600))
        try await world.settle(within: .seconds(30))
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
        #expect(try await world.statistics().queued == 0)
        #expect(await world.records.references.count == 30)
        // What waited counts for nothing.
        try archive(6, in: world)
        await deliver(world)
        try await world.settle(within: .seconds(30))
        #expect(await world.records.references.count == 24)
    }

    @Test func aDeletionThatTheHostCannotTakeNowIsCountedOnce() async throws {
        let world = try await world(30)
        try archive(6, in: world)
        await deliver(world)
        let failing = SyncCoordinator(world.manager, host: DeafHost())
        for _ in 0..<5 {
            _ = try await failing.syncOnce(until: .now + .seconds(30))
            world.clock.advance(by: .seconds(11))
        }
        #expect(await world.records.references.count == 30)
        try await world.settle(within: .seconds(30))
        #expect(await world.records.references.count == 24)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
    }

    @Test func manySmallRoundsOfEmptiedValuesEmptyNoMoreThanTheShare() async throws {
        let world = try await world(30)
        for contacts in world.contacts().chunked(by: 3) {
            for contact in contacts {
                try world.platform.edit("contacts", contact.id, in: World.portal, ["firstname": ""])
            }
            world.clock.advance(by: .seconds(70))
            try await world.pull()
        }
        #expect(await names(world) == 24)
        let held = try await world.manager.heldChanges(of: world.integration.id)
        #expect(held.map(\.effect) == [.blank] && held.map(\.count) == [24])
        // The kind is not suspended: what does not empty anything goes on.
        #expect(try await world.manager.integration(world.integration.id).suspendedKinds.isEmpty)
        try await confirm(world)
        #expect(await names(world) == 0)
    }

    @Test func pagesThatWouldEmptyManyOfTheHostsValuesWait() async throws {
        let world = try await world(30, lanes: 5)
        for contact in world.contacts() {
            try world.platform.edit("contacts", contact.id, in: World.portal, ["firstname": ""])
        }
        try await sweep(world)
        #expect(await names(world) == 30)
        let change = try #require(try await world.manager.heldChanges(of: world.integration.id).first)
        #expect(change.effect == .blank && change.count == 30 && change.total == 30)
        try await world.manager.confirm(change, of: world.integration.id)
        try await world.settle(within: .seconds(600))
        try await sweep(world)
        #expect(try await world.manager.heldChanges(of: world.integration.id).isEmpty)
        #expect(await names(world) == 0)
    }
}

/// A host whose database takes nothing.
private struct DeafHost: HostRecords {
    struct Down: Error {}
    func current(_ records: [HostReference]) async throws -> [HostReference: HostRecord] { throw Down() }
    func apply(_ changes: [InboundChange]) async throws -> [InboundOutcome] { throw Down() }
}

extension Array {
    fileprivate func chunked(by size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
