// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// The company's second platform: customers, products and orders go to its shop too, and what people do there comes
/// back.
extension World {
    static let shopAddress = "https://boutique.atelier-durand.example"
    private static let shopWebhooks = "https://hooks.atelier-durand.example/woocommerce"

    /// Connects the shop beside HubSpot; in a later run it is connected already.
    func connectShop() async throws -> Integration {
        let known = try await manager.integrations(of: World.tenant)
        if let integration = known.first(where: { $0.platform == .wooCommerce }) { return integration }
        let key = try shop.issueKey(in: World.shopAddress)
        var settings = SyncSettings(frequency: .manual, remoteDeletePolicy: .carryOut)
        settings.mayNotifyPeople = true  // A new customer or order mails a person.
        // Prospects are for HubSpot alone.
        let prospects: Set<EventKind> = [.prospectCreated, .prospectUpdated]
        settings.routes = WooCommerceProvider().descriptor.routes.filter { !prospects.contains($0.event) }
        let integration = try await manager.connect(
            .wooCommerce,
            for: World.tenant,
            name: "Ma boutique",
            form: [
                "store_url": World.shopAddress, "consumer_key": key.consumerKey,
                "consumer_secret": key.consumerSecret,
            ],
            settings: settings
        )
        // The company numbers and dates its orders itself.
        for var mapping in try await manager.mappings(of: integration.id) where mapping.hostKind == "order" {
            mapping.rules.removeAll { ["number", "ordered_at"].contains($0.host) }
            try await manager.setMapping(mapping, of: integration.id)
        }
        _ = try await manager.subscribe(integration.id, at: URL(string: World.shopWebhooks))
        return integration
    }

    /// Lets a person rename a product and put another one into the trash in the shop's pages.
    func letPeopleWorkInShop(_ deeds: inout Deeds) throws {
        clock.advance(by: .seconds(120))
        _ = shop.takeDeliveries(in: World.shopAddress)  // What the shop tells of our own writes is not the point here.
        for product in shop.records("product", in: World.shopAddress) {
            guard let id = product["id"]?.int64 else { continue }
            switch product["sku"]?.string {
            case "PRD-004":
                try shop.edit("product", id, in: World.shopAddress, ["name": .string(newName)])
                deeds.inShop.append("renamed the product prod-4: \(newName)")
            case "PRD-008":
                try shop.trash("product", id, in: World.shopAddress)
                deeds.inShop.append("put the product prod-8 into the trash")
            default: break
            }
        }
        clock.advance(by: .seconds(120))
    }

    private var newName: String { "Scie japonaise ryōba, tirage \(memory.run)" }

    /// Receives what the shop sent, signed.
    func receiveShopWebhooks(_ mail: inout Mail) async {
        for delivery in shop.takeDeliveries(in: World.shopAddress) {
            let receipt = await inbox.receive(delivery, from: .wooCommerce)
            mail.deliveries += 1
            mail.accepted += receipt.accepted
            mail.ignored += receipt.ignored
        }
    }

    /// Tells of what came back from the shop, as a host does for whatever its records go through: it goes to HubSpot,
    /// and not back to the shop.
    func passOnWhatTheShopChanged(since before: Int, _ shop: Integration) async throws {
        let changes = await host.applied.dropFirst(before).filter { $0.integration == shop.id }
        for change in changes {
            guard case .update = change.action, let record = change.host, record.kind == "product" else { continue }
            try await coordinator.enqueue(
                DomainEvent(
                    .productUpdated,
                    id: "from-shop-\(record.id)-\(memory.run)",
                    of: record.id,
                    for: World.tenant,
                    fields: change.fields,
                    occurredAt: clock.wall,
                    origin: DomainEvent.Origin(integration: shop.id, remote: change.remote)
                )
            )
        }
    }

    /// Compares with the shop's own history: each event had its effect once, and what people did came back.
    func verifyShop(_ integration: Integration, _ result: inout Verification) async throws {
        let created = shop.history(of: World.shopAddress).filter { effect in
            if case .api = effect.source { effect.kind == .created && effect.resource != "webhook" } else { false }
        }
        let counts = created.reduce(into: [String: Int]()) { $0[$1.resource, default: 0] += 1 }
        let partners = partners(in: integration).values.reduce(into: [String: Set<RemoteID>]()) {
            $0[$1.kind.rawValue, default: []].insert($1)
        }
        for (resource, kind) in [
            ("customer", "customer"), ("product", "product"), ("variation", "product-variation"), ("order", "order"),
            ("note", "note"),
        ] where counts[resource] ?? 0 != partners[kind]?.count ?? 0 {
            result.faults.append(
                "\(counts[resource] ?? 0) \(resource) records were created in the shop for \(partners[kind]?.count ?? 0)."
            )
        }
        if let saw = await host.record(HostReference(tenant: World.tenant, kind: "product", id: "prod-4")),
            saw.fields["name"] != .text(newName)
        {
            result.faults.append("The product that was renamed in the shop did not come back.")
        }
        if await host.record(HostReference(tenant: World.tenant, kind: "product", id: "prod-8")) != nil {
            result.faults.append("The product that was put into the shop's trash is still here.")
        }
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        result.checks.append("created in the shop through us, each once: \(words)")
        result.checks.append("\(shop.mails(of: World.shopAddress).count) mails left the shop, as the host agreed")
    }
}

/// Takes each call to the platform that it is meant for.
struct Platforms: HTTPTransport {
    var hubSpot: SimulatedHubSpot
    var shop: SimulatedWooCommerce

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        context.platform == .wooCommerce
            ? try await shop.send(request, context: context) : try await hubSpot.send(request, context: context)
    }
}
