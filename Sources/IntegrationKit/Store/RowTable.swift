// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rows in memory with their indexes.
struct RowTable: Sendable {
    private struct Row: Sendable {
        var content: RowContent
        var revision: Int64
        var expiry: Duration?
    }

    private var rows: [Int64: Row] = [:]
    private var index = RowIndex<SortedIndex<ByteKey>>()

    /// Returns a row by its id.
    func row(_ id: RowID) -> StoredRow? {
        index.number(of: id).flatMap(row)
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
        let number = index.number(of: content.id) ?? revision
        let old = rows[number]
        let row = Row(content: content, revision: revision, expiry: content.keep.map { now + $0 })
        index.replace(old.map { ($0.content, $0.expiry) }, with: (content, row.expiry), number: number)
        rows[number] = row
        return old?.content
    }

    /// Removes a row and returns what it was.
    @discardableResult
    mutating func remove(_ id: RowID) -> RowContent? {
        guard let number = index.number(of: id), let row = rows.removeValue(forKey: number) else { return nil }
        index.replace((row.content, row.expiry), with: nil, number: number)
        return row.content
    }

    /// Returns the rows of a scope, up to a limit.
    func ids(in scope: PurgeScope, limit: Int, at now: Duration) -> [RowID] {
        index.numbers(in: scope, limit: limit, at: now).compactMap { rows[$0]?.content.id }
    }

    /// Returns the rows of a page.
    func rows(matching query: RowQuery) -> [StoredRow] {
        index.numbers(matching: query).compactMap(row)
    }

    /// Counts the entries that a query matches, without its page.
    func count(matching query: RowQuery, upTo limit: Int) -> Int {
        index.count(matching: query, upTo: limit)
    }

    /// Returns the jobs of a lane, oldest first.
    func jobs(of lane: LaneID, limit: Int) -> [StoredRow] {
        index.jobs(of: lane, limit: limit).compactMap(row)
    }

    /// Returns the number of the newest job of a lane.
    func newestJob(of lane: LaneID) -> Int64? {
        index.newestJob(of: lane)
    }

    /// Returns the unique entries that two rows would have after a commit, in the order of its puts.
    func takenEntries(by changes: Changes) -> [IndexEntry] {
        index.takenEntries(by: changes) { rows[$0]?.content }
    }
}
