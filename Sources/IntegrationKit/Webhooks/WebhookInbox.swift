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
            let address = try provider.address(of: delivery)
            let secrets = try await secrets(for: address, platform)
            var events = try provider.events(in: delivery, verifiedWith: secrets, now: core.now())
            if case .account(let key) = address {
                for index in events.indices where events[index].account == nil { events[index].account = key }
            }
            var receipt = Receipt(response: provider.reply(accepted: true))
            try await take(events, &receipt)
            return receipt
        } catch let error as IntegrationError {
            core.observe(
                IntegrationEvent(
                    .webhookRejected,
                    date: core.now(),
                    platform: platform,
                    error: error,
                    message: error.message
                )
            )
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
            var secrets: [Secret] = []
            for integration in try await integrations(of: key) {
                secrets += try await integration.webhookSecret().map { [$0] } ?? []
                secrets += core.applications[platform]?.flatMap(\.secrets) ?? []
            }
            return secrets
        case .subscription:
            return []
        }
    }

    private func integrations(of account: AccountKey) async throws -> [LoadedIntegration] {
        let rows = try await core.store.rows(
            matching: RowQuery(
                "integration.remote",
                keys: [RowKey.join(account.platform.rawValue, account.value)],
                limit: 1000
            )
        )
        var result: [LoadedIntegration] = []
        for row in rows {
            if let integration = try await LoadedIntegration.load(row.content.id.key, in: core) {
                result.append(integration)
            }
        }
        return result
    }

    private func take(_ events: [WebhookEvent], _ receipt: inout Receipt) async throws {
        var taken: Set<Int> = []
        for account in Set(events.compactMap(\.account)) {
            let own = events.enumerated().filter { $0.element.account == account }.map {
                (index: $0.offset, event: $0.element)
            }
            for integration in try await integrations(of: account)
            where [.enabled, .paused].contains(integration.fence.state) {
                taken.formUnion(try await take(own, integration, &receipt))
            }
        }
        receipt.accepted = taken.count
        receipt.ignored = events.count - taken.count
    }

    /// Stores the events of one delivery for one integration, in one commit; those that came before are left out.
    ///
    /// - Returns: The places of the events that were taken.
    private func take(
        _ events: [(index: Int, event: WebhookEvent)],
        _ integration: LoadedIntegration,
        _ receipt: inout Receipt
    ) async throws -> [Int] {
        let pulled = Set(integration.pulledKinds)
        let named = events.flatMap { remotes(of: $0.event) }
        let partners = try await partners(of: named, integration)
        for case .privacy(let request) in events.map(\.event.subject) {
            let host = request.record.flatMap { partners[$0] }
            receipt.privacy.append(PrivacyNotice(integration: integration.id, request: request, record: host))
        }
        var seen: Set<String> = []
        var remaining = events.filter { seen.insert($0.event.deduplicationKey).inserted }
        while !remaining.isEmpty {
            var changes = Changes(id: core.random.uuid(), requires: [integration.fenceRequirement])
            var jobs: [RowID: RowContent] = [:]
            for (_, event) in remaining {
                let delivery = WebhookDelivery(topic: event.topic.rawValue, outcome: "accepted", at: core.now())
                changes.requires.insert(.absent(WebhookDelivery.rowID(key(of: event, integration))))
                changes.puts.append(
                    try delivery.content(
                        key: key(of: event, integration),
                        tenant: integration.tenant,
                        integration: integration.id,
                        indexes: [IndexEntry("delivery.integration", integration.id)],
                        keep: core.options.deliveryRetention
                    )
                )
                var request: PrivacyRequest?
                if case .privacy(let asked) = event.subject { request = asked }
                var effect: HeldChange.Effect?
                if case .change(.deleted) = event.subject { effect = .delete }
                if case .disconnected = event.subject {
                    // Only a call proves that the sign-in is gone: the next pull finds out.
                    changes.touches += integration.streams.prefix(1).map {
                        LaneTouch(.pull($0, in: integration.id), tenant: integration.tenant, workClass: .pull)
                    }
                }
                for remote in remotes(of: event) where request != nil || pulled.contains(remote.kind) {
                    // One refetch waits per record; asking again while it runs makes it run again.
                    let host = partners[remote]
                    let row = try RefetchJob.row(
                        of: remote,
                        host: host,
                        integration: integration,
                        core: core,
                        privacy: request,
                        expecting: host == nil ? nil : effect
                    )
                    // Of what one delivery says of a record, that it is deleted weighs most.
                    if effect != nil || jobs[row.id] == nil { jobs[row.id] = row }
                    changes.touches.append(
                        LaneTouch(
                            RefetchJob.lane(of: remote, host: host, in: integration.id),
                            tenant: integration.tenant,
                            workClass: .refetch
                        )
                    )
                }
            }
            changes.puts += jobs.values.sorted { $0.id.key < $1.id.key }
            do {
                try await core.commit(changes)
            } catch StoreFailure.conflict(let failed, _) {
                let before = remaining.count
                remaining.removeAll { failed.contains(.absent(WebhookDelivery.rowID(key(of: $0.event, integration)))) }
                guard remaining.count < before else {
                    throw IntegrationError(
                        .conflict,
                        "The integration changed while a webhook was taken.",
                        retry: .after(.zero),
                        concerns: .account
                    )
                }
                continue
            }
            for (_, event) in remaining { noteTaken(event, integration) }
            return remaining.map(\.index)
        }
        return []
    }

    private func key(of event: WebhookEvent, _ integration: LoadedIntegration) -> String {
        RowKey.join(integration.id, event.deduplicationKey)
    }

    /// The records to read because of an event.
    private func remotes(of event: WebhookEvent) -> [RemoteID] {
        switch event.subject {
        case .hint(let id), .change(.deleted(let id, _)): [id]
        case .change(.updated(let record)): [record.id]
        case .change(.merged(let loser, let winner)): [loser, winner]
        case .change(.converted(let id, let into)): [id] + into
        case .privacy(let request): [request.record].compactMap(\.self)
        case .disconnected, .job, .ping: []
        }
    }

    private func partners(of remotes: [RemoteID], _ integration: LoadedIntegration) async throws -> [RemoteID:
        HostReference]
    {
        let keys = Dictionary(
            remotes.map { (RecordLink.remoteKey($0, in: integration.id), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        guard !keys.isEmpty else { return [:] }
        let links = try await core.store.records(
            RecordLink.self,
            matching: RowQuery("link.remote", keys: Array(keys.keys), limit: keys.count)
        )
        var partners: [RemoteID: HostReference] = [:]
        for link in links {
            for id in link.record.formerIDs + [link.record.remote].compactMap(\.self) {
                partners[id] = link.record.host
            }
        }
        return partners
    }

    private func noteTaken(_ event: WebhookEvent, _ integration: LoadedIntegration) {
        let remote = remotes(of: event).first
        core.observe(
            IntegrationEvent(
                .webhookAccepted,
                date: core.now(),
                tenant: integration.tenant,
                integration: integration.id,
                platform: integration.record.platform,
                recordKind: remote?.kind,
                remote: remote,
                message: "Took \(event.topic.rawValue)."
            )
        )
    }
}
