// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Works on claimed record lanes of one integration: resolves what was sent, folds what is queued, reads and merges
/// where the policy wants it, sends, and commits every outcome with the lane's lease.
struct LaneWorker: Sendable {
    let integration: LoadedIntegration
    let host: (any HostRecords)?
    let tally: SyncTally
    /// After this time, by ``TimeSource/elapsed``, nothing new is sent.
    let sendsUntil: Duration

    var core: EngineCore { integration.core }
    var options: EngineOptions { core.options }

    /// Works on lanes until each of them is released.
    func run(_ works: [LaneWork]) async throws {
        var sent: [LaneWork] = []
        var open: [LaneWork] = []
        var remote: [LaneWork] = []
        var idle: [LaneCommit] = []
        for work in works {
            guard let head = work.head else {
                idle.append(LaneCommit(work))
                continue
            }
            if work.lease.starts > 5, case .queued = head.record.state {
                idle.append(try block(work, head, crashLoop(), at: core.now()))
                continue
            }
            switch head.record.state {
            case .sent: sent.append(work)
            case .queued:
                if head.record.record == nil { remote.append(work) } else { open.append(work) }
            case .blocked, .finished: idle.append(LaneCommit(work))
            }
        }
        try await commit(idle)
        let told = (open + remote).filter { work in work.jobs.contains { $0.0.record.privacy != nil } }
        var free: Set<LaneID> = []
        try await guarding(told) { free = Set(try await passOnPrivacy(told).map(\.lane)) }
        let held = Set(told.map(\.lane)).subtracting(free)
        open.removeAll { held.contains($0.lane) }
        remote.removeAll { held.contains($0.lane) }
        try await guarding(sent) { try await resolve(sent) }
        try await guarding(open) { try await workOff(open) }
        try await guarding(remote) { try await refetchUnlinked(remote) }
    }

    /// Runs a step; a failure that the platform caused releases the step's lanes and holds the integration back.
    private func guarding(_ works: [LaneWork], _ step: () async throws -> Void) async throws {
        guard !works.isEmpty else { return }
        do {
            try await step()
        } catch let error as IntegrationError where error.code != .storeFailed {
            try await stall(works, error)
        } catch is CancellationError {
            try await release(works, after: .zero)
            throw CancellationError()
        }
    }

    /// Releases lanes that could not be worked on.
    func release(_ works: [LaneWork], after: Duration?) async throws {
        try await commit(
            works.map { work in
                var commit = LaneCommit(work)
                commit.dueAfter = after
                return commit
            }
        )
    }

    /// Holds work back because the platform, the account or the kind does not allow it now.
    func stall(_ works: [LaneWork], _ error: IntegrationError) async throws {
        tally.add(error)
        let pause = try await holdBack(error, kind: works.first?.head?.record.kind)
        try await release(works, after: pause)
    }

