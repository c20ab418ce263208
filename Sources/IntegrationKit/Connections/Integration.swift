// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// One tenant's connection to one remote account, as the host sees it.
///
/// Holds no secret.
public struct Integration: Hashable, Sendable, Identifiable {
    /// What the integration is doing.
    public enum State: String, Hashable, Codable, Sendable {
        /// Works.
        case enabled
        /// Keeps its queue and its sign-in alive, sends nothing else.
        case paused
        /// Sends nothing at all; new events are dropped with a log entry.
        case disabled
        /// Being deleted: waits for what is in flight.
        case draining
        /// Deleted.
        case erased
    }
    /// What an enabled integration waits for.
    public enum Need: String, Hashable, Codable, Sendable {
        /// Settings that only the account can offer.
        case setup
        /// The customer's sign-in.
        case reauthorization
    }

    /// The id; never used again after the integration was deleted.
    public var id: String
    /// The host's tenant.
    public var tenant: String
    /// The platform.
    public var platform: PlatformID
    /// The name that the customer gave.
    public var name: String
    /// Which remote account.
    public var account: AccountKey
    /// What it is doing.
    public var state: State
    /// What it waits for; nil: nothing.
    public var need: Need?
    /// The settings.
    public var settings: SyncSettings
    /// Kinds whose work waits, with the reason.
    public var suspendedKinds: [RecordKind: String]
    /// What may be done with each kind in the account.
    public var access: [RecordKind: KindAccess]
    /// When work last succeeded.
    public var lastSync: Date?
    /// What failed last, until something succeeds.
    public var lastError: IntegrationError?
    /// Whether events were dropped while it was disabled: the platform does not know what they told.
    public var needsResync: Bool

    /// Creates an integration.
    ///
    /// Hosts receive integrations; this is for previews and tests.
    ///
    /// - Parameters:
    ///   - id: The id.
    ///   - tenant: The host's tenant.
    ///   - platform: The platform.
    ///   - name: The name that the customer gave.
    ///   - account: Which remote account.
    ///   - state: What it is doing.
    ///   - need: What it waits for.
    ///   - settings: The settings.
    ///   - suspendedKinds: Kinds whose work waits.
    ///   - access: What may be done with each kind.
    ///   - lastSync: When work last succeeded.
    ///   - lastError: What failed last.
    ///   - needsResync: Whether events were dropped while it was disabled.
    public init(
        id: String,
        tenant: String,
        platform: PlatformID,
        name: String,
        account: AccountKey,
        state: State = .enabled,
        need: Need? = nil,
        settings: SyncSettings = SyncSettings(),
        suspendedKinds: [RecordKind: String] = [:],
        access: [RecordKind: KindAccess] = [:],
        lastSync: Date? = nil,
        lastError: IntegrationError? = nil,
        needsResync: Bool = false
    ) {
        self.needsResync = needsResync
        self.id = id
        self.tenant = tenant
        self.platform = platform
        self.name = name
        self.account = account
        self.state = state
        self.need = need
        self.settings = settings
        self.suspendedKinds = suspendedKinds
        self.access = access
        self.lastSync = lastSync
        self.lastError = lastError
    }
}

/// How an integration works: directions, schedule, kinds, policies, routes, and the choices of its account.
public struct SyncSettings: Hashable, Codable, Sendable {
    /// In which direction records travel.
    public enum Direction: String, Hashable, Codable, Sendable {
        /// To the platform alone.
        case push
        /// From the platform alone.
        case pull
        /// Both ways.
        case bidirectional
    }
    /// When changes are pulled.
    ///
    /// Events of the host go out as they come.
    public enum Frequency: Hashable, Codable, Sendable {
        /// Every minute, and at once by webhook.
        case realtime
        /// Every hour.
        case hourly
        /// Every day.
        case daily
        /// Only when the host asks.
        case manual
        /// Every so often.
        case every(Duration)
        /// Every day at a time of the tenant's own clock; a host that comes late reads once.
        case dailyAt(DailyTime)

