// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Reads records of the platform that have no partner yet, each under its own lane.
    func refetchUnlinked(_ works: [LaneWork]) async throws {
        for chunk in works.chunked(by: 100) {
            let ids = chunk.compactMap { $0.head?.record.remote }
            guard ids.count == chunk.count else { throw miscount("refetch") }
            let session = integration.session("fetch \(ids[0].kind.rawValue)")
            let readAt = session.now()
            let fields = Set(ids.map(\.kind)).flatMap(integration.remoteFields)
            let results = try await integration.provider.fetchRecords(ids, fields: fields, in: session)
            guard results.count == chunk.count else { throw miscount("fetchRecords") }
            let began = Self.began(readAt, session)
            for (work, result) in zip(chunk, results) { try await reconcile(work, result, readAt: began) }
        }
    }

    private func reconcile(_ work: LaneWork, _ result: FetchResult, readAt: Date) async throws {
        guard let head = work.head, let remote = head.record.remote else { return }
        var changes: [RecordChange] = []
        switch result {
        case .found(let record): changes = [.updated(record)]
        case .gone(let id): changes = [.deleted(id, at: nil)]
        case .moved(let id, let into): changes = into.first.map { [.merged(id, into: $0)] } ?? []
        case .hidden(_, let error):
            try await commit([try block(work, head, error, at: core.now())])
            return
        }
        do {
            let records = try await Reconciler(worker: self).reconcile(
                changes,
                readAt: readAt,
                holding: .remote(remote, in: integration.id)
            )
            var commit = LaneCommit(work)
            let refetched = records.contains { $0.puts.contains { $0.id == head.id } }
            for record in records {
                commit.requires.formUnion(record.requires)
                commit.puts += record.puts.filter { $0.id != head.id }
                commit.deletes += record.deletes
                commit.touches += record.touches
                commit.events += record.events
            }
            if refetched, let moved = records.first(where: { $0.puts.contains { $0.id == head.id } }) {
                if moved.host == nil {
                    try await again(work, head, commit)
                    return
                }
                // The lane of its partner takes the job over.
                commit.puts += moved.puts.filter { $0.id == head.id }
            } else {
                commit.deletes.append(head.id)
            }
            // Asked for again while it ran, it runs again.
            commit.requires.insert(.revision(head.id, head.revision))
            commit.dueAfter = work.jobs.count > 1 ? .zero : nil
            let left = try await self.commit([commit], needsFence: true)
            if !left.isEmpty { try await release([work], after: .seconds(1)) }
        } catch let error as IntegrationError where error == Reconciler.notYet {
            try await release([work], after: .seconds(60))
        }
    }

    /// The host did not take the record yet: the job tries again and stops at last.
    private func again(_ work: LaneWork, _ head: Row<SyncJob>, _ draft: LaneCommit) async throws {
        var job = head.record
        job.failures += 1
        guard job.failures < options.failuresBeforeBlocking else {
            let error = IntegrationError(
                .refused,
                "The host refuses this record of the platform.",
                remedy: LocalizedText(
                    "Correct the record on the platform or the host's rule, then replay.",
                    fr: "Corrigez la fiche sur la plateforme ou la règle de l’application, puis relancez."
                )
            )
            try await commit([try block(work, head, error, at: core.now())])
            return
        }
        var commit = draft
        commit.touches = []
        commit.puts.append(try job.row(head.id.key, memory: options.memory))
        commit.dueAfter = options.backoff(job.failures, core.random)
        try await self.commit([commit])
    }
}

extension LaneWorker {
    /// Whether a person is asked about the record already: one conflict is one question.
    func isAskedAlready(_ reference: HostReference) async throws -> Bool {
        let lane = LaneID.record(reference, in: integration.id)
        let stopped = try await core.store.records(
            SyncJob.self,
            matching: RowQuery("job.blocked", keys: [lane.indexKey])
        )
        return stopped.contains { job in
            if case .blocked(let reason) = job.record.state { reason.error.code == .conflict } else { false }
        }
    }
}
