// SPDX-License-Identifier: Apache-2.0
public import Foundation

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
