// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Resolves the records that each record belongs to; those that lack one make it or wait for it.
    func relate(_ plans: [Plan]) async throws -> [Plan] {
        var wanted: Set<String> = []
        for plan in plans where plan.fold.outcome == .save {
            for (_, reference) in targets(of: plan) { wanted.insert(RecordLink.key(reference, in: integration.id)) }
        }
        let links = try await core.store.records(RecordLink.self, Array(wanted))
        var ready: [Plan] = []
        var commits: [LaneCommit] = []
        for var plan in plans {
            guard plan.fold.outcome == .save else {
                ready.append(plan)
                continue
            }
            var missing: [HostReference] = []
            for (rule, reference) in targets(of: plan) {
                let link = links[RecordLink.key(reference, in: integration.id)]?.record
                if let link, link.isLinked, let remote = link.remote {
                    plan.relations.append(Relation(rule.role, .remote(remote), isRequired: rule.isRequired))
                } else if rule.isRequired {
                    missing.append(reference)
                }
            }
            if missing.isEmpty {
                ready.append(plan)
            } else {
                let gone = missing.filter { links[RecordLink.key($0, in: integration.id)]?.record.isTombstone ?? false }
                commits.append(try await wait(plan, for: missing, gone: gone))
            }
        }
        try await commit(commits)
        return ready
    }

    private func targets(of plan: Plan) -> [(EventRoute.RelationRule, HostReference)] {
        plan.fold.relations.flatMap { rule in
            plan.fold.related.filter { $0.kind == rule.hostKind }
                .map { (rule, HostReference(tenant: plan.host.tenant, kind: $0.kind, id: $0.id)) }
        }
    }

    /// Puts a lane to sleep until the records that it needs are there, and has them made from what the event told.
    private func wait(_ plan: Plan, for missing: [HostReference], gone: [HostReference]) async throws -> LaneCommit {
        var commit = LaneCommit(plan.work)
        var waiting = plan.head.record
        waiting.needs = missing.map { RecordLink.key($0, in: integration.id) }
        waiting.waits += 1
        for reference in missing {
            let lane = LaneID.record(reference, in: integration.id)
            let jobs = try await core.store.records(
                SyncJob.self,
                matching: RowQuery(LaneID.indexName, keys: [lane.indexKey], limit: 1)
            )
            if case .blocked(let reason) = jobs.first?.record.state {
                let error = IntegrationError(
                    .refused,
                    "The \(reference.kind) that this record belongs to is refused: \(reason.error.message)",
                    remedy: reason.error.remedy
                )
                return try block(plan, error, need: RecordLink.key(reference, in: integration.id))
            }
            if jobs.isEmpty, gone.contains(reference) {
                return try block(plan, parted(from: reference), need: RecordLink.key(reference, in: integration.id))
            }
            guard jobs.isEmpty, let job = try ensureJob(reference, for: plan) else { continue }
            let existing = try await core.store.rows([job.id])
            guard existing.isEmpty else { continue }
            commit.puts.append(job)
            commit.touches.append(LaneTouch(lane, tenant: integration.tenant, workClass: .live))
        }
        commit.puts.append(try waiting.row(plan.head.id.key, memory: options.memory))
        commit.dueAfter = min(.seconds(60) * (1 << min(waiting.waits - 1, 6)), EngineOptions.longestBackoff)
        return commit
    }

    private func parted(from reference: HostReference) -> IntegrationError {
        IntegrationError(
            .refused,
            "The \(reference.kind) that this record belongs to was deleted or merged away.",
            remedy: LocalizedText(
                "Drop this, or make the \(reference.kind) again and replay.",
                fr: "Abandonnez, ou recréez la fiche dont celle-ci dépend puis relancez."
            )
        )
    }

    private func ensureJob(_ reference: HostReference, for plan: Plan) throws -> RowContent? {
        let told = plan.fold.related.first { $0.kind == reference.kind && $0.id == reference.id }
        guard let told, !told.fields.isEmpty,
            let kind = integration.mappings.first(where: { $0.hostKind == reference.kind })?.kind
        else { return nil }
        let key = RowKey.join(
            reference.tenant,
            "ensure",
            integration.id,
            reference.kind,
            reference.id,
            plan.head.record.event ?? ""
        )
        var job = SyncJob(
            tenant: reference.tenant,
            lane: .record(reference, in: integration.id),
            action: .ensure,
            event: plan.head.record.event,
            record: reference,
            remote: nil,
            kind: kind,
            occurredAt: plan.head.record.occurredAt,
            enqueuedAt: core.now(),
            payload: Data(),
            needs: [],
            state: .queued,
            failures: 0,
            waits: 0,
            mayHaveBeenSent: plan.head.record.mayHaveBeenSent,
            isOwnEcho: false
        )
        try job.seal(JobPayload(words: told.fields.mapValues { HostWord(value: $0) }), key, integration.keys)
        return try job.row(key, memory: options.memory)
    }
}
