// SPDX-License-Identifier: Apache-2.0
import Foundation

/// An endpoint as a person set it.
struct HookRecord: StoredRecord {
    static let type = "hook"
    var tenant: String
    /// The types of message it wants; nil: all.
    var types: [String]?
    var isSwitchedOff = false
    /// Sealed ``HookSecrets``.
    var sealed: Data
}

/// Where an endpoint is and what signs for it, sealed: an address may hold a token.
struct HookSecrets: StoredValue {
    struct Signing: Codable, Sendable {
        var secret: String
        /// When it stops signing; nil: it is the current one.
        var until: Date?
    }

    var url: URL
    var signing: [Signing]
}

/// What was learned of an endpoint; written by whoever holds its lane.
struct HookStatus: StoredRecord {
    static let type = "hookstatus"
    var disabled: WebhookEndpoint.Disablement?
    var lastSuccess: Date?
    var lastFailure: String?
}

/// A message on its way to one endpoint.
struct HookDispatch: StoredRecord {
    static let type = "dispatch"
    var endpoint: String
    var message: String
    var kind: String
    var state = WebhookDispatch.State.waiting
    var attempts = 0
    var createdAt: Date
    /// When it is sent again; nil: at its first turn, or never.
    var nextAttempt: Date?
    var lastAnswer: String?
    /// The host's record that it tells of, so that it can be erased with it.
    var record: HostReference?
    /// The sealed body; empty once it was delivered.
    var body: Data

    static func key(_ message: String, to endpoint: String) -> String { RowKey.join(endpoint, message) }

    static func context(_ key: String, tenant: String, endpoint: String) -> SealContext {
        SealContext(
            tenant: tenant,
            integration: LaneID.hook(endpoint).integration,
            recordType: type,
            recordKey: key,
            purpose: "row"
        )
    }

    /// What to put to store the message, with the indexes that its state calls for.
    func row(tenant: String, options: EngineOptions) throws -> RowContent {
        let lane = LaneID.hook(endpoint)
        var indexes = [IndexEntry("hook.dispatch", RowKey.join(endpoint, RowKey.time(createdAt)))]
        if state == .waiting {
            if let nextAttempt {
                indexes.append(IndexEntry("hook.waiting", RowKey.join(endpoint, RowKey.time(nextAttempt))))
            } else {
                indexes.append(IndexEntry(LaneID.indexName, lane.indexKey))
            }
        }
        if let record { indexes.append(IndexEntry("record", RowKey.join(record.tenant, record.kind, record.id))) }
        return try content(
            key: HookDispatch.key(message, to: endpoint),
            tenant: tenant,
            integration: lane.integration,
            indexes: indexes,
            keep: state == .waiting ? options.memory : options.deliveryRetention
        )
    }
}

extension LaneID {
    /// The lane of an endpoint.
    ///
    /// It stands as an integration of its own, so that endpoints take fair turns and one that hangs holds up nothing.
    static func hook(_ endpoint: String) -> LaneID {
        LaneID(integration: "hook:" + endpoint, subject: "hook")
    }

    /// The endpoint whose lanes stand under an integration's id; nil for a true integration.
    static func endpoint(ofIntegration id: String) -> String? {
        id.hasPrefix("hook:") ? String(id.dropFirst(5)) : nil
    }
}

/// An endpoint that takes messages, as the makers of messages need it.
struct HookTarget: Sendable {
    var id: String
    var types: Set<String>?

    func wants(_ kind: WebhookMessage.Kind) -> Bool {
        types?.contains(kind.rawValue) ?? true
    }
}

/// The endpoints of a tenant that take messages, and what a commit adds to tell them.
struct HookTargets: Sendable {
    let tenant: String
    let targets: [HookTarget]

    static let mostPerTenant = 20

    var isEmpty: Bool { targets.isEmpty }

    static func load(_ tenant: String, in core: EngineCore) async throws -> HookTargets {
        let rows = try await core.store.records(
            HookRecord.self,
            matching: RowQuery("hook.tenant", keys: [tenant], limit: mostPerTenant)
        )
        let active = rows.filter { !$0.record.isSwitchedOff }
        let states = try await core.store.records(HookStatus.self, active.map(\.id.key))
        return HookTargets(
            tenant: tenant,
            targets: active.filter { states[$0.id.key]?.record.disabled == nil }.map {
                HookTarget(id: $0.id.key, types: $0.record.types.map { Set($0) })
            }
        )
    }

    /// Adds a message to a commit, for every endpoint that wants it.
    func add(
        _ message: WebhookMessage,
        about record: HostReference? = nil,
        to changes: inout Changes,
        keys: TenantKeys,
        core: EngineCore
    ) throws {
        for target in targets where target.wants(message.type) {
            let key = HookDispatch.key(message.id, to: target.id)
            let dispatch = HookDispatch(
                endpoint: target.id,
                message: message.id,
                kind: message.type.rawValue,
                createdAt: core.now(),
                record: record,
                body: try keys.seal(
                    message.body,
                    in: HookDispatch.context(key, tenant: tenant, endpoint: target.id)
                )
            )
            changes.puts.append(try dispatch.row(tenant: tenant, options: core.options))
            let touch = LaneTouch(.hook(target.id), tenant: tenant, workClass: .hook)
            if !changes.touches.contains(touch) { changes.touches.append(touch) }
        }
    }

    /// Adds what events mean to a tenant's endpoints.
    func add(
        _ events: [IntegrationEvent],
        of integration: LoadedIntegration,
        to changes: inout Changes
    ) throws {
        guard !isEmpty else { return }
        for event in events {
            guard let type = event.webhookType, targets.contains(where: { $0.wants(type) }) else { continue }
            try add(
                event.message(type, name: integration.record.name, id: integration.core.random.messageID()),
                about: event.record,
                to: &changes,
                keys: integration.keys,
                core: integration.core
            )
        }
    }
}

extension RandomSource {
    /// An id for a message.
    func messageID() -> String { "msg_" + bytes(16).base32 }
}

extension IntegrationEvent {
    /// The type of message that tells of the event; nil: none does.
    var webhookType: WebhookMessage.Kind? {
        switch kind {
        case .created, .updated, .deleted, .adopted, .delivered: .recordSynced
        case .refused: .recordRefused
        case .incidentOpened: .integrationAttention
        case .incidentClosed: .integrationRecovered
        default: nil
        }
    }

    /// The message that tells of the event: names and ids, no content of a record.
    func message(_ type: WebhookMessage.Kind, name: String, id: String) -> WebhookMessage {
        var data = JSONObject()
        func set(_ key: String, _ value: String?) {
            if let value { data[key] = .string(value) }
        }
        set("happening", kind.rawValue)
        set("integration", integration)
        set("integration_name", name)
        set("platform", platform?.rawValue)
        set("kind", recordKind?.rawValue)
        set("host_kind", record?.kind)
        set("host_id", record?.id)
        set("remote_id", remote?.value)
        set("event", event)
        set("error_code", error?.code.rawValue)
        set("remedy", error?.remedy.text(in: "en"))
        return WebhookMessage(type, id: id, date: date, data: data)
    }
}
