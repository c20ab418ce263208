// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// A store whose commits fail, or whose process dies, at a moment that a test chooses.
///
/// What the process leaves behind stays in the store beneath, for the process that comes after it.
///
/// ```swift
/// let store = FaultyStore(inner)
/// store.fail { commit, _ in commit == 3 ? .deathAfter : nil }
/// ```
public final class FaultyStore: IntegrationStore {
    /// How a commit goes wrong.
    public enum Fault: Hashable, Sendable {
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
    private struct Died: Error {}

    private struct State: Sendable {
        var commits = 0
        var isDead = false
        var fault: @Sendable (Int, Changes) -> Fault? = { _, _ in nil }
        var before: @Sendable (Changes) async throws -> Void = { _ in }
    }
    private let inner: any IntegrationStore
    private let state = LockBox(State())

    /// Creates a store that works until it is told to fail.
    ///
    /// - Parameter inner: The store beneath.
    public init(_ inner: any IntegrationStore) {
        self.inner = inner
    }

    /// How many commits were tried.
    public var commits: Int { state.withLock { $0.commits } }
    /// Whether the process has ended.
    public var isDead: Bool { state.withLock { $0.isDead } }

    /// Decides about each commit from now on.
    ///
    /// - Parameter fault: How a commit goes wrong, by its number, counted from 1, and what it changes; nil: not at all.
    public func fail(_ fault: @escaping @Sendable (Int, Changes) -> Fault?) {
        state.withLock { $0.fault = fault }
    }

    /// Does something just before each commit, as another process would.
    ///
    /// - Parameter action: What to do; what it throws, the committer gets.
    public func beforeCommit(_ action: @escaping @Sendable (Changes) async throws -> Void) {
        state.withLock { $0.before = action }
    }

    private func alive() throws {
        if isDead { throw StoreFailure.refused(Died()) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
        try alive()
        return try await inner.rows(ids)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func rows(matching query: RowQuery) async throws -> [StoredRow] {
        try alive()
        return try await inner.rows(matching: query)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        try alive()
        return try await inner.count(matching: query, upTo: limit)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func commit(_ changes: Changes) async throws {
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
            // A commit that the store refuses leaves the process as dead as one that it takes.
            defer { state.withLock { $0.isDead = true } }
            try await inner.commit(changes)
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

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer {
        try alive()
        return try await inner.claimLanes(claim)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        try alive()
        return try await inner.renew(leases, for: duration)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func purge(_ scope: PurgeScope, limit: Int) async throws -> Int {
        try alive()
        return try await inner.purge(scope, limit: limit)
    }
}
