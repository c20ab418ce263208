// SPDX-License-Identifier: Apache-2.0

/// Lanes in memory: who is due, who is held.
///
/// Times are those of the store's clock, counted from its start.
struct LaneTable: Sendable {
    private struct Lane: Sendable {
        let number: Int64
        var tenant: String
        var workClass: WorkClass
        var tail: Int64
        var due: Duration?
        var lease: Lease?
        var starts = 0

        /// When the lane can be claimed: a held one when its lease expires.
        var time: Duration? { lease?.expiry ?? due }
    }

    private struct Lease: Sendable {
        var token: Int64
        var expiry: Duration
    }

    private var lanes: [LaneID: Lane] = [:]
    private var names: [Int64: LaneID] = [:]
    private var queues: [ByteKey: [WorkClass: SortedIndex<Duration>]] = [:]
    private var ring: [ByteKey] = []
    private var tenants = SortedIndex<ByteKey>()
    private var integrations = SortedIndex<ByteKey>()
    private var lastNumber: Int64 = 0
    private var log: [(id: LaneID, before: Lane?)]?
    /// The last token that was handed out; tokens only rise.
    var lastToken: Int64 = 0

    /// Returns the token under which a lane is held; nil if nobody holds it.
    func token(of lane: LaneID, at now: Duration) -> Int64? {
        lanes[lane]?.lease.flatMap { $0.expiry > now ? $0.token : nil }
    }

    /// Tells a lane that there is work.
    ///
    /// - Parameters:
    ///   - touch: The touch.
    ///   - number: The touch's number, higher than that of every row put before.
    ///   - now: The store's clock.
    mutating func touch(_ touch: LaneTouch, number: Int64, at now: Duration) {
        var lane = take(touch.lane) ?? newLane(for: touch)
        let due = now + touch.after
        lane.tenant = touch.tenant
        lane.tail = number
        lane.due = lane.due.map { min($0, due) } ?? due
        if touch.workClass.rank < lane.workClass.rank { lane.workClass = touch.workClass }
        put(lane, as: touch.lane)
    }

    private mutating func newLane(for touch: LaneTouch) -> Lane {
        lastNumber += 1
        return Lane(number: lastNumber, tenant: touch.tenant, workClass: touch.workClass, tail: 0)
    }

    /// Gives a lease back, if it is still held.
    mutating func release(_ release: LaneRelease, hasJobs: Bool, at now: Duration) {
        let id = release.lease.lane
        guard token(of: id, at: now) == release.lease.token, var lane = take(id) else { return }
        lane.lease = nil
        lane.starts = 0
        lane.due = lane.tail > release.seenTail ? now : release.dueAfter.map { now + $0 }
        if lane.due != nil || hasJobs { put(lane, as: id) }
    }

    /// Extends the leases that are still held.
    mutating func renew(_ leases: [LaneLease], for duration: Duration, at now: Duration) -> [LaneLease] {
        leases.compactMap { lease in
            guard token(of: lease.lane, at: now) == lease.token, var lane = take(lease.lane) else { return nil }
            lane.lease?.expiry = now + duration
            put(lane, as: lease.lane)
            return LaneLease(lane: lease.lane, token: lease.token, duration: duration, starts: lane.starts)
        }
    }

    /// Removes a lane that nobody holds and that is not due by itself.
    mutating func removeIfAsleep(_ id: LaneID) {
        if let lane = lanes[id], lane.time == nil { _ = take(id) }
    }

    /// Removes all lanes of a tenant or an integration.
    mutating func removeAll(in scope: PurgeScope) {
        let found =
            switch scope {
            case .tenant(let tenant): tenants.entries(in: .key(ByteKey(tenant)), limit: .max)
            case .integration(let integration): integrations.entries(in: .key(ByteKey(integration)), limit: .max)
            case .expired: [SortedIndex<ByteKey>.Entry]()
            }
        for entry in found {
            if let id = names[entry.number] { _ = take(id) }
        }
    }

    private mutating func put(_ lane: Lane, as id: LaneID) {
        log?.append((id, lanes[id]))
        lanes[id] = lane
        names[lane.number] = id
        tenants.insert(ByteKey(lane.tenant), lane.number)
        let integration = ByteKey(id.integration)
        integrations.insert(integration, lane.number)
        guard let time = lane.time else { return }
        if queues[integration] == nil { ring.insert(integration, at: ring.firstPlace { $0 > integration }) }
        queues[integration, default: [:]][lane.workClass, default: .init()].insert(time, lane.number)
    }

    private mutating func take(_ id: LaneID) -> Lane? {
        guard let lane = lanes.removeValue(forKey: id) else { return nil }
        log?.append((id, lane))
        names[lane.number] = nil
        tenants.remove(ByteKey(lane.tenant), lane.number)
        let integration = ByteKey(id.integration)
        integrations.remove(integration, lane.number)
        guard let time = lane.time else { return lane }
        queues[integration]?[lane.workClass]?.remove(time, lane.number)
        if queues[integration]?.values.allSatisfy(\.isEmpty) == true {
            queues[integration] = nil
            ring.remove(at: ring.firstPlace { $0 >= integration })
        }
        return lane
    }
}

// MARK: - Keeping and taking back

extension LaneTable {
    /// What outlives the process of a lane: all but its lease.
    struct Kept: Equatable, Sendable {
        var id: LaneID
        var tenant: String
        var workClass: WorkClass
        var tail: Int64
        var due: Duration?
        var starts: Int
    }

