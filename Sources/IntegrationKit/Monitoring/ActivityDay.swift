// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What an integration did on one day, by UTC.
public struct ActivityDay: Hashable, Sendable {
    /// How durations are spread; each is exact to a fifth.
    public struct Spread: Hashable, Sendable {
        /// How many there are.
        public var count: Int
        /// The duration that half did not exceed.
        public var median: Duration
        /// The duration that 95 of 100 did not exceed.
        public var p95: Duration
        /// The duration that 99 of 100 did not exceed.
        public var p99: Duration

        /// Summarizes a histogram; nil: it is empty.
        init?(_ histogram: Histogram) {
            guard let median = histogram.percentile(0.5), let p95 = histogram.percentile(0.95),
                let p99 = histogram.percentile(0.99)
            else { return nil }
            count = histogram.count
            self.median = median
            self.p95 = p95
            self.p99 = p99
        }
    }

    /// The day, such as `2026-11-25`.
    public var day: String
    /// How often each thing happened, by kind of record.
    public var counts: [RecordKind: [IntegrationEvent.Kind: Int]]
    /// Calls to the platform.
    public var calls: Int
    /// Calls that were refused or got no answer.
    public var failedCalls: Int
    /// How long the platform took, by what was done, such as `push contact`.
    public var latency: [String: Spread]
    /// How long the host's events waited until they were carried out, by kind of record.
    public var lag: [RecordKind: Spread]
    /// How long changes on the platform waited until the host had them, by kind of record.
    ///
    /// Counted are changes whose time the platform tells, made since the account was connected.
    public var inboundLag: [RecordKind: Spread]

    init(_ day: String, _ record: ActivityRecord) {
        self.day = day
        counts = record.counts.mapValues { counts in
            Dictionary(
                counts.map { (IntegrationEvent.Kind(rawValue: $0.key), $0.value) },
                uniquingKeysWith: +
            )
        }
        calls = record.calls
        failedCalls = record.failedCalls
        latency = record.latency.compactMapValues(Spread.init)
        lag = record.lag.compactMapValues(Spread.init)
        inboundLag = (record.inboundLag ?? [:]).compactMapValues(Spread.init)
    }

    /// Returns how often something happened, over all kinds.
    ///
    /// - Parameter kind: What happened.
    /// - Returns: How often.
    public func count(_ kind: IntegrationEvent.Kind) -> Int {
        counts.values.reduce(0) { $0 + ($1[kind] ?? 0) }
    }
}
