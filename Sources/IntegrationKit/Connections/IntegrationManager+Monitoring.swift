// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension IntegrationManager {
    // MARK: - Logs

    /// Returns the log of an integration, newest first.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - before: Only entries before this date; nil: from now.
    ///   - limit: The most entries to return.
    /// - Returns: The entries.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func logs(of id: String, before: Date? = nil, limit: Int = 100) async throws -> [SyncLogEntry] {
        let integration = try await load(id)
        let upper = RowKey.time(before ?? core.now().addingTimeInterval(86_400))
        let rows = try await core.store.rows(
            matching: RowQuery(
                "log.integration",
                range: RowKey.join(id, RowKey.time(Date(milliseconds: 0)))..<RowKey.join(id, upper),
                limit: limit,
                descending: true
            )
        )
        return try rows.map { try entry($0, integration.keys) }
    }

    func entry(_ stored: StoredRow, _ keys: TenantKeys) throws -> SyncLogEntry {
        let row = try Row<LogRecord>(stored)
        let integration = stored.content.integration ?? ""
        let context = LogRecord.context(row.id.key, tenant: stored.content.tenant, integration: integration)
        let detail = try RecordCoding.decode(LogDetail.self, from: try keys.open(row.record.detail, in: context))
        return SyncLogEntry(
            date: row.record.at,
            kind: IntegrationEvent.Kind(rawValue: row.record.kind),
            integration: integration,
            recordKind: row.record.recordKind,
            record: row.record.record,
            remote: row.record.remote,
            event: row.record.event,
            message: detail.message,
            error: detail.error
        )
    }

    /// Tells in words what became of an event: where it went, what waits and why, what was refused.
    ///
    /// - Parameters:
    ///   - event: The host's id of the event.
    ///   - tenant: The tenant.
    /// - Returns: The states of its jobs in words, and its log.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func why(event: String, of tenant: String) async throws -> SyncExplanation {
        let key = RowKey.join(tenant, event)
        return try await explain(
            jobs: RowQuery("job.event", keys: [key]),
            logs: RowQuery("log.event", keys: [key], limit: 1000),
            tenant,
            nothing: "Nothing is known of the event \(event): it was never enqueued, or longer ago than is remembered."
        )
    }

    /// Tells in words how a record of the host stands: what it is linked to, what waits and why.
    ///
    /// - Parameter record: The host's record.
    /// - Returns: The states of its link and jobs in words, and its log.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func why(_ record: HostReference) async throws -> SyncExplanation {
        let key = RowKey.join(record.tenant, record.kind, record.id)
        var explanation = try await explain(
            jobs: RowQuery("record", keys: [key]),
            logs: RowQuery("log.record", keys: [key], limit: 1000),
            record.tenant,
            nothing: "Nothing is known of the record \(record.kind) \(record.id)."
        )
        let links = try await core.store.records(RecordLink.self, matching: RowQuery("record", keys: [key]))
        for link in links {
            let remote = link.record.remote.map { "\($0.kind.rawValue) \($0.value)" } ?? "nothing"
            explanation.sentences.insert("It is \(link.record.state.rawValue) with \(remote) on the platform.", at: 0)
        }
        return explanation
    }

    private func explain(
        jobs: RowQuery,
        logs: RowQuery,
        _ tenant: String,
        nothing: String
    ) async throws -> SyncExplanation {
        var sentences: [String] = []
        for job in try await core.store.records(SyncJob.self, matching: jobs) {
            sentences.append(try await sentence(job.record))
        }
        var entries: [SyncLogEntry] = []
        if let keys = try await core.vault.existingKeys(for: tenant) {
            entries = try await core.store.rows(matching: logs).map { try entry($0, keys) }.sorted { $0.date < $1.date }
        }
        if sentences.isEmpty { sentences = entries.map { "\($0.kind.rawValue): \($0.message)" } }
        if sentences.isEmpty { sentences = [nothing] }
        return SyncExplanation(sentences: sentences, entries: entries)
    }

    private func sentence(_ job: SyncJob) async throws -> String {
        let integration = try await LoadedIntegration.load(job.lane.integration, in: core)
        let name = integration.map { "\($0.record.name) (\($0.provider.descriptor.name))" } ?? job.lane.integration
        let what = "\(job.action.rawValue) \(job.kind.rawValue) in \(name)"
        switch job.state {
        case .queued:
            if let reason = integration?.status.suspended[job.kind] { return "\(what): waits, because \(reason)" }
            if let need = integration?.status.need { return "\(what): waits for the customer (\(need.rawValue))." }
            if let state = integration?.fence.state, state != .enabled {
                return "\(what): waits, the integration is \(state.rawValue)."
            }
            if integration?.status.breaker.openUntil != nil { return "\(what): waits, the platform does not answer." }
            if let mark = job.guarded, !mark.isCounted,
                try await core.heldChanges(of: job.lane.integration)
                    .contains(where: { $0.effect == mark.effect && $0.kind == job.kind })
            {
                return "\(what): waits until a person confirms a change to many records."
            }
            if !job.needs.isEmpty {
                let needs = job.needs.map { RowKey.parts($0).dropFirst().joined(separator: " ") }
                return
                    "\(what): waits for what it belongs to, which is not there yet: \(needs.joined(separator: ", "))."
            }
            return "\(what): waits for its turn."
        case .sent: return "\(what): was sent, and its outcome is being found out."
        case .blocked(let reason): return "\(what): stopped. \(reason.error.description)"
        case .finished(let outcome, let at): return "\(what): \(outcome) at \(ISO8601.string(from: at))."
        }
    }

    /// Counts an integration's queue and what happened in it.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The counts.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func statistics(of id: String) async throws -> IntegrationStatistics {
        let integration = try await load(id)
        func jobs(_ state: String) async throws -> Int {
            try await core.store.count(
                matching: RowQuery("job.state", keys: [RowKey.join(id, state)]),
                upTo: 10_000_000
            )
        }
        let kinds: [IntegrationEvent.Kind] = [
            .created, .updated, .deleted, .adopted, .unchanged, .covered, .refused, .retried, .outcomeUnknown,
            .delivered,
            .conflict,
        ]
        var counts: [RecordKind: [IntegrationEvent.Kind: Int]] = [:]
        for description in integration.provider.descriptor.kinds {
            for kind in kinds {
                let query = RowQuery(
                    "log.outcome",
                    keys: [RowKey.join(id, description.kind.rawValue, kind.rawValue)]
                )
                let count = try await core.store.count(matching: query, upTo: 10_000_000)
                if count > 0 { counts[description.kind, default: [:]][kind] = count }
            }
        }
        return IntegrationStatistics(
            queued: try await jobs("queued"),
            sent: try await jobs("sent"),
            blocked: try await jobs("blocked"),
            counts: counts
        )
    }

    // MARK: - Dead letters

    /// Returns jobs that wait for a person, oldest first.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - limit: The most to return.
    /// - Returns: The jobs, each with its reason.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func deadLetters(of id: String, limit: Int = 100) async throws -> [DeadLetter] {
        let jobs = try await core.store.records(
            SyncJob.self,
            matching: RowQuery("job.state", keys: [RowKey.join(id, "blocked")], limit: limit)
        )
        return jobs.compactMap { DeadLetter($0, of: id) }
    }

    /// Lets a stopped job run again, and the jobs that stopped because of it.
    ///
    /// Its fields are mapped anew, and none goes back to an older value.
    ///
    /// - Parameter id: The dead letter's id.
    /// - Throws: ``IntegrationError`` with code `notFound` if it is not stopped any more.
    public func replay(_ id: String) async throws {
        let job = try await blocked(id)
        try await requeue(job)
        guard let record = job.record.record else { return }
        let link = RecordLink.key(record, in: job.record.lane.integration)
        for dependent in try await core.store.records(
            SyncJob.self,
            matching: RowQuery("job.blockedOn", keys: [link], limit: 10_000)
        ) {
            try await requeue(dependent)
        }
    }

    /// Gives a stopped job up for good.
    ///
    /// If it is not known what became of its write, what it said is kept for as long as finished jobs are: a record that
    /// holds just that is known by it and linked.
    ///
    /// - Parameter id: The dead letter's id.
    /// - Throws: ``IntegrationError`` with code `notFound` if it is not stopped any more.
    public func drop(_ id: String) async throws {
        let job = try await blocked(id)
        try await change(job) { $0.dropped(at: core.now()) }
    }

    private func blocked(_ id: String) async throws -> Row<SyncJob> {
        guard let job = try await core.store.record(SyncJob.self, id), case .blocked = job.record.state else {
            throw IntegrationError(
                .notFound,
                "There is no stopped job of that id.",
                remedy: LocalizedText("List the dead letters again.", fr: "Rechargez la liste.")
            )
        }
        return job
    }

    private func requeue(_ job: Row<SyncJob>) async throws {
        try await change(job) { record in
            var record = record
            if case .blocked(let reason) = record.state,
                reason.error.code == .outcomeUnknown || reason.error.mayHaveHappened
            {
                // Looked for once more; where nobody can tell, the person who replays it has looked.
                record.mayHaveBeenSent = true
                record.isVouchedFor = true
            }
            record.state = .queued
            record.failures = 0
            record.waits = 0
            return record
        }
    }

    private func change(_ job: Row<SyncJob>, _ change: (SyncJob) -> SyncJob) async throws {
        let record = change(job.record)
        do {
            try await core.commit(
                Changes(
                    id: core.random.uuid(),
                    requires: [.revision(job.id, job.revision)],
                    puts: [try record.row(job.id.key, memory: core.options.memory)],
                    touches: [LaneTouch(record.lane, tenant: record.tenant, workClass: .live)]
                )
            )
        } catch StoreFailure.conflict {
            throw IntegrationError(.conflict, "The job changed meanwhile.", retry: .after(.zero))
        }
    }
}
