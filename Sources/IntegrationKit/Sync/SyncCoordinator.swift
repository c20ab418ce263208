// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Carries what happened to every connected platform and brings back what changed there. The host drives it.
///
/// It starts no thread, timer or task of its own: work is done inside ``syncOnce(until:)`` or ``run()``, which the host
/// calls. Several coordinators, also in several processes, may share one store.
///
/// ```swift
/// let coordinator = SyncCoordinator(manager, host: ProspectRecords(database))
/// try await coordinator.enqueue(
///     DomainEvent(.prospectCreated, id: "evt-1", of: "prospect_123", for: "tenant-42",
///         fields: ["email": "ada@example.fr", "first_name": "Ada"]))
/// print(try await coordinator.syncOnce(until: .now + .seconds(25)))
/// ```
public actor SyncCoordinator {
    let core: EngineCore
    let host: (any HostRecords)?
    private let owner: UUID
    private var turn: String?
    private var retention = Retention()

    /// Creates a coordinator.
    ///
    /// - Parameters:
    ///   - manager: The connections.
    ///   - host: The host's records; nil: events go out, and nothing comes back.
    public init(_ manager: IntegrationManager, host: (any HostRecords)? = nil) {
        core = manager.core
        self.host = host
        owner = manager.core.random.uuid()
    }

    /// Works until nothing is due or the time is over, then says what happened and when to call again.
    ///
    /// What is in flight at the end is waited for: nothing is cut off between an answer and its commit. A cancelled
    /// task ends the work in the same way.
    ///
    /// - Parameter deadline: When to start nothing new.
    /// - Returns: What happened, and how long until there is work again.
    /// - Throws: ``IntegrationError`` with code `storeFailed` if the store failed while work was done. What a platform
    ///   refuses is in the report, and so is a store that took no statistics or removed nothing.
    @discardableResult
    public func syncOnce(until deadline: ContinuousClock.Instant) async throws -> SyncReport {
        let ends = core.time.elapsed() + max(ContinuousClock.now.duration(to: deadline), .zero)
        let tally = SyncTally()
        let callsBefore = core.calls.withLock { $0 }
        let nextDue = try await workOff(until: ends, tally: tally)
        // What was done is told whatever becomes of this: what was counted is kept for the next time.
        await tidying(tally) { try await core.meter.flush(core) }
        await tidying(tally) { try await removeWhatIsOver() }
        let callsNow = core.calls.withLock { $0 }
        let calls = callsNow.reduce(into: [String: Int]()) { calls, entry in
            let made = entry.value - (callsBefore[entry.key] ?? 0)
            if made > 0 { calls[entry.key] = made }
        }
        return tally.report(calls: calls, nextDue: nextDue)
    }

    /// Works until the task is cancelled, waiting between rounds until something is due.
    ///
    /// A store that fails is tried again; other processes' events are noticed within the longest wait.
    ///
    /// - Parameters:
    ///   - longestWait: How long to wait at most before looking for work that another process added.
    ///   - onReport: Receives each round's report.
    /// - Throws: `CancellationError` when the task is cancelled; ``IntegrationError`` if the store failed ten times in
    ///   a row.
    public func run(
        longestWait: Duration = .seconds(5),
        onReport: @Sendable (SyncReport) -> Void = { _ in }
    ) async throws {
        var failures = 0
        while true {
            try Task.checkCancellation()
            var wait = longestWait
            do {
                let report = try await syncOnce(until: .now + .seconds(30))
                failures = 0
                onReport(report)
                wait = min(report.nextDue ?? longestWait, longestWait)
            } catch let error as IntegrationError {
                failures += 1
                if failures >= 10 { throw error }
            }
            if wait > .zero { try await core.time.sleep(wait) }
        }
    }

    /// Makes streams due at once; the reading is done by the next ``syncOnce(until:)``.
    ///
    /// - Parameters:
    ///   - integration: The integration's id.
    ///   - kinds: The kinds to read; nil: all.
    ///   - sweep: Whether to compare every record, not only those that changed.
    /// - Throws: ``IntegrationError`` if there is no such integration or the store failed.
    public func pull(_ integration: String, kinds: Set<RecordKind>? = nil, sweep: Bool = false) async throws {
        guard let loaded = try await LoadedIntegration.load(integration, in: core) else {
            throw IntegrationManager.unknown(integration)
        }
        let streams = loaded.streams.filter { stream in kinds.map { !$0.isDisjoint(with: stream.kinds) } ?? true }
        var changes = Changes(id: core.random.uuid())
        for stream in streams {
            if stream.mode == .scan, sweep {
                let key = RowKey.join(integration, stream.id)
                if var cursor = try await core.store.record(PullCursor.self, key)?.record {
                    cursor.sweepEnded = nil
                    changes.puts.append(try cursor.content(key: key, tenant: loaded.tenant, integration: integration))
                }
            }
            changes.touches.append(
                LaneTouch(.pull(stream, in: integration), tenant: loaded.tenant, workClass: .pull)
            )
        }
        if case .dailyAt = loaded.settings.frequency {
            for stream in streams { try await core.control(stream, of: loaded) { $0.isAsked = true } }
        }
        try await core.commit(changes)
    }

    // MARK: - One round

    /// Works on what is due, all integrations beside each other; none waits for a slow one.
    ///
    /// - Returns: How long until there is work again.
    private func workOff(until ends: Duration, tally: SyncTally) async throws -> Duration? {
        let core = core
        let host = host
        var failure: (any Error)?
        var isCancelled = false
        var nextDue: Duration? = .zero
        await withTaskGroup(of: (id: String, error: (any Error)?).self) { group in
            var busy: Set<String> = []
            while true {
                if failure == nil, !isCancelled, core.time.elapsed() < ends, !Task.isCancelled {
                    do {
                        try await core.held.settle(in: core)
                        let gates = core.closedGates()
                        let claimedAt = core.time.elapsed()
                        let answer = try await claim(skipping: gates.skipping.union(busy))
                        nextDue = [answer.nextDue, gates.next].compactMap(\.self).min()
                        let groups = Dictionary(grouping: answer.lanes, by: \.lease.lane.integration)
                        for (id, lanes) in groups.sorted(by: { $0.key < $1.key }) {
                            let work = IntegrationWork(
                                core: core,
                                host: host,
                                id: id,
                                claimedAt: claimedAt,
                                sendsUntil: ends,
                                tally: tally
                            )
                            busy.insert(id)
                            group.addTask {
                                do {
                                    try await work.run(lanes)
                                    return (id, nil)
                                } catch {
                                    return (id, error is CancellationError ? nil : error)
                                }
                            }
                        }
                    } catch is CancellationError {
                        isCancelled = true
                    } catch {
                        failure = error
                    }
                }
                guard let ended = await group.next() else { break }
                busy.remove(ended.id)
                failure = failure ?? ended.error
                nextDue = .zero
            }
        }
        if let failure { throw EngineCore.storeError(failure) }
        return nextDue
    }

    /// Does what no record waits for; a store that fails in it is told of, and the round's report stays.
    private func tidying(_ tally: SyncTally, _ step: () async throws -> Void) async {
        do {
            try await step()
        } catch is CancellationError {
            return  // It comes again.
        } catch {
            let problem = EngineCore.storeError(error)
            tally.add(problem)
            core.observe(
                IntegrationEvent(.retried, date: core.now(), error: problem, message: problem.message)
            )
        }
    }

    /// Removes what was kept long enough: little at a time, and not while somebody else of this process does.
    private func removeWhatIsOver() async throws {
        guard var mine = retention.begin(at: core.time.elapsed()) else { return }
        defer { retention = mine }
        try await mine.step(in: core)
    }

    private func claim(skipping: Set<String>) async throws -> ClaimAnswer {
        do {
            let answer = try await core.store.claimLanes(
                LaneClaim(
                    owner: owner,
                    lease: core.options.lease,
                    shares: [
                        .live: core.options.lanesPerClaim, .refetch: core.options.lanesPerClaim / 2,
                        .bulk: core.options.lanesPerClaim / 4, .pull: 16, .hook: 16,
                    ],
                    perIntegration: core.options.lanesPerIntegration,
                    startingAfter: turn,
                    skipping: skipping,
                    jobsPerLane: EngineOptions.jobsPerLane
                )
            )
            turn = answer.lanes.last?.lease.lane.integration ?? turn
            core.learn(storeTime: answer.storeTime)
            return answer
        } catch StoreFailure.refused(let reason as CancellationError) {
            throw reason
        } catch let failure as StoreFailure {
            throw EngineCore.storeError(failure)
        }
    }
}
