// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What one record of a page adds to the page's commit.
struct RecordCommit: Sendable {
    var remote: RemoteID
    /// The record's partner, as far as it is known.
    var host: HostReference?
    var requires: Set<Requirement> = []
    var puts: [RowContent] = []
    var deletes: [RowID] = []
    var touches: [LaneTouch] = []
    var events: [IntegrationEvent] = []
}

/// Decides what records that a platform showed mean for the host, and carries it there.
///
/// A record is merged at once only if nothing is queued or flying in its lane; else it is read again in that lane, in
/// its turn.
struct Reconciler: Sendable {
    let worker: LaneWorker

    private var integration: LoadedIntegration { worker.integration }
    private var core: EngineCore { worker.core }

    /// What is known of a record that a platform shows.
    private enum Identity {
        case linked(Row<RecordLink>)
        /// One of its former ids is linked: the link will follow.
        case former([Row<RecordLink>])
        /// A record of the host whose link is not there or not linked: its lane decides.
        case lane(HostReference)
        /// An unfinished create may have made it.
        case unresolved
        case tombstone(Row<RecordLink>)
        /// It carries a key of ours that nothing here knows.
        case unclaimed(String)
        case new
    }

    /// Reconciles changes that were read at one time.
    ///
    /// - Parameters:
    ///   - changes: The changes.
    ///   - readAt: When the read began, by the platform's clock.
    ///   - sweep: The number of the sweep that showed them; nil: no sweep.
    ///   - lane: A remote record's lane that the caller holds; its own lane is then no reason to wait.
    /// - Returns: What to commit, per record.
    func reconcile(
        _ changes: [RecordChange],
        readAt: Date,
        sweep: Int32? = nil,
        holding lane: LaneID? = nil
    ) async throws -> [RecordCommit] {
        var records: [RemoteID: RemoteRecord] = [:]
        var order: [RemoteID] = []
        var suspects: [RemoteID] = []
        for change in changes {
            switch change {
            case .updated(let record):
                if records.updateValue(record, forKey: record.id) == nil { order.append(record.id) }
            case .deleted(let id, _), .merged(let id, _), .converted(let id, _):
                suspects.append(id)
            }
        }
        let list = order.compactMap { records[$0] }
        let identities = try await identify(list)
        var commits: [RecordCommit] = []
        var known: [(RemoteRecord, Row<RecordLink>)] = []
        var fresh: [RemoteRecord] = []
        for (record, identity) in zip(list, identities) {
            switch identity {
            case .linked(let link): known.append((record, link))
            case .former(let links):
                for link in links {
                    if let old = link.record.remote { commits.append(try refetch(old, link.record.host)) }
                }
            case .lane(let host): commits.append(try refetch(record.id, host))
            case .unresolved:
                if lane == .remote(record.id, in: integration.id) { throw Reconciler.notYet }
                commits.append(try refetch(record.id, nil, after: .seconds(60)))
            case .tombstone(let link):
                if link.record.state == .deletedByRemote { commits.append(try revive(record, link)) }
            case .unclaimed(let key): commits.append(try claimLater(record, key))
            case .new: fresh.append(record)
            }
        }
        commits += try await suspect(suspects)
        commits += try await merge(known, readAt: readAt, sweep: sweep)
        commits += try await create(fresh, readAt: readAt, sweep: sweep)
        return commits
    }

    /// A record that cannot be told yet, because a create of ours is not resolved.
    static let notYet = IntegrationError(
        .unavailable,
        "A write whose outcome is not known may have made this record.",
        retry: .after(.seconds(60))
    )

    // MARK: - Identify

