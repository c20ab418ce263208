// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// A host that does something of its own whenever the platform's changes were applied.
private actor RestlessHost: HostRecords {
    let records: InMemoryHostRecords
    private var afterwards: (@Sendable ([InboundChange], [InboundOutcome]) async throws -> Void)?

    init(_ records: InMemoryHostRecords) {
        self.records = records
    }

    func afterApply(_ body: @escaping @Sendable ([InboundChange], [InboundOutcome]) async throws -> Void) {
        afterwards = body
    }

    func current(_ references: [HostReference]) async -> [HostReference: HostRecord] {
        await records.current(references)
    }

    func apply(_ changes: [InboundChange]) async throws -> [InboundOutcome] {
        let outcomes = await records.apply(changes)
        try await afterwards?(changes, outcomes)
        return outcomes
    }
}

private struct Refusal: Error {}

@Suite struct ReconcileTests {
    private func deliver(_ world: World) async {
        for delivery in world.platform.takeDeliveries() {
            _ = await WebhookInbox(world.manager).receive(delivery, from: .hubSpot)
        }
    }

    // MARK: - Our own unfinished creates

    @Test(
        arguments: [SimulatedHubSpot.Fault.lostAnswerAfter, .timeoutAfterEffect, .statusAfterEffect(502)],
        [true, false]
    )
    func ourOwnUnfinishedCreateIsNoStranger(fault: SimulatedHubSpot.Fault, hooks: Bool) async throws {
        let world = try await World()
        try await world.settle(within: .seconds(60))
        world.platform.fail(3, .init(path: "/batch/upsert"), with: fault)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.coordinator.pull(world.integration.id, sweep: true)
        _ = try await world.sync()
        #expect(world.contacts().count == 1)
        if hooks { await deliver(world) }
        try await world.coordinator.pull(world.integration.id, sweep: true)
        try await world.settle(within: .seconds(7200))
        #expect(world.contacts().count == 1)
        #expect(await world.records.references == [World.prospect("p1")])
        #expect(try await world.letters().isEmpty)
    }

    @Test func aCrashAfterApplyProposesTheSameRecordAgain() async throws {
        let store = LockBox<CrashingStore?>(nil)
        let records = InMemoryHostRecords()
        let host = RestlessHost(records)
        let world = try await World(
            host: host,
            over: { inner in
                let crashing = CrashingStore(inner)
                store.withLock { $0 = crashing }
                return crashing
            }
        )
        try await world.settle(within: .seconds(60))
        let crashing = try #require(store.withLock { $0 })
        let proposed = LockBox<[HostReference?]>([])
        await host.afterApply { changes, _ in
            proposed.withLock { $0 += changes.map(\.host) }
            crashing.die(after: 0)
        }
        try world.person(creates: "grace@example.fr", ["firstname": "Grace"])
        world.clock.advance(by: .seconds(5))
        await #expect(throws: IntegrationError.self) { try await world.pull() }
        #expect(await records.references.count == 1)
        let later = RestlessHost(records)
        await later.afterApply { changes, _ in proposed.withLock { $0 += changes.map(\.host) } }
        let again = try await World(restarting: world, host: later)
        world.clock.advance(by: .seconds(200))
        try await again.settle(within: .seconds(600))
        #expect(await records.references.count == 1)
        #expect(await records.repeats == 1)
        #expect(await records.applied.count == 1)
        #expect(proposed.withLock { $0.count } == 2)
        #expect(Set(proposed.withLock { $0 }).count == 1)
        // What the crash left behind is let be after a while; what was carried through has left nothing.
        #expect(await world.store.count(matching: RowQuery("intent.kind"), upTo: 10) == 1)
    }

