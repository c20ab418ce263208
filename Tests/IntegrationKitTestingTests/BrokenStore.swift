// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The in-memory store with one call replaced, to see the rule for it fail.
struct BrokenStore: IntegrationStore {
    typealias Base = InMemoryIntegrationStore

    /// What is broken; a part that is nil is sound.
    struct Defect: Sendable {
        var time: (@Sendable (TimeSource) -> TimeSource)?
        var rows: (@Sendable (Base, [RowID]) async throws -> [RowID: StoredRow])?
        var query: (@Sendable (Base, RowQuery) async throws -> [StoredRow])?
        var count: (@Sendable (Base, RowQuery, Int) async throws -> Int)?
        var commit: (@Sendable (Base, Changes) async throws -> Void)?
        var claim: (@Sendable (Base, LaneClaim) async throws -> ClaimAnswer)?
        var renew: (@Sendable (Base, [LaneLease], Duration) async throws -> [LaneLease])?
        var purge: (@Sendable (Base, PurgeScope, Int) async throws -> Int)?
    }

    let base: Base
    let defect: Defect

    init(_ defect: Defect, time: TimeSource) {
        self.defect = defect
        base = Base(time: defect.time?(time) ?? time)
    }

    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
        if let broken = defect.rows { try await broken(base, ids) } else { await base.rows(ids) }
    }

    func rows(matching query: RowQuery) async throws -> [StoredRow] {
        if let broken = defect.query { try await broken(base, query) } else { await base.rows(matching: query) }
    }

    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        if let broken = defect.count {
            try await broken(base, query, limit)
        } else {
            await base.count(matching: query, upTo: limit)
        }
    }

    func commit(_ changes: Changes) async throws {
        if let broken = defect.commit { try await broken(base, changes) } else { try await base.commit(changes) }
    }

    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer {
        if let broken = defect.claim { try await broken(base, claim) } else { await base.claimLanes(claim) }
    }

    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        if let broken = defect.renew {
            try await broken(base, leases, duration)
        } else {
            await base.renew(leases, for: duration)
        }
    }

    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int {
        if let broken = defect.purge {
            try await broken(base, scope, limit)
        } else {
            await base.purge(scope, limit: limit)
        }
    }
}

extension BrokenStore.Defect {
    /// Changes a row on its way out.
    static func rows(_ change: @escaping @Sendable (inout StoredRow) -> Void) -> Self {
        Self(rows: { base, ids in
            await base.rows(ids).mapValues { row in
                var row = row
                change(&row)
                return row
            }
        })
    }

    /// Changes a query on its way in.
    static func query(_ change: @escaping @Sendable (inout RowQuery) -> Void) -> Self {
        Self(query: { base, query in
            var query = query
            change(&query)
            return await base.rows(matching: query)
        })
    }

    /// Changes what is to be committed.
    static func commit(_ change: @escaping @Sendable (inout Changes) -> Void) -> Self {
        Self(commit: { base, changes in
            var changes = changes
            change(&changes)
            try await base.commit(changes)
        })
    }

    /// Changes what is claimed.
    static func claim(_ change: @escaping @Sendable (inout LaneClaim) -> Void) -> Self {
        Self(claim: { base, claim in
            var claim = claim
            change(&claim)
            return await base.claimLanes(claim)
        })
    }

    /// Changes the answer to a claim.
    static func answer(_ change: @escaping @Sendable (inout ClaimAnswer) -> Void) -> Self {
        Self(claim: { base, claim in
            var answer = await base.claimLanes(claim)
            change(&answer)
            return answer
        })
    }
}

extension String {
    /// The string in its canonically composed form.
    var composed: String { precomposedStringWithCanonicalMapping }
}
