// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One integration as a round of work needs it, read from the store.
struct LoadedIntegration: Sendable {
    let id: String
    let core: EngineCore
    let record: IntegrationRecord
    let recordRevision: Int64
    let fence: Fence
    let fenceRevision: Int64
    let status: IntegrationStatus
    let provider: any IntegrationProvider
    let keys: TenantKeys
    let mappings: [FieldMapping]
    /// What the provider learned during this round.
    let learned = LockBox<[String: JSONValue]>([:])
    /// The mappers made during this round: compiling one costs more than using it.
    private let mappers = LockBox<[String: FieldMapper]>([:])
    /// The tenant's endpoints, read at the round's first commit that may concern them.
    private let endpoints = LockBox<HookTargets?>(nil)
    /// What went wrong during this round, by its cause.
    let incidents = LockBox<[String: IncidentRecord]>([:])
    /// Whether the platform answered during this round.
    let answered = LockBox(false)

    var tenant: String { record.tenant }
    var settings: SyncSettings { record.settings }
    var fenceRequirement: Requirement { .revision(Fence.rowID(id), fenceRevision) }
    var delivers: Bool { settings.direction != .push }
    var pushes: Bool { settings.direction != .pull }

    var account: ConnectedAccount {
        ConnectedAccount(key: record.account, profile: record.profile, settings: settings.account)
    }

    var party: BudgetParty {
        BudgetParty(
            platform: record.platform,
            application: core.applications[record.platform]?.first?.id,
            account: record.account,
            credential: id,
            budgets: provider.budgets(of: account),
            reserve: settings.reserve
        )
    }

    /// Reads an integration; nil if it is not there or its provider is not.
    static func load(_ id: String, in core: EngineCore) async throws -> LoadedIntegration? {
        try await load([id], in: core).first
    }

    /// Reads integrations; those that are not there, or whose provider is not, are left out.
    static func load(_ ids: [String], in core: EngineCore) async throws -> [LoadedIntegration] {
        guard !ids.isEmpty else { return [] }
        let rows = try await core.store.rows(
            ids.flatMap { [IntegrationRecord.rowID($0), Fence.rowID($0), IntegrationStatus.rowID($0)] }
        )
        let own = Dictionary(
            grouping: try await core.store.rows(matching: RowQuery("mapping.integration", keys: ids, limit: 10_000)),
            by: \.content.integration
        )
        var result: [LoadedIntegration] = []
        for id in ids {
            guard let stored = rows[IntegrationRecord.rowID(id)], let fenceRow = rows[Fence.rowID(id)] else { continue }
            let record = try Row<IntegrationRecord>(stored)
            let fence = try Row<Fence>(fenceRow)
            guard let provider = core.providers[record.record.platform],
                let keys = try await core.vault.existingKeys(for: record.record.tenant)
            else { continue }
            let replaced = try (own[id] ?? []).map { try Row<MappingRecord>($0).record.mapping }
            let defaults = provider.descriptor.mappings.filter { mapping in
                !replaced.contains { $0.hostKind == mapping.hostKind && $0.kind == mapping.kind }
            }
            result.append(
                LoadedIntegration(
                    id: id,
                    core: core,
                    record: record.record,
                    recordRevision: record.revision,
                    fence: fence.record,
                    fenceRevision: fence.revision,
                    status: try rows[IntegrationStatus.rowID(id)].map { try Row<IntegrationStatus>($0).record }
                        ?? IntegrationStatus(),
                    provider: provider,
                    keys: keys,
                    mappings: replaced + defaults
                )
            )
        }
        return result
    }

    /// The tenant's endpoints that take messages.
    func hookTargets() async throws -> HookTargets {
        if let known = endpoints.withLock({ $0 }) { return known }
        let targets = try await HookTargets.load(tenant, in: core)
        endpoints.withLock { $0 = targets }
        return targets
    }

    /// The mapping between a host's kind and a platform's kind.
    func mapper(_ hostKind: String, _ kind: RecordKind) -> FieldMapper? {
        let pair = RowKey.join(hostKind, kind.rawValue)
        return mappers.withLock { mappers in
            if let mapper = mappers[pair] { return mapper }
            let mapper = mappings.first { $0.hostKind == hostKind && $0.kind == kind }
                .map { FieldMapper(mapping: $0, context: mappingContext) }
            mappers[pair] = mapper
            return mapper
        }
    }

    /// The mapping for records of a kind that the platform made: the first one of the kind.
    func mapping(for kind: RecordKind) -> FieldMapping? {
        mappings.first { $0.kind == kind }
    }

    var mappingContext: MappingContext {
        MappingContext(
            timeZone: TimeZone(identifier: record.profile.timeZone) ?? .gmt,
            currency: record.profile.currencies.first
        )
    }

    /// The platform's names of all mapped fields of a kind.
    func remoteFields(of kind: RecordKind) -> [FieldName] {
        Set(mappings.filter { $0.kind == kind }.flatMap(\.rules).map(\.remote)).sorted()
    }

