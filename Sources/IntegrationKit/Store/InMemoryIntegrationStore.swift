// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Keeps rows, lanes and tenants' keys in memory: for tests, previews and short-lived tools.
///
/// It keeps every promise of ``IntegrationStore`` but one: nothing outlives the process. Each call is one uninterrupted
/// step, so that a commit is seen as a whole or not at all; its cost grows with the changes, not with the store.
///
/// ```swift
/// let store = InMemoryIntegrationStore()
/// try await store.commit(Changes(id: UUID(), puts: [content]))
/// ```
public actor InMemoryIntegrationStore {
    private let time: TimeSource
    private var table = RowTable()
    private var lanes = LaneTable()
    private var lastNumber: Int64 = 0
    private var commits = RecentCommits()
    private var keys: [ByteKey: Data] = [:]

    /// Creates an empty store.
    ///
    /// - Parameter time: The store's clock. Leases and times to keep go by ``TimeSource/elapsed``, which a jump of the
    ///   wall clock does not touch.
    public init(time: TimeSource = .system) {
        self.time = time
    }

    /// Returns a copy of the store as it is now, as a store that is opened again or brought back from a backup would be:
    /// nobody holds a lane in it.
    ///
    /// - Parameter time: The copy's clock; nil: this store's.
    /// - Returns: A store that goes its own way from here.
    public func copy(time: TimeSource? = nil) async -> InMemoryIntegrationStore {
        let copy = InMemoryIntegrationStore(time: time ?? self.time)
        await copy.take(table, lanes, lastNumber, commits, keys)
        return copy
    }

    private func take(
        _ table: RowTable,
        _ lanes: LaneTable,
        _ lastNumber: Int64,
        _ commits: RecentCommits,
        _ keys: [ByteKey: Data]
    ) {
        self.table = table
        self.lanes = lanes
        self.lastNumber = lastNumber
        self.commits = commits
        self.keys = keys
        var place: PageKey?
        repeat {
            let page = lanes.page(after: place, limit: 1000)
            for id in page.lanes {
                if let kept = lanes.kept(id, at: time.elapsed()) { self.lanes.restore(kept) }
            }
            place = page.last
        } while place != nil
    }

    private func nextNumber() -> Int64 {
        lastNumber += 1
        return lastNumber
    }
}

extension InMemoryIntegrationStore: IntegrationStore {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func rows(_ ids: [RowID]) -> [RowID: StoredRow] {
        var found: [RowID: StoredRow] = [:]
        for id in ids { found[id] = table.row(id) }
        return found
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func rows(matching query: RowQuery) -> [StoredRow] {
        table.rows(matching: query)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func count(matching query: RowQuery, upTo limit: Int) -> Int {
        table.count(matching: query, upTo: limit)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func commit(_ changes: Changes) throws {
        guard !commits.contains(changes.id) else { return }
        let now = time.elapsed()
        let failed = changes.requires.filter { !holds($0, at: now) }
        let taken = table.takenEntries(by: changes)
        guard failed.isEmpty, taken.isEmpty else { throw StoreFailure.conflict(failed, taken: taken) }
        apply(changes, at: now)
        commits.insert(changes.id)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func claimLanes(_ claim: LaneClaim) -> ClaimAnswer {
        let answer = lanes.claim(claim, at: time.elapsed())
        let claimed = answer.lanes.map { lane in
            ClaimedLane(
                lease: lane.lease,
                workClass: lane.workClass,
                jobs: table.jobs(of: lane.lease.lane, limit: claim.jobsPerLane),
                tail: lane.tail
            )
        }
        return ClaimAnswer(lanes: claimed, nextDue: answer.nextDue, storeTime: time.now())
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func renew(_ leases: [LaneLease], for duration: Duration) -> [LaneLease] {
        lanes.renew(leases, for: duration, at: time.elapsed())
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func purge(_ scope: PurgeScope, limit: Int) -> Int {
        let ids = table.ids(in: scope, limit: limit, at: time.elapsed())
        for id in ids { removeRow(id) }
        if ids.count < limit { lanes.removeAll(in: scope) }
        return ids.count
    }

    private func holds(_ requirement: Requirement, at now: Duration) -> Bool {
        switch requirement {
        case .absent(let id): table.row(id) == nil
        case .revision(let id, let revision): table.row(id)?.revision == revision
        case .lease(let lane, let token): lanes.token(of: lane, at: now) == token
        case .idle(let lane, let tail):
            lanes.token(of: lane, at: now) == nil && table.newestJob(of: lane).map { $0 <= tail } ?? true
        }
    }

    private func apply(_ changes: Changes, at now: Duration) {
        for id in changes.deletes { removeRow(id) }
        for content in changes.puts {
            if let old = table.put(content, revision: nextNumber(), at: now) { dropEmptyLanes(of: old) }
        }
        for touch in changes.touches { lanes.touch(touch, number: nextNumber(), at: now) }
        for release in changes.releases {
            lanes.release(release, hasJobs: table.newestJob(of: release.lease.lane) != nil, at: now)
        }
    }

    private func removeRow(_ id: RowID) {
        if let old = table.remove(id) { dropEmptyLanes(of: old) }
    }

    /// Removes the lanes that a row stood in, if it was the last and nothing is due there.
    private func dropEmptyLanes(of content: RowContent) {
        for entry in content.indexes where entry.name == LaneID.indexName {
            guard let lane = LaneID(indexKey: entry.key), table.newestJob(of: lane) == nil else { continue }
            lanes.removeIfAsleep(lane)
        }
    }
}

extension InMemoryIntegrationStore: TenantKeyStore {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func wrappedKey(for tenant: String) -> Data? {
        keys[ByteKey(tenant)]
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func replace(_ old: Data?, with wrapped: Data, for tenant: String) throws -> Data {
        let current = keys[ByteKey(tenant)]
        guard current != old else {
            keys[ByteKey(tenant)] = wrapped
            return wrapped
        }
        guard let current else {
            // Dropped meanwhile: to put a key now would bring an erased tenant back.
            throw StoreFailure.refused(
                IntegrationError(.gone, "The key of the tenant was dropped.", concerns: .account)
            )
        }
        return current
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func dropKey(for tenant: String) {
        keys[ByteKey(tenant)] = nil
    }
}

extension LaneID {
    /// Reads a lane back from the key of its jobs.
    init?(indexKey: String) {
        guard let end = indexKey.utf8.firstIndex(of: UInt8(ascii: "|")) else { return nil }
        self.init(
            integration: String(indexKey[..<end]),
            subject: String(indexKey[indexKey.utf8.index(after: end)...])
        )
    }
}
