// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Where the library keeps its rows, decides races and takes time.
///
/// A store knows nothing of platforms or of the library's types: it holds rows of opaque JSON with index entries, commits
/// changes as a whole, and hands out lanes under leases by its own clock. `IntegrationKitTesting` checks a conformance
/// with its `StoreRule` suite, one rule per promise below.
public protocol IntegrationStore: Sendable {
    /// Returns rows by id; an id without a row is absent from the answer.
    ///
    /// - Parameter ids: The rows wanted, up to a few thousand.
    /// - Returns: The rows that are there.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow]

    /// Returns rows by an index, ordered by index key and, among equal keys, by ``StoredRow/created``.
    ///
    /// A page that continues by ``RowQuery/after`` skips and repeats no row that was there throughout, whatever is put
    /// or deleted between the pages.
    ///
    /// - Parameter query: The index, its keys or range, and the page.
    /// - Returns: The rows of the page.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func rows(matching query: RowQuery) async throws -> [StoredRow]

    /// Counts the rows that a query matches, ignoring its page.
    ///
    /// - Parameters:
    ///   - query: The index and its keys or range.
    ///   - limit: Where to stop counting.
    /// - Returns: The count, or `limit` if there are at least as many.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int

    /// Commits changes: all of them or, with a failure, none. Durable when it returns.
    ///
    /// Checks every requirement, then applies deletes, puts, touches and releases. Repeating an id that was committed
    /// succeeds and changes nothing, for at least the last 1,000 commits.
    ///
    /// - Parameter changes: What to change and what it relies on.
    /// - Throws: ``StoreFailure``.
    func commit(_ changes: Changes) async throws

    /// Leases due lanes that nobody holds, in fair turns between integrations.
    ///
    /// A lane is due when its time has come by the store's clock, or when a lease on it has expired. No integration
    /// gets more than ``LaneClaim/perIntegration`` lanes of one claim; the turn begins after
    /// ``LaneClaim/startingAfter`` in the order of integration ids. Within an integration and a class the lane that has
    /// been due longest comes first.
    ///
    /// - Parameter claim: What is wanted.
    /// - Returns: The lanes with their jobs, and when to ask again.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer

    /// Extends leases, by the store's clock from now.
    ///
    /// - Parameters:
    ///   - leases: The leases held.
    ///   - duration: How long from now.
    /// - Returns: Those that were still held, extended. One that is missing was lost.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease]

    /// Removes rows of a scope, with their index entries and lanes, in bounded steps.
    ///
    /// - Parameters:
    ///   - scope: What to remove.
    ///   - limit: The most rows to remove in this call.
    /// - Returns: How many were removed; call again until it is 0.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int
}

/// Names a row; ids are compared by their UTF-8 bytes.
public struct RowID: Hashable, Codable, Sendable {
    /// The type of record it holds.
    public var type: String
    /// The key, unique within the type.
    public var key: String

    /// Creates an id.
    ///
    /// - Parameters:
    ///   - type: The type of record.
    ///   - key: The key, unique within the type.
    public init(type: String, key: String) {
        self.type = type
        self.key = key
    }
}

/// Names a lane: all work on one subject of one integration, in order.
public struct LaneID: Hashable, Codable, Sendable {
    /// The integration's id.
    public var integration: String
    /// The subject: a host record, a remote record, a stream.
    public var subject: String

    /// Creates an id.
    ///
    /// - Parameters:
    ///   - integration: The integration's id.
    ///   - subject: The subject.
    public init(integration: String, subject: String) {
        self.integration = integration
        self.subject = subject
    }

    /// The key under which a lane's jobs stand in the index ``LaneID/indexName``.
    public var indexKey: String { "\(integration)|\(subject)" }

    /// The index by which a store finds the jobs of a lane.
    public static let indexName = "lane"
}

/// An entry of a row in an index.
public struct IndexEntry: Hashable, Codable, Sendable {
    /// The index.
    public var name: String
    /// The key; keys are compared by their UTF-8 bytes.
    public var key: String
    /// Whether no other row may have the same key in this index.
    public var isUnique: Bool

    /// Creates an entry.
    ///
    /// - Parameters:
    ///   - name: The index.
    ///   - key: The key.
    ///   - isUnique: Whether no other row may have the same key.
    public init(_ name: String, _ key: String, isUnique: Bool = false) {
        self.name = name
        self.key = key
        self.isUnique = isUnique
    }
}

/// What is put into a row.
public struct RowContent: Hashable, Codable, Sendable {
    /// The row.
    public var id: RowID
    /// The tenant it belongs to; erasure goes by it.
    public var tenant: String
    /// The integration it belongs to; nil: none.
    public var integration: String?
    /// Its index entries, replacing earlier ones.
    ///
    /// Personal values stand here only as keyed digests.
    public var indexes: [IndexEntry]
    /// The body: JSON text.
    public var body: Data
    /// How long to keep the row after its last put, by the store's clock; nil: for ever.
    public var keep: Duration?

    /// Creates a content.
    ///
    /// - Parameters:
    ///   - id: The row.
    ///   - tenant: The tenant it belongs to.
    ///   - integration: The integration it belongs to.
    ///   - indexes: Its index entries.
    ///   - body: The body.
    ///   - keep: How long to keep it.
    public init(
        id: RowID,
        tenant: String,
        integration: String? = nil,
        indexes: [IndexEntry] = [],
        body: Data,
        keep: Duration? = nil
    ) {
        self.id = id
        self.tenant = tenant
        self.integration = integration
        self.indexes = indexes
        self.body = body
        self.keep = keep
    }
}

