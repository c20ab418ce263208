// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A record of the host, by tenant, the host's own kind and id.
///
/// In one integration it has at most one partner on the platform.
public struct HostReference: Hashable, Codable, Sendable {
    /// The host's tenant.
    public var tenant: String
    /// The host's own kind, such as `prospect`.
    public var kind: String
    /// The host's id of the record.
    public var id: String

    /// Creates a reference.
    ///
    /// - Parameters:
    ///   - tenant: The host's tenant.
    ///   - kind: The host's own kind.
    ///   - id: The host's id of the record.
    public init(tenant: String, kind: String, id: String) {
        self.tenant = tenant
        self.kind = kind
        self.id = id
    }
}

/// A record on a platform, in the platform's canonical spelling.
public struct RemoteID: Hashable, Codable, Sendable {
    /// The kind.
    public var kind: RecordKind
    /// The platform's id, in its one canonical spelling.
    public var value: String
    /// The id of the record it is addressed through, for kinds that have one.
    public var parent: String?

    /// Creates an id.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - value: The platform's id.
    ///   - parent: The id of the record it is addressed through.
    public init(_ kind: RecordKind, _ value: String, parent: String? = nil) {
        self.kind = kind
        self.value = value
        self.parent = parent
    }
}

/// A link from a record to another.
public struct Relation: Hashable, Codable, Sendable {
    /// How the other record is named.
    public enum Target: Hashable, Codable, Sendable {
        /// A record of the host whose partner is not known yet. The engine resolves it before a provider sees it.
        case host(HostReference)
        /// A record on the platform.
        case remote(RemoteID)
        /// A record on the platform that carries our external key.
        case externalKey(RecordKind, String)
    }

    /// What the other record is to this one.
    public var role: RelationRole
    /// The other record.
    public var target: Target
    /// Whether the record makes no sense without the relation; the engine then waits for it.
    public var isRequired: Bool
    /// The key by which the record lists the other one, such as a line's SKU; nil: it does not list it.
    public var listedAs: String?

    /// Creates a relation.
    ///
    /// - Parameters:
    ///   - role: What the other record is to this one.
    ///   - target: The other record.
    ///   - isRequired: Whether the engine waits for it.
    ///   - listedAs: The key by which the record lists the other one.
    public init(_ role: RelationRole, _ target: Target, isRequired: Bool = true, listedAs: String? = nil) {
        self.role = role
        self.target = target
        self.isRequired = isRequired
        self.listedAs = listedAs
    }
}

/// A record as a platform shows it.
public struct RemoteRecord: Hashable, Sendable {
    /// The record's id.
    public var id: RemoteID
    /// The platform's version, such as its date of change in full precision; equal versions may still differ in content.
    public var version: String?
    /// When the record was last changed, by the platform's clock.
    public var modifiedAt: Date?
    /// Our external key or marker, where the record carries one.
    public var externalKey: String?
    /// Ids that were merged into this one.
    public var formerIDs: [RemoteID]
    /// The fields: an absent name was not told, ``FieldValue/empty`` is empty there.
    public var fields: [FieldName: FieldValue]
    /// The relations that the platform told.
    public var relations: [Relation]

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - id: The record's id.
    ///   - version: The platform's version.
    ///   - modifiedAt: When it was last changed, by the platform's clock.
    ///   - externalKey: Our external key, where the record carries one.
    ///   - formerIDs: Ids that were merged into this one.
    ///   - fields: The fields that the platform told.
    ///   - relations: The relations that the platform told.
    public init(
        id: RemoteID,
        version: String? = nil,
        modifiedAt: Date? = nil,
        externalKey: String? = nil,
        formerIDs: [RemoteID] = [],
        fields: [FieldName: FieldValue] = [:],
        relations: [Relation] = []
    ) {
        self.id = id
        self.version = version
        self.modifiedAt = modifiedAt
        self.externalKey = externalKey
        self.formerIDs = formerIDs
        self.fields = fields
        self.relations = relations
    }
}
