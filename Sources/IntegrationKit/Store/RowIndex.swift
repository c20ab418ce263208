// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers under keys, in the order of key and number, each pair at most once.
protocol KeyIndex: Sendable {
    typealias Entry = SortedIndex<ByteKey>.Entry
    typealias Span = SortedIndex<ByteKey>.Span
    /// Finds the rows of the same store by their ids.
    associatedtype IDs: IDIndex

    init()
    /// Whether there is no entry.
    var isEmpty: Bool { get }
    /// Adds a number under a key, unless it is there.
    mutating func insert(_ key: ByteKey, _ number: Int64)
    /// Removes a number under a key, if it is there.
    mutating func remove(_ key: ByteKey, _ number: Int64)
    /// Returns entries of a span, from its start or, descending, from its end.
    func entries(in span: Span, limit: Int, descending: Bool) -> [Entry]
    /// Returns the lowest number under a key.
    func first(under key: ByteKey) -> Int64?
    /// Returns the highest number under a key.
    func last(under key: ByteKey) -> Int64?
    /// Counts the entries of a span.
    func count(in span: Span) -> Int
}

/// The numbers of rows by their ids.
protocol IDIndex: Sendable {
    init()
    /// Returns the number of a row.
    func number(of id: RowID) -> Int64?
    /// Adds a row.
    mutating func insert(_ id: RowID, _ number: Int64)
    /// Removes a row.
    mutating func remove(_ id: RowID, _ number: Int64)
}

extension Dictionary: IDIndex where Key == RowID, Value == Int64 {
    func number(of id: RowID) -> Int64? { self[id] }
    mutating func insert(_ id: RowID, _ number: Int64) { self[id] = number }
    mutating func remove(_ id: RowID, _ number: Int64) { self[id] = nil }
}

extension PackedIndex: IDIndex {
    typealias IDs = PackedIndex

    func number(of id: RowID) -> Int64? { first(under: PackedIndex.key(of: id)) }
    mutating func insert(_ id: RowID, _ number: Int64) { insert(PackedIndex.key(of: id), number) }
    mutating func remove(_ id: RowID, _ number: Int64) { remove(PackedIndex.key(of: id), number) }

    private static func key(of id: RowID) -> ByteKey {
        // The length tells where the type ends, whatever stands in it.
        var text = String(id.type.utf8.count)
        text.append(" ")
        text.append(id.type)
        text.append(id.key)
        return ByteKey(text)
    }
}

extension SortedIndex: KeyIndex where Key == ByteKey {
    typealias IDs = [RowID: Int64]

    func first(under key: ByteKey) -> Int64? {
        entries(in: .key(key), limit: 1).first?.number
    }

    func last(under key: ByteKey) -> Int64? {
        entries(in: .key(key), limit: 1, descending: true).first?.number
    }
}

/// Finds rows by id, by index and by scope, wherever their contents are kept.
///
/// A row goes by ``StoredRow/created``, which no other row ever has; the indexes hold these numbers.
struct RowIndex<Index: KeyIndex>: Sendable {
    /// What a row was put with, and when its time to keep is over.
    typealias Entered = (content: RowContent, expiry: Duration?)

    fileprivate struct Place: Hashable {
        var index: ByteKey
        var key: ByteKey
    }

    private var ids = Index.IDs()
    private var indexes: [ByteKey: Index] = [:]
    /// How many unique entries the indexes have that have any.
    private var uniques: [ByteKey: Int] = [:]
    private var tenants = Index()
    private var integrations = Index()
    private var expiries = SortedIndex<Duration>()

    /// Returns the number of a row.
    func number(of id: RowID) -> Int64? {
        ids.number(of: id)
    }

