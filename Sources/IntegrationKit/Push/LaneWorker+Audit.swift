// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A create that went out again after an attempt of unknown outcome: the first one may have made a record all the same.
struct AuditRecord: StoredRecord {
    static let type = "audit"
    var host: HostReference
    var kind: RecordKind
    var event: String?
    /// Sealed ``RecordWrite``.
    var write: Data
    /// How often it was looked for.
    var looks = 0
    /// The second records that were told of.
    var told: [RemoteID] = []

    /// How long after the repeat, and after the look before, it is looked for.
    static let waits: [Duration] = [.seconds(3600), .seconds(23 * 3600)]
    /// How long it is remembered at the most, whatever keeps the integration from looking.
    private static let keep = Duration.seconds(30 * 86_400)

    static func context(_ key: String, _ integration: LoadedIntegration) -> SealContext {
        SealContext(
            tenant: integration.tenant,
            integration: integration.id,
            recordType: type,
            recordKey: key,
            purpose: "row"
        )
    }

    /// What to put: it stands in a lane of its own, which wakes when the look is due.
    func row(_ key: String, _ integration: LoadedIntegration) throws -> RowContent {
        try content(
            key: key,
            tenant: integration.tenant,
            integration: integration.id,
            indexes: [
                IndexEntry(LaneID.indexName, LaneID.audit(key, in: integration.id).indexKey),
                IndexEntry("record", RowKey.join(host.tenant, host.kind, host.id)),
            ],
            keep: Self.keep
        )
    }
}

extension LaneID {
    /// The lane of the looks for a second record, by the job that may have made it.
    static func audit(_ job: String, in integration: String) -> LaneID {
        LaneID(integration: integration, subject: RowKey.join("audit", job))
    }

    var isAudit: Bool { subject.hasPrefix("audit|") }
}

extension LaneWorker {
    /// Notes, with the attempt that repeats a create, that the first one may still surface.
    func planAudit(_ sending: Sending, _ attempt: Attempt, in commit: inout LaneCommit) throws {
        if case .keyed = attempt.safety { return }
        guard attempt.number > 1, attempt.earlierUnknown, sending.write.operation == .create else { return }
        let key = sending.head.id.key
        let write = try RecordCoding.encode(sending.write)
        let audit = AuditRecord(
            host: sending.host,
            kind: sending.write.kind,
            event: sending.head.record.event,
            write: try integration.keys.seal(write, in: AuditRecord.context(key, integration))
        )
        commit.puts.append(try audit.row(key, integration))
        commit.touches.append(
            LaneTouch(
                .audit(key, in: integration.id),
                tenant: integration.tenant,
                workClass: .bulk,
                after: AuditRecord.waits[0]
            )
        )
    }

    /// Looks whether repeated creates made a second record, and tells of each once; nothing is deleted.
    func audit(_ lanes: [ClaimedLane]) async throws {
        guard !lanes.isEmpty else { return }
        do {
            for chunk in lanes.chunked(by: 100) { try await look(for: chunk) }
        } catch let error as IntegrationError where error.code != .storeFailed {
            tally.add(error)
            try await release(lanes, after: try await holdBack(error, kind: nil))
        }
    }

    private func release(_ lanes: [ClaimedLane], after: Duration?) async throws {
        let releases = lanes.map { LaneRelease($0.lease, seenTail: $0.tail, dueAfter: after) }
        try await core.commit(Changes(id: core.random.uuid(), releases: releases))
    }

    private func look(for lanes: [ClaimedLane]) async throws {
        var audits: [(lane: ClaimedLane, row: Row<AuditRecord>, write: RecordWrite)] = []
        for lane in lanes {
            guard let stored = lane.jobs.first else {
                try await release([lane], after: nil)
                continue
            }
            let row = try Row<AuditRecord>(stored)
            let context = AuditRecord.context(row.id.key, integration)
            let bytes = try integration.keys.open(row.record.write, in: context)
            audits.append((lane, row, try RecordCoding.decode(RecordWrite.self, from: bytes)))
        }
        guard !audits.isEmpty else { return }
        let session = integration.session("look for second records")
        let found = try await integration.provider.lookUp(audits.map(\.write), in: session)
        guard found.count == audits.count else { throw miscount("lookUp") }
        let links = try await core.store.records(
            RecordLink.self,
            audits.map { RecordLink.key($0.row.record.host, in: integration.id) }
        )
        let strays = try await core.store.records(Stray.self, audits.map(\.row.id.key))
        for (audit, result) in zip(audits, found) {
            let link = links[RecordLink.key(audit.row.record.host, in: integration.id)]?.record
            try await conclude(audit.lane, audit.row, result, link, stray: strays[audit.row.id.key]?.record.remote)
        }
    }

    private func conclude(
        _ lane: ClaimedLane,
        _ row: Row<AuditRecord>,
        _ result: LookupResult,
        _ link: RecordLink?,
        stray: RemoteID?
    ) async throws {
        var seen = [stray].compactMap(\.self)
        switch result {
        case .found(let record, _): seen.append(record.id)
        case .several(let ids): seen += ids
        case .absent, .undecidable: break
        case .tooEarly(let wait):
            try await release([lane], after: wait)
            return
        }
        var audit = row.record
        var events: [IntegrationEvent] = []
        // A record that is not linked yet is what the job itself still looks for.
        if let link, link.isLinked, let linked = link.remote {
            let known = Set([linked] + link.formerIDs + audit.told)
            for second in Set(seen).subtracting(known).sorted(by: { $0.value < $1.value }) {
                audit.told.append(second)
                events.append(
                    IntegrationEvent(
                        .duplicateFound,
                        date: core.now(),
                        tenant: integration.tenant,
                        integration: integration.id,
                        platform: integration.record.platform,
                        recordKind: audit.kind,
                        record: audit.host,
                        remote: second,
                        event: audit.event,
                        message: "The platform has the record twice: \(second.value) beside \(linked.value)."
                    )
                )
            }
        }
        audit.looks += 1
        let isOver = audit.looks >= AuditRecord.waits.count
        var changes = Changes(
            id: core.random.uuid(),
            requires: [.lease(lane.lease.lane, token: lane.lease.token), integration.fenceRequirement]
        )
        changes.puts = try events.map { try LogRecord.row($0, integration: integration, core: core) }
        if isOver { changes.deletes = [row.id] } else { changes.puts.append(try audit.row(row.id.key, integration)) }
        let dueAfter = isOver ? nil : AuditRecord.waits[audit.looks]
        changes.releases = [LaneRelease(lane.lease, seenTail: lane.tail, dueAfter: dueAfter)]
        do {
            try await core.commit(changes)
            for event in events { core.observe(event) }
        } catch StoreFailure.conflict {
            // Somebody else holds the lane, or the integration was stopped: whoever has it next looks again.
            try await release([lane], after: .seconds(60))
        }
    }
}
