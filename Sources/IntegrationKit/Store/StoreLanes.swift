// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A class of work, most urgent first.
public enum WorkClass: String, Codable, Sendable, CaseIterable {
    /// An event of the host.
    case live
    /// A record to fetch because a webhook or a page named it.
    case refetch
    /// Long imports and resyncs.
    case bulk
    /// Streams to pull.
    case pull
    /// Outgoing webhooks.
    case hook
}

/// What a coordinator wants to work on.
public struct LaneClaim: Sendable {
    /// Who claims.
    public var owner: UUID
    /// How long the leases last.
    public var lease: Duration
    /// How many lanes of each class.
    public var shares: [WorkClass: Int]
    /// The most lanes of one integration.
    public var perIntegration: Int
    /// The integration after which the turn begins; nil: at the first.
    public var startingAfter: String?
    /// Integrations that get nothing now.
    public var skipping: Set<String>
    /// The most jobs to return of a lane.
    public var jobsPerLane: Int

    /// Creates a claim.
    ///
    /// - Parameters:
    ///   - owner: Who claims.
    ///   - lease: How long the leases last.
    ///   - shares: How many lanes of each class.
    ///   - perIntegration: The most lanes of one integration.
    ///   - startingAfter: The integration after which the turn begins.
    ///   - skipping: Integrations that get nothing now.
    ///   - jobsPerLane: The most jobs to return of a lane.
    public init(
        owner: UUID,
        lease: Duration,
        shares: [WorkClass: Int],
        perIntegration: Int,
        startingAfter: String? = nil,
        skipping: Set<String> = [],
        jobsPerLane: Int = 32
    ) {
        self.owner = owner
        self.lease = lease
        self.shares = shares
        self.perIntegration = perIntegration
        self.startingAfter = startingAfter
        self.skipping = skipping
        self.jobsPerLane = jobsPerLane
    }
}

/// The time-bound right to do the work of a lane.
public struct LaneLease: Hashable, Sendable {
    /// The lane.
    public var lane: LaneID
    /// Names the lease; tokens of a store only rise.
    public var token: Int64
    /// How long the lease lasts, from the claim or the renewal.
    public var duration: Duration
    /// How often the lane was claimed since it was last released, this claim included: a crash loop shows here.
    public var starts: Int

    /// Creates a lease.
    ///
    /// - Parameters:
    ///   - lane: The lane.
    ///   - token: Names the lease.
    ///   - duration: How long it lasts.
    ///   - starts: How often the lane was claimed since it was last released.
    public init(lane: LaneID, token: Int64, duration: Duration, starts: Int) {
        self.lane = lane
        self.token = token
        self.duration = duration
        self.starts = starts
    }
}

/// A lane under a lease.
public struct ClaimedLane: Sendable {
    /// The lease.
    public var lease: LaneLease
    /// The lane's class.
    public var workClass: WorkClass
    /// The rows with an index entry for the lane, oldest first.
    public var jobs: [StoredRow]
    /// The number of the lane's last touch.
    public var tail: Int64

    /// Creates a claimed lane.
    ///
    /// - Parameters:
    ///   - lease: The lease.
    ///   - workClass: The lane's class.
    ///   - jobs: The lane's jobs.
    ///   - tail: The number of the lane's last touch.
    public init(lease: LaneLease, workClass: WorkClass, jobs: [StoredRow], tail: Int64) {
        self.lease = lease
        self.workClass = workClass
        self.jobs = jobs
        self.tail = tail
    }
}

/// The answer to a claim.
public struct ClaimAnswer: Sendable {
    /// The lanes.
    public var lanes: [ClaimedLane]
    /// How long until a lane that was not claimed is due, skipped integrations left out; nil: there is none.
    public var nextDue: Duration?
    /// The store's clock.
    public var storeTime: Date

    /// Creates an answer.
    ///
    /// - Parameters:
    ///   - lanes: The lanes.
    ///   - nextDue: How long until the next lane is due.
    ///   - storeTime: The store's clock.
    public init(lanes: [ClaimedLane], nextDue: Duration?, storeTime: Date) {
        self.lanes = lanes
        self.nextDue = nextDue
        self.storeTime = storeTime
    }
}

/// Tells a lane that there is work.
///
/// Never conflicts with a holder.
public struct LaneTouch: Hashable, Sendable {
    /// The lane.
    public var lane: LaneID
    /// The tenant it belongs to.
    public var tenant: String
    /// The class of work; a lane keeps its most urgent one.
    public var workClass: WorkClass
    /// When the lane is due, from now; a lane keeps its earliest time.
    public var after: Duration

    /// Creates a touch.
    ///
    /// - Parameters:
    ///   - lane: The lane.
    ///   - tenant: The tenant it belongs to.
    ///   - workClass: The class of work.
    ///   - after: When the lane is due, from now.
    public init(_ lane: LaneID, tenant: String, workClass: WorkClass, after: Duration = .zero) {
        self.lane = lane
        self.tenant = tenant
        self.workClass = workClass
        self.after = after
    }
}

/// Gives a lease back.
public struct LaneRelease: Hashable, Sendable {
    /// The lease.
    public var lease: LaneLease
    /// ``ClaimedLane/tail`` of the claim: a lane that was touched since is due at once.
    public var seenTail: Int64
    /// When the lane is due again, from now; nil: not by itself, and removed if it has no jobs.
    public var dueAfter: Duration?

    /// Creates a release.
    ///
    /// - Parameters:
    ///   - lease: The lease.
    ///   - seenTail: The tail of the claim.
    ///   - dueAfter: When the lane is due again.
    public init(_ lease: LaneLease, seenTail: Int64, dueAfter: Duration? = nil) {
        self.lease = lease
        self.seenTail = seenTail
        self.dueAfter = dueAfter
    }
}