    /// Puts a row in place of what stood under its number; nil: nothing.
    mutating func replace(_ old: Entered?, with new: Entered?, number: Int64) {
        if old == nil, let new { ids.insert(new.content.id, number) }
        if new == nil, let old { ids.remove(old.content.id, number) }
        let (left, right) = (old?.content.indexes ?? [], new?.content.indexes ?? [])
        for entry in left where !right.contains(where: { $0.isAtPlace(of: entry) }) {
            let name = ByteKey(entry.name)
            indexes[name]?.remove(ByteKey(entry.key), number)
            if indexes[name]?.isEmpty == true { indexes[name] = nil }
        }
        for entry in right where !left.contains(where: { $0.isAtPlace(of: entry) }) {
            indexes[ByteKey(entry.name), default: .init()].insert(ByteKey(entry.key), number)
        }
        for entry in left where entry.isUnique { countUnique(ByteKey(entry.name), -1) }
        for entry in right where entry.isUnique { countUnique(ByteKey(entry.name), 1) }
        Self.move(number, in: &tenants, from: old?.content.tenant, to: new?.content.tenant)
        Self.move(number, in: &integrations, from: old?.content.integration, to: new?.content.integration)
        if let expiry = old?.expiry { expiries.remove(expiry, number) }
        if let expiry = new?.expiry { expiries.insert(expiry, number) }
    }

    private mutating func countUnique(_ index: ByteKey, _ change: Int) {
        let count = uniques[index, default: 0] + change
        uniques[index] = count == 0 ? nil : count
    }

    private static func move(_ number: Int64, in index: inout Index, from old: String?, to new: String?) {
        let (old, new) = (old.map(ByteKey.init), new.map(ByteKey.init))
        guard old != new else { return }
        if let old { index.remove(old, number) }
        if let new { index.insert(new, number) }
    }

    /// Returns the rows of a scope, up to a limit.
    func numbers(in scope: PurgeScope, limit: Int, at now: Duration) -> [Int64] {
        switch scope {
        case .tenant(let tenant):
            tenants.entries(in: .key(ByteKey(tenant)), limit: limit, descending: false).map(\.number)
        case .integration(let integration):
            integrations.entries(in: .key(ByteKey(integration)), limit: limit, descending: false).map(\.number)
        case .expired:
            expiries.entries(in: .init(from: nil, to: .after(now)), limit: limit).map(\.number)
        }
    }
}

extension IndexEntry {
    /// Whether two entries stand under one key of one index.
    fileprivate func isAtPlace(of other: IndexEntry) -> Bool {
        key.hasSameBytes(as: other.key) && name.hasSameBytes(as: other.name)
    }
}

// MARK: - Loading

extension RowIndex<PackedIndex> {
    /// Enters a new row that need not be found before ``endLoading()``.
    mutating func load(_ row: RowKeys) {
        let number = row.created
        ids.load(row.bytes[row.id], number)
        for entry in row.entries {
            let name = ByteKey(String(decoding: row.bytes[entry.name], as: UTF8.self))
            indexes[name, default: .init()].load(row.bytes[entry.key], number)
            if entry.isUnique { countUnique(name, 1) }
        }
        tenants.load(row.bytes[row.tenant], number)
        if let integration = row.integration { integrations.load(row.bytes[integration], number) }
        if let expiry = row.expiry { expiries.insert(expiry, number) }
    }

    /// Sorts in what was loaded.
    mutating func endLoading() {
        ids.endLoading()
        for name in indexes.keys { indexes[name]?.endLoading() }
        tenants.endLoading()
        integrations.endLoading()
    }
}

// MARK: - Queries

extension RowIndex {
    /// Returns the rows of a page.
    func numbers(matching query: RowQuery) -> [Int64] {
        guard let index = indexes[ByteKey(query.index)] else { return [] }
        var found: [Int64] = []
        let spans = spans(of: query)
        for span in query.descending ? spans.reversed() : spans where found.count < query.limit {
            let page = index.entries(
                in: span.going(on: query.after, descending: query.descending),
                limit: query.limit - found.count,
                descending: query.descending
            )
            found.append(contentsOf: page.map(\.number))
        }
        return found
    }

    /// Counts the entries that a query matches, without its page.
    func count(matching query: RowQuery, upTo limit: Int) -> Int {
        guard let index = indexes[ByteKey(query.index)] else { return 0 }
        var count = 0
        for span in spans(of: query) where count < limit { count += index.count(in: span) }
        return max(0, min(count, limit))
    }

    /// Returns the jobs of a lane, oldest first.
    func jobs(of lane: LaneID, limit: Int) -> [Int64] {
        numbers(matching: RowQuery(LaneID.indexName, keys: [lane.indexKey], limit: limit))
    }