    @Test(arguments: [false, true])
    func eventsThatTheHostRaisesInsideApplyMakeNothingTwice(hostHasRules: Bool) async throws {
        let records = InMemoryHostRecords()
        let host = RestlessHost(records)
        let world = try await World(host: host)
        if hostHasRules {
            await records.store { _, fields in
                fields.mapValues { if case .text(let text) = $0 { .text(text.uppercased()) } else { $0 } }
            }
        }
        let number = LockBox(0)
        await host.afterApply { [coordinator = world.coordinator] changes, outcomes in
            for (change, outcome) in zip(changes, outcomes) {
                guard case .applied(let reference, let stored) = outcome else { continue }
                let turn = number.withLock { value in
                    value += 1
                    return value
                }
                let kind: EventKind = if case .create = change.action { .prospectCreated } else { .prospectUpdated }
                try await coordinator.enqueue(
                    DomainEvent(
                        kind,
                        id: "inside-\(turn)",
                        of: reference.id,
                        for: World.tenant,
                        fields: stored?.fields ?? [:]
                    )
                )
            }
        }
        let id = try world.person(creates: "grace@example.fr", ["firstname": "Grace"])
        try await world.settle(within: .seconds(600))
        world.clock.advance(by: .seconds(60))
        try world.person(edits: id, ["firstname": "Gracia"])
        try await world.pull()
        try await world.settle(within: .seconds(7200))
        #expect(world.contacts().count == 1)
        #expect(await records.references.count == 1)
        #expect(await records.references.first.map { $0.kind } == "prospect")
        let name = await records.references.first.asyncMap { await records.record($0)?.fields["first_name"] }
        #expect(name == .text(hostHasRules ? "GRACIA" : "Gracia"))
        #expect(world.property("firstname", of: id)?.lowercased() == "gracia")
        let (writes, deliveries) = (world.writes, await records.applied.count)
        #expect(writes <= (hostHasRules ? 2 : 0))
        try await world.rest(for: .seconds(86_400))
        #expect(world.writes == writes)
        #expect(await records.applied.count == deliveries)
        #expect(try await world.letters().isEmpty)
    }

    // MARK: - Reads that are older than what we know

    @Test func aPageReadBeforeOurOwnWriteIsNoNews() async throws {
        let world = try await World(settings: World.contacts(.hostWins))
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Old"])
        try await world.settle(within: .seconds(60))
        let second = try await World(restarting: world)
        world.clock.advance(by: .seconds(60))
        let id = try #require(world.contacts().first).id
        try world.person(edits: id, ["jobtitle": "Directrice"])
        let isDone = LockBox(false)
        world.platform.onStep { step in
            guard step.moment == .performed, step.request.url.path.hasSuffix("/batch/read"),
                !isDone.withLock({ done in
                    defer { done = true }
                    return done
                })
            else { return }
            // The page was read; before it is looked at, another process writes the host's newer value.
            second.clock.advance(by: .seconds(1))
            try await second.update("p1", ["first_name": "New"], event: "u1")
            _ = try await second.sync()
        }
        try await world.coordinator.pull(world.integration.id)
        try await world.settle(within: .seconds(600))
        #expect(isDone.withLock { $0 })
        #expect(world.property("firstname", of: id) == "New")
        let names = await world.records.applied.compactMap { $0.fields["first_name"] }
        #expect(names.isEmpty)
        #expect(await world.records.record(World.prospect("p1"))?.fields["job_title"] == "Directrice")
    }

    // MARK: - A host that refuses

