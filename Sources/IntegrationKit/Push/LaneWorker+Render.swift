// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
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
                    let update = update(plan)
                    let isFixed = integration.provider.descriptor.kind(plan.kind)?.canUpdate == false
                    if let update, !isFixed {
                        sendings.append(update)
                    } else {
                        commits.append(try await unchanged(plan, isFixed: update != nil))
                    }
                } else if intents.contains(plan.kind) {
                    var commit = LaneCommit(plan.work)
                    commit.dueAfter = .seconds(2)
                    commits.append(commit)
                } else if lacksConsent(plan.kind) {
                    commits.append(try withoutConsent(plan))
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
                "intent.kind",
                keys: kinds.map { RowKey.join(integration.id, $0.rawValue) },
                limit: 100
            )
        )
        let recent = rows.filter { abs(core.storeNow().timeIntervalSince($0.record.since)) < 600 }
        return Set(recent.map(\.record.kind))
    }

    /// Ends a plan that leaves nothing to write, or whose record the platform lets nobody change.
    private func unchanged(_ plan: Plan, isFixed: Bool = false) async throws -> LaneCommit {
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
            commit.makes(link, plan.linkKey)
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
            isFixed
                ? "The platform lets nobody change a \(plan.kind.rawValue); it stays as it was made."
                : outcome == .unchanged
                    ? "The platform has these values already." : "Linked the record that was there already.",
            in: &commit
        )
        if plan.fold.outcome == .read {
            let delivered = !(plan.merged?.deliver.isEmpty ?? true)
            var told = event(
                delivered ? .delivered : .echoed,
                plan.fold.jobs[0].record,
                remote: link.remote,
                delivered ? "Carried the platform's change to the host." : "Nothing new on the platform."
            )
            if delivered { told.lag = plan.remote.flatMap(integration.lag) }
            commit.events.append(told)
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
            var told = event(
                .delivered,
                plan.head.record,
                remote: plan.link.remote,
                "Carried the platform's change to the host."
            )
            told.lag = plan.remote.flatMap(integration.lag)
            events.append(told)
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
        var sending = sending(
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
        sending.ended = plan.ended
        return sending
    }

    private func sending(
        _ plan: Plan,
        _ write: RecordWrite,
        _ words: [(rule: CompiledRule, word: HostWord)]
    ) -> Sending {
        // A refetch that the write rests on stays: it reads once more what the write made of the record.
        let jobs = plan.fold.jobs.filter { $0.record.action != .refetch }
        let payload = JobPayload(words: plan.fold.words, related: plan.fold.related, relations: plan.fold.relations)
        let isStored = jobs.count == 1 && plan.work.payload(of: jobs[0])?.said(by: jobs[0]) == payload
        return Sending(
            work: plan.work,
            jobs: jobs,
            payload: payload,
            host: plan.host,
            link: plan.link,
            write: write,
            words: words,
            mapper: plan.mapper,
            carries: jobs.count,
            isPayloadStored: isStored,
            notes: mergeEvents(plan)
        )
    }

    private func naturalKeys(of plan: Plan) -> [FieldName: FieldValue] {
        naturalKeys(
            in: plan.mapper.tryOutbound(plan.fold.words.mapValues(\.value), creating: false).values,
            of: plan.kind
        )
    }

    private func naturalKeys(in fields: [FieldName: FieldValue], of kind: RecordKind) -> [FieldName: FieldValue] {
        guard let description = integration.provider.descriptor.kind(kind) else { return [:] }
        let names = Set(description.naturalKeys + description.matchFields)
        return fields.filter { names.contains($0.key) && $0.value != .empty }
    }

    /// Whether making a record of a kind mails a person and the host has not agreed to that.
    func lacksConsent(_ kind: RecordKind) -> Bool {
        let mailsPeople = integration.provider.descriptor.kind(kind)?.mayNotifyPeople.contains(.create) ?? false
        return mailsPeople && !integration.settings.mayNotifyPeople
    }

    /// Ends or stops a plan whose record must not be made.
    ///
    /// An event that changed a record which is not there never asked for it to be made: it ends as one without a route.
    private func withoutConsent(_ plan: Plan) throws -> LaneCommit {
        let asksForIt = plan.fold.jobs.contains { $0.record.action == .create || $0.record.action == .ensure }
        guard !asksForIt else { return try block(plan, mailsPeople(plan.kind)) }
        var commit = LaneCommit(plan.work)
        try finish(plan.fold.jobs, .unrouted, mailsPeople(plan.kind).message, in: &commit)
        commit.dueAfter = plan.work.hasMore(than: plan.fold.jobs) ? .zero : nil
        return commit
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
}
