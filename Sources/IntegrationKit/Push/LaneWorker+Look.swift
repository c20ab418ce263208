// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Reads the platform's side where the policy, a refetch or a first contact wants it.
    func look(_ plans: [Plan]) async throws -> [Plan] {
        var result: [Plan] = []
        var reading: [Plan] = []
        var asking: [Plan] = []
        let unswept = try await unsweptKinds(Set(plans.map(\.kind)))
        let unclaimed = try await unclaimedKeys(of: plans)
        let doubtful = try await givenUp(plans)
        for var plan in plans {
            if unclaimed.contains(plan.link.externalKey) { plan.link.state = .unclaimed }
            if !plan.link.isLinked, doubtful.contains(plan.host) { plan.fold.doubt() }
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

    /// The keys of new records that the platform has shown before the host spoke of them.
    private func unclaimedKeys(of plans: [Plan]) async throws -> Set<String> {
        let new = plans.filter { $0.link.state == .unlinked && $0.fold.outcome == .save }
        let shown = try await core.store.records(
            RecordLink.self,
            new.map { RecordLink.unclaimedKey($0.link.externalKey, in: integration.id) }
        )
        return Set(shown.values.map(\.record.externalKey))
    }

    /// The host records whose creates, of unknown outcome, a person gave up: their records may be there.
    private func givenUp(_ plans: [Plan]) async throws -> Set<HostReference> {
        let kinds = Set(plans.filter { !$0.link.isLinked && $0.fold.outcome == .save }.map(\.kind))
        let jobs = try await jobsThatMayHaveMade(kinds)
        return Set(jobs.filter { !$0.record.state.isUnfinished }.compactMap(\.record.record))
    }

    /// The creates of these kinds, of unknown outcome, that were stopped or given up.
    func jobsThatMayHaveMade(_ kinds: Set<RecordKind>) async throws -> [Row<SyncJob>] {
        guard !kinds.isEmpty else { return [] }
        return try await core.store.records(
            SyncJob.self,
            matching: RowQuery(
                "job.mayHaveMade",
                keys: kinds.map { RowKey.join(integration.id, $0.rawValue) },
                limit: 10_000
            )
        )
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
                PullCursor.self,
                scans.map { RowKey.join(integration.id, $0.id) }
            )
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
                ids,
                fields: Set(chunk.map(\.kind)).flatMap(integration.remoteFields),
                in: session
            )
            guard found.count == chunk.count else { throw miscount("fetchRecords") }
            let began = Self.began(readAt, session)
            var gone: [Plan] = []
            for (var plan, fetched) in zip(chunk, found) {
                plan.readAt = began
                switch fetched {
                case .found(let record):
                    plan.remote = record
                    result.append(plan)
                case .gone:
                    gone.append(plan)
                case .moved(_, let into):
                    try await follow(plan, into)
                case .hidden(_, let error):
                    try await commit([try block(plan, error)])
                }
            }
            result += try await depart(gone)
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
                    // What is not to be made lacks nothing.
                    if lacksConsent(plan.kind) { result.append(plan) } else { commits.append(try block(plan, error)) }
                }
            }
            // What another record of the host owns, or is about to make, is never met.
            let keys = try writes.map { plan, write in
                try naturalKeyRows(write.naturalKeys, kind: write.kind, host: plan.host).map(\.id.key)
            }
            let owners = try await core.store.records(NaturalKey.self, keys.flatMap(\.self))
            var free: [(Plan, RecordWrite)] = []
            for ((plan, write), keys) in zip(writes, keys) {
                if keys.contains(where: { owners[$0].map { $0.record.host != plan.host } ?? false }) {
                    commits.append(try block(plan, linkedElsewhere()))
                } else {
                    free.append((plan, write))
                }
            }
            writes = free
            try await commit(commits)
            guard !writes.isEmpty else { continue }
            let session = integration.session("look up \(chunk[0].kind.rawValue)")
            let readAt = session.now()
            let found = try await integration.provider.lookUp(writes.map(\.1), in: session)
            guard found.count == writes.count else { throw miscount("lookUp") }
            var met: [Plan] = []
            for ((plan, _), answer) in zip(writes, found) {
                if let plan = try await meet(plan, answer, readAt: Self.began(readAt, session)) { met.append(plan) }
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
                commit.makes(plan.link, plan.linkKey)
            } else {
                commit.dueAfter = .seconds(1)
            }
            commits.append(commit)
        }
        let left = try await commit(commits, needsFence: true)
        let lost = Set(commits.filter(\.releases).map(\.work.lane)).union(left.keys)
        let taken = plans.filter { plan in left[plan.work.lane]?.contains { $0.name == "link.remote" } ?? false }
        try await commit(
            try taken.map { try block($0.work, $0.head, linkedElsewhere(), holdsLane: true, at: core.now()) }
        )
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
                matching: RowQuery("link.remote", keys: [RecordLink.remoteKey(record.id, in: integration.id)], limit: 1)
            )
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
            plan.link.linkedAt = core.storeNow()
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
            guard mayHaveBeenSent(plan.fold), !plan.fold.jobs.contains(where: \.record.isVouchedFor) else {
                return plan
            }
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
}
