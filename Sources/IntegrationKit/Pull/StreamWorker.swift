// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads one stream of changes, page by page, under the stream's lane: the one scanner of all platforms.
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

    var integration: LoadedIntegration { worker.integration }
    var core: EngineCore { worker.core }
    var cursorKey: String { RowKey.join(integration.id, stream.id) }

    /// A page token that is older than this is not believed any more.
    private static let tokenAge = Duration.seconds(1800)

    /// Reads until the stream is up to date or the time is over, then releases the lane.
    func run() async throws {
        var work = work
        let row = try await core.store.record(PullCursor.self, cursorKey)
        var cursor = row?.record ?? PullCursor()
        let control = try await core.store.record(PullControl.self, cursorKey)
        if let wait = untilTurn(control?.record, cursor) {
            try await worker.release([work], after: wait)
            return
        }
        let slot = dailyTime?.slot(at: core.now()).id
        var isDone = false
        do {
            // Counted pages overlap by a row, so that a shift shows: one row alone would be all overlap.
            let least = stream.paging == .offset ? 2 : 1
            var limit = max(core.options.pageSize, least)
            var hasForgotten = false
            var hasAnswered = core.clock(of: integration.record.account).isTold
            while core.time.elapsed() < worker.sendsUntil, !Task.isCancelled {
                guard let held = try await keepLease(work) else { return }
                work = held
                let said = try await core.store.record(PullControl.self, cursorKey)?.record
                guard try await obey(said, &cursor, work) else {
                    try await worker.release([work], after: nil)
                    return
                }
                let session = integration.session("pull \(stream.id)")
                let before = cursor
                let imported = stream.mode == .window && cursor.settled == nil ? try await sweepBegan() : nil
                guard
                    let query = begin(
                        &cursor,
                        now: session.now(),
                        since: imported,
                        limit: limit,
                        believing: hasAnswered
                    )
                else {
                    isDone = true
                    break
                }
                let readAt = session.now()
                do {
                    let page = try await integration.provider.changes(in: stream, matching: query, in: session)
                    let wasBelieved = hasAnswered || stream.mode != .window
                    hasAnswered = true
                    if before.window == nil, runsAhead(cursor, of: session.now()) {
                        cursor = before
                        continue
                    }
                    let began = LaneWorker.began(readAt, session)
                    if let started = cursor.sweepStarted { cursor.sweepStarted = min(started, began) }
                    try await take(page, &cursor, readAt: began, work)
                    if page.readyAfter != nil, !page.isComplete {
                        try await worker.release([work], after: page.readyAfter)
                        return
                    }
                    if wasBelieved, isUpToDate(cursor, after: page, since: before) {
                        isDone = true
                        break
                    }
                } catch let error as IntegrationError where error.retry == .smaller && limit > least {
                    limit = max(least, limit / 2)
                } catch let error as IntegrationError
                    where query.page != nil && !hasForgotten && [.invalidInput, .notFound, .gone].contains(error.code)
                {
                    // The place in the list has died: the list is read again from its start.
                    hasForgotten = true
                    cursor.sweepPage = nil
                    cursor.window?.forgetPage()
                }
            }
        } catch let error as IntegrationError where error.code != .storeFailed {
            worker.tally.add(error)
            let kind = stream.kinds.first
            let pause = try await worker.holdBack(error, kind: kind)
            try await worker.release([work], after: pause)
            return
        }
        if isDone { try await take(slot, control, work) }
        // What was cut short by the end of a round goes on in the next one, whatever the schedule.
        try await worker.release([work], after: isDone ? dueAfter(cursor) : .zero)
    }

    /// Whether a new window ends later than the platform's clock allows, which its answer has just told.
    ///
    /// Until a platform's first answer the machine's own clock stands in for it; one that is fast would settle a time
    /// that is still to come.
    private func runsAhead(_ cursor: PullCursor, of now: Date) -> Bool {
        guard let window = cursor.window else { return false }
        return window.upper > ended(now, settles: window.settles)
    }

    /// Whether there is nothing more to ask: a position was read to its end, or a window moved no mark.
    private func isUpToDate(_ cursor: PullCursor, after page: ChangePage, since before: PullCursor) -> Bool {
        switch stream.mode {
        case .cursor: page.isComplete
        case .scan: false
        case .window: cursor.window == nil && cursor.settled == before.settled && cursor.fresh == before.fresh
        }
    }

    // MARK: - What to ask

    /// Makes the next query; nil: the stream is up to date.
    ///
    /// A stream that is new goes on from `imported`, when the whole lists began to be read.
    ///
    /// By a machine's clock that is slow nothing is ever new: unless it is believed, the last moment that was read is asked
    /// for once more, and the answer tells the time.
    private func begin(
        _ cursor: inout PullCursor,
        now: Date,
        since imported: Date?,
        limit: Int,
        believing isBelieved: Bool
    ) -> ChangeQuery? {
        let fields = Set(stream.kinds.flatMap(integration.remoteFields)).sorted()
        switch stream.mode {
        case .cursor:
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
                let reach = stream.reach.map { now.advanced(by: .zero - $0) }
                // A mark stays only with an answer, by the platform's clock: the first window is one grain, else a stream
                // that is read behind a lag alone would begin anew each time.
                let start = ended(now, settles: true).advanced(by: .zero - max(stream.precision, .seconds(1)))
                let first = imported.map { min(start, ended($0, settles: true)) } ?? start
                cursor.settled = sweeps.isEmpty ? reach ?? .distantPast : max(first, reach ?? .distantPast)
                cursor.fresh = cursor.settled
            }
            if let window = cursor.window, let at = window.pageAt, now.duration(since: at) > StreamWorker.tokenAge {
                cursor.window?.forgetPage()
            }
            if cursor.window == nil {
                guard let window = nextWindow(cursor, now: now) ?? (isBelieved ? nil : lastMoment(cursor)) else {
                    return nil
                }
                cursor.window = window
            }
            guard let window = cursor.window else { return nil }
            return ChangeQuery(
                fields: fields,
                from: window.lower == .distantPast ? nil : window.lower,
                until: window.upper,
                page: window.page,
                limit: limit,
                afterID: window.afterID
            )
        }
    }

    /// The lists that show whole what this stream shows changes of.
    private var sweeps: [ChangeStream] {
        integration.streams.filter {
            $0.mode == .scan && $0.provesAbsence && !Set($0.kinds).isDisjoint(with: stream.kinds)
        }
    }

    /// When the sweeps began that were read before the stream's first answer, by the platform's clock: what changed since
    /// then is the stream's to show.
    private func sweepBegan() async throws -> Date? {
        let keys = sweeps.map { RowKey.join(integration.id, $0.id) }
        let cursors = try await core.store.records(PullCursor.self, keys).values.map(\.record)
        return cursors.flatMap { [$0.sweepStarted, $0.sweepBegan] }.compactMap(\.self).min()
    }

    private func isSweepDue(_ cursor: PullCursor, now: Date) -> Bool {
        guard let ended = cursor.sweepEnded else { return true }
        guard let every = stream.sweepEvery else { return false }
        let passed = now.duration(since: ended)
        // At a time of day the last reading ended a little after it; an end that is still to come was never true.
        let slack = dailyTime == nil ? .zero : min(every, .seconds(86_400)) / 2
        return passed >= every - slack || passed < .zero - every
    }

    private func nextWindow(_ cursor: PullCursor, now: Date) -> PullCursor.Window? {
        guard let settled = cursor.settled, let fresh = cursor.fresh else { return nil }
        let final = ended(now, settles: true)
        let newest = ended(now, settles: false)
        let isQuick = stream.lag <= .seconds(60)
        let step = isQuick ? stream.precision : min(core.options.settleEvery, stream.lag)
        if final.duration(since: settled) >= max(step, .seconds(1)) {
            return PullCursor.Window(lower: settled, upper: final, settles: true)
        }
        if !isQuick, newest.duration(since: fresh) >= .seconds(1) {
            return PullCursor.Window(lower: fresh, upper: newest, settles: false)
        }
        return nil
    }

    private func lastMoment(_ cursor: PullCursor) -> PullCursor.Window? {
        cursor.settled.map { settled in
            let grain = max(stream.precision, .seconds(1))
            return PullCursor.Window(lower: settled.advanced(by: .zero - grain), upper: settled, settles: false)
        }
    }

    /// The end of a window that is asked for now: on a whole grain, since a moment that is not over may be changed in
    /// again under the same time.
    func ended(_ now: Date, settles: Bool) -> Date {
        floor(settles ? now.advanced(by: .zero - stream.lag) : now)
    }

    private func floor(_ date: Date) -> Date {
        let grain = max(Int64((stream.precision.inSeconds * 1000).rounded()), 1)
        return Date(milliseconds: date.milliseconds / grain * grain)
    }

    private func dueAfter(_ cursor: PullCursor) -> Duration? {
        guard let interval else { return nil }
        if let dailyTime {
            let now = core.now()
            return max(dailyTime.slot(at: now).next.duration(since: now), .seconds(1))
        }
        guard stream.mode == .scan else { return interval }
        guard let sweepEvery = stream.sweepEvery, let ended = cursor.sweepEnded else { return nil }
        let every = max(sweepEvery, interval)
        let clock = core.clock(of: integration.record.account)
        return min(max(every - clock.now().duration(since: ended), .seconds(1)), every)
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
        let startsAnew = cursor.progress == nil || cursor.progress?.finishedAt != nil
        let isTaken = advance(&next, page, now: readAt)
        count(page, isTaken: isTaken, in: &next, startsAnew: startsAnew)
        if !isTaken {
            try await commit([], next, work)
            cursor = next
            return
        }
        let sweep = stream.mode == .scan && stream.provesAbsence ? cursor.sweep : nil
        let reconciler = Reconciler(worker: worker)
        let records = try await reconciler.reconcile(page.changes, readAt: readAt, sweep: sweep)
        if sweep != nil, next.sweepStarted == nil {
            // The sweep ends only with its suspicions: after a crash its last page is read once more.
            try await commit(records, cursor, work)
            try await suspectUnseen(cursor)
            try await commit([], next, work)
        } else {
            try await commit(records, next, work)
        }
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
                cursor.sweepBegan = cursor.sweepStarted
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
        if stream.paging == .offset, let anchor = window.anchor,
            page.first != anchor || (page.total != nil && window.total != nil && page.total != window.total)
        {
            window.forgetPage()
            window.restarts += 1
            // A list that shifts each time is read in shorter windows: what fits one page cannot shift.
            if window.restarts >= 3 { _ = split(&window) }
            cursor.window = window
            return false
        }
        let isOverfull = stream.resultCap.map { page.total ?? 0 > $0 } ?? false
        if isOverfull, window.page == nil, window.afterID == nil {
            if !split(&window) { window.afterID = RemoteID(stream.kinds.first ?? "", "") }
            cursor.window = window
            return false
        }
        if window.afterID != nil, isOverfull || !page.isComplete, let last = page.last {
            window.forgetPage()
            window.afterID = last
            cursor.window = window
            return true
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
                lower: window.upper,
                upper: upper,
                settles: window.settles,
                splits: window.splits
            )
        } else {
            cursor.window = nil
        }
        return true
    }

    /// Halves a window in time; false: it is one grain, or two, and cannot be halved.
    private func split(_ window: inout PullCursor.Window) -> Bool {
        let lower = max(window.lower ?? .distantPast, Date(milliseconds: 0))
        let middle = floor(lower.addingTimeInterval(window.upper.timeIntervalSince(lower) / 2))
        guard middle > lower, middle < window.upper else { return false }
        window.splits.append(window.upper)
        window.upper = middle
        window.restarts = 0
        return true
    }
}

extension PullCursor.Window {
    /// Goes back to the window's first page.
    mutating func forgetPage() {
        page = nil
        pageAt = nil
        anchor = nil
        total = nil
    }
}
