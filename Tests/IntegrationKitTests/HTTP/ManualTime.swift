// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Clocks that stand still until a test moves them.
///
/// Sleeps end by moving, or by cancellation.
final class ManualTime: Sendable {
    private struct State {
        var elapsed = Duration.zero
        var wall = Date(timeIntervalSince1970: 1_700_000_000)
        var nextID = 0
        var sleepers: [Int: (until: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var slept: [Duration] = []
    }
    private let state = LockBox(State())
    /// Whether a sleep moves the clock itself and ends at once.
    let isEager: Bool

    init(isEager: Bool = false) {
        self.isEager = isEager
    }

    var sleeperCount: Int { state.withLock { $0.sleepers.count } }
    var slept: [Duration] { state.withLock { $0.slept } }
    var elapsed: Duration { state.withLock { $0.elapsed } }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.elapsed += duration
            state.wall = state.wall.addingTimeInterval(duration / .seconds(1))
            let due = state.sleepers.filter { $0.value.until <= state.elapsed }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    func jumpWall(by seconds: TimeInterval) {
        state.withLock { $0.wall = $0.wall.addingTimeInterval(seconds) }
    }

    var source: TimeSource {
        var source = TimeSource.system
        source.now = { self.state.withLock { $0.wall } }
        source.elapsed = { self.state.withLock { $0.elapsed } }
        source.sleep = { try await self.sleep($0) }
        return source
    }

    private func sleep(_ duration: Duration) async throws {
        let id = state.withLock { state in
            state.slept.append(duration)
            state.nextID += 1
            return state.nextID
        }
        // A deadline's sleep is long; an eager clock leaves it alone.
        if isEager, duration < .seconds(5) {
            advance(by: duration)
            return
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                state.withLock { state in
                    if Task.isCancelled {
                        continuation.resume(throwing: CancellationError())
                    } else {
                        state.sleepers[id] = (state.elapsed + duration, continuation)
                    }
                }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
