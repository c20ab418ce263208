// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// A clock that stands still until a test moves it.
///
/// It is a continuous clock and a wall clock in one: ``advance(by:)`` moves both, ``setWall(_:)`` makes the wall clock
/// alone jump, as a wrong time server does.
///
/// ```swift
/// let clock = ManualClock()
/// let store = InMemoryIntegrationStore(time: clock.timeSource)
/// clock.advance(by: .seconds(60))
/// ```
public final class ManualClock: Clock {
    /// A moment of a ``ManualClock``.
    public struct Instant: InstantProtocol {
        /// The time since the clock was created.
        public var offset: Duration

        /// Creates a moment.
        ///
        /// - Parameter offset: The time since the clock was created.
        public init(offset: Duration = .zero) {
            self.offset = offset
        }

        /// Returns the moment moved by a duration.
        public func advanced(by duration: Duration) -> Instant {
            Instant(offset: offset + duration)
        }

        /// Returns the duration from this moment to another.
        public func duration(to other: Instant) -> Duration {
            other.offset - offset
        }

        /// Orders moments in time.
        public static func < (left: Instant, right: Instant) -> Bool {
            left.offset < right.offset
        }
    }

    private struct Waiter: Sendable {
        enum Condition: Sendable {
            case time(Instant)
            case sleeps(Int)
        }
        var id: Int
        var condition: Condition
        var continuation: CheckedContinuation<Void, any Error>

        var deadline: Instant? { if case .time(let deadline) = condition { deadline } else { nil } }
    }

    private struct State: Sendable {
        var now = Instant()
        var wall: Date
        var lastID = 0
        var waiters: [Waiter] = []
        var cancelled: Set<Int> = []

        var deadlines: [Instant] {
            waiters.compactMap(\.deadline).sorted()
        }

        /// Takes out the waiters whose condition holds, the earliest sleep first.
        mutating func takeReady() -> [Waiter] {
            let sleeping = deadlines.count
            let ready = waiters.filter { isReady($0.condition, sleeping: sleeping) }
            let ids = Set(ready.map(\.id))
            waiters.removeAll { ids.contains($0.id) }
            return ready.sorted { ($0.deadline ?? now, $0.id) < ($1.deadline ?? now, $1.id) }
        }

        func isReady(_ condition: Waiter.Condition, sleeping: Int) -> Bool {
            switch condition {
            case .time(let deadline): deadline <= now
            case .sleeps(let count): sleeping >= count
            }
        }
    }

    private let state: LockBox<State>
    private let skipped: Duration

    /// Creates a clock.
    ///
    /// - Parameters:
    ///   - wall: What the wall clock shows.
    ///   - skippingSleepsUpTo: Sleeps of at most this length return at once and move the clock by their length, so that
    ///     short delays before a retry need no second task to end them. Zero: none.
    public init(
        wall: Date = Date(timeIntervalSince1970: 1_800_000_000),
        skippingSleepsUpTo: Duration = .zero
    ) {
        state = LockBox(State(wall: wall))
        skipped = skippingSleepsUpTo
    }

    /// The moment it is.
    public var now: Instant { state.withLock { $0.now } }

    /// The date that the wall clock shows.
    public var wall: Date { state.withLock { $0.wall } }

    /// The finest step of the clock.
    public var minimumResolution: Duration { .zero }

    /// The clock as the library takes it: durations, sleeps and dates from one source.
    public var timeSource: TimeSource {
        TimeSource(clock: self, now: { self.wall })
    }

    /// How long each pending sleep still lasts, the shortest first.
    public var pendingSleeps: [Duration] {
        state.withLock { state in state.deadlines.map { state.now.duration(to: $0) } }
    }

    /// Moves the clock and the wall clock, and ends the sleeps whose time has come, the earliest first.
    ///
    /// - Parameter duration: How far.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "A clock does not run backwards; use setWall(_:) to make the wall clock jump.")
        let ready = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            state.wall = state.wall.advanced(by: duration)
            return state.takeReady()
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Makes the wall clock show another date; no time passes.
    ///
    /// - Parameter date: What it shows from now on.
    public func setWall(_ date: Date) {
        state.withLock { $0.wall = date }
    }

    /// Waits until so many sleeps are pending: the tasks under test have come to rest.
    ///
    /// - Parameter count: How many sleeps.
    /// - Throws: `CancellationError` when the task is cancelled.
    public func waitForSleeps(_ count: Int = 1) async throws {
        try await wait(for: .sleeps(count))
    }

    /// Waits until the clock is moved to a moment, or not at all if it is there or the sleep is skipped.
    ///
    /// - Parameters:
    ///   - deadline: The moment.
    ///   - tolerance: Not used: a manual clock is exact.
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try Task.checkCancellation()
        let length = now.duration(to: deadline)
        if length > .zero, length <= skipped {
            advance(by: length)
        } else {
            try await wait(for: .time(deadline))
        }
    }

    private func wait(for condition: Waiter.Condition) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return true }
                    state.waiters.append(Waiter(id: id, condition: condition, continuation: continuation))
                    return false
                }
                guard !isCancelled else { return continuation.resume(throwing: CancellationError()) }
                let ready = state.withLock { $0.takeReady() }
                for waiter in ready { waiter.continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let place = state.waiters.firstIndex { $0.id == id }
                // Cancelled before it waits: the continuation finds the mark.
                if place == nil { state.cancelled.insert(id) }
                return place.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.cancelled.remove(id) }
    }
}
