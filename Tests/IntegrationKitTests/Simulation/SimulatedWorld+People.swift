// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting

@testable import IntegrationKit

/// What people do on the platforms, and what the platforms tell of it.
extension SimulatedWorld {
    func actAsPerson(_ step: Step) {
        // The platform's own rules refuse some of what people try.
        try? actOnPlatform(step)
    }

    private func place(_ tenant: Int, _ place: Int, of type: String = "contacts", archived: Bool = false) -> String? {
        let all = platform.records(type, in: tenants[tenant].portal, includesArchived: archived)
        let ids = all.filter { $0.isArchived == archived }.map(\.id)
        return ids.isEmpty ? nil : ids[place % ids.count]
    }

    private func actOnPlatform(_ step: Step) throws {
        switch step {
        case .personCreates(let tenant, let n):
            let mark = Mark(.person, tenant, "x", number(n))
            var values = ["email": mark.address, "firstname": mark.text, "city": mark.text]
            // By it the record is known on the other platform.
            if tenants[tenant].home != nil { values["lastname"] = mark.text }
            try platform.create("contacts", in: tenants[tenant].portal, values)
        case .personEdits(let tenant, let place, let mask, let n):
            guard let id = self.place(tenant, place) else { return }
            let mark = Mark(.person, tenant, "x", number(n))
            var values = Dictionary(uniqueKeysWithValues: mask.names.map { ($0.remote, mark.text) })
            if mask.contains(.email) { values["email"] = mark.address }
            try platform.edit("contacts", id, in: tenants[tenant].portal, values)
        case .personClears(let tenant, let place, let mask):
            guard let id = self.place(tenant, place) else { return }
            let values = Dictionary(uniqueKeysWithValues: mask.names.map { ($0.remote, "") })
            try platform.edit("contacts", id, in: tenants[tenant].portal, values)
        case .personArchives(let tenant, let place):
            guard let id = self.place(tenant, place) else { return }
            try platform.archive("contacts", id, in: tenants[tenant].portal)
        case .personRestores(let tenant, let place):
            guard let id = self.place(tenant, place, archived: true) else { return }
            try platform.restore("contacts", id, in: tenants[tenant].portal)
        case .personErases(let tenant, let place):
            guard let id = self.place(tenant, place) else { return }
            try platform.erase("contacts", id, in: tenants[tenant].portal)
        case .personMerges(let tenant, let place, let into):
            guard let loser = self.place(tenant, place), let winner = self.place(tenant, into), loser != winner
            else { return }
            try platform.merge("contacts", loser, into: winner, in: tenants[tenant].portal)
        case .personEditsDeal(let tenant, let place, let n):
            guard let id = self.place(tenant, place, of: "deals") else { return }
            let mark = Mark(.person, tenant, "x", number(n))
            try platform.edit("deals", id, in: tenants[tenant].portal, ["dealname": mark.text])
        default: break
        }
    }

    // MARK: - People in the shop

    func actInShop(_ step: Step) throws {
        switch step {
        case .shopperCreates(let tenant, let n):
            guard let home = tenants[tenant].home else { return }
            let mark = Mark(.shopper, tenant, "x", number(n))
            try shop.create(
                "customer",
                in: home,
                [
                    "email": .string(mark.address), "first_name": .string(mark.text), "last_name": .string(mark.text),
                    "billing": ["city": .string(mark.text)],
                ]
            )
        case .shopperEdits(let tenant, let place, let mask, let n):
            let mark = Mark(.shopper, tenant, "x", number(n))
            try edit(tenant, place, mask, mark.text, address: mark.address)
        case .shopperClears(let tenant, let place, let mask): try edit(tenant, place, mask, "", address: "")
        case .shopperErases(let tenant, let place):
            guard let (home, id) = find("customer", tenant, place) else { return }
            try shop.erase("customer", id, in: home)
        case .shopperCreatesProduct(let tenant, let n):
            guard let home = tenants[tenant].home else { return }
            try shop.create("product", in: home, ["name": .string(Mark(.shopper, tenant, "x", number(n)).text)])
        case .shopperEditsProduct(let tenant, let place, let n):
            guard let (home, id) = find("product", tenant, place) else { return }
            let mark = Mark(.shopper, tenant, "x", number(n))
            try shop.edit("product", id, in: home, ["name": .string(mark.text)])
        case .shopperTrashes(let tenant, let place, let isOrder):
            guard let (home, id) = find(isOrder ? "order" : "product", tenant, place) else { return }
            try shop.trash(isOrder ? "order" : "product", id, in: home)
        case .shopperRestores(let tenant, let place, let isOrder):
            guard let (home, id) = find(isOrder ? "order" : "product", tenant, place, isTrashed: true) else { return }
            try shop.restore(isOrder ? "order" : "product", id, in: home)
        default: break
        }
    }

