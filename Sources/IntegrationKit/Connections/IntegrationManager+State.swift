// SPDX-License-Identifier: Apache-2.0
import Foundation

extension IntegrationManager {
    // MARK: - State

    /// Lets an integration work.
    ///
    /// - Parameter id: The integration's id.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func enable(_ id: String) async throws {
        try await setState(.enabled, of: id)
        try await wakeQueue(of: try await load(id))
    }

    /// Stops sending and reading; the queue is kept and new events join it.
    ///
    /// When this returns, what this process had under way has ended and nothing new leaves; other processes stop at
    /// their next commit.
    ///
    /// - Parameter id: The integration's id.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func pause(_ id: String) async throws {
        try await setState(.paused, of: id)
    }

    /// Stops everything; new events are dropped with a log entry.
    ///
    /// When this returns, what this process had under way has ended and nothing new leaves; other processes stop at
    /// their next commit.
    ///
    /// - Parameter id: The integration's id.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func disable(_ id: String) async throws {
        try await setState(.disabled, of: id)
    }

    /// Notes that the host has enqueued again what was dropped while the integration was disabled.
    ///
    /// - Parameter id: The integration's id; ``Integration/needsResync`` is false afterwards.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func markResynced(_ id: String) async throws {
        let integration = try await load(id)
        try await fence(id, tenant: integration.tenant) { $0.resyncNeeded = false }
    }

    private func setState(_ state: Integration.State, of id: String) async throws {
        let integration = try await load(id)
        try await fence(id, tenant: integration.tenant) { $0.state = state }
        core.openGate(id)
        core.observe(
            IntegrationEvent(
                .stateChanged,
                date: core.now(),
                tenant: integration.tenant,
                integration: id,
                platform: integration.record.platform,
                message: "The integration is \(state.rawValue)."
            )
        )
    }

    /// Moves the fence; unless work may go on, waits for what this process has under way.
    private func fence(_ id: String, tenant: String, _ change: (inout Fence) -> Void) async throws {
        while true {
            guard let row = try await core.store.record(Fence.self, id), row.record.state != .erased else {
                throw IntegrationManager.unknown(id)
            }
            var fence = row.record
            change(&fence)
            guard row.record.state != .draining || fence.state == .draining || fence.state == .erased else {
                throw IntegrationManager.unknown(id)
            }
            do {
                try await core.commit(
                    Changes(
                        id: core.random.uuid(),
                        requires: [.revision(row.id, row.revision)],
                        puts: [try fence.content(key: id, tenant: tenant, integration: id)]
                    )
                )
            } catch StoreFailure.conflict {
                continue
            }
            // Whatever was allowed by the fence as it was read, or by an older one.
            if fence.state != .enabled { await core.flights.close(id, below: row.revision + 1) }
            return
        }
    }

    /// Deletes an integration with its queue, links, cursors and credential; what is on the platform stays there.
    ///
    /// - Parameter id: The integration's id. It is never used again.
    /// - Returns: What was removed, and writes whose outcome was not known.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    @discardableResult
    public func delete(_ id: String) async throws -> ErasureReceipt {
        let integration = try await load(id)
        try await fence(id, tenant: integration.tenant) { $0.state = .draining }
        let unknown = try await unresolved(RowQuery("job.state", keys: [RowKey.join(id, "sent")]))
        let removed = try await purge(.integration(id))
        core.openGate(id)
        return try await receipt(removed, unknown, unreadableAt: nil)
    }

    func purge(_ scope: PurgeScope) async throws -> Int {
        var removed = 0
        do {
            while case let count = try await core.store.purge(scope, limit: 1000), count > 0 { removed += count }
        } catch {
            throw EngineCore.storeError(error)
        }
        return removed
    }

    /// Has the store's medium rid of what was removed, and says when.
    private func receipt(
        _ removed: Int,
        _ unknown: [HostReference],
        unreadableAt: Date?
    ) async throws -> ErasureReceipt {
        var receipt = ErasureReceipt(
            rows: removed,
            unknownWrites: unknown,
            unreadableAt: unreadableAt,
            removedAt: core.now()
        )
        guard let store = core.store as? any MaintainedStore else { return receipt }
        do {
            try await store.compact()
        } catch {
            throw EngineCore.storeError(error)
        }
        receipt.compactedAt = core.now()
        return receipt
    }

    private func unresolved(_ query: RowQuery) async throws -> [HostReference] {
        var query = query
        query.limit = 10_000
        return try await core.store.records(SyncJob.self, matching: query).compactMap(\.record.record)
    }

    /// Erases a tenant: its key first, so that all that was sealed for it is unreadable at once, then its rows, and
    /// then what a store's files still hold of them.
    ///
    /// - Parameter tenant: The tenant.
    /// - Returns: When each step was done, and writes whose outcome was not known.
    /// - Throws: ``IntegrationError`` if the store failed; call again then.
    @discardableResult
    public func erase(tenant: String) async throws -> ErasureReceipt {
        var unknown: [HostReference] = []
        for row in try await core.store.rows(matching: RowQuery("integration.tenant", keys: [tenant])) {
            let id = row.content.id.key
            do {
                try await fence(id, tenant: tenant) { $0.state = .erased }
            } catch let error as IntegrationError where error.code == .notFound {
                // An earlier call came this far.
            }
            unknown += try await unresolved(RowQuery("job.state", keys: [RowKey.join(id, "sent")]))
        }
        try await core.vault.drop(tenant: tenant)
        let unreadableAt = core.now()
        let removed = try await purge(.tenant(tenant))
        return try await receipt(removed, unknown, unreadableAt: unreadableAt)
    }

    /// Erases what the library holds about one record of the host: link, ledger, queued work, log entries.
    ///
    /// Its rows go in one commit, and a store on files is compacted at once.
    ///
    /// - Parameter record: The record.
    /// - Returns: What was removed, and writes whose outcome was not known.
    /// - Throws: ``IntegrationError`` if the store failed; call again then.
    @discardableResult
    public func erase(_ record: HostReference) async throws -> ErasureReceipt {
        var removed = 0
        var isUnknown = false
        let key = RowKey.join(record.tenant, record.kind, record.id)
        // What was committed while the rows were read goes in another turn.
        while true {
            var changes = Changes(id: core.random.uuid())
            var after: PageKey?
            while case let rows = try await core.store.rows(
                matching: RowQuery("record", keys: [key], after: after, limit: 1000)
            ), let last = rows.last {
                for row in rows {
                    changes.deletes.append(row.content.id)
                    guard row.content.id.type == SyncJob.type else { continue }
                    let job = try Row<SyncJob>(row).record
                    guard job.state.isUnfinished else { continue }
                    if case .sent = job.state { isUnknown = true }
                    changes.puts.append(
                        try ErasedJob().content(
                            key: ErasedJob.key(row.created, in: job.lane.integration),
                            tenant: record.tenant,
                            integration: job.lane.integration,
                            keep: ErasedJob.keep
                        )
                    )
                }
                after = PageKey(key: key, created: last.created)
            }
            if changes.deletes.isEmpty { break }
            try await core.commit(changes)
            removed += changes.deletes.count
        }
        return try await receipt(removed, isUnknown ? [record] : [], unreadableAt: nil)
    }

    /// Wraps the tenants' keys with the keyring's current key; repeat it after each rotation, then retire the old key.
    ///
    /// - Parameter tenants: The tenants.
    /// - Returns: The tenants whose keys were wrapped anew.
    /// - Throws: ``IntegrationError`` if a key does not open with the keyring.
    @discardableResult
    public func rotateKeys(of tenants: [String]) async throws -> [String] {
        var rotated: [String] = []
        for tenant in tenants where try await core.vault.rewrap(tenant: tenant) { rotated.append(tenant) }
        return rotated
    }

    // MARK: - Settings

    /// Changes an integration's name and settings.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - name: The new name; nil: as it is.
    ///   - settings: The new settings; nil: as they are.
    /// - Returns: The integration.
    /// - Throws: ``IntegrationError`` if a route names a kind that the platform does not have, or the platform could not
    ///   be asked whether a required setting is still open.
    @discardableResult
    public func update(_ id: String, name: String? = nil, settings: SyncSettings? = nil) async throws -> Integration {
        let integration = try await load(id)
        var record = integration.record
        if let name { record.name = name }
        if let settings {
            for route in settings.routes ?? [] where integration.provider.descriptor.kind(route.kind) == nil {
                throw IntegrationError(
                    .invalidInput,
                    "\(integration.provider.descriptor.name) has no kind \(route.kind.rawValue).",
                    remedy: LocalizedText(
                        "Use one of: \(integration.provider.descriptor.kinds.map(\.kind.rawValue).joined(separator: ", ")).",
                        fr:
                            "Utilisez l’un de : \(integration.provider.descriptor.kinds.map(\.kind.rawValue).joined(separator: ", "))."
                    ),
                    concerns: .account
                )
            }
            record.settings = settings
        }
        var stillOpen = false
        if integration.status.need == .setup {
            stillOpen = try await openSettings(integration.provider, integration.session("settings"), &record)
        }
        try await update(integration, to: record)
        try await core.updateStatus(of: id, tenant: integration.tenant) { [stillOpen] in
            if $0.need == .setup, !stillOpen { $0.need = nil }
        }
        try await resume(id)
        return try await load(id).shown
    }

    /// Fetches the settings that only the account can offer, with its choices.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The settings, each with the choices of now.
    /// - Throws: ``IntegrationError`` if the platform could not be asked.
    public func fetchSettings(of id: String) async throws -> [SettingDescription] {
        let integration = try await load(id)
        guard let describing = integration.provider as? any SettingsDescribing else { return [] }
        return try await describing.fetchSettings(in: integration.session("settings"))
    }

    /// Fetches the fields of a kind, custom ones included.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - id: The integration's id.
    /// - Returns: The fields.
    /// - Throws: ``IntegrationError`` with code `unsupported` if the platform does not describe its fields.
    public func fetchFields(of kind: RecordKind, in id: String) async throws -> [FieldDescription] {
        let integration = try await load(id)
        guard let describing = integration.provider as? any FieldDescribing else {
            throw IntegrationError(
                .unsupported,
                "\(integration.provider.descriptor.name) does not describe its fields.",
                concerns: .kind
            )
        }
        return try await describing.fetchFields(of: kind, in: integration.session("fields"))
    }

    // MARK: - Mappings

    /// Returns the mappings of an integration: the host's own, and the platform's default ones beside them.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The mappings.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func mappings(of id: String) async throws -> [FieldMapping] {
        try await load(id).mappings
    }

    /// Sets a mapping, after checking it against the account's fields where the platform describes them.
    ///
    /// Writes nothing to either side by itself; suspended work of the kind goes on.
    ///
    /// - Parameters:
    ///   - mapping: The mapping; it replaces the one of its two kinds.
    ///   - id: The integration's id.
    /// - Throws: ``IntegrationError`` that names every field that does not exist, is read-only or has another type.
    public func setMapping(_ mapping: FieldMapping, of id: String) async throws {
        let integration = try await load(id)
        var fields: [FieldDescription]?
        if let describing = integration.provider as? any FieldDescribing {
            fields = try await describing.fetchFields(of: mapping.kind, in: integration.session("fields"))
        }
        try mapping.validate(against: fields)
        let key = RowKey.join(id, mapping.hostKind, mapping.kind.rawValue)
        let old = try await core.store.record(MappingRecord.self, key)
        let record = MappingRecord(mapping: mapping, version: (old?.record.version ?? 0) + 1)
        try await core.commit(
            Changes(
                id: core.random.uuid(),
                puts: [
                    try record.content(
                        key: key,
                        tenant: integration.tenant,
                        integration: id,
                        indexes: [IndexEntry("mapping.integration", id)]
                    )
                ]
            )
        )
        try await resume(id, kind: mapping.kind)
    }

    /// Ends the suspension of a kind, or of all kinds: their work goes on.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - kind: The kind; nil: all.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func resume(_ id: String, kind: RecordKind? = nil) async throws {
        let integration = try await load(id)
        try await core.updateStatus(of: id, tenant: integration.tenant) { status in
            if let kind { status.suspended[kind] = nil } else { status.suspended = [:] }
            if let kind { status.refusalsSinceAccepted[kind] = nil } else { status.refusalsSinceAccepted = [:] }
        }
        try await wakeQueue(of: integration)
    }

    /// Makes all that waits due at once.
    private func wakeQueue(of integration: LoadedIntegration) async throws {
        let id = integration.id
        core.openGate(id)
        for state in ["queued", "sent"] {
            try await core.wakeLanes(of: integration, "job.state", RowKey.join(id, state))
        }
        try await touchStreams(of: integration)
    }
}

extension EngineCore {
    /// Makes the lanes of the jobs under one key of an index due at once.
    func wakeLanes(of integration: LoadedIntegration, _ index: String, _ key: String) async throws {
        var query = RowQuery(index, keys: [key], limit: 1000)
        while case let rows = try await store.rows(matching: query), let last = rows.last {
            let lanes = try rows.map { try Row<SyncJob>($0).record.lane }
            try await commit(
                Changes(
                    id: random.uuid(),
                    touches: Set(lanes).map { LaneTouch($0, tenant: integration.tenant, workClass: .live) }
                )
            )
            query.after = PageKey(key: key, created: last.created)
        }
    }
}
