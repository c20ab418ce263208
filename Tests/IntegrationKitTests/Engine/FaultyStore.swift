// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// A store whose commits fail, or whose process dies, at a moment that a test chooses.
final class FaultyStore: IntegrationStore {
    enum Fault: Hashable, Sendable {
        /// The process ends before this commit reaches the store: nothing works afterwards.
        case deathBefore
        /// The process ends right after this commit.
        case deathAfter
        /// The store refuses.
        case refused
        /// The commit is lost, and nobody can say so.
        case unknownLost
        /// The commit is done, and nobody can say so.
        case unknownDone
    }
    struct Died: Error {}

    private struct State: Sendable {
        var commits = 0
        var isDead = false
        var fault: @Sendable (Int, Changes) -> Fault? = { _, _ in nil }
        var before: @Sendable (Changes) async throws -> Void = { _ in }
    }
    let inner: InMemoryIntegrationStore
    private let state = LockBox(State())

    init(_ inner: InMemoryIntegrationStore) {
        self.inner = inner
    }

    var commits: Int { state.withLock { $0.commits } }
    var isDead: Bool { state.withLock { $0.isDead } }

    /// Decides about each commit by its number, counted from 1.
    func fail(_ fault: @escaping @Sendable (Int, Changes) -> Fault?) {
        state.withLock { $0.fault = fault }
    }

    /// Does something just before each commit, as another process would.
    func beforeCommit(_ action: @escaping @Sendable (Changes) async throws -> Void) {
        state.withLock { $0.before = action }
    }

    private func alive() throws {
        if isDead { throw StoreFailure.refused(Died()) }
    }

    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
        try alive()
        return await inner.rows(ids)
    }

    func rows(matching query: RowQuery) async throws -> [StoredRow] {
        try alive()
        return await inner.rows(matching: query)
    }

    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        try alive()
        return await inner.count(matching: query, upTo: limit)
    }

    func commit(_ changes: Changes) async throws {
        try alive()
        try await state.withLock { $0.before }(changes)
        let fault = state.withLock { state in
            state.commits += 1
            return state.fault(state.commits, changes)
        }
        switch fault {
        case nil:
            try await inner.commit(changes)
        case .deathBefore:
            state.withLock { $0.isDead = true }
            throw StoreFailure.refused(Died())
        case .deathAfter:
            try? await inner.commit(changes)
            state.withLock { $0.isDead = true }
            throw StoreFailure.refused(Died())
        case .refused:
            throw StoreFailure.refused(Died())
        case .unknownLost:
            throw StoreFailure.outcomeUnknown(Died())
        case .unknownDone:
            try await inner.commit(changes)
            throw StoreFailure.outcomeUnknown(Died())
        }
    }

    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer {
        try alive()
        return await inner.claimLanes(claim)
    }

    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        try alive()
        return await inner.renew(leases, for: duration)
    }

    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int {
        try alive()
        return await inner.purge(scope, limit: limit)
    }
}
