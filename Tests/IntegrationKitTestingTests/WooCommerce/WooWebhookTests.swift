// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooWebhookTests {
    private func subscribe(_ bench: WooBench, _ topics: String..., to url: String = "https://host.example/hook")
        async throws
    {
        for topic in topics {
            _ = try await bench.create(
                "webhooks",
                ["topic": .string(topic), "delivery_url": .string(url), "secret": "whsec-test-1"]
            )
        }
        #expect(bench.platform.takeDeliveries(in: bench.home).count == topics.count)
    }

    private func topics(_ deliveries: [HTTPRequest]) -> [String] {
        deliveries.map { $0.headers["X-WC-Webhook-Topic"] ?? "ping" }
    }

    @Test func aNewWebhookIsPingedUnsigned() async throws {
        let bench = try WooBench()
        let made = try await bench.call(
            .post,
            "webhooks",
            ["topic": "order.updated", "delivery_url": "https://host.example/hook"]
        )
        #expect(made.body["status"] == "active")
        #expect(made.body["resource"] == "order")
        #expect(made.body["event"] == "updated")
        #expect(made.body["secret"] == nil)
        #expect(made.body["date_modified"] == .null)
        let ping = try #require(bench.platform.takeDeliveries(in: bench.home).first)
        #expect(ping.body == Data("webhook_id=1".utf8))
        #expect(ping.headers["Content-Type"] == "application/x-www-form-urlencoded")
        #expect(!ping.headers.fields.contains { $0.name.hasPrefix("X-WC") })
    }

    @Test func aDeliveryIsSignedAndSaysWhereItComesFrom() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "order.deleted")
        let order = try await bench.create("orders", [:])
        _ = try await bench.call(.delete, "orders/\(order)")
        let delivery = try #require(bench.platform.takeDeliveries(in: bench.home).first)
        let body = try #require(delivery.body)
        #expect(body == Data("{\"id\":\(order)}".utf8))
        let signature = Hashing.hmacSHA256(body, key: Data("whsec-test-1".utf8)).base64EncodedString()
        #expect(delivery.headers["X-WC-Webhook-Signature"] == signature)
        #expect(delivery.headers["X-WC-Webhook-Source"] == "https://shop.example/")
        #expect(delivery.headers["X-WC-Webhook-ID"] == "1")
        #expect(delivery.headers["User-Agent"] == "WooCommerce/9.9.5 Hookshot (WordPress/7.0.4)")
    }

    @Test func changesCoalesceAndCreatedIsFollowedByUpdated() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "order.created", "order.updated")
        let order = try await bench.create("orders", [:])
        _ = try await bench.call(.put, "orders/\(order)", ["customer_note": "newest"])
        let deliveries = bench.platform.takeDeliveries(in: bench.home)
        #expect(topics(deliveries) == ["order.created", "order.updated"])
        for delivery in deliveries {
            #expect(try JSONValue(parsing: delivery.body ?? Data())["customer_note"] == "newest")
        }
    }

    @Test func deliveriesOfOneSecondShareTheirID() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "product.created")
        for _ in 0..<5 { _ = try await bench.create("products", [:]) }
        let deliveries = bench.platform.takeDeliveries(in: bench.home)
        #expect(deliveries.count == 5)
        #expect(Set(deliveries.compactMap { $0.headers["X-WC-Webhook-Delivery-ID"] }).count == 1)
        #expect(Set(deliveries.compactMap { $0.headers["X-WC-Webhook-Signature"] }).count == 5)
    }

    @Test func onlyTheTrashIsToldOfDeletions() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "order.deleted", "customer.deleted")
        var orders: [Int64] = []
        for _ in 0..<3 { orders.append(try await bench.create("orders", [:])) }
        _ = try await bench.call(.delete, "orders/\(orders[0])?force=true")
        _ = try await bench.call(.post, "orders/batch", ["delete": [.number(JSONNumber(orders[1]))]])
        let sub = try bench.platform.registerUser("sub@x.io", role: "subscriber", in: bench.home)
        _ = try await bench.call(.delete, "customers/\(sub)?force=true")
        let buyer = try await bench.create("customers", ["email": "b@x.io"])
        _ = try await bench.call(.post, "customers/batch", ["delete": [.number(JSONNumber(buyer))]])
        #expect(bench.platform.takeDeliveries(in: bench.home).isEmpty)
        _ = try await bench.call(.delete, "orders/\(orders[2])")
        let customer = try await bench.create("customers", ["email": "a@x.io"])
        _ = try await bench.call(.delete, "customers/\(customer)?force=true")
        #expect(topics(bench.platform.takeDeliveries(in: bench.home)) == ["order.deleted", "customer.deleted"])
    }

    @Test func aRecordThatVanishedIsAnErrorInItsDelivery() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "product.updated")
        let id = try await bench.create("products", [:])
        _ = try await bench.call(.put, "products/\(id)", [:])
        _ = try await bench.call(.delete, "products/\(id)?force=true")
        let body = try #require(bench.platform.takeDeliveries(in: bench.home).first?.body)
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"code":"woocommerce_rest_product_invalid_id","message":"Invalid ID.","data":{"status":404}}"#
        )
    }

    @Test func theSeventhFailureInARowDisablesAndTheCountStays() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "order.updated")
        let order = try await bench.create("orders", [:])
        func fail() async throws -> JSONValue? {
            _ = try await bench.call(.put, "orders/\(order)", [:])
            await bench.platform.runJobs(in: bench.home) { _ in 500 }
            return try await bench.call(.get, "webhooks/1").body["status"]
        }
        for number in 1...7 { #expect(try await fail() == (number < 7 ? "active" : "disabled")) }
        #expect(try await bench.call(.put, "webhooks/1", ["status": "active"]).status == 200)
        #expect(try await fail() == "disabled")
    }

    @Test func aSuccessBeginsTheCountAnew() async throws {
        let bench = try WooBench()
        try await subscribe(bench, "order.updated")
        let order = try await bench.create("orders", [:])
        for number in 1...20 {
            _ = try await bench.call(.put, "orders/\(order)", [:])
            await bench.platform.runJobs(in: bench.home) { _ in number % 6 == 0 ? 302 : 404 }
        }
        #expect(try await bench.call(.get, "webhooks/1").body["status"] == "active")
    }

    @Test func anUnansweredPingComesAgainWithFailures() async throws {
        let bench = try WooBench()
        _ = try await bench.create("webhooks", ["topic": "order.updated", "delivery_url": "https://host.example/h"])
        await bench.platform.runJobs(in: bench.home) { _ in 500 }
        _ = try await bench.create("orders", [:])
        let sent = await bench.platform.runJobs(in: bench.home) { _ in 500 }
        #expect(topics(sent) == ["order.updated", "ping"])
    }

    @Test(
        arguments: [
            "http://127.0.0.1/h", "https://10.0.0.1/h", "https://192.168.1.1/h", "https://localhost/h",
            "https://host.example:8443/h",
        ]
    )
    func unsafeAddressesAreAcceptedAndNeverCalled(url: String) async throws {
        let bench = try WooBench()
        _ = try await bench.create("webhooks", ["topic": "order.created", "delivery_url": .string(url)])
        _ = try await bench.create("orders", [:])
        #expect(bench.platform.takeDeliveries(in: bench.home).isEmpty)
    }

    @Test func jobsAreLateAndActionsTellOneArgument() async throws {
        let bench = try WooBench { $0.jobDelay = .seconds(30) }
        try await subscribe(bench, "action.woocommerce_order_note_added")
        let order = try await bench.create("orders", [:])
        let note = try await bench.create("orders/\(order)/notes", ["note": "x"])
        #expect(bench.platform.takeDeliveries(in: bench.home).isEmpty)
        #expect(bench.platform.pendingJobCount(in: bench.home) == 1)
        bench.clock.advance(by: .seconds(30))
        let delivery = try #require(bench.platform.takeDeliveries(in: bench.home).first)
        #expect(
            try JSONValue(parsing: delivery.body ?? Data())
                == ["action": "woocommerce_order_note_added", "arg": .number(JSONNumber(note))]
        )
    }

    @Test func aUserWithoutRightsMakesBodiesErrors() async throws {
        var bench = try WooBench()
        let manager = try bench.platform.addUser("manager", role: "shop_manager", in: bench.home)
        bench.key = try bench.platform.issueKey(in: bench.home, for: manager)
        try await subscribe(bench, "order.created")
        _ = try await bench.create("orders", [:])
        bench.platform.setRole("editor", of: manager, in: bench.home)
        let body = try #require(bench.platform.takeDeliveries(in: bench.home).first?.body)
        #expect(try JSONValue(parsing: body)["code"] == "woocommerce_rest_cannot_view")
    }

    @Test(arguments: [("9.9.5", 201), ("10.9", 400)] as [(SimulatedWooCommerce.Version, Int)])
    func customersAreNeverRestored(version: SimulatedWooCommerce.Version, status: Int) async throws {
        let bench = try WooBench { $0.version = version }
        let answer = try await bench.call(
            .post,
            "webhooks",
            ["topic": "customer.restored", "delivery_url": "https://host.example/h"]
        )
        #expect(answer.status == status)
        #expect(status == 400 || answer.body["hooks"] == [])
    }
}
