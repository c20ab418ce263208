// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The life of the installation in this store.
struct Installation: StoredRecord {
    static let type = "installation"
    /// In every external key; never changes.
    var namespace: String
    /// Names the store's life between two restores of a backup.
    var epoch: UUID
    /// Whether the store was brought back from a backup in this life: what was queued before may have been done.
    var isRestored = false
    /// The store's own name for its life; nil: it has none.
    var storeEpoch: UUID?
}

/// What the host set for one connection, and what was learned about its account.
struct IntegrationRecord: StoredRecord {
    static let type = "integration"
    var tenant: String
    var platform: PlatformID
    var name: String
    var account: AccountKey
    var accountName: String
    var isSandbox: Bool
    var profile: AccountProfile
    var access: [RecordKind: KindAccess]
    var settings: SyncSettings
    var connectedAt: Date
}

/// The row whose revision every sending commit requires.
struct Fence: StoredRecord {
    static let type = "fence"
    var state: Integration.State
    /// Whether events were dropped while the integration was disabled.
    var resyncNeeded = false
}

/// What changes often about an integration; never a requirement.
struct IntegrationStatus: StoredRecord {
    static let type = "status"
    var need: Integration.Need?
    var suspended: [RecordKind: String] = [:]
    /// For kinds of which a record was accepted under the present mapping: how many were refused in a row since.
    var refusalsSinceAccepted: [RecordKind: Int] = [:]
    var lastSync: Date?
    var lastError: IntegrationError?
    var breaker = Breaker()
    /// What goes wrong, by its cause.
    var incidents: [String: IncidentRecord]?
}

/// The sign-in of an integration.
struct SealedCredential: StoredRecord {
    static let type = "credential"
    var generation: Int
    var sealed: Data
}

/// The webhooks that an integration made on its platform.
struct WebhookRecord: StoredRecord {
    static let type = "webhooks"
    /// What deliveries are signed with.
    var sealedSecret: Data
    /// Where they go.
    var endpoint: URL
    /// The platform's ids of those that were made with the secret.
    var ids: [String] = []
}

/// A mapping that replaces the platform's default one.
struct MappingRecord: StoredRecord {
    static let type = "mapping"
    var mapping: FieldMapping
    var version: Int
}

/// One piece of work that must survive a crash.
struct SyncJob: StoredRecord {
    static let type = "job"

    /// What is to be done with the lane's record.
    enum Action: String, StoredValue {
        /// Make the record or bring it up to date.
        case create
        /// Bring the record up to date, or make it.
        case update
        /// Delete the record.
        case delete
        /// Make the record if it is not there; change nothing that is.
        case ensure
        /// Read the record on the platform and carry over what changed there.
        case refetch
    }

    var tenant: String
    var lane: LaneID
    var action: Action
    /// The host's event; nil for work that the engine found itself.
    var event: String?
    /// The host's record; nil for a platform's record without a partner.
    var record: HostReference?
    /// The platform's record, for a refetch.
    var remote: RemoteID?
    var kind: RecordKind
    /// When the event happened, brought onto the store's clock.
    var occurredAt: Date?
    /// By the store's clock.
    var enqueuedAt: Date
    /// Sealed ``JobPayload``.
    var payload = Data()
    /// Keys of links that must exist first.
    var needs: [String] = []
    var state = JobState.queued
    /// Failures that the record caused, not the platform.
    var failures = 0
    /// How often a need was looked for in vain.
    var waits = 0
    /// Whether an earlier life of the store may have sent it: find first, then make.
    var mayHaveBeenSent = false
    /// Whether the event arose from a change on this very platform: it waits for the link and is then compared.
    var isOwnEcho = false
    /// Whether a person replayed it although nobody can tell whether the platform has it.
    var isVouchedFor = false
    /// Keys of the ``NaturalKey`` rows that it will take.
    var naturalKeys: [String] = []
    /// How often a process ended, or lost the lane, while it worked on the job.
    var interruptions: Int?
    /// For a refetch: what a person asked for under a privacy law; the host is told first.
    var privacy: PrivacyRequest?
    /// What it is known to do to the host's record, where the guard against mass changes counts that.
    var guarded: GuardMark?
}

