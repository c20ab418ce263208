// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Reconciler {
    /// Makes host records of records that nobody knows.
    func create(
        _ records: [(RemoteRecord, HostReference?)],
        readAt: Date,
        sweep: Int32?
    ) async throws -> [RecordCommit] {
        guard let host = worker.host, integration.delivers else { return [] }
        let known = try await core.store.records(InboundIntent.self, records.map { intentKey($0.0) })
        var changes: [(RemoteRecord, FieldMapper, InboundChange)] = []
        var intents: [RowContent] = []
        for (record, former) in records {
            guard let hostKind = former?.kind ?? integration.mapping(for: record.id.kind)?.hostKind,
                let mapper = integration.mapper(hostKind, record.id.kind)
            else { continue }
            let fields = mapper.inbound(record.fields).values.filter { $0.value != .empty }
            let key = intentKey(record)
            let proposed =
                known[key]?.record.proposed
                ?? former
                ?? HostReference(
                    tenant: integration.tenant,
                    kind: hostKind,
                    id: core.random.uuid().uuidString.lowercased()
                )
            if known[key] == nil {
                intents.append(
                    try InboundIntent(kind: record.id.kind, since: core.storeNow(), proposed: proposed).content(
                        key: key,
                        tenant: integration.tenant,
                        integration: integration.id,
                        indexes: [IndexEntry("intent.kind", RowKey.join(integration.id, record.id.kind.rawValue))],
                        keep: .seconds(86_400)
                    )
                )
            }
            let change = InboundChange(
                integration: integration.id,
                action: .create,
                remote: record.id,
                version: record.version,
                host: proposed,
                fields: fields
            )
            changes.append((record, mapper, change))
        }
        guard !changes.isEmpty else { return [] }
        // Whoever proposes first names the record, also for a second process that met it at the same time.
        let requires = Set(intents.map { Requirement.absent($0.id) }).union([integration.fenceRequirement])
        do {
            try await core.commit(Changes(id: core.random.uuid(), requires: requires, puts: intents))
        } catch StoreFailure.conflict(let failed, _) {
            guard !failed.contains(integration.fenceRequirement) else { throw CancellationError() }
            return try await create(records, readAt: readAt, sweep: sweep)
        }
        let outcomes = try await worker.apply(changes.map(\.2), to: host)
        var references: [HostReference] = []
        for case .applied(let reference, _) in outcomes { references.append(reference) }
        let existing = try await core.store.records(
            RecordLink.self,
            references.map { RecordLink.key($0, in: integration.id) }
        )
        let keys = changes.flatMap { integration.naturalKeys($0.0.fields, kind: $0.0.id.kind) }
        let taken = Set(try await core.store.records(NaturalKey.self, keys).keys)
        var commits: [RecordCommit] = []
        for ((record, mapper, change), outcome) in zip(changes, outcomes) {
            switch outcome {
            case .applied(let reference, let stored):
                commits.append(
                    try link(
                        record,
                        mapper,
                        change,
                        reference,
                        stored,
                        existing: existing[RecordLink.key(reference, in: integration.id)],
                        taken: taken,
                        readAt: readAt,
                        sweep: sweep
                    )
                )
            case .stale, .refused:
                var commit = try refetch(record.id, nil, after: .seconds(60))
                commit.deletes = [InboundIntent.rowID(intentKey(record))]
                if case .refused(let error) = outcome { commit.events = [refusedByHost(change, error)] }
                commits.append(commit)
            }
        }
        return commits
    }

    private func intentKey(_ record: RemoteRecord) -> String {
        RecordLink.remoteKey(record.id, in: integration.id)
    }

    private func link(
        _ record: RemoteRecord,
        _ mapper: FieldMapper,
        _ change: InboundChange,
        _ reference: HostReference,
        _ stored: HostRecord?,
        existing: Row<RecordLink>?,
        taken: Set<String>,
        readAt: Date,
        sweep: Int32?
    ) throws -> RecordCommit {
        var commit = RecordCommit(remote: record.id, host: reference)
        commit.deletes = [InboundIntent.rowID(intentKey(record))]
        if let existing, existing.record.isLinked {
            commit.events = [
                IntegrationEvent(
                    .duplicateFound,
                    date: core.now(),
                    tenant: integration.tenant,
                    integration: integration.id,
                    platform: integration.record.platform,
                    recordKind: record.id.kind,
                    record: reference,
                    remote: record.id,
                    message:
                        "The host names a record that is linked to another record of the platform; this one stays unlinked."
                )
            ]
            return commit
        }
        let key = RecordLink.key(reference, in: integration.id)
        let ledger = Ledger(keys: integration.keys, link: key)
        var link = existing?.record ?? worker.freshLink(reference, kind: record.id.kind, incarnation: 0)
        link.remote = record.id
        link.formerIDs = record.formerIDs
        link.state = .linked
        link.linkedAt = core.now()
        link.version = record.version
        link.readAt = readAt
        link.digest = worker.digest(of: record, key, mapper)
        link.seenSweep = sweep ?? 0
        link.tags = mapper.inbound(record.fields).mapped.values.map { mapped in
            FieldTag(
                rule: mapped.ruleID,
                host: ledger.tag(mapped.ruleID, stored?.fields[mapped.rule.host] ?? mapped.value),
                remote: ledger.tag(mapped.ruleID, mapped.source),
                confirmed: true
            )
        }.sorted { $0.rule < $1.rule }
        let owned = try worker.naturalKeyRows(record.fields, kind: record.id.kind, host: reference)
            .filter { !taken.contains($0.id.key) }
        link.naturalKeys = owned.map(\.id.key)
        commit.requires = [existing.map { .revision($0.id, $0.revision) } ?? .absent(RecordLink.rowID(key))]
        commit.requires.formUnion(owned.map { .absent($0.id) })
        commit.puts = owned + [try link.row(key, tenant: integration.tenant, integration: integration.id)]
        var event = delivered(change, nil)
        event.record = reference
        commit.events = [event]
        return commit
    }
}
