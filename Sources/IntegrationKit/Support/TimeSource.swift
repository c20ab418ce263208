// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Where the library takes its time from: a wall clock for dates and a continuous clock for durations.
///
/// A test passes the source of a manual clock, so that a week takes no time at all.
public struct TimeSource: Sendable {
    /// Returns the wall clock's date.
    public var now: @Sendable () -> Date
    /// Returns the time since some fixed moment, by a clock that never jumps.
    public var elapsed: @Sendable () -> Duration
    /// Waits for a duration, by the continuous clock; throws `CancellationError` when its task is cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void

    /// The clocks of the machine.
    public static let system = TimeSource(clock: ContinuousClock(), now: { Date() })

    /// Creates a source from a clock and a wall clock.
    ///
    /// - Parameters:
    ///   - clock: Measures durations and waits.
    ///   - now: Tells the date.
    public init<C: Clock>(clock: C, now: @escaping @Sendable () -> Date) where C.Duration == Duration {
        let start = clock.now
        self.now = now
        self.elapsed = { start.duration(to: clock.now) }
        self.sleep = { try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil) }
    }
}

extension Duration {
    /// The duration in seconds.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

extension Date {
    /// The date moved by a duration.
    package func advanced(by duration: Duration) -> Date {
        addingTimeInterval(duration.inSeconds)
    }

    /// The duration from another date to this one; negative if this one is earlier.
    package func duration(since other: Date) -> Duration {
        .milliseconds(Int64((timeIntervalSince(other) * 1000).rounded()))
    }

    /// The whole milliseconds since 1970; dates beyond 64 bits saturate, since a platform's date must never trap.
    package var milliseconds: Int64 {
        let value = (timeIntervalSince1970 * 1000).rounded()
        return Int64(exactly: value) ?? (value > 0 ? .max : .min)
    }

    /// Creates a date from whole milliseconds since 1970.
    package init(milliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
