// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Linked records are surely gone: what the host edited survives as new records, the others' records part unless
    /// they are so many that a person is asked first.
    ///
    /// - Parameter plans: The lanes whose records are gone.
    /// - Returns: The lanes that still have something to write.
    /// - Throws: ``IntegrationError`` if host or store cannot be reached.
    func depart(_ plans: [Plan]) async throws -> [Plan] {
        let (passed, held) = try await admit(plans.filter { !$0.survives }, .delete)
        try await hold(held, .delete)
        var result: [Plan] = []
        for plan in plans.filter(\.survives) + passed {
            if let plan = try await vanished(plan) { result.append(plan) }
        }
        return result
    }

    /// A linked record is surely gone: an edit of the host's survives as a new record, else the delete policy decides.
    private func vanished(_ plan: Plan) async throws -> Plan? {
        if plan.survives {
            var plan = plan
            core.observe(
                event(
                    .conflict,
                    plan.head.record,
                    remote: plan.link.remote,
                    "Deleted on the platform while edited here; the edit survives."
                )
            )
            if let host {
                let current = try await asking(host) { try await host.current([plan.host]) }[plan.host]?.fields ?? [:]
                let overtaken = overtaken(plan, current)
                for (name, value) in current where plan.fold.words[name] == nil || overtaken.contains(name) {
                    plan.fold.words[name] = HostWord(value: value)
                }
            }
            plan.link = nextIncarnation(of: plan.link, plan.host, kind: plan.kind)
            return plan
        }
        var commit = LaneCommit(plan.work)
        var link = plan.link
        var message = "Deleted on the platform; the records parted."
        switch integration.settings.remoteDeletePolicy {
        case .carryOut:
            if let host, integration.delivers {
                let change = InboundChange(
                    integration: integration.id,
                    action: .delete,
                    remote: link.remote ?? RemoteID(plan.kind, ""),
                    // A record that came back and is deleted again is deleted anew.
                    version: "deleted \(link.linkedAt.milliseconds) \(link.version ?? "")",
                    host: plan.host
                )
                if case .refused(let error) = try await apply([change], to: host)[0] {
                    try await self.commit([try refusedByHost(plan, plan.fold.jobs[0], error)])
                    return nil
                }
                message = "Deleted on the platform; the host's record was deleted too."
            }
        case .unlink:
            break
        case .ask:
            let error = IntegrationError(
                .conflict,
                "The record was deleted on the platform; what becomes of the host's record is a person's decision.",
                remedy: LocalizedText(
                    "Delete it here, or drop the job to keep it.",
                    fr: "Supprimez-la ici, ou abandonnez pour la garder."
                )
            )
            try await self.commit([try block(plan.work, plan.fold.jobs[0], error, at: core.now())])
            return nil
        }
        link.state = .deletedByRemote
        commit.deletes += link.naturalKeys.map(NaturalKey.rowID)
        link.naturalKeys = []
        commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
        try finish(plan.fold.jobs, .unchanged, remote: link.remote, message, in: &commit)
        commit.events.append(event(.delivered, plan.fold.jobs[0].record, remote: link.remote, message))
        commit.dueAfter = plan.work.hasMore(than: plan.fold.jobs) ? .zero : nil
        try await self.commit([commit])
        return nil
    }

    /// The fields in which the host's record holds what was carried to it since the words about them were said.
    private func overtaken(_ plan: Plan, _ current: [FieldName: FieldValue]) -> Set<FieldName> {
        let ledger = Ledger(keys: integration.keys, link: plan.linkKey)
        let tags = plan.link.tags + (plan.link.delivering ?? [])
        return Set(
            plan.mapper.rules.filter { rule in
                guard let now = current[rule.rule.host], let word = plan.fold.words[rule.rule.host] else {
                    return false
                }
                return tags.contains {
                    $0.rule == rule.id && word.job <= $0.event && $0.host == ledger.tag(rule.id, now)
                }
            }.map(\.rule.host)
        )
    }

    /// The platform merged or converted a linked record: the link follows, unless another link owns the winner.
    func follow(_ plan: Plan, _ into: [RemoteID]) async throws {
        guard let winner = into.first(where: { $0.kind == plan.kind }) ?? into.first else {
            try await release([plan.work], after: .seconds(60))
            return
        }
        let owners = try await core.store.records(
            RecordLink.self,
            matching: RowQuery("link.remote", keys: [RecordLink.remoteKey(winner, in: integration.id)], limit: 1)
        )
        var link = plan.link
        var commit = LaneCommit(plan.work)
        if let owner = owners.first?.record.host, owner != plan.host {
            link.state = .merged
            if let host, integration.delivers {
                let change = InboundChange(
                    integration: integration.id,
                    action: .merge(into: owner),
                    remote: winner,
                    version: "merged \(link.remote?.value ?? "")",
                    host: plan.host
                )
                if case .refused(let error) = try await apply([change], to: host)[0] {
                    try await self.commit([try refusedByHost(plan, plan.fold.jobs[0], error)])
                    return
                }
            }
            commit.deletes += link.naturalKeys.map(NaturalKey.rowID)
            link.naturalKeys = []
            commit.deletes += plan.fold.jobs.filter { $0.record.action == .refetch }.map(\.id)
            commit.events.append(
                event(
                    .delivered,
                    plan.fold.jobs[0].record,
                    remote: winner,
                    "The platform merged this record into another one."
                )
            )
        } else {
            if let old = link.remote { link.formerIDs.append(old) }
            link.remote = winner
            link.kind = winner.kind
            link.digest = Data()
            commit.events.append(
                event(
                    .retried,
                    plan.fold.jobs[0].record,
                    remote: winner,
                    "The record moved on the platform; the link follows."
                )
            )
        }
        commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
        commit.dueAfter = .zero
        try await self.commit([commit])
    }
}

extension LaneWorker.Plan {
    /// Whether the host said something of a record that is gone on the platform.
    fileprivate var survives: Bool {
        fold.outcome == .save && fold.jobs.contains { $0.record.action != .ensure }
    }
}
