// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A kind of event in the host's world, such as `prospect.created`.
///
/// Hosts may add their own.
public struct EventKind: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral {
    /// The kind's name: the host's kind of record, a full stop, and what happened to it.
    public var rawValue: String
    /// Creates a kind from its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Creates a kind from a literal.
    public init(stringLiteral value: String) { rawValue = value }

    /// The host's kind of the record that the event is about: what stands before the last full stop.
    public var hostKind: String {
        rawValue.lastIndex(of: ".").map { String(rawValue[..<$0]) } ?? rawValue
    }

    /// A prospect was created.
    public static let prospectCreated = EventKind(rawValue: "prospect.created")
    /// A prospect was changed.
    public static let prospectUpdated = EventKind(rawValue: "prospect.updated")
    /// A prospect was deleted.
    public static let prospectDeleted = EventKind(rawValue: "prospect.deleted")
    /// An appointment was made.
    public static let appointmentCreated = EventKind(rawValue: "appointment.created")
    /// An appointment was changed.
    public static let appointmentUpdated = EventKind(rawValue: "appointment.updated")
    /// A call has ended.
    public static let callCompleted = EventKind(rawValue: "call.completed")
    /// A document was sent.
    public static let documentSent = EventKind(rawValue: "document.sent")
    /// An order was placed.
    public static let orderCreated = EventKind(rawValue: "order.created")
    /// A product was created or changed.
    public static let productUpdated = EventKind(rawValue: "product.updated")
    /// A customer was created or changed.
    public static let customerUpdated = EventKind(rawValue: "customer.updated")
}

/// Something that happened in the host's world.
///
/// ```swift
/// let event = DomainEvent(.callCompleted, id: "evt-9", of: "call-77", for: "tenant-42",
///     fields: ["direction": "outbound", "duration": .seconds(184), "summary": "Parlé du prix"],
///     related: [RelatedRecord("prospect", "prospect_123", fields: ["email": "ada@example.fr"])])
/// ```
public struct DomainEvent: Hashable, Sendable {
    /// Where an event came from, if a change on a platform caused it.
    public struct Origin: Hashable, Codable, Sendable {
        /// The integration that the change came through.
        public var integration: String
        /// The record on the platform.
        public var remote: RemoteID

        /// Creates an origin.
        public init(integration: String, remote: RemoteID) {
            self.integration = integration
            self.remote = remote
        }
    }
    /// Which integrations an event is for.
    public enum Audience: Hashable, Sendable {
        /// Every integration of the tenant that has a route for it, but the one it came from.
        case all
        /// These alone, by id.
        case only(Set<String>)
    }

    /// What happened.
    public var kind: EventKind
    /// The host's id of the event: enqueued twice, it is done once.
    public var id: String
    /// The record that the event is about.
    public var record: HostReference
    /// What the event tells of the record, by the host's names; an absent name is not told.
    public var fields: [FieldName: FieldValue]
    /// The records that the event's record belongs to.
    public var related: [RelatedRecord]
    /// When it happened, by the host's clock.
    public var occurredAt: Date?
    /// Where it came from.
    ///
    /// Filled in by itself for events that are enqueued inside ``HostRecords/apply(_:)``.
    public var origin: Origin?
    /// Which integrations it is for.
    public var audience: Audience

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - kind: What happened.
    ///   - id: The host's id of the event.
    ///   - record: The host's id of the record; its kind is the one that the event's kind names.
    ///   - tenant: The host's tenant.
    ///   - fields: What the event tells of the record.
    ///   - related: The records that it belongs to.
    ///   - occurredAt: When it happened.
    ///   - origin: Where it came from.
    ///   - audience: Which integrations it is for.
    public init(
        _ kind: EventKind,
        id: String,
        of record: String,
        for tenant: String,
        fields: [FieldName: FieldValue] = [:],
        related: [RelatedRecord] = [],
        occurredAt: Date? = nil,
        origin: Origin? = nil,
        audience: Audience = .all
    ) {
        self.kind = kind
        self.id = id
        self.record = HostReference(tenant: tenant, kind: kind.hostKind, id: record)
        self.fields = fields
        self.related = related
        self.occurredAt = occurredAt
        self.origin = origin
        self.audience = audience
    }
}

