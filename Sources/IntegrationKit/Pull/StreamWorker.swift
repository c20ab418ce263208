// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads one stream of changes, page by page, under the stream's lane. The one scanner of all platforms.
///
/// A window is read to its end before its watermark moves, and the watermark is the window's own upper bound, by the
/// platform's clock. A record counts as known only by what it holds. Where a list may show changes late, one mark runs
/// ahead for speed and another follows behind the lag and owns what is final.
struct StreamWorker: Sendable {
    let worker: LaneWorker
    let stream: ChangeStream
    let work: LaneWork
    /// Whether the host asked, however recent the last run is.
    let interval: Duration?

    private var integration: LoadedIntegration { worker.integration }
    private var core: EngineCore { worker.core }
    private var cursorKey: String { RowKey.join(integration.id, stream.id) }

    /// A page token that is older than this is not believed any more.
    private static let tokenAge = Duration.seconds(1800)
    private static let pageSize = 100

    /// Reads until the stream is up to date or the time is over, then releases the lane.
    func run() async throws {
        var work = work
        let row = try await core.store.record(PullCursor.self, cursorKey)
        var cursor = row?.record ?? PullCursor()
        do {
            var limit = StreamWorker.pageSize
            while core.time.elapsed() < worker.sendsUntil, !Task.isCancelled {
                guard let held = try await keepLease(work) else { return }
                work = held
                let session = integration.session("pull \(stream.id)")
                guard let query = begin(&cursor, now: session.now(), limit: limit) else { break }
                let readAt = session.now()
                do {
                    let page = try await integration.provider.changes(in: stream, matching: query, in: session)
                    try await take(page, &cursor, readAt: readAt, work)
                    if page.readyAfter != nil, !page.isComplete {
                        try await worker.release([work], after: page.readyAfter)
                        return
                    }
                } catch let error as IntegrationError where error.retry == .smaller && limit > 1 {
                    limit = max(1, limit / 2)
                }
            }
        } catch let error as IntegrationError where error.code != .storeFailed {
            worker.tally.add(error)
            let kind = stream.kinds.first
            let pause = try await worker.holdBack(error, kind: kind)
            try await worker.release([work], after: pause)
            return
        }
        try await worker.release([work], after: dueAfter(cursor))
    }

    // MARK: - What to ask

    /// Makes the next query; nil: the stream is up to date.
    private func begin(_ cursor: inout PullCursor, now: Date, limit: Int) -> ChangeQuery? {
        let fields = Set(stream.kinds.flatMap(integration.remoteFields)).sorted()
        switch stream.mode {
        case .cursor:
            if cursor.sweepEnded != nil, let ended = cursor.fresh, now < ended.advanced(by: .seconds(1)) { return nil }
            return ChangeQuery(fields: fields, position: cursor.position, page: cursor.sweepPage, limit: limit)
        case .scan:
            if cursor.sweepStarted == nil {
                guard isSweepDue(cursor, now: now) else { return nil }
                cursor.sweep += 1
                cursor.sweepStarted = now
                cursor.sweepPage = nil
            }
            return ChangeQuery(fields: fields, page: cursor.sweepPage, limit: limit)
        case .window:
            if cursor.settled == nil {
                let start = hasSweep ? now.advanced(by: .zero - stream.lag) : stream.reach.map { now.advanced(by: .zero - $0) }
                cursor.settled = start ?? .distantPast
                cursor.fresh = cursor.settled
            }
            if let window = cursor.window, let at = window.pageAt, now.duration(since: at) > StreamWorker.tokenAge {
                cursor.window?.page = nil
                cursor.window?.pageAt = nil
                cursor.window?.anchor = nil
                cursor.window?.total = nil
            }
            if cursor.window == nil {
                guard let window = nextWindow(cursor, now: now) else { return nil }
                cursor.window = window
            }
            guard let window = cursor.window else { return nil }
            return ChangeQuery(
                fields: fields,
                from: window.lower == .distantPast ? nil : window.lower,
                until: window.upper,
                page: window.page,
                limit: limit
            )
        }
    }

