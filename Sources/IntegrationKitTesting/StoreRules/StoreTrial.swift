// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// An empty store under test, with short words for what the rules do to it.
struct StoreTrial: Sendable {
    /// The rule that is checked.
    let rule: String
    /// The store.
    let store: any IntegrationStore
    /// The store's clock.
    let clock: ManualClock

    /// A conflict that the store answered.
    struct Conflict: Equatable {
        var failed: Set<Requirement>
        var taken: [IndexEntry]
    }

    /// The index that most rules use.
    static let index = "place"

    // MARK: Expectations

    func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw RuleViolation(rule: rule, message()) }
    }

    func expect<Value: Equatable>(_ found: Value, is expected: Value, _ what: String) throws {
        try expect(found == expected, "\(what): expected \(expected), found \(found)")
    }

    /// Returns what is there, or fails.
    func require<Value>(_ value: Value?, _ what: String) throws -> Value {
        guard let value else { throw RuleViolation(rule: rule, "\(what) is missing") }
        return value
    }

    // MARK: Rows

    func id(_ key: String) -> RowID {
        RowID(type: "thing", key: key)
    }

    /// A row that stands in the index under a key; by default under its own.
    func content(
        _ key: String,
        at place: String? = nil,
        tenant: String = "tenant-a",
        integration: String? = "one",
        indexes: [IndexEntry]? = nil,
        body: String = "{}",
        keep: Duration? = nil
    ) -> RowContent {
        RowContent(
            id: id(key),
            tenant: tenant,
            integration: integration,
            indexes: indexes ?? [IndexEntry(Self.index, place ?? key)],
            body: Data(body.utf8),
            keep: keep
        )
    }

    /// A job of a lane.
    func job(_ key: String, in lane: LaneID, tenant: String = "tenant-a") -> RowContent {
        content(
            key,
            tenant: tenant,
            integration: lane.integration,
            indexes: [IndexEntry(LaneID.indexName, lane.indexKey)]
        )
    }

    func row(_ key: String) async throws -> StoredRow? {
        try await store.rows([id(key)])[id(key)]
    }

    func keys(_ query: RowQuery) async throws -> [String] {
        try await store.rows(matching: query).map(\.content.id.key)
    }

    func query(
        keys: [String]? = nil,
        range: Range<String>? = nil,
        after: PageKey? = nil,
        limit: Int = 1000,
        descending: Bool = false
    ) -> RowQuery {
        RowQuery(Self.index, keys: keys, range: range, after: after, limit: limit, descending: descending)
    }

    /// The place of a row in the index, for the page after it.
    func place(of row: StoredRow) throws -> PageKey {
        let entry = row.content.indexes.first { $0.name == Self.index }
        return PageKey(key: try require(entry, "the index entry of \(row.content.id)").key, created: row.created)
    }

    /// Reads all pages of a query.
    ///
    /// - Parameters:
    ///   - query: The query; its limit is the size of a page.
    ///   - between: Runs after each page.
    /// - Returns: The keys of the rows, in order.
    /// - Throws: What the store throws, and `RuleViolation` for a page that is too long or never the last.
    func readPages(
        of query: RowQuery,
        between: (Int) async throws -> Void = { _ in }
    ) async throws -> [String] {
        var query = query
        var found: [String] = []
        var pages = 0
        while true {
            let page = try await store.rows(matching: query)
            try expect(page.count <= query.limit, "a page of \(query.limit) rows had \(page.count)")
            found += page.map(\.content.id.key)
            guard let last = page.last else { return found }
            query.after = try place(of: last)
            pages += 1
            try expect(pages < 10_000, "the pages have no end")
            try await between(pages)
        }
    }

    // MARK: Commits

    func changes(
        requires: Set<Requirement> = [],
        puts: [RowContent] = [],
        deletes: [RowID] = [],
        touches: [LaneTouch] = [],
        releases: [LaneRelease] = []
    ) -> Changes {
        Changes(
            id: RandomSource.system.uuid(),
            requires: requires,
            puts: puts,
            deletes: deletes,
            touches: touches,
            releases: releases
        )
    }

    func commit(
        requires: Set<Requirement> = [],
        puts: [RowContent] = [],
        deletes: [RowID] = [],
        touches: [LaneTouch] = [],
        releases: [LaneRelease] = []
    ) async throws {
        try await store.commit(
            changes(requires: requires, puts: puts, deletes: deletes, touches: touches, releases: releases)
        )
    }

    /// Commits changes and returns the conflict; nil if there was none.
    func conflict(_ changes: Changes) async throws -> Conflict? {
        do {
            try await store.commit(changes)
            return nil
        } catch StoreFailure.conflict(let failed, let taken) {
            return Conflict(failed: failed, taken: taken)
        }
    }

    func expectConflict(_ changes: Changes, _ failed: Set<Requirement>, taken: [IndexEntry] = []) async throws {
        let found = try require(try await conflict(changes), "the conflict")
        try expect(found.failed, is: failed, "the requirements that do not hold")
        try expect(Set(found.taken), is: Set(taken), "the entries that are taken")
    }

    /// Purges a scope that has few rows until nothing is removed any more.
    func purgeAll(_ scope: PurgeScope) async throws {
        for _ in 0..<100 where try await store.purge(scope, limit: 10) == 0 { return }
        throw RuleViolation(rule: rule, "a purge has no end")
    }

    // MARK: Lanes

    func lane(_ subject: String, of integration: String = "one") -> LaneID {
        LaneID(integration: integration, subject: subject)
    }

    func touch(
        _ lanes: LaneID...,
        as workClass: WorkClass = .live,
        after: Duration = .zero,
        tenant: String = "tenant-a"
    ) async throws {
        try await commit(touches: lanes.map { LaneTouch($0, tenant: tenant, workClass: workClass, after: after) })
    }

    func claim(
        shares: [WorkClass: Int] = [.live: 100, .refetch: 100, .bulk: 100, .pull: 100, .hook: 100],
        lease: Duration = .seconds(30),
        perIntegration: Int = 100,
        startingAfter: String? = nil,
        skipping: Set<String> = [],
        jobsPerLane: Int = 32
    ) async throws -> ClaimAnswer {
        try await store.claimLanes(
            LaneClaim(
                owner: RandomSource.system.uuid(),
                lease: lease,
                shares: shares,
                perIntegration: perIntegration,
                startingAfter: startingAfter,
                skipping: skipping,
                jobsPerLane: jobsPerLane
            )
        )
    }

    /// Claims all that is due and returns the subjects, in the order of the answer.
    func claimedSubjects(shares: [WorkClass: Int]? = nil) async throws -> [String] {
        let answer = if let shares { try await claim(shares: shares) } else { try await claim() }
        return answer.lanes.map(\.lease.lane.subject)
    }

    /// Claims the one lane that is due.
    func claimOne(lease: Duration = .seconds(30)) async throws -> ClaimedLane {
        let lanes = try await claim(lease: lease).lanes
        try expect(lanes.count == 1, "one lane is due, but \(lanes.count) were claimed")
        return try require(lanes.first, "the claimed lane")
    }
}
