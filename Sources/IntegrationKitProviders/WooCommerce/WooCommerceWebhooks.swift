// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension WooCommerceProvider: WebhookReceiving {
    /// Reads whose delivery it claims to be: the shop names its home address in a header.
    public func address(of delivery: HTTPRequest) throws -> WebhookAddress {
        if WooCommerceProvider.isPing(delivery) { return .application(id: nil) }
        guard delivery.headers["X-WC-Webhook-Signature"] != nil,
            let source = delivery.headers["X-WC-Webhook-Source"], !source.isEmpty
        else { throw WooCommerceProvider.rejection("names no shop or is not signed") }
        return .account(WooCommerceProvider.key(ofHome: source))
    }

    /// Verifies a delivery over its raw bytes and reads its one event.
    ///
    /// Nothing dates a delivery and the topic is not signed, so an event only says which record to read again.
    public func events(in delivery: HTTPRequest, verifiedWith secrets: [Secret], now: Date) throws -> [WebhookEvent] {
        let body = delivery.body ?? Data()
        if WooCommerceProvider.isPing(delivery) {
            let key = "ping|" + String(decoding: body, as: UTF8.self)
            return [WebhookEvent(topic: "ping", subject: .ping, deduplicationKey: key, isAuthentic: false)]
        }
        let told = delivery.headers["X-WC-Webhook-Signature"] ?? ""
        guard let signature = Data(base64Encoded: told) else {
            throw WooCommerceProvider.rejection("is not signed")
        }
        let isValid = secrets.contains { secret in
            secret.withExposedValue { text in
                constantTimeEquals(Hashing.hmacSHA256(body, key: Data(text.utf8)), signature)
            }
        }
        guard isValid else { throw WooCommerceProvider.rejection("is signed with none of the secrets") }
        let json = try JSONValue(parsingAfterNoise: body)
        let topic = delivery.headers["X-WC-Webhook-Topic"] ?? ""
        return [
            WebhookEvent(
                topic: WebhookTopic(rawValue: topic),
                subject: WooCommerceProvider.subject(of: json, topic: topic),
                deduplicationKey: WooCommerceProvider.deduplicationKey(of: delivery, body: body),
                occurredAt: WooCommercePayloads.date(json["date_modified_gmt"]?.string),
                isAuthentic: true
            )
        ]
    }

    /// A shop counts anything but 2xx as a failure, and switches the webhook off after a few.
    public func reply(accepted: Bool) -> HTTPResponse { HTTPResponse(status: accepted ? 200 : 401) }

    /// Whether a delivery is the unsigned one by which a shop tries an address: it says nothing, and wants a 200.
    private static func isPing(_ delivery: HTTPRequest) -> Bool {
        guard delivery.headers["X-WC-Webhook-Signature"] == nil, let body = delivery.body, body.count <= 40 else {
            return false
        }
        let text = String(decoding: body, as: UTF8.self)
        guard text.hasPrefix("webhook_id=") else { return false }
        let digits = text.dropFirst("webhook_id=".count)
        return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// The delivery's own id is that of a second, which several deliveries may share; with the body it names one.
    private static func deduplicationKey(of delivery: HTTPRequest, body: Data) -> String {
        let names = ["X-WC-Webhook-ID", "X-WC-Webhook-Delivery-ID"].map {
            (delivery.headers[$0] ?? "").replacing("|", with: "%7C")
        }
        return (names + [Hashing.sha256(body).base64EncodedString()]).joined(separator: "|")
    }

    private static func subject(of json: JSONValue, topic: String) -> WebhookEvent.Subject {
        let parts = topic.split(separator: ".").map(String.init)
        // A record that was gone before its delivery was written has an error in its place; the next pull finds out.
        guard parts.count == 2, let resource = WooCommerceResource.all.first(where: { $0.topic == parts[0] }),
            let id = json["id"]?.int64, id > 0
        else { return .ping }
        var record = RemoteID(resource.kind, String(id))
        if resource.kind == .product, json["type"]?.string == "variation" {
            guard let parent = json["parent_id"]?.int64, parent > 0 else { return .ping }
            record = RemoteID(.productVariation, String(id), parent: String(parent))
        }
        return parts[1] == "deleted" ? .change(.deleted(record, at: nil)) : .hint(record)
    }

    /// The error of a delivery that is not taken.
    private static func rejection(_ reason: String) -> IntegrationError {
        error(
            .deliveryRejected,
            "The WooCommerce delivery \(reason).",
            remedy: LocalizedText(
                "Check the integration’s webhooks; making them anew gives them a new secret.",
                fr: "Vérifiez les webhooks de l’intégration ; les recréer leur donne un nouveau secret."
            ),
            concerns: .account
        )
    }
}