/// A record that another one belongs to, with what an event tells of it.
public struct RelatedRecord: Hashable, Codable, Sendable {
    /// The host's kind.
    public var kind: String
    /// The host's id.
    public var id: String
    /// What the event tells of it, by the host's names: enough to make it if it is not there yet.
    public var fields: [FieldName: FieldValue]

    /// Creates a related record.
    ///
    /// - Parameters:
    ///   - kind: The host's kind.
    ///   - id: The host's id.
    ///   - fields: What the event tells of it.
    public init(_ kind: String, _ id: String, fields: [FieldName: FieldValue] = [:]) {
        self.kind = kind
        self.id = id
        self.fields = fields
    }
}

/// What is written on a platform when an event arrives.
public struct EventRoute: Hashable, Codable, Sendable {
    /// What becomes of the record's partner.
    public enum Action: String, Codable, Sendable {
        /// Make the record, or bring it up to date if it is there.
        case create
        /// Bring the record up to date, or make it if it is not there.
        case update
        /// Delete the record.
        case delete

        /// The write that the action is, as long as the record is as the action expects it.
        public var operation: RecordWrite.Operation {
            switch self {
            case .create: .create
            case .update: .update
            case .delete: .delete
            }
        }
    }
    /// A relation that the record gets.
    public struct RelationRule: Hashable, Codable, Sendable {
        /// A field of the event that lists related records, such as the lines of an order.
        public struct Listing: Hashable, Codable, Sendable {
            /// The field: a list of objects.
            public var field: FieldName
            /// The member of each object that names a record, and the field of that record that holds the same value.
            public var key: FieldName

            /// Creates a listing.
            ///
            /// - Parameters:
            ///   - field: The field.
            ///   - key: The member that names a record.
            public init(_ field: FieldName, by key: FieldName) {
                self.field = field
                self.key = key
            }
        }

        /// The host's kind of the related record.
        public var hostKind: String
        /// What it is to the record.
        public var role: RelationRole
        /// Whether the record waits until it is there; false: only while it is about to be made, and for a while.
        ///
        /// An event that makes a record, and names none that it must belong to, does not take the route.
        public var isRequired: Bool
        /// The field that lists such records by a key of theirs; nil: the event's related records alone name them.
        ///
        /// A record that is listed is waited for where a job of the host's makes it. What nobody is about to make is left
        /// to the platform, which may have a record of that key.
        public var listing: Listing?

        /// Creates a rule.
        ///
        /// - Parameters:
        ///   - hostKind: The host's kind of the related record.
        ///   - role: What it is to the record.
        ///   - isRequired: Whether the record waits until it is there.
        ///   - listing: The field that lists such records.
        public init(
            _ hostKind: String,
            as role: RelationRole,
            isRequired: Bool = true,
            listedIn listing: Listing? = nil
        ) {
            self.hostKind = hostKind
            self.role = role
            self.isRequired = isRequired
            self.listing = listing
        }
    }

    /// The event.
    public var event: EventKind
    /// What becomes of the record's partner.
    public var action: Action
    /// The kind of the partner.
    public var kind: RecordKind
    /// The relations that it gets.
    public var relations: [RelationRule]
    /// Whether the host must agree first because the platform mails people.
    public var needsConsent: Bool

    /// Creates a route.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - action: What becomes of the record's partner.
    ///   - kind: The kind of the partner.
    ///   - relations: The relations that it gets.
    ///   - needsConsent: Whether the host must agree first.
    public init(
        _ event: EventKind,
        _ action: Action,
        _ kind: RecordKind,
        relations: [RelationRule] = [],
        needsConsent: Bool = false
    ) {
        self.event = event
        self.action = action
        self.kind = kind
        self.relations = relations
        self.needsConsent = needsConsent
    }
}