/// A row as it is stored.
public struct StoredRow: Hashable, Sendable {
    /// The content.
    public var content: RowContent
    /// A number assigned at the first put, rising from commit to commit and inside a commit in the order of its puts.
    public var created: Int64
    /// A number assigned at every put, rising; never used again, also not after a delete.
    public var revision: Int64

    /// Creates a row.
    ///
    /// - Parameters:
    ///   - content: The content.
    ///   - created: The number of the first put.
    ///   - revision: The number of the last put.
    public init(content: RowContent, created: Int64, revision: Int64) {
        self.content = content
        self.created = created
        self.revision = revision
    }
}

/// Something that must hold for a commit.
public enum Requirement: Hashable, Sendable {
    /// There is no such row.
    case absent(RowID)
    /// The row has this revision.
    case revision(RowID, Int64)
    /// The lane is leased with this token, and the lease has not expired.
    case lease(LaneID, token: Int64)
    /// Nobody holds the lane, and no row with an index entry for it was created after `tail`.
    case idle(LaneID, tail: Int64)
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

/// Changes that are committed as a whole.
public struct Changes: Sendable {
    /// Names the changes: repeating a committed id does nothing and succeeds.
    public var id: UUID
    /// What must hold.
    public var requires: Set<Requirement>
    /// The rows to put, in order.
    public var puts: [RowContent]
    /// The rows to delete; a row that is not there is no failure.
    public var deletes: [RowID]
    /// The lanes that have new work.
    public var touches: [LaneTouch]
    /// The leases to give back.
    ///
    /// One that is held no longer is ignored, unless `requires` names it.
    public var releases: [LaneRelease]

    /// Creates changes.
    ///
    /// - Parameters:
    ///   - id: Names the changes.
    ///   - requires: What must hold.
    ///   - puts: The rows to put.
    ///   - deletes: The rows to delete.
    ///   - touches: The lanes that have new work.
    ///   - releases: The leases to give back.
    public init(
        id: UUID,
        requires: Set<Requirement> = [],
        puts: [RowContent] = [],
        deletes: [RowID] = [],
        touches: [LaneTouch] = [],
        releases: [LaneRelease] = []
    ) {
        self.id = id
        self.requires = requires
        self.puts = puts
        self.deletes = deletes
        self.touches = touches
        self.releases = releases
    }

    /// Whether there is nothing to change.
    public var isEmpty: Bool { puts.isEmpty && deletes.isEmpty && touches.isEmpty && releases.isEmpty }
}

/// A store's answer to a commit that did not succeed.
public enum StoreFailure: Error, Sendable {
    /// Nothing was done; names every requirement that does not hold and every unique entry that another row has.
    case conflict(Set<Requirement>, taken: [IndexEntry])
    /// Nothing was done and never will be: disk full, no permission.
    case refused(any Error)
    /// Nobody knows: repeat the same changes until one of the other answers comes.
    case outcomeUnknown(any Error)
}

/// A place in an index.
public struct PageKey: Hashable, Codable, Sendable {
    /// The index key of the last row seen.
    public var key: String
    /// The ``StoredRow/created`` of the last row seen.
    public var created: Int64

    /// Creates a place.
    ///
    /// - Parameters:
    ///   - key: The index key of the last row seen.
    ///   - created: The number of the last row seen.
    public init(key: String, created: Int64) {
        self.key = key
        self.created = created
    }
}

/// Rows by an index.
public struct RowQuery: Sendable {
    /// The index.
    public var index: String
    /// The exact keys wanted; nil: a range or all.
    public var keys: [String]?
    /// The keys wanted, from the lower bound up to but not including the upper one; nil: all.
    public var range: Range<String>?
    /// Where to go on; nil: from the start.
    public var after: PageKey?
    /// The most rows to return.
    public var limit: Int
    /// Whether to go from the last to the first.
    public var descending: Bool

    /// Creates a query.
    ///
    /// - Parameters:
    ///   - index: The index.
    ///   - keys: The exact keys wanted.
    ///   - range: The range of keys wanted.
    ///   - after: Where to go on.
    ///   - limit: The most rows to return.
    ///   - descending: Whether to go from the last to the first.
    public init(
        _ index: String,
        keys: [String]? = nil,
        range: Range<String>? = nil,
        after: PageKey? = nil,
        limit: Int = 1000,
        descending: Bool = false
    ) {
        self.index = index
        self.keys = keys
        self.range = range
        self.after = after
        self.limit = limit
        self.descending = descending
    }
}

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

/// What to purge.
public enum PurgeScope: Hashable, Sendable {
    /// Every row of a tenant.
    case tenant(String)
    /// Every row of an integration.
    case integration(String)
    /// Every row whose time to keep is over, by the store's clock.
    case expired
}

/// Keeps the tenants' wrapped data keys, apart from the rows: dropping one makes all that it sealed unreadable at once.
public protocol TenantKeyStore: Sendable {
    /// Returns a tenant's wrapped key; nil if there is none.
    ///
    /// - Parameter tenant: The tenant.
    /// - Returns: The key; nil if the tenant has none.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func wrappedKey(for tenant: String) async throws -> Data?

    /// Puts a tenant's wrapped key in place of the one that the caller knows.
    ///
    /// - Parameters:
    ///   - old: The key that the caller knows; nil: none.
    ///   - wrapped: The key to put.
    ///   - tenant: The tenant.
    /// - Returns: The key that stands afterwards: `wrapped`, or the one that somebody else put meanwhile.
    /// - Throws: ``StoreFailure/refused(_:)``, also if the key that the caller knows was dropped meanwhile.
    func replace(_ old: Data?, with wrapped: Data, for tenant: String) async throws -> Data

    /// Drops a tenant's key for good, also from the medium as far as the medium allows.
    ///
    /// - Parameter tenant: The tenant.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func dropKey(for tenant: String) async throws
}
