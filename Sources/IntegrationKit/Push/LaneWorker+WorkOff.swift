// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// One lane's work between folding and sending.
    struct Plan: Sendable {
        var work: LaneWork
        var fold: JobFold
        var host: HostReference
        var kind: RecordKind
        var link: RecordLink
        /// The link's row as it was read; nil: there was none.
        var stored: Row<RecordLink>?
        var mapper: FieldMapper
        var relations: [Relation] = []
        /// The platform's record as just read.
        var remote: RemoteRecord?
        /// When that read began, by the platform's clock.
        var readAt: Date?
        var merged: FieldMerge.Result?
        /// The revision of the host's record that the merge saw.
        var hostRevision: String?
        /// Whether the link to the platform's record was just made and told of.
        var isAdopted = false
        /// Whether the host refused what the merge had for it: the record is read once more.
        var isRefused = false
        /// Stopped jobs of a record that the host deletes: they end with it.
        var ended: [Row<SyncJob>] = []
        /// Whether the merge would empty a value of the host's.
        var empties = false

        var head: Row<SyncJob> { fold.head ?? fold.jobs[0] }
        var linkKey: String { RecordLink.key(host, in: work.lane.integration) }
    }

    /// Works on lanes whose head was never sent.
    func workOff(_ works: [LaneWork]) async throws {
        var plans = try await fold(works)
        plans = try await relate(plans)
        plans = try await look(plans)
        plans = try await merge(plans)
        plans = try await deliver(plans)
        try await push(try await render(plans))
    }

    private func fold(_ works: [LaneWork]) async throws -> [Plan] {
        var keys: [String] = []
        for work in works {
            if let record = work.head?.record.record { keys.append(RecordLink.key(record, in: integration.id)) }
        }
        let links = try await core.store.records(RecordLink.self, keys)
        var folded: [Plan] = []
        var commits: [LaneCommit] = []
        for work in works {
            guard let reference = work.head?.record.record else { continue }
            let stored = links[RecordLink.key(reference, in: integration.id)]
            let isLinked = stored?.record.isLinked ?? false
            guard let fold = JobFold.make(of: work.jobs, isLinked: isLinked, pushes: integration.pushes),
                let kind = fold.kind
            else {
                commits.append(LaneCommit(work))
                continue
            }
            if integration.status.suspended[kind] != nil, fold.outcome != .nothing {
                var commit = LaneCommit(work)
                commit.dueAfter = .seconds(3600)
                commits.append(commit)
                continue
            }
            guard let mapper = integration.mapper(reference.kind, kind) else {
                commits.append(try block(work, fold.jobs[0], unmapped(reference.kind, kind), at: core.now()))
                continue
            }
            var link = stored?.record ?? freshLink(reference, kind: kind, incarnation: 0)
            // The platform showed a record that is this one's partner by its key: it is read and then linked.
            if link.state == .unlinked, let shown = fold.jobs.compactMap(\.record.remote).first {
                link.remote = shown
                link.state = .linked
            }
            folded.append(
                Plan(
                    work: work,
                    fold: fold,
                    host: reference,
                    kind: kind,
                    link: link,
                    stored: stored,
                    mapper: mapper
                )
            )
        }
        var plans: [Plan] = []
        for plan in try await withEnded(folded) {
            if let commit = try settleWithoutCall(plan) { commits.append(commit) } else { plans.append(reborn(plan)) }
        }
        try await commit(commits, needsFence: true)
        return plans
    }

    /// Adds the stopped jobs that end with the records that the host deletes: nothing of a former life is written to
    /// the next one.
    private func withEnded(_ plans: [Plan]) async throws -> [Plan] {
        let deleted = plans.filter { $0.fold.outcome == .delete || $0.fold.outcome == .nothing }.map(\.work.lane)
        guard !deleted.isEmpty else { return plans }
        let stopped = try await core.store.records(
            SyncJob.self,
            matching: RowQuery("job.blocked", keys: deleted.map(\.indexKey), limit: 100_000)
        )
        return plans.map { plan in
            guard let last = plan.fold.jobs.last(where: { $0.record.action == .delete }) else { return plan }
            var plan = plan
            plan.ended = stopped.filter { $0.record.lane == plan.work.lane && $0.created < last.created }
            return plan
        }
    }

    /// Ends the stopped jobs of a record that the host deletes.
    func end(_ jobs: [Row<SyncJob>], in commit: inout LaneCommit) throws {
        for job in jobs {
            if job.record.action == .refetch {
                commit.deletes.append(job.id)
                continue
            }
            commit.puts.append(
                try job.record.finished(.covered, at: core.now()).row(job.id.key, memory: options.memory)
            )
            commit.events.append(event(.covered, job.record, "The record was deleted here since."))
        }
    }

    /// Finishes what needs no call, by the link's state alone.
    private func settleWithoutCall(_ plan: Plan) throws -> LaneCommit? {
        let fold = plan.fold
        var commit = LaneCommit(plan.work)
        commit.dueAfter = plan.work.hasMore(than: fold.jobs) ? .zero : nil
        if fold.outcome != .read, plan.link.isLinked, let settlesAt = plan.link.settlesAt,
            let wait = core.wait(until: settlesAt)
        {
            commit.dueAfter = wait
            return commit
        }
        if let interrupted = try settleInterrupted(plan) { return interrupted }
        switch fold.outcome {
        case .nothing:
            // What waits for the record learns that it will not come.
            var link = plan.link
            link.state = .deletedByHost
            commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
            try finish(fold.jobs, .covered, "Created and deleted before anything was sent.", in: &commit)
            try end(plan.ended, in: &commit)
            return commit
        case .read where !plan.link.isLinked:
            try finish(fold.jobs, .unchanged, "", in: &commit)
            return commit
        case .delete:
            return try settleDelete(plan, &commit)
        case .read:
            return nil
        case .save:
            break
        }
        if plan.link.state == .merged {
            return try block(plan, mergedAway())
        }
        if fold.onlyIfMissing, plan.link.isLinked {
            try finish(fold.jobs, .unchanged, "The record is there already.", in: &commit)
            return commit
        }
        if fold.isOwnEcho, !plan.link.isLinked,
            abs(core.storeNow().timeIntervalSince(plan.head.record.enqueuedAt)) < 300
        {
            commit.dueAfter = .seconds(2)
            return commit
        }
        let makes = fold.jobs.contains { $0.record.action == .create || $0.record.action == .ensure }
        if plan.link.state == .deletedByRemote || plan.link.state == .deletedByHost, !makes {
            try finish(fold.jobs, .unchanged, "The record was deleted; an update does not bring it back.", in: &commit)
            return commit
        }
        return nil
    }

    /// Lets pass the time in which an update may still arrive whose sender ended or lost the lane: other bytes before it
    /// would be undone by it.
    private func settleInterrupted(_ plan: Plan) throws -> LaneCommit? {
        guard plan.work.lease.starts > 1, let stored = plan.stored?.record, stored.isLinked,
            [.save, .delete].contains(plan.fold.outcome)
        else {
            return nil
        }
        var commit = LaneCommit(plan.work)
        var job = plan.head.record
        job.interruptions = (job.interruptions ?? 0) + 1
        commit.puts.append(try job.row(plan.head.id.key, memory: options.memory))
        let wait = longestArrival(of: plan.kind)
        var link = stored
        link.settlesAt = core.storeNow().advanced(by: wait)
        commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
        commit.dueAfter = wait
        return commit
    }

    private func settleDelete(_ plan: Plan, _ commit: inout LaneCommit) throws -> LaneCommit? {
        guard plan.link.isLinked else {
            var link = plan.link
            link.state = .deletedByHost
            commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
            try finish(plan.fold.jobs, .unchanged, "There was nothing to delete on the platform.", in: &commit)
            try end(plan.ended, in: &commit)
            return commit
        }
        let canDelete = integration.provider.descriptor.kind(plan.kind)?.canDelete ?? false
        switch integration.settings.hostDeletePolicy {
        case .carryOut where canDelete:
            return nil
        case .ask:
            return try block(plan, deletionAsked())
        case .carryOut, .unlink:
            var link = plan.link
            link.state = .deletedByHost
            commit.deletes += link.naturalKeys.map(NaturalKey.rowID)
            link.naturalKeys = []
            commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
            try finish(
                plan.fold.jobs,
                .unchanged,
                remote: link.remote,
                "The records parted; the platform keeps its own.",
                in: &commit
            )
            try end(plan.ended, in: &commit)
            return commit
        }
    }

    /// A record that is made again after a deletion is another incarnation with another key.
    private func reborn(_ plan: Plan) -> Plan {
        guard plan.link.state == .deletedByHost || plan.link.state == .deletedByRemote, plan.fold.outcome == .save
        else {
            return plan
        }
        var plan = plan
        plan.link = nextIncarnation(of: plan.link, plan.host, kind: plan.kind)
        return plan
    }

    private func unmapped(_ hostKind: String, _ kind: RecordKind) -> IntegrationError {
        IntegrationError(
            .invalidInput,
            "There is no mapping from \(hostKind) to \(kind.rawValue).",
            remedy: LocalizedText(
                "Set a mapping for \(hostKind), then replay.",
                fr: "Définissez un mappage pour \(hostKind), puis relancez."
            ),
            retry: .afterSetup
        )
    }

    private func mergedAway() -> IntegrationError {
        IntegrationError(
            .conflict,
            "The platform merged this record into another one, which belongs to another record of the host.",
            remedy: LocalizedText("Merge your own two records.", fr: "Fusionnez vos deux fiches.")
        )
    }

    private func deletionAsked() -> IntegrationError {
        IntegrationError(
            .conflict,
            "The record was deleted here; whether the platform's record is deleted too is a person's decision.",
            remedy: LocalizedText(
                "Replay to delete it there, drop to keep it.",
                fr: "Relancez pour la supprimer, abandonnez pour la garder."
            )
        )
    }
}
