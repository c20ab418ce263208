// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Receives what the library does, as values: for a log, metrics, a notice to the customer.
public protocol IntegrationObserver: Sendable {
    /// Receives one event. Called in order of what happened in one task; must return soon.
    ///
    /// - Parameter event: What happened. Holds no secret and no content of a record.
    func observe(_ event: IntegrationEvent)
}

/// Something that the library did or met.
public struct IntegrationEvent: Hashable, Sendable {
    /// What happened.
    ///
    /// Kinds may be added.
    public struct Kind: RawRepresentable, Hashable, Codable, Sendable {
        /// The kind's name as it is logged.
        public var rawValue: String
        /// Creates a kind from its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A request was answered, or failed.
        public static let request = Kind(rawValue: "request")
        /// A record was created on the platform.
        public static let created = Kind(rawValue: "created")
        /// A record was updated on the platform.
        public static let updated = Kind(rawValue: "updated")
        /// A record was deleted on the platform.
        public static let deleted = Kind(rawValue: "deleted")
        /// A record that was there already was linked in place of creating it.
        public static let adopted = Kind(rawValue: "adopted")
        /// Nothing had to be written.
        public static let unchanged = Kind(rawValue: "unchanged")
        /// A later event of the same record made this one's write needless.
        public static let covered = Kind(rawValue: "covered")
        /// A write was refused; the record waits for a person.
        public static let refused = Kind(rawValue: "refused")
        /// A write's answer was lost.
        public static let outcomeUnknown = Kind(rawValue: "outcome-unknown")
        /// Work failed for now and will be tried again.
        public static let retried = Kind(rawValue: "retried")
        /// A change from the platform was delivered to the host.
        public static let delivered = Kind(rawValue: "delivered")
        /// A change from the platform was our own write or known already.
        public static let echoed = Kind(rawValue: "echoed")
        /// Both sides changed one field; the policy decided.
        public static let conflict = Kind(rawValue: "conflict")
        /// An event found no route.
        public static let unrouted = Kind(rawValue: "unrouted")
        /// An event was dropped because the integration is disabled.
        public static let dropped = Kind(rawValue: "dropped")
        /// A webhook delivery was accepted.
        public static let webhookAccepted = Kind(rawValue: "webhook-accepted")
        /// A webhook delivery was refused.
        public static let webhookRejected = Kind(rawValue: "webhook-rejected")
        /// The integration's state, need or a kind's suspension changed.
        public static let stateChanged = Kind(rawValue: "state-changed")
        /// The platform stopped answering; work waits.
        public static let breakerOpened = Kind(rawValue: "breaker-opened")
        /// The platform answers again.
        public static let breakerClosed = Kind(rawValue: "breaker-closed")
        /// Two records on the platform stand for one record of the host.
        public static let duplicateFound = Kind(rawValue: "duplicate-found")
        /// Something went wrong that needs attention: told once, however many records it concerns.
        public static let incidentOpened = Kind(rawValue: "incident-opened")
        /// What was told of by ``incidentOpened`` is over.
        public static let incidentClosed = Kind(rawValue: "incident-closed")
        /// An endpoint took a webhook.
        public static let webhookSent = Kind(rawValue: "webhook-sent")
        /// An endpoint refused a webhook at every attempt.
        public static let webhookFailed = Kind(rawValue: "webhook-failed")
        /// An endpoint gets no more webhooks until a person switches it on.
        public static let endpointDisabled = Kind(rawValue: "endpoint-disabled")
        /// A clock jumped; schedules and retention wait.
        public static let clockJumped = Kind(rawValue: "clock-jumped")
    }

    /// What happened.
    public var kind: Kind
    /// When, by the wall clock.
    public var date: Date
    /// The tenant.
    public var tenant: String?
    /// The integration's id.
    public var integration: String?
    /// The platform.
    public var platform: PlatformID?
    /// The kind of record.
    public var recordKind: RecordKind?
    /// The host's record.
    public var record: HostReference?
    /// The platform's record.
    public var remote: RemoteID?
    /// The host's event.
    public var event: String?
    /// How long it took.
    public var duration: Duration?
    /// What was being done, such as `push contact`, for a request.
    public var operation: String?
    /// How long the host's event waited until it was carried out; for ``Kind/delivered``, how long the platform's change
    /// did, where the platform tells when it was made.
    public var lag: Duration?
    /// What went wrong.
    public var error: IntegrationError?
    /// What happened, in words.
    public var message: String

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - kind: What happened.
    ///   - date: When.
    ///   - tenant: The tenant.
    ///   - integration: The integration's id.
    ///   - platform: The platform.
    ///   - recordKind: The kind of record.
    ///   - record: The host's record.
    ///   - remote: The platform's record.
    ///   - event: The host's event.
    ///   - duration: How long it took.
    ///   - error: What went wrong.
    ///   - message: What happened, in words.
    public init(
        _ kind: Kind,
        date: Date,
        tenant: String? = nil,
        integration: String? = nil,
        platform: PlatformID? = nil,
        recordKind: RecordKind? = nil,
        record: HostReference? = nil,
        remote: RemoteID? = nil,
        event: String? = nil,
        duration: Duration? = nil,
        error: IntegrationError? = nil,
        message: String = ""
    ) {
        self.kind = kind
        self.date = date
        self.tenant = tenant
        self.integration = integration
        self.platform = platform
        self.recordKind = recordKind
        self.record = record
        self.remote = remote
        self.event = event
        self.duration = duration
        self.error = error
        self.message = message
    }
}
