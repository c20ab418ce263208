// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A clock that begins at a fixed date, runs as fast as the machine's, and can be moved ahead.
///
/// A server on this machine answers in real time, so that a clock that stands still would see no deadline or all at once.
final class ShiftedClock: Sendable {
    private let lock = NSLock()
    private nonisolated(unsafe) var shift = Duration.zero
    private let system = TimeSource.system
    private let start: Duration

    init() {
        start = system.elapsed()
    }

    /// Moves the clock ahead.
    func shift(by duration: Duration) {
        lock.withLock { unsafe shift += duration }
    }

    private var elapsed: Duration { system.elapsed() - start + lock.withLock { unsafe shift } }

    /// The clock as the tool takes it: a wait of up to ten seconds, as between two tries, moves the clock ahead in place
    /// of taking its time; deadlines of requests are longer and real.
    var timeSource: TimeSource {
        var time = TimeSource.system
        time.sleep = { duration in
            try Task.checkCancellation()
            if duration <= .seconds(10) { self.shift(by: duration) } else { try await self.system.sleep(duration) }
        }
        time.elapsed = { self.elapsed }
        time.now = {
            let parts = self.elapsed.components
            let seconds = Double(parts.seconds) + Double(parts.attoseconds) / 1e18
            return Date(timeIntervalSince1970: 1_800_000_000 + seconds)
        }
        return time
    }
}
