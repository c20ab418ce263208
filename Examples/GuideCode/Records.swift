// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

// snippet: host-records
/// The host's own table of prospects, as the library sees it.
actor ProspectRecords: HostRecords {
    private var rows: [String: HostRecord] = [:]
    private var done: [String: HostReference] = [:]

    func current(_ records: [HostReference]) -> [HostReference: HostRecord] {
        var found: [HostReference: HostRecord] = [:]
        for record in records { found[record] = rows[record.id] }
        return found
    }

    func apply(_ changes: [InboundChange]) -> [InboundOutcome] {
        changes.map(apply)
    }

    private func apply(_ change: InboundChange) -> InboundOutcome {
        let name = "\(change.integration) \(change.remote.value)"
        guard let record = done[name] ?? change.host else { return .refused(IntegrationError(.notFound, "No record.")) }
        if let expected = change.expecting, rows[record.id]?.revision != expected { return .stale }
        switch change.action {
        case .create, .update:
            var row = rows[record.id] ?? HostRecord(fields: [:], revision: "0")
            row.fields.merge(change.fields) { $1 }
            row.revision = String((Int(row.revision ?? "") ?? 0) + 1)
            rows[record.id] = row
            done[name] = record
        case .delete:
            rows[record.id] = nil
        case .merge, .privacy:
            break  // show it to a person
        }
        return .applied(record, stored: rows[record.id])
    }
}
// end

func enqueue(_ coordinator: SyncCoordinator) async throws {
    // snippet: enqueue
    let receipt = try await coordinator.enqueue(
        DomainEvent(
            .callCompleted,
            id: "evt-9",
            of: "call-77",
            for: "tenant-42",
            fields: [
                "started_at": .instant(.now), "direction": "outbound", "duration": .seconds(184),
                "status": "completed", "summary": "Parlé du prix",
            ],
            related: [RelatedRecord("prospect", "prospect_123", fields: ["email": "zoe@example.fr"])],
            occurredAt: .now
        )
    )
    for line in receipt.lines { print(line.event, line.queued, line.known, line.skipped) }
    // end
}

func read(_ file: URL, _ coordinator: SyncCoordinator) async throws {
    // snippet: read-lines
    var events: [DomainEvent] = []
    for line in DomainEvent.read(lines: try Data(contentsOf: file)) {
        switch line.result {
        case .success(let event): events.append(event)
        case .failure(let error): print(error.message)  // names the line and what is wrong with it
        }
    }
    try await coordinator.enqueue(events)
    // end
}