    /// Returns the number of the newest job of a lane.
    func newestJob(of lane: LaneID) -> Int64? {
        indexes[ByteKey(LaneID.indexName)]?.last(under: ByteKey(lane.indexKey))
    }

    /// The spans of the index that a query asks for, in rising order.
    private func spans(of query: RowQuery) -> [SortedIndex<ByteKey>.Span] {
        let lower = query.range.map { ByteKey($0.lowerBound) }
        let upper = query.range.map { ByteKey($0.upperBound) }
        guard let keys = query.keys else {
            return [.init(from: lower.map { .before($0) }, to: upper.map { .before($0) })]
        }
        return Set(keys.map(ByteKey.init)).sorted()
            .filter { key in lower.map { $0 <= key } ?? true && upper.map { key < $0 } ?? true }
            .map { .key($0) }
    }
}

extension SortedIndex.Span {
    /// The rest of the span behind the last row seen.
    fileprivate func going(on page: PageKey?, descending: Bool) -> Self where Key == ByteKey {
        guard let page else { return self }
        if descending {
            let end = SortedIndex<ByteKey>.Cut.before(ByteKey(page.key), page.created)
            return Self(from: from, to: to.map { min($0, end) } ?? end)
        }
        let start = SortedIndex<ByteKey>.Cut.after(ByteKey(page.key), page.created)
        return Self(from: from.map { max($0, start) } ?? start, to: to)
    }
}

// MARK: - Unique entries

extension RowIndex {
    /// Returns the unique entries that two rows would have after a commit, in the order of its puts.
    ///
    /// - Parameters:
    ///   - changes: The commit.
    ///   - content: Returns what a row holds now.
    /// - Returns: The entries that are taken.
    /// - Throws: What `content` throws.
    func takenEntries(
        by changes: Changes,
        content: (Int64) throws -> RowContent?
    ) rethrows -> [IndexEntry] {
        // Most commits touch no index that has a unique entry: nothing can clash there.
        var names = Array(uniques.keys)
        for row in changes.puts {
            for entry in row.indexes where entry.isUnique && !names.contains(ByteKey(entry.name)) {
                names.append(ByteKey(entry.name))
            }
        }
        guard changes.puts.contains(where: { $0.indexes.contains { names.contains(ByteKey($0.name)) } }) else {
            return []
        }
        var last: [RowID: Int] = [:]
        for (place, content) in changes.puts.enumerated() { last[content.id] = place }
        lazy var replaced = Set((changes.deletes + last.keys).compactMap(number))
        var owners: [Place: (row: RowID, isUnique: Bool)] = [:]
        var taken: [IndexEntry] = []
        for (place, row) in changes.puts.enumerated() {
            for entry in row.indexes where names.contains(ByteKey(entry.name)) && last[row.id] == place {
                let spot = Place(index: ByteKey(entry.name), key: ByteKey(entry.key))
                let owner = owners[spot]
                let isUnique = entry.isUnique || owner?.isUnique == true
                let isShared = owner.map { $0.row != row.id && isUnique } ?? false
                if try isShared || isTaken(spot, by: entry, except: replaced, content: content) {
                    let clash = IndexEntry(entry.name, entry.key, isUnique: true)
                    if !taken.contains(clash) { taken.append(clash) }
                }
                owners[spot] = (owner?.row ?? row.id, isUnique)
            }
        }
        return taken
    }

    private func isTaken(
        _ spot: Place,
        by entry: IndexEntry,
        except replaced: @autoclosure () -> Set<Int64>,
        content: (Int64) throws -> RowContent?
    ) rethrows -> Bool {
        guard let index = indexes[spot.index], index.first(under: spot.key) != nil else { return false }
        let replaced = replaced()
        // A unique entry stands alone under its key, so the first occupant tells whether there is one.
        let limit = entry.isUnique ? replaced.count + 1 : 1
        let occupants = index.entries(in: .key(spot.key), limit: limit, descending: false).map(\.number).filter {
            !replaced.contains($0)
        }
        guard let occupant = occupants.first else { return false }
        if entry.isUnique { return true }
        guard let content = try content(occupant) else { return false }
        return content.indexes.contains(IndexEntry(entry.name, entry.key, isUnique: true))
    }
}
