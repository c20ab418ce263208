// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What became of events that were enqueued.
public struct EnqueueReceipt: Hashable, Sendable {
    /// What became of one event.
    public struct Line: Hashable, Sendable {
        /// The event's id.
        public var event: String
        /// The integrations that it is queued for.
        public var queued: [String]
        /// The integrations that had it already: the same event came again.
        public var known: [String]
        /// Why it goes nowhere else, in words, by integration.
        public var skipped: [String: String]

        /// Creates a line.
        ///
        /// - Parameters:
        ///   - event: The event's id.
        ///   - queued: The integrations that it is queued for.
        ///   - known: The integrations that had it already.
        ///   - skipped: Why it goes nowhere else.
        public init(event: String, queued: [String] = [], known: [String] = [], skipped: [String: String] = [:]) {
            self.event = event
            self.queued = queued
            self.known = known
            self.skipped = skipped
        }
    }

    /// One line per event, in order.
    public var lines: [Line]

    /// Creates a receipt.
    public init(lines: [Line]) {
        self.lines = lines
    }
}

extension SyncCoordinator {
    /// Takes an event: when this returns, it will not be lost.
    ///
    /// - Parameter event: The event. Enqueued again with the same id, it is done once.
    /// - Returns: Where it goes, and why it does not go elsewhere.
    /// - Throws: ``IntegrationError`` if the event is not valid or the store failed; nothing was queued then.
    @discardableResult
    public func enqueue(_ event: DomainEvent) async throws -> EnqueueReceipt {
        try await enqueue([event])
    }

    /// Takes events, in order: when this returns, none of them will be lost.
    ///
    /// - Parameter events: The events, of any tenants.
    /// - Returns: Where each goes, and why it does not go elsewhere.
    /// - Throws: ``IntegrationError`` if one is not valid, before anything was queued; or if the store failed, when the
    ///   same events may be enqueued again.
    @discardableResult
    public func enqueue(_ events: [DomainEvent]) async throws -> EnqueueReceipt {
        for event in events { try event.validate() }
        var lines: [EnqueueReceipt.Line] = []
        var members: [String: [Member]] = [:]
        do {
            _ = try await core.storeTime()
            for chunk in events.chunked(by: 100) { lines += try await take(chunk, &members) }
        } catch let failure as StoreFailure {
            throw EngineCore.storeError(failure)
        }
        return EnqueueReceipt(lines: lines)
    }

    /// An integration as routing sees it.
    private struct Member {
        var integration: LoadedIntegration
        var routes: EventRoutes
    }

    /// One event on its way into one integration.
    private struct Entry {
        var line: Int
        var integration: LoadedIntegration
        var row: RowContent
        var lane: LaneID
    }

    /// What a chunk of events comes to.
    private struct Batch {
        var lines: [EnqueueReceipt.Line] = []
        var entries: [Entry] = []
        var notes: [(event: IntegrationEvent, integration: LoadedIntegration, isDropped: Bool)] = []
    }

    private func members(of tenant: String) async throws -> [Member] {
        let rows = try await core.store.rows(matching: RowQuery("integration.tenant", keys: [tenant]))
        return try await LoadedIntegration.load(rows.map(\.content.id.key), in: core).map { integration in
            Member(
                integration: integration,
                routes: EventRoutes(
                    descriptor: integration.provider.descriptor,
                    settings: integration.settings,
                    access: integration.record.access
                )
            )
        }
    }

    /// Routes events and commits their jobs; when an integration is changed meanwhile, they are routed anew.
    private func take(_ events: [DomainEvent], _ members: inout [String: [Member]]) async throws -> [EnqueueReceipt
        .Line]
    {
        for _ in 0..<8 {
            for tenant in Set(events.map(\.record.tenant)) where members[tenant] == nil {
                members[tenant] = try await self.members(of: tenant)
            }
            if let lines = try await commit(try route(events, members)) { return lines }
            members = [:]
        }
        throw IntegrationError(
            .conflict,
            "An integration was changed again and again while events were enqueued.",
            remedy: LocalizedText("Enqueue the same events again.", fr: "Relancez l’envoi des mêmes événements."),
            retry: .after(.zero),
            concerns: .application
        )
    }

    private func route(_ events: [DomainEvent], _ members: [String: [Member]]) throws -> Batch {
        var batch = Batch()
        for event in events {
            var event = event
            if event.origin == nil { event.origin = InboundOrigin.current?.origin(of: event.record) }
            var line = EnqueueReceipt.Line(event: event.id)
            for member in members[event.record.tenant] ?? [] {
                let integration = member.integration
                switch routing(event, member) {
                case .success(let routes):
                    for route in routes {
                        let (row, lane) = try job(event, route, integration)
                        batch.entries.append(
                            Entry(line: batch.lines.count, integration: integration, row: row, lane: lane)
                        )
                    }
                case .failure(let reason):
                    line.skipped[integration.id] = reason.text
                    batch.notes.append((note(event, integration, reason), integration, reason.isDropped))
                }
            }
            batch.lines.append(line)
        }
        return batch
    }

