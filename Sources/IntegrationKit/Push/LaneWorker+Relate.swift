// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// A record that another one is to be related to.
    private struct Target: Hashable {
        var rule: EventRoute.RelationRule
        var reference: HostReference
        /// The key by which a field of the event lists it; nil: the event names the record itself.
        var key: String?
    }

    /// How often a record looks for an optional relation that is about to be made before it goes without.
    private static let optionalWaits = 5

    /// Resolves the records that each record belongs to; those that lack one make it or wait for it.
    func relate(_ plans: [Plan]) async throws -> [Plan] {
        let listed = try await listedTargets(of: plans)
        let targets = plans.map { plan in named(by: plan) + (listed[plan.work.lane] ?? []) }
        let wanted = Set(targets.joined().map { RecordLink.key($0.reference, in: integration.id) })
        let links = try await core.store.records(RecordLink.self, Array(wanted))
        var ready: [Plan] = []
        var commits: [LaneCommit] = []
        for (var plan, targets) in zip(plans, targets) {
            var missing: [HostReference] = []
            for target in targets {
                let link = links[RecordLink.key(target.reference, in: integration.id)]?.record
                if let link, link.isLinked, let remote = link.remote {
                    let rule = target.rule
                    plan.relations.append(
                        Relation(rule.role, .remote(remote), isRequired: rule.isRequired, listedAs: target.key)
                    )
                    continue
                }
                guard !missing.contains(target.reference) else { continue }
                if try await isWorthWaiting(for: target, plan) { missing.append(target.reference) }
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

    /// The records that the plan's events name.
    private func named(by plan: Plan) -> [Target] {
        guard plan.fold.outcome == .save else { return [] }
        return plan.fold.relations.flatMap { rule in
            plan.fold.related.filter { $0.kind == rule.hostKind }.map {
                Target(rule: rule, reference: HostReference(tenant: plan.host.tenant, kind: $0.kind, id: $0.id))
            }
        }
    }

    /// The host's records that fields of the plans' events list by a key of theirs.
    private func listedTargets(of plans: [Plan]) async throws -> [LaneID: [Target]] {
        var entries: [(lane: LaneID, rule: EventRoute.RelationRule, key: String, naturalKeys: [String])] = []
        for plan in plans where plan.fold.outcome == .save {
            for rule in plan.fold.relations {
                guard let listing = rule.listing,
                    let kind = integration.mappings.first(where: { $0.hostKind == rule.hostKind })?.kind,
                    case .json(let list) = plan.fold.words[listing.field]?.value
                else { continue }
                for key in Set((list.array ?? []).compactMap { $0[listing.key.rawValue]?.idText }).sorted() {
                    let fields = [listing.key: FieldValue.text(key)]
                    let naturalKeys = integration.naturalKeys(ofHost: fields, rule.hostKind, kind)
                    entries.append((plan.work.lane, rule, key, naturalKeys))
                }
            }
        }
        guard !entries.isEmpty else { return [:] }
        let owners = try await core.naturalOwners(of: Set(entries.flatMap(\.naturalKeys)).sorted())
        var targets: [LaneID: [Target]] = [:]
        for entry in entries {
            let hosts = entry.naturalKeys.flatMap { owners[$0] ?? [] }
            guard let host = hosts.first(where: { $0.kind == entry.rule.hostKind }) else { continue }
            targets[entry.lane, default: []].append(Target(rule: entry.rule, reference: host, key: entry.key))
        }
        return targets
    }

    /// Whether a plan waits for a record that is not on the platform.
    ///
    /// A required one that the event names is waited for in any case. Others are waited for while a job of theirs is
    /// under way: one that stopped holds up what requires it, and nothing else.
    private func isWorthWaiting(for target: Target, _ plan: Plan) async throws -> Bool {
        if target.rule.isRequired, target.key == nil { return true }
        guard let job = try await firstJob(of: target.reference) else { return false }
        if target.rule.isRequired { return true }
        if case .blocked = job.record.state { return false }
        return plan.head.record.waits < Self.optionalWaits
    }

    private func firstJob(of reference: HostReference) async throws -> Row<SyncJob>? {
        let lane = LaneID.record(reference, in: integration.id)
        return try await core.store.records(
            SyncJob.self,
            matching: RowQuery(LaneID.indexName, keys: [lane.indexKey], limit: 1)
        ).first
    }

    /// Puts a lane to sleep until the records that it needs are there, and has them made from what the event told.
    private func wait(_ plan: Plan, for missing: [HostReference], gone: [HostReference]) async throws -> LaneCommit {
        var commit = LaneCommit(plan.work)
        var waiting = plan.head.record
        waiting.needs = missing.map { RecordLink.key($0, in: integration.id) }
        waiting.waits += 1
        for reference in missing {
            let first = try await firstJob(of: reference)
            if case .blocked(let reason) = first?.record.state {
                let error = IntegrationError(
                    .refused,
                    "The \(reference.kind) that this record belongs to is refused: \(reason.error.message)",
                    remedy: reason.error.remedy
                )
                return try block(plan, error, need: RecordLink.key(reference, in: integration.id))
            }
            if first == nil, gone.contains(reference) {
                return try block(plan, parted(from: reference), need: RecordLink.key(reference, in: integration.id))
            }
            guard first == nil, let job = try ensureJob(reference, for: plan) else { continue }
            let existing = try await core.store.rows([job.id])
            guard existing.isEmpty else { continue }
            commit.puts.append(job)
            commit.touches.append(
                LaneTouch(.record(reference, in: integration.id), tenant: integration.tenant, workClass: .live)
            )
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
            kind: kind,
            occurredAt: plan.head.record.occurredAt,
            enqueuedAt: core.storeNow(),
            mayHaveBeenSent: plan.head.record.mayHaveBeenSent
        )
        try job.seal(JobPayload(words: told.fields.mapValues { HostWord(value: $0) }), key, integration.keys)
        return try job.row(key, memory: options.memory)
    }
}
