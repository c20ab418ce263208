// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The numbers by which the engine works; the defaults are right for almost every host.
public struct EngineOptions: Sendable {
    /// The total time of one request.
    public var requestTimeout = Duration.seconds(30)
    /// How long after its commit a write may still leave.
    public var sendWindow = Duration.seconds(5)
    /// How long a lane is leased; longer than sending and answering together.
    public var lease = Duration.seconds(120)
    /// How many lanes of host events are claimed at a time.
    public var lanesPerClaim = 800
    /// How many lanes of one integration are claimed at a time.
    public var lanesPerIntegration = 400
    /// How many calls that write one integration may have in flight.
    public var writesInFlight = 4
    /// How many failures of its own a job may have before it waits for a person.
    public var failuresBeforeBlocking = 3
    /// How many records of a kind may be refused in a row for what could be the mapping's fault before the kind waits.
    public var refusalsBeforeSuspending = 5
    /// How long a finished job, and with it the memory of its event's id, is kept.
    public var memory = Duration.seconds(30 * 86_400)
    /// How many finished jobs of one integration are kept at most.
    ///
    /// An event whose job was removed for this reason counts as new if it is enqueued again.
    public var finishedJobsKept = 1_000_000
    /// How long log entries are kept.
    public var logRetention = Duration.seconds(30 * 86_400)
    /// How many log entries of one integration are kept at most.
    public var logEntriesKept = 100_000
    /// How long de-duplication keys of webhooks are kept.
    public var deliveryRetention = Duration.seconds(7 * 86_400)
    /// How many de-duplication keys of webhooks of one integration are kept at most.
    public var deliveriesKept = 100_000
    /// How long the daily statistics are kept.
    public var activityRetention = Duration.seconds(400 * 86_400)
    /// The share of a kind's linked records that a day may delete, or empty values of, without being confirmed.
    public var massChangeShare = 0.2
    /// Up to so many records are never a mass change.
    public var massChangeMinimum = 10
    /// How often a stream that settles late is read again up to its lag.
    public var settleEvery = Duration.seconds(600)
    /// How many records of a list are read at a time.
    public var pageSize = 100
    /// The largest answer that is accepted, in bytes.
    public var maximumAnswerSize = 16 << 20
    /// Addresses that may be called besides public ones over https.
    public var addressRules = AddressRules()

    /// Creates the defaults.
    public init() {}

    /// How many jobs of a lane are worked on at a time.
    static let jobsPerLane = 32

    /// The longest pause between two tries of one lane.
    static let longestBackoff = Duration.seconds(3600)

    /// How long to wait before trying again, by exponential backoff with full jitter.
    ///
    /// - Parameters:
    ///   - failures: How often it failed, 1 for the first time.
    ///   - random: The jitter.
    /// - Returns: The wait.
    func backoff(_ failures: Int, _ random: RandomSource) -> Duration {
        let ceiling = min(2.0 * pow(2, Double(min(failures, 12))), EngineOptions.longestBackoff.inSeconds)
        return .milliseconds(Int64((1 + random.fraction() * ceiling) * 1000))
    }
}
