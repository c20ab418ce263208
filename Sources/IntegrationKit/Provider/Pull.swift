// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// One list of changes of a platform, with a cursor of its own.
public struct ChangeStream: Hashable, Codable, Sendable {
    /// How the list is asked.
    public enum Mode: String, Codable, Sendable {
        /// By the platform's own durable position.
        case cursor
        /// By a time filter: a window is read to its end.
        case window
        /// Without a filter: every record is read and compared by content (a sweep).
        case scan
    }
    /// In which order the list comes.
    public enum Order: String, Codable, Sendable {
        /// By time of change; only then may a cursor move in the middle of a run.
        case changeTime
        /// By an id that does not change.
        case stableID
        /// In no promised order.
        case none
    }
    /// How pages continue.
    public enum Paging: String, Codable, Sendable {
        /// After the last row of the page before.
        case keyset
        /// By a count of rows, which shifts when rows come and go: each page repeats the last row of the one before.
        case offset
    }

    /// The stream's name, unique within the platform and stable for ever.
    public var id: String
    /// The kinds that the stream carries.
    public var kinds: [RecordKind]
    /// How the list is asked.
    public var mode: Mode
    /// In which order it comes.
    public var order: Order
    /// How pages continue.
    public var paging: Paging
    /// The grain of its times: two changes inside it may share one version.
    public var precision: Duration
    /// How late a change may appear in the list.
    public var lag: Duration
    /// The most rows that one query can reach; nil: no cap.
    public var resultCap: Int?
    /// How far back the list reaches; nil: for ever.
    public var reach: Duration?
    /// For a scan: how often to run it.
    ///
    /// Nil: only when asked.
    public var sweepEvery: Duration?
    /// Whether the list shows deleted records as such.
    public var showsDeletions: Bool
    /// For a scan: whether a linked record that the whole scan did not show is suspected to be deleted.
    public var provesAbsence: Bool

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - id: The stream's name.
    ///   - kinds: The kinds that it carries.
    ///   - mode: How the list is asked.
    ///   - order: In which order it comes.
    ///   - paging: How pages continue.
    ///   - precision: The grain of its times.
    ///   - lag: How late a change may appear.
    ///   - resultCap: The most rows that one query can reach.
    ///   - reach: How far back the list reaches.
    ///   - sweepEvery: For a scan, how often to run it.
    ///   - showsDeletions: Whether deleted records are shown as such.
    ///   - provesAbsence: Whether a record missing from a whole scan is suspected to be deleted.
    public init(
        id: String,
        kinds: [RecordKind],
        mode: Mode,
        order: Order,
        paging: Paging,
        precision: Duration = .milliseconds(1),
        lag: Duration = .zero,
        resultCap: Int? = nil,
        reach: Duration? = nil,
        sweepEvery: Duration? = nil,
        showsDeletions: Bool = false,
        provesAbsence: Bool = false
    ) {
        self.id = id
        self.kinds = kinds
        self.mode = mode
        self.order = order
        self.paging = paging
        self.precision = precision
        self.lag = lag
        self.resultCap = resultCap
        self.reach = reach
        self.sweepEvery = sweepEvery
        self.showsDeletions = showsDeletions
        self.provesAbsence = provesAbsence
    }
}

/// One question to a change stream.
public struct ChangeQuery: Sendable {
    /// The fields that are wanted, by the platform's names.
    public var fields: [FieldName]
    /// The window's lower bound, inclusive, by the platform's clock.
    public var from: Date?
    /// The window's upper bound, exclusive, by the platform's clock.
    public var until: Date?
    /// For a cursor stream: the durable position to go on from.
    public var position: JSONValue?
    /// The page to read: ``ChangePage/next`` of the page before; nil for the first.
    public var page: JSONValue?
    /// The most records wanted; a provider may return fewer.
    public var limit: Int
    /// Whether only ids and versions are needed.
    public var idsOnly: Bool
    /// For kinds that are listed per parent: the parents to list.
    public var parents: [RemoteID]
    /// For a moment that holds more rows than one query reaches: only ids after this one, in the order of ids.
    public var afterID: RemoteID?