    private var hasSweep: Bool {
        integration.streams.contains { $0.mode == .scan && $0.provesAbsence && !Set($0.kinds).isDisjoint(with: stream.kinds) }
    }

    private func isSweepDue(_ cursor: PullCursor, now: Date) -> Bool {
        guard let ended = cursor.sweepEnded else { return true }
        guard let every = stream.sweepEvery else { return false }
        return now.duration(since: ended) >= every
    }

    private func nextWindow(_ cursor: PullCursor, now: Date) -> PullCursor.Window? {
        guard let settled = cursor.settled, let fresh = cursor.fresh else { return nil }
        let final = now.advanced(by: .zero - stream.lag)
        let isQuick = stream.lag <= .seconds(60)
        let step = isQuick ? stream.precision : min(core.options.settleEvery, stream.lag)
        if final.duration(since: settled) >= max(step, .seconds(1)) {
            return PullCursor.Window(lower: settled, upper: final, settles: true)
        }
        if !isQuick, now.duration(since: fresh) >= .seconds(1) {
            return PullCursor.Window(lower: fresh, upper: now, settles: false)
        }
        return nil
    }

    private func dueAfter(_ cursor: PullCursor) -> Duration? {
        if cursor.window != nil || cursor.sweepStarted != nil { return .zero }
        guard let interval else { return nil }
        guard stream.mode == .scan else { return interval }
        guard let every = stream.sweepEvery, let ended = cursor.sweepEnded else { return nil }
        let clock = core.clock(of: integration.record.account)
        return max(every - clock.now().duration(since: ended), .seconds(1))
    }

    private func keepLease(_ work: LaneWork) async throws -> LaneWork? {
        guard core.time.elapsed() + core.options.requestTimeout * 2 > work.holdsUntil else { return work }
        let askedAt = core.time.elapsed()
        guard let lease = try await core.store.renew([work.lease], for: core.options.lease).first else { return nil }
        var work = work
        work.lease = lease
        work.holdsUntil = askedAt + lease.duration * 4 / 5
        return work
    }

    // MARK: - What came

    private func take(_ page: ChangePage, _ cursor: inout PullCursor, readAt: Date, _ work: LaneWork) async throws {
        var next = cursor
        if !advance(&next, page, now: readAt) {
            try await commit([], next, work)
            cursor = next
            return
        }
        let sweep = stream.mode == .scan && stream.provesAbsence ? cursor.sweep : nil
        let reconciler = Reconciler(worker: worker)
        let records = try await reconciler.reconcile(page.changes, readAt: readAt, sweep: sweep)
        try await commit(records, next, work)
        if sweep != nil, next.sweepStarted == nil { try await suspectUnseen(cursor) }
        cursor = next
    }

    /// Moves the cursor past a page; false: the list moved under our feet and the window is read again.
    private func advance(_ cursor: inout PullCursor, _ page: ChangePage, now: Date) -> Bool {
        switch stream.mode {
        case .cursor:
            if let position = page.position { cursor.position = position }
            cursor.sweepPage = page.next
            if page.isComplete {
                cursor.sweepEnded = now
                cursor.fresh = now
            }
            return true
        case .scan:
            cursor.sweepPage = page.next
            if page.isComplete {
                cursor.sweepStarted = nil
                cursor.sweepEnded = now
                cursor.sweepPage = nil
            }
            return true
        case .window:
            return advanceWindow(&cursor, page, now: now)
        }
    }

