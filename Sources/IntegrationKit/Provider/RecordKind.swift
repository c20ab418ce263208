// SPDX-License-Identifier: Apache-2.0

/// A platform that can be connected, by its id.
public struct PlatformID: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral {
    /// The id, such as `hubspot`.
    public var rawValue: String
    /// Creates an id from its text.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Creates an id from a literal.
    public init(stringLiteral value: String) { rawValue = value }
}

/// A kind of record on a platform.
///
/// Platforms may add their own.
public struct RecordKind: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral,
    CodingKeyRepresentable
{
    /// The kind's name as it is stored.
    public var rawValue: String
    /// Creates a kind from its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Creates a kind from a literal.
    public init(stringLiteral value: String) { rawValue = value }

    /// A person known to a CRM.
    public static let contact = RecordKind(rawValue: "contact")
    /// A person not yet qualified, where the platform keeps them apart.
    public static let lead = RecordKind(rawValue: "lead")
    /// A company or account.
    public static let company = RecordKind(rawValue: "company")
    /// A deal or opportunity.
    public static let deal = RecordKind(rawValue: "deal")
    /// A note.
    public static let note = RecordKind(rawValue: "note")
    /// A logged call.
    public static let call = RecordKind(rawValue: "call")
    /// A task or activity to do.
    public static let task = RecordKind(rawValue: "task")
    /// A help-desk ticket.
    public static let ticket = RecordKind(rawValue: "ticket")
    /// A product.
    public static let product = RecordKind(rawValue: "product")
    /// A variation of a product.
    public static let productVariation = RecordKind(rawValue: "product-variation")
    /// An order.
    public static let order = RecordKind(rawValue: "order")
    /// A customer of a shop.
    public static let customer = RecordKind(rawValue: "customer")
    /// A user of a help desk.
    public static let user = RecordKind(rawValue: "user")
}

/// The name of a field, the host's or a platform's.
public struct FieldName: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral, Comparable,
    CodingKeyRepresentable
{
    /// The name.
    public var rawValue: String
    /// Creates a name from its text.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Creates a name from its text.
    public init(_ rawValue: String) { self.rawValue = rawValue }
    /// Creates a name from a literal.
    public init(stringLiteral value: String) { rawValue = value }

    /// Orders names by their text.
    public static func < (left: FieldName, right: FieldName) -> Bool { left.rawValue < right.rawValue }
}

/// What a related record is to a record: its contact, its deal.
///
/// Platforms may add their own.
public struct RelationRole: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral {
    /// The role's name as it is stored.
    public var rawValue: String
    /// Creates a role from its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Creates a role from a literal.
    public init(stringLiteral value: String) { rawValue = value }

    /// The contact that a note, call, deal or ticket is about.
    public static let contact = RelationRole(rawValue: "contact")
    /// The company that a record belongs to.
    public static let company = RelationRole(rawValue: "company")
    /// The deal that a record belongs to.
    public static let deal = RelationRole(rawValue: "deal")
    /// The ticket that a record belongs to.
    public static let ticket = RelationRole(rawValue: "ticket")
    /// The order that a record belongs to.
    public static let order = RelationRole(rawValue: "order")
    /// The product that a record belongs to.
    public static let product = RelationRole(rawValue: "product")
}
