// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// The engine on the file store, over several lives of the process.
@Suite(.timeLimit(.minutes(1))) struct EngineOnFileStoreTests {
    private static let tenant = "tenant-42"
    private let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    private let records = InMemoryHostRecords()
    private let folder: TemporaryFolder
    private let platform: SimulatedHubSpot
    private let token: String

    init() throws {
        folder = try TemporaryFolder()
        platform = SimulatedHubSpot(seed: 1, time: clock.timeSource)
        platform.addAccount(SimulatedHubSpot.Account(portalID: 42))
        token = platform.issueToken(for: 42)
    }

    /// One life: opens the store, works, closes it.
    private func live(_ body: (IntegrationManager, SyncCoordinator) async throws -> Void) async throws {
        let store = try JSONFileIntegrationStore(
            directory: folder.store,
            options: .init(compactionFloor: 20_000),
            time: clock.timeSource
        )
        let manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: platform,
            time: clock.timeSource
        )
        try await body(manager, SyncCoordinator(manager, host: records))
        await store.close()
    }

    private func enqueue(
        _ kind: EventKind,
        _ id: String,
        _ fields: [FieldName: FieldValue],
        _ event: String,
        _ coordinator: SyncCoordinator
    ) async throws {
        await records.edit(HostReference(tenant: Self.tenant, kind: "prospect", id: id), fields)
        try await coordinator.enqueue(
            DomainEvent(kind, id: event, of: id, for: Self.tenant, fields: fields, occurredAt: clock.wall)
        )
    }

    private func settle(_ coordinator: SyncCoordinator) async throws {
        for _ in 0..<200 {
            let report = try await coordinator.syncOnce(until: .now + .seconds(60))
            guard let due = report.nextDue, due <= .seconds(120) else { return }
            clock.advance(by: max(due, .milliseconds(10)))
        }
    }

    @Test func `What one life began the next ones end, and nothing is doubled`() async throws {
        let people = (0..<12).map { "p\($0)" }
        try await live { manager, coordinator in
            _ = try await manager.connect(.hubSpot, for: Self.tenant, name: "HubSpot", form: ["access_token": token])
            for id in people {
                try await enqueue(.prospectCreated, id, ["email": FieldValue.text("\(id)@example.fr")], "c-\(id)", coordinator)
            }
        }
        try await live { _, coordinator in
            for id in people {
                try await enqueue(.prospectCreated, id, ["email": FieldValue.text("\(id)@example.fr")], "c-\(id)", coordinator)
            }
            _ = try await coordinator.syncOnce(until: .now + .seconds(60))
        }
        for round in 0..<3 {
            try await live { _, coordinator in
                for id in people.prefix(4) {
                    try await enqueue(
                        .prospectUpdated,
                        id,
                        ["last_name": .text("Round \(round)")],
                        "u-\(id)-\(round)",
                        coordinator
                    )
                }
                try await settle(coordinator)
            }
        }
        let contacts = platform.records("contacts", in: 42)
        #expect(contacts.count == people.count)
        let mails = contacts.compactMap { $0.properties["email"] }
        #expect(Set(mails).count == people.count)
        #expect(contacts.filter { $0.properties["lastname"] == "Round 2" }.count == 4)
        for name in try folder.names() where name.hasSuffix("jsonl") {
            let text = String(decoding: try folder.bytes(name), as: UTF8.self)
            #expect(!text.contains(token) && !text.contains("p1@example.fr"), "\(name) holds what should be sealed")
        }
    }
}
