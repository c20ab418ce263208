// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Which remote account: a portal, organisation, company, shop.
///
/// Never a token.
public struct AccountKey: Hashable, Codable, Sendable {
    /// The platform.
    public var platform: PlatformID
    /// The platform's own id of the account.
    public var value: String

    /// Creates a key.
    ///
    /// - Parameters:
    ///   - platform: The platform.
    ///   - value: The platform's own id of the account.
    public init(platform: PlatformID, value: String) {
        self.platform = platform
        self.value = value
    }
}

/// What was learned about an account: read again at each connection test, cached between.
public struct AccountProfile: Hashable, Codable, Sendable {
    /// The address that the account is reached at.
    public var baseURL: URL
    /// The account's time zone, by its IANA name.
    public var timeZone: String
    /// The currencies that the account knows; the first is its own.
    public var currencies: [String]
    /// Where our external key goes, by kind.
    public var keySlots: [RecordKind: KeySlot]
    /// Fields that this credential cannot read, by kind: their absence says nothing.
    public var unreadable: [RecordKind: [FieldName]]
    /// Anything else that the provider learned: a mode, a switched-off batch call, an id of a definition.
    public var facts: [String: JSONValue]

    /// Creates a profile.
    ///
    /// - Parameters:
    ///   - baseURL: The address that the account is reached at.
    ///   - timeZone: The account's time zone, by its IANA name.
    ///   - currencies: The currencies; the account's own first.
    ///   - keySlots: Where our external key goes, by kind.
    ///   - unreadable: Fields that this credential cannot read.
    ///   - facts: Anything else that the provider learned.
    public init(
        baseURL: URL,
        timeZone: String = "UTC",
        currencies: [String] = [],
        keySlots: [RecordKind: KeySlot] = [:],
        unreadable: [RecordKind: [FieldName]] = [:],
        facts: [String: JSONValue] = [:]
    ) {
        self.baseURL = baseURL
        self.timeZone = timeZone
        self.currencies = currencies
        self.keySlots = keySlots
        self.unreadable = unreadable
        self.facts = facts
    }
}

/// Where our external key of a kind goes in an account, and what a lost create can promise there.
public struct KeySlot: Hashable, Codable, Sendable {
    /// The field that holds the key; nil: a marker in the text, or nothing.
    public var field: FieldName?
    /// What a create whose answer was lost can promise.
    public var safety: CreateSafety
    /// How long after the last possible send "absent" is not believed: the longest late effect and read lag.
    public var settle: Duration

    /// Creates a slot.
    ///
    /// - Parameters:
    ///   - field: The field that holds the key.
    ///   - safety: What a lost create can promise.
    ///   - settle: How long "absent" is not believed.
    public init(field: FieldName? = nil, safety: CreateSafety, settle: Duration) {
        self.field = field
        self.safety = safety
        self.settle = settle
    }
}

/// The account that a provider works for.
public struct ConnectedAccount: Hashable, Sendable {
    /// Which account.
    public var key: AccountKey
    /// What was learned about it.
    public var profile: AccountProfile
    /// The choices made for it, by ``SettingDescription/id``.
    public var settings: [String: JSONValue]

    /// Creates an account.
    ///
    /// - Parameters:
    ///   - key: Which account.
    ///   - profile: What was learned about it.
    ///   - settings: The choices made for it.
    public init(key: AccountKey, profile: AccountProfile, settings: [String: JSONValue] = [:]) {
        self.key = key
        self.profile = profile
        self.settings = settings
    }
}

/// What a connection test found.
public struct ConnectionReport: Sendable {
    /// Which account answered.
    public var key: AccountKey
    /// The account's name, for people.
    public var name: String
    /// Whether it is a sandbox or test account.
    public var isSandbox: Bool
    /// What was learned about the account.
    public var profile: AccountProfile
    /// What may be done with each kind.
    public var access: [RecordKind: KindAccess]
    /// What the customer should know, such as a missing scope.
    public var warnings: [IntegrationError]

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - key: Which account answered.
    ///   - name: The account's name.
    ///   - isSandbox: Whether it is a sandbox.
    ///   - profile: What was learned about it.
    ///   - access: What may be done with each kind.
    ///   - warnings: What the customer should know.
    public init(
        key: AccountKey,
        name: String,
        isSandbox: Bool = false,
        profile: AccountProfile,
        access: [RecordKind: KindAccess] = [:],
        warnings: [IntegrationError] = []
    ) {
        self.key = key
        self.name = name
        self.isSandbox = isSandbox
        self.profile = profile
        self.access = access
        self.warnings = warnings
    }
}

/// What a credential may do with a kind.
public enum KindAccess: String, Codable, Sendable {
    /// Nothing: a scope, role, plan or feature is missing.
    case denied
    /// Read.
    case read
    /// Read and write.
    case write
    /// Read for sure; whether it may write shows only by writing.
    case unproven
}

/// What a request is signed with besides the credential.
public struct SigningContext: Sendable {
    /// The account; while connecting its key's value is empty.
    public var account: ConnectedAccount
    /// The platform's clock.
    public var now: Date
    /// A random text, new for each request.
    public var nonce: String

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - account: The account.
    ///   - now: The platform's clock.
    ///   - nonce: A random text.
    public init(account: ConnectedAccount, now: Date, nonce: String) {
        self.account = account
        self.now = now
        self.nonce = nonce
    }
}

/// What a provider works with: the account, the platform's clock and the pipeline.
public struct ProviderSession: Sendable {
    /// The account.
    ///
    /// While connecting, its key's value is empty and its profile holds the base address alone.
    public var account: ConnectedAccount
    /// The platform's clock: ours, corrected by the `Date` header of its answers.
    public var now: @Sendable () -> Date
    /// Sends a request through the pipeline; returns every answer and throws where there is none.
    public var send: @Sendable (HTTPRequest) async throws -> HTTPResponse
    /// Notes something learned about the account; it joins ``AccountProfile/facts``.
    public var learn: @Sendable (_ fact: String, JSONValue) -> Void

    /// Creates a session.
    ///
    /// - Parameters:
    ///   - account: The account.
    ///   - now: The platform's clock.
    ///   - send: Sends a request through the pipeline.
    ///   - learn: Notes something learned about the account.
    public init(
        account: ConnectedAccount,
        now: @escaping @Sendable () -> Date,
        send: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse,
        learn: @escaping @Sendable (_ fact: String, JSONValue) -> Void = { _, _ in }
    ) {
        self.account = account
        self.now = now
        self.send = send
        self.learn = learn
    }
}
