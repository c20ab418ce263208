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
            if work.lease.starts + (head.record.interruptions ?? 0) > 5, case .queued = head.record.state {
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
        if let pause = core.closedFor(integration.id) {
            try await release(works, after: pause)
            return
        }
        do {
            try await step()
        } catch let error as IntegrationError where error.code != .storeFailed {
            try await stall(works, error)
        } catch is CancellationError {
            try await release(works, after: .zero)
            throw CancellationError()
        }
    }

    /// How long after it left a write may still have its effect.
    func longestArrival(of kind: RecordKind) -> Duration {
        options.requestTimeout + (integration.record.profile.keySlots[kind]?.settle ?? .seconds(60))
    }

    /// When a read began, by the platform's clock.
    ///
    /// Until a platform's first answer the machine's own clock stands in for it, and may be fast: an answer tells better.
    static func began(_ believed: Date, _ session: ProviderSession) -> Date {
        min(believed, session.now())
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
        if let kind, !error.isPlatformTrouble, error.concerns == .kind || error.concerns == .record {
            return try await suspend(kind, error)
        }
        switch error.code {
        case .limited:
            return advised ?? .seconds(10)
        case .hostFailed:
            // The platform is well; only what needs the host's records waits.
            return advised ?? .seconds(10)
        case .tooLate, .inactive:
            return .seconds(1)
        case .unavailable where error.concerns == .record:
            // Somebody else is writing the same record; the platform itself is well.
            return advised ?? .seconds(2)
        case .reauthorizationRequired:
            note(IncidentCause.signIn, error)
            var isNews = false
            try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
                isNews = $0.need != .reauthorization
                $0.need = .reauthorization
                $0.lastError = error
            }
            core.gate(integration.id, for: .seconds(60))
            if isNews {
                observe(.stateChanged, kind: nil, error: error, "The account must be connected again; its work waits.")
            }
            return .seconds(60)
        case .applicationMisconfigured:
            note(IncidentCause.application, error)
            core.gate(integration.id, for: .seconds(300))
            observe(.stateChanged, kind: nil, error: error, "The application is misconfigured; its work waits.")
            return .seconds(300)
        default:
            var opened = false
            var pause = Duration.seconds(30)
            let now = core.storeNow()
            try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
                opened = $0.breaker.openUntil == nil
                $0.breaker.fail(advice: advised, at: now, random: core.random)
                $0.lastError = error
                pause = ($0.breaker.openUntil ?? now).duration(since: now)
            }
            core.gate(integration.id, for: pause)
            note(IncidentCause.platform, error)
            if opened {
                observe(.breakerOpened, kind: nil, error: error, "The platform does not answer; its work waits.")
            }
            return pause
        }
    }

    /// Lets the work on a kind wait until a setting, a mapping or a right is changed.
    private func suspend(_ kind: RecordKind, _ error: IntegrationError) async throws -> Duration {
        note(IncidentCause.kind(kind), kind: kind, error)
        var isNews = false
        try await core.updateStatus(of: integration.id, tenant: integration.tenant) {
            isNews = $0.suspended[kind] == nil
            $0.suspended[kind] = error.message
            $0.lastError = error
        }
        if isNews {
            observe(.stateChanged, kind: kind, error: error, "Work on \(kind.rawValue) waits: \(error.message)")
        }
        return .seconds(3600)
    }

    /// Notes that the platform answered.
    func noteSuccess() async throws {
        let status = integration.status
        let now = core.now()
        guard core.closedFor(integration.id) == nil else { return }
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

    private func observe(
        _ kind: IntegrationEvent.Kind,
        kind recordKind: RecordKind?,
        error: IntegrationError?,
        _ text: String
    ) {
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
}
