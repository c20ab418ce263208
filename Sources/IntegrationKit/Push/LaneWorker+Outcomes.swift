// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Commits what became of each write; returns the writes that go again at once, in smaller groups.
    func record(_ outcomes: [WriteOutcome], of sendings: [Sending]) async throws -> [[Sending]] {
        var commits: [LaneCommit] = []
        var again: [Sending] = []
        var pauses: [IntegrationError: Duration] = [:]
        var accepted: Set<RecordKind> = []
        var refusals: [RecordKind: Int] = [:]
        for (sending, outcome) in zip(sendings, outcomes) {
            switch outcome {
            case .applied(let record):
                accepted.insert(sending.write.kind)
                commits.append(try done(sending, record))
            case .exists(let ids):
                commits.append(try exists(sending, ids))
            case .moved(let ids):
                commits.append(try moved(sending, ids))
            case .gone:
                commits.append(try gone(sending))
            case .pending(let state, let made, let after):
                commits.append(try pending(sending, state, made, after))
            case .notAttempted(let error)
            where sendings.count > 1 && (error.retry == .smaller || error.retry == .alone):
                again.append(sending)
            case .notAttempted(let error) where error.isRecordsOwn, .refused(let error) where error.isRecordsOwn:
                commits.append(try refused(sending, error))
            case .notAttempted(let error), .refused(let error):
                if isOneRecordsFault(error, sending.write.kind, after: refusals) {
                    refusals[sending.write.kind, default: 0] += 1
                    commits.append(try refused(sending, error))
                    continue
                }
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
        try await note(accepted, refusals)
        guard again.count > 1 else { return again.isEmpty ? [] : [again] }
        let middle = again.count / 2
        return [Array(again[..<middle]), Array(again[middle...])]
    }

    /// Whether a refusal that could concern a whole kind concerns one record.
    ///
    /// Records of the kind were accepted under the same mapping, and not every one since then was refused.
    private func isOneRecordsFault(
        _ error: IntegrationError,
        _ kind: RecordKind,
        after refusals: [RecordKind: Int]
    ) -> Bool {
        guard error.code == .refused, error.concerns == .kind,
            let before = integration.status.refusalsSinceAccepted[kind]
        else { return false }
        return before + (refusals[kind] ?? 0) + 1 < options.refusalsBeforeSuspending
    }

    private func note(_ accepted: Set<RecordKind>, _ refusals: [RecordKind: Int]) async throws {
        let known = integration.status.refusalsSinceAccepted
        guard !refusals.isEmpty || accepted.contains(where: { known[$0] != 0 }) else { return }
        try await core.updateStatus(of: integration.id, tenant: integration.tenant) { status in
            for kind in accepted { status.refusalsSinceAccepted[kind] = 0 }
            for (kind, count) in refusals { status.refusalsSinceAccepted[kind, default: 0] += count }
        }
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
        try finish(
            sending.jobs,
            .deleted,
            remote: link.remote,
            "Deleted the \(sending.write.kind.rawValue).",
            in: &commit
        )
        try end(sending.ended, in: &commit)
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
    ///
    /// On what it shows of our own values the sides agree: only the rest is merged.
    func meet(_ sending: Sending, _ id: RemoteID, showing record: RemoteRecord? = nil) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        var link = sending.link
        if let record { link.take(agreed(sending, record)) }
        link.remote = id
        link.state = .linked
        link.linkedAt = core.storeNow()
        link.digest = Data()
        try takeNaturalKeys(sending, &link, in: &commit)
        commit.puts.append(try link.row(sending.linkKey, tenant: integration.tenant, integration: integration.id))
        commit.puts.append(try sending.row(.queued, worker: self))
        commit.events.append(
            event(
                .adopted,
                sending.head.record,
                remote: id,
                "Linked the \(sending.write.kind.rawValue) that was there already."
            )
        )
        commit.claimant = try sending.head(.queued, worker: self)
        commit.makes(link, sending.linkKey)
        commit.dueAfter = .zero
        return commit
    }

    private func moved(_ sending: Sending, _ ids: [RemoteID]) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        try takeBack(sending, in: &commit)
        commit.puts.append(try refetch(sending))
        commit.events.append(
            event(
                .retried,
                sending.head.record,
                remote: ids.first,
                "The record moved on the platform; the link follows."
            )
        )
        commit.dueAfter = .zero
        return commit
    }

    private func gone(_ sending: Sending) throws -> LaneCommit {
        if sending.write.operation == .delete { return try deleted(sending) }
        var commit = LaneCommit(sending.work)
        try takeBack(sending, in: &commit)
        commit.puts.append(try refetch(sending))
        commit.events.append(
            event(.retried, sending.head.record, "The record is not there any more; reading it decides.")
        )
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
    func takeBack(_ sending: Sending, in commit: inout LaneCommit) throws {
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

    /// Stops a write's job.
    ///
    /// One that would make its record keeps the lane closed.
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
            sending.head.id.key,
            tenant: integration.tenant,
            integration: integration.id
        )
        var attempt =
            sending.attempt
            ?? Attempt(
                number: 1,
                write: Data(),
                writeID: sending.write.id,
                covers: [],
                safety: .keyed(for: nil),
                sendBy: core.storeNow(),
                unknownSince: nil,
                absences: 0,
                earlierUnknown: false,
                pendingUntil: nil
            )
        attempt.write = try integration.keys.seal(try RecordCoding.encode(sending.write), in: context)
        attempt.pendingUntil = core.storeNow().advanced(by: after)
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
            attempt.unknownSince = core.storeNow()
            commit.puts.append(try sending.row(.sent(attempt), worker: self))
            if case .keyed = attempt.safety {
                commit.dueAfter = .seconds(1)
            } else {
                commit.dueAfter = max(
                    attempt.sendBy.advanced(by: options.requestTimeout + settle).duration(since: core.storeNow()),
                    .seconds(1)
                )
            }
        } else {
            // Other bytes wait, also those of an event that comes meanwhile.
            let wait = longestArrival(of: sending.write.kind)
            var link = sending.link
            link.settlesAt = core.storeNow().advanced(by: wait)
            commit.puts.append(try link.row(sending.linkKey, tenant: integration.tenant, integration: integration.id))
            commit.dueAfter = wait
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
