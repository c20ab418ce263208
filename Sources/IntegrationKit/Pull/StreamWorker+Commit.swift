// SPDX-License-Identifier: Apache-2.0
import Foundation

extension StreamWorker {
    /// Commits a page: what its records add, and the cursor.
    ///
    /// A record whose commit does not hold is read again later.
    func commit(_ records: [RecordCommit], _ cursor: PullCursor, _ work: LaneWork) async throws {
        var remaining = records
        for _ in 0..<(records.count + 2) {
            var changes = Changes(
                id: core.random.uuid(),
                requires: [work.requirement, integration.fenceRequirement]
            )
            changes.puts = [
                try cursor.content(key: cursorKey, tenant: integration.tenant, integration: integration.id)
            ]
            var jobs: Set<RowID> = []
            for record in remaining {
                changes.requires.formUnion(record.requires)
                changes.puts += record.puts.filter { $0.id.type != SyncJob.type || jobs.insert($0.id).inserted }
                changes.deletes += record.deletes
                changes.touches += record.touches
                for event in record.events {
                    changes.puts.append(try LogRecord.row(event, integration: integration, core: core))
                }
            }
            try await worker.tellEndpoints(remaining.flatMap(\.events), by: &changes)
            do {
                try await core.commit(changes)
                for event in remaining.flatMap(\.events) {
                    if let kind = event.recordKind { worker.tally.add(event.kind, kind, of: integration) }
                    core.meter.lag(of: event, in: integration)
                    core.observe(event)
                }
                return
            } catch StoreFailure.conflict(let failed, let taken) {
                if failed.contains(work.requirement) || failed.contains(integration.fenceRequirement) {
                    throw CancellationError()
                }
                let entries = Set(taken)
                let reconciler = Reconciler(worker: worker)
                var changed = false
                remaining = try remaining.map { record in
                    guard
                        !record.requires.isDisjoint(with: failed)
                            || record.puts.contains(where: { !entries.isDisjoint(with: $0.indexes) })
                    else { return record }
                    changed = true
                    return try reconciler.refetch(record.remote, record.host)
                }
                guard changed else { throw EngineCore.storeError(nil) }
            }
        }
    }

    /// Whether so many records may be suspected to be gone at once.
    private func mayPart(_ kind: RecordKind, _ prefix: String, _ sweep: Int32, since started: Date) async throws -> Bool
    {
        let unseen = "\(prefix)|"..<"\(prefix)|\(RowKey.number(sweep))"
        var missing = try await core.linkedCount(kind, of: integration.id, below: RowKey.number(sweep))
        if missing > core.options.massChangeMinimum {
            // Those that were linked while the sweep ran were never to be seen by it.
            var after: PageKey?
            missing = 0
            while true {
                let page = try await core.store.rows(
                    matching: RowQuery("link.sweep", range: unseen, after: after, limit: 1000)
                )
                guard let last = page.last else { break }
                missing += try page.filter { try Row<RecordLink>($0).record.linkedAt < started }.count
                let key = last.content.indexes.first { $0.name == "link.sweep" }?.key ?? prefix
                after = PageKey(key: key, created: last.created)
            }
        }
        return try await worker.allows(kind, unseen: missing)
    }

    /// After a whole sweep: linked records that it did not show are suspected to be gone, and read one by one.
    func suspectUnseen(_ cursor: PullCursor) async throws {
        guard let began = cursor.sweepStarted else { return }
        // Links are dated by the store's clock.
        let started = began.advanced(by: .milliseconds(-integration.skew))
        for kind in stream.kinds {
            let prefix = RowKey.join(integration.id, kind.rawValue)
            guard try await mayPart(kind, prefix, cursor.sweep, since: started) else { continue }
            var after: PageKey?
            while true {
                let page = try await core.store.rows(
                    matching: RowQuery(
                        "link.sweep",
                        range: "\(prefix)|"..<"\(prefix)|\(RowKey.number(cursor.sweep))",
                        after: after,
                        limit: 500
                    )
                )
                guard let last = page.last else { break }
                let rows = try page.map { try Row<RecordLink>($0) }
                    .filter { $0.record.isLinked && $0.record.linkedAt < started }
                var changes = Changes(id: core.random.uuid(), requires: [integration.fenceRequirement])
                let reconciler = Reconciler(worker: worker)
                for row in rows {
                    guard let remote = row.record.remote else { continue }
                    let record = try reconciler.refetch(remote, row.record.host, expecting: .delete)
                    changes.puts += record.puts
                    changes.touches += record.touches
                }
                do {
                    try await core.commit(changes)
                } catch StoreFailure.conflict {
                    throw CancellationError()
                }
                let key = last.content.indexes.first { $0.name == "link.sweep" }?.key ?? prefix
                after = PageKey(key: key, created: last.created)
            }
        }
    }
}
