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

    var integration: LoadedIntegration { worker.integration }
    var core: EngineCore { worker.core }

    /// A host record whose stopped create may have made a record of the platform, and what it said.
    private struct Maker {
        var host: HostReference
        var words: [FieldName: HostWord]
    }

    /// What is known of a record that a platform shows.
    private enum Identity {
        case linked(Row<RecordLink>)
        /// One of its former ids is linked: the link will follow.
        case former([Row<RecordLink>])
        /// A record of the host whose link is not there or not linked: its lane decides.
        case lane(HostReference)
        /// A stopped create of a host record, of unknown outcome, may have made it: it holds what that said.
        case made(Maker)
        /// It waits already to be read in the lane of the host record that may have made it.
        case awaited
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
    /// - Throws: ``IntegrationError`` if the host or the store cannot be reached, or the record cannot be told yet.
    func reconcile(
        _ changes: [RecordChange],
        readAt: Date,
        sweep: Int32? = nil,
        holding lane: LaneID? = nil
    ) async throws -> [RecordCommit] {
        var records: [RemoteID: RemoteRecord] = [:]
        var order: [RemoteID] = []
        var suspects: [RemoteID] = []
        var deleted: [RemoteID] = []
        for change in changes {
            switch change {
            case .updated(let record):
                if records.updateValue(record, forKey: record.id) == nil { order.append(record.id) }
            case .deleted(let id, _): deleted.append(id)
            case .merged(let id, _), .converted(let id, _): suspects.append(id)
            }
        }
        let list = order.compactMap { records[$0] }
        let identities = try await identify(list)
        var commits: [RecordCommit] = []
        var known: [(RemoteRecord, Row<RecordLink>)] = []
        var fresh: [(RemoteRecord, HostReference?)] = []
        var back: [(RemoteRecord, Row<RecordLink>)] = []
        for (record, identity) in zip(list, identities) {
            switch identity {
            case .linked(let link): known.append((record, link))
            case .former(let links):
                for link in links {
                    if let old = link.record.remote { commits.append(try refetch(old, link.record.host)) }
                }
            case .lane(let host): commits.append(try refetch(record.id, host))
            case .awaited: break
            case .made(let maker): commits.append(try refetch(record.id, maker.host, said: maker.words))
            case .unresolved:
                if lane == .remote(record.id, in: integration.id) { throw Reconciler.notYet }
                commits.append(try refetch(record.id, nil, after: .seconds(60)))
            case .tombstone(let link):
                if link.record.state == .deletedByRemote, link.record.remote == record.id {
                    back.append((record, link))
                }
            case .unclaimed(let key): commits.append(try claimLater(record, key))
            case .new: fresh.append((record, nil))
            }
        }
        for (record, link) in back {
            if let commit = try await revive(record, link) {
                commits.append(commit)
            } else {
                fresh.append((record, link.record.host))
            }
        }
        commits += try await suspect(suspects)
        commits += try await suspect(deleted, expecting: .delete)
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
                "link.key",
                strangers.compactMap(\.externalKey).map { RowKey.join(integration.id, $0) }
            ).map { ($0.record.externalKey, $0) },
            uniquingKeysWith: { first, second in first.record.host == nil ? second : first }
        )
        let tombstones = Dictionary(
            try await links("link.tombstone", strangers.map { RecordLink.remoteKey($0.id, in: integration.id) })
                .flatMap { row in ((row.record.parted ?? []) + [row.record.remote].compactMap(\.self)).map { ($0, row) }
                },
            uniquingKeysWith: { first, _ in first }
        )
        let owners = try await naturalOwners(of: strangers)
        let unresolved = try await unresolvedKinds(Set(strangers.map(\.id.kind)))
        let makers = try await makers(of: strangers)
        let awaited = try await awaited(strangers)
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
            if awaited.contains(record.id) { return .awaited }
            if let maker = makers[record.id] { return .made(maker) }
            if let key = record.externalKey, key.hasPrefix("ik"), key.utf8.count == 54 { return .unclaimed(key) }
            if let owner = owners[record.id] { return .lane(owner) }
            return .new
        }
    }

    func links(_ index: String, _ keys: [String]) async throws -> [Row<RecordLink>] {
        guard !keys.isEmpty else { return [] }
        return try await core.store.records(
            RecordLink.self,
            matching: RowQuery(index, keys: keys, limit: keys.count * 2)
        )
    }

    /// Strangers that wait to be read in the lane of a host record.
    private func awaited(_ strangers: [RemoteRecord]) async throws -> Set<RemoteID> {
        let jobs = try await core.store.records(
            SyncJob.self,
            strangers.map { RefetchJob.key(of: $0.id, in: integration.id) }
        )
        return Set(
            jobs.values.filter { $0.record.record != nil && $0.record.state == .queued }.compactMap(\.record.remote)
        )
    }

    /// The host records whose creates, of unknown outcome, were stopped or given up and may have made strangers: those
    /// hold what was to be written.
    private func makers(of strangers: [RemoteRecord]) async throws -> [RemoteID: Maker] {
        let stopped = try await worker.jobsThatMayHaveMade(Set(strangers.map(\.id.kind)))
        guard !stopped.isEmpty else { return [:] }
        let links = try await core.store.records(
            RecordLink.self,
            stopped.compactMap { $0.record.record.map { RecordLink.key($0, in: integration.id) } }
        )
        var makers: [RemoteID: Maker] = [:]
        for job in stopped {
            guard let host = job.record.record, let mapper = integration.mapper(host.kind, job.record.kind),
                links[RecordLink.key(host, in: integration.id)]?.record.isLinked != true
            else { continue }
            let words = try job.record.openPayload(job.id.key, integration.keys).words
            let written = mapper.tryOutbound(words.mapValues(\.value), creating: true).values.filter {
                !$0.value.isEquivalent(to: .empty)
            }
            let made = strangers.filter { record in
                record.id.kind == job.record.kind
                    && written.allSatisfy { record.fields[$0.key]?.isLooselyEquivalent(to: $0.value) ?? false }
            }
            if !written.isEmpty, let record = made.first { makers[record.id] = Maker(host: host, words: words) }
        }
        return makers
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
    func refetch(
        _ remote: RemoteID,
        _ host: HostReference?,
        after: Duration = .zero,
        said words: [FieldName: HostWord] = [:],
        expecting effect: HeldChange.Effect? = nil
    ) throws -> RecordCommit {
        var commit = RecordCommit(remote: remote, host: host)
        commit.puts = [
            try RefetchJob.row(
                of: remote,
                host: host,
                said: words,
                integration: integration,
                core: core,
                expecting: effect
            )
        ]
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

    private func suspect(
        _ ids: [RemoteID],
        expecting effect: HeldChange.Effect? = nil
    ) async throws -> [RecordCommit] {
        try await linked(ids).compactMap { row in
            try row.record.remote.map { try refetch($0, row.record.host, expecting: effect) }
        }
    }

    /// The links of records, those that have one.
    func linked(_ ids: [RemoteID]) async throws -> [Row<RecordLink>] {
        try await links("link.remote", ids.map { RecordLink.remoteKey($0, in: integration.id) })
    }

    private func claimLater(_ record: RemoteRecord, _ key: String) throws -> RecordCommit {
        var link = RecordLink(
            kind: record.id.kind,
            externalKey: key,
            state: .unclaimed,
            linkedAt: core.storeNow()
        )
        link.remote = record.id
        let row = try link.row(
            RecordLink.unclaimedKey(key, in: integration.id),
            tenant: integration.tenant,
            integration: integration.id
        )
        var commit = RecordCommit(remote: record.id)
        commit.puts = [row]
        return commit
    }

    // MARK: - Events

    func delivered(_ change: InboundChange, _ merged: FieldMerge.Result?) -> IntegrationEvent {
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

    func unmappable(_ change: InboundChange, _ merged: FieldMerge.Result, _ mapper: FieldMapper) -> IntegrationEvent {
        var event = delivered(change, merged)
        let error = IntegrationError(merged.problems, of: mapper.mapping, concerns: .record)
        event.kind = .refused
        event.error = error
        event.message = error.message
        return event
    }

    func conflict(_ change: InboundChange, _ merged: FieldMerge.Result) -> IntegrationEvent {
        var event = delivered(change, merged)
        event.kind = .conflict
        event.message =
            "Both sides changed \(merged.conflicts.map(\.rawValue).joined(separator: ", ")); the policy decided."
        return event
    }

    func refusedByHost(_ change: InboundChange, _ error: any Error) -> IntegrationEvent {
        var event = delivered(change, nil)
        event.kind = .retried
        event.record = nil
        event.message = "The host refused the new record (\(type(of: error))); it comes again."
        return event
    }
}