    private func identify(_ records: [RemoteRecord]) async throws -> [Identity] {
        guard !records.isEmpty else { return [] }
        let ids = records.flatMap { [$0.id] + $0.formerIDs }
        let remoteKeys = Set(ids.map { RecordLink.remoteKey($0, in: integration.id) })
        let linked = try await links("link.remote", Array(remoteKeys))
        var byRemote: [String: Row<RecordLink>] = [:]
        for row in linked {
            for id in ([row.record.remote].compactMap(\.self) + row.record.formerIDs) {
                byRemote[RecordLink.remoteKey(id, in: integration.id)] = row
            }
        }
        let strangers = records.filter { byRemote[RecordLink.remoteKey($0.id, in: integration.id)] == nil }
        let byKey = Dictionary(
            try await links(
                "link.key", strangers.compactMap(\.externalKey).map { RowKey.join(integration.id, $0) }
            ).map { ($0.record.externalKey, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let tombstones = Dictionary(
            try await links("link.tombstone", strangers.map { RecordLink.remoteKey($0.id, in: integration.id) })
                .compactMap { row in row.record.remote.map { ($0, row) } },
            uniquingKeysWith: { first, _ in first }
        )
        let owners = try await naturalOwners(of: strangers)
        let unresolved = try await unresolvedKinds(Set(strangers.map(\.id.kind)))
        return records.map { record in
            if let row = byRemote[RecordLink.remoteKey(record.id, in: integration.id)] {
                if row.record.remote == record.id { return .linked(row) }
                return .former([row])
            }
            let former = record.formerIDs.compactMap { byRemote[RecordLink.remoteKey($0, in: integration.id)] }
            if !former.isEmpty { return .former(former) }
            if let row = tombstones[record.id] { return .tombstone(row) }
            if let key = record.externalKey, let row = byKey[key] {
                if row.record.state == .deletedByHost { return .tombstone(row) }
                if let host = row.record.host { return .lane(host) }
            }
            if unresolved.contains(record.id.kind) { return .unresolved }
            if let key = record.externalKey, key.hasPrefix("ik"), key.utf8.count == 54 { return .unclaimed(key) }
            if let owner = owners[record.id] { return .lane(owner) }
            return .new
        }
    }

    private func links(_ index: String, _ keys: [String]) async throws -> [Row<RecordLink>] {
        guard !keys.isEmpty else { return [] }
        return try await core.store.records(
            RecordLink.self, matching: RowQuery(index, keys: keys, limit: keys.count * 2))
    }

    private func naturalOwners(of records: [RemoteRecord]) async throws -> [RemoteID: HostReference] {
        var keys: [String: RemoteID] = [:]
        for record in records {
            let rows = try worker.naturalKeyRows(
                record.fields, kind: record.id.kind, host: HostReference(tenant: integration.tenant, kind: "", id: ""))
            for row in rows { keys[row.id.key] = record.id }
        }
        var owners: [RemoteID: HostReference] = [:]
        for (key, row) in try await core.store.records(NaturalKey.self, Array(keys.keys)) {
            if let id = keys[key] { owners[id] = row.record.host }
        }
        return owners
    }

    private func unresolvedKinds(_ kinds: Set<RecordKind>) async throws -> Set<RecordKind> {
        var result: Set<RecordKind> = []
        for kind in kinds {
            let query = RowQuery("job.sent", keys: [RowKey.join(integration.id, kind.rawValue)])
            if try await core.store.count(matching: query, upTo: 1) > 0 { result.insert(kind) }
        }
        return result
    }

    // MARK: - Decide

    /// A record to read again in the lane that owns it.
    func refetch(_ remote: RemoteID, _ host: HostReference?, after: Duration = .zero) throws -> RecordCommit {
        var commit = RecordCommit(remote: remote, host: host)
        commit.puts = [try RefetchJob.row(of: remote, host: host, integration: integration, core: core)]
        commit.touches = [
            LaneTouch(
                RefetchJob.lane(of: remote, host: host, in: integration.id),
                tenant: integration.tenant,
                workClass: .refetch,
                after: after
            )
        ]
        return commit
    }

    private func suspect(_ ids: [RemoteID]) async throws -> [RecordCommit] {
        let rows = try await links("link.remote", ids.map { RecordLink.remoteKey($0, in: integration.id) })
        return try rows.compactMap { row in
            try row.record.remote.map { try refetch($0, row.record.host) }
        }
    }

    private func revive(_ record: RemoteRecord, _ row: Row<RecordLink>) throws -> RecordCommit {
        var link = row.record
        link.state = .linked
        link.digest = Data()
        var commit = try refetch(record.id, link.host)
        commit.requires = [.revision(row.id, row.revision)]
        commit.puts.append(try link.row(row.id.key, tenant: integration.tenant, integration: integration.id))
        return commit
    }

    private func claimLater(_ record: RemoteRecord, _ key: String) throws -> RecordCommit {
        var link = RecordLink(
            kind: record.id.kind, externalKey: key, state: .unclaimed, linkedAt: core.now())
        link.remote = record.id
        let row = try link.row(
            RowKey.join(integration.id, key), tenant: integration.tenant, integration: integration.id)
        var commit = RecordCommit(remote: record.id)
        commit.puts = [row]
        return commit
    }

    // MARK: - Merge linked records

    private func merge(
        _ records: [(RemoteRecord, Row<RecordLink>)],
        readAt: Date,
        sweep: Int32?
    ) async throws -> [RecordCommit] {
        var commits: [RecordCommit] = []
        var news: [(RemoteRecord, Row<RecordLink>, HostReference, FieldMapper)] = []
        for (record, row) in records {
            guard let host = row.record.host, let mapper = integration.mapper(host.kind, row.record.kind) else { continue }
            if let fresh = row.record.freshAfter, readAt < fresh {
                commits.append(try refetch(record.id, host))
            } else if row.record.digest == worker.digest(of: record, row.id.key, mapper) {
                worker.tally.add(.echoed, record.id.kind, of: integration)
                if let sweep, row.record.seenSweep != sweep { commits.append(try seen(row, sweep)) }
            } else {
                news.append((record, row, host, mapper))
            }
        }
        guard !news.isEmpty else { return commits }
        let busy = try await busyLanes(news.map(\.2))
        let idle = news.filter { !busy.contains($0.2) }
        for item in news where busy.contains(item.2) { commits.append(try refetch(item.0.id, item.2)) }
        var current: [HostReference: HostRecord] = [:]
        if let host = worker.host, !idle.isEmpty {
            current = try await worker.asking(host) { try await host.current(idle.map(\.2)) }
        }
        var deliveries: [(RecordCommit, RecordLink, Row<RecordLink>, FieldMerge.Result, InboundChange)] = []
        for (record, row, reference, mapper) in idle {
            let merged = FieldMerge(ledger: Ledger(keys: integration.keys, link: row.id.key), mapper: mapper).merge(
                FieldMerge.Input(
                    tags: row.record.tags,
                    host: (current[reference]?.fields ?? [:]).mapValues { HostWord(value: $0) },
                    remote: record,
                    policy: integration.settings.conflictPolicy,
                    delivers: integration.delivers && worker.host != nil,
                    writes: integration.pushes
                )
            )
            guard merged.write.isEmpty, merged.asked.isEmpty else {
                commits.append(try refetch(record.id, reference))
                continue
            }
            var commit = RecordCommit(remote: record.id, host: reference)
            commit.requires = [
                .revision(row.id, row.revision), .idle(.record(reference, in: integration.id), tail: 0),
            ]
            var link = row.record
            link.version = record.version
            link.readAt = readAt
            link.digest = worker.digest(of: record, row.id.key, mapper)
            link.formerIDs = Array(Set(link.formerIDs).union(record.formerIDs)).sorted { $0.value < $1.value }
            if let sweep { link.seenSweep = sweep }
            link.take(merged.tags)
            if merged.deliver.isEmpty {
                commit.puts = [try link.row(row.id.key, tenant: integration.tenant, integration: integration.id)]
                worker.tally.add(.echoed, record.id.kind, of: integration)
                commits.append(commit)
            } else {
                let change = InboundChange(
                    integration: integration.id,
                    action: .update,
                    remote: record.id,
                    version: record.version,
                    host: reference,
                    expecting: current[reference]?.revision,
                    fields: merged.deliver
                )
                deliveries.append((commit, link, row, merged, change))
            }
        }
        guard let host = worker.host, !deliveries.isEmpty else { return commits }
        let outcomes = try await worker.apply(deliveries.map(\.4), to: host)
        for ((draft, link, row, merged, change), outcome) in zip(deliveries, outcomes) {
            var commit = draft
            var link = link
            switch outcome {
            case .applied(_, let stored):
                let ledger = Ledger(keys: integration.keys, link: row.id.key)
                for rule in merged.delivered {
                    guard let value = stored?.fields[rule.rule.host],
                        let place = link.tags.firstIndex(where: { $0.rule == rule.id })
                    else { continue }
                    link.tags[place].host = ledger.tag(rule.id, value)
                }
                commit.puts = [try link.row(row.id.key, tenant: integration.tenant, integration: integration.id)]
                commit.events = [delivered(change, merged)]
                if !merged.conflicts.isEmpty { commit.events.append(conflict(change, merged)) }
                commits.append(commit)
            case .stale, .refused:
                commits.append(try refetch(change.remote, change.host, after: .seconds(1)))
            }
        }
        return commits
    }

    private func seen(_ row: Row<RecordLink>, _ sweep: Int32) throws -> RecordCommit {
        var link = row.record
        link.seenSweep = sweep
        var commit = RecordCommit(remote: link.remote ?? RemoteID(link.kind, ""), host: link.host)
        commit.requires = [.revision(row.id, row.revision)]
        commit.puts = [try link.row(row.id.key, tenant: integration.tenant, integration: integration.id)]
        return commit
    }

    private func busyLanes(_ hosts: [HostReference]) async throws -> Set<HostReference> {
        let keys = Dictionary(
            hosts.map { (LaneID.record($0, in: integration.id).indexKey, $0) }, uniquingKeysWith: { first, _ in first })
        let jobs = try await core.store.rows(
            matching: RowQuery(LaneID.indexName, keys: Array(keys.keys), limit: 100_000))
        return Set(
            jobs.flatMap { $0.content.indexes.filter { $0.name == LaneID.indexName }.compactMap { keys[$0.key] } })
    }

    // MARK: - Create host records

    private func create(_ records: [RemoteRecord], readAt: Date, sweep: Int32?) async throws -> [RecordCommit] {
        guard let host = worker.host, integration.delivers else { return [] }
        let known = try await core.store.records(InboundIntent.self, records.map(intentKey))
        var changes: [(RemoteRecord, FieldMapper, InboundChange)] = []
        var intents: [RowContent] = []
        for record in records {
            guard let mapping = integration.mapping(for: record.id.kind),
                let mapper = integration.mapper(mapping.hostKind, record.id.kind)
            else { continue }
            let fields = mapper.inbound(record.fields).values.filter { $0.value != .empty }
            let key = intentKey(record)
            let proposed =
                known[key]?.record.proposed
                ?? HostReference(
                    tenant: integration.tenant,
                    kind: mapping.hostKind,
                    id: core.random.uuid().uuidString.lowercased()
                )
            if known[key] == nil {
                intents.append(
                    try InboundIntent(kind: record.id.kind, since: core.now(), proposed: proposed).content(
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
        try await core.commit(
            Changes(id: core.random.uuid(), requires: [integration.fenceRequirement], puts: intents))
        let outcomes = try await worker.apply(changes.map(\.2), to: host)
        var references: [HostReference] = []
        for case .applied(let reference, _) in outcomes { references.append(reference) }
        let existing = try await core.store.records(
            RecordLink.self, references.map { RecordLink.key($0, in: integration.id) })
        var commits: [RecordCommit] = []
        for ((record, mapper, change), outcome) in zip(changes, outcomes) {
            switch outcome {
            case .applied(let reference, let stored):
                commits.append(
                    try link(
                        record, mapper, change, reference, stored,
                        existing: existing[RecordLink.key(reference, in: integration.id)],
                        readAt: readAt, sweep: sweep
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
                    message: "The host names a record that is linked to another record of the platform; this one stays unlinked."
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
        link.naturalKeys = owned.map(\.id.key)
        commit.requires = [existing.map { .revision($0.id, $0.revision) } ?? .absent(RecordLink.rowID(key))]
        commit.requires.formUnion(owned.map { .absent($0.id) })
        commit.puts = owned + [try link.row(key, tenant: integration.tenant, integration: integration.id)]
        var event = delivered(change, nil)
        event.record = reference
        commit.events = [event]
        return commit
    }

    // MARK: - Events

    private func delivered(_ change: InboundChange, _ merged: FieldMerge.Result?) -> IntegrationEvent {
        IntegrationEvent(
            .delivered,
            date: core.now(),
            tenant: integration.tenant,
            integration: integration.id,
            platform: integration.record.platform,
            recordKind: change.remote.kind,
            record: change.host,
            remote: change.remote,
            message: merged == nil ? "Carried a new record to the host." : "Carried the platform's change to the host."
        )
    }

    private func conflict(_ change: InboundChange, _ merged: FieldMerge.Result) -> IntegrationEvent {
        var event = delivered(change, merged)
        event.kind = .conflict
        event.message = "Both sides changed \(merged.conflicts.map(\.rawValue).joined(separator: ", ")); the policy decided."
        return event
    }

    private func refusedByHost(_ change: InboundChange, _ error: any Error) -> IntegrationEvent {
        var event = delivered(change, nil)
        event.kind = .retried
        event.record = nil
        event.message = "The host refused the new record (\(type(of: error))); it comes again."
        return event
    }
}
