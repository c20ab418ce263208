// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// Answers that are lost, processes that end, shops that run out of time: each record is made exactly once.
@Suite struct ShopAttemptTests {
    private static let faults: [SimulatedWooCommerce.Fault] = [
        .noConnection, .lostAnswerBefore, .timeout, .lostAnswerAfter, .timeoutAfterEffect, .statusAfterEffect(502),
        .statusBeforeEffect(504, after: .seconds(45)), .truncatedBody, .html,
    ]

    private static func creates(_ kind: String) -> SimulatedWooCommerce.CallPattern {
        .init(method: .post, path: "/\(kind)s")
    }

    @Test(arguments: ShopWorld.kinds, faults)
    func `a lost answer leaves one record`(kind: String, fault: SimulatedWooCommerce.Fault) async throws {
        let world = try await ShopWorld()
        world.shop.fail(1, Self.creates(kind), with: fault)
        try await world.process.coordinator.enqueue(world.burst)
        try await world.process.settle(within: .seconds(3600))
        try await world.expectBurst("\(kind), \(fault)")
    }

    @Test(arguments: ShopWorld.kinds)
    func `a process that ends before it learns the answer leaves one record to its heir`(kind: String) async throws {
        let world = try await ShopWorld()
        let store = FaultyStore(world.store)
        let first = try await world.process(3, over: store)
        world.shop.onStep { step in
            let isIt = step.request.method == .post && step.request.url.path.hasSuffix("/\(kind)s")
            if step.moment == .performed, isIt { store.fail { _, _ in .deathBefore } }
        }
        try await first.coordinator.enqueue(world.burst)
        await #expect(throws: IntegrationError.self) { try await first.settle(within: .seconds(3600)) }
        #expect(store.isDead && world.made(kind).count == 1)
        world.shop.onStep(nil)
        try await world.process.settle(within: .seconds(3600))
        try await world.expectBurst("\(kind)")
    }

    @Test(arguments: [
        SimulatedWooCommerce.Fault.lostAnswerBefore, .lostAnswerAfter, .statusBeforeEffect(504, after: .seconds(25)),
    ])
    func `an update whose answer is lost holds in the end`(fault: SimulatedWooCommerce.Fault) async throws {
        let world = try await ShopWorld()
        try await world.process.coordinator.enqueue(world.burst)
        try await world.process.settle()
        world.shop.fail(1, .init(method: .put, path: "/products/"), with: fault)
        try await world.process.coordinator.enqueue(
            world.event(.productUpdated, "u1", of: "mug", ["price": 14])
        )
        _ = try await world.process.sync()
        try await world.process.coordinator.enqueue(
            world.event(.productUpdated, "u2", of: "mug", ["price": 15, "description": "Blue"])
        )
        try await world.process.settle(within: .seconds(3600))
        // What was on its way all the time has arrived by now.
        world.clock.advance(by: .seconds(60))
        #expect(try world.one("product")["regular_price"] == "15")
        #expect(try world.one("product")["description"] == "Blue")
        #expect(try await world.unfinished() == 0)
    }

    /// How many records each batch makes from now on.
    private static func createsPerBatch(in world: ShopWorld) -> LockBox<[Int]> {
        let sizes = LockBox<[Int]>([])
        world.shop.onStep { step in
            guard step.moment == .received, step.request.url.path.hasSuffix("/batch"), let body = step.request.body
            else { return }
            let items = try JSONValue(parsing: body)["create"]?.array?.count ?? 0
            sizes.withLock { $0.append(items) }
        }
        return sizes
    }

    @Test func `a quick shop gets larger batches, one that runs out of time never again`() async throws {
        let world = try await ShopWorld()
        let sizes = Self.createsPerBatch(in: world)
        func make(_ numbers: ClosedRange<Int>) async throws -> [Int] {
            sizes.withLock { $0 = [] }
            try await world.process.coordinator.enqueue(
                numbers.map { number in
                    let fields: [FieldName: FieldValue] = ["email": .text("p\(number)@example.fr")]
                    return world.event(.prospectCreated, "e\(number)", of: "p\(number)", fields)
                }
            )
            try await world.process.settle(within: .seconds(7200))
            return sizes.withLock { $0 }
        }
        #expect(try await make(1...25) == [25])
        #expect(try await make(26...75) == [50])
        #expect(try await make(76...175) == [100])
        world.shop.configureShop(ShopWorld.home) { $0.batchSizeInTime = 30 }
        #expect(try await make(176...225).max() == 50)
        #expect(try await make(226...325).allSatisfy { $0 <= 25 })
        #expect(world.made("customer").count == 325)
    }