        /// The time between two pulls; nil for manual.
        public var interval: Duration? {
            switch self {
            case .realtime: .seconds(60)
            case .hourly: .seconds(3600)
            case .daily, .dailyAt: .seconds(86_400)
            case .manual: nil
            case .every(let duration): max(duration, .seconds(10))
            }
        }
    }
    /// Who wins when both sides changed one field to different values.
    public enum ConflictPolicy: String, Hashable, Codable, Sendable {
        /// The platform's value is kept.
        case platformWins
        /// The host's value is written, without looking first.
        case hostWins
        /// The later change, as far as can be known; else the platform's value.
        case newestWins
        /// Neither: the record waits as a dead letter for a person.
        case ask
    }
    /// What a deletion on one side does to the other.
    public enum DeletePolicy: String, Hashable, Codable, Sendable {
        /// The other side's record is deleted too.
        case carryOut
        /// The records part; both sides keep what they have.
        case unlink
        /// It waits as a dead letter for a person.
        case ask
    }
    /// What to do with somebody else's record that holds a natural key of ours.
    public enum DuplicatePolicy: String, Hashable, Codable, Sendable {
        /// Link it.
        case link
        /// Make another one beside it, where the platform allows.
        case createBeside
        /// It waits as a dead letter for a person.
        case hold
    }

    /// In which direction records travel.
    public var direction: Direction
    /// When changes are pulled.
    public var frequency: Frequency
    /// The kinds that are synchronized; nil: all that the platform, the account and the routes allow.
    public var kinds: Set<RecordKind>?
    /// Who wins a true conflict.
    public var conflictPolicy: ConflictPolicy
    /// What a deletion on the platform does to the host's record.
    public var remoteDeletePolicy: DeletePolicy
    /// What a deletion in the host does to the platform's record.
    public var hostDeletePolicy: DeletePolicy
    /// What to do with somebody else's record that holds a natural key of ours.
    public var duplicatePolicy: DuplicatePolicy
    /// The routes in place of the platform's default ones; nil: the default ones.
    public var routes: [EventRoute]?
    /// Whether the host agreed to writes that mail people.
    public var mayNotifyPeople: Bool
    /// The share of each budget that is left to the customer's other tools, 0 to 1.
    public var reserve: Double
    /// The choices that only the account can offer, by ``SettingDescription/id``.
    public var account: [String: JSONValue]

    /// Creates settings.
    ///
    /// - Parameters:
    ///   - direction: In which direction records travel.
    ///   - frequency: When changes are pulled.
    ///   - kinds: The kinds that are synchronized.
    ///   - conflictPolicy: Who wins a true conflict.
    ///   - remoteDeletePolicy: What a deletion on the platform does.
    ///   - hostDeletePolicy: What a deletion in the host does.
    ///   - duplicatePolicy: What to do with somebody else's record.
    ///   - routes: The routes in place of the default ones.
    ///   - mayNotifyPeople: Whether writes may mail people.
    ///   - reserve: The share of each budget that is left to others.
    ///   - account: The choices that only the account can offer.
    public init(
        direction: Direction = .bidirectional,
        frequency: Frequency = .realtime,
        kinds: Set<RecordKind>? = nil,
        conflictPolicy: ConflictPolicy = .platformWins,
        remoteDeletePolicy: DeletePolicy = .unlink,
        hostDeletePolicy: DeletePolicy = .unlink,
        duplicatePolicy: DuplicatePolicy = .link,
        routes: [EventRoute]? = nil,
        mayNotifyPeople: Bool = false,
        reserve: Double = 0.1,
        account: [String: JSONValue] = [:]
    ) {
        self.direction = direction
        self.frequency = frequency
        self.kinds = kinds
        self.conflictPolicy = conflictPolicy
        self.remoteDeletePolicy = remoteDeletePolicy
        self.hostDeletePolicy = hostDeletePolicy
        self.duplicatePolicy = duplicatePolicy
        self.routes = routes
        self.mayNotifyPeople = mayNotifyPeople
        self.reserve = reserve
        self.account = account
    }
}
