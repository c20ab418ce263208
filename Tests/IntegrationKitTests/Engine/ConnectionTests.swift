// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct ConnectionTests {
    private func error(_ body: () async throws -> Void) async -> IntegrationError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? IntegrationError
        }
    }

    @Test func aFormThatLacksTheTokenIsRefusedByName() async throws {
        let world = try await World()
        let error = await error {
            try await world.manager.connect(.hubSpot, for: "t2", name: "HubSpot", form: ["access_token": "  "])
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.description.contains("access_token") == true)
        #expect(error?.remedy.text(in: "fr").isEmpty == false)
        #expect(try await world.manager.integrations(of: "t2").isEmpty)
    }

    @Test func aTokenThatThePlatformRefusesStoresNothing() async throws {
        let world = try await World()
        let error = await error {
            try await world.manager.connect(.hubSpot, for: "t2", name: "HubSpot", form: ["access_token": "pat-wrong"])
        }
        #expect(error?.code == .reauthorizationRequired)
        #expect(error?.description.contains("pat-wrong") == false)
        #expect(try await world.manager.integrations(of: "t2").isEmpty)
    }

    @Test(arguments: [
        "http://api.hubapi.com", "https://user:secret@api.hubapi.com", "https://192.168.1.10", "https://localhost:8080",
    ])
    func anAddressThatMayNotBeCalledIsRefused(address: String) async throws {
        let world = try await World()
        let url = try #require(URL(string: address))
        let error = await error {
            try await world.manager.connect(
                .hubSpot,
                for: "t2",
                name: "HubSpot",
                form: ["access_token": world.token],
                baseURL: url
            )
        }
        #expect(error?.code == .addressNotAllowed)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func oneTenantConnectsOneAccountOnce() async throws {
        let world = try await World()
        let error = await error {
            try await world.manager.connect(
                .hubSpot,
                for: World.tenant,
                name: "Encore",
                form: ["access_token": world.token]
            )
        }
        #expect(error?.code == .conflict)
        #expect(try await world.manager.integrations(of: World.tenant).count == 1)
    }

    @Test func aReconnectionToAnotherAccountIsRefused() async throws {
        let world = try await World()
        world.platform.addAccount(SimulatedHubSpot.Account(portalID: 43))
        let other = world.platform.issueToken(for: 43)
        let error = await error {
            try await world.manager.reconnect(world.integration.id, form: ["access_token": other])
        }
        #expect(error?.code == .accountMismatch)
        #expect(try await world.manager.test(world.integration.id).key.value == "42")
    }

    @Test func aNewTokenTakesUpTheQueueAgain() async throws {
        let world = try await World()
        try await world.settle()
        world.platform.revokeToken(world.token)
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.settle(within: .seconds(30))
        #expect(try await world.manager.integration(world.integration.id).need == .reauthorization)
        #expect(world.contacts().isEmpty)
        #expect(world.observer.events(.stateChanged).count == 1)
        let token = world.platform.issueToken(for: World.portal)
        try await world.manager.reconnect(world.integration.id, form: ["access_token": token])
        try await world.settle()
        #expect(world.contacts().count == 1)
        #expect(try await world.manager.integration(world.integration.id).need == nil)
    }

    @Test func aDisabledIntegrationDropsEventsAndSaysSo() async throws {
        let world = try await World()
        try await world.settle()
        try await world.manager.disable(world.integration.id)
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.settle()
        #expect(world.contacts().isEmpty)
        #expect(world.observer.count(.dropped) == 1)
        let why = try await world.manager.why(event: "created-p1", of: World.tenant)
        #expect(why.description.contains("disabled"))
        #expect(try await world.manager.integration(world.integration.id).needsResync)
        try await world.manager.markResynced(world.integration.id)
        let integration = try await world.manager.integration(world.integration.id)
        #expect(!integration.needsResync)
        #expect(integration.state == .disabled)
    }

    /// A host whose database is away for as long as the switch is on.
    private actor SwitchedRecords: HostRecords {
        private let records: InMemoryHostRecords
        private(set) var isAway = true
        init(_ records: InMemoryHostRecords) { self.records = records }
        func comeBack() { isAway = false }

        func current(_ wanted: [HostReference]) async throws -> [HostReference: HostRecord] {
            if isAway { throw CocoaError(.fileReadUnknown) }
            return await records.current(wanted)
        }

        func apply(_ changes: [InboundChange]) async throws -> [InboundOutcome] {
            if isAway { throw CocoaError(.fileWriteUnknown) }
            return await records.apply(changes)
        }
    }

    @Test func aHostWhoseDatabaseIsAwayHoldsNoPlatformBack() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let records = SwitchedRecords(world.records)
        let coordinator = SyncCoordinator(world.manager, host: records)
        let contact = try #require(world.contacts().first)
        world.clock.advance(by: .seconds(5))
        try world.platform.edit("contacts", contact.id, in: World.portal, ["jobtitle": "Directrice"])
        try await world.coordinator.pull(world.integration.id)
        try await coordinator.syncOnce(until: .now + .seconds(30))
        #expect(world.observer.count(.breakerOpened) == 0)
        try await world.create("p2", ["email": "grace@example.com"])
        try await coordinator.syncOnce(until: .now + .seconds(30))
        #expect(world.contacts().count == 2)
        await records.comeBack()
        world.clock.advance(by: .seconds(60))
        try await coordinator.syncOnce(until: .now + .seconds(30))
        #expect(await world.records.record(World.prospect("p1"))?.fields["job_title"] == "Directrice")
    }

    @Test func aPausedIntegrationKeepsItsQueue() async throws {
        let world = try await World()
        try await world.settle()
        try await world.manager.pause(world.integration.id)
        try await world.create("p1", ["email": "ada@example.fr"])
        let calls = world.platform.calls.count
        try await world.settle()
        #expect(world.platform.calls.count == calls)
        try await world.manager.enable(world.integration.id)
        try await world.settle()
        #expect(world.contacts().count == 1)
    }

    @Test func connectingAgainAfterADeletionFindsWhatWasWritten() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let receipt = try await world.manager.delete(world.integration.id)
        #expect(receipt.rows > 0)
        let again = try await world.manager.connect(
            .hubSpot,
            for: World.tenant,
            name: "Mon HubSpot",
            form: ["access_token": world.token]
        )
        #expect(again.id != world.integration.id)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"], event: "resync-p1")
        try await world.settle()
        #expect(world.contacts().count == 1)
    }

    @Test func anErasedTenantLeavesNoRow() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.settle()
        let receipt = try await world.manager.erase(tenant: World.tenant)
        #expect(receipt.rows > 0)
        #expect(receipt.unreadableAt != nil)
        #expect(try await world.manager.integrations(of: World.tenant).isEmpty)
        #expect(await world.store.wrappedKey(for: World.tenant) == nil)
        try await world.settle()
        #expect(await world.store.purge(.tenant(World.tenant), limit: 10) == 0)
    }

    @Test func anErasedPersonLeavesNoRowThatNamesHer() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.create("p2", ["email": "grace@example.com"])
        try await world.settle()
        let receipt = try await world.manager.erase(World.prospect("p1"))
        #expect(receipt.rows >= 3)
        let why = try await world.manager.why(World.prospect("p1"))
        #expect(why.description.hasPrefix("Nothing is known"))
        #expect(try await world.manager.why(World.prospect("p2")).description.contains("linked"))
    }

    @Test func aRestoredStoreLooksBeforeItCreates() async throws {
        let world = try await World()
        try await world.settle()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.manager.adoptRestoredStore()
        let reads = world.platform.callCounts["POST objects/contacts/batch/read"] ?? 0
        try await world.settle(within: .seconds(30))
        #expect((world.platform.callCounts["POST objects/contacts/batch/read"] ?? 0) > reads)
        #expect(world.contacts().count == 1)
    }

    @Test func aRecordThatCarriesOurKeyWaitsForTheHostsWord() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        // The same installation with an empty store: the platform knows more than it does.
        let records = InMemoryHostRecords()
        let store = InMemoryIntegrationStore(time: world.clock.timeSource)
        let manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: world.platform,
            time: world.clock.timeSource
        )
        let again = try await manager.connect(
            .hubSpot,
            for: World.tenant,
            name: "Mon HubSpot",
            form: ["access_token": world.token]
        )
        let coordinator = SyncCoordinator(manager, host: records)
        for _ in 0..<20 {
            try await coordinator.syncOnce(until: .now + .seconds(30))
            world.clock.advance(by: .seconds(2))
        }
        #expect(await records.references.isEmpty)
        let links = RowQuery("link.key", range: "\(again.id)|"..<"\(again.id)|~")
        #expect(await store.count(matching: links, upTo: 10) == 1)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectCreated,
                id: "resync-p1",
                of: "p1",
                for: World.tenant,
                fields: ["email": "ada@example.fr", "first_name": "Ada"]
            )
        )
        try await coordinator.syncOnce(until: .now + .seconds(30))
        #expect(world.contacts().count == 1)
        #expect(await store.count(matching: links, upTo: 10) == 1)
        #expect(try await manager.why(World.prospect("p1")).description.contains("linked"))
    }

    @Test func aMappingToAFieldThatIsNotThereIsRefusedWithNamesNearby() async throws {
        let world = try await World()
        let mapping = FieldMapping(
            hostKind: "prospect",
            kind: .contact,
            rules: [FieldRule("email", "email"), FieldRule("phone", "phonne")]
        )
        let error = await error { try await world.manager.setMapping(mapping, of: world.integration.id) }
        #expect(error?.code == .invalidInput)
        #expect(error?.description.contains("phonne") == true)
        #expect(error?.description.contains("phone") == true)
    }

    @Test func aStoreOfAnotherNamespaceIsRefused() async throws {
        let world = try await World()
        let error = await error {
            _ = try await IntegrationManager(
                providers: [.hubSpot],
                store: world.store,
                keyring: try Keyring(current: Data(repeating: 7, count: 32)),
                namespace: "other",
                transport: world.platform,
                time: world.clock.timeSource
            )
        }
        #expect(error?.code == .invalidInput)
    }

    @Test func keysAreWrappedAnewUnderARotatedKeyring() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr"])
        let old = Data(repeating: 7, count: 32)
        let new = Data(repeating: 9, count: 32)
        let rotated = try await IntegrationManager(
            providers: [.hubSpot],
            store: world.store,
            keyring: try Keyring(current: new, older: [old]),
            namespace: "tests",
            transport: world.platform,
            time: world.clock.timeSource
        )
        #expect(try await rotated.rotateKeys(of: [World.tenant]) == [World.tenant])
        let fresh = try await IntegrationManager(
            providers: [.hubSpot],
            store: world.store,
            keyring: try Keyring(current: new),
            namespace: "tests",
            transport: world.platform,
            time: world.clock.timeSource
        )
        #expect(try await fresh.test(world.integration.id).key.value == "42")
        try await SyncCoordinator(fresh).syncOnce(until: .now + .seconds(30))
        #expect(world.contacts().count == 1)
    }

    @Test func nothingPrivateStandsInTheStoreInClear() async throws {
        let world = try await World()
        let canaries = ["Zorglub", "zorglub@example.fr", "+33699887766", world.token]
        try await world.create(
            "p1",
            ["email": "zorglub@example.fr", "first_name": "Zorglub", "phone": "+33699887766"]
        )
        try await world.create("p2", ["email": "no address", "first_name": "Zorglub"])
        try await world.settle(within: .seconds(7200))
        var texts: [String] = []
        for index in [
            "integration.all", "job.event", "record", "log.integration", "log.outcome", "job.state", "link.key",
        ] {
            for row in await world.store.rows(matching: RowQuery(index, limit: 10_000)) {
                texts.append(String(decoding: row.content.body, as: UTF8.self))
                texts += row.content.indexes.map(\.key)
            }
        }
        #expect(texts.count > 20)
        texts += world.observer.events.map { "\($0)" }
        for text in texts {
            for canary in canaries { #expect(!text.contains(canary)) }
        }
        let logs = try await world.manager.logs(of: world.integration.id)
        #expect(!logs.isEmpty)
        for canary in canaries { #expect(!"\(logs)".contains(canary)) }
    }
}
