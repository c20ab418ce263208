// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct EnqueueTests {
    /// A store in memory that counts how often it is read.
    private actor CountingStore: IntegrationStore {
        let base: InMemoryIntegrationStore
        private(set) var reads = 0

        init(_ base: InMemoryIntegrationStore) {
            self.base = base
        }

        func resetReads() { reads = 0 }

        func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
            reads += 1
            return await base.rows(ids)
        }

        func rows(matching query: RowQuery) async throws -> [StoredRow] {
            reads += 1
            return await base.rows(matching: query)
        }

        func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
            reads += 1
            return await base.count(matching: query, upTo: limit)
        }

        func commit(_ changes: Changes) async throws { try await base.commit(changes) }
        func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer { await base.claimLanes(claim) }
        func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
            await base.renew(leases, for: duration)
        }
        func purge(_ scope: PurgeScope, limit: Int) async throws -> Int { await base.purge(scope, limit: limit) }
    }

    /// A tenant with as many HubSpot accounts as there are portals.
    private static func connect(_ portals: [Int64]) async throws -> (CountingStore, SyncCoordinator, [String]) {
        let clock = ManualClock()
        let platform = SimulatedHubSpot(seed: 1, time: clock.timeSource)
        let base = InMemoryIntegrationStore(time: clock.timeSource)
        let store = CountingStore(base)
        let manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store,
            tenantKeys: base,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: platform,
            time: clock.timeSource
        )
        var ids: [String] = []
        for portal in portals {
            platform.addAccount(SimulatedHubSpot.Account(portalID: portal))
            let token = platform.issueToken(for: portal)
            ids.append(
                try await manager.connect(
                    .hubSpot,
                    for: "tenant",
                    name: "\(portal)",
                    form: ["access_token": token]
                ).id
            )
        }
        return (store, SyncCoordinator(manager), ids)
    }

    @Test func manyIntegrationsAreReadInAsManyStepsAsOne() async throws {
        var reads: [Int] = []
        for portals in [[42], [42, 43, 44, 45]] as [[Int64]] {
            let (store, coordinator, ids) = try await Self.connect(portals)
            await store.resetReads()
            let receipt = try await coordinator.enqueue(
                DomainEvent(
                    .prospectCreated,
                    id: "e1",
                    of: "p1",
                    for: "tenant",
                    fields: ["email": "ada@example.fr"]
                )
            )
            #expect(Set(receipt.lines[0].queued) == Set(ids), "each integration gets the event")
            reads.append(await store.reads)
        }
        #expect(reads[0] == reads[1])
    }

    @Test func aTenantWithoutIntegrationsIsOneRead() async throws {
        let (store, coordinator, _) = try await Self.connect([])
        let receipt = try await coordinator.enqueue(
            DomainEvent(.prospectCreated, id: "e1", of: "p1", for: "tenant", fields: [:])
        )
        #expect(receipt.lines[0].queued.isEmpty)
        await store.resetReads()
        try await coordinator.enqueue(DomainEvent(.prospectCreated, id: "e2", of: "p1", for: "tenant", fields: [:]))
        #expect(await store.reads == 1)
    }
}
