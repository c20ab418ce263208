// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What the pages of a stream held.
struct StreamReading: Sendable {
    /// The records, as they were shown last.
    var records: [RemoteID: RemoteRecord] = [:]
    /// What was shown as deleted.
    var deleted: Set<RemoteID> = []
    /// How many updates were shown, repeats counted.
    var count = 0
    /// How many pages there were.
    var pages = 0
    /// The durable position after the last page.
    var position: JSONValue?
    /// Through when the list is complete.
    var coveredThrough: Date?

    fileprivate mutating func take(_ page: ChangePage) {
        pages += 1
        position = page.position ?? position
        for change in page.changes {
            switch change {
            case .updated(let record):
                records[record.id] = record
                count += 1
            case .deleted(let id, _): deleted.insert(id)
            case .merged, .converted: break
            }
        }
    }
}

extension ProviderTrial {
    /// The streams of a mode, each with a kind that has samples.
    func streams(
        _ what: String,
        where condition: (ChangeStream) -> Bool
    ) throws -> [(stream: ChangeStream, kind: RecordKind)] {
        var found: [(stream: ChangeStream, kind: RecordKind)] = []
        for kind in try pullKinds() {
            for stream in provider.streams(for: kind.kind, of: account) where condition(stream) {
                found.append((stream, kind.kind))
            }
        }
        guard !found.isEmpty else { throw UnsupportedHook("no stream \(what)") }
        return found
    }

    /// Lets as much time pass that two changes have two dates.
    func tick(_ stream: ChangeStream) {
        clock.advance(by: max(stream.precision, .milliseconds(1)) * 2)
    }

    /// Lets as much time pass that the list shows everything.
    func settle(_ stream: ChangeStream) {
        clock.advance(by: stream.lag + max(stream.precision, .milliseconds(1)) * 2)
    }

    func fields(of kind: RecordKind) throws -> [FieldName] {
        try sample(kind, 1).fields.keys.sorted()
    }

    /// Reads a stream to its end as the engine does: page after page, and anew where an offset list has shifted.
    ///
    /// - Parameters:
    ///   - stream: The stream.
    ///   - window: For a window stream, the window.
    ///   - position: For a cursor stream, the position to go on from.
    ///   - limit: The most rows of a page.
    ///   - between: Runs after each page but the last.
    /// - Returns: What the pages held.
    /// - Throws: What the provider throws, and `RuleViolation` if there is no end.
    func read(
        _ stream: ChangeStream,
        _ window: Range<Date>? = nil,
        position: JSONValue? = nil,
        limit: Int = 100,
        between: (StreamReading) async throws -> Void = { _ in }
    ) async throws -> StreamReading {
        let kind = try require(stream.kinds.first, "a kind of \(stream.id)")
        var reading = StreamReading()
        var query = ChangeQuery(
            fields: try fields(of: kind),
            from: window?.lowerBound,
            until: window?.upperBound,
            position: position,
            limit: limit
        )
        var tokens: Set<JSONValue> = []
        var anchor: RemoteID?
        var total: Int?
        var restarts = 0
        while true {
            let page = try await provider.changes(in: stream, matching: query, in: session)
            let hasMoved =
                anchor != nil && (page.first != anchor || (page.total != nil && total != nil && page.total != total))
            if stream.paging == .offset, hasMoved, restarts < 5 {
                restarts += 1
                (anchor, total, query.page, tokens) = (nil, nil, nil, [])
                continue
            }
            reading.take(page)
            try expect(reading.pages < 5_000, "\(stream.id) has no end")
            if page.isComplete {
                reading.coveredThrough = page.coveredThrough
                return reading
            }
            if let next = page.next {
                try expect(tokens.insert(next).inserted, "\(stream.id) gives the page token \(next.text) twice")
            } else {
                clock.advance(by: page.readyAfter ?? .seconds(1))
            }
            query.page = page.next
            if stream.mode == .cursor, let position = page.position { query.position = position }
            (anchor, total) = (page.last, page.total)
            try await between(reading)
        }
    }

    /// Reads a window to its end, as often as the platform says that it was not yet covered.
    func readWhole(_ stream: ChangeStream, _ window: Range<Date>, limit: Int = 100) async throws -> StreamReading {
        var whole = StreamReading()
        var from = window.lowerBound
        for _ in 0..<20 where from < window.upperBound {
            let part = try await read(stream, from..<window.upperBound, limit: limit)
            whole.records.merge(part.records) { $1 }
            whole.deleted.formUnion(part.deleted)
            whole.count += part.count
            whole.pages += part.pages
            from = min(part.coveredThrough ?? window.upperBound, window.upperBound)
            if from < window.upperBound { clock.advance(by: .seconds(60)) }
        }
        try expect(from >= window.upperBound, "\(stream.id) never covers the window")
        return whole
    }

    /// Checks that a reading shows records.
    func expect(_ reading: StreamReading, shows ids: some Collection<RemoteID>, of stream: ChangeStream) throws {
        let missing = ids.filter { reading.records[$0] == nil }
        try expect(
            missing.isEmpty,
            "\(stream.id) does not show \(missing.count) of \(ids.count) records, such as \(missing.first?.value ?? "-")"
        )
    }
}
