// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct WooCommerceWebhookTests {
    private let provider = WooCommerceProvider()
    private let desk = Desk.shop
    private let secret: Secret = "whsec-test-1"
    private let now = Date(timeIntervalSince1970: 1_795_600_000)

    private func delivery(
        _ body: String,
        topic: String = "order.updated",
        signature: String? = nil,
        id: String = "6fcb6e63155e8948054c23a80872d238"
    ) throws -> HTTPRequest {
        let signed = secret.withExposedValue { Hashing.hmacSHA256(Data(body.utf8), key: Data($0.utf8)) }
        return HTTPRequest(
            .post,
            try #require(URL(string: "https://host.example/hooks/woocommerce")),
            headers: [
                "Content-Type": "application/json", "X-WC-Webhook-Source": "https://shop.example/",
                "X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature ?? signed.base64EncodedString(),
                "X-WC-Webhook-ID": "5", "X-WC-Webhook-Delivery-ID": id,
            ],
            body: Data(body.utf8)
        )
    }

    private func subject(_ request: HTTPRequest) throws -> String {
        let events = try provider.events(in: request, verifiedWith: ["older", secret], now: now)
        #expect(events.count == 1)
        switch events.first?.subject {
        case .hint(let id): return "hint \(id.kind.rawValue) \(id.value) \(id.parent ?? "-")"
        case .change(.deleted(let id, _)): return "deleted \(id.kind.rawValue) \(id.value)"
        case .ping: return "ping"
        default: return "else"
        }
    }

    @Test(arguments: [
        (#"{"id":33}"#, "XTlkvDRhgrJHj5UskE5aru6OLKvJ/Sk2/QobklHxfqI="),
        (#"{"id":17}"#, "/WoqFmWZG6XmbYa4kIbXhvSU28aYbztjQRvHzAYWVLk="),
    ])
    func `A signature that a shop made is accepted over the raw body, and only over that`(
        body: String,
        signature: String
    ) throws {
        #expect(try subject(delivery(body, signature: signature)).hasPrefix("hint order"))
        for (text, other) in [(body + " ", signature), (body, "AAAA"), (body, ""), (body, "not base64")] {
            let error = #expect(throws: IntegrationError.self) { try subject(delivery(text, signature: other)) }
            #expect(error?.code == .deliveryRejected)
        }
    }

    @Test(arguments: [
        (
            #"{"id":15,"status":"processing","date_modified_gmt":"2026-11-23T12:00:00"}"#, "order.updated",
            "hint order 15 -"
        ),
        (#"{"id":2}"#, "customer.created", "hint customer 2 -"),
        (#"{"id":10,"type":"simple"}"#, "product.restored", "hint product 10 -"),
        (#"{"id":11,"type":"variation","parent_id":10}"#, "product.updated", "hint product-variation 11 10"),
        (#"{"id":17}"#, "order.deleted", "deleted order 17"),
        (
            #"{"code":"woocommerce_rest_product_invalid_id","message":"Invalid ID.","data":{"status":404}}"#,
            "product.updated", "ping"
        ),
        (#"{"action":"woocommerce_order_note_added","arg":6}"#, "action.woocommerce_order_note_added", "ping"),
        (#"{"id":3}"#, "coupon.updated", "ping"),
    ])
    func `A delivery says which record to read again`(body: String, topic: String, expected: String) throws {
        #expect(try subject(delivery(body, topic: topic)) == expected)
    }

    @Test func `The ping of a new webhook is answered and means nothing; nothing else passes unsigned`() throws {
        var ping = try delivery("webhook_id=12")
        ping.headers = ["Content-Type": "application/x-www-form-urlencoded"]
        #expect(try subject(ping) == "ping")
        #expect(try provider.address(of: ping) == .application(id: nil))
        #expect(provider.reply(accepted: true).status == 200)
        for body in ["webhook_id=", "webhook_id=1&x=2", "webhook_id=12 ", #"{"id":3}"#, "webhook_id=x"] {
            ping.body = Data(body.utf8)
            #expect(throws: IntegrationError.self) { try provider.address(of: ping) }
            #expect(throws: IntegrationError.self) { try subject(ping) }
        }
    }

    @Test func `The shop is named by its home address, as the connection test names it`() throws {
        #expect(
            try provider.address(of: delivery("{}"))
                == .account(AccountKey(platform: .wooCommerce, value: "shop.example"))
        )
    }

    @Test func `Deliveries of one second share an id and are still told apart; a repeat is not`() throws {
        func key(_ request: HTTPRequest) throws -> String? {
            try provider.events(in: request, verifiedWith: [secret], now: now).first?.deduplicationKey
        }
        let keys = try (1...5).map { try key(delivery(#"{"id":\#($0)}"#)) }
        #expect(Set(keys).count == 5)
        #expect(try key(delivery(#"{"id":1}"#)) == keys[0])
        #expect(try key(delivery(#"{"id":1}"#, id: "another")) != keys[0])
    }

    // MARK: Subscriptions

    @Test func `Each topic has a webhook of its own`() throws {
        let endpoint = try #require(URL(string: "https://host.example/hooks"))
        let wanted = provider.subscriptions(for: [.customer, .productVariation, .note], at: endpoint, secret: "s")
        #expect(
            wanted.flatMap(\.topics).map(\.rawValue) == [
                "customer.created", "customer.updated", "customer.deleted", "product.created", "product.updated",
                "product.deleted", "product.restored",
            ]
        )
    }

    @Test func `A webhook is made with our secret, listed without, and deleted for good`() async throws {
        let endpoint = try #require(URL(string: "https://host.example/hooks"))
        let answer = #"{"id":12,"status":"active","topic":"order.updated","delivery_url":"https://host.example/hooks"}"#
        let session = desk.session { request in
            switch request.method {
            case .get: .shop("[\(answer),\(answer.replacing("active", with: "disabled"))]")
            case .delete: .refusal(404, "woocommerce_rest_shop_webhook_invalid_id")
            default: .shop(answer, status: 201)
            }
        }
        let wanted = WebhookSubscription(topics: ["order.updated"], endpoint: endpoint, secret: "s3cret")
        let made = try await provider.subscribe(wanted, in: session)
        #expect(made.id == "12")
        #expect(made.secret == "s3cret")
        let found = try await provider.fetchSubscriptions(in: session)
        #expect(found.map(\.isActive) == [true, false])
        try await provider.unsubscribe(made, in: session)
        #expect(
            desk.lines == [
                #"POST /wp-json/wc/v3/webhooks {"name":"IntegrationKit order.updated","topic":"order.updated","#
                    + #""delivery_url":"https://host.example/hooks","secret":"s3cret"}"#,
                "GET /wp-json/wc/v3/webhooks?status=all&per_page=100&page=1&_skip_cache=true",
                "DELETE /wp-json/wc/v3/webhooks/12?force=true",
            ]
        )
    }
}