    /// Creates a query.
    ///
    /// - Parameters:
    ///   - fields: The fields that are wanted.
    ///   - from: The window's lower bound, inclusive.
    ///   - until: The window's upper bound, exclusive.
    ///   - position: For a cursor stream, the position to go on from.
    ///   - page: The page to read.
    ///   - limit: The most records wanted.
    ///   - idsOnly: Whether only ids and versions are needed.
    ///   - parents: The parents to list.
    ///   - afterID: Only ids after this one.
    public init(
        fields: [FieldName] = [],
        from: Date? = nil,
        until: Date? = nil,
        position: JSONValue? = nil,
        page: JSONValue? = nil,
        limit: Int = 100,
        idsOnly: Bool = false,
        parents: [RemoteID] = [],
        afterID: RemoteID? = nil
    ) {
        self.fields = fields
        self.from = from
        self.until = until
        self.position = position
        self.page = page
        self.limit = limit
        self.idsOnly = idsOnly
        self.parents = parents
        self.afterID = afterID
    }
}

/// One page of changes.
public struct ChangePage: Sendable {
    /// The changes.
    public var changes: [RecordChange]
    /// The page after this one.
    ///
    /// May die soon; lost = the window is read again.
    public var next: JSONValue?
    /// For a cursor stream: the durable position after this page.
    public var position: JSONValue?
    /// The platform's own safe watermark, where it has one.
    public var coveredThrough: Date?
    /// The platform's clock when it answered.
    public var serverDate: Date?
    /// How many rows the whole query has, where the platform tells.
    public var total: Int?
    /// The first row of the page, also where it is no change.
    public var first: RemoteID?
    /// The last row of the page, also where it is no change.
    public var last: RemoteID?
    /// Whether the query is read to its end.
    ///
    /// False with no `next`: ask again.
    public var isComplete: Bool
    /// How long to wait before asking again.
    public var readyAfter: Duration?

    /// Creates a page.
    ///
    /// - Parameters:
    ///   - changes: The changes.
    ///   - next: The page after this one.
    ///   - position: For a cursor stream, the position after this page.
    ///   - coveredThrough: The platform's own safe watermark.
    ///   - serverDate: The platform's clock.
    ///   - total: How many rows the whole query has.
    ///   - first: The first row.
    ///   - last: The last row.
    ///   - isComplete: Whether the query is read to its end; nil: when there is no next page.
    ///   - readyAfter: How long to wait before asking again.
    public init(
        changes: [RecordChange],
        next: JSONValue? = nil,
        position: JSONValue? = nil,
        coveredThrough: Date? = nil,
        serverDate: Date? = nil,
        total: Int? = nil,
        first: RemoteID? = nil,
        last: RemoteID? = nil,
        isComplete: Bool? = nil,
        readyAfter: Duration? = nil
    ) {
        self.changes = changes
        self.next = next
        self.position = position
        self.coveredThrough = coveredThrough
        self.serverDate = serverDate
        self.total = total
        self.first = first
        self.last = last
        self.isComplete = isComplete ?? (next == nil)
        self.readyAfter = readyAfter
    }
}

/// One change on a platform.
public enum RecordChange: Sendable {
    /// The record was made or changed.
    case updated(RemoteRecord)
    /// The record was deleted. A suspicion until a fetch confirms it.
    case deleted(RemoteID, at: Date?)
    /// The record was merged into another.
    case merged(RemoteID, into: RemoteID)
    /// The record was converted into others, of other kinds.
    case converted(RemoteID, into: [RemoteID])
}

/// What a fetch by id found.
public enum FetchResult: Sendable {
    /// The record.
    case found(RemoteRecord)
    /// Surely not there any more.
    case gone(RemoteID)
    /// Merged or converted into these.
    case moved(RemoteID, into: [RemoteID])
    /// There or not, this credential may not see it.
    case hidden(RemoteID, IntegrationError)
}
