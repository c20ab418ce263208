// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The clock of one account's platform, as far as the `Date` fields of its answers tell.
///
/// An answer that left at `sent` and was here at `received` bounds the platform's clock from both sides: it showed `Date`
/// or more at `received`, and less than a second more than `Date` at `sent`. The estimate moves only as far as a bound
/// forces it, so a slow answer, whose bounds are wide apart, hardly moves it. Between answers the clock runs on elapsed
/// time: a jump of the machine's wall clock does not reach it.
final class ServerClock: Sendable {
    private let time: TimeSource
    private let anchor = LockBox<(date: Date, elapsed: Duration)?>(nil)

    init(time: TimeSource) {
        self.time = time
    }

    /// The platform's date; the machine's own until an answer told.
    func now() -> Date {
        anchor.withLock { $0 }.map { $0.date.advanced(by: time.elapsed() - $0.elapsed) } ?? time.now()
    }

    /// Whether an answer told.
    var isTold: Bool { anchor.withLock { $0 != nil } }

    /// The machine's date for a date of the platform.
    func wallDate(_ platformDate: Date) -> Date {
        time.now().addingTimeInterval(platformDate.timeIntervalSince(now()))
    }

    /// Learns from an answer.
    ///
    /// - Parameters:
    ///   - response: The answer; one out of a cache tells nothing.
    ///   - sent: When the request left, by elapsed time.
    ///   - received: When the answer was here, by elapsed time.
    func learn(from response: HTTPResponse, sent: Duration, received: Duration) {
        guard let date = response.date, response.headers["Age"].map({ $0 == "0" }) ?? true else { return }
        let latest = date.advanced(by: .seconds(1) + (received - sent))
        anchor.withLock { anchor in
            let estimate =
                anchor.map { $0.date.advanced(by: received - $0.elapsed) }
                ?? time.now().advanced(by: received - time.elapsed())
            anchor = (min(max(estimate, date), latest), received)
        }
    }
}
