// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// What people do in a shop reaches the host: all of it, once, and deletions both ways.
@Suite struct ShopPullTests {
    private static let home = ShopWorld.home

    private func world(
        _ options: EngineOptions = EngineOptions(),
        shop: (inout SimulatedWooCommerce.Shop) -> Void = { _ in }
    ) async throws -> ShopWorld {
        try await ShopWorld(
            options: options,
            settings: { settings in
                settings.direction = .bidirectional
                settings.remoteDeletePolicy = .carryOut
                settings.hostDeletePolicy = .carryOut
                settings.routes =
                    WooCommerceProvider().descriptor.routes + [
                        EventRoute("customer.deleted", .delete, .customer),
                        EventRoute("order.deleted", .delete, .order),
                        EventRoute("product.deleted", .delete, .product),
                        EventRoute("variation.deleted", .delete, .productVariation),
                    ]
            },
            shop: shop
        )
    }

    /// The records of a small shop.
    private struct Filled {
        var ada: Int64
        var reader: Int64
        var shirt: Int64
        var small: Int64
        var order: Int64
    }

    private func fill(_ world: ShopWorld) throws -> Filled {
        let shirt = try world.shop.create(
            "product",
            in: Self.home,
            ["name": "Shirt", "type": "variable", "sku": "SH", "status": "draft"]
        )
        return Filled(
            ada: try world.shop.create("customer", in: Self.home, ["email": "ada@example.fr", "first_name": "Ada"]),
            reader: try world.shop.registerUser("reader@example.fr", role: "subscriber", in: Self.home),
            shirt: shirt,
            small: try world.shop.create("variation", in: Self.home, ["sku": "SH-S"], parent: shirt),
            order: try world.shop.create("order", in: Self.home, ["billing": ["city": "Nantes"]])
        )
    }

    @Test(arguments: ["10.3.0", "9.9.5"] as [SimulatedWooCommerce.Version])
    func `everything of a shop arrives, then what changed`(version: SimulatedWooCommerce.Version) async throws {
        let world = try await world(shop: { $0.version = version })
        let filled = try fill(world)
        for kind in ["product", "order"] {
            let id = try world.shop.create(kind, in: Self.home, [:])
            try world.shop.trash(kind, id, in: Self.home)
        }
        let filters = LockBox<[String: Set<Bool>]>([:])
        world.shop.onStep { step in
            guard step.moment == .received, step.request.method == .get else { return }
            let list = step.request.url.lastPathComponent
            let isFiltered = step.request.url.query?.contains("modified_after") ?? false
            _ = filters.withLock { $0[list, default: []].insert(isFiltered) }
        }
        try await world.pull()
        #expect(await world.records.references.count == 5)
        #expect(await world.hostFields(.customer, filled.ada)?["first_name"] == "Ada")
        #expect(await world.hostFields(.customer, filled.reader)?["email"] == "reader@example.fr")
        #expect(await world.hostFields(.product, filled.shirt)?["name"] == "Shirt")
        #expect(await world.hostFields(.productVariation, filled.small, parent: filled.shirt)?["sku"] == "SH-S")
        #expect(await world.hostFields(.order, filled.order)?["city"] == "Nantes")

        world.clock.advance(by: .seconds(1800))
        try world.shop.edit("customer", filled.ada, in: Self.home, ["first_name": "Adèle"])
        try world.shop.edit("product", filled.shirt, in: Self.home, ["name": "Tunic"])
        try world.shop.edit("variation", filled.small, in: Self.home, ["description": "Small"])
        try world.shop.edit("order", filled.order, in: Self.home, ["status": "completed"])
        let applied = await world.records.applied.count
        try await world.pull()
        #expect(await world.hostFields(.customer, filled.ada)?["first_name"] == "Adèle")
        #expect(await world.hostFields(.product, filled.shirt)?["name"] == "Tunic")
        let small = await world.hostFields(.productVariation, filled.small, parent: filled.shirt)
        #expect(small?["description"] == "Small")
        #expect(await world.hostFields(.order, filled.order)?["status"] == "completed")
        #expect(await world.records.applied.count == applied + 4)
        // No shop filters customers by date; everything else is asked for by it.
        #expect(filters.withLock { $0["customers"] } == [false])
        #expect(filters.withLock { $0["orders"]?.contains(true) ?? false })
        #expect(filters.withLock { $0["products"]?.contains(true) ?? false })
        #expect(try await world.unfinished() == 0)
    }

