// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Reconciler {
    /// Merges linked records and carries to the host what is new of them.
    func merge(
        _ records: [(RemoteRecord, Row<RecordLink>)],
        readAt: Date,
        sweep: Int32?
    ) async throws -> [RecordCommit] {
        var commits: [RecordCommit] = []
        var news: [(RemoteRecord, Row<RecordLink>, HostReference, FieldMapper)] = []
        for (record, row) in records {
            guard let host = row.record.host, let mapper = integration.mapper(host.kind, row.record.kind) else {
                continue
            }
            if row.record.digest == worker.digest(of: record, row.id.key, mapper) {
                worker.tally.add(.echoed, record.id.kind, of: integration)
                if let sweep, row.record.seenSweep != sweep { commits.append(try seen(row, sweep)) }
            } else if let known = [row.record.freshAfter, row.record.readAt].compactMap(\.self).max(),
                readAt <= known.advanced(by: Self.clockError)
            {
                // Read before our last write or before a newer read: no evidence of anything.
                commits.append(try later(row, host, sweep))
            } else {
                news.append((record, row, host, mapper))
            }
        }
        guard !news.isEmpty else { return commits }
        let busy = try await busyLanes(news.map(\.2))
        let idle = news.filter { !busy.contains($0.2) }
        for item in news where busy.contains(item.2) { commits.append(try later(item.1, item.2, sweep)) }
        var current: [HostReference: HostRecord] = [:]
        if let host = worker.host, !idle.isEmpty {
            current = try await worker.asking(host) { try await host.current(idle.map(\.2)) }
        }
        var deliveries: [Delivery] = []
        for (record, row, reference, mapper) in idle {
            let merged = FieldMerge(ledger: Ledger(keys: integration.keys, link: row.id.key), mapper: mapper).merge(
                FieldMerge.Input(
                    tags: row.record.tags,
                    delivering: row.record.delivering ?? [],
                    host: (current[reference]?.fields ?? [:]).mapValues { HostWord(value: $0) },
                    remote: record,
                    policy: integration.settings.conflictPolicy,
                    delivers: integration.delivers && worker.host != nil,
                    writes: integration.pushes,
                    skew: integration.skew
                )
            )
            guard merged.write.isEmpty, merged.asked.isEmpty else {
                commits.append(try later(row, reference, sweep))
                continue
            }
            if merged.empties(current[reference]) {
                // How many records lose values is known once the pages are read: each does in its own lane.
                commits.append(try later(row, reference, sweep, expecting: .blank))
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
            if let sweep { link.seenSweep = sweep }
            link.take(merged.tags)
            let moved = try await worker.movedNaturalKeys(of: &link, to: record)
            commit.puts = moved.puts
            commit.deletes = moved.deletes
            commit.requires.formUnion(moved.requires)
            let change = InboundChange(
                integration: integration.id,
                action: .update,
                remote: record.id,
                version: record.version,
                host: reference,
                expecting: current[reference]?.revision,
                fields: merged.deliver
            )
            if !merged.problems.isEmpty { commit.events.append(unmappable(change, merged, mapper)) }
            if merged.deliver.isEmpty {
                commit.puts.append(try link.row(row.id.key, tenant: integration.tenant, integration: integration.id))
                worker.tally.add(.echoed, record.id.kind, of: integration)
                commits.append(commit)
            } else {
                deliveries.append(
                    Delivery(
                        commit: commit,
                        link: link,
                        row: row,
                        merged: merged,
                        change: change,
                        lag: integration.lag(of: record)
                    )
                )
            }
        }
        guard let host = worker.host, !deliveries.isEmpty else { return commits }
        let overtaken = try await announce(&deliveries)
        for change in overtaken { commits.append(try refetch(change.remote, change.host)) }
        let outcomes = try await worker.apply(deliveries.map(\.change), to: host)
        for (delivery, outcome) in zip(deliveries, outcomes) {
            var (commit, link) = (delivery.commit, delivery.link)
            let (key, merged, change) = (delivery.row.id.key, delivery.merged, delivery.change)
            switch outcome {
            case .applied(_, let stored):
                let ledger = Ledger(keys: integration.keys, link: key)
                for rule in merged.delivered {
                    guard let value = stored?.fields[rule.rule.host],
                        let place = link.tags.firstIndex(where: { $0.rule == rule.id })
                    else { continue }
                    link.tags[place].host = ledger.tag(rule.id, value)
                }
                commit.puts.append(try link.row(key, tenant: integration.tenant, integration: integration.id))
                var told = delivered(change, merged)
                told.lag = delivery.lag
                commit.events.append(told)
                if !merged.conflicts.isEmpty { commit.events.append(conflict(change, merged)) }
                commits.append(commit)
            case .stale, .refused:
                commits.append(try refetch(change.remote, change.host, after: .seconds(1)))
            }
        }
        return commits
    }

    /// One record's news for the host.
    private struct Delivery {
        var commit: RecordCommit
        var link: RecordLink
        var row: Row<RecordLink>
        var merged: FieldMerge.Result
        var change: InboundChange
        /// How long the change on the platform has waited.
        var lag: Duration?
    }

    /// Notes what is about to be carried to the host, as the lanes do; returns what was overtaken meanwhile.
    private func announce(_ deliveries: inout [Delivery]) async throws -> [InboundChange] {
        var overtaken: [InboundChange] = []
        var rows: [RowContent] = []
        while !deliveries.isEmpty {
            rows = try deliveries.map { delivery in
                var link = delivery.row.record
                link.delivering = delivery.merged.delivered.compactMap { delivery.merged.tags[$0.id] }
                return try link.row(delivery.row.id.key, tenant: integration.tenant, integration: integration.id)
            }
            var changes = Changes(id: core.random.uuid(), requires: [integration.fenceRequirement], puts: rows)
            for delivery in deliveries { changes.requires.formUnion(delivery.commit.requires) }
            do {
                try await core.commit(changes)
                break
            } catch StoreFailure.conflict(let failed, _) {
                guard !failed.contains(integration.fenceRequirement) else { throw CancellationError() }
                let lost = deliveries.filter { !$0.commit.requires.isDisjoint(with: failed) }.map(\.change)
                guard !lost.isEmpty else { throw EngineCore.storeError(nil) }
                overtaken += lost
                deliveries.removeAll { !$0.commit.requires.isDisjoint(with: failed) }
            }
        }
        let stored = try await core.store.rows(deliveries.map(\.row.id))
        for (place, row) in rows.enumerated().reversed() {
            guard let now = stored[row.id], now.content.body == row.body else {
                overtaken.append(deliveries.remove(at: place).change)
                continue
            }
            let old = deliveries[place].row
            deliveries[place].commit.requires.remove(.revision(old.id, old.revision))
            deliveries[place].commit.requires.insert(.revision(row.id, now.revision))
        }
        return overtaken
    }

    /// How far two processes' ideas of a platform's clock may lie apart: its answers tell whole seconds.
    private static let clockError = Duration.seconds(1)

    /// A record that was shown and is read again in its lane.
    private func later(
        _ row: Row<RecordLink>,
        _ host: HostReference,
        _ sweep: Int32?,
        expecting effect: HeldChange.Effect? = nil
    ) throws -> RecordCommit {
        var commit = try refetch(row.record.remote ?? RemoteID(row.record.kind, ""), host, expecting: effect)
        if let sweep, row.record.seenSweep != sweep {
            let shown = try seen(row, sweep)
            commit.requires = shown.requires
            commit.puts += shown.puts
        }
        return commit
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
            hosts.map { (LaneID.record($0, in: integration.id).indexKey, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let jobs = try await core.store.rows(
            matching: RowQuery(LaneID.indexName, keys: Array(keys.keys), limit: 100_000)
        )
        return Set(
            jobs.flatMap { $0.content.indexes.filter { $0.name == LaneID.indexName }.compactMap { keys[$0.key] } }
        )
    }
}