    /// Returns what to keep of a lane; a held one is due at once where nobody knows of its lease.
    func kept(_ id: LaneID, at now: Duration) -> Kept? {
        lanes[id].map { lane in
            let due = lane.lease == nil ? lane.due : now
            return Kept(
                id: id,
                tenant: lane.tenant,
                workClass: lane.workClass,
                tail: lane.tail,
                due: due,
                starts: lane.starts
            )
        }
    }

    /// Puts a lane as it was kept, in place of what is there.
    mutating func restore(_ kept: Kept) {
        _ = take(kept.id)
        lastNumber += 1
        var lane = Lane(number: lastNumber, tenant: kept.tenant, workClass: kept.workClass, tail: kept.tail)
        lane.due = kept.due
        lane.starts = kept.starts
        put(lane, as: kept.id)
    }

    /// Removes a lane.
    mutating func remove(_ id: LaneID) {
        _ = take(id)
    }

    /// Returns lanes in the order of their integrations, and where to go on.
    func page(after place: PageKey?, limit: Int) -> (lanes: [LaneID], last: PageKey?) {
        let from = place.map { SortedIndex<ByteKey>.Cut.after(ByteKey($0.key), $0.created) }
        let entries = integrations.entries(in: .init(from: from, to: nil), limit: limit)
        let last = entries.last.map { PageKey(key: $0.key.text, created: $0.number) }
        return (entries.compactMap { names[$0.number] }, last)
    }

    /// The number of changes recorded.
    var changes: Int { log?.count ?? 0 }

    /// Records changes from now on, so that they can be taken back.
    mutating func beginRecording() {
        log = []
    }

    /// Forgets the recorded changes.
    mutating func endRecording() {
        log = nil
    }

    /// Returns the lanes changed since so many changes were recorded, each once.
    func changed(since mark: Int) -> [LaneID] {
        var seen: Set<LaneID> = []
        return (log ?? []).dropFirst(mark).map(\.id).filter { seen.insert($0).inserted }
    }

    /// Takes back the changes since so many were recorded.
    mutating func takeBack(to mark: Int) {
        let done = (log ?? []).dropFirst(mark)
        let kept = log.map { Array($0.prefix(mark)) }
        log = nil
        for change in done.reversed() {
            _ = take(change.id)
            if let before = change.before { put(before, as: change.id) }
        }
        log = kept
    }
}

// MARK: - Claims

extension LaneTable {
    /// A lane that was claimed.
    struct Claimed: Sendable {
        var lease: LaneLease
        var workClass: WorkClass
        var tail: Int64
    }

    /// Leases due lanes: in every turn each integration gets one, of its most urgent class.
    ///
    /// - Returns: The lanes, and how long until the next lane is due.
    mutating func claim(_ claim: LaneClaim, at now: Duration) -> (lanes: [Claimed], nextDue: Duration?) {
        let skipped = Set(claim.skipping.map(ByteKey.init))
        let turn = ring(after: claim.startingAfter).filter { !skipped.contains($0) }
        var shares = claim.shares.filter { $0.value > 0 }
        var picked: [(id: LaneID, lane: Lane)] = []
        var waiting = turn
        var turns = 0
        while turns < claim.perIntegration, !waiting.isEmpty {
            turns += 1
            waiting = waiting.filter { integration in
                guard !shares.isEmpty, let pick = pick(from: integration, of: shares, at: now) else { return false }
                picked.append(pick)
                let left = shares[pick.lane.workClass, default: 0] - 1
                shares[pick.lane.workClass] = left > 0 ? left : nil
                return true
            }
        }
        // The lanes picked are out of the queues until here, so that none is picked or counted twice.
        let next = turn.compactMap { queues[$0]?.values.compactMap { $0.first?.key }.min() }.min()
        let lanes = picked.map { lease($0.lane, as: $0.id, for: claim.lease, at: now) }
        return (lanes, next.map { max(.zero, $0 - now) })
    }

    private func ring(after start: String?) -> [ByteKey] {
        guard let start = start.map(ByteKey.init) else { return ring }
        let place = ring.firstPlace { $0 > start }
        return Array(ring[place...] + ring[..<place])
    }

    private mutating func pick(
        from integration: ByteKey,
        of shares: [WorkClass: Int],
        at now: Duration
    ) -> (id: LaneID, lane: Lane)? {
        for workClass in WorkClass.allCases where shares[workClass] != nil {
            guard let first = queues[integration]?[workClass]?.first, first.key <= now,
                let id = names[first.number], let lane = take(id)
            else { continue }
            return (id, lane)
        }
        return nil
    }

    private mutating func lease(_ lane: Lane, as id: LaneID, for duration: Duration, at now: Duration) -> Claimed {
        var lane = lane
        lastToken += 1
        lane.lease = Lease(token: lastToken, expiry: now + duration)
        lane.due = nil
        lane.starts += 1
        put(lane, as: id)
        let lease = LaneLease(lane: id, token: lastToken, duration: duration, starts: lane.starts)
        return Claimed(lease: lease, workClass: lane.workClass, tail: lane.tail)
    }
}

extension WorkClass {
    /// The place in the order of urgency, 0 first.
    fileprivate var rank: Int {
        switch self {
        case .live: 0
        case .refetch: 1
        case .bulk: 2
        case .pull: 3
        case .hook: 4
        }
    }
}
