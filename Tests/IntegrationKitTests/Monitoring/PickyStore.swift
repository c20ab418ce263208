// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// A store that fails at what a test chooses.
final class PickyStore: IntegrationStore {
    struct Full: Error {}
    let refused = LockBox<Set<String>>([])
    let claimFailure = LockBox<(any Error)?>(nil)
    private let inner: InMemoryIntegrationStore

    init(_ inner: InMemoryIntegrationStore) {
        self.inner = inner
    }

    func commit(_ changes: Changes) async throws {
        let refused = refused.withLock { $0 }
        guard !changes.puts.contains(where: { refused.contains($0.id.type) }) else {
            throw StoreFailure.refused(Full())
        }
        try await inner.commit(changes)
    }

    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] { await inner.rows(ids) }

    func rows(matching query: RowQuery) async throws -> [StoredRow] { await inner.rows(matching: query) }

    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        await inner.count(matching: query, upTo: limit)
    }

    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer {
        if let failure = claimFailure.withLock({ $0 }) { throw failure }
        return await inner.claimLanes(claim)
    }

    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        await inner.renew(leases, for: duration)
    }

    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int {
        guard !refused.withLock({ $0.contains("purge") }) else { throw StoreFailure.refused(Full()) }
        return await inner.purge(scope, limit: limit)
    }
}
