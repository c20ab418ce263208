// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    // MARK: - Building commits

    /// An event about a job's record.
    func event(
        _ kind: IntegrationEvent.Kind,
        _ job: SyncJob,
        remote: RemoteID? = nil,
        error: IntegrationError? = nil,
        _ message: String
    ) -> IntegrationEvent {
        IntegrationEvent(
            kind,
            date: core.now(),
            tenant: integration.tenant,
            integration: integration.id,
            platform: integration.record.platform,
            recordKind: job.kind,
            record: job.record,
            remote: remote ?? job.remote,
            event: job.event,
            error: error,
            message: message
        )
    }

    /// Finishes jobs.
    ///
    /// A refetch leaves nothing behind, unless somebody asked for it again meanwhile.
    func finish(
        _ jobs: [Row<SyncJob>],
        _ outcome: IntegrationEvent.Kind,
        remote: RemoteID? = nil,
        _ message: String,
        in commit: inout LaneCommit
    ) throws {
        let head = jobs.first { $0.record.action != .refetch }
        for job in jobs {
            if job.record.action == .refetch {
                commit.deletes.append(job.id)
                commit.requires.insert(.revision(job.id, job.revision))
                continue
            }
            let result = job.id == head?.id ? outcome : .covered
            commit.puts.append(
                try job.record.finished(result, at: core.now()).row(job.id.key, memory: options.memory)
            )
            var told = event(
                result,
                job.record,
                remote: remote,
                result == .covered ? "Carried by the write beside it." : message
            )
            told.lag = core.storeNow().duration(since: job.record.enqueuedAt)
            commit.events.append(told)
        }
    }

    /// Stops a job until a person or another job helps.
    ///
    /// A job that makes its record keeps the lane closed; others stand beside it, and the lane goes on.
    func block(
        _ work: LaneWork,
        _ job: Row<SyncJob>,
        _ error: IntegrationError,
        need: String? = nil,
        candidates: [RemoteID] = [],
        holdsLane: Bool? = nil,
        at now: Date
    ) throws -> LaneCommit {
        let action = job.record.action
        let holdsLane = holdsLane ?? (action == .create || action == .ensure)
        let reason = BlockReason(
            error: error,
            since: now,
            need: need,
            candidates: candidates,
            holdsLane: holdsLane || error.code == .outcomeUnknown
        )
        var commit = LaneCommit(work)
        var blocked = job.record
        blocked.state = .blocked(reason)
        commit.puts.append(try blocked.row(job.id.key, memory: options.memory))
        commit.events.append(event(.refused, job.record, error: error, error.message))
        commit.dueAfter = !reason.holdsLane && work.hasMore(than: [job]) ? .zero : nil
        return commit
    }

    // MARK: - Committing

    /// Commits lanes together; those whose requirements do not hold are left out and returned.
    ///
    /// - Parameters:
    ///   - commits: What the lanes add.
    ///   - needsFence: Whether the integration must still be as it was read.
    /// - Returns: The lanes that were left out, with the unique entries that others hold.
    /// - Throws: ``IntegrationError`` if the store failed.
    @discardableResult
    func commit(_ commits: [LaneCommit], needsFence: Bool = false) async throws -> [LaneID: [IndexEntry]] {
        let fence = needsFence ? integration.fenceRequirement : nil
        return try await commit(commits, under: fence, id: core.random.uuid()) ?? leftOut(commits)
    }

    private func leftOut(_ commits: [LaneCommit]) -> [LaneID: [IndexEntry]] {
        Dictionary(commits.map { ($0.work.lane, []) }, uniquingKeysWith: { first, _ in first })
    }

    /// Commits lanes together under a fence; nil if the fence does not hold any more.
    private func commit(
        _ commits: [LaneCommit],
        under fence: Requirement?,
        id first: UUID
    ) async throws -> [LaneID: [IndexEntry]]? {
        var remaining = try await waking(commits)
        var left: [LaneID: [IndexEntry]] = [:]
        var id = first
        while !remaining.isEmpty {
            var changes = try changes(of: remaining, under: fence, id: id)
            try await tellEndpoints(remaining.flatMap(\.events), by: &changes)
            id = core.random.uuid()
            do {
                try await core.commit(changes)
                for event in remaining.flatMap(\.events) {
                    if let kind = event.recordKind {
                        tally.add(event.kind, kind, of: integration)
                        core.meter.lag(of: event, in: integration)
                        if event.kind == .refused, let error = event.error {
                            note(IncidentCause.refused(kind, error.code), kind: kind, error)
                        }
                    }
                    core.observe(event)
                }
                break
            } catch StoreFailure.conflict(let failed, let taken) {
                if let fence, failed.contains(fence) { return nil }
                let entries = Set(taken)
                let losers = remaining.filter { commit in
                    !commit.requires.isDisjoint(with: failed)
                        || commit.puts.contains { !entries.isDisjoint(with: $0.indexes) }
                }
                guard !losers.isEmpty else { throw EngineCore.storeError(nil) }
                for loser in losers {
                    left[loser.work.lane] = loser.puts.flatMap(\.indexes).filter(entries.contains)
                    if failed.contains(loser.work.requirement) { try await leaveStray(of: loser) }
                }
                remaining.removeAll { left[$0.work.lane] != nil }
                try await give(back: losers, failed: failed, left: left)
            }
        }
        return left
    }

    /// Adds what the tenant's endpoints are told of events.
    func tellEndpoints(_ events: [IntegrationEvent], by changes: inout Changes) async throws {
        guard events.contains(where: { $0.webhookType != nil }) else { return }
        try await integration.hookTargets().add(events, of: integration, to: &changes)
    }

    private func changes(of commits: [LaneCommit], under fence: Requirement?, id: UUID) throws -> Changes {
        var changes = Changes(id: id)
        if let fence { changes.requires.insert(fence) }
        for commit in commits {
            changes.requires.formUnion(commit.requires)
            changes.puts += commit.puts
            changes.deletes += commit.deletes
            changes.touches += commit.touches
            if commit.releases {
                changes.releases.append(
                    LaneRelease(commit.work.lease, seenTail: commit.work.tail, dueAfter: commit.dueAfter)
                )
            }
            for event in commit.events {
                changes.puts.append(try LogRecord.row(event, integration: integration, core: core))
            }
        }
        return changes
    }

    /// Ends the lanes that were left out and are still held: a record that belongs to another link stops its job, the
    /// rest looks again soon.
    private func give(back losers: [LaneCommit], failed: Set<Requirement>, left: [LaneID: [IndexEntry]]) async throws {
        var blocks: [LaneCommit] = []
        var releases: [LaneRelease] = []
        for loser in losers where loser.releases && !failed.contains(loser.work.requirement) {
            let taken = left[loser.work.lane] ?? []
            if let claimant = loser.claimant, taken.contains(where: { $0.name == "link.remote" }) {
                let holdsLane = loser.wakes == nil ? nil : true
                blocks.append(
                    try block(loser.work, claimant, linkedElsewhere(), holdsLane: holdsLane, at: core.now())
                )
            } else {
                releases.append(LaneRelease(loser.work.lease, seenTail: loser.work.tail, dueAfter: .seconds(1)))
            }
        }
        try await core.commit(Changes(id: core.random.uuid(), releases: releases))
        if !blocks.isEmpty { try await commit(blocks) }
    }

    /// Remembers an answer that came after the lease was lost, for the lane's next holder.
    ///
    /// If the job is done already, its record and the answered one must be the same: else the platform has it twice.
    private func leaveStray(of loser: LaneCommit) async throws {
        guard let remote = loser.answered, let job = loser.claimant else { return }
        for _ in 0..<4 {
            guard let stored = try await core.store.record(SyncJob.self, job.id.key),
                let reference = stored.record.record,
                let fence = try await core.store.record(Fence.self, integration.id), fence.record.state != .erased
            else { return }
            guard case .sent = stored.record.state else {
                let key = RecordLink.key(reference, in: integration.id)
                let link = try await core.store.record(RecordLink.self, key)?.record
                if let known = link?.remote, known != remote, link?.formerIDs.contains(remote) != true {
                    let words = "The platform has the record twice: \(remote.value) beside \(known.value)."
                    let found = event(.duplicateFound, stored.record, remote: remote, words)
                    let changes = Changes(
                        id: core.random.uuid(),
                        requires: [.revision(fence.id, fence.revision)],
                        puts: [try LogRecord.row(found, integration: integration, core: core)]
                    )
                    do {
                        try await core.commit(changes)
                    } catch StoreFailure.conflict {
                        continue
                    }
                    core.observe(found)
                }
                return
            }
            let stray = try Stray(remote: remote, at: core.now()).content(
                key: job.id.key,
                tenant: integration.tenant,
                integration: integration.id,
                keep: options.memory
            )
            do {
                try await core.commit(
                    Changes(
                        id: core.random.uuid(),
                        requires: [.revision(stored.id, stored.revision), .revision(fence.id, fence.revision)],
                        puts: [stray],
                        touches: [LaneTouch(loser.work.lane, tenant: integration.tenant, workClass: .live)]
                    )
                )
                return
            } catch StoreFailure.conflict {
                continue
            }
        }
    }

    /// Adds the lanes whose jobs waited for links that come to be.
    ///
    /// A job that is added meanwhile looks again by itself.
    private func waking(_ commits: [LaneCommit]) async throws -> [LaneCommit] {
        let links = commits.compactMap(\.wakes)
        guard !links.isEmpty else { return commits }
        let waiting = try await core.store.records(
            SyncJob.self,
            matching: RowQuery("job.needs", keys: links, limit: 10_000)
        )
        guard !waiting.isEmpty else { return commits }
        return commits.map { commit in
            guard let link = commit.wakes else { return commit }
            var commit = commit
            commit.touches += waiting.filter { $0.record.needs.contains(link) }.map {
                LaneTouch($0.record.lane, tenant: integration.tenant, workClass: .live)
            }
            return commit
        }
    }

    /// Commits outcomes.
    ///
    /// What a failing store does not take is held until it does: what is known must not be lost.
    @discardableResult
    func commitOutcomes(_ commits: [LaneCommit]) async throws -> [LaneID: [IndexEntry]] {
        guard !commits.isEmpty else { return [:] }
        let id = core.random.uuid()
        do {
            return try await settle(commits, id: id)
        } catch {
            core.held.hold(.outcomes(self, commits, id: id))
            throw error
        }
    }

    /// Commits outcomes: whatever became of the integration meanwhile, what is known is kept, unless it was erased.
    func settle(_ commits: [LaneCommit], id: UUID) async throws -> [LaneID: [IndexEntry]] {
        var fence = integration.fenceRequirement
        for _ in 0..<4 {
            if let left = try await commit(commits, under: fence, id: id) { return left }
            guard let row = try await core.store.record(Fence.self, integration.id), row.record.state != .erased else {
                break
            }
            fence = .revision(row.id, row.revision)
        }
        return leftOut(commits)
    }
}
