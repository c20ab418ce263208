// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The store's clock, which goes on over reopenings and never falls.
///
/// Leases, due times and times to keep go by ``age``: the time for which the store has been in use. While it is open, the
/// continuous clock moves it; while it is closed, the wall clock does, but only by what is credible. A wall clock set
/// a year ahead therefore purges nothing.
struct StoreClock: Sendable {
    /// A moment as it is written into the files.
    struct Moment: Equatable, Sendable {
        /// Milliseconds since 1970.
        var date: Int64
        /// Milliseconds for which the store has been in use.
        var age: Int64
        /// Milliseconds since 1970 by the wall clock, which may have jumped.
        var wall: Int64
    }

    /// Longer absences are taken for a wall clock that jumped.
    static let longestAbsence: Int64 = 30 * 86_400_000

    private let time: TimeSource
    private let opened: Duration
    private let start: Moment

    /// Goes on from the last moment that the files know.
    init(_ time: TimeSource, after last: Moment?) {
        self.time = time
        opened = time.elapsed()
        let wall = time.now().milliseconds
        guard let last else {
            start = Moment(date: wall, age: 0, wall: wall)
            return
        }
        let absence = wall.subtractingReportingOverflow(last.wall)
        let isCredible = !absence.overflow && (0...Self.longestAbsence).contains(absence.partialValue)
        start = Moment(
            date: max(wall, last.date),
            age: last.age + (isCredible ? absence.partialValue : 0),
            wall: wall
        )
    }

    /// How long the store has been in use.
    var age: Duration { .milliseconds(start.age) + (time.elapsed() - opened) }

    /// The date: at least the last one seen.
    var date: Date { Date(milliseconds: start.date).advanced(by: time.elapsed() - opened) }

    /// This moment.
    var moment: Moment {
        Moment(date: date.milliseconds, age: age.wholeMilliseconds, wall: time.now().milliseconds)
    }
}