    private func find(_ kind: String, _ tenant: Int, _ place: Int, isTrashed: Bool = false) -> (
        home: String, id: Int64
    )? {
        guard let home = tenants[tenant].home else { return nil }
        let all = shop.records(kind, in: home, includesTrash: isTrashed)
        let ids = all.filter { ($0["status"] == "trash") == isTrashed }.compactMap { $0["id"]?.int64 }
        return ids.isEmpty ? nil : (home, ids[place % ids.count])
    }

    private func edit(_ tenant: Int, _ place: Int, _ mask: Fields, _ text: String, address: String) throws {
        guard let (home, id) = find("customer", tenant, place) else { return }
        var values: JSONObject = [:]
        if mask.contains(.firstName) { values["first_name"] = .string(text) }
        if mask.contains(.city) { values["billing"] = ["city": .string(text)] }
        if mask.contains(.email) { values["email"] = .string(address) }
        try shop.edit("customer", id, in: home, values)
    }

    // MARK: - Webhooks

    func deliverWebhooks(_ number: Int, isReordered: Bool, isDoubled: Bool) async {
        guard let process = try? await living(number) else { return }
        var options = SimulatedHubSpot.DeliveryOptions()
        options.isReordered = isReordered
        options.duplicates = isDoubled ? 0.5 : 0
        options.batchSize = 3
        var deliveries = platform.takeDeliveries(options)
        if isReordered { deliveries.reverse() }
        for delivery in deliveries {
            let receipt = await process.inbox.receive(delivery, from: .hubSpot)
            // The platform delivers again what was not answered well.
            if receipt.error != nil, let again = platform.redelivery(of: delivery) {
                _ = await process.inbox.receive(again, from: .hubSpot)
            }
            if isDoubled { _ = await process.inbox.receive(delivery, from: .hubSpot) }
        }
        for home in tenants.compactMap(\.home) {
            var deliveries = shop.takeDeliveries(in: home)
            if isReordered { deliveries.reverse() }
            for delivery in deliveries {
                for _ in 0..<(isDoubled ? 2 : 1) { _ = await process.inbox.receive(delivery, from: .wooCommerce) }
            }
        }
    }

    func forgeWebhook(_ number: Int) async {
        guard let process = try? await living(number) else { return }
        platform.configureApp { $0.clientSecret = "somebody else's" }
        let forged = platform.takeDeliveries()
        platform.configureApp { $0.clientSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy" }
        for delivery in forged { await expectRefusal(of: delivery, from: .hubSpot, process) }
        for home in tenants.compactMap(\.home) {
            for var delivery in shop.takeDeliveries(in: home) where delivery.headers["X-WC-Webhook-Signature"] != nil {
                delivery.body?.append(0x20)
                await expectRefusal(of: delivery, from: .wooCommerce, process)
            }
        }
    }

    private func expectRefusal(
        of delivery: HTTPRequest,
        from platform: PlatformID,
        _ process: SimulatedProcess
    ) async {
        let before = await store.count(matching: RowQuery("lane"), upTo: 100_000)
        let receipt = await process.inbox.receive(delivery, from: platform)
        let after = await store.count(matching: RowQuery("lane"), upTo: 100_000)
        evidence.expect(receipt.error != nil && before == after, .noForgery, "\(receipt)")
    }
}
