// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    // MARK: - Deliver

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
    private func refusedByHost(_ plan: Plan, _ job: Row<SyncJob>, _ error: any Error) throws -> LaneCommit {
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

    // MARK: - Render

    /// Turns plans into writes; plans that leave nothing to write are committed as done.
    func render(_ plans: [Plan]) async throws -> [Sending] {
        var sendings: [Sending] = []
        var commits: [LaneCommit] = []
        let intents = try await openIntents(for: plans)
        for plan in plans {
            do {
                if plan.fold.outcome == .delete {
                    sendings.append(delete(plan))
                } else if plan.link.isLinked {
                    if let update = update(plan) { sendings.append(update) } else { commits.append(try await unchanged(plan)) }
                } else if intents.contains(plan.kind) {
                    var commit = LaneCommit(plan.work)
                    commit.dueAfter = .seconds(2)
                    commits.append(commit)
                } else if integration.provider.descriptor.kind(plan.kind)?.mayNotifyPeople == true,
                    !integration.settings.mayNotifyPeople
                {
                    commits.append(try block(plan, mailsPeople(plan.kind)))
                } else {
                    sendings.append(try create(plan))
                }
            } catch let error as IntegrationError where error.code != .storeFailed {
                commits.append(try block(plan, error))
            }
        }
        try await commit(commits, needsFence: true)
        return sendings
    }

    /// The kinds of which a host-side create is under way: a create of the host's may be about the same record.
    private func openIntents(for plans: [Plan]) async throws -> Set<RecordKind> {
        let kinds = Set(plans.filter { !$0.link.isLinked }.map(\.kind))
        guard !kinds.isEmpty, integration.delivers else { return [] }
        let rows = try await core.store.records(
            InboundIntent.self,
            matching: RowQuery(
                "intent.kind", keys: kinds.map { RowKey.join(integration.id, $0.rawValue) }, limit: 100)
        )
        let recent = rows.filter { core.now().timeIntervalSince($0.record.since) < 600 }
        return Set(recent.map(\.record.kind))
    }

    private func unchanged(_ plan: Plan) async throws -> LaneCommit {
        var commit = LaneCommit(plan.work)
        var link = plan.link
        if let merged = plan.merged { link.take(merged.tags) }
        if let remote = plan.remote {
            link.version = remote.version
            link.readAt = plan.readAt
            link.digest = digest(of: remote, plan.linkKey, plan.mapper)
        }
        let wasLinked = plan.stored?.record.isLinked ?? false
        if !wasLinked {
            let keys = try naturalKeyRows(naturalKeys(of: plan), kind: plan.kind, host: plan.host)
            commit.puts += keys
            link.naturalKeys = keys.map(\.id.key)
            commit.claimant = plan.head
            commit.wakes = plan.linkKey
        } else if let remote = plan.remote {
            let moved = try await movedNaturalKeys(of: &link, to: remote)
            commit.puts += moved.puts
            commit.deletes += moved.deletes
            commit.requires.formUnion(moved.requires)
        }
        if plan.isRefused { link.digest = Data() }
        commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
        let outcome: IntegrationEvent.Kind = wasLinked || plan.isAdopted ? .unchanged : .adopted
        try finish(
            plan.fold.jobs,
            outcome,
            remote: link.remote,
            outcome == .unchanged ? "The platform has these values already." : "Linked the record that was there already.",
            in: &commit
        )
        if plan.fold.outcome == .read {
            let delivered = !(plan.merged?.deliver.isEmpty ?? true)
            commit.events.append(
                event(
                    delivered ? .delivered : .echoed,
                    plan.fold.jobs[0].record,
                    remote: link.remote,
                    delivered ? "Carried the platform's change to the host." : "Nothing new on the platform."
                )
            )
        }
        commit.events += mergeEvents(plan)
        if let merged = plan.merged, !merged.problems.isEmpty {
            let error = IntegrationError(merged.problems, of: plan.mapper.mapping, concerns: .record)
            commit.events.append(event(.refused, plan.head.record, remote: link.remote, error: error, error.message))
        }
        commit.dueAfter = plan.work.hasMore(than: plan.fold.jobs) ? .zero : nil
        if plan.isRefused, let remote = link.remote {
            // The host's own words are through; what it refused comes again, and stops visibly at last.
            let again = try RefetchJob.row(of: remote, host: plan.host, integration: integration, core: core)
            commit.deletes.removeAll { $0 == again.id }
            commit.puts.append(again)
            commit.dueAfter = options.backoff(1, core.random)
        }
        return commit
    }

    /// What the merge of a push brought besides its write: news for the host, and conflicts.
    private func mergeEvents(_ plan: Plan) -> [IntegrationEvent] {
        guard let merged = plan.merged else { return [] }
        var events: [IntegrationEvent] = []
        if plan.fold.outcome != .read, !merged.deliver.isEmpty {
            events.append(
                event(.delivered, plan.head.record, remote: plan.link.remote, "Carried the platform's change to the host."))
        }
        if !merged.conflicts.isEmpty {
            events.append(
                event(
                    .conflict,
                    plan.head.record,
                    remote: plan.link.remote,
                    "Both sides changed \(merged.conflicts.map(\.rawValue).joined(separator: ", ")); "
                        + "the policy \(integration.settings.conflictPolicy.rawValue) decided."
                )
            )
        }
        return events
    }

    func digest(of record: RemoteRecord, _ linkKey: String, _ mapper: FieldMapper) -> Data {
        Ledger(keys: integration.keys, link: linkKey).digest(record.fields, of: mapper.remoteFields)
    }

    /// The write that makes the plan's record.
    func create(_ plan: Plan) throws -> Sending {
        let mapped = try plan.mapper.outbound(plan.fold.words.mapValues(\.value), creating: true)
        let words = plan.mapper.rules.compactMap { rule -> (rule: CompiledRule, word: HostWord)? in
            guard let value = mapped.mapped[rule.rule.remote], value.ruleID == rule.id else { return nil }
            return (rule, plan.fold.words[rule.rule.host] ?? HostWord(value: value.source))
        }
        let fields = mapped.values
        return sending(
            plan,
            RecordWrite(
                id: core.random.uuid(),
                operation: .create,
                kind: plan.kind,
                externalKey: plan.link.externalKey,
                naturalKeys: naturalKeys(in: fields, of: plan.kind),
                fields: fields,
                relations: plan.relations,
                mayNotifyPeople: integration.settings.mayNotifyPeople
            ),
            words
        )
    }

    private func update(_ plan: Plan) -> Sending? {
        let merged = plan.merged ?? merge(plan, current: nil)
        let ledger = Ledger(keys: integration.keys, link: plan.linkKey)
        let relations = plan.relations.filter { !plan.link.relations.contains(ledger.tag($0)) }
        guard !merged.write.isEmpty || !relations.isEmpty, let target = plan.link.remote else { return nil }
        // What the host said of other fields stands beside what changes: some platforms take groups only as a whole.
        var fields = plan.mapper.tryOutbound(plan.fold.words.mapValues(\.value), creating: false).values
        fields.merge(merged.write) { _, changed in changed }
        var linked = plan
        linked.link.take(merged.tags)
        return sending(
            linked,
            RecordWrite(
                id: core.random.uuid(),
                operation: .update,
                kind: target.kind,
                target: target,
                externalKey: plan.link.externalKey,
                naturalKeys: naturalKeys(in: fields, of: plan.kind),
                fields: fields,
                changed: Set(merged.write.keys),
                base: plan.remote?.fields ?? [:],
                baseVersion: plan.remote?.version,
                relations: relations,
                mayNotifyPeople: integration.settings.mayNotifyPeople
            ),
            merged.written
        )
    }

    private func delete(_ plan: Plan) -> Sending {
        sending(
            plan,
            RecordWrite(
                id: core.random.uuid(),
                operation: .delete,
                kind: plan.kind,
                target: plan.link.remote,
                externalKey: plan.link.externalKey
            ),
            []
        )
    }

    private func sending(
        _ plan: Plan,
        _ write: RecordWrite,
        _ words: [(rule: CompiledRule, word: HostWord)]
    ) -> Sending {
        // A refetch that the write rests on stays: it reads once more what the write made of the record.
        let jobs = plan.fold.jobs.filter { $0.record.action != .refetch }
        return Sending(
            work: plan.work,
            jobs: jobs,
            payload: JobPayload(
                words: plan.fold.words, related: plan.fold.related, relations: plan.fold.relations),
            host: plan.host,
            link: plan.link,
            write: write,
            words: words,
            mapper: plan.mapper,
            carries: jobs.count,
            notes: mergeEvents(plan)
        )
    }

    private func naturalKeys(of plan: Plan) -> [FieldName: FieldValue] {
        naturalKeys(in: plan.mapper.tryOutbound(plan.fold.words.mapValues(\.value), creating: false).values, of: plan.kind)
    }

    private func naturalKeys(in fields: [FieldName: FieldValue], of kind: RecordKind) -> [FieldName: FieldValue] {
        guard let description = integration.provider.descriptor.kind(kind) else { return [:] }
        let names = Set(description.naturalKeys + description.matchFields)
        return fields.filter { names.contains($0.key) && $0.value != .empty }
    }

    private func mailsPeople(_ kind: RecordKind) -> IntegrationError {
        IntegrationError(
            .unsupported,
            "The platform mails the person whenever a \(kind.rawValue) is created, and the host has not agreed to that.",
            remedy: LocalizedText(
                "Set mayNotifyPeople in the integration's settings, then replay.",
                fr: "Activez mayNotifyPeople dans les réglages, puis relancez."
            ),
            retry: .afterSetup
        )
    }

    // MARK: - What a read showed besides a record

    /// A linked record is surely gone: an edit of the host's survives as a new record, else the delete policy decides.
    func vanished(_ plan: Plan) async throws -> Plan? {
        if plan.fold.outcome == .save, plan.fold.jobs.contains(where: { $0.record.action != .ensure }) {
            var plan = plan
            core.observe(
                event(
                    .conflict,
                    plan.head.record,
                    remote: plan.link.remote,
                    "Deleted on the platform while edited here; the edit survives."
                )
            )
            if let host, integration.delivers {
                let current = try await asking(host) { try await host.current([plan.host]) }
                for (name, value) in current[plan.host]?.fields ?? [:] where plan.fold.words[name] == nil {
                    plan.fold.words[name] = HostWord(value: value)
                }
            }
            plan.link = freshLink(plan.host, kind: plan.kind, incarnation: plan.link.incarnation + 1)
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
                    "Delete it here, or drop the job to keep it.", fr: "Supprimez-la ici, ou abandonnez pour la garder.")
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
                event(.delivered, plan.fold.jobs[0].record, remote: winner, "The platform merged this record into another one."))
        } else {
            if let old = link.remote { link.formerIDs.append(old) }
            link.remote = winner
            link.kind = winner.kind
            link.digest = Data()
            commit.events.append(
                event(.retried, plan.fold.jobs[0].record, remote: winner, "The record moved on the platform; the link follows."))
        }
        commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
        commit.dueAfter = .zero
        try await self.commit([commit])
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

/// What is being carried to the host while its `apply` runs: events raised there know where they come from.
struct InboundOrigin: Sendable {
    @TaskLocal static var current: InboundOrigin?

    private let integration: String
    private let remotes: [HostReference: RemoteID]
    private let first: RemoteID

    /// Notes the changes of one call.
    init?(_ changes: [InboundChange]) {
        guard let change = changes.first else { return nil }
        integration = change.integration
        first = change.remote
        remotes = Dictionary(
            changes.compactMap { change in change.host.map { ($0, change.remote) } }, uniquingKeysWith: { a, _ in a })
    }

    /// Where an event about a record comes from.
    func origin(of record: HostReference) -> DomainEvent.Origin {
        DomainEvent.Origin(integration: integration, remote: remotes[record] ?? first)
    }
}
