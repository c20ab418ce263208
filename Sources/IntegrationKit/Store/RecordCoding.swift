// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A record of the engine, kept as a row's JSON body.
protocol StoredRecord: StoredValue {
    /// The type under which its rows stand.
    static var type: String { get }
}

/// A record with the numbers of its row.
struct Row<Record: StoredRecord>: Sendable {
    var id: RowID
    var record: Record
    var revision: Int64
    var created: Int64

    /// Decodes a row.
    init(_ stored: StoredRow) throws {
        id = stored.content.id
        record = try RecordCoding.decode(Record.self, from: stored.content.body)
        revision = stored.revision
        created = stored.created
    }
}

/// Turns records into JSON and back: keys sorted, dates in whole milliseconds.
enum RecordCoding {
    static func encode(_ value: some StoredValue) throws -> Data {
        var text = RecordText()
        try value.write(to: &text)
        return Data(text.bytes)
    }

    static func decode<Value: StoredValue>(_ type: Value.Type, from data: Data) throws -> Value {
        do {
            return try Value(reading: JSONValue(parsing: data, limits: .init(depth: 512, bytes: .max)))
        } catch {
            throw IntegrationError(
                .storeFailed,
                "A stored \(type) cannot be read.",
                remedy: LocalizedText(
                    "Run the version of the library that wrote the store, or repair the store.",
                    fr: "Utilisez la version de la bibliothèque qui a écrit les données, ou réparez-les."
                ),
                concerns: .application
            )
        }
    }
}

extension RecordCoding {
    /// Whether a type is one of the integers, which stand in JSON by their digits.
    static func isInteger(_ type: Any.Type) -> Bool {
        type == Int64.self || type == UInt64.self || type == Int32.self || type == UInt32.self || type == Int.self
            || type == UInt.self || type == Int16.self || type == UInt16.self || type == Int8.self
            || type == UInt8.self
    }
}

extension StoredRecord {
    /// The id of the row with a key.
    static func rowID(_ key: String) -> RowID { RowID(type: type, key: key) }

    /// What to put to store the record.
    func content(
        key: String,
        tenant: String,
        integration: String? = nil,
        indexes: [IndexEntry] = [],
        keep: Duration? = nil
    ) throws -> RowContent {
        RowContent(
            id: Self.rowID(key),
            tenant: tenant,
            integration: integration,
            indexes: indexes,
            body: try RecordCoding.encode(self),
            keep: keep
        )
    }
}

extension IntegrationStore {
    /// Reads one record.
    func record<Record: StoredRecord>(_ type: Record.Type, _ key: String) async throws -> Row<Record>? {
        let id = Record.rowID(key)
        return try await rows([id])[id].map { try Row($0) }
    }

    /// Reads records by key.
    func records<Record: StoredRecord>(_ type: Record.Type, _ keys: [String]) async throws -> [String: Row<Record>] {
        guard !keys.isEmpty else { return [:] }
        var found: [String: Row<Record>] = [:]
        for (id, row) in try await rows(keys.map(Record.rowID)) {
            found[id.key] = try Row(row)
        }
        return found
    }

    /// Reads records by an index.
    func records<Record: StoredRecord>(_ type: Record.Type, matching query: RowQuery) async throws -> [Row<Record>] {
        try await rows(matching: query).filter { $0.content.id.type == Record.type }.map { try Row($0) }
    }
}
