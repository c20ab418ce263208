// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Takes the webhooks that platforms send to the host's server.
///
/// A delivery is verified over its raw bytes before anything of it is read. An event is a hint: the record is fetched
/// again, in its turn; nothing is deleted or disconnected on a webhook's word alone. A forged delivery leaves no trace
/// in the store.
///
/// ```swift
/// let inbox = WebhookInbox(manager)
/// let receipt = await inbox.receive(request, from: .hubSpot)   // the URL as the platform called it, the raw body
/// return receipt.response
/// ```
public struct WebhookInbox: Sendable {
    private let core: EngineCore

    /// Creates an inbox.
    ///
    /// - Parameter manager: The connections.
    public init(_ manager: IntegrationManager) {
        core = manager.core
    }

    /// What became of a delivery.
    public struct Receipt: Sendable {
        /// What to answer the platform.
        public var response: HTTPResponse
        /// How many events were taken.
        public var accepted: Int
        /// How many came before, or concern nothing that is connected.
        public var ignored: Int
        /// What people asked for under a privacy law; the host must act on it.
        public var privacy: [PrivacyNotice]
        /// Why the delivery was refused; nil: it was not.
        public var error: IntegrationError?

        /// Creates a receipt.
        ///
        /// - Parameters:
        ///   - response: What to answer the platform.
        ///   - accepted: How many events were taken.
        ///   - ignored: How many came before or concern nothing.
        ///   - privacy: What people asked for.
        ///   - error: Why the delivery was refused.
        public init(
            response: HTTPResponse,
            accepted: Int = 0,
            ignored: Int = 0,
            privacy: [PrivacyNotice] = [],
            error: IntegrationError? = nil
        ) {
            self.response = response
            self.accepted = accepted
            self.ignored = ignored
            self.privacy = privacy
            self.error = error
        }
    }

    /// A privacy request and whom it concerns.
    public struct PrivacyNotice: Hashable, Sendable {
        /// The integration's id.
        public var integration: String
        /// What is asked.
        public var request: PrivacyRequest
        /// The host's record, where one is linked.
        public var record: HostReference?

        /// Creates a notice.
        ///
        /// - Parameters:
        ///   - integration: The integration's id.
        ///   - request: What is asked.
        ///   - record: The host's record.
        public init(integration: String, request: PrivacyRequest, record: HostReference?) {
            self.integration = integration
            self.request = request
            self.record = record
        }
    }

    /// Takes a delivery; when this returns without an error, its events are stored.
    ///
    /// - Parameters:
    ///   - delivery: The raw request; its URL must be the public one that the platform called.
    ///   - platform: The platform whose endpoint was called.
    /// - Returns: What to answer and what became of it. Never throws: an error is in the receipt, with the answer that
    ///   makes the platform deliver again where that can help.
    public func receive(_ delivery: HTTPRequest, from platform: PlatformID) async -> Receipt {
        guard let provider = core.providers[platform] as? any WebhookReceiving else {
            let error = IntegrationError(
                .unsupported,
                "The platform \(platform.rawValue) sends no webhooks here.",
                concerns: .application
            )
            return Receipt(response: HTTPResponse(status: 404), error: error)
        }
        do {
            let secrets = try await secrets(for: try provider.address(of: delivery), platform)
            let events = try provider.events(in: delivery, verifiedWith: secrets, now: core.now())
            var receipt = Receipt(response: provider.reply(accepted: true))
            try await take(events, platform, &receipt)
            return receipt
        } catch let error as IntegrationError {
            core.observe(
                IntegrationEvent(.webhookRejected, date: core.now(), platform: platform, error: error, message: error.message))
            let response =
                error.code == .storeFailed ? HTTPResponse(status: 503) : provider.reply(accepted: false)
            return Receipt(response: response, error: error)
        } catch {
            return Receipt(response: HTTPResponse(status: 503), error: EngineCore.storeError(error))
        }
    }

    private func secrets(for address: WebhookAddress, _ platform: PlatformID) async throws -> [Secret] {
        switch address {
        case .application(let id):
            let applications = core.applications[platform] ?? []
            return applications.filter { id == nil || $0.id == id || $0.clientID == id }.flatMap(\.secrets)
        case .account(let key):
            return try await integrations(of: key).flatMap { _ in core.applications[platform]?.flatMap(\.secrets) ?? [] }
        case .subscription:
            return []
        }
    }