    @Test func `a pull by hand brings what changed two seconds ago, and the next one does not bring it again`()
        async throws
    {
        let world = try await world()
        let filled = try fill(world)
        try await world.pull()
        for name in ["Tunic", "Kimono"] {
            try world.shop.edit("product", filled.shirt, in: Self.home, ["name": .string(name)])
            world.clock.advance(by: .seconds(2))
            try await world.process.coordinator.pull(world.integration.id)
            while try await world.process.sync().nextDue == .zero {}
            #expect(await world.hostFields(.product, filled.shirt)?["name"] == .text(name))
        }
        let applied = await world.records.applied.count
        try await world.pull()
        #expect(await world.records.applied.count == applied)
    }

    @Test func `a machine whose clock is a day slow reads what changed, and nothing twice`() async throws {
        let world = try await world()
        let filled = try fill(world)
        try await world.pull()
        try world.shop.edit("product", filled.shirt, in: Self.home, ["name": "Tunic"])
        world.clock.advance(by: .seconds(65))
        let slow = try await world.process(3, slow: 86_400)
        try await slow.coordinator.pull(world.integration.id, kinds: [.product])
        try await slow.settle(within: .seconds(30))
        #expect(await world.hostFields(.product, filled.shirt)?["name"] == "Tunic")
        let applied = await world.records.applied.count
        world.clock.advance(by: .seconds(65))
        try await slow.coordinator.pull(world.integration.id, kinds: [.product])
        try await slow.settle(within: .seconds(30))
        #expect(await world.records.applied.count == applied)
    }

