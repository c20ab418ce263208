// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Something that went wrong and lasts: one, however many records wait because of it.
public struct SyncIncident: Hashable, Sendable {
    /// What is concerned, such as `platform`, `sign-in` or `refused:contact:refused`.
    public var cause: String
    /// The kind of record, if only one is concerned.
    public var kind: RecordKind?
    /// Since when.
    public var since: Date
    /// What went wrong first, and what to do.
    public var error: IntegrationError
}

/// An incident as it is kept.
struct IncidentRecord: Codable, Hashable, Sendable {
    var kind: RecordKind?
    var since: Date
    var error: IntegrationError
}

/// What an incident is about, as its key.
enum IncidentCause {
    static let platform = "platform"
    static let signIn = "sign-in"
    static let application = "application"

    static func kind(_ kind: RecordKind) -> String { "kind:" + kind.rawValue }
    static func held(_ kind: RecordKind) -> String { "guard:" + kind.rawValue }
    static func refused(_ kind: RecordKind, _ code: IntegrationError.Code) -> String {
        "refused:\(kind.rawValue):\(code.rawValue)"
    }
}

extension LaneWorker {
    /// Remembers what went wrong until the round ends.
    func note(_ cause: String, kind: RecordKind? = nil, _ error: IntegrationError) {
        integration.incidents.withLock { noted in
            guard noted[cause] == nil else { return }
            noted[cause] = IncidentRecord(kind: kind, since: core.now(), error: error)
        }
    }

    /// Opens the round's incidents that are not open yet, and closes those that are over: told once each, also by
    /// several processes.
    func settleIncidents() async throws {
        let noted = integration.incidents.withLock { $0 }
        let known = integration.status.incidents ?? [:]
        guard noted.contains(where: { known[$0.key] == nil }) || known.contains(where: { noted[$0.key] == nil }) else {
            return
        }
        var deadLetters = 0
        if known.keys.contains(where: { $0.hasPrefix("refused:") }) {
            deadLetters = try await core.store.count(
                matching: RowQuery("job.state", keys: [RowKey.join(integration.id, "blocked")]),
                upTo: 1
            )
        }
        var held: Set<RecordKind> = []
        if known.keys.contains(where: { $0.hasPrefix("guard:") }) {
            held = Set(try await core.heldChanges(of: integration.id).map(\.kind))
        }
        let hasAnswered = integration.answered.withLock { $0 }
        for _ in 0..<8 {
            guard let row = try await core.store.record(IntegrationStatus.self, integration.id) else { return }
            var status = row.record
            var open = status.incidents ?? [:]
            let opened = noted.filter { open[$0.key] == nil }
            let closed = open.filter { cause, incident in
                guard noted[cause] == nil else { return false }
                if cause.hasPrefix("refused:") { return deadLetters == 0 }
                if let kind = incident.kind, cause == IncidentCause.held(kind) { return !held.contains(kind) }
                if let kind = incident.kind, cause == IncidentCause.kind(kind) { return status.suspended[kind] == nil }
                return hasAnswered
            }
            guard !opened.isEmpty || !closed.isEmpty else { return }
            for cause in closed.keys { open[cause] = nil }
            open.merge(opened) { first, _ in first }
            status.incidents = open
            let events =
                opened.map { incident(.incidentOpened, $0.key, $0.value, $0.value.error.message) }
                + closed.map { incident(.incidentClosed, $0.key, $0.value, "It is over: \($0.value.error.message)") }
            var changes = Changes(
                id: core.random.uuid(),
                requires: [.revision(row.id, row.revision), integration.fenceRequirement],
                puts: [
                    try status.content(key: integration.id, tenant: integration.tenant, integration: integration.id)
                ]
            )
            for event in events { changes.puts.append(try LogRecord.row(event, integration: integration, core: core)) }
            try await tellEndpoints(events, by: &changes)
            do {
                try await core.commit(changes)
                for event in events { core.observe(event) }
                return
            } catch StoreFailure.conflict(let failed, _) {
                if failed.contains(integration.fenceRequirement) { return }
            }
        }
    }

    private func incident(
        _ kind: IntegrationEvent.Kind,
        _ cause: String,
        _ incident: IncidentRecord,
        _ message: String
    ) -> IntegrationEvent {
        IntegrationEvent(
            kind,
            date: core.now(),
            tenant: integration.tenant,
            integration: integration.id,
            platform: integration.record.platform,
            recordKind: incident.kind,
            error: incident.error,
            message: "\(integration.record.name), \(cause): \(message)"
        )
    }
}

extension IntegrationManager {
    /// Returns what goes wrong in an integration now, the oldest first.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The incidents.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func incidents(of id: String) async throws -> [SyncIncident] {
        (try await load(id).status.incidents ?? [:]).map {
            SyncIncident(cause: $0.key, kind: $0.value.kind, since: $0.value.since, error: $0.value.error)
        }.sorted { ($0.since, $0.cause) < ($1.since, $1.cause) }
    }

    /// Returns what an integration did day by day, oldest first, what is not stored yet included.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - days: How many days to look back, today included.
    /// - Returns: The days on which something happened.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func activity(of id: String, days: Int = 30) async throws -> [ActivityDay] {
        _ = try await load(id)
        let first = ISO8601.day(of: core.now().addingTimeInterval(-86_400 * Double(max(days, 1) - 1)), in: .gmt)
        var records = core.meter.pending(id).filter { $0.key >= first }
        for row in try await core.store.records(
            ActivityRecord.self,
            matching: RowQuery(
                "activity.integration",
                range: RowKey.join(id, first)..<RowKey.join(id, "~"),
                limit: max(days, 1) + 1
            )
        ) {
            guard let day = RowKey.parts(row.id.key).last else { continue }
            records[day, default: ActivityRecord()].merge(row.record)
        }
        return records.sorted { $0.key < $1.key }.map { ActivityDay($0.key, $0.value) }
    }
}