    private func advanceWindow(_ cursor: inout PullCursor, _ page: ChangePage, now: Date) -> Bool {
        guard var window = cursor.window else { return true }
        if stream.paging == .offset, let anchor = window.anchor {
            let moved = page.first != anchor || (page.total != nil && window.total != nil && page.total != window.total)
            if moved, window.restarts < 5 {
                window.restarts += 1
                window.page = nil
                window.pageAt = nil
                window.anchor = nil
                window.total = nil
                cursor.window = window
                return false
            }
        }
        if let cap = stream.resultCap, let total = page.total, total > cap, window.page == nil,
            let lower = window.lower, lower != .distantPast,
            window.upper.duration(since: lower) > stream.precision * 2
        {
            let middle = lower.addingTimeInterval(window.upper.timeIntervalSince(lower) / 2)
            window.splits.append(window.upper)
            window.upper = Date(milliseconds: middle.milliseconds)
            cursor.window = window
            return false
        }
        guard page.isComplete else {
            window.page = page.next
            window.pageAt = now
            window.anchor = page.last
            window.total = page.total
            cursor.window = window
            return true
        }
        let mark = min(page.coveredThrough ?? window.upper, window.upper)
        if window.settles { cursor.settled = max(cursor.settled ?? .distantPast, mark) }
        cursor.fresh = max(cursor.fresh ?? .distantPast, mark)
        if let upper = window.splits.popLast() {
            cursor.window = PullCursor.Window(
                lower: window.upper, upper: upper, settles: window.settles, splits: window.splits)
        } else {
            cursor.window = nil
        }
        return true
    }

    /// Commits a page: what its records add, and the cursor. A record whose commit does not hold is read again later.
    private func commit(_ records: [RecordCommit], _ cursor: PullCursor, _ work: LaneWork) async throws {
        var remaining = records
        for _ in 0..<(records.count + 2) {
            var changes = Changes(
                id: core.random.uuid(), requires: [work.requirement, integration.fenceRequirement])
            changes.puts = [
                try cursor.content(key: cursorKey, tenant: integration.tenant, integration: integration.id)
            ]
            var jobs: Set<RowID> = []
            for record in remaining {
                changes.requires.formUnion(record.requires)
                changes.puts += record.puts.filter { $0.id.type != SyncJob.type || jobs.insert($0.id).inserted }
                changes.deletes += record.deletes
                changes.touches += record.touches
                for event in record.events {
                    changes.puts.append(try LogRecord.row(event, integration: integration, core: core))
                }
            }
            do {
                try await core.commit(changes)
                for event in remaining.flatMap(\.events) {
                    if let kind = event.recordKind { worker.tally.add(event.kind, kind, of: integration) }
                    core.observe(event)
                }
                return
            } catch StoreFailure.conflict(let failed, let taken) {
                if failed.contains(work.requirement) || failed.contains(integration.fenceRequirement) {
                    throw CancellationError()
                }
                let entries = Set(taken)
                let reconciler = Reconciler(worker: worker)
                var changed = false
                remaining = try remaining.map { record in
                    guard
                        !record.requires.isDisjoint(with: failed)
                            || record.puts.contains(where: { !entries.isDisjoint(with: $0.indexes) })
                    else { return record }
                    changed = true
                    return try reconciler.refetch(record.remote, record.host)
                }
                guard changed else { throw EngineCore.storeError(nil) }
            }
        }
    }

    /// After a whole sweep: linked records that it did not show are suspected to be gone, and read one by one.
    private func suspectUnseen(_ cursor: PullCursor) async throws {
        guard let started = cursor.sweepStarted else { return }
        for kind in stream.kinds {
            let prefix = RowKey.join(integration.id, kind.rawValue)
            var after: PageKey?
            while true {
                let page = try await core.store.rows(
                    matching: RowQuery(
                        "link.sweep",
                        range: "\(prefix)|"..<"\(prefix)|\(RowKey.number(cursor.sweep))",
                        after: after,
                        limit: 500
                    )
                )
                guard let last = page.last else { break }
                let rows = try page.map { try Row<RecordLink>($0) }
                    .filter { $0.record.isLinked && $0.record.linkedAt < started }
                var changes = Changes(id: core.random.uuid(), requires: [integration.fenceRequirement])
                let reconciler = Reconciler(worker: worker)
                for row in rows {
                    guard let remote = row.record.remote else { continue }
                    let record = try reconciler.refetch(remote, row.record.host)
                    changes.puts += record.puts
                    changes.touches += record.touches
                }
                try await core.commit(changes)
                let key = last.content.indexes.first { $0.name == "link.sweep" }?.key ?? prefix
                after = PageKey(key: key, created: last.created)
            }
        }
    }
}
