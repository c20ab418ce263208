// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A row as its JSON stands in a file.
///
/// `[type, key, created, revision, tenant, integration, keep, expiry, [[index, key], [index, key, 1], …], body]`; times
/// are milliseconds, 1 marks a unique entry. A body that cannot stand in a line as it is follows a null, in Base64.
struct FileRow: Sendable {
    var content: RowContent
    var created: Int64
    var revision: Int64
    var expiry: Duration?

    /// The row as the store hands it out.
    var stored: StoredRow { StoredRow(content: content, created: created, revision: revision) }

    /// Appends the JSON.
    func append(to bytes: inout [UInt8]) {
        bytes.append(text: "[")
        bytes.append(json: content.id.type)
        bytes.append(text: ",")
        bytes.append(json: content.id.key)
        bytes.append(text: ",")
        bytes.append(json: created)
        bytes.append(text: ",")
        bytes.append(json: revision)
        bytes.append(text: ",")
        bytes.append(json: content.tenant)
        bytes.append(text: ",")
        bytes.append(json: content.integration)
        bytes.append(text: ",")
        bytes.append(json: content.keep?.wholeMilliseconds)
        bytes.append(text: ",")
        bytes.append(json: expiry?.wholeMilliseconds)
        bytes.append(text: ",[")
        for (place, entry) in content.indexes.enumerated() {
            bytes.append(text: place > 0 ? ",[" : "[")
            bytes.append(json: entry.name)
            bytes.append(text: ",")
            bytes.append(json: entry.key)
            bytes.append(text: entry.isUnique ? ",1]" : "]")
        }
        bytes.append(text: "],")
        let body = [UInt8](content.body)
        if FileRow.fitsInLine(body) {
            bytes.append(contentsOf: body)
        } else {
            bytes.append(text: "null,")
            bytes.append(json: content.body.base64EncodedString())
        }
        bytes.append(text: "]")
    }

    /// Whether a body is JSON on one line whose end can be found again; the cursor takes no space and no line end.
    private static func fitsInLine(_ body: [UInt8]) -> Bool {
        var cursor = JSONCursor(body, 0..<body.count)
        guard (try? cursor.skipValue()) != nil, cursor.isAtEnd else { return false }
        return body.reduce(0, |) < 0x80 || String(decoding: body, as: UTF8.self).utf8.elementsEqual(body)
    }

    /// Reads the JSON.
    ///
    /// - Parameters:
    ///   - cursor: Stands before it, and afterwards behind it.
    ///   - bytes: What the cursor reads.
    ///   - isIndexOnly: Whether the body is not wanted and nothing follows the row.
    /// - Throws: `JSONCursor.Malformed` if it is no row.
    init(from cursor: inout JSONCursor, in bytes: [UInt8], isIndexOnly: Bool = false) throws {
        try cursor.take("[")
        let type = try cursor.string()
        try cursor.take(",")
        let key = try cursor.string()
        try cursor.take(",")
        created = try cursor.integer()
        try cursor.take(",")
        revision = try cursor.integer()
        try cursor.take(",")
        let tenant = try cursor.string()
        try cursor.take(",")
        let integration = try cursor.optionalString()
        try cursor.take(",")
        let keep = try cursor.optionalInteger()
        try cursor.take(",")
        expiry = try cursor.optionalInteger().map { .milliseconds($0) }
        try cursor.take(",")
        var indexes: [IndexEntry] = []
        try cursor.array { cursor in
            try cursor.take("[")
            let name = try cursor.string()
            try cursor.take(",")
            let key = try cursor.string()
            indexes.append(IndexEntry(name, key, isUnique: cursor.takeIf(",1")))
            try cursor.take("]")
        }
        try cursor.take(",")
        var body = Data()
        if isIndexOnly {
            cursor.skipToEnd()
        } else {
            body = Data(bytes[try cursor.skipValue()])
            if cursor.takeIf(",") {
                guard let decoded = Data(base64Encoded: try cursor.string()) else { throw JSONCursor.Malformed() }
                body = decoded
            }
            try cursor.take("]")
        }
        content = RowContent(
            id: RowID(type: type, key: key),
            tenant: tenant,
            integration: integration,
            indexes: indexes,
            body: body,
            keep: keep.map { .milliseconds($0) }
        )
    }
}

extension FileRow {
    init(content: RowContent, created: Int64, revision: Int64, expiry: Duration?) {
        self.content = content
        self.created = created
        self.revision = revision
        self.expiry = expiry
    }
}

/// What the indexes need of a row, as bytes: a store that is opened reads this of a million rows.
struct RowKeys: Sendable {
    struct Entry: Sendable {
        var name: Range<Int>
        var key: Range<Int>
        var isUnique: Bool
    }

