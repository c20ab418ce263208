// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// An order waits for the products that its lines name.
@Suite struct ShopOrderTests {
    private func product(_ world: ShopWorld, _ id: String = "e1", price: FieldValue = 12) -> DomainEvent {
        world.event(.productUpdated, id, of: "mug", ["name": "Mug", "sku": "MUG-1", "price": price])
    }

    private func lines(_ world: ShopWorld) throws -> [JSONValue] { try world.one("order")["line_items"]?.array ?? [] }

    @Test(arguments: [false, true])
    func `an order of one moment with its products and customer follows them`(comesFirst: Bool) async throws {
        let world = try await ShopWorld()
        let events = comesFirst ? Array(world.burst.reversed()) : world.burst
        try await world.process.coordinator.enqueue(events)
        try await world.process.settle()
        try await world.expectBurst("comes first: \(comesFirst)")
        #expect(world.clock.now.offset < .seconds(60))
    }

    @Test func `an order whose product is told a minute later is made then`() async throws {
        let world = try await ShopWorld()
        try await world.process.coordinator.enqueue(world.order("o", of: "o1", ["mug-1"]))
        _ = try await world.process.sync()
        world.clock.advance(by: .seconds(50))
        try await world.process.coordinator.enqueue(product(world))
        try await world.process.settle()
        #expect(world.made("order").count == 1)
        #expect(try lines(world).map { $0["product_id"]?.int64 } == [world.id(of: "product")])
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func `an order names a linked product by its id, whatever its SKU has become in the shop`() async throws {
        let world = try await ShopWorld()
        try await world.process.coordinator.enqueue(product(world))
        try await world.process.settle()
        let mug = try world.id(of: "product")
        try world.shop.edit("product", mug, in: ShopWorld.home, ["sku": "CUP-1"])
        try await world.process.coordinator.enqueue(world.order("o", of: "o1", ["MUG-1"]))
        try await world.process.settle()
        #expect(try lines(world).map { $0["product_id"]?.int64 } == [mug])
    }

    @Test func `an order of a product that the host does not have is looked up by SKU`() async throws {
        let world = try await ShopWorld()
        let mug = try world.shop.create("product", in: ShopWorld.home, ["name": "Mug", "sku": "MUG-1"])
        try await world.process.coordinator.enqueue(world.order("o", of: "o1", ["Mug-1"]))
        try await world.process.settle()
        #expect(try lines(world).map { $0["product_id"]?.int64 } == [mug])
    }

    @Test func `an order of a product that nobody has stops with a reason`() async throws {
        let world = try await ShopWorld()
        try await world.process.coordinator.enqueue(world.order("o", of: "o1", ["MUG-1"]))
        try await world.process.settle()
        #expect(world.made("order").isEmpty)
        let letter = try #require(try await world.deadLetters().first)
        #expect(letter.reason.message.contains("1 product(s) that the shop does not have"))
        #expect(!letter.reason.remedy.text(in: "fr").isEmpty)
    }

    @Test(arguments: [false, true])
    func `an order whose product is refused stops beside it, and goes out once that is mended`(comesFirst: Bool)
        async throws
    {
        let world = try await ShopWorld()
        let events = [product(world, price: .money(12, currency: "USD")), world.order("o", of: "o1", ["MUG-1"])]
        try await world.process.coordinator.enqueue(comesFirst ? events.reversed() : events)
        try await world.process.settle()
        #expect(world.made("order").isEmpty && world.made("product").isEmpty)
        let letters = try await world.deadLetters()
        let poisoned = try #require(letters.first { $0.kind == .product })
        let order = try #require(letters.first { $0.kind == .order })
        #expect(order.reason.message.contains("product that this record belongs to is refused"))
        #expect(order.reason.message.contains("USD"))
        let why = try await world.process.manager.why(event: "o", of: ShopWorld.tenant)
        #expect(why.description.contains("is refused"))

        try await world.process.coordinator.enqueue(product(world, "e2"))
        try await world.process.manager.replay(poisoned.id)
        try await world.process.settle()
        #expect(world.made("product").count == 1 && world.made("order").count == 1)
        #expect(try await world.deadLetters().isEmpty)
    }

    @Test func `while its product waits for the shop, an order says what it waits for`() async throws {
        let world = try await ShopWorld()
        world.shop.fail(1, .init(method: .post, path: "/products"), with: .refusal(429, retryAfter: 300))
        try await world.process.coordinator.enqueue([product(world), world.order("o", of: "o1", ["MUG-1"])])
        _ = try await world.process.sync()
        let why = try await world.process.manager.why(event: "o", of: ShopWorld.tenant)
        #expect(why.description.contains("waits for what it belongs to, which is not there yet: product mug"))
        try await world.process.settle()
        #expect(world.made("order").count == 1)
    }

    @Test func `an order does not wait for a customer who is refused, or whom nobody tells of`() async throws {
        let world = try await ShopWorld()
        try await world.process.coordinator.enqueue([
            product(world), world.event(.customerUpdated, "c", of: "ada", ["email": "no address"]),
            world.order("o", of: "o1", ["MUG-1"]),
        ])
        try await world.process.settle()
        #expect(try world.one("order")["customer_id"]?.int64 == 0)
        #expect(try await world.deadLetters().map(\.kind) == [.customer])
        let other = world.event(.orderCreated, "p", of: "o2", [:], related: [RelatedRecord("customer", "nobody")])
        try await world.process.coordinator.enqueue(other)
        try await world.process.settle(within: .seconds(1))
        #expect(world.made("order").count == 2)
    }
}
