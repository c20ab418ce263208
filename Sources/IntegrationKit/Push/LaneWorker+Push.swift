// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Sends writes, batch by batch, and commits what became of each.
    func push(_ sendings: [Sending]) async throws {
        var known = Dictionary(sendings.map { ($0.write.id, $0) }, uniquingKeysWith: { first, _ in first })
        var queue = plan(sendings)[...]
        while let batch = queue.popFirst() {
            let group = batch.writes.compactMap { known[$0.id] }
            let pause = core.closedFor(integration.id)
            guard pause == nil, core.time.elapsed() < sendsUntil, !Task.isCancelled else {
                try await giveUp(group + rest(queue, known), after: pause ?? .zero)
                return
            }
            let reservation: BudgetReservation
            switch try core.budgets.take(batch.spend, for: integration.party) {
            case .granted(let granted):
                reservation = granted
            case .wait(let wait, _):
                // Batches that spend of other budgets go on.
                try await giveUp(group, after: wait)
                continue
            }
            defer { core.budgets.giveBack(reservation) }
            let ready: [Sending]
            let window: SendWindow
            do {
                // Outcomes that a failing store did not take come first: nothing new is sent before them.
                try await core.held.settle(in: core)
                try core.flights.begin(integration.id, fence: integration.fenceRevision)
                defer { core.flights.end(integration.id, fence: integration.fenceRevision) }
                _ = try await integration.credential(rejecting: nil)
                window = SendWindow(closingIn: options.sendWindow, by: core.time)
                ready = try await commitSent(try await keepLeases(group), safety: batch.safety)
                for sending in ready { known[sending.write.id] = sending }
                guard ready.count == batch.writes.count else {
                    queue = plan(ready) + queue
                    continue
                }
                let outcomes = try await send(ready, batch, window, reservation)
                let halves = try await record(outcomes, of: ready)
                queue = halves.flatMap { plan($0) } + queue
            } catch let error as IntegrationError where error.code != .storeFailed {
                tally.add(error)
                let pause = try await holdBack(error, kind: batch.writes.first?.kind)
                try await giveUp(group + rest(queue, known), after: pause)
                return
            }
        }
    }

    /// Gives lanes back whose writes did not leave: an attempt that surely had no effect is taken back.
    private func giveUp(_ sendings: [Sending], after pause: Duration) async throws {
        let commits = try sendings.map { sending in
            var commit = LaneCommit(sending.work)
            try takeBack(sending, in: &commit)
            commit.dueAfter = pause
            return commit
        }
        try await commit(commits)
    }

    private func rest(_ queue: ArraySlice<WriteBatch>, _ known: [UUID: Sending]) -> [Sending] {
        queue.flatMap(\.writes).compactMap { known[$0.id] }
    }

    private func plan(_ sendings: [Sending]) -> [WriteBatch] {
        sendings.isEmpty ? [] : integration.provider.plan(sendings.map(\.write), for: integration.account)
    }

    /// Renews leases that would end before the answer; lanes whose lease was lost are left to their new holder.
    private func keepLeases(_ group: [Sending]) async throws -> [Sending] {
        let needed = core.time.elapsed() + options.sendWindow + options.requestTimeout
        let short = group.filter { $0.work.holdsUntil < needed }
        guard !short.isEmpty else { return group }
        let askedAt = core.time.elapsed()
        let renewed = try await core.store.renew(short.map(\.work.lease), for: options.lease)
        let held = Dictionary(renewed.map { ($0.lane, $0) }, uniquingKeysWith: { first, _ in first })
        return group.compactMap { sending in
            guard sending.work.holdsUntil < needed else { return sending }
            guard let lease = held[sending.work.lane] else { return nil }
            var sending = sending
            sending.work.lease = lease
            sending.work.holdsUntil = askedAt + lease.duration * 4 / 5
            return sending
        }
    }

    /// Commits the attempts of writes that must not be repeated blindly, before a byte of them leaves.
    private func commitSent(_ group: [Sending], safety: CreateSafety) async throws -> [Sending] {
        let now = core.now()
        var attempts: [Sending] = []
        var ready: [Sending] = []
        for var sending in group {
            guard sending.write.operation == .create || sending.attempt != nil else {
                ready.append(sending)
                continue
            }
            if sending.write.firstSentAt == nil { sending.write.firstSentAt = now }
            let context = SyncJob.payloadContext(
                sending.head.id.key, tenant: integration.tenant, integration: integration.id)
            sending.attempt = Attempt(
                number: (sending.attempt?.number ?? 0) + 1,
                write: try integration.keys.seal(try RecordCoding.encode(sending.write), in: context),
                writeID: sending.write.id,
                covers: sending.jobs.map(\.id.key),
                safety: safety,
                sendBy: now.advanced(by: options.sendWindow),
                unknownSince: nil,
                absences: 0,
                earlierUnknown: sending.attempt?.earlierUnknown ?? false,
                pendingUntil: nil
            )
            attempts.append(sending)
        }
        let (free, taken) = try await claimNaturalKeys(attempts + ready)
        try await commit(taken)
        ready = free.map(\.0).filter { $0.attempt == nil }
        let sent = free.filter { $0.0.attempt != nil }
        let commits = try sent.map { sending, keys in
            var commit = LaneCommit(sending.work)
            commit.releases = false
            commit.requires.formUnion(keys.map { .absent($0.id) })
            commit.puts = keys
            if let attempt = sending.attempt { commit.puts.append(try sending.row(.sent(attempt), worker: self)) }
            try finish(sending.jobs.filter { $0.id != sending.head.id }, .covered, "Carried by the write beside it.", in: &commit)
            return commit
        }
        let left = try await commit(commits, needsFence: true)
        var lost: [LaneWork] = []
        for (var sending, _) in sent {
            if left[sending.work.lane] != nil {
                lost.append(sending.work)
            } else {
                sending.jobs = [sending.head]
                ready.append(sending)
            }
        }
        try await release(lost, after: .seconds(1))
        return ready
    }

    /// Finds the natural keys that each create takes; a key that belongs to another record of the host stops it.
    private func claimNaturalKeys(_ sendings: [Sending]) async throws -> ([(Sending, [RowContent])], [LaneCommit]) {
        var wanted: [(Sending, [RowContent])] = []
        for sending in sendings {
            let rows = try naturalKeyRows(sending.write.naturalKeys, kind: sending.write.kind, host: sending.host)
            wanted.append((sending, rows.filter { !sending.link.naturalKeys.contains($0.id.key) }))
        }
        let owners = try await core.store.records(NaturalKey.self, wanted.flatMap { $0.1.map(\.id.key) })
        var claimed: Set<RowID> = []
        var free: [(Sending, [RowContent])] = []
        var stopped: [LaneCommit] = []
        for (sending, rows) in wanted {
            if rows.contains(where: { row in owners[row.id.key].map { $0.record.host != sending.host } ?? false }) {
                stopped.append(try block(sending, linkedElsewhere()))
            } else if rows.contains(where: { claimed.contains($0.id) }) {
                var commit = LaneCommit(sending.work)
                if sending.attempt?.number ?? 1 > 1 { try takeBack(sending, in: &commit) }
                commit.dueAfter = .seconds(1)
                stopped.append(commit)
            } else {
                claimed.formUnion(rows.map(\.id))
                free.append((sending, rows.filter { owners[$0.id.key] == nil }))
            }
        }
        return (free, stopped)
    }

    /// Sends one batch. A cancelled task waits for the answer: what left the machine must be known.
    private func send(
        _ ready: [Sending],
        _ batch: WriteBatch,
        _ window: SendWindow,
        _ reservation: BudgetReservation
    ) async throws -> [WriteOutcome] {
        let kind = ready[0].write.kind.rawValue
        let session = integration.session("push \(kind)", window: window, reservation: reservation)
        var batch = batch
        batch.writes = ready.map(\.write)
        let sent = batch
        let provider = integration.provider
        do {
            let outcomes = try await shielded { try await provider.push(sent, in: session) }
            guard outcomes.count == ready.count else { return ready.map { _ in .unknown(miscount("push")) } }
            return outcomes
        } catch let error as IntegrationError {
            return ready.map { _ in error.mayHaveHappened ? .unknown(error) : .notAttempted(error) }
        } catch {
            let unclear = IntegrationError(
                .network,
                "Sending failed (\(type(of: error))).",
                retry: .after(nil),
                concerns: .account,
                mayHaveHappened: true
            )
            return ready.map { _ in .unknown(unclear) }
        }
    }

    // MARK: - Outcomes

    /// Commits what became of each write; returns the writes that go again at once, in smaller groups.
    private func record(_ outcomes: [WriteOutcome], of sendings: [Sending]) async throws -> [[Sending]] {
        var commits: [LaneCommit] = []
        var again: [Sending] = []
        var pauses: [IntegrationError: Duration] = [:]
        for (sending, outcome) in zip(sendings, outcomes) {
            switch outcome {
            case .applied(let record):
                commits.append(try done(sending, record))
            case .exists(let ids):
                commits.append(try exists(sending, ids))
            case .moved(let ids):
                commits.append(try moved(sending, ids))
            case .gone:
                commits.append(try gone(sending))
            case .pending(let state, let made, let after):
                commits.append(try pending(sending, state, made, after))
            case .notAttempted(let error) where sendings.count > 1 && (error.retry == .smaller || error.retry == .alone):
                again.append(sending)
            case .notAttempted(let error) where error.isRecordsOwn, .refused(let error) where error.isRecordsOwn:
                commits.append(try refused(sending, error))
            case .notAttempted(let error), .refused(let error):
                let pause = try await pauses.value(for: error) {
                    tally.add(error)
                    return try await holdBack(error, kind: sending.write.kind)
                }
                commits.append(try requeued(sending, after: pause, error))
            case .unknown(let error):
                _ = try await pauses.value(for: error) {
                    tally.add(error)
                    return try await holdBack(error, kind: sending.write.kind)
                }
                commits.append(try unknown(sending, error))
            }
        }
        try await commitOutcomes(commits)
        guard again.count > 1 else { return again.isEmpty ? [] : [again] }
        let middle = again.count / 2
        return [Array(again[..<middle]), Array(again[middle...])]
    }

    private func done(_ sending: Sending, _ record: RemoteRecord) throws -> LaneCommit {
        switch sending.write.operation {
        case .create: return try applied(sending, record, as: .created)
        case .update: return try applied(sending, record, as: .updated)
        case .delete: return try deleted(sending)
        }
    }

    private func deleted(_ sending: Sending) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        var link = sending.link
        link.state = .deletedByHost
        commit.deletes += link.naturalKeys.map(NaturalKey.rowID)
        link.naturalKeys = []
        commit.puts.append(try link.row(sending.linkKey, tenant: integration.tenant, integration: integration.id))
        try finish(sending.jobs, .deleted, remote: link.remote, "Deleted the \(sending.write.kind.rawValue).", in: &commit)
        commit.dueAfter = sending.hasMore ? .zero : nil
        return commit
    }

    /// Somebody holds the key: the record is linked, and what differs goes out as an update.
    private func exists(_ sending: Sending, _ ids: [RemoteID]) throws -> LaneCommit {
        guard sending.write.operation == .create else { return try refused(sending, heldByAnother()) }
        guard ids.count < 2 else { return try block(sending, several(ids), candidates: ids) }
        guard let id = ids.first else {
            var head = try sending.head(.queued, worker: self)
            head.record.mayHaveBeenSent = true
            return try failed(sending, head, linkedElsewhere(), pause: .zero)
        }
        if integration.settings.duplicatePolicy != .link, sending.attempt?.earlierUnknown != true {
            return try block(sending, several(ids), candidates: ids)
        }
        return try meet(sending, id)
    }

    /// Links a record that was there, or may be ours, and queues what was said for the merge with it.
    func meet(_ sending: Sending, _ id: RemoteID) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        var link = sending.link
        link.remote = id
        link.state = .linked
        link.linkedAt = core.now()
        link.digest = Data()
        try takeNaturalKeys(sending, &link, in: &commit)
        commit.puts.append(try link.row(sending.linkKey, tenant: integration.tenant, integration: integration.id))
        commit.puts.append(try sending.row(.queued, worker: self))
        commit.events.append(
            event(.adopted, sending.head.record, remote: id, "Linked the \(sending.write.kind.rawValue) that was there already."))
        commit.claimant = sending.head
        commit.wakes = sending.linkKey
        commit.dueAfter = .zero
        return commit
    }

    private func moved(_ sending: Sending, _ ids: [RemoteID]) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        try takeBack(sending, in: &commit)
        commit.puts.append(try refetch(sending))
        commit.events.append(
            event(.retried, sending.head.record, remote: ids.first, "The record moved on the platform; the link follows."))
        commit.dueAfter = .zero
        return commit
    }

    private func gone(_ sending: Sending) throws -> LaneCommit {
        if sending.write.operation == .delete { return try deleted(sending) }
        var commit = LaneCommit(sending.work)
        try takeBack(sending, in: &commit)
        commit.puts.append(try refetch(sending))
        commit.events.append(event(.retried, sending.head.record, "The record is not there any more; reading it decides."))
        commit.dueAfter = .zero
        return commit
    }

    /// A job that reads the record before anything else happens in its lane.
    private func refetch(_ sending: Sending) throws -> RowContent {
        try RefetchJob.row(
            of: sending.link.remote ?? RemoteID(sending.write.kind, ""),
            host: sending.host,
            integration: integration,
            core: core
        )
    }

    /// Puts the head job back into the queue; it stays sent if an earlier attempt may have had an effect.
    private func takeBack(_ sending: Sending, in commit: inout LaneCommit) throws {
        guard let attempt = sending.attempt else { return }
        if attempt.earlierUnknown {
            commit.puts.append(try sending.row(.sent(attempt), worker: self))
        } else {
            commit.puts.append(try sending.row(.queued, worker: self))
            commit.deletes += try freedNaturalKeys(sending)
        }
    }

    private func requeued(_ sending: Sending, after pause: Duration, _ error: IntegrationError) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        try takeBack(sending, in: &commit)
        commit.dueAfter = pause
        commit.events.append(event(.retried, sending.head.record, error: error, error.message))
        return commit
    }

    /// Stops a write's job. One that would make its record keeps the lane closed.
    func block(_ sending: Sending, _ error: IntegrationError, candidates: [RemoteID] = []) throws -> LaneCommit {
        var commit = try block(
            sending.work,
            try sending.head(.queued, worker: self),
            error,
            candidates: candidates,
            holdsLane: !sending.link.isLinked,
            at: core.now()
        )
        if sending.attempt?.earlierUnknown == false { commit.deletes += try freedNaturalKeys(sending) }
        return commit
    }

    private func refused(_ sending: Sending, _ error: IntegrationError) throws -> LaneCommit {
        let head = try sending.head(.queued, worker: self)
        switch error.retry {
        case .after(let pause): return try failed(sending, head, error, pause: pause)
        case .afterRefetch:
            var commit = try failed(sending, head, error, pause: .zero)
            commit.puts.append(try refetch(sending))
            return commit
        default:
            // One of several is to blame: they go again one by one.
            guard sending.attempt != nil || sending.jobs.count == 1 else {
                return try failed(sending, head, error, pause: .zero)
            }
            return try block(sending, error)
        }
    }

    /// A failure that the record caused: it counts, and the last one stops the job.
    private func failed(
        _ sending: Sending,
        _ head: Row<SyncJob>,
        _ error: IntegrationError,
        pause: Duration?
    ) throws -> LaneCommit {
        var job = head.record
        job.failures += 1
        guard job.failures < options.failuresBeforeBlocking else { return try block(sending, error) }
        var commit = LaneCommit(sending.work)
        commit.puts.append(try job.row(head.id.key, memory: options.memory))
        if sending.attempt?.earlierUnknown == false { commit.deletes += try freedNaturalKeys(sending) }
        commit.dueAfter = pause ?? options.backoff(job.failures, core.random)
        commit.events.append(event(.retried, job, error: error, error.message))
        return commit
    }

    private func heldByAnother() -> IntegrationError {
        IntegrationError(
            .conflict,
            "Another record of the platform has the e-mail address or key that this update gives.",
            remedy: LocalizedText(
                "Correct the value, or merge the two records on the platform, then replay.",
                fr: "Corrigez la valeur, ou fusionnez les deux fiches sur la plateforme, puis relancez."
            )
        )
    }

    private func pending(
        _ sending: Sending,
        _ state: JSONValue,
        _ made: RemoteRecord?,
        _ after: Duration
    ) throws -> LaneCommit {
        var sending = sending
        sending.write.state = state
        var commit = LaneCommit(sending.work)
        let context = SyncJob.payloadContext(
            sending.head.id.key, tenant: integration.tenant, integration: integration.id)
        var attempt =
            sending.attempt
            ?? Attempt(
                number: 1,
                write: Data(),
                writeID: sending.write.id,
                covers: [],
                safety: .keyed(for: nil),
                sendBy: core.now(),
                unknownSince: nil,
                absences: 0,
                earlierUnknown: false,
                pendingUntil: nil
            )
        attempt.write = try integration.keys.seal(try RecordCoding.encode(sending.write), in: context)
        attempt.pendingUntil = core.now().advanced(by: after)
        if let made {
            var done = sending
            // What belongs together is made by a later step.
            done.write.relations = []
            let step = try applied(done, made, as: .created)
            let jobs = Set(sending.jobs.map(\.id))
            commit.puts = step.puts.filter { !jobs.contains($0.id) }
            commit.deletes = step.deletes.filter { !jobs.contains($0) }
            commit.wakes = step.wakes
            commit.claimant = step.claimant
            commit.answered = step.answered
        }
        commit.puts.append(try sending.row(.sent(attempt), worker: self))
        commit.dueAfter = after
        return commit
    }

    private func unknown(_ sending: Sending, _ error: IntegrationError) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        let settle = integration.record.profile.keySlots[sending.write.kind]?.settle ?? .seconds(60)
        if var attempt = sending.attempt {
            attempt.unknownSince = core.now()
            commit.puts.append(try sending.row(.sent(attempt), worker: self))
            if case .keyed = attempt.safety {
                commit.dueAfter = .seconds(1)
            } else {
                commit.dueAfter = max(
                    attempt.sendBy.advanced(by: options.requestTimeout + settle).duration(since: core.now()), .seconds(1))
            }
        } else {
            commit.dueAfter = options.requestTimeout + settle
        }
        commit.events.append(event(.outcomeUnknown, sending.head.record, error: error, error.message))
        return commit
    }
}

extension Dictionary where Key == IntegrationError, Value == Duration {
    /// The value of a key, made once.
    fileprivate mutating func value(for key: Key, make: () async throws -> Duration) async rethrows -> Duration {
        if let value = self[key] { return value }
        let value = try await make()
        self[key] = value
        return value
    }
}