/// What the host said, sealed inside a job.
struct JobPayload: Codable, Equatable, Sendable {
    var words: [FieldName: HostWord] = [:]
    var related: [RelatedRecord] = []
    var relations: [EventRoute.RelationRule] = []
}

/// How far a job is.
enum JobState: Codable, Hashable, Sendable {
    /// Surely not sent, or surely without effect.
    case queued
    /// Sent, or about to be; the outcome is not known.
    case sent(Attempt)
    /// Waits for a person or another job.
    case blocked(BlockReason)
    /// Done.
    case finished(String, at: Date)

    /// Whether the job still has work ahead.
    var isUnfinished: Bool {
        if case .finished = self { false } else { true }
    }
}

/// Why a job waits for a person.
struct BlockReason: Codable, Hashable, Sendable {
    var error: IntegrationError
    var since: Date
    /// The link that is missing, if that is the reason.
    var need: String?
    /// Records to choose from.
    var candidates: [RemoteID]
    /// Whether the lane waits with it: what makes the record goes before everything else.
    var holdsLane: Bool
}

/// One sending of a write that must not be repeated blindly; immutable once committed.
struct Attempt: Codable, Hashable, Sendable {
    var number: Int
    /// Sealed ``RecordWrite``.
    var write: Data
    var writeID: UUID
    /// Jobs whose fields the write carries too.
    var covers: [String]
    var safety: CreateSafety
    /// By the store's clock; no byte leaves later.
    var sendBy: Date
    /// When the outcome became unknown to a living process.
    var unknownSince: Date?
    /// How often the platform answered that the record is absent.
    var absences: Int
    /// Whether an earlier attempt may have had an effect.
    var earlierUnknown: Bool
    /// When the platform is to be asked again about accepted work.
    var pendingUntil: Date?
}

/// The pair of a host's record and a platform's record, with the ledger.
struct RecordLink: StoredRecord {
    static let type = "link"

    enum State: String, StoredValue {
        case linked
        /// The platform's record carries our key, and the host has not spoken of its record yet.
        case unclaimed
        case deletedByHost
        case deletedByRemote
        /// Another link owns the platform's record.
        case merged
        /// Not linked yet: only the incarnation is remembered.
        case unlinked
    }

    var host: HostReference?
    var remote: RemoteID?
    var formerIDs: [RemoteID] = []
    /// Records on the platform that earlier incarnations parted from: they must not come back as strangers.
    var parted: [RemoteID]?
    var kind: RecordKind
    var externalKey: String
    var incarnation: Int = 0
    var state: State
    var version: String?
    /// By the platform's clock: a read begun before this proves nothing.
    var freshAfter: Date?
    /// By the store's clock: until then an earlier attempt of unknown outcome may still arrive, and no other bytes leave.
    var settlesAt: Date?
    /// When the platform's record was last read, by the platform's clock.
    var readAt: Date?
    /// Keyed digest of all mapped fields as last read; empty: compare the fields.
    var digest = Data()
    var tags: [FieldTag] = []
    /// The tags as they will stand once the host has what was about to be carried to it; a process that ended just then
    /// told nobody whether it has.
    var delivering: [FieldTag]?
    /// Keyed tags of relations made.
    var relations: [UInt64] = []
    /// Keys of the ``NaturalKey`` rows that the host's record owns.
    var naturalKeys: [String] = []
    var seenSweep: Int32 = 0
    /// By the store's clock.
    var linkedAt: Date

    static func key(_ reference: HostReference, in integration: String) -> String {
        RowKey.join(integration, reference.kind, reference.id)
    }
}

