// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// One process of the host: its connections, its coordinator, and what it told.
struct ShopProcess {
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let observer: RecordingObserver
    let clock: ManualClock

    func sync() async throws -> SyncReport {
        try await coordinator.syncOnce(until: .now + .seconds(60))
    }

    /// Works, and lets time pass, until nothing is due within the span.
    func settle(within span: Duration = .seconds(600)) async throws {
        var passed = Duration.zero
        for _ in 0..<2000 {
            let report = try await sync()
            guard let due = report.nextDue, passed + due <= span else { return }
            let step = max(due, .milliseconds(10))
            clock.advance(by: step)
            passed += step
        }
        Issue.record("There is work without end.")
    }
}

/// A host, a simulated shop and the engine between them, all on one manual clock.
struct ShopWorld {
    let clock: ManualClock
    let shop: SimulatedWooCommerce
    let store: InMemoryIntegrationStore
    let records: InMemoryHostRecords
    let integration: Integration
    /// The process that connected the shop.
    let process: ShopProcess
    private let told: LockBox<Set<String>>
    static let home = "https://shop.example"
    static let tenant = "tenant-42"

    /// Connects a shop; it only pushes unless the settings say otherwise.
    init(
        options: EngineOptions = EngineOptions(),
        settings choose: (inout SyncSettings) -> Void = { _ in },
        shop change: (inout SimulatedWooCommerce.Shop) -> Void = { _ in }
    ) async throws {
        told = LockBox([])
        clock = ManualClock(skippingSleepsUpTo: .seconds(5))
        shop = SimulatedWooCommerce(time: clock.timeSource)
        var opened = SimulatedWooCommerce.Shop(home: ShopWorld.home)
        change(&opened)
        shop.addShop(opened)
        let key = try shop.issueKey(in: ShopWorld.home)
        store = InMemoryIntegrationStore(time: clock.timeSource)
        records = InMemoryHostRecords()
        process = try await ShopWorld.process(1, clock, shop, records, store, keys: store, options)
        var settings = SyncSettings(direction: .push, frequency: .manual, mayNotifyPeople: true)
        choose(&settings)
        integration = try await process.manager.connect(
            .wooCommerce,
            for: ShopWorld.tenant,
            name: "Ma boutique",
            form: [
                "store_url": ShopWorld.home, "consumer_key": key.consumerKey, "consumer_secret": key.consumerSecret,
            ],
            settings: settings
        )
    }

    /// A copy of everything but the processes, as the death of all of them at this moment leaves it.
    ///
    /// The shop is copied before the store and must not have changed until after: what the store knows of is there.
    init(ending world: ShopWorld, seed: UInt64) async throws {
        let elapsed = world.clock.now.offset
        clock = ManualClock(
            wall: world.clock.wall.addingTimeInterval(-Double(elapsed / .seconds(1))),
            skippingSleepsUpTo: .seconds(5)
        )
        clock.advance(by: elapsed)
        var shop = world.shop
        var store = world.store
        repeat {
            shop = world.shop.copy(seed: seed, time: clock.timeSource)
            store = await world.store.copy(time: clock.timeSource)
        } while world.shop.history(of: ShopWorld.home) != shop.history(of: ShopWorld.home)
        self.shop = shop
        self.store = store
        records = try InMemoryHostRecords(restoring: await world.records.saved())
        told = LockBox(world.told.withLock { $0 })
        integration = world.integration
        process = try await ShopWorld.process(seed, clock, shop, records, store, keys: store, EngineOptions())
    }

    /// Starts another process of the host; on another store if one is given, which must stand over the world's own.
    ///
    /// Its machine's wall clock may be slow.
    func process(
        _ seed: UInt64 = 2,
        over store: (any IntegrationStore)? = nil,
        slow: TimeInterval = 0
    ) async throws -> ShopProcess {
        try await ShopWorld.process(
            seed,
            clock,
            shop,
            records,
            store ?? self.store,
            keys: self.store,
            EngineOptions(),
            time: TimeSource(clock: clock, now: { [clock] in clock.wall.addingTimeInterval(-slow) })
        )
    }

    private static func process(
        _ seed: UInt64,
        _ clock: ManualClock,
        _ shop: SimulatedWooCommerce,
        _ records: InMemoryHostRecords,
        _ store: any IntegrationStore,
        keys: InMemoryIntegrationStore,
        _ options: EngineOptions,
        time: TimeSource? = nil
    ) async throws -> ShopProcess {
        let observer = RecordingObserver()
        let manager = try await IntegrationManager(
            providers: [.wooCommerce],
            store: store,
            tenantKeys: keys,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: shop,
            observers: [observer],
            options: options,
            time: time ?? clock.timeSource,
            random: IntegrationKitTesting.SeededGenerator(seed: seed).randomSource
        )
        let coordinator = SyncCoordinator(manager, host: records)
        return ShopProcess(manager: manager, coordinator: coordinator, observer: observer, clock: clock)
    }

    // MARK: The host

    func event(
        _ kind: EventKind,
        _ id: String,
        of record: String,
        _ fields: [FieldName: FieldValue] = [:],
        related: [RelatedRecord] = []
    ) -> DomainEvent {
        DomainEvent(
            kind,
            id: id,
            of: record,
            for: ShopWorld.tenant,
            fields: fields,
            related: related,
            occurredAt: clock.wall
        )
    }