    @Test func `a person confirms before a shop that was emptied empties the host`() async throws {
        let world = try await world()
        for number in 0..<20 {
            _ = try world.shop.create("product", in: Self.home, ["name": .string("Product \(number)")])
        }
        try await world.pull()
        #expect(await world.records.references.count == 20)
        for product in world.all("product") {
            try world.shop.trash("product", try #require(product["id"]?.int64), in: Self.home)
        }
        for sweep in [false, true] {
            try await world.pull(sweep: sweep)
            #expect(await world.records.references.count == 20)
        }
        let held = try await world.process.manager.heldChanges(of: world.integration.id)
        #expect(held.map(\.count) == [20])
        try await world.process.manager.confirm(try #require(held.first), of: world.integration.id)
        try await world.process.settle()
        #expect(await world.records.references.isEmpty)
    }

    @Test(arguments: ["product", "order"])
    func `what is trashed leaves the host, and what comes out of the trash is back`(kind: String) async throws {
        let world = try await world()
        let filled = try fill(world)
        try await world.pull()
        let (id, record): (Int64, RecordKind) =
            kind == "order" ? (filled.order, .order) : (filled.shirt, .product)
        for _ in 0..<2 {
            world.clock.advance(by: .seconds(120))
            try world.shop.trash(kind, id, in: Self.home)
            try await world.pull()
            #expect(await world.hostFields(record, id) == nil)
            world.clock.advance(by: .seconds(120))
            try world.shop.restore(kind, id, in: Self.home)
            try await world.pull()
            #expect(await world.hostFields(record, id) != nil)
        }
        #expect(try await world.unfinished() == 0)
    }

    @Test(arguments: ["customer", "product", "order"])
    func `no record hides while rows come and go between the pages`(kind: String) async throws {
        var options = EngineOptions()
        options.pageSize = 3
        let world = try await world(options)
        var ids: [Int64] = []
        for number in 0..<11 {
            let values: JSONObject = kind == "customer" ? ["email": .string("p\(number)@example.fr")] : [:]
            ids.append(try world.shop.create(kind, in: Self.home, values))
            world.clock.advance(by: .seconds(2))
        }
        let removed = [ids[0], ids[1], ids[4]]
        let pages = LockBox(0)
        world.shop.onStep { [shop = world.shop, ids] step in
            guard step.moment == .performed, step.request.method == .get,
                step.request.url.path.hasSuffix("/\(kind)s"),
                step.request.url.query?.contains("modified_after") == false
            else { return }
            let page = pages.withLock { pages in
                pages += 1
                return pages
            }
            switch page {
            case 1: try shop.erase(kind, ids[0], in: Self.home)
            case 2:
                try shop.erase(kind, ids[1], in: Self.home)
                try shop.erase(kind, ids[4], in: Self.home)
                try shop.create(kind, in: Self.home, kind == "customer" ? ["email": "late@example.fr"] : [:])
            default: break
            }
        }
        try await world.pull()
        world.shop.onStep(nil)
        let record: RecordKind = kind == "customer" ? .customer : kind == "order" ? .order : .product
        for id in ids where !removed.contains(id) {
            #expect(await world.hostFields(record, id) != nil, "\(id)")
        }
        // What was removed after it was read goes with the next comparison.
        try await world.pull(sweep: true)
        try await world.process.settle(within: .seconds(7200))
        for id in removed { #expect(await world.hostFields(record, id) == nil, "\(id)") }
        #expect(await world.records.references.count == 9)
        #expect(try await world.unfinished() == 0)
    }

    @Test func `what is deleted for good is missed by the comparison of all ids`() async throws {
        let world = try await world()
        let filled = try fill(world)
        try await world.pull()
        world.clock.advance(by: .seconds(120))
        try world.shop.erase("order", filled.order, in: Self.home)
        try world.shop.erase("customer", filled.ada, in: Self.home)
        try world.shop.erase("variation", filled.small, in: Self.home)
        try await world.pull(sweep: true)
        #expect(await world.hostFields(.order, filled.order) == nil)
        #expect(await world.hostFields(.customer, filled.ada) == nil)
        #expect(await world.hostFields(.productVariation, filled.small, parent: filled.shirt) == nil)
        #expect(await world.records.references.count == 2)
    }

    @Test(arguments: [nil, .lostAnswerBefore, .lostAnswerAfter] as [SimulatedWooCommerce.Fault?])
    func `what the host deletes goes into the trash where there is one, else for good`(
        fault: SimulatedWooCommerce.Fault?
    ) async throws {
        let world = try await world()
        try await world.tell(nil, world.burst)
        try await world.process.settle()
        if let fault { world.shop.fail(4, .init(method: .delete), with: fault) }
        try await world.tell(
            nil,
            [
                world.event("customer.deleted", "d1", of: "ada"), world.event("order.deleted", "d2", of: "o1"),
                world.event("variation.deleted", "d3", of: "mug-red"), world.event("product.deleted", "d4", of: "mug"),
            ]
        )
        try await world.process.settle(within: .seconds(3600))
        #expect(world.all("customer").isEmpty)
        for kind in ["order", "product", "variation"] {
            #expect(try world.one(kind)["status"] == "trash", "\(kind)")
        }
        let trashed = world.shop.history(of: Self.home).filter { $0.kind == .trashed }
        #expect(trashed.map(\.resource).sorted() == ["order", "product", "variation"])
        try await world.pull(sweep: true)
        #expect(try await world.unfinished() == 0)
        #expect(await world.records.references == [ShopWorld.reference("call", "call1")])
    }

    @Test func `both sides' edits of one product meet, and each side has both`() async throws {
        let world = try await world()
        try await world.tell(nil, world.burst)
        try await world.process.settle()
        let mug = try world.id(of: "product")
        world.clock.advance(by: .seconds(120))
        try world.shop.edit("product", mug, in: Self.home, ["description": "Made by hand"])
        try await world.tell(nil, [world.event(.productUpdated, "u1", of: "mug", ["price": 15])])
        try await world.pull()
        let record = await world.records.record(ShopWorld.reference("product", "mug"))
        #expect(record?.fields["description"] == "Made by hand")
        #expect(try world.one("product")["regular_price"] == "15")
        #expect(try world.one("product")["description"] == "Made by hand")
    }

    @Test func `an edit of one field makes a whole record anew where only pushes go and people deleted it`()
        async throws
    {
        let world = try await ShopWorld()
        try await world.tell(nil, world.burst)
        try await world.process.settle()
        let ada = try world.id(of: "customer")
        try world.shop.erase("customer", ada, in: Self.home)
        try await world.tell(nil, [world.event(.customerUpdated, "u1", of: "ada", ["first_name": "Adèle"])])
        try await world.process.settle()
        let anew = try world.one("customer")
        #expect(anew["email"] == "ada@example.fr" && anew["first_name"] == "Adèle")
        #expect(try await world.unfinished() == 0)
    }
}