    /// Notes a failure that no record caused, and returns how long its work waits.
    @discardableResult
    func holdBack(_ error: IntegrationError, kind: RecordKind?) async throws -> Duration {
        var advised: Duration?
        if case .after(let wait) = error.retry { advised = wait }
        switch error.code {
        case .limited:
            return advised ?? .seconds(10)
        case .tooLate:
            return .seconds(1)
        case .reauthorizationRequired:
            try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
                $0.need = .reauthorization
                $0.lastError = error
            }
            core.gate(integration.id, for: .seconds(60))
            observe(.stateChanged, kind: nil, error: error, "The account must be connected again; its work waits.")
            return .seconds(60)
        case .applicationMisconfigured:
            core.gate(integration.id, for: .seconds(300))
            observe(.stateChanged, kind: nil, error: error, "The application is misconfigured; its work waits.")
            return .seconds(300)
        case .forbidden, .invalidInput, .unsupported, .addressNotAllowed:
            if error.concerns == .kind || error.concerns == .record, let kind {
                try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
                    $0.suspended[kind] = error.message
                    $0.lastError = error
                }
                observe(.stateChanged, kind: kind, error: error, "Work on \(kind.rawValue) waits: \(error.message)")
                return .seconds(3600)
            }
            fallthrough
        default:
            var opened = false
            var pause = Duration.seconds(30)
            let now = core.now()
            try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
                opened = $0.breaker.openUntil == nil
                $0.breaker.fail(advice: advised, at: now, random: core.random)
                $0.lastError = error
                pause = ($0.breaker.openUntil ?? now).duration(since: now)
            }
            core.gate(integration.id, for: pause)
            if opened {
                observe(.breakerOpened, kind: nil, error: error, "The platform does not answer; its work waits.")
            }
            return pause
        }
    }

    /// Notes that the platform answered.
    func noteSuccess() async throws {
        let status = integration.status
        let now = core.now()
        let isStale = status.lastSync.map { now.timeIntervalSince($0) > 60 } ?? true
        guard isStale || status.breaker != Breaker() || status.lastError != nil else { return }
        var closed = false
        try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
            closed = $0.breaker.succeed()
            $0.lastSync = now
            $0.lastError = nil
        }
        if closed { observe(.breakerClosed, kind: nil, error: nil, "The platform answers again.") }
    }

    private func observe(_ kind: IntegrationEvent.Kind, kind recordKind: RecordKind?, error: IntegrationError?, _ text: String) {
        core.observe(
            IntegrationEvent(
                kind,
                date: core.now(),
                tenant: integration.tenant,
                integration: integration.id,
                platform: integration.record.platform,
                recordKind: recordKind,
                error: error,
                message: text
            )
        )
    }

    private func crashLoop() -> IntegrationError {
        IntegrationError(
            .refused,
            "Working on this record stopped the process several times.",
            remedy: LocalizedText(
                "Look at the record's data and mapping, then replay it.",
                fr: "Vérifiez les données et le mappage de la fiche, puis relancez."
            )
        )
    }

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

    /// Finishes jobs. A refetch leaves nothing behind, unless somebody asked for it again meanwhile.
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
                try job.record.finished(result, at: core.now()).row(job.id.key, memory: options.memory))
            commit.events.append(
                event(result, job.record, remote: remote, result == .covered ? "Carried by the write beside it." : message))
        }
    }

    /// Stops a job until a person or another job helps.
    func block(
        _ work: LaneWork,
        _ job: Row<SyncJob>,
        _ error: IntegrationError,
        need: String? = nil,
        candidates: [RemoteID] = [],
        at now: Date
    ) throws -> LaneCommit {
        var commit = LaneCommit(work)
        try block(job, error, need: need, candidates: candidates, at: now, in: &commit)
        // A job that makes its record keeps the lane closed; others stand beside it.
        let stays = job.record.action == .create || job.record.action == .ensure || error.code == .outcomeUnknown
        commit.dueAfter = !stays && work.jobs.count > 1 ? .zero : nil
        return commit
    }

    func block(
        _ job: Row<SyncJob>,
        _ error: IntegrationError,
        need: String? = nil,
        candidates: [RemoteID] = [],
        at now: Date,
        in commit: inout LaneCommit
    ) throws {
        var blocked = job.record
        blocked.state = .blocked(BlockReason(error: error, since: now, need: need, candidates: candidates))
        commit.puts.append(try blocked.row(job.id.key, memory: options.memory))
        commit.events.append(event(.refused, job.record, error: error, error.message))
    }

    // MARK: - Committing

    /// Commits lanes together; those whose requirements do not hold are left out and returned.
    ///
    /// - Parameters:
    ///   - commits: What the lanes add.
    ///   - needsFence: Whether the integration must still be as it was read.
    /// - Returns: The lanes that were left out, with the unique entries that others hold.
    @discardableResult
    func commit(_ commits: [LaneCommit], needsFence: Bool = false) async throws -> [LaneID: [IndexEntry]] {
        var remaining = try await waking(commits)
        var left: [LaneID: [IndexEntry]] = [:]
        while !remaining.isEmpty {
            var changes = Changes(id: core.random.uuid())
            if needsFence { changes.requires.insert(integration.fenceRequirement) }
            for commit in remaining {
                changes.requires.formUnion(commit.requires)
                changes.puts += commit.puts
                changes.deletes += commit.deletes
                changes.touches += commit.touches
                if commit.releases {
                    changes.releases.append(
                        LaneRelease(commit.work.lease, seenTail: commit.work.tail, dueAfter: commit.dueAfter))
                }
                for event in commit.events {
                    changes.puts.append(try LogRecord.row(event, integration: integration, core: core))
                }
            }
            do {
                try await core.commit(changes)
                for event in remaining.flatMap(\.events) {
                    if let kind = event.recordKind { tally.add(event.kind, kind, of: integration) }
                    core.observe(event)
                }
                return left
            } catch StoreFailure.conflict(let failed, let taken) {
                if needsFence, failed.contains(integration.fenceRequirement) {
                    for commit in remaining { left[commit.work.lane] = [] }
                    return left
                }
                let entries = Set(taken)
                let losers = remaining.filter { commit in
                    !commit.requires.isDisjoint(with: failed)
                        || commit.puts.contains { !entries.isDisjoint(with: $0.indexes) }
                }
                guard !losers.isEmpty else { throw EngineCore.storeError(nil) }
                for loser in losers {
                    left[loser.work.lane] = loser.puts.flatMap(\.indexes).filter(entries.contains)
                    if let stray = loser.stray, failed.contains(loser.work.requirement) {
                        try await core.commit(Changes(id: core.random.uuid(), puts: [stray]))
                    }
                }
                let lost = Set(losers.map(\.work.lane))
                remaining.removeAll { lost.contains($0.work.lane) }
                if entries.isEmpty { try await release(losers, whoseLeaseHolds: failed) }
            }
        }
        return left
    }

    /// Gives back the lanes that were left out of a commit for another reason than a lost lease; they look again soon.
    private func release(_ losers: [LaneCommit], whoseLeaseHolds failed: Set<Requirement>) async throws {
        let releases = losers.filter { $0.releases && !failed.contains($0.work.requirement) }.map {
            LaneRelease($0.work.lease, seenTail: $0.work.tail, dueAfter: .seconds(1))
        }
        try await core.commit(Changes(id: core.random.uuid(), releases: releases))
    }

    /// Adds the lanes whose jobs waited for links that come to be. A job that is added meanwhile looks again by itself.
    private func waking(_ commits: [LaneCommit]) async throws -> [LaneCommit] {
        let links = commits.compactMap(\.wakes)
        guard !links.isEmpty else { return commits }
        let waiting = try await core.store.records(
            SyncJob.self, matching: RowQuery("job.needs", keys: links, limit: 10_000))
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

    /// Commits outcomes: whatever became of the integration meanwhile, what is known is kept, unless it was erased.
    func commitOutcomes(_ commits: [LaneCommit]) async throws -> [LaneID: [IndexEntry]] {
        guard !commits.isEmpty else { return [:] }
        let left = try await commit(commits, needsFence: true)
        guard left.count == commits.count, !left.isEmpty else { return left }
        guard let fence = try await core.store.record(Fence.self, integration.id), fence.record.state != .erased else {
            return left
        }
        return try await commit(commits)
    }
}