    @Test func aRefusedRecordStopsNobodyAndWaitsVisibly() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let own = try #require(world.contacts().first).id
        await world.records.refuse { change in
            change.fields["first_name"] == "Bad" ? Refusal() : nil
        }
        world.clock.advance(by: .seconds(5))
        try world.person(creates: "bad@example.fr", ["firstname": "Bad"])
        try world.person(edits: own, ["firstname": "Bad"])
        let good = try world.person(creates: "good@example.fr", ["firstname": "Good"])
        try await world.pull()
        #expect(await world.hostFields(of: good)?["first_name"] == "Good")
        try await world.settle(within: .seconds(3600))
        #expect(try await world.letters().count == 2)
        await world.records.refuse { _ in nil }
        for letter in try await world.letters() { try await world.manager.replay(letter.id) }
        try await world.settle(within: .seconds(600))
        #expect(try await world.letters().isEmpty)
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Bad")
        #expect(await world.records.references.count == 3)
    }

    @Test func aDeliveryThatIsRefusedBesideAWriteComesAgain() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let own = try #require(world.contacts().first).id
        await world.records.refuse { change in change.fields["first_name"] == "Person" ? Refusal() : nil }
        world.clock.advance(by: .seconds(5))
        try world.person(edits: own, ["firstname": "Person"])
        try await world.update("p1", ["job_title": "Directrice"], event: "u1")
        _ = try await world.sync()
        #expect(world.property("jobtitle", of: own) == "Directrice")
        await world.records.refuse { _ in nil }
        try await world.settle(within: .seconds(7200))
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Person")
    }

    @Test func aStaleAnswerIsAskedAgain() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let own = try #require(world.contacts().first).id
        let left = LockBox(2)
        await world.records.answerStale { _ in
            left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
        world.clock.advance(by: .seconds(5))
        try world.person(edits: own, ["firstname": "Adèle"])
        try await world.pull()
        try await world.settle(within: .seconds(600))
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Adèle")
        #expect(try await world.letters().isEmpty)
    }

    // MARK: - Natural keys

    @Test func aPulledContactJoinsTheCreateThatWaitsForIt() async throws {
        let world = try await World()
        try await world.settle(within: .seconds(60))
        world.platform.fail(100, with: .status(503))
        try await world.create("p1", ["email": "Ada@Example.fr", "first_name": "Ada"])
        _ = try await world.sync()
        world.platform.stopFailing()
        let id = try world.person(creates: "ada@example.fr", ["city": "Lyon"])
        // Only reading works for a while.
        world.platform.fail(4, .init(path: "/batch/upsert"), with: .status(503))
        try await world.coordinator.pull(world.integration.id, sweep: true)
        try await world.settle(within: .seconds(7200))
        #expect(await world.records.references == [World.prospect("p1")])
        #expect(world.contacts().count == 1)
        #expect(world.property("firstname", of: id) == "Ada")
        #expect(await world.records.record(World.prospect("p1"))?.fields["city"] == "Lyon")
        #expect(try await world.letters().isEmpty)
    }

    @Test func anAddressThatMovesToAnotherContactNamesThatOne() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let first = try #require(world.contacts().first).id
        world.clock.advance(by: .seconds(60))
        try world.person(edits: first, ["email": "new@example.fr"])
        let second = try world.person(creates: "ada@example.fr", ["firstname": "Other Ada"])
        try await world.pull()
        try await world.settle(within: .seconds(600))
        #expect(await world.records.record(World.prospect("p1"))?.fields["email"] == "new@example.fr")
        #expect(await world.hostFields(of: second)?["first_name"] == "Other Ada")
        #expect(await world.records.references.count == 2)
        // The address is the second one's now, also for the host's own writes.
        let partner = try #require(
            await world.records.partner(of: RemoteID(.contact, second), in: world.integration.id)
        )
        try await world.update(partner.id, ["job_title": "Directrice"], event: "u1")
        try await world.settle(within: .seconds(600))
        #expect(world.property("jobtitle", of: second) == "Directrice")
        #expect(world.property("jobtitle", of: first) == nil)
    }

    @Test func twoRecordsOfTheHostNeverWriteOneContact() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "One"])
        try await world.settle(within: .seconds(60))
        try await world.create("p2", ["email": "ADA@example.fr", "first_name": "Two"])
        try await world.settle(within: .seconds(7200))
        #expect(world.contacts().map { $0.properties["firstname"] } == ["One"])
        #expect(try await world.letters().count == 1)
        #expect(await world.records.references.count == 2)
    }

    // MARK: - Directions and kinds

    @Test func anIntegrationThatOnlyPullsWritesNothing() async throws {
        let world = try await World(settings: World.contacts(.hostWins))
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let id = try #require(world.contacts().first).id
        let writes = world.writes
        try await world.update("p1", ["phone": "+33612345678"], event: "u1")
        try await world.manager.update(
            world.integration.id,
            settings: World.contacts(.hostWins) { $0.direction = .pull }
        )
        await world.records.edit(World.prospect("p1"), ["first_name": "Silent"])
        world.clock.advance(by: .seconds(60))
        try world.person(edits: id, ["firstname": "Person", "jobtitle": "Directrice"])
        try await world.pull()
        try await world.settle(within: .seconds(7200))
        #expect(world.writes == writes)
        let record = await world.records.record(World.prospect("p1"))
        #expect(record?.fields["first_name"] == "Person")
        #expect(record?.fields["job_title"] == "Directrice")
    }

    @Test func anIntegrationThatOnlyPushesReadsNoLists() async throws {
        let world = try await World(settings: World.contacts { $0.direction = .push })
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(7200))
        let id = try #require(world.contacts().first).id
        try world.person(edits: id, ["firstname": "Person"])
        try world.person(creates: "grace@example.fr")
        await deliver(world)
        try await world.coordinator.pull(world.integration.id, sweep: true)
        try await world.settle(within: .seconds(7200))
        #expect(await world.records.applied.isEmpty)
        #expect(world.platform.calls.filter { $0.path.hasSuffix("/search") }.isEmpty)
    }

    @Test func kindsThatAreLeftOutAreNotPulled() async throws {
        let world = try await World(settings: World.contacts())
        try world.platform.create("companies", in: World.portal, ["name": "ACME"])
        try world.person(creates: "grace@example.fr")
        try await world.settle(within: .seconds(600))
        #expect(await world.records.references.map(\.kind) == ["prospect"])
    }
}

extension Optional {
    fileprivate func asyncMap<Value>(_ body: (Wrapped) async -> Value?) async -> Value? {
        if let self { await body(self) } else { nil }
    }
}