    private func integrations(of account: AccountKey) async throws -> [LoadedIntegration] {
        let rows = try await core.store.rows(
            matching: RowQuery(
                "integration.remote", keys: [RowKey.join(account.platform.rawValue, account.value)], limit: 1000))
        var result: [LoadedIntegration] = []
        for row in rows {
            if let integration = try await LoadedIntegration.load(row.content.id.key, in: core) {
                result.append(integration)
            }
        }
        return result
    }

    private func take(_ events: [WebhookEvent], _ platform: PlatformID, _ receipt: inout Receipt) async throws {
        var known: [AccountKey: [LoadedIntegration]] = [:]
        for event in events {
            guard let account = event.account else {
                receipt.ignored += 1
                continue
            }
            if known[account] == nil { known[account] = try await integrations(of: account) }
            var taken = false
            for integration in known[account] ?? [] where integration.fence.state == .enabled || integration.fence.state == .paused {
                if try await take(event, integration, &receipt) { taken = true }
            }
            if taken { receipt.accepted += 1 } else { receipt.ignored += 1 }
        }
    }

    /// Stores one event for one integration; false if it came before or asks for nothing.
    private func take(_ event: WebhookEvent, _ integration: LoadedIntegration, _ receipt: inout Receipt) async throws -> Bool {
        let key = RowKey.join(integration.id, event.deduplicationKey)
        let delivery = WebhookDelivery(topic: event.topic.rawValue, outcome: "accepted", at: core.now())
        var changes = Changes(
            id: core.random.uuid(),
            requires: [.absent(WebhookDelivery.rowID(key)), integration.fenceRequirement],
            puts: [
                try delivery.content(
                    key: key, tenant: integration.tenant, integration: integration.id,
                    keep: core.options.deliveryRetention)
            ]
        )
        var remotes: [RemoteID] = []
        switch event.subject {
        case .hint(let id): remotes = [id]
        case .change(.updated(let record)): remotes = [record.id]
        case .change(.deleted(let id, _)): remotes = [id]
        case .change(.merged(let loser, let winner)): remotes = [loser, winner]
        case .change(.converted(let id, let into)): remotes = [id] + into
        case .privacy(let request):
            let host = try await partner(of: request.record, integration)
            receipt.privacy.append(PrivacyNotice(integration: integration.id, request: request, record: host))
            if let record = request.record { remotes = [record] }
        case .disconnected:
            // Only a call proves that the sign-in is gone: the next pull finds out.
            changes.touches = integration.streams.prefix(1).map {
                LaneTouch(.pull($0, in: integration.id), tenant: integration.tenant, workClass: .pull)
            }
        case .job, .ping:
            break
        }
        let pulled = Set(integration.pulledKinds)
        for remote in remotes where pulled.contains(remote.kind) { try await addRefetch(remote, integration, &changes) }
        do {
            try await core.commit(changes)
        } catch StoreFailure.conflict(let failed, _) {
            if failed.contains(.absent(WebhookDelivery.rowID(key))) { return false }
            throw IntegrationError(
                .conflict, "The integration changed while a webhook was taken.", retry: .after(.zero), concerns: .account)
        }
        core.observe(
            IntegrationEvent(
                .webhookAccepted, date: core.now(), tenant: integration.tenant, integration: integration.id,
                platform: integration.record.platform, recordKind: remotes.first?.kind, remote: remotes.first,
                message: "Took \(event.topic.rawValue)."))
        return true
    }

    private func partner(of remote: RemoteID?, _ integration: LoadedIntegration) async throws -> HostReference? {
        guard let remote else { return nil }
        let key = RecordLink.remoteKey(remote, in: integration.id)
        return try await core.store.records(RecordLink.self, matching: RowQuery("link.remote", keys: [key], limit: 1))
            .first?.record.host
    }

    /// Adds a refetch; one waits per record, and asking again while it runs makes it run again.
    private func addRefetch(_ remote: RemoteID, _ integration: LoadedIntegration, _ changes: inout Changes) async throws {
        let host = try await partner(of: remote, integration)
        changes.puts.append(try RefetchJob.row(of: remote, host: host, integration: integration, core: core))
        changes.touches.append(
            LaneTouch(
                RefetchJob.lane(of: remote, host: host, in: integration.id), tenant: integration.tenant,
                workClass: .refetch))
    }
}
