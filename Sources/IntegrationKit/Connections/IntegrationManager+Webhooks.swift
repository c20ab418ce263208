// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What a look at an integration's webhooks found and did.
public struct WebhookCheck: Hashable, Sendable {
    /// The topics that were delivered all along.
    public var kept: [WebhookTopic] = []
    /// The topics that are delivered from now on.
    public var made: [WebhookTopic] = []
    /// The topics whose webhook the platform had switched off, or that was not ours; they were made anew.
    public var mended: [WebhookTopic] = []

    /// Creates a result.
    ///
    /// - Parameters:
    ///   - kept: The topics that were delivered all along.
    ///   - made: The topics that are delivered from now on.
    ///   - mended: The topics that were made anew.
    public init(kept: [WebhookTopic] = [], made: [WebhookTopic] = [], mended: [WebhookTopic] = []) {
        self.kept = kept
        self.made = made
        self.mended = mended
    }
}

extension IntegrationManager {
    // MARK: - Webhooks

    /// Makes a platform deliver an integration's changes to an address, and mends what it does not deliver any more.
    ///
    /// Safe to repeat, and worth it: platforms switch webhooks off after failures and tell nobody. A webhook that was
    /// switched off is made anew, since one that is merely switched on may be off again after one more failure; what was
    /// missed meanwhile is pulled. The secret is made here, sealed, and never shown.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - endpoint: The https address where the host hands deliveries to a ``WebhookInbox``; nil: the one of the last
    ///     call.
    /// - Returns: What was found and done.
    /// - Throws: ``IntegrationError``: the platform takes no subscriptions, refuses one, or could not be asked.
    @discardableResult
    public func subscribe(_ id: String, at endpoint: URL? = nil) async throws -> WebhookCheck {
        let integration = try await load(id)
        let provider = try integration.subscribing()
        let known = try await core.store.record(WebhookRecord.self, id)?.record
        let address = try IntegrationManager.endpoint(endpoint ?? known?.endpoint)
        let secret = try await integration.webhookSecret() ?? Secret(core.random.token())
        var record = WebhookRecord(
            sealedSecret: try integration.sealed(webhookSecret: secret),
            endpoint: address,
            ids: known?.ids ?? []
        )
        // The secret is kept before the platform knows it: the first delivery may come before the answer.
        try await keep(record, of: integration)
        let session = integration.session("webhooks")
        let existing = try await provider.fetchSubscriptions(in: session)
        let wanted = provider.subscriptions(for: Set(integration.pulledKinds), at: address, secret: secret)
        var check = WebhookCheck()
        var ids: [String] = []
        for subscription in wanted {
            let same = existing.filter {
                Set($0.topics) == Set(subscription.topics) && $0.endpoint == subscription.endpoint
            }
            let healthy = same.first { $0.isActive && $0.id.map(record.ids.contains) ?? false }
            for other in same where other.id != healthy?.id { try await provider.unsubscribe(other, in: session) }
            if let id = healthy?.id {
                ids.append(id)
                check.kept += subscription.topics
            } else {
                let made = try await provider.subscribe(subscription, in: session)
                ids += [made.id].compactMap(\.self)
                if same.isEmpty { check.made += subscription.topics } else { check.mended += subscription.topics }
                record.ids = ids + record.ids.filter { !ids.contains($0) }
                try await keep(record, of: integration)
            }
        }
        for stale in existing where stale.id.map({ record.ids.contains($0) && !ids.contains($0) }) ?? false {
            try await provider.unsubscribe(stale, in: session)
        }
        record.ids = ids
        try await keep(record, of: integration)
        if !check.mended.isEmpty { try await touchStreams(of: integration) }
        return check
    }

    /// Ends an integration's webhooks; changes then come by pull alone.
    ///
    /// - Parameter id: The integration's id.
    /// - Throws: ``IntegrationError`` if the platform could not be asked.
    public func unsubscribe(_ id: String) async throws {
        let integration = try await load(id)
        guard let known = try await core.store.record(WebhookRecord.self, id)?.record else { return }
        let provider = try integration.subscribing()
        let session = integration.session("webhooks")
        for subscription in try await provider.fetchSubscriptions(in: session)
        where subscription.id.map(known.ids.contains) ?? false {
            try await provider.unsubscribe(subscription, in: session)
        }
        try await core.commit(Changes(id: core.random.uuid(), deletes: [WebhookRecord.rowID(id)]))
    }

    private func keep(_ record: WebhookRecord, of integration: LoadedIntegration) async throws {
        try await core.commit(
            Changes(
                id: core.random.uuid(),
                requires: [integration.fenceRequirement],
                puts: [
                    try record.content(key: integration.id, tenant: integration.tenant, integration: integration.id)
                ]
            )
        )
    }

    private static func endpoint(_ url: URL?) throws -> URL {
        guard let url, url.scheme?.lowercased() == "https", url.user() == nil, url.password() == nil else {
            throw IntegrationError(
                .invalidInput,
                "Webhooks need an https address to be delivered to.",
                remedy: LocalizedText(
                    "Pass the public https address of the host's webhook route.",
                    fr: "Indiquez l’adresse https publique de la route des webhooks."
                ),
                concerns: .application
            )
        }
        return url
    }
}

extension LoadedIntegration {
    /// What the platform signs the integration's own webhooks with; nil: it made none.
    func webhookSecret() async throws -> Secret? {
        guard let row = try await core.store.record(WebhookRecord.self, id) else { return nil }
        let bytes = try keys.open(row.record.sealedSecret, in: webhookContext)
        return Secret(String(decoding: bytes, as: UTF8.self))
    }

    /// Seals the secret for its place.
    func sealed(webhookSecret secret: Secret) throws -> Data {
        try keys.seal(secret.withExposedValue { Data($0.utf8) }, in: webhookContext)
    }

    private var webhookContext: SealContext {
        SealContext(
            tenant: tenant,
            integration: id,
            recordType: WebhookRecord.type,
            recordKey: id,
            purpose: "webhook"
        )
    }

    /// The provider as one whose platform takes subscriptions.
    func subscribing() throws -> any WebhookSubscribing {
        guard let subscribing = provider as? any WebhookSubscribing else {
            throw IntegrationError(
                .unsupported,
                "\(provider.descriptor.name) takes no subscriptions by its API.",
                remedy: LocalizedText(
                    "Set the webhooks up in the application's own settings on the platform.",
                    fr: "Configurez les webhooks dans les réglages de l’application sur la plateforme."
                ),
                concerns: .application
            )
        }
        return subscribing
    }
}

extension RandomSource {
    /// An unguessable text of 40 letters and digits.
    fileprivate func token() -> String {
        bytes(20).map { byte in String(UInt16(byte) | 0x100, radix: 16).dropFirst() }.joined()
    }
}
