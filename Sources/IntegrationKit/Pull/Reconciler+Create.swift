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
        var changes: [(RemoteRecord, FieldMapper, MappedFields, InboundChange)] = []
        for (record, former) in records {
            guard let hostKind = former?.kind ?? integration.mapping(for: record.id.kind)?.hostKind,
                let mapper = integration.mapper(hostKind, record.id.kind)
            else { continue }
            let mapped = mapper.inbound(record.fields)
            let change = InboundChange(
                integration: integration.id,
                action: .create,
                remote: record.id,
                version: record.version,
                host: former ?? proposed(record, hostKind),
                fields: mapped.values.filter { $0.value != .empty }
            )
            changes.append((record, mapper, mapped, change))
        }
        guard !changes.isEmpty else { return [] }
        let intents = try await begin(Set(changes.map(\.0.id.kind)))
        let outcomes = try await worker.apply(changes.map(\.3), to: host)
        var references: [HostReference] = []
        for case .applied(let reference, _) in outcomes { references.append(reference) }
        let existing = try await core.store.records(
            RecordLink.self,
            references.map { RecordLink.key($0, in: integration.id) }
        )
        let keys = changes.flatMap { integration.naturalKeys($0.0.fields, kind: $0.0.id.kind) }
        let taken = Set(try await core.store.records(NaturalKey.self, keys).keys)
        var commits = [RecordCommit(remote: changes[0].0.id, deletes: intents)]
        for ((record, mapper, mapped, change), outcome) in zip(changes, outcomes) {
            switch outcome {
            case .applied(let reference, let stored):
                commits.append(
                    try link(
                        record,
                        mapper,
                        mapped,
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
                if case .refused(let error) = outcome { commit.events = [refusedByHost(change, error)] }
                commits.append(commit)
            }
        }
        return commits
    }

    /// The host's record that is proposed for a stranger: the same to whoever meets it, however often.
    private func proposed(_ record: RemoteRecord, _ hostKind: String) -> HostReference {
        let place = Data(RecordLink.remoteKey(record.id, in: integration.id).utf8)
        let id = RandomSource.uuid(from: [UInt8](integration.keys.digest("proposed", place)), version: 8)
        return HostReference(tenant: integration.tenant, kind: hostKind, id: id.uuidString.lowercased())
    }

    /// Notes that host records are about to be made of records of these kinds.
    ///
    /// - Returns: The notes, to be deleted with the commit of what was made.
    private func begin(_ kinds: Set<RecordKind>) async throws -> [RowID] {
        let intents = try kinds.map { kind in
            try InboundIntent(kind: kind, since: core.storeNow()).content(
                key: RowKey.join(integration.id, kind.rawValue, core.random.uuid().uuidString),
                tenant: integration.tenant,
                integration: integration.id,
                indexes: [IndexEntry("intent.kind", RowKey.join(integration.id, kind.rawValue))],
                keep: .seconds(86_400)
            )
        }
        do {
            try await core.commit(
                Changes(id: core.random.uuid(), requires: [integration.fenceRequirement], puts: intents)
            )
        } catch StoreFailure.conflict {
            throw CancellationError()
        }
        return intents.map(\.id)
    }

    private func link(
        _ record: RemoteRecord,
        _ mapper: FieldMapper,
        _ mapped: MappedFields,
        _ change: InboundChange,
        _ reference: HostReference,
        _ stored: HostRecord?,
        existing: Row<RecordLink>?,
        taken: Set<String>,
        readAt: Date,
        sweep: Int32?
    ) throws -> RecordCommit {
        var commit = RecordCommit(remote: record.id, host: reference)
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
        link.linkedAt = core.storeNow()
        link.version = record.version
        link.readAt = readAt
        link.digest = worker.digest(of: record, key, mapper)
        link.seenSweep = sweep ?? 0
        link.tags = mapped.mapped.values.compactMap { mapped in
            let held = stored?.fields[mapped.rule.host] ?? mapped.value
            // What is empty there was not carried: a value that the host has all the same is agreed with nobody.
            if mapped.value == .empty, held != .empty { return nil }
            let tags = ledger.tags(mapped.ruleID, host: held, remote: mapped.source)
            return FieldTag(rule: mapped.ruleID, host: tags.host, remote: tags.remote, confirmed: true)
        }.sorted { $0.rule < $1.rule }
        let owned = try worker.naturalKeyRows(record.fields, kind: record.id.kind, host: reference)
            .filter { !taken.contains($0.id.key) }
        link.naturalKeys = owned.map(\.id.key)
        commit.requires = [existing.map { .revision($0.id, $0.revision) } ?? .absent(RecordLink.rowID(key))]
        commit.requires.formUnion(owned.map { .absent($0.id) })
        commit.puts = owned + [try link.row(key, tenant: integration.tenant, integration: integration.id)]
        var event = delivered(change, nil)
        event.record = reference
        event.lag = integration.lag(of: record)
        commit.events = [event]
        return commit
    }
}