    /// Where the texts stand that the ranges name.
    private(set) var bytes: [UInt8] = []
    private(set) var created: Int64 = 0
    private(set) var revision: Int64 = 0
    private(set) var expiry: Duration?
    /// The key of the row among all ids, as ``PackedIndex`` makes it.
    private(set) var id = 0..<0
    private(set) var tenant = 0..<0
    private(set) var integration: Range<Int>?
    private(set) var entries: [Entry] = []

    /// Reads the JSON of a row in place of the last one.
    ///
    /// - Parameters:
    ///   - cursor: Stands before it, and afterwards behind it.
    ///   - isAlone: Whether nothing follows the row, so that its body need not be gone through.
    /// - Throws: ``JSONCursor/Malformed``.
    mutating func read(from cursor: inout JSONCursor, isAlone: Bool) throws {
        bytes.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        try cursor.take("[")
        let type = try cursor.string(to: &bytes)
        let length = Array("\(type.count) ".utf8)
        bytes.insert(contentsOf: length, at: 0)
        try cursor.take(",")
        id = 0..<(try cursor.string(to: &bytes)).upperBound
        try cursor.take(",")
        created = try cursor.integer()
        try cursor.take(",")
        revision = try cursor.integer()
        try cursor.take(",")
        tenant = try cursor.string(to: &bytes)
        try cursor.take(",")
        integration = cursor.takeIf("null") ? nil : try cursor.string(to: &bytes)
        try cursor.take(",")
        _ = try cursor.optionalInteger()
        try cursor.take(",")
        expiry = try cursor.optionalInteger().map { .milliseconds($0) }
        try cursor.take(",")
        try cursor.array { cursor in
            try cursor.take("[")
            let name = try cursor.string(to: &bytes)
            try cursor.take(",")
            let key = try cursor.string(to: &bytes)
            entries.append(Entry(name: name, key: key, isUnique: cursor.takeIf(",1")))
            try cursor.take("]")
        }
        try cursor.take(",")
        if isAlone { return cursor.skipToEnd() }
        _ = try cursor.skipValue()
        if cursor.takeIf(",") { _ = try cursor.skipValue() }
        try cursor.take("]")
    }
}

extension LaneTable.Kept {
    /// Appends the JSON: `[integration, subject, tenant, class, tail, due, starts]`.
    func append(to bytes: inout [UInt8]) {
        bytes.append(text: "[")
        bytes.append(json: id.integration)
        bytes.append(text: ",")
        bytes.append(json: id.subject)
        bytes.append(text: ",")
        bytes.append(json: tenant)
        bytes.append(text: ",")
        bytes.append(json: workClass.rawValue)
        bytes.append(text: ",")
        bytes.append(json: tail)
        bytes.append(text: ",")
        bytes.append(json: due?.wholeMilliseconds)
        bytes.append(text: ",")
        bytes.append(json: Int64(starts))
        bytes.append(text: "]")
    }
}

/// What became of a lane: it is as it says, or gone.
struct FileLane: Sendable {
    var id: LaneID
    var kept: LaneTable.Kept?

    /// Appends the JSON: a lane, or `[integration, subject]` of one that is gone.
    func append(to bytes: inout [UInt8]) {
        if let kept { return kept.append(to: &bytes) }
        bytes.append(text: "[")
        bytes.append(json: id.integration)
        bytes.append(text: ",")
        bytes.append(json: id.subject)
        bytes.append(text: "]")
    }
}

extension FileLane {
    /// Reads the JSON.
    init(from cursor: inout JSONCursor) throws {
        try cursor.take("[")
        let integration = try cursor.string()
        try cursor.take(",")
        id = LaneID(integration: integration, subject: try cursor.string())
        if cursor.takeIf(",") {
            let tenant = try cursor.string()
            try cursor.take(",")
            guard let workClass = WorkClass(rawValue: try cursor.string()) else { throw JSONCursor.Malformed() }
            try cursor.take(",")
            let tail = try cursor.integer()
            try cursor.take(",")
            let due = try cursor.optionalInteger()
            try cursor.take(",")
            kept = LaneTable.Kept(
                id: id,
                tenant: tenant,
                workClass: workClass,
                tail: tail,
                due: due.map { .milliseconds($0) },
                starts: Int(try cursor.integer())
            )
        }
        try cursor.take("]")
    }
}

extension Duration {
    /// The duration in whole milliseconds, rounded down; beyond 64 bits it saturates.
    var wholeMilliseconds: Int64 {
        let (seconds, rest) = components
        let whole = seconds.multipliedReportingOverflow(by: 1000)
        let sum = whole.partialValue.addingReportingOverflow(rest / 1_000_000_000_000_000)
        return whole.overflow || sum.overflow ? (seconds > 0 ? .max : .min) : sum.partialValue
    }
}
