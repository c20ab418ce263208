// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// How long until a held record is looked at again: it may have come back by itself.
    private static let heldLooksAgain = Duration.seconds(6 * 3600)

    /// Lets lanes change the host's records in a way that is counted, unless so many wait that a person is asked.
    ///
    /// What was let through before is not counted again, and what the law asks for waits for nobody.
    ///
    /// - Parameters:
    ///   - plans: The lanes.
    ///   - effect: What they would do.
    /// - Returns: Those that may, and those that wait; the others were changed meanwhile and are released.
    /// - Throws: ``IntegrationError`` if the store failed.
    func admit(_ plans: [Plan], _ effect: HeldChange.Effect) async throws -> (passed: [Plan], held: [Plan]) {
        var passed: [Plan] = []
        var held: [Plan] = []
        let groups = Dictionary(grouping: plans, by: \.kind)
        for (kind, group) in groups.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            passed += group.filter { $0.isFree(to: effect) }
            var asking = group.filter { !$0.isFree(to: effect) }
            var verdict: Bool?
            for _ in 0..<8 where verdict == nil && !asking.isEmpty {
                verdict = try await decide(&asking, effect, kind)
            }
            if let verdict {
                if verdict { passed += asking } else { held += asking }
            } else {
                try await release(asking.map(\.work), after: .seconds(1))
            }
        }
        return (passed, held)
    }

    /// Decides on lanes of one kind; nil: somebody was faster.
    private func decide(
        _ plans: inout [Plan],
        _ effect: HeldChange.Effect,
        _ kind: RecordKind
    ) async throws -> Bool? {
        let key = GuardRecord.key(effect, kind, integration.id)
        let row = try await core.store.record(GuardRecord.self, key)
        var guarded = row?.record ?? GuardRecord(effect: effect, kind: kind)
        let marked = try await core.markedCount(effect, kind, of: integration.id)
        let waiting = max(marked + plans.filter { $0.fold.jobs[0].record.guarded?.effect != effect }.count, plans.count)
        let linked = try await core.linkedCount(kind, of: integration.id)
        let passes = guarded.lets(waiting, beginning: plans.count, of: linked, at: core.storeNow(), options)
        if passes, marked <= plans.count, guarded.unseen == 0 { guarded.since = nil }
        if !passes { guarded.ask(at: core.now(), wasWaiting: marked > 0 || guarded.unseen > 0) }
        var changes = Changes(
            id: core.random.uuid(),
            requires: [
                integration.fenceRequirement,
                row.map { .revision($0.id, $0.revision) } ?? .absent(GuardRecord.rowID(key)),
            ],
            puts: [try guarded.row(integration)]
        )
        if passes {
            for plan in plans {
                let job = plan.fold.jobs[0]
                changes.requires.insert(.revision(job.id, job.revision))
                changes.puts.append(try job.marked(effect, isCounted: true, options))
            }
        }
        do {
            try await core.commit(changes)
        } catch StoreFailure.conflict(let failed, _) {
            // What was asked for again meanwhile is read again; who has the lane now decides anew.
            let moved = plans.filter { plan in
                let job = plan.fold.jobs[0]
                return failed.contains(.revision(job.id, job.revision)) || failed.contains(integration.fenceRequirement)
            }
            let lanes = Set(moved.map(\.work.lane))
            plans.removeAll { lanes.contains($0.work.lane) }
            try await release(moved.map(\.work), after: .seconds(1))
            return nil
        }
        if passes {
            try await takeMarks(&plans)
        } else {
            note(IncidentCause.held(kind), kind: kind, GuardRecord.error(effect, kind, waiting, guarded.total))
        }
        return passes
    }

    /// Takes over the numbers of the rows that carry the marks now.
    private func takeMarks(_ plans: inout [Plan]) async throws {
        let rows = try await core.store.records(SyncJob.self, plans.map { $0.fold.jobs[0].id.key })
        for index in plans.indices {
            // One that was put anew meanwhile carries none: its end will not hold, and it runs again.
            if let row = rows[plans[index].fold.jobs[0].id.key], row.record.guarded?.isCounted == true {
                plans[index].fold.jobs[0] = row
            }
        }
    }

    /// Lets lanes wait for a person, and look again by themselves.
    func hold(_ plans: [Plan], _ effect: HeldChange.Effect) async throws {
        let commits = try plans.map { plan in
            let job = plan.fold.jobs[0]
            var commit = LaneCommit(plan.work)
            commit.requires.insert(.revision(job.id, job.revision))
            commit.puts.append(try job.marked(effect, isCounted: false, options))
            commit.dueAfter = Self.heldLooksAgain
            return commit
        }
        try await commit(commits, needsFence: true)
    }

    /// Whether records that a whole reading did not show may be suspected to be gone; too many wait for a person.
    func allows(_ kind: RecordKind, unseen missing: Int) async throws -> Bool {
        let key = GuardRecord.key(.delete, kind, integration.id)
        for _ in 0..<8 {
            let row = try await core.store.record(GuardRecord.self, key)
            let known = row?.record ?? GuardRecord(effect: .delete, kind: kind)
            if row == nil, missing <= options.massChangeMinimum { return true }
            var guarded = known
            let marked = try await core.markedCount(.delete, kind, of: integration.id)
            let linked = try await core.linkedCount(kind, of: integration.id)
            let passes = guarded.lets(missing, of: linked, at: core.storeNow(), options)
            guarded.unseen = passes ? 0 : missing
            if passes, marked == 0 { guarded.since = nil }
            if !passes { guarded.ask(at: core.now(), wasWaiting: marked > 0 || known.unseen > 0) }
            do {
                try await core.commit(
                    Changes(
                        id: core.random.uuid(),
                        requires: [
                            integration.fenceRequirement,
                            row.map { .revision($0.id, $0.revision) } ?? .absent(GuardRecord.rowID(key)),
                        ],
                        puts: guarded == row?.record ? [] : [try guarded.row(integration)]
                    )
                )
            } catch StoreFailure.conflict(let failed, _) {
                if failed.contains(integration.fenceRequirement) { throw CancellationError() }
                continue
            }
            if passes, guarded.since != nil {
                // The reading showed what was believed to be gone: that is looked at again.
                try await core.wakeLanes(of: integration, GuardMark.indexName, key)
            } else if !passes {
                note(IncidentCause.held(kind), kind: kind, GuardRecord.error(.delete, kind, missing, guarded.total))
            }
            return passes
        }
        throw EngineCore.storeError(nil)
    }
}

extension LaneWorker.Plan {
    /// Whether the guard has nothing to say: it let the job through before, or a privacy law asks for the change.
    fileprivate func isFree(to effect: HeldChange.Effect) -> Bool {
        fold.jobs[0].record.guarded == GuardMark(effect: effect, isCounted: true)
            || fold.jobs.contains { $0.record.privacy != nil }
    }
}

extension Row<SyncJob> {
    /// What to put to mark the job.
    fileprivate func marked(
        _ effect: HeldChange.Effect,
        isCounted: Bool,
        _ options: EngineOptions
    ) throws -> RowContent {
        var job = record
        job.guarded = GuardMark(effect: effect, isCounted: isCounted)
        return try job.row(id.key, memory: options.memory)
    }
}

extension FieldMerge.Result {
    /// Whether a value that the host has would become empty.
    func empties(_ record: HostRecord?) -> Bool {
        guard let record else { return false }
        return deliver.contains { name, value in
            value == .empty && record.fields[name].map { $0 != .empty } ?? false
        }
    }
}
