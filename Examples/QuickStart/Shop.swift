// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// The company's WooCommerce shop: customers, products and orders go there, and what people do there comes back.
struct Shop: Sendable {
    static let home = "https://boutique.atelier-durand.example"
    private static let webhooks = "https://hooks.atelier-durand.example/woocommerce"

    let world: World
    let shop: SimulatedWooCommerce
    let host: InMemoryHostRecords
    let store: JSONFileIntegrationStore
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let inbox: WebhookInbox

    init(in world: World) async throws {
        self.world = world
        let time = world.clock.timeSource
        if let saved = world.memory.shop {
            shop = try SimulatedWooCommerce(restoring: saved, time: time)
        } else {
            shop = SimulatedWooCommerce(seed: 7, time: time)
            shop.addShop(SimulatedWooCommerce.Shop(home: Shop.home))
        }
        host = try world.memory.shopCompany.map { try InMemoryHostRecords(restoring: $0) } ?? InMemoryHostRecords()
        store = try JSONFileIntegrationStore(
            directory: world.folder.appendingPathComponent(Memory.shopStore, isDirectory: true),
            time: time
        )
        manager = try await IntegrationManager(
            providers: [.wooCommerce],
            store: store,
            keyring: try Keyring(current: world.memory.masterKey),
            namespace: "quick-start-shop",
            transport: shop,
            middlewares: [world.recorder],
            time: time
        )
        coordinator = SyncCoordinator(manager, host: host)
        inbox = WebhookInbox(manager)
    }

    /// What the company tells its shop; in a later run all of it is known already.
    private var events: [DomainEvent] {
        func event(
            _ kind: EventKind,
            _ record: String,
            _ fields: [FieldName: FieldValue],
            _ related: [RelatedRecord] = []
        ) -> DomainEvent {
            DomainEvent(kind, id: "shop-\(record)", of: record, for: World.tenant, fields: fields, related: related)
        }
        let lines: JSONValue = [["sku": "BOL", "quantity": 2], ["sku": "TASSE-BLEU", "quantity": 1]]
        let size: JSONValue = [["name": "Couleur", "option": "Bleu"]]
        return [
            event(.customerUpdated, "c-1", ["email": "maelle@port.example", "last_name": "Le Goff"]),
            event(.productUpdated, "bol", ["name": "Bol", "sku": "BOL"]),
            event(.productUpdated, "tasse", ["name": "Tasse", "sku": "TASSE"]),
            event(
                "variation.updated",
                "bleu",
                ["sku": "TASSE-BLEU", "attributes": .json(size)],
                [
                    RelatedRecord("product", "tasse")
                ]
            ),
            event(
                .orderCreated,
                "o-1",
                ["email": "maelle@port.example", "items": .json(lines)],
                [
                    RelatedRecord("customer", "c-1")
                ]
            ),
            event(.callCompleted, "call-1", ["summary": "Livrer le matin."], [RelatedRecord("order", "o-1")]),
        ]
    }

    /// Tells the whole story, and returns its lines and what is wrong.
    func tell() async throws -> (lines: [String], faults: [String]) {
        let integration = try await connect()
        if world.memory.shopCompany == nil {
            for event in events { await host.edit(event.record, event.fields) }
        }
        // An order names its products by SKU, so the shop must know them first.
        let products = events.filter { ["product", "variation"].contains($0.record.kind) }
        try await coordinator.enqueue(products)
        try await settle()
        // The shop acts and its answer is lost: the order must not be made again.
        shop.fail(1, SimulatedWooCommerce.CallPattern(method: .post, path: "orders"), with: .lostAnswerAfter)
        try await coordinator.enqueue(events)
        try await settle()
        shop.stopFailing()
        let mail = try await letPeopleWork()
        try await coordinator.pull(integration.id)
        try await settle()

        let changes = await host.applied.count
        let (checks, faults) = try await verify(integration, changes)
        var lines = ["", "THE SHOP  \(Shop.home), a simulated WooCommerce"]
        lines.append(
            "  The host agreed that people are mailed; mails sent by the shop: \(shop.mails(of: Shop.home).count)."
        )
        lines.append("  \(mail), changes that came back: \(changes)")
        return (lines + checks.map { "  " + $0 } + faults.map { "  ! " + $0 }, faults)
    }

