// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension IntegrationManager {
    private static let exportPage = 500

    /// Exports the log of an integration, oldest first.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - from: The date from which entries are wanted; nil: all that is kept.
    ///   - until: The date before which entries are wanted; nil: until now.
    ///   - format: How the export is written.
    /// - Returns: The pages.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func exportLogs(
        of id: String,
        from: Date? = nil,
        until: Date? = nil,
        as format: ExportFormat
    ) async throws -> ExportPages {
        let integration = try await load(id)
        let lower = RowKey.join(id, RowKey.time(from ?? Date(milliseconds: 0)))
        let upper = RowKey.join(id, RowKey.time(until ?? core.now().addingTimeInterval(86_400)))
        return ExportPages(
            format: format,
            columns: [
                "date", "integration", "integration_name", "happening", "kind", "host_kind", "host_id", "remote_id",
                "event", "message", "error_code", "error", "remedy",
            ]
        ) { [self] after in
            guard lower < upper else { return ExportPages.Page(lines: []) }
            let rows = try await core.store.rows(
                matching: RowQuery(
                    "log.integration",
                    range: lower..<upper,
                    after: after,
                    limit: IntegrationManager.exportPage
                )
            )
            let lines = try rows.map { row in
                let entry = try entry(row, integration.keys)
                return [
                    ISO8601.string(from: entry.date, alwaysMilliseconds: true), id, integration.record.name,
                    entry.kind.rawValue, entry.recordKind?.rawValue ?? "", entry.record?.kind ?? "",
                    entry.record?.id ?? "", entry.remote?.value ?? "", entry.event ?? "", entry.message,
                    entry.error?.code.rawValue ?? "", entry.error?.message ?? "",
                    entry.error?.remedy.text(in: "en") ?? "",
                ]
            }
            return ExportPages.Page(lines: lines, next: IntegrationManager.next(rows, "log.integration"))
        }
    }

    /// Exports the jobs of an integration that wait for a person, oldest first.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - format: How the export is written.
    ///   - language: The language of what is to be done.
    /// - Returns: The pages.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func exportDeadLetters(
        of id: String,
        as format: ExportFormat,
        language: String = "en"
    ) async throws -> ExportPages {
        let integration = try await load(id)
        return ExportPages(
            format: format,
            columns: [
                "id", "since", "integration", "integration_name", "kind", "host_kind", "host_id", "event",
                "error_code", "error", "remedy", "candidates",
            ]
        ) { [self] after in
            let rows = try await core.store.rows(
                matching: RowQuery(
                    "job.state",
                    keys: [RowKey.join(id, "blocked")],
                    after: after,
                    limit: IntegrationManager.exportPage
                )
            )
            let lines = try rows.compactMap { row -> [String]? in
                guard let letter = DeadLetter(try Row<SyncJob>(row), of: id) else { return nil }
                return [
                    letter.id, ISO8601.string(from: letter.since, alwaysMilliseconds: true), id,
                    integration.record.name, letter.kind.rawValue, letter.record?.kind ?? "",
                    letter.record?.id ?? "", letter.event ?? "", letter.reason.code.rawValue, letter.reason.message,
                    letter.reason.remedy.text(in: language), letter.candidates.map(\.value).joined(separator: " "),
                ]
            }
            return ExportPages.Page(lines: lines, next: IntegrationManager.next(rows, "job.state"))
        }
    }

    /// Where the page after a full one begins; nil: it was the last.
    private static func next(_ rows: [StoredRow], _ index: String) -> PageKey? {
        guard rows.count == exportPage, let last = rows.last,
            let key = last.content.indexes.first(where: { $0.name == index })?.key
        else { return nil }
        return PageKey(key: key, created: last.created)
    }
}

extension DeadLetter {
    /// The dead letter that a job is; nil if it waits for nobody.
    init?(_ row: Row<SyncJob>, of integration: String) {
        guard case .blocked(let reason) = row.record.state else { return nil }
        self.init(
            id: row.id.key,
            integration: integration,
            event: row.record.event,
            record: row.record.record,
            kind: row.record.kind,
            since: reason.since,
            reason: reason.error,
            candidates: reason.candidates
        )
    }
}