    /// Changes the host's records as events tell, and enqueues them; told again, they are only enqueued again.
    func tell(_ process: ShopProcess? = nil, _ events: [DomainEvent]) async throws {
        for event in events where told.withLock({ $0.insert(event.id).inserted }) {
            if event.kind.rawValue.hasSuffix(".deleted") {
                await records.delete(event.record)
            } else {
                await records.edit(event.record, event.fields)
            }
        }
        try await (process ?? self.process).coordinator.enqueue(events)
    }

    static func reference(_ kind: String, _ id: String) -> HostReference {
        HostReference(tenant: tenant, kind: kind, id: id)
    }

    /// What the host knows of its record that is the partner of one of the shop's; nil: it has none.
    func hostFields(_ kind: RecordKind, _ id: Int64, parent: Int64? = nil) async -> [FieldName: FieldValue]? {
        let remote = RemoteID(kind, String(id), parent: parent.map(String.init))
        guard let partner = await records.partner(of: remote, in: integration.id) else { return nil }
        return await records.record(partner)?.fields
    }

    /// Reads what changed in the shop, or compares all of it, and works until nothing is due soon.
    ///
    /// A minute passes first: only then are the dates of what people did final.
    func pull(sweep: Bool = false) async throws {
        clock.advance(by: .seconds(65))
        try await process.coordinator.pull(integration.id, sweep: sweep)
        try await process.settle(within: .seconds(90))
    }

    func deadLetters() async throws -> [DeadLetter] {
        try await process.manager.deadLetters(of: integration.id)
    }

    /// How many jobs wait, are under way or stopped.
    func unfinished() async throws -> Int {
        let statistics = try await process.manager.statistics(of: integration.id)
        return statistics.queued + statistics.sent + statistics.blocked
    }

    // MARK: The shop

    /// What the API made of a kind, in order; what the shop notes by itself is left out.
    func made(_ kind: String) -> [JSONValue] {
        shop.history(of: ShopWorld.home).filter { effect in
            guard case .api = effect.source, effect.kind == .created, effect.resource == kind else { return false }
            return kind != "note" || effect.record["author"]?.string != "WooCommerce"
        }.map(\.record)
    }

    func all(_ kind: String, includesTrash: Bool = false) -> [JSONValue] {
        shop.records(kind, in: ShopWorld.home, includesTrash: includesTrash)
    }

    /// The one record of a kind, in the trash or not.
    func one(_ kind: String) throws -> JSONValue {
        let found = all(kind, includesTrash: true)
        try #require(found.count == 1, "\(kind): \(found.count)")
        return found[0]
    }

    func id(of kind: String) throws -> Int64 { try #require(try one(kind)["id"]?.int64) }

    func mails(_ kind: SimulatedWooCommerce.Mail.Kind) -> [String] {
        shop.mails(of: ShopWorld.home).filter { $0.kind == kind }.map(\.recipient)
    }

    /// How often the shop was asked with a method, at a path that ends so.
    func calls(_ method: String, _ path: String) -> Int {
        shop.calls.filter { $0.endpoint.hasPrefix(method + " ") && $0.path.hasSuffix(path) }.count
    }
}

extension ShopWorld {
    /// A customer, a product with a variation beside it, an order of both and a call about it, all of one moment.
    var burst: [DomainEvent] {
        [
            event(.customerUpdated, "e1", of: "ada", ["email": "ada@example.fr", "first_name": "Ada"]),
            event(.productUpdated, "e2", of: "mug", ["name": "Mug", "sku": "MUG-1", "price": 12]),
            event(
                "variation.updated",
                "e3",
                of: "mug-red",
                ["sku": "MUG-R", "price": 13],
                related: [RelatedRecord("product", "mug")]
            ),
            order("e4", of: "o1", ["MUG-1", "MUG-R"]),
            event(
                .callCompleted,
                "e5",
                of: "call1",
                ["summary": "Parlé du prix"],
                related: [RelatedRecord("order", "o1")]
            ),
        ]
    }

    static let kinds = ["customer", "product", "variation", "order", "note"]

    /// An order of Ada's, one piece of each SKU.
    func order(_ id: String, of record: String, _ skus: [String]) -> DomainEvent {
        let lines = skus.map { sku -> JSONValue in ["sku": .string(sku), "quantity": 1] }
        return event(
            .orderCreated,
            id,
            of: record,
            ["items": .json(.array(lines)), "email": "ada@example.fr"],
            related: [RelatedRecord("customer", "ada")]
        )
    }

    /// Checks that what a burst tells of stands in the shop once, and belongs together.
    func expectBurst(_ comment: Comment) async throws {
        for kind in ShopWorld.kinds { #expect(made(kind).count == 1, "\(kind), \(comment)") }
        #expect(mails(.newAccount) == ["ada@example.fr"], comment)
        let order = try one("order")
        #expect(try order["customer_id"]?.int64 == id(of: "customer"), comment)
        let lines = order["line_items"]?.array ?? []
        #expect(try lines.map { $0["product_id"]?.int64 } == [id(of: "product"), id(of: "product")], comment)
        #expect(try lines.map { $0["variation_id"]?.int64 } == [0, id(of: "variation")], comment)
        let notes = all("note").filter { $0["author"]?.string != "WooCommerce" }
        #expect(notes.count == 1 && notes[0]["note"]?.string?.hasPrefix("Parlé du prix") == true, comment)
        #expect(notes[0]["customer_note"] == false, comment)
        #expect(try await unfinished() == 0, comment)
    }
}
