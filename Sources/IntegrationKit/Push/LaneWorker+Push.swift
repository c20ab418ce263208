// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// What became of a batch.
    private enum Flight: Sendable {
        /// Its outcomes are committed; these parts are planned anew.
        case landed(again: [[Sending]])
        /// It did not leave, and neither may others for a while.
        case grounded([Sending], pause: Duration)
        case failed(any Error)
    }

    /// Sends writes, some batches at a time, and commits what became of each.
    func push(_ sendings: [Sending]) async throws {
        var known = Dictionary(sendings.map { ($0.write.id, $0) }, uniquingKeysWith: { first, _ in first })
        var queue = plan(sendings)[...]
        var waiting: [(batch: WriteBatch, wait: Duration)] = []
        var pause: Duration?
        var failure: (any Error)?
        var unsent: [Sending] = []
        await withTaskGroup(of: (held: Set<String>, flight: Flight).self) { flights in
            var flying = 0
            var held: Set<String> = []
            while true {
                while pause == nil, failure == nil, flying < options.writesInFlight, let batch = queue.first {
                    guard core.closedFor(integration.id) == nil, core.time.elapsed() < sendsUntil, !Task.isCancelled
                    else {
                        pause = core.closedFor(integration.id) ?? .zero
                        break
                    }
                    queue.removeFirst()
                    guard held.isDisjoint(with: batch.exclusive) else {
                        waiting.append((batch, .zero))
                        continue
                    }
                    do {
                        switch try core.budgets.take(batch.spend, for: integration.party) {
                        case .granted(let reservation):
                            let group = batch.writes.compactMap { known[$0.id] }
                            flights.addTask { (batch.exclusive, await fly(group, batch, reservation)) }
                            flying += 1
                            held.formUnion(batch.exclusive)
                        case .wait(let wait, _):
                            // Batches that spend of other budgets go on.
                            waiting.append((batch, wait))
                        }
                    } catch {
                        failure = error
                    }
                }
                guard let landed = await flights.next() else { break }
                flying -= 1
                held.subtract(landed.held)
                switch landed.flight {
                case .landed(let again):
                    for sending in again.joined() { known[sending.write.id] = sending }
                    queue = again.flatMap { plan($0) } + waiting.map(\.batch) + queue
                    waiting = []
                case .grounded(let group, let wait):
                    pause = max(pause ?? .zero, wait)
                    unsent += group
                case .failed(let error):
                    failure = failure ?? error
                }
            }
        }
        if let failure { throw failure }
        if let pause {
            try await giveUp(unsent + rest(waiting.map(\.batch) + queue, known), after: pause)
        } else {
            for (batch, wait) in waiting { try await giveUp(rest([batch], known), after: wait) }
        }
    }

    /// Sends one batch and commits what became of it.
    private func fly(_ group: [Sending], _ batch: WriteBatch, _ reservation: BudgetReservation) async -> Flight {
        defer { core.budgets.giveBack(reservation) }
        do {
            // Outcomes that a failing store did not take come first: nothing new is sent before them.
            try await core.held.settle(in: core)
            try core.flights.begin(integration.id, fence: integration.fenceRevision)
            defer { core.flights.end(integration.id, fence: integration.fenceRevision) }
            _ = try await integration.credential(rejecting: nil)
            let window = SendWindow(closingIn: options.sendWindow, by: core.time)
            let ready = try await commitSent(try await keepLeases(group), safety: batch.safety)
            guard ready.count == batch.writes.count else { return .landed(again: [ready]) }
            let outcomes = try await send(ready, batch, window, reservation)
            return .landed(again: try await record(outcomes, of: ready))
        } catch let error as IntegrationError where error.code != .storeFailed {
            tally.add(error)
            do {
                return .grounded(group, pause: try await holdBack(error, kind: batch.writes.first?.kind))
            } catch {
                return .failed(error)
            }
        } catch {
            return .failed(error)
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
        let now = core.storeNow()
        var attempts: [Sending] = []
        var ready: [Sending] = []
        for var sending in group {
            guard sending.write.operation == .create || sending.attempt != nil else {
                ready.append(sending)
                continue
            }
            if sending.write.firstSentAt == nil { sending.write.firstSentAt = now }
            let context = SyncJob.payloadContext(
                sending.head.id.key,
                tenant: integration.tenant,
                integration: integration.id
            )
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
            try finish(
                sending.jobs.filter { $0.id != sending.head.id },
                .covered,
                "Carried by the write beside it.",
                in: &commit
            )
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

    /// Sends one batch.
    ///
    /// A cancelled task waits for the answer: what left the machine must be known.
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
}
