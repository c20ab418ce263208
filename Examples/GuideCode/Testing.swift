// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

// snippet: lost-answer
/// A contact is made once, although the answer to its creation is lost.
func lostAnswer() async throws {
    let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    let hubSpot = SimulatedHubSpot(seed: 7, time: clock.timeSource)
    hubSpot.addAccount(SimulatedHubSpot.Account(portalID: 42))
    let manager = try await IntegrationManager(
        providers: [.hubSpot],
        store: InMemoryIntegrationStore(time: clock.timeSource),
        keyring: try Keyring(current: Data(repeating: 7, count: 32)),
        namespace: "tests",
        transport: hubSpot,
        time: clock.timeSource,
        random: SeededGenerator(seed: 7).randomSource
    )
    try await manager.connect(
        .hubSpot,
        for: "tenant-42",
        name: "HubSpot",
        form: ["access_token": hubSpot.issueToken(for: 42)],
        settings: SyncSettings(frequency: .manual)
    )
    let host = InMemoryHostRecords()
    let coordinator = SyncCoordinator(manager, host: host)

    hubSpot.fail(1, SimulatedHubSpot.CallPattern(method: .post, path: "contacts/batch"), with: .lostAnswerAfter)
    try await coordinator.enqueue(
        DomainEvent(.prospectCreated, id: "evt-1", of: "p-1", for: "tenant-42", fields: ["email": "zoe@example.fr"])
    )
    for _ in 0..<50 {
        let report = try await coordinator.syncOnce(until: .now + .seconds(60))
        guard let due = report.nextDue, due < .seconds(600) else { break }
        clock.advance(by: due)  // in place of waiting
    }

    assert(hubSpot.records("contact", in: 42).count == 1)
    assert(hubSpot.history(of: 42).filter { $0.objectType == "contact" && $0.kind == .created }.count == 1)
}
// end

func people(_ hubSpot: SimulatedHubSpot, _ inbox: WebhookInbox) async throws {
    // snippet: people
    let id = try hubSpot.create("contact", in: 42, ["email": "ada@example.fr"])
    try hubSpot.edit("contact", id, in: 42, ["jobtitle": "Présidente"])
    try hubSpot.archive("contact", id, in: 42)

    var options = SimulatedHubSpot.DeliveryOptions()
    options.isReordered = true
    options.duplicates = 0.3
    for delivery in hubSpot.takeDeliveries(options) {
        let receipt = await inbox.receive(delivery, from: .hubSpot)
        assert(receipt.error == nil)
    }
    // end
}

func served(_ hubSpot: SimulatedHubSpot) async throws {
    // snippet: loopback
    let server = LoopbackServer(serving: hubSpot, rewriting: URL(string: "https://api.hubapi.com"))
    let address = try await server.start()  // such as http://127.0.0.1:49152
    defer { server.stop() }
    print("Point any client at \(address)")
    // end
}

func shop() async throws {
    // snippet: shop
    let home = "https://shop.example"
    let platform = SimulatedWooCommerce(seed: 7)
    var shop = SimulatedWooCommerce.Shop(home: home)
    shop.version = "9.9.5"
    shop.stripsAuthorization = true
    platform.addShop(shop)
    let key = try platform.issueKey(in: home)
    print("Sign in with \(key.consumerKey)")

    let id = try platform.create("customer", in: home, ["email": "ada@example.fr"])
    try platform.edit("customer", id, in: home, ["last_name": "Lovelace"])
    assert(platform.mails(of: home).map(\.kind) == [.newAccount])
    // end
}

func stores() async throws {
    // snippet: store-rules
    for rule in StoreRule.all {
        try await rule.check { InMemoryIntegrationStore(time: $0) }
    }
    // end
}