extension WooCommerceProvider: WebhookSubscribing {
    /// The webhooks that cover kinds: a shop wants one for each topic.
    public func subscriptions(for kinds: Set<RecordKind>, at endpoint: URL, secret: Secret) -> [WebhookSubscription] {
        var topics: [String] = []
        for resource in WooCommerceResource.all {
            // Variations come with the products.
            let isWanted =
                kinds.contains(resource.kind) || resource.kind == .product && kinds.contains(.productVariation)
            guard isWanted, let topic = resource.topic else { continue }
            topics += ["created", "updated", "deleted"].map { "\(topic).\($0)" }
            if resource.kind != .customer { topics.append("\(topic).restored") }
        }
        return topics.map {
            WebhookSubscription(topics: [WebhookTopic(rawValue: $0)], endpoint: endpoint, secret: secret)
        }
    }

    /// Fetches all webhooks of the shop, whoever made them; no shop tells their secrets.
    public func fetchSubscriptions(in session: ProviderSession) async throws -> [WebhookSubscription] {
        let requests = requests(for: session.account)
        var found: [WebhookSubscription] = []
        for page in 1... {
            let query: [WooCommerceRequests.Parameter] = [
                ("status", "all"), ("per_page", String(WooCommerceProvider.pageSize)), ("page", String(page)),
            ]
            let rows = try await read(try requests.get("webhooks", query), in: session).array ?? []
            found += rows.compactMap(WooCommerceProvider.subscription)
            if rows.count < WooCommerceProvider.pageSize { break }
        }
        return found
    }

    /// Makes a webhook of one topic.
    public func subscribe(_ wanted: WebhookSubscription, in session: ProviderSession) async throws
        -> WebhookSubscription
    {
        guard wanted.topics.count == 1, let topic = wanted.topics.first, let secret = wanted.secret, !secret.isEmpty
        else {
            throw WooCommerceProvider.error(
                .invalidInput,
                "A WooCommerce webhook has one topic and a secret.",
                concerns: .account
            )
        }
        let requests = requests(for: session.account)
        let request = try requests.send(
            .post,
            "webhooks",
            body: [
                "name": .string("IntegrationKit \(topic.rawValue)"),
                "topic": .string(topic.rawValue),
                "delivery_url": .string(wanted.endpoint.absoluteString),
                "secret": .string(secret.withExposedValue { $0 }),
            ]
        )
        guard var made = WooCommerceProvider.subscription(try await read(request, in: session)) else {
            throw WooCommerceCall.unanswered(mayHaveHappened: true)
        }
        made.secret = secret
        return made
    }

    /// Deletes a webhook; one that is gone is no failure.
    public func unsubscribe(_ subscription: WebhookSubscription, in session: ProviderSession) async throws {
        guard let id = subscription.id else { return }
        let requests = requests(for: session.account)
        let path = "webhooks/\(WooCommerceRequests.escape(id))"
        do {
            _ = try await read(try requests.send(.delete, path, [("force", "true")]), in: session)
        } catch let error as IntegrationError where error.code == .gone {
            return
        }
    }

    private static func subscription(_ json: JSONValue) -> WebhookSubscription? {
        guard let id = json["id"]?.idText, let topic = json["topic"]?.string,
            let endpoint = json["delivery_url"]?.string.flatMap({ URL(string: $0) })
        else { return nil }
        return WebhookSubscription(
            id: id,
            topics: [WebhookTopic(rawValue: topic)],
            endpoint: endpoint,
            isActive: json["status"]?.string == "active"
        )
    }
}
