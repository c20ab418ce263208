// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Finds out what became of writes whose outcome is not known.
    ///
    /// "Absent" is believed only after the last moment at which the write may have left, the request's deadline and the
    /// platform's settling time; then the very same write goes again.
    func resolve(_ works: [LaneWork]) async throws {
        let strays = try await core.store.records(Stray.self, works.compactMap { $0.head?.id.key })
        var again: [Sending] = []
        var asked: [Sending] = []
        var commits: [LaneCommit] = []
        var found: [(Sending, RemoteID)] = []
        let now = core.storeNow()
        for work in works {
            guard let sending = try await reopen(work) else {
                try await release([work], after: .seconds(60))
                continue
            }
            guard let attempt = sending.attempt else { continue }
            if let stray = strays[sending.head.id.key] {
                found.append((sending, stray.record.remote))
            } else if let until = attempt.pendingUntil {
                if until > now {
                    commits.append(waiting(sending, until.duration(since: now)))
                } else {
                    again.append(sending)
                }
            } else if isKeyed(sending, at: now) {
                // A repeat doubles nothing, but it would undo what a person has changed since.
                if readsBeforeWriting { asked.append(sending) } else { again.append(sending) }
            } else if attempt.sendBy > now.advanced(by: options.sendWindow) {
                commits.append(try waitingAnew(sending, attempt, now: now))
            } else {
                let believed = attempt.sendBy.advanced(by: options.requestTimeout + settle(of: sending))
                if believed > now {
                    commits.append(waiting(sending, believed.duration(since: now)))
                } else {
                    asked.append(sending)
                }
            }
        }
        try await commit(commits)
        if !found.isEmpty { try await adoptStrays(found) }
        for chunk in asked.chunked(by: 100) {
            let session = integration.session("look up \(chunk[0].write.kind.rawValue)")
            let results = try await integration.provider.lookUp(chunk.map(\.write), in: session)
            guard results.count == chunk.count else { throw miscount("lookUp") }
            again += try await settle(Array(zip(chunk, results)))
        }
        try await push(again)
    }

    /// How long "absent" is not believed.
    private func settle(of sending: Sending) -> Duration {
        integration.record.profile.keySlots[sending.write.kind]?.settle ?? .seconds(60)
    }

    /// Whether the policy wants the platform's side read before anything is written over it.
    var readsBeforeWriting: Bool {
        host != nil && integration.delivers && integration.settings.conflictPolicy != .hostWins
    }

    /// The store's clock was set back since: the whole wait begins anew.
    private func waitingAnew(_ sending: Sending, _ attempt: Attempt, now: Date) throws -> LaneCommit {
        var moved = attempt
        moved.sendBy = now.advanced(by: options.sendWindow)
        var commit = waiting(sending, options.sendWindow + options.requestTimeout + settle(of: sending))
        commit.puts.append(try sending.row(.sent(moved), worker: self))
        return commit
    }

    private func isKeyed(_ sending: Sending, at now: Date) -> Bool {
        guard case .keyed(let span) = sending.attempt?.safety else { return false }
        guard let span, let first = sending.write.firstSentAt else { return true }
        return now.duration(since: first) < span
    }

    private func waiting(_ sending: Sending, _ duration: Duration) -> LaneCommit {
        var commit = LaneCommit(sending.work)
        commit.dueAfter = max(duration, .milliseconds(10))
        return commit
    }

    /// Carries out what a look-up found; returns the writes that go again.
    private func settle(_ results: [(Sending, LookupResult)]) async throws -> [Sending] {
        var again: [Sending] = []
        var commits: [LaneCommit] = []
        let now = core.storeNow()
        for (sending, result) in results {
            switch result {
            case .found(let record, byExternalKey: true):
                commits.append(try applied(sending, record, as: .adopted))
            case _ where isKeyed(sending, at: now):
                again.append(sending)
            case .found(let record, byExternalKey: false):
                // Ours or somebody else's: it is linked, and whatever differs is merged by the policy.
                commits.append(try meet(sending, record.id, showing: record))
            case .several(let ids):
                commits.append(try block(sending, several(ids), candidates: ids))
            case .absent:
                guard let attempt = sending.attempt else { continue }
                if attempt.safety == .uncertain {
                    commits.append(try block(sending, unknownForGood()))
                } else if attempt.safety == .marked, attempt.absences == 0 {
                    var seen = attempt
                    seen.absences += 1
                    var commit = LaneCommit(sending.work)
                    commit.puts.append(try sending.row(.sent(seen), worker: self))
                    commit.dueAfter = settle(of: sending)
                    commits.append(commit)
                } else {
                    again.append(sending)
                }
            case .tooEarly(let wait):
                commits.append(waiting(sending, wait))
            case .undecidable:
                commits.append(try block(sending, unknownForGood()))
            }
        }
        try await commitOutcomes(commits)
        return again
    }

    private func adoptStrays(_ found: [(Sending, RemoteID)]) async throws {
        let session = integration.session("fetch answered writes")
        for chunk in found.chunked(by: 100) {
            let results = try await integration.provider.fetchRecords(
                chunk.map(\.1),
                fields: integration.remoteFields(of: chunk[0].1.kind),
                in: session
            )
            var commits: [LaneCommit] = []
            for ((sending, id), result) in zip(chunk, results) {
                var record = RemoteRecord(id: id)
                if case .found(let read) = result { record = read }
                var commit = try applied(sending, record, as: .adopted)
                commit.deletes.append(Stray.rowID(sending.head.id.key))
                commits.append(commit)
            }
            try await commitOutcomes(commits)
        }
    }

    /// Makes a sending of a lane whose head was sent.
    private func reopen(_ work: LaneWork) async throws -> Sending? {
        guard let (job, content) = work.jobs.first, case .sent(let attempt) = job.record.state,
            let reference = job.record.record, let mapper = integration.mapper(reference.kind, job.record.kind)
        else { return nil }
        let context = SyncJob.payloadContext(job.id.key, tenant: integration.tenant, integration: integration.id)
        let write = try RecordCoding.decode(
            RecordWrite.self,
            from: try integration.keys.open(attempt.write, in: context)
        )
        let key = RecordLink.key(reference, in: integration.id)
        let link = try await core.store.record(RecordLink.self, key)
        var known = link?.record ?? freshLink(reference, kind: job.record.kind, incarnation: 0)
        if write.operation == .create, known.externalKey != write.externalKey {
            known = nextIncarnation(of: known, reference, kind: job.record.kind)
        }
        let payload = content.said(by: job)
        // A process may have ended right after this attempt left: it counts as sent whatever is known of it.
        var sent = attempt
        sent.earlierUnknown = true
        let words = mapper.rules.filter { $0.rule.isOutbound && write.fields[$0.rule.remote] != nil }
            .map { ($0, payload.words[$0.rule.host] ?? HostWord(value: .empty)) }
        return Sending(
            work: work,
            jobs: [job],
            payload: payload,
            host: reference,
            link: known,
            write: write,
            words: words,
            mapper: mapper,
            attempt: sent,
            carries: 1,
            isPayloadStored: true
        )
    }

    func miscount(_ call: String) -> IntegrationError {
        IntegrationError(
            .invalidAnswer,
            "The provider of \(integration.record.platform.rawValue) returned another number of results from \(call) than it was asked for.",
            remedy: LocalizedText(
                "Report this to the provider's authors.",
                fr: "Signalez-le aux auteurs du connecteur."
            ),
            retry: .after(nil),
            concerns: .account,
            mayHaveHappened: true
        )
    }

    func several(_ ids: [RemoteID]) -> IntegrationError {
        IntegrationError(
            .ambiguous,
            "\(ids.count) records of the platform fit this one.",
            remedy: LocalizedText(
                "Choose the right record, or merge the duplicates on the platform and replay.",
                fr: "Choisissez la bonne fiche, ou fusionnez les doublons sur la plateforme puis relancez."
            )
        )
    }

    func linkedElsewhere() -> IntegrationError {
        IntegrationError(
            .conflict,
            "The record found on the platform belongs to another record of the host.",
            remedy: LocalizedText(
                "Two records of yours share an e-mail address or key. Correct one of them, then replay.",
                fr: "Deux de vos fiches partagent une adresse e-mail ou une clé. Corrigez-en une, puis relancez."
            )
        )
    }

    private func unknownForGood() -> IntegrationError {
        IntegrationError(
            .outcomeUnknown,
            "The answer to this write was lost, and the platform gives no certain way to learn what became of it.",
            remedy: LocalizedText(
                "Look on the platform: replay if the record is missing, drop the job if it is there.",
                fr: "Vérifiez sur la plateforme : relancez si la fiche manque, abandonnez si elle existe."
            ),
            mayHaveHappened: true
        )
    }
}

extension Array {
    /// The array in pieces of at most so many elements.
    func chunked(by size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
