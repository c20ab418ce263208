// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// A shop's webhooks as its deliveries come to a host: pings, seconds that share an id, errors in place of records.
@Suite struct ShopWebhookTests {
    private static let home = ShopWorld.home

    /// A shop with three products that the host knows, subscribed; its deliveries so far are taken away.
    private func subscribed() async throws -> (ShopWorld, [Int64], [HTTPRequest]) {
        let world = try await ShopWorld { settings in
            settings.direction = .bidirectional
            settings.remoteDeletePolicy = .carryOut
        }
        let ids = try (1...3).map { number in
            try world.shop.create("product", in: Self.home, ["name": .string("Product \(number)")])
        }
        try await world.pull()
        world.clock.advance(by: .seconds(300))
        let endpoint = try #require(URL(string: "https://hooks.example.fr/woocommerce"))
        let check = try await world.process.manager.subscribe(world.integration.id, at: endpoint)
        #expect(check.made.contains("product.updated"))
        return (world, ids, world.shop.takeDeliveries(in: Self.home))
    }

    private func receive(_ deliveries: [HTTPRequest], _ world: ShopWorld) async -> [WebhookInbox.Receipt] {
        var receipts: [WebhookInbox.Receipt] = []
        for delivery in deliveries {
            receipts.append(await WebhookInbox(world.process.manager).receive(delivery, from: .wooCommerce))
        }
        return receipts
    }

    @Test func `the unsigned ping is answered, and means nothing`() async throws {
        let (world, _, pings) = try await subscribed()
        #expect(!pings.isEmpty)
        let calls = world.shop.calls.count
        let receipts = await receive(pings, world)
        #expect(receipts.allSatisfy { $0.response.status == 200 && $0.accepted == 0 && $0.error == nil })
        _ = try await world.process.sync()
        #expect(world.shop.calls.count == calls)
        // Anything more than a ping that is not signed is refused.
        var forged = pings[0]
        forged.body = Data(#"{"id":1}"#.utf8)
        let refused = await receive([forged], world)
        #expect(refused[0].response.status == 401 && refused[0].error?.code == .deliveryRejected)
    }

    @Test func `deliveries of one second share an id, and each counts once`() async throws {
        let (world, ids, _) = try await subscribed()
        for id in ids { try world.shop.edit("product", id, in: Self.home, ["name": .string("New \(id)")]) }
        let deliveries = world.shop.takeDeliveries(in: Self.home)
        #expect(deliveries.count == 3)
        #expect(Set(deliveries.compactMap { $0.headers["X-WC-Webhook-Delivery-ID"] }).count == 1)
        let receipts = await receive(deliveries + deliveries, world)
        #expect(receipts.map(\.accepted) == [1, 1, 1, 0, 0, 0])
        #expect(receipts.allSatisfy { $0.response.status == 200 })
        _ = try await world.process.sync()
        for id in ids { #expect(await world.hostFields(.product, id)?["name"] == .text("New \(id)")) }
        #expect(try await world.unfinished() == 0)
    }

    @Test func `a body that is an error in place of a vanished record changes nothing, and the next pull tells`()
        async throws
    {
        let (world, ids, _) = try await subscribed()
        try world.shop.edit("product", ids[0], in: Self.home, ["name": "New"])
        try world.shop.erase("product", ids[0], in: Self.home)
        let deliveries = world.shop.takeDeliveries(in: Self.home)
        let body = try #require(deliveries.first?.body)
        #expect(try JSONValue(parsing: body)["code"] == "woocommerce_rest_product_invalid_id")
        let receipts = await receive(deliveries, world)
        #expect(receipts.allSatisfy { $0.response.status == 200 && $0.error == nil })
        _ = try await world.process.sync()
        #expect(await world.hostFields(.product, ids[0])?["name"] == "Product 1")
        #expect(try await world.unfinished() == 0)
        try await world.pull(sweep: true)
        #expect(await world.hostFields(.product, ids[0]) == nil)
        #expect(await world.records.references.count == 2)
    }

    @Test func `trashing arrives at once, a new record too, and our own writes come back as no news`() async throws {
        let (world, ids, _) = try await subscribed()
        try world.shop.trash("product", ids[0], in: Self.home)
        let new = try world.shop.create("order", in: Self.home, ["billing": ["city": "Brest"]])
        _ = await receive(world.shop.takeDeliveries(in: Self.home), world)
        _ = try await world.process.sync()
        #expect(await world.hostFields(.product, ids[0]) == nil)
        #expect(await world.hostFields(.order, new)?["city"] == "Brest")

        try await world.tell(nil, [world.event(.productUpdated, "e", of: "cup", ["name": "Cup", "sku": "CUP-1"])])
        _ = try await world.process.sync()
        let applied = await world.records.applied.count
        let receipts = await receive(world.shop.takeDeliveries(in: Self.home), world)
        #expect(receipts.contains { $0.accepted == 1 })
        try await world.process.settle(within: .seconds(60))
        #expect(await world.records.applied.count == applied)
        #expect(world.made("product").count == 1)
        #expect(try await world.unfinished() == 0)
    }

    @Test func `a webhook that the shop has switched off is made anew, and what was missed is pulled`() async throws {
        let (world, ids, _) = try await subscribed()
        for round in 0..<8 {
            try world.shop.edit("product", ids[0], in: Self.home, ["name": .string("Round \(round)")])
            await world.shop.runJobs(in: Self.home) { _ in 500 }
            world.clock.advance(by: .seconds(2))
        }
        let hooks = { world.all("webhook").filter { $0["topic"] == "product.updated" }.map { $0["status"]?.string } }
        #expect(hooks() == ["disabled"])
        let check = try await world.process.manager.subscribe(world.integration.id)
        #expect(check.mended == ["product.updated"])
        #expect(hooks() == ["active"])
        try await world.pull()
        #expect(await world.hostFields(.product, ids[0])?["name"] == "Round 7")
    }
}