/// The pair of values last agreed on for one rule, as keyed tags.
struct FieldTag: Codable, Hashable, Sendable {
    var rule: UInt32
    var host: UInt64
    var remote: UInt64
    /// Whether `remote` was read back; else it is the loose tag of what was sent.
    var confirmed: Bool
    /// The number of the job that last set the field.
    var event: Int64 = 0
    /// When the host's event that last set the field happened, in milliseconds.
    var at: Int64 = 0
}

extension FieldTag {
    /// Writes an array, and leaves out what is nought at its end: a million links hold ten million tags.
    func encode(to encoder: any Encoder) throws {
        var array = encoder.unkeyedContainer()
        try array.encode(rule)
        try array.encode(host)
        try array.encode(remote)
        try array.encode(confirmed ? 1 : 0)
        guard event != 0 || at != 0 else { return }
        try array.encode(event)
        if at != 0 { try array.encode(at) }
    }

    /// Reads what ``encode(to:)`` wrote.
    init(from decoder: any Decoder) throws {
        var array = try decoder.unkeyedContainer()
        rule = try array.decode(UInt32.self)
        host = try array.decode(UInt64.self)
        remote = try array.decode(UInt64.self)
        confirmed = try array.decode(Int.self) != 0
        event = array.isAtEnd ? 0 : try array.decode(Int64.self)
        at = array.isAtEnd ? 0 : try array.decode(Int64.self)
    }
}

/// One owner of a natural key, and one writer at a time.
struct NaturalKey: StoredRecord {
    static let type = "natural"
    var host: HostReference
}

/// Host-side creates of a kind that began and whose links are not committed yet.
struct InboundIntent: StoredRecord {
    static let type = "intent"
    var kind: RecordKind
    var since: Date
}

/// The answer to an attempt whose lease was lost.
struct Stray: StoredRecord {
    static let type = "stray"
    var remote: RemoteID
    var at: Date
}

/// A job that was erased, perhaps while it was worked on: nothing may be committed of it any more.
struct ErasedJob: StoredRecord {
    static let type = "erased"
    /// Longer than any lease.
    static let keep = Duration.seconds(3600)

    /// The mark of a job by its number: the job's own key names the host's event.
    static func key(_ created: Int64, in integration: String) -> String {
        RowKey.join(integration, String(created))
    }
}

/// How far a stream has been read, by the platform's clock.
struct PullCursor: StoredRecord {
    static let type = "cursor"

    struct Window: Codable, Hashable {
        var lower: Date?
        var upper: Date
        /// Whether the window ends before the stream's lag and so settles what it covers.
        var settles: Bool
        var page: JSONValue?
        var pageAt: Date?
        /// For lists by offset: the last row of the page before and the total; changed = the window is read again.
        var anchor: RemoteID?
        var total: Int?
        var restarts = 0
        /// For a moment that is too full to be split by time: the id after which to go on.
        var afterID: RemoteID?
        /// Upper bounds of the rest of a window that was split under a cap.
        var splits: [Date] = []
    }

    /// Everything before it is final.
    var settled: Date?
    /// Everything before it was read once.
    var fresh: Date?
    var window: Window?
    var position: JSONValue?
    var sweep: Int32 = 0
    var sweepStarted: Date?
    var sweepEnded: Date?
    /// When the sweep began that ended last.
    var sweepBegan: Date?
    var sweepPage: JSONValue?
    var progress: PullProgress?
}

/// An inbound webhook event that was accepted.
struct WebhookDelivery: StoredRecord {
    static let type = "delivery"
    var topic: String
    var outcome: String
    var at: Date
}

/// What one step did, to what, and how it ended.
struct LogRecord: StoredRecord {
    static let type = "log"
    var at: Date
    var kind: String
    var recordKind: RecordKind?
    var record: HostReference?
    var remote: RemoteID?
    var event: String?
    var errorCode: String?
    /// Sealed ``LogDetail``.
    var detail: Data
}

/// What a log entry says in words, sealed.
struct LogDetail: Codable, Sendable {
    var message: String
    var error: IntegrationError?
}