    private func connect() async throws -> Integration {
        if let integration = try await manager.integrations(of: World.tenant).first { return integration }
        let key = try shop.issueKey(in: Shop.home)
        var settings = SyncSettings(frequency: .manual, remoteDeletePolicy: .carryOut)
        settings.mayNotifyPeople = true  // A new customer or order mails a person.
        let integration = try await manager.connect(
            .wooCommerce,
            for: World.tenant,
            name: "Ma boutique",
            form: [
                "store_url": Shop.home, "consumer_key": key.consumerKey, "consumer_secret": key.consumerSecret,
            ],
            settings: settings
        )
        _ = try await manager.subscribe(integration.id, at: URL(string: Shop.webhooks))
        return integration
    }

    /// Lets a person rename a product and trash another one in the shop's pages, and receives the signed webhooks.
    private func letPeopleWork() async throws -> String {
        world.clock.advance(by: .seconds(120))
        _ = shop.takeDeliveries(in: Shop.home)  // What the shop tells of our own writes is not the point here.
        for product in shop.records("product", in: Shop.home) {
            guard let id = product["id"]?.int64 else { continue }
            if product["sku"]?.string == "BOL" {
                try shop.edit("product", id, in: Shop.home, ["name": .string("Bol, tirage \(world.memory.run)")])
            } else if product["sku"]?.string == "TASSE" {
                try shop.trash("product", id, in: Shop.home)
            }
        }
        world.clock.advance(by: .seconds(120))
        var accepted = 0
        let deliveries = shop.takeDeliveries(in: Shop.home)
        for delivery in deliveries { accepted += await inbox.receive(delivery, from: .wooCommerce).accepted }
        return "webhooks that came signed: \(deliveries.count), events taken: \(accepted)"
    }

    /// Compares with the shop's own history: each event had its effect once, and what people did came back.
    private func verify(_ integration: Integration, _ changes: Int) async throws -> ([String], [String]) {
        var faults: [String] = []
        let created = shop.history(of: Shop.home).filter { effect in
            if case .api = effect.source { effect.kind == .created } else { false }
        }
        for (resource, wanted) in [("customer", 1), ("product", 2), ("variation", 1), ("order", 1), ("note", 1)] {
            let count = created.filter { $0.resource == resource }.count
            if count != wanted { faults.append("\(count) of \(wanted) \(resource) records were created in the shop.") }
        }
        let lines = shop.records("order", in: Shop.home).first?["line_items"]?.array?.count ?? 0
        if lines != 2 { faults.append("The order has \(lines) of 2 product lines.") }
        let bowl = HostReference(tenant: World.tenant, kind: "product", id: "bol")
        if await host.record(bowl)?.fields["name"] != .text("Bol, tirage \(world.memory.run)") {
            faults.append("The product that was renamed in the shop did not come back.")
        }
        if await host.record(HostReference(tenant: World.tenant, kind: "product", id: "tasse")) != nil {
            faults.append("The product that was put into the shop's trash is still here.")
        }
        for letter in try await manager.deadLetters(of: integration.id, limit: 100) {
            faults.append("\(letter.event ?? ""): \(letter.reason.message)")
        }
        let counts = created.reduce(into: [String: Int]()) { $0[$1.resource, default: 0] += 1 }
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return (["created in the shop through us: \(words)"], faults)
    }

    private func settle() async throws {
        for _ in 0..<500 {
            guard let due = try await coordinator.syncOnce(until: .now + .seconds(60)).nextDue, due < .seconds(1800)
            else { return }
            world.clock.advance(by: max(due, .milliseconds(10)))
        }
        throw IntegrationError(.unavailable, "There was still work in the shop after 500 rounds.")
    }
}