    @Test(arguments: ["product", "customer"])
    func `batches for which the shop runs out of time are halved until they get through`(kind: String) async throws {
        let world = try await ShopWorld(shop: { $0.batchSizeInTime = 4 })
        let sizes = Self.createsPerBatch(in: world)
        let events = (1...25).map { number -> DomainEvent in
            kind == "product"
                ? world.event(
                    .productUpdated,
                    "e\(number)",
                    of: "p\(number)",
                    ["name": .text("Product \(number)"), "sku": .text("SKU-\(number)")]
                )
                : world.event(
                    .prospectCreated,
                    "e\(number)",
                    of: "p\(number)",
                    ["email": .text("p\(number)@example.fr")]
                )
        }
        try await world.process.coordinator.enqueue(events)
        try await world.process.settle(within: .seconds(7200))
        #expect(world.made(kind).count == 25)
        #expect(try await world.unfinished() == 0)
        #expect(sizes.withLock { $0.first } == 25)
        let settled = world.process.observer.events.filter { [.created, .adopted].contains($0.kind) }
        #expect(settled.count == 25 && Set(settled.compactMap(\.record)).count == 25)

        // What the shop can do is remembered. Customers were found once the shop had worked on, so one step was enough.
        let before = sizes.withLock { $0.count }
        let more = (26...40).map { number in
            world.event(
                .productUpdated,
                "e\(number)",
                of: "q\(number)",
                ["name": .text("Product \(number)"), "sku": .text("SKU-\(number)")]
            )
        }
        try await world.process.coordinator.enqueue(more)
        try await world.process.settle()
        #expect(sizes.withLock { $0.dropFirst(before).max() } ?? 0 <= (kind == "product" ? 4 : 12))
        #expect(try await world.unfinished() == 0)
    }

    /// What the host does; after a failure it enqueues the same events again, as it must.
    private static func story(_ world: ShopWorld, _ process: ShopProcess) async throws {
        try await world.tell(process, world.burst)
        try await process.settle()
        try await world.tell(
            process,
            [
                world.event(.productUpdated, "u1", of: "mug", ["name": "Blue mug"]),
                world.event(.customerUpdated, "u2", of: "ada", ["last_name": "Lovelace"]),
            ]
        )
        try await process.settle()
        try await process.coordinator.pull(world.integration.id, kinds: [.customer])
        try await process.settle(within: .seconds(90))
        try await world.tell(process, [world.event("call.deleted", "d1", of: "call1")])
        try await process.settle()
    }

    /// The story is told once.
    ///
    /// Before each commit, and as each write reaches the shop, all is copied: each copy is what a process leaves behind
    /// that ends at this moment.
    @Test func `a process that ends at any moment of a story loses and doubles nothing`() async throws {
        let world = try await ShopWorld { settings in
            settings.direction = .bidirectional
            settings.hostDeletePolicy = .carryOut
            settings.routes =
                WooCommerceProvider().descriptor.routes + [EventRoute("call.deleted", .delete, .note)]
        }
        let stranger = try world.shop.create("customer", in: ShopWorld.home, ["email": "grace@example.fr"])
        let moments = LockBox<[ShopWorld]>([])
        let isOver = LockBox(false)
        @Sendable func remember() async throws {
            guard !isOver.withLock({ $0 }) else { return }
            let moment = try await ShopWorld(ending: world, seed: UInt64(100 + moments.withLock { $0.count }))
            moments.withLock { $0.append(moment) }
        }
        let store = FaultyStore(world.store)
        store.beforeCommit { _ in try await remember() }
        world.shop.onStep { step in
            if step.moment == .received, step.request.method != .get { try await remember() }
        }
        try await Self.story(world, try await world.process(3, over: store))
        isOver.withLock { $0 = true }
        #expect(moments.withLock { $0.count } > 30)
        for (number, heir) in moments.withLock({ $0 }).enumerated() {
            try await Self.story(heir, heir.process)
            try await heir.process.settle(within: .seconds(3600))
            for kind in ShopWorld.kinds { #expect(heir.made(kind).count == 1, "\(kind), moment \(number)") }
            #expect(try heir.one("product")["name"] == "Blue mug", "moment \(number)")
            let ada = heir.all("customer").first { $0["email"] == "ada@example.fr" }
            #expect(ada?["last_name"] == "Lovelace", "moment \(number)")
            #expect(try heir.one("order")["customer_id"] == ada?["id"], "moment \(number)")
            #expect(heir.all("note").allSatisfy { $0["author"] == "WooCommerce" }, "moment \(number)")
            #expect(await heir.hostFields(.customer, stranger)?["email"] == "grace@example.fr", "moment \(number)")
            #expect(await heir.records.references.count == 5, "moment \(number)")
            #expect(try await heir.unfinished() == 0, "moment \(number)")
        }
    }
}
