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

    // MARK: - Fold

    private func fold(_ works: [LaneWork]) async throws -> [Plan] {
        var keys: [String] = []
        for work in works {
            if let record = work.head?.record.record { keys.append(RecordLink.key(record, in: integration.id)) }
        }
        let links = try await core.store.records(RecordLink.self, keys)
        var plans: [Plan] = []
        var commits: [LaneCommit] = []
        for work in works {
            guard let reference = work.head?.record.record else { continue }
            let stored = links[RecordLink.key(reference, in: integration.id)]
            let isLinked = stored?.record.isLinked ?? false
            guard let fold = JobFold.make(of: work.jobs, isLinked: isLinked, pushes: integration.pushes), let kind = fold.kind else {
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
            let plan = Plan(
                work: work, fold: fold, host: reference, kind: kind, link: link, stored: stored, mapper: mapper)
            if let commit = try settleWithoutCall(plan) { commits.append(commit) } else { plans.append(reborn(plan)) }
        }
        try await commit(commits, needsFence: true)
        return plans
    }

    /// Finishes what needs no call, by the link's state alone.
    private func settleWithoutCall(_ plan: Plan) throws -> LaneCommit? {
        let fold = plan.fold
        var commit = LaneCommit(plan.work)
        commit.dueAfter = plan.work.hasMore(than: fold.jobs) ? .zero : nil
        switch fold.outcome {
        case .nothing:
            try finish(fold.jobs, .covered, "Created and deleted before anything was sent.", in: &commit)
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
        if fold.isOwnEcho, !plan.link.isLinked, core.now().timeIntervalSince(plan.head.record.enqueuedAt) < 300 {
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

    private func settleDelete(_ plan: Plan, _ commit: inout LaneCommit) throws -> LaneCommit? {
        guard plan.link.isLinked else {
            var link = plan.link
            link.state = .deletedByHost
            commit.puts.append(try link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id))
            try finish(plan.fold.jobs, .unchanged, "There was nothing to delete on the platform.", in: &commit)
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
            return commit
        }
    }

    /// A record that is made again after a deletion is another incarnation with another key.
    private func reborn(_ plan: Plan) -> Plan {
        guard plan.link.state == .deletedByHost || plan.link.state == .deletedByRemote, plan.fold.outcome == .save else {
            return plan
        }
        var plan = plan
        plan.link = freshLink(plan.host, kind: plan.kind, incarnation: plan.link.incarnation + 1)
        return plan
    }

    // MARK: - Relations

    /// Resolves the records that each record belongs to; those that lack one make it or wait for it.
    private func relate(_ plans: [Plan]) async throws -> [Plan] {
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
            if missing.isEmpty { ready.append(plan) } else { commits.append(try await wait(plan, for: missing)) }
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
    private func wait(_ plan: Plan, for missing: [HostReference]) async throws -> LaneCommit {
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

    private func ensureJob(_ reference: HostReference, for plan: Plan) throws -> RowContent? {
        let told = plan.fold.related.first { $0.kind == reference.kind && $0.id == reference.id }
        guard let told, !told.fields.isEmpty,
            let kind = integration.mappings.first(where: { $0.hostKind == reference.kind })?.kind
        else { return nil }
        let key = RowKey.join(
            reference.tenant, "ensure", integration.id, reference.kind, reference.id, plan.head.record.event ?? "")
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

    // MARK: - Look

    /// Reads the platform's side where the policy, a refetch or a first contact wants it.
    private func look(_ plans: [Plan]) async throws -> [Plan] {
        var result: [Plan] = []
        var reading: [Plan] = []
        var asking: [Plan] = []
        let unswept = try await unsweptKinds(Set(plans.map(\.kind)))
        for plan in plans {
            if plan.link.isLinked {
                if plan.fold.outcome == .delete {
                    result.append(plan)
                } else if plan.fold.reads
                    || (integration.delivers && integration.settings.conflictPolicy != .hostWins && hasNews(plan))
                {
                    reading.append(plan)
                } else {
                    result.append(plan)
                }
            } else if looksFirst(plan, unswept: unswept) {
                asking.append(plan)
            } else {
                result.append(plan)
            }
        }
        result += try await read(reading)
        result += try await ask(asking)
        return result
    }

    private func hasNews(_ plan: Plan) -> Bool {
        let merged = merge(plan, current: nil)
        return !merged.write.isEmpty || !merged.problems.isEmpty
    }

    private func looksFirst(_ plan: Plan, unswept: Set<RecordKind>) -> Bool {
        plan.fold.outcome == .save
            && (mayHaveBeenSent(plan.fold) || plan.link.state == .unclaimed || unswept.contains(plan.kind))
    }

    private func mayHaveBeenSent(_ fold: JobFold) -> Bool {
        let restoredBefore = core.restored.withLock { $0 }
        return fold.mayHaveBeenSent || fold.jobs.contains { $0.created < restoredBefore }
    }

    /// The kinds whose records on the platform are not all known: a create of theirs looks first.
    private func unsweptKinds(_ kinds: Set<RecordKind>) async throws -> Set<RecordKind> {
        var result: Set<RecordKind> = []
        let pulled = Set(integration.pulledKinds)
        for kind in kinds {
            let description = integration.provider.descriptor.kind(kind)
            guard pulled.contains(kind) else {
                let hasKeys = !(description?.naturalKeys.isEmpty ?? true) || !(description?.matchFields.isEmpty ?? true)
                if hasKeys { result.insert(kind) }
                continue
            }
            let scans = integration.provider.streams(for: kind, of: integration.account)
                .filter { $0.mode == .scan && $0.provesAbsence }
            let cursors = try await core.store.records(
                PullCursor.self, scans.map { RowKey.join(integration.id, $0.id) })
            if scans.contains(where: { cursors[RowKey.join(integration.id, $0.id)]?.record.sweepEnded == nil }) {
                result.insert(kind)
            }
        }
        return result
    }

    private func read(_ plans: [Plan]) async throws -> [Plan] {
        var result: [Plan] = []
        for chunk in plans.chunked(by: 100) {
            let ids = chunk.compactMap(\.link.remote)
            let session = integration.session("read \(chunk[0].kind.rawValue)")
            let readAt = session.now()
            let found = try await integration.provider.fetchRecords(
                ids, fields: Set(chunk.map(\.kind)).flatMap(integration.remoteFields), in: session)
            guard found.count == chunk.count else { throw miscount("fetchRecords") }
            for (var plan, fetched) in zip(chunk, found) {
                plan.readAt = readAt
                switch fetched {
                case .found(let record):
                    plan.remote = record
                    result.append(plan)
                case .gone:
                    if let plan = try await vanished(plan) { result.append(plan) }
                case .moved(_, let into):
                    try await follow(plan, into)
                case .hidden(_, let error):
                    try await commit([try block(plan, error)])
                }
            }
        }
        return result
    }

    /// Asks the platform for records by their keys before making them.
    private func ask(_ plans: [Plan]) async throws -> [Plan] {
        var result: [Plan] = []
        for chunk in plans.chunked(by: 100) {
            var writes: [(Plan, RecordWrite)] = []
            var commits: [LaneCommit] = []
            for plan in chunk {
                do {
                    writes.append((plan, try create(plan).write))
                } catch let error as IntegrationError {
                    commits.append(try block(plan, error))
                }
            }
            try await commit(commits)
            guard !writes.isEmpty else { continue }
            let session = integration.session("look up \(chunk[0].kind.rawValue)")
            let readAt = session.now()
            let found = try await integration.provider.lookUp(writes.map(\.1), in: session)
            guard found.count == writes.count else { throw miscount("lookUp") }
            var met: [Plan] = []
            for ((plan, _), answer) in zip(writes, found) {
                if let plan = try await meet(plan, answer, readAt: readAt) { met.append(plan) }
            }
            result += try await claim(met)
        }
        return result
    }

    /// Commits the links to records that were found before anything is written to them.
    ///
    /// Two records of the host may find the same one in the same moment; only one may write to it, not even once more.
    private func claim(_ plans: [Plan]) async throws -> [Plan] {
        var claimed: Set<RemoteID> = []
        var commits: [LaneCommit] = []
        for plan in plans {
            guard plan.link.isLinked, let remote = plan.link.remote else { continue }
            var commit = LaneCommit(plan.work)
            if claimed.insert(remote).inserted {
                commit.releases = false
                commit.puts = [try plan.link.row(plan.linkKey, tenant: integration.tenant, integration: integration.id)]
                commit.events = [
                    event(.adopted, plan.head.record, remote: remote, "Linked the record that was there already.")
                ]
                commit.wakes = plan.linkKey
            } else {
                commit.dueAfter = .seconds(1)
            }
            commits.append(commit)
        }
        let left = try await commit(commits, needsFence: true)
        let lost = Set(commits.filter(\.releases).map(\.work.lane)).union(left.keys)
        let taken = plans.filter { plan in left[plan.work.lane]?.contains { $0.name == "link.remote" } ?? false }
        try await commit(try taken.map { try block($0.work, $0.head, linkedElsewhere(), at: core.now()) })
        return plans.filter { !lost.contains($0.work.lane) }.map { plan in
            var plan = plan
            plan.isAdopted = plan.link.isLinked
            return plan
        }
    }

    /// Decides what a first look means: link what is there, make what is not, or leave it to a person.
    private func meet(_ plan: Plan, _ answer: LookupResult, readAt: Date) async throws -> Plan? {
        var plan = plan
        switch answer {
        case .found(let record, let byKey):
            let owner = try await core.store.rows(
                matching: RowQuery("link.remote", keys: [RecordLink.remoteKey(record.id, in: integration.id)], limit: 1))
            guard owner.isEmpty else {
                try await commit([try block(plan, linkedElsewhere())])
                return nil
            }
            if !byKey, integration.settings.duplicatePolicy == .hold {
                try await commit([
                    try block(plan, several([record.id]), candidates: [record.id])
                ])
                return nil
            }
            if !byKey, integration.settings.duplicatePolicy == .createBeside { return plan }
            plan.link.remote = record.id
            plan.link.state = .linked
            plan.link.linkedAt = core.now()
            plan.fold.yield()
            plan.remote = record
            plan.readAt = readAt
            return plan
        case .absent:
            return plan
        case .several(let ids):
            try await commit([try block(plan, several(ids), candidates: ids)])
            return nil
        case .tooEarly(let wait):
            var commit = LaneCommit(plan.work)
            commit.dueAfter = wait
            try await self.commit([commit])
            return nil
        case .undecidable:
            // Nothing of ours was sent in this life of the store; only then is "cannot say" no reason to wait.
            guard mayHaveBeenSent(plan.fold), !plan.fold.jobs.contains(where: \.record.isVouchedFor) else { return plan }
            let error = IntegrationError(
                .outcomeUnknown,
                "This record may have been written before, and the platform gives no way to look.",
                remedy: LocalizedText(
                    "Look on the platform: replay if it is missing, drop the job if it is there.",
                    fr: "Vérifiez sur la plateforme : relancez si elle manque, abandonnez si elle existe."
                )
            )
            try await commit([try block(plan, error)])
            return nil
        }
    }

    // MARK: - Merge

    private func merge(_ plans: [Plan]) async throws -> [Plan] {
        var current: [HostReference: HostRecord] = [:]
        let read = plans.filter { $0.remote != nil }
        if integration.delivers, let host, !read.isEmpty {
            current = try await asking(host) { try await host.current(read.map(\.host)) }
        }
        var result: [Plan] = []
        var commits: [LaneCommit] = []
        for var plan in plans {
            guard plan.fold.outcome != .delete else {
                result.append(plan)
                continue
            }
            guard plan.link.isLinked else {
                result.append(plan)
                continue
            }
            let record = current[plan.host]
            plan.hostRevision = record?.revision
            let merged = merge(plan, current: record)
            if !merged.problems.isEmpty, plan.fold.outcome == .save {
                let error = IntegrationError(merged.problems, of: plan.mapper.mapping, concerns: .record)
                commits.append(try block(plan, error))
                continue
            }
            if !merged.asked.isEmpty, plan.fold.outcome == .read, try await isAskedAlready(plan.host) {
                var commit = LaneCommit(plan.work)
                try finish(plan.fold.jobs, .unchanged, "", in: &commit)
                commit.dueAfter = plan.work.hasMore(than: plan.fold.jobs) ? .zero : nil
                commits.append(commit)
                continue
            }
            if !merged.asked.isEmpty {
                commits.append(try block(plan, conflict(merged.asked)))
                continue
            }
            plan.merged = merged
            result.append(plan)
        }
        try await commit(commits)
        return result
    }

    func merge(_ plan: Plan, current: HostRecord?) -> FieldMerge.Result {
        var words = (current?.fields ?? [:]).mapValues { HostWord(value: $0) }
        words.merge(plan.fold.words) { _, queued in queued }
        let ledger = Ledger(keys: integration.keys, link: plan.linkKey)
        return FieldMerge(ledger: ledger, mapper: plan.mapper).merge(
            FieldMerge.Input(
                tags: plan.link.tags,
                host: words,
                remote: plan.remote,
                policy: integration.settings.conflictPolicy,
                delivers: integration.delivers && host != nil,
                writes: integration.pushes,
                skew: integration.skew
            )
        )
    }

    /// Calls the host; what it throws is its own trouble and never the record's.
    func asking<Answer: Sendable>(_ host: any HostRecords, _ call: () async throws -> Answer) async throws -> Answer {
        do {
            return try await call()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw IntegrationError(
                .unavailable,
                "The host's records could not be reached (\(type(of: error))).",
                remedy: LocalizedText("Check the host's database.", fr: "Vérifiez la base de données de l’application."),
                retry: .after(.seconds(10)),
                concerns: .application
            )
        }
    }

    /// Stops a plan's job. One that would make its record keeps the lane closed.
    func block(
        _ plan: Plan,
        _ error: IntegrationError,
        need: String? = nil,
        candidates: [RemoteID] = []
    ) throws -> LaneCommit {
        try block(
            plan.work,
            plan.head,
            error,
            need: need,
            candidates: candidates,
            holdsLane: plan.fold.outcome == .save && !plan.link.isLinked,
            at: core.now()
        )
    }

    // MARK: - Errors

    private func unmapped(_ hostKind: String, _ kind: RecordKind) -> IntegrationError {
        IntegrationError(
            .invalidInput,
            "There is no mapping from \(hostKind) to \(kind.rawValue).",
            remedy: LocalizedText(
                "Set a mapping for \(hostKind), then replay.", fr: "Définissez un mappage pour \(hostKind), puis relancez."),
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
                "Replay to delete it there, drop to keep it.", fr: "Relancez pour la supprimer, abandonnez pour la garder.")
        )
    }

    private func conflict(_ fields: [FieldName]) -> IntegrationError {
        IntegrationError(
            .conflict,
            "Both sides changed \(fields.map(\.rawValue).joined(separator: ", ")).",
            remedy: LocalizedText(
                "Choose a value on one side, then replay.", fr: "Choisissez une valeur d’un côté, puis relancez."),
            context: .init(fields: fields.map(\.rawValue))
        )
    }
}
