// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the schedule and people say to a stream.
struct PullControl: StoredRecord {
    static let type = "control"
    /// The last slot of the daily schedule that was taken.
    var slot: String?
    /// Whether somebody asked for a run besides the schedule.
    var isAsked = false
    var isPaused = false
    /// Whether what is under way is to be given up.
    var isCancelled = false
}

/// How far the reading of a stream is.
struct PullProgress: Codable, Hashable, Sendable {
    var startedAt: Date
    var at: Date
    var done = 0
    var total: Int?
    var finishedAt: Date?
}

extension StreamWorker {
    /// The time of day at which the stream is read; nil: it has another schedule.
    var dailyTime: DailyTime? {
        if case .dailyAt(let time) = integration.settings.frequency { time } else { nil }
    }

    /// How long until the slot's turn; nil: it is now, or work is under way, or somebody asked.
    func untilTurn(_ control: PullControl?, _ cursor: PullCursor) -> Duration? {
        guard let dailyTime, control?.isAsked != true, cursor.window == nil, cursor.sweepStarted == nil,
            cursor.sweepPage == nil
        else { return nil }
        let now = core.now()
        let slot = dailyTime.slot(at: now)
        return control?.slot == slot.id ? max(slot.next.duration(since: now), .seconds(1)) : nil
    }

    /// Notes that a slot was read to its end: it does not come again, whatever becomes of the clocks.
    func take(_ slot: String?, _ control: Row<PullControl>?, _ work: LaneWork) async throws {
        guard let slot else { return }
        var taken = control?.record ?? PullControl()
        taken.slot = slot
        taken.isAsked = false
        do {
            try await core.commit(
                Changes(
                    id: core.random.uuid(),
                    requires: [
                        work.requirement,
                        control.map { .revision($0.id, $0.revision) } ?? .absent(PullControl.rowID(cursorKey)),
                    ],
                    puts: [try taken.row(cursorKey, integration)]
                )
            )
        } catch StoreFailure.conflict {
            return  // Somebody said something meanwhile, and touched the lane: it looks again at once.
        }
    }

    /// Gives up an import or a sweep that is under way; from there on only what changes is read.
    ///
    /// A window of changes is read to its end: nothing would bring them again.
    func cancel(_ cursor: inout PullCursor, now: Date) {
        if let window = cursor.window, window.lower ?? .distantPast == .distantPast {
            let end = window.splits.max().map { max($0, window.upper) } ?? window.upper
            if window.settles { cursor.settled = end }
            cursor.fresh = end
            cursor.window = nil
        }
        cursor.sweepBegan = cursor.sweepStarted ?? cursor.sweepBegan
        cursor.sweepStarted = nil
        cursor.sweepEnded = now
        cursor.sweepPage = nil
        cursor.progress?.finishedAt = core.now()
    }

    /// Does what a person said; false: the stream waits until it is resumed.
    func obey(_ control: PullControl?, _ cursor: inout PullCursor, _ work: LaneWork) async throws -> Bool {
        guard var control else { return true }
        if control.isCancelled {
            cancel(&cursor, now: core.clock(of: integration.record.account).now())
            control.isCancelled = false
            var changes = Changes(id: core.random.uuid(), requires: [work.requirement])
            changes.puts = [
                try cursor.content(key: cursorKey, tenant: integration.tenant, integration: integration.id),
                try control.row(cursorKey, integration),
            ]
            do {
                try await core.commit(changes)
            } catch StoreFailure.conflict {
                throw CancellationError()
            }
        }
        return !control.isPaused
    }

    /// Counts a page.
    func count(_ page: ChangePage, isTaken: Bool, in cursor: inout PullCursor, startsAnew: Bool) {
        let now = core.now()
        var progress = cursor.progress ?? PullProgress(startedAt: now, at: now)
        if startsAnew { progress = PullProgress(startedAt: now, at: now) }
        progress.at = now
        progress.done = isTaken ? progress.done + page.changes.count : 0
        progress.total = [progress.total, page.total].compactMap(\.self).max()
        let isOver =
            switch stream.mode {
            case .window: cursor.window == nil
            case .scan: cursor.sweepStarted == nil
            case .cursor: page.isComplete
            }
        progress.finishedAt = isOver ? now : nil
        cursor.progress = progress
    }
}

extension PullControl {
    func row(_ key: String, _ integration: LoadedIntegration) throws -> RowContent {
        try content(key: key, tenant: integration.tenant, integration: integration.id)
    }
}
