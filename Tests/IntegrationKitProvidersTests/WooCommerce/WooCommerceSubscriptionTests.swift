// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// A shop with nothing but webhooks in it.
private final class WebhookShop: HTTPTransport {
    struct Hook: Sendable {
        var id: Int
        var topic: String
        var endpoint: String
        var secret: String
        var status = "active"
    }

    let hooks = LockBox<[Hook]>([])
    private let last = LockBox(10)

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        let path = request.url.path
        guard path.contains("/wc/v3") else {
            return .shop(#"{"name":"Mugs","home":"https://shop.example","gmt_offset":0,"namespaces":["wc/v3"]}"#)
        }
        if path.contains("currencies") { return .shop(#"{"code":"EUR"}"#) }
        if path.contains("system_status") { return .shop(#"{"environment":{"version":"9.9.5"}}"#) }
        if path.contains("orders/0/notes") { return .refusal(404, "woocommerce_rest_order_invalid_id") }
        if request.method == .options { return .shop(#"{"schema":{"properties":{"status":{"enum":["pending"]}}}}"#) }
        guard path.contains("/webhooks") else { return .shop("[]", headers: ["X-WP-Total": "0"]) }
        switch request.method {
        case .post:
            let body = try JSONValue(parsing: request.body ?? Data())
            let hook = Hook(
                id: last.withLock { last in
                    last += 1
                    return last
                },
                topic: body["topic"]?.string ?? "",
                endpoint: body["delivery_url"]?.string ?? "",
                secret: body["secret"]?.string ?? ""
            )
            hooks.withLock { $0.append(hook) }
            return .shop(json(hook), status: 201)
        case .delete:
            let id = Int(request.url.lastPathComponent)
            return hooks.withLock { hooks in
                guard let place = hooks.firstIndex(where: { $0.id == id }) else {
                    return .refusal(404, "woocommerce_rest_shop_webhook_invalid_id")
                }
                return .shop(json(hooks.remove(at: place)))
            }
        default:
            return .shop("[\(hooks.withLock { $0 }.map(json).joined(separator: ","))]")
        }
    }

    private func json(_ hook: Hook) -> String {
        #"{"id":\#(hook.id),"status":"\#(hook.status)","topic":"\#(hook.topic)","delivery_url":"\#(hook.endpoint)"}"#
    }

    /// A delivery as the shop signs it.
    func delivery(_ hook: Hook, _ body: String) throws -> HTTPRequest {
        HTTPRequest(
            .post,
            try #require(URL(string: hook.endpoint)),
            headers: [
                "X-WC-Webhook-Source": "https://shop.example/", "X-WC-Webhook-Topic": hook.topic,
                "X-WC-Webhook-ID": String(hook.id), "X-WC-Webhook-Delivery-ID": "d",
                "X-WC-Webhook-Signature": Hashing.hmacSHA256(Data(body.utf8), key: Data(hook.secret.utf8))
                    .base64EncodedString(),
            ],
            body: Data(body.utf8)
        )
    }
}

@Suite struct WooCommerceSubscriptionTests {
    private let shop = WebhookShop()
    private let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    private static let endpoint = "https://host.example/hooks"

    private func connect(_ settings: SyncSettings = SyncSettings()) async throws -> (IntegrationManager, String) {
        let manager = try await IntegrationManager(
            providers: [.wooCommerce],
            store: InMemoryIntegrationStore(time: clock.timeSource),
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: shop,
            time: clock.timeSource,
            random: SeededGenerator(seed: 1).randomSource
        )
        let integration = try await manager.connect(
            .wooCommerce,
            for: "t",
            name: "Mugs",
            form: ["store_url": "shop.example", "consumer_key": "ck_1", "consumer_secret": "cs_1"],
            settings: settings
        )
        return (manager, integration.id)
    }

    @Test func `Webhooks are made once, with one secret that nobody sees, and deliveries signed by it are taken`()
        async throws
    {
        let (manager, id) = try await connect()
        let made = try await manager.subscribe(id, at: URL(string: Self.endpoint))
        let hooks = shop.hooks.withLock { $0 }
        #expect(Set(hooks.map(\.topic)) == Set(made.made.map(\.rawValue)))
        #expect(hooks.contains { $0.topic == "order.updated" })
        #expect(Set(hooks.map(\.secret)).count == 1)
        #expect(hooks[0].secret.count == 40)
        let again = try await manager.subscribe(id)
        #expect(again.made.isEmpty && again.mended.isEmpty)
        #expect(shop.hooks.withLock { $0.map(\.id) } == hooks.map(\.id))

        let inbox = WebhookInbox(manager)
        let order = try #require(hooks.first { $0.topic == "order.updated" })
        let delivery = try shop.delivery(order, #"{"id":15}"#)
        let receipt = await inbox.receive(delivery, from: .wooCommerce)
        #expect(receipt.accepted == 1)
        #expect(receipt.response.status == 200)
        #expect(await inbox.receive(delivery, from: .wooCommerce).accepted == 0)
        var forged = order
        forged.secret = "another"
        let refused = await inbox.receive(try shop.delivery(forged, #"{"id":16}"#), from: .wooCommerce)
        #expect(refused.error?.code == .deliveryRejected)
        #expect(refused.response.status == 401)
        var ping = delivery
        ping.headers = [:]
        ping.body = Data("webhook_id=12".utf8)
        let answered = await inbox.receive(ping, from: .wooCommerce)
        #expect(answered.response.status == 200 && answered.accepted == 0 && answered.error == nil)
    }

    @Test func `A webhook that the shop switched off is made anew, and so is one whose secret is not ours`()
        async throws
    {
        let (manager, id) = try await connect()
        try await manager.subscribe(id, at: URL(string: Self.endpoint))
        let before = shop.hooks.withLock { hooks in
            for place in hooks.indices where hooks[place].topic == "order.updated" { hooks[place].status = "disabled" }
            for place in hooks.indices where hooks[place].topic == "product.created" { hooks[place].id = 900 }
            hooks.append(
                WebhookShop.Hook(id: 901, topic: "order.updated", endpoint: "https://other.example/", secret: "x")
            )
            return hooks
        }
        let check = try await manager.subscribe(id)
        #expect(Set(check.mended) == ["order.updated", "product.created"])
        #expect(check.made.isEmpty)
        let after = shop.hooks.withLock { $0 }
        #expect(after.count == before.count)
        #expect(after.contains { $0.id == 901 })
        #expect(!after.contains { $0.id == 900 })
        #expect(after.filter { $0.endpoint == Self.endpoint }.allSatisfy { $0.status == "active" })
    }

    @Test func `Another address moves the webhooks, and an end removes ours alone`() async throws {
        let (manager, id) = try await connect()
        shop.hooks.withLock {
            $0.append(WebhookShop.Hook(id: 1, topic: "order.updated", endpoint: "https://other.example/", secret: "x"))
        }
        try await manager.subscribe(id, at: URL(string: Self.endpoint))
        try await manager.subscribe(id, at: URL(string: "https://new.example/hooks"))
        #expect(
            Set(shop.hooks.withLock { $0.map(\.endpoint) }) == ["https://other.example/", "https://new.example/hooks"]
        )
        try await manager.unsubscribe(id)
        #expect(shop.hooks.withLock { $0.map(\.id) } == [1])
    }

    @Test func `Webhooks go to https addresses alone, and only kinds that are read have any`() async throws {
        let (manager, id) = try await connect(SyncSettings(kinds: [.customer]))
        for address in ["http://host.example/hooks", "https://user:pw@host.example/"] {
            let url = try #require(URL(string: address))
            let error = await #expect(throws: IntegrationError.self) { try await manager.subscribe(id, at: url) }
            #expect(error?.code == .invalidInput)
        }
        await #expect(throws: IntegrationError.self) { try await manager.subscribe(id) }
        let check = try await manager.subscribe(id, at: URL(string: Self.endpoint))
        #expect(check.made == ["customer.created", "customer.updated", "customer.deleted"])
    }
}
