// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import IntegrationKit

/// The work of ``StoreWorkload`` on SQLite: the same rows, index entries, requirements and leases, each step one
/// transaction that is synced before it is acknowledged.
struct SQLiteYardstick: Sendable {
    private let database: DatabaseQueue

    init(file: URL) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        }
        database = try DatabaseQueue(path: file.path, configuration: configuration)
        try database.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE rows (
                        created INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL, type TEXT NOT NULL,
                        key TEXT NOT NULL, tenant TEXT NOT NULL, integration TEXT, body BLOB NOT NULL, keep REAL,
                        UNIQUE (type, key));
                    CREATE TABLE entries (
                        name TEXT NOT NULL, key TEXT NOT NULL, created INTEGER NOT NULL, isUnique INTEGER NOT NULL,
                        PRIMARY KEY (name, key, created)) WITHOUT ROWID;
                    CREATE INDEX entriesOfRow ON entries (created);
                    CREATE UNIQUE INDEX oneOwner ON entries (name, key) WHERE isUnique;
                    CREATE TABLE lanes (
                        integration TEXT NOT NULL, subject TEXT NOT NULL, tenant TEXT NOT NULL, tail INTEGER NOT NULL,
                        due REAL, token INTEGER, leasedUntil REAL, PRIMARY KEY (integration, subject)) WITHOUT ROWID;
                    CREATE INDEX dueLanes ON lanes (due);
                    """
            )
        }
        let (journal, synchronous) = try database.read { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
        precondition(journal == "wal" && synchronous == 2, "SQLite does not sync each commit.")
    }

    func fill(_ range: Range<Int>) async throws {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 10_000) {
            try await database.write { database in
                for number in start..<min(start + 10_000, range.upperBound) {
                    try SQLiteYardstick.insert(StoreWorkload.link(number), in: database)
                }
            }
        }
    }

    func enqueue(_ numbers: Range<Int>) async throws {
        try await database.write { database in
            for number in numbers {
                let (content, lane) = StoreWorkload.job(number)
                let created = try SQLiteYardstick.insert(content, in: database)
                try database.cachedStatement(
                    sql: """
                        INSERT INTO lanes (integration, subject, tenant, tail, due) VALUES (?, ?, ?, ?, ?)
                        ON CONFLICT DO UPDATE SET tail = excluded.tail, due = min(due, excluded.due)
                        """
                ).execute(
                    arguments: [lane.integration, lane.subject, "tenant", created, SQLiteYardstick.now])
            }
        }
    }

    /// Claims up to 100 lanes in one transaction and finishes their jobs in another.
    func claimAndComplete() async throws -> Int {
        let claimed = try await database.write { database -> [(LaneID, String)] in
            let now = SQLiteYardstick.now
            let rows = try Row.fetchAll(
                try database.cachedStatement(
                    sql: "SELECT integration, subject FROM lanes WHERE due <= ? ORDER BY due LIMIT ?"
                ),
                arguments: [now, StoreWorkload.batch]
            )
            return try rows.flatMap { row -> [(LaneID, String)] in
                let lane = LaneID(integration: row[0], subject: row[1])
                try database.cachedStatement(
                    sql: """
                        UPDATE lanes SET due = NULL, token = coalesce(token, 0) + 1, leasedUntil = ?
                        WHERE integration = ? AND subject = ?
                        """
                ).execute(arguments: [now + 120, lane.integration, lane.subject])
                let jobs = try Row.fetchAll(
                    try database.cachedStatement(
                        sql: """
                            SELECT rows.key, rows.body FROM entries JOIN rows USING (created)
                            WHERE entries.name = 'lane' AND entries.key = ? ORDER BY entries.created
                            """
                    ),
                    arguments: [lane.indexKey]
                )
                return jobs.map { (lane, $0[0]) }
            }
        }
        try await database.write { database in
            for (lane, key) in claimed {
                let token = try Int.fetchOne(
                    try database.cachedStatement(
                        sql: "SELECT token FROM lanes WHERE integration = ? AND subject = ? AND leasedUntil > ?"
                    ),
                    arguments: [lane.integration, lane.subject, SQLiteYardstick.now]
                )
                guard token != nil, let number = StoreWorkload.number(of: RowID(type: "job", key: key)) else {
                    continue
                }
                try SQLiteYardstick.replace(StoreWorkload.job(number, isFinished: true).content, in: database)
                try database.cachedStatement(sql: "DELETE FROM lanes WHERE integration = ? AND subject = ?")
                    .execute(arguments: [lane.integration, lane.subject])
            }
        }
        return claimed.count
    }

    private static var now: Double { Date().timeIntervalSince1970 }

    /// Inserts a row that must not be there; another one with its key makes it fail.
    @discardableResult
    private static func insert(_ content: RowContent, in database: Database) throws -> Int64 {
        try database.cachedStatement(
            sql: "INSERT INTO rows (revision, type, key, tenant, integration, body, keep) VALUES (1, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            content.id.type, content.id.key, content.tenant, content.integration, content.body,
            content.keep.map { now + $0 / .seconds(1) },
        ])
        let created = database.lastInsertedRowID
        try insertEntries(of: content, created, in: database)
        return created
    }

    private static func replace(_ content: RowContent, in database: Database) throws {
        guard
            let created = try Int64.fetchOne(
                try database.cachedStatement(sql: "SELECT created FROM rows WHERE type = ? AND key = ?"),
                arguments: [content.id.type, content.id.key]
            )
        else { return }
        try database.cachedStatement(
            sql: "UPDATE rows SET revision = revision + 1, body = ?, keep = ? WHERE created = ?"
        ).execute(arguments: [content.body, content.keep.map { now + $0 / .seconds(1) }, created])
        try database.cachedStatement(sql: "DELETE FROM entries WHERE created = ?").execute(arguments: [created])
        try insertEntries(of: content, created, in: database)
    }

    private static func insertEntries(of content: RowContent, _ created: Int64, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT INTO entries (name, key, created, isUnique) VALUES (?, ?, ?, ?)"
        )
        for entry in content.indexes {
            try statement.execute(arguments: [entry.name, entry.key, created, entry.isUnique])
        }
    }
}
