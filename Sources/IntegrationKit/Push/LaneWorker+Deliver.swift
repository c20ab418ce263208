// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Carries to the host what the merges found, and commits lanes that have nothing left to write.
    func deliver(_ plans: [Plan]) async throws -> [Plan] {
        var result: [Plan] = []
        var delivering: [Plan] = []
        for plan in plans {
            if let merged = plan.merged, !merged.deliver.isEmpty, host != nil {
                delivering.append(plan)
            } else {
                result.append(plan)
            }
        }
        guard let host, !delivering.isEmpty else { return result }
        let (passed, held) = try await admit(delivering.filter(\.empties), .blank)
        delivering = delivering.filter { !$0.empties } + passed
        try await hold(held, .blank)
        delivering = try await announce(delivering)
        guard !delivering.isEmpty else { return result }
        let changes = delivering.map { plan in
            InboundChange(
                integration: integration.id,
                action: .update,
                remote: plan.remote?.id ?? RemoteID(plan.kind, ""),
                version: plan.remote?.version,
                host: plan.host,
                expecting: plan.hostRevision,
                fields: plan.merged?.deliver ?? [:]
            )
        }
        let outcomes = try await apply(changes, to: host)
        var commits: [LaneCommit] = []
        for (var plan, outcome) in zip(delivering, outcomes) {
            switch outcome {
            case .applied(_, let stored):
                plan.takeDelivered(stored, keys: integration.keys)
                result.append(plan)
            case .stale:
                var commit = LaneCommit(plan.work)
                commit.dueAfter = .seconds(1)
                commits.append(commit)
            case .refused(let error):
                if plan.fold.outcome == .read, let job = plan.fold.jobs.first {
                    commits.append(try refusedByHost(plan, job, error))
                } else {
                    result.append(plan.withoutDelivery())
                }
            }
        }
        try await commit(commits)
        return result
    }

    /// Notes what is about to be carried to the host; returns the plans whose lanes are still held.
    ///
    /// A process may end between the host's commit and ours. What the host holds then is no word of its own.
    private func announce(_ plans: [Plan]) async throws -> [Plan] {
        var commits: [LaneCommit] = []
        for plan in plans where plan.isAdopted || plan.stored?.record.isLinked == true {
            guard let merged = plan.merged else { continue }
            var link = plan.link
            link.delivering = merged.delivered.compactMap { merged.tags[$0.id] }
            var commit = LaneCommit(plan.work)
            commit.releases = false
            commit.puts = [try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id)]
            commits.append(commit)
        }
        let left = try await commit(commits, needsFence: true)
        return plans.filter { left[$0.work.lane] == nil }
    }

    /// Calls the host's `apply`; events that it raises meanwhile know where they come from.
    func apply(_ changes: [InboundChange], to host: any HostRecords) async throws -> [InboundOutcome] {
        let outcomes = try await InboundOrigin.$current.withValue(InboundOrigin(changes)) {
            try await asking(host) { try await host.apply(changes) }
        }
        guard outcomes.count == changes.count else {
            throw IntegrationError(
                .invalidInput,
                "The host answered \(outcomes.count) of \(changes.count) changes.",
                remedy: LocalizedText(
                    "HostRecords.apply must return one outcome per change, in order.",
                    fr: "HostRecords.apply doit renvoyer un résultat par changement, dans l’ordre."
                ),
                retry: .after(.seconds(60)),
                concerns: .application
            )
        }
        return outcomes
    }

    /// The host's own rules refuse a change: what it said itself still goes out; a refetch tries again and then waits.
    func refusedByHost(_ plan: Plan, _ job: Row<SyncJob>, _ error: any Error) throws -> LaneCommit {
        let refusal = IntegrationError(
            .refused,
            "The host refused the change (\(type(of: error))).",
            remedy: LocalizedText(
                "Correct the record on the platform or the host's rule, then replay.",
                fr: "Corrigez la fiche sur la plateforme ou la règle de l’application, puis relancez."
            )
        )
        var commit = LaneCommit(plan.work)
        var tried = job.record
        tried.failures += 1
        guard tried.failures < options.failuresBeforeBlocking else {
            return try block(plan.work, job, refusal, at: core.now())
        }
        commit.puts.append(try tried.row(job.id.key, memory: options.memory))
        commit.dueAfter = options.backoff(tried.failures, core.random)
        commit.events.append(event(.retried, job.record, error: refusal, refusal.message))
        return commit
    }
}

extension LaneWorker.Plan {
    /// Takes in that the host has the delivered values, in the form in which it stored them.
    mutating func takeDelivered(_ stored: HostRecord?, keys: TenantKeys) {
        guard var merged else { return }
        let ledger = Ledger(keys: keys, link: linkKey)
        for rule in merged.delivered {
            guard let value = stored?.fields[rule.rule.host] else { continue }
            merged.tags[rule.id]?.host = ledger.tag(rule.id, value)
        }
        self.merged = merged
    }

    /// The plan without what the host refused: its ledger stays, so that the difference is seen again.
    func withoutDelivery() -> Self {
        var plan = self
        guard var merged else { return plan }
        let old = Dictionary(link.tags.map { ($0.rule, $0) }, uniquingKeysWith: { _, last in last })
        for rule in merged.delivered { merged.tags[rule.id] = old[rule.id] }
        merged.deliver = [:]
        merged.delivered = []
        plan.merged = merged
        plan.isRefused = true
        return plan
    }
}