    /// The kinds whose changes are read: those that the settings name; else those that the routes write, or all where
    /// nothing is written.
    var pulledKinds: [RecordKind] {
        guard delivers else { return [] }
        let routed = (settings.routes ?? provider.descriptor.routes).map(\.kind)
        let wanted = settings.kinds ?? Set(pushes && !routed.isEmpty ? routed : provider.descriptor.kinds.map(\.kind))
        return provider.descriptor.kinds.filter { kind in
            kind.canPull && wanted.contains(kind.kind) && record.access[kind.kind] != .denied
                && mappings.contains { $0.kind == kind.kind && $0.rules.contains { $0.isInbound } }
        }.map(\.kind)
    }

    /// The streams that are read.
    var streams: [ChangeStream] {
        var seen: Set<String> = []
        return pulledKinds.flatMap { provider.streams(for: $0, of: account) }.filter { seen.insert($0.id).inserted }
    }

    /// Opens the stored credential; `rejected` is one that the platform refused.
    @Sendable func credential(rejecting rejected: Credential?) async throws -> Credential {
        guard let row = try await core.store.record(SealedCredential.self, id) else {
            throw LoadedIntegration.signInNeeded(record.platform)
        }
        let bytes = try keys.open(row.record.sealed, in: LoadedIntegration.credentialContext(id, tenant: tenant))
        let credential = try Credential(sealable: bytes)
        if credential == rejected { throw LoadedIntegration.signInNeeded(record.platform) }
        return credential
    }

    static func credentialContext(_ id: String, tenant: String) -> SealContext {
        SealContext(
            tenant: tenant,
            integration: id,
            recordType: SealedCredential.type,
            recordKey: id,
            purpose: "credential"
        )
    }

    static func signInNeeded(_ platform: PlatformID) -> IntegrationError {
        IntegrationError(
            .reauthorizationRequired,
            "The platform refuses the stored credential.",
            remedy: LocalizedText("Reconnect the account.", fr: "Reconnectez le compte."),
            retry: .afterReauthorization,
            concerns: .account,
            context: .init(platform: platform.rawValue)
        )
    }

    /// A session whose requests go through the pipeline.
    ///
    /// - Parameters:
    ///   - operation: What is being done, for logs.
    ///   - window: The last moment at which a write may leave.
    ///   - reservation: The budgets of the first request, taken before.
    /// - Returns: The session.
    func session(
        _ operation: String,
        window: SendWindow? = nil,
        reservation: BudgetReservation? = nil
    ) -> ProviderSession {
        let pipeline = core.pipeline(
            provider,
            account,
            tenant: tenant,
            integration: id,
            reserve: settings.reserve,
            credential: { try await credential(rejecting: $0) }
        )
        var fixed = OperationContext(
            platform: record.platform,
            integration: id,
            operation: operation,
            timeout: core.options.requestTimeout,
            maximumAnswerSize: core.options.maximumAnswerSize,
            sendWindow: window
        )
        fixed.repeatsReads = status.breaker.openUntil == nil
        let taken = LockBox(reservation)
        let clock = core.clock(of: record.account)
        return ProviderSession(
            account: account,
            now: { clock.now() },
            send: { [core, id, provider, answered, fenceRevision, fixed] request in
                try core.flights.begin(id, fence: fenceRevision)
                defer { core.flights.end(id, fence: fenceRevision) }
                core.calls.withLock { $0[id, default: 0] += 1 }
                var context = fixed
                context.reservation = taken.withLock { reservation in
                    defer { reservation = nil }
                    return reservation
                }
                let response = try await pipeline.send(request, context: context)
                if provider.failure(in: response, to: request)?.isPlatformTrouble != true {
                    answered.withLock { $0 = true }
                }
                return response
            },
            learn: { fact, value in learned.withLock { $0[fact] = value } }
        )
    }

    /// Keeps what the provider learned during the round.
    func keepLearned() async throws {
        let facts = learned.withLock { $0 }
        guard facts.contains(where: { record.profile.facts[$0.key] != $0.value }) else { return }
        var changed = record
        changed.profile.facts.merge(facts) { _, new in new }
        do {
            try await core.commit(
                Changes(
                    id: core.random.uuid(),
                    requires: [.revision(IntegrationRecord.rowID(id), recordRevision)],
                    puts: [try changed.row(id)]
                )
            )
        } catch StoreFailure.conflict {
            return  // Somebody changed the settings; the next round learns again.
        }
    }
}

extension IntegrationRecord {
    /// What to put to store the record, with its indexes.
    func row(_ id: String) throws -> RowContent {
        try content(
            key: id,
            tenant: tenant,
            integration: id,
            indexes: [
                IndexEntry("integration.tenant", tenant),
                IndexEntry(
                    "integration.account",
                    RowKey.join(tenant, account.platform.rawValue, account.value),
                    isUnique: true
                ),
                IndexEntry("integration.remote", RowKey.join(account.platform.rawValue, account.value)),
                IndexEntry("integration.all", id),
            ]
        )
    }
}
