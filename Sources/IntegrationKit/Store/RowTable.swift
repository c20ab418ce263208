// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rows in memory with their indexes.
///
/// A row goes by ``StoredRow/created``, which no other row ever has; the indexes hold these numbers.
struct RowTable: Sendable {
    private struct Row: Sendable {
        var content: RowContent
        var revision: Int64
        var expiry: Duration?
    }

    private struct Place: Hashable {
        var index: ByteKey
        var key: ByteKey
    }

    private var numbers: [RowID: Int64] = [:]
    private var rows: [Int64: Row] = [:]
    private var indexes: [ByteKey: SortedIndex<ByteKey>] = [:]
    private var tenants = SortedIndex<ByteKey>()
    private var integrations = SortedIndex<ByteKey>()
    private var expiries = SortedIndex<Duration>()

    /// Returns a row by its id.
    func row(_ id: RowID) -> StoredRow? {
        numbers[id].flatMap(row)
    }

    private func row(_ number: Int64) -> StoredRow? {
        rows[number].map { StoredRow(content: $0.content, created: number, revision: $0.revision) }
    }

    /// Puts a row.
    ///
    /// - Parameters:
    ///   - content: The content.
    ///   - revision: The number of this put, which is also the row's number if it is new.
    ///   - now: The store's clock.
    /// - Returns: The content that was there before.
    @discardableResult
    mutating func put(_ content: RowContent, revision: Int64, at now: Duration) -> RowContent? {
        let number = numbers[content.id] ?? revision
        let old = take(number)
        let row = Row(content: content, revision: revision, expiry: content.keep.map { now + $0 })
        numbers[content.id] = number
        rows[number] = row
        for entry in content.indexes {
            indexes[ByteKey(entry.name), default: .init()].insert(ByteKey(entry.key), number)
        }
        tenants.insert(ByteKey(content.tenant), number)
        if let integration = content.integration { integrations.insert(ByteKey(integration), number) }
        if let expiry = row.expiry { expiries.insert(expiry, number) }
        return old
    }

    /// Removes a row and returns what it was.
    @discardableResult
    mutating func remove(_ id: RowID) -> RowContent? {
        numbers[id].flatMap { take($0) }
    }

    private mutating func take(_ number: Int64) -> RowContent? {
        guard let row = rows.removeValue(forKey: number) else { return nil }
        let content = row.content
        numbers[content.id] = nil
        for entry in content.indexes {
            let name = ByteKey(entry.name)
            indexes[name]?.remove(ByteKey(entry.key), number)
            if indexes[name]?.isEmpty == true { indexes[name] = nil }
        }
        tenants.remove(ByteKey(content.tenant), number)
        if let integration = content.integration { integrations.remove(ByteKey(integration), number) }
        if let expiry = row.expiry { expiries.remove(expiry, number) }
        return content
    }

    /// Returns the rows of a scope, up to a limit.
    func ids(in scope: PurgeScope, limit: Int, at now: Duration) -> [RowID] {
        let found =
            switch scope {
            case .tenant(let tenant):
                tenants.entries(in: .key(ByteKey(tenant)), limit: limit).map(\.number)
            case .integration(let integration):
                integrations.entries(in: .key(ByteKey(integration)), limit: limit).map(\.number)
            case .expired:
                expiries.entries(in: .init(from: nil, to: .after(now)), limit: limit).map(\.number)
            }
        return found.compactMap { rows[$0]?.content.id }
    }
}

// MARK: - Queries

extension RowTable {
    /// Returns the rows of a page.
    func rows(matching query: RowQuery) -> [StoredRow] {
        guard let index = indexes[ByteKey(query.index)] else { return [] }
        var found: [StoredRow] = []
        let spans = spans(of: query)
        for span in query.descending ? spans.reversed() : spans where found.count < query.limit {
            let page = index.entries(
                in: span.going(on: query.after, descending: query.descending),
                limit: query.limit - found.count,
                descending: query.descending
            )
            found.append(contentsOf: page.compactMap { row($0.number) })
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

    /// Returns the jobs of a lane, oldest first.
    func jobs(of lane: LaneID, limit: Int) -> [StoredRow] {
        rows(matching: RowQuery(LaneID.indexName, keys: [lane.indexKey], limit: limit))
    }

    /// Returns the number of the newest job of a lane.
    func newestJob(of lane: LaneID) -> Int64? {
        rows(matching: RowQuery(LaneID.indexName, keys: [lane.indexKey], limit: 1, descending: true)).first?.created
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

extension RowTable {
    /// Returns the unique entries that two rows would have after a commit, in the order of its puts.
    func takenEntries(by changes: Changes) -> [IndexEntry] {
        var last: [RowID: Int] = [:]
        for (place, content) in changes.puts.enumerated() { last[content.id] = place }
        let replaced = Set((changes.deletes + last.keys).compactMap { numbers[$0] })
        var owners: [Place: (row: RowID, isUnique: Bool)] = [:]
        var taken: [IndexEntry] = []
        for (place, content) in changes.puts.enumerated() where last[content.id] == place {
            for entry in content.indexes {
                let spot = Place(index: ByteKey(entry.name), key: ByteKey(entry.key))
                let owner = owners[spot]
                let isUnique = entry.isUnique || owner?.isUnique == true
                if (owner.map { $0.row != content.id && isUnique } ?? false)
                    || isTaken(spot, by: entry, except: replaced)
                {
                    let clash = IndexEntry(entry.name, entry.key, isUnique: true)
                    if !taken.contains(clash) { taken.append(clash) }
                }
                owners[spot] = (owner?.row ?? content.id, isUnique)
            }
        }
        return taken
    }

    private func isTaken(_ spot: Place, by entry: IndexEntry, except replaced: Set<Int64>) -> Bool {
        guard let index = indexes[spot.index] else { return false }
        // A unique entry stands alone under its key, so the first occupant tells whether there is one.
        let limit = entry.isUnique ? replaced.count + 1 : 1
        let occupants = index.entries(in: .key(spot.key), limit: limit).map(\.number).filter { !replaced.contains($0) }
        guard let occupant = occupants.first, let content = rows[occupant]?.content else { return false }
        return entry.isUnique || content.indexes.contains(IndexEntry(entry.name, entry.key, isUnique: true))
    }
}
