// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Holds an integration's work while its platform does not answer, and lets one probe through when the time has come.
struct Breaker: Codable, Hashable, Sendable {
    /// Failures of the platform in a row.
    var failures = 0
    /// When a probe may go out; nil: closed.
    var openUntil: Date?

    /// The longest time between two probes.
    static let longest = Duration.seconds(15 * 60)

    /// Whether work must wait.
    ///
    /// Nothing waits longer than the longest wait there is: a clock that was set back holds nobody up.
    func isOpen(at now: Date) -> Bool {
        openUntil.map { $0 > now && $0 <= now.advanced(by: Breaker.longest * 2) } ?? false
    }

    /// Whether one probe decides.
    func isProbing(at now: Date) -> Bool {
        openUntil != nil && !isOpen(at: now)
    }

    /// Counts a failure that the platform caused.
    ///
    /// - Parameters:
    ///   - advice: How long the platform asked to wait.
    ///   - now: The date.
    ///   - random: Spreads the probes of many integrations.
    mutating func fail(advice: Duration?, at now: Date, random: RandomSource) {
        failures += 1
        let step = min(30.0 * pow(2, Double(min(failures - 1, 10))), Breaker.longest.inSeconds)
        let wait = advice?.inSeconds ?? (step / 2 + random.fraction() * step / 2)
        openUntil = now.addingTimeInterval(min(max(wait, 1), Breaker.longest.inSeconds * 2))
    }

    /// Closes; returns whether it was open.
    mutating func succeed() -> Bool {
        defer { self = Breaker() }
        return openUntil != nil
    }
}
