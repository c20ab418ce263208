// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// The engine on the file store, over several lives of the process.
@Suite(.timeLimit(.minutes(10))) struct EngineOnFileStoreTests {
    private static let tenant = "tenant-canary"
    private static let other = "tenant-other"
    private let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    private let records = InMemoryHostRecords()
    private let folder: TemporaryFolder
    private let platform: SimulatedHubSpot
    private let token: String

    /// What one life of the process has open.
    private struct Life {
        var store: JSONFileIntegrationStore
        var manager: IntegrationManager
        var coordinator: SyncCoordinator
    }

    init() throws {
        folder = try TemporaryFolder()
        platform = SimulatedHubSpot(seed: 1, time: clock.timeSource)
        platform.addAccount(SimulatedHubSpot.Account(portalID: 42))
        platform.addAccount(SimulatedHubSpot.Account(portalID: 43))
        token = platform.issueToken(for: 42)
    }

    /// One life: opens the store, works, closes it.
    private func live(
        compactionFloor: Int = 1 << 20,
        options: EngineOptions = EngineOptions(),
        _ body: (Life) async throws -> Void
    ) async throws {
        let store = try JSONFileIntegrationStore(
            directory: folder.store,
            options: .init(compactionFloor: compactionFloor),
            time: clock.timeSource
        )
        let manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: platform,
            options: options,
            time: clock.timeSource
        )
        try await body(Life(store: store, manager: manager, coordinator: SyncCoordinator(manager, host: records)))
        await store.close()
    }

    private func enqueue(
        _ kind: EventKind,
        _ id: String,
        _ fields: [FieldName: FieldValue],
        _ event: String,
        for tenant: String = tenant,
        _ life: Life
    ) async throws {
        await records.edit(HostReference(tenant: tenant, kind: "prospect", id: id), fields)
        try await life.coordinator.enqueue(
            DomainEvent(kind, id: event, of: id, for: tenant, fields: fields, occurredAt: clock.wall)
        )
    }

    private func create(_ ids: [String], for tenant: String = tenant, _ life: Life) async throws {
        for id in ids {
            try await enqueue(.prospectCreated, id, ["email": .text("\(id)@example.fr")], "c-\(id)", for: tenant, life)
        }
    }

    private func settle(_ life: Life) async throws {
        for _ in 0..<50 {
            let report = try await life.coordinator.syncOnce(until: .now + .seconds(60))
            guard let due = report.nextDue, due <= .seconds(120) else { return }
            clock.advance(by: max(due, .milliseconds(10)))
        }
    }

    @discardableResult
    private func connect(_ life: Life) async throws -> Integration {
        try await life.manager.connect(.hubSpot, for: Self.tenant, name: "HubSpot", form: ["access_token": token])
    }

    /// The names of the files that hold a text.
    private func files(holding text: String) throws -> [String] {
        try folder.names().filter { try folder.bytes($0).range(of: Data(text.utf8)) != nil }
    }

    @Test func `What one life began the next ones end, and nothing is doubled`() async throws {
        let people = (0..<6).map { "p\($0)" }
        try await live(compactionFloor: 20_000) { life in
            try await connect(life)
            try await create(people, life)
        }
        try await live(compactionFloor: 20_000) { life in
            try await create(people, life)
            _ = try await life.coordinator.syncOnce(until: .now + .seconds(60))
        }
        for round in 0..<2 {
            try await live(compactionFloor: 20_000) { life in
                for id in people.prefix(3) {
                    try await enqueue(
                        .prospectUpdated,
                        id,
                        ["last_name": .text("Round \(round)")],
                        "u-\(id)-\(round)",
                        life
                    )
                }
                try await settle(life)
            }
        }
        let contacts = platform.records("contacts", in: 42)
        #expect(contacts.count == people.count)
        let mails = contacts.compactMap { $0.properties["email"] }
        #expect(Set(mails).count == people.count)
        #expect(contacts.filter { $0.properties["lastname"] == "Round 1" }.count == 3)
        #expect(try folder.names().contains { $0.hasPrefix("snapshot") })
        for text in [token, "p1@example.fr"] { #expect(try files(holding: text) == []) }
    }

    @Test func `An erased tenant is unreadable at once, and then stands in no file`() async throws {
        let copy = folder.url.appendingPathComponent("copy")
        var id = ""
        try await live { life in
            id = try await connect(life).id
            _ = try await life.manager.connect(
                .hubSpot,
                for: Self.other,
                name: "HubSpot",
                form: ["access_token": platform.issueToken(for: 43)]
            )
            try await create(["canary-1", "canary-2"], life)
            try await create(["other-1"], for: Self.other, life)
            try await settle(life)
            try await create(["canary-3"], life)
            for text in [Self.tenant, Self.other, id, "canary-1", "canary-3"] {
                #expect(try files(holding: text) != [], "\(text) is not there to be erased")
            }
            // What a backup holds of the rows.
            try FileManager.default.copyItem(at: folder.store, to: copy)
            let receipt = try await life.manager.erase(tenant: Self.tenant)
            let steps = try [#require(receipt.unreadableAt), receipt.removedAt, #require(receipt.compactedAt)]
            #expect(receipt.rows > 5 && steps == steps.sorted())
            for text in [Self.tenant, id, "canary"] {
                #expect(try files(holding: text) == [], "\(text) is still there")
            }
            try await create(["other-2"], for: Self.other, life)
            try await settle(life)
        }
        #expect(platform.records("contacts", in: 43).count == 2)
        // The rows of the backup with the keys of now: the store opens, and what was sealed does not.
        try FileManager.default.removeItem(at: copy.appendingPathComponent("KEYS"))
        try FileManager.default.copyItem(
            at: folder.store.appendingPathComponent("KEYS"),
            to: copy.appendingPathComponent("KEYS")
        )
        try FileManager.default.removeItem(at: folder.store)
        try FileManager.default.moveItem(at: copy, to: folder.store)
        try await live { life in
            let entries = try await life.store.count(matching: RowQuery("log.integration"), upTo: 10)
            #expect(entries > 0)
            await #expect(throws: IntegrationError.self) { _ = try await life.manager.logs(of: id) }
        }
    }

    @Test func `An erased person and a deleted integration stand in no file`() async throws {
        try await live { life in
            let integration = try await connect(life)
            try await create(["canary-1", "other-1"], life)
            try await settle(life)
            #expect(try files(holding: "canary-1") != [])
            let erased = try await life.manager.erase(
                HostReference(tenant: Self.tenant, kind: "prospect", id: "canary-1")
            )
            #expect(erased.rows >= 3 && erased.compactedAt != nil && erased.unreadableAt == nil)
            #expect(try files(holding: "canary-1") == [])
            #expect(try files(holding: "other-1") != [])
            let deleted = try await life.manager.delete(integration.id)
            #expect(deleted.compactedAt != nil)
            #expect(try files(holding: "other-1") == [])
        }
    }

    @Test func `After a repair what was queued before is taken for what may have been sent`() async throws {
        try await live { life in
            try await connect(life)
            try await settle(life)
            try await create(["lost", "kept"], life)
        }
        let name = try #require(try files(holding: "c-lost").first)
        var bytes = try folder.bytes(name)
        let place = try #require(bytes.range(of: Data("c-lost".utf8))).lowerBound
        bytes[place] ^= 1
        try bytes.write(to: folder.store.appendingPathComponent(name))
        let report = try JSONFileIntegrationStore.repair(
            directory: folder.store,
            copyingTo: folder.url.appendingPathComponent("copy")
        )
        #expect(report.losses.count == 1)
        // What was queued before this number looks before it is sent; a later life changes nothing about that.
        var adopted: Set<Int64> = []
        for _ in 0..<2 {
            try await live { life in
                let id = RowID(type: "installation", key: "self")
                let row = try #require(try await life.store.rows([id])[id])
                adopted.insert(row.revision)
                let queued = try await life.store.rows(matching: RowQuery("job.state")).map(\.created)
                #expect(queued.allSatisfy { $0 < row.revision })
                #expect(String(decoding: row.content.body, as: UTF8.self).contains("\"isRestored\":true"))
                try await settle(life)
            }
        }
        #expect(adopted.count == 1)
        let mails = platform.records("contacts", in: 42).compactMap { $0.properties["email"] }
        #expect(mails == ["kept@example.fr"])
    }

    @Test func `Finished jobs, log entries and deliveries go by count, and by age`() async throws {
        var options = EngineOptions()
        (options.finishedJobsKept, options.logEntriesKept, options.deliveriesKept) = (3, 4, 2)
        try await live(options: options) { life in
            let id = try await connect(life).id
            try await create((0..<6).map { "p\($0)" }, life)
            let deliveries = (0..<5).map { number in
                RowContent(
                    id: RowID(type: "delivery", key: "\(number)"),
                    tenant: Self.tenant,
                    integration: id,
                    indexes: [IndexEntry("delivery.integration", id)],
                    body: Data("{}".utf8)
                )
            }
            try await life.store.commit(Changes(id: UUID(), puts: deliveries))
            try await settle(life)
            func counts() async throws -> [Int] {
                var counts: [Int] = []
                for query in [
                    RowQuery("job.finished", keys: [id]), RowQuery("log.integration"),
                    RowQuery("delivery.integration", keys: [id]),
                ] { counts.append(try await life.store.count(matching: query, upTo: 100)) }
                return counts
            }
            #expect(try await counts()[0] >= 3)
            clock.advance(by: .seconds(601))
            _ = try await life.coordinator.syncOnce(until: .now + .seconds(60))
            #expect(try await counts() == [3, 4, 2])
            // The newest stay.
            let left = try await life.store.rows(matching: RowQuery("delivery.integration", keys: [id]))
            #expect(left.map(\.content.id.key) == ["3", "4"])
            try await life.manager.pause(id)
            clock.advance(by: .seconds(31 * 86_400))
            _ = try await life.coordinator.syncOnce(until: .now + .seconds(60))
            #expect(try await counts()[0...1] == [0, 0])
            #expect(platform.records("contacts", in: 42).count == 6)
        }
    }
}