    private struct Skip: Error {
        var text: String
        var isDropped = false
    }

    private func routing(_ event: DomainEvent, _ member: Member) -> Result<[EventRoute], Skip> {
        let integration = member.integration
        switch integration.fence.state {
        case .draining, .erased: return .failure(Skip(text: "The integration is being deleted."))
        case .disabled: return .failure(Skip(text: "The integration is disabled.", isDropped: true))
        case .enabled, .paused: break
        }
        // What this very platform caused is compared with what it shows, not left out: the host may have changed more.
        var event = event
        if event.origin?.integration == integration.id { event.origin = nil }
        let decision = member.routes.decide(event, for: integration.id)
        guard decision.routes.isEmpty else { return .success(decision.routes) }
        return .failure(Skip(text: decision.reasons.joined(separator: " ")))
    }

    private func note(_ event: DomainEvent, _ integration: LoadedIntegration, _ skip: Skip) -> IntegrationEvent {
        IntegrationEvent(
            skip.isDropped ? .dropped : .unrouted,
            date: core.now(),
            tenant: integration.tenant,
            integration: integration.id,
            platform: integration.record.platform,
            record: event.record,
            event: event.id,
            message: skip.text
        )
    }

    private func job(
        _ event: DomainEvent,
        _ route: EventRoute,
        _ integration: LoadedIntegration
    ) throws -> (RowContent, LaneID) {
        let key = RowKey.join(
            event.record.tenant,
            event.id,
            integration.id,
            route.kind.rawValue,
            route.action.rawValue
        )
        // Dates of one host come from many clocks; by the store's, words of different processes can be compared.
        let now = core.storeNow()
        let occurredAt = event.occurredAt?.advanced(by: now.duration(since: core.now()))
        let action: SyncJob.Action =
            switch route.action {
            case .create: .create
            case .update: .update
            case .delete: .delete
            }
        let lane = LaneID.record(event.record, in: integration.id)
        let isOld = occurredAt.map { now.duration(since: $0) > core.options.memory } ?? false
        var job = SyncJob(
            tenant: event.record.tenant,
            lane: lane,
            action: action,
            event: event.id,
            record: event.record,
            kind: route.kind,
            occurredAt: occurredAt,
            enqueuedAt: now,
            mayHaveBeenSent: isOld,
            isOwnEcho: event.origin?.integration == integration.id,
            naturalKeys: action == .delete
                ? [] : integration.naturalKeys(ofHost: event.fields, event.record.kind, route.kind)
        )
        let related = event.related.filter { record in route.relations.contains { $0.hostKind == record.kind } }
        try job.seal(
            JobPayload(
                words: event.fields.mapValues { HostWord(value: $0) },
                related: related,
                relations: route.relations
            ),
            key,
            integration.keys
        )
        return (try job.row(key, memory: core.options.memory), lane)
    }

    /// Commits jobs; those that are there already are left out, since their event came before.
    ///
    /// - Returns: What became of the events; nil if an integration was changed meanwhile.
    private func commit(_ batch: Batch) async throws -> [EnqueueReceipt.Line]? {
        var lines = batch.lines
        var ids: Set<RowID> = []
        var remaining: [Entry] = []
        for entry in batch.entries {
            if ids.insert(entry.row.id).inserted {
                remaining.append(entry)
            } else {
                lines[entry.line].known.append(entry.integration.id)
            }
        }
        while true {
            let changes = try changes(of: remaining, batch.notes)
            do {
                try await core.commit(changes)
                for entry in remaining { lines[entry.line].queued.append(entry.integration.id) }
                for note in batch.notes { core.observe(note.event) }
                return lines
            } catch StoreFailure.conflict(let failed, _) {
                let known = remaining.filter { failed.contains(.absent($0.row.id)) }
                guard !known.isEmpty else { return nil }
                for entry in known { lines[entry.line].known.append(entry.integration.id) }
                remaining.removeAll { failed.contains(.absent($0.row.id)) }
            }
        }
    }

    private func changes(
        of entries: [Entry],
        _ notes: [(event: IntegrationEvent, integration: LoadedIntegration, isDropped: Bool)]
    ) throws -> Changes {
        var changes = Changes(id: core.random.uuid())
        for entry in entries {
            changes.requires.insert(entry.integration.fenceRequirement)
            changes.requires.insert(.absent(entry.row.id))
            changes.puts.append(entry.row)
            changes.touches.append(LaneTouch(entry.lane, tenant: entry.row.tenant, workClass: .live))
        }
        var lacking: Set<String> = []
        for note in notes {
            let integration = note.integration
            changes.requires.insert(integration.fenceRequirement)
            changes.puts.append(try LogRecord.row(note.event, integration: integration, core: core))
            if note.isDropped, !integration.fence.resyncNeeded, lacking.insert(integration.id).inserted {
                var fence = integration.fence
                fence.resyncNeeded = true
                changes.puts.append(
                    try fence.content(key: integration.id, tenant: integration.tenant, integration: integration.id)
                )
            }
        }
        return changes
    }
}
