// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct WebhookTests {
    /// A world with one linked contact, whose deliveries so far are taken away, and its store.
    private func linked(_ settings: SyncSettings = World.contacts()) async throws -> (World, CrashingStore, String) {
        let store = LockBox<CrashingStore?>(nil)
        let world = try await World(
            settings: settings,
            over: { inner in
                let counting = CrashingStore(inner)
                store.withLock { $0 = counting }
                return counting
            }
        )
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(30))
        _ = world.platform.takeDeliveries()
        return (world, try #require(store.withLock { $0 }), try #require(world.contacts().first).id)
    }

    private func delivery(_ world: World, _ id: String, name: String = "Adèle") throws -> HTTPRequest {
        try world.person(edits: id, ["firstname": name])
        return try #require(world.platform.takeDeliveries().first)
    }

    @Test func aGenuineDeliveryBringsTheChangeAtOnce() async throws {
        let (world, _, id) = try await linked()
        let receipt = await WebhookInbox(world.manager).receive(try delivery(world, id), from: .hubSpot)
        #expect(receipt.error == nil && receipt.accepted == 1 && receipt.response.status == 200)
        let searches = world.platform.calls.filter { $0.path.hasSuffix("/search") }.count
        _ = try await world.sync()
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Adèle")
        #expect(world.platform.calls.filter { $0.path.hasSuffix("/search") }.count == searches)
    }

    enum Forgery: CaseIterable, Sendable { case body, signature, unsigned, old, elsewhere }

    @Test(arguments: Forgery.allCases)
    func aForgedDeliveryLeavesNoTrace(forgery: Forgery) async throws {
        let (world, store, id) = try await linked()
        var request = try delivery(world, id)
        switch forgery {
        case .body: request.body = (request.body ?? Data()) + Data(" ".utf8)
        case .signature: request.headers["X-HubSpot-Signature-v3"] = Data(repeating: 1, count: 32).base64EncodedString()
        case .unsigned:
            request.headers["X-HubSpot-Signature-v3"] = nil
            request.headers["X-HubSpot-Signature"] = nil
        case .old: world.clock.advance(by: .seconds(301))
        case .elsewhere: request.url = try #require(URL(string: "https://hooks.example.com/hubspot"))
        }
        let (commits, reads) = (store.commits, store.reads)
        let receipt = await WebhookInbox(world.manager).receive(request, from: .hubSpot)
        #expect(receipt.error?.code == .deliveryRejected)
        #expect(receipt.accepted == 0 && receipt.response.status != 200)
        #expect(store.commits == commits && store.reads == reads)
        #expect(world.observer.count(.webhookRejected) == 1)
    }

    @Test func duplicatesAndReorderingChangeNothing() async throws {
        let (world, _, id) = try await linked()
        for name in ["B", "C", "D"] { try world.person(edits: id, ["firstname": name]) }
        var options = SimulatedHubSpot.DeliveryOptions()
        options.batchSize = 1
        options.isReordered = true
        let deliveries = world.platform.takeDeliveries(options)
        let inbox = WebhookInbox(world.manager)
        var accepted = 0
        for delivery in deliveries + deliveries.compactMap(world.platform.redelivery) {
            let receipt = await inbox.receive(delivery, from: .hubSpot)
            #expect(receipt.response.status == 200)
            accepted += receipt.accepted
        }
        #expect(accepted == 3)
        _ = try await world.sync()
        #expect(await world.records.applied.compactMap { $0.fields["first_name"] } == ["D"])
    }

    @Test func aDeliveryOfManyAccountsReachesEachItsOwn() async throws {
        let (world, _, id) = try await linked()
        var other = SimulatedHubSpot.Account(portalID: 77)
        other.limits = .none
        world.platform.addAccount(other)
        world.platform.addAccount(SimulatedHubSpot.Account(portalID: 99))
        let theirs = try await world.manager.connect(
            .hubSpot,
            for: "tenant-77",
            name: "Theirs",
            form: ["access_token": world.platform.issueToken(for: 77)],
            settings: World.contacts()
        )
        try await world.settle(within: .seconds(30))
        _ = world.platform.takeDeliveries()
        try world.person(edits: id, ["firstname": "Mine"])
        let foreign = try world.platform.create("contacts", in: 77, ["email": "t@example.fr", "firstname": "Their"])
        try world.platform.create("contacts", in: 99, ["email": "n@example.fr", "firstname": "Nobody"])
        let deliveries = world.platform.takeDeliveries()
        #expect(deliveries.count == 1)
        var ignored = 0
        for delivery in deliveries {
            let receipt = await WebhookInbox(world.manager).receive(delivery, from: .hubSpot)
            #expect(receipt.response.status == 200)
            ignored += receipt.ignored
        }
        #expect(ignored >= 1)
        _ = try await world.sync()
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Mine")
        let partner = await world.records.partner(of: RemoteID(.contact, foreign), in: theirs.id)
        #expect(partner?.tenant == "tenant-77")
        #expect(await world.records.references.count == 2)
    }

    @Test func aDisabledIntegrationTakesNone() async throws {
        let (world, _, id) = try await linked()
        let request = try delivery(world, id)
        try await world.manager.disable(world.integration.id)
        let receipt = await WebhookInbox(world.manager).receive(request, from: .hubSpot)
        #expect(receipt.accepted == 0 && receipt.ignored == 1 && receipt.response.status == 200)
    }

    @Test func tenThousandHintsOfOneRecordAreTwoReadsAtMost() async throws {
        let (world, store, id) = try await linked()
        for number in 0..<10_000 { try world.person(edits: id, ["firstname": "N\(number % 7)x\(number)"]) }
        let inbox = WebhookInbox(world.manager)
        let commits = store.commits
        for delivery in world.platform.takeDeliveries() { _ = await inbox.receive(delivery, from: .hubSpot) }
        #expect(store.commits - commits <= 100)
        let reads = world.platform.calls.filter { $0.path.hasSuffix("/batch/read") }.count
        _ = try await world.sync()
        #expect(world.platform.calls.filter { $0.path.hasSuffix("/batch/read") }.count - reads <= 2)
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == .text("N\(9999 % 7)x9999"))
        #expect(await world.records.applied.count <= 2)
    }

    @Test func aDeletionWebhookAloneDeletesNothing() async throws {
        let (world, _, id) = try await linked(World.contacts { $0.remoteDeletePolicy = .carryOut })
        try world.platform.archive("contacts", id, in: World.portal)
        let deliveries = world.platform.takeDeliveries()
        try world.platform.restore("contacts", id, in: World.portal)
        _ = world.platform.takeDeliveries()
        for delivery in deliveries { _ = await WebhookInbox(world.manager).receive(delivery, from: .hubSpot) }
        _ = try await world.sync()
        #expect(await world.records.record(World.prospect("p1")) != nil)
        try world.platform.archive("contacts", id, in: World.portal)
        for delivery in world.platform.takeDeliveries() {
            _ = await WebhookInbox(world.manager).receive(delivery, from: .hubSpot)
        }
        _ = try await world.sync()
        #expect(await world.records.record(World.prospect("p1")) == nil)
    }

    @Test func aPrivacyDeletionReachesTheHost() async throws {
        let (world, _, id) = try await linked()
        try world.platform.erase("contacts", id, in: World.portal)
        let stranger = try world.person(creates: "grace@example.fr")
        try world.platform.erase("contacts", stranger, in: World.portal)
        var notices: [WebhookInbox.PrivacyNotice] = []
        for delivery in world.platform.takeDeliveries() {
            notices += await WebhookInbox(world.manager).receive(delivery, from: .hubSpot).privacy
        }
        #expect(notices.contains { $0.record == World.prospect("p1") && $0.request.action == .erase })
        try await world.settle(within: .seconds(30))
        #expect(
            await world.records.privacyRequests.map(\.record?.value).sorted { $0 ?? "" < $1 ?? "" }
                == [id, stranger].sorted()
        )
        #expect(await world.records.record(World.prospect("p1")) == nil)
    }
}
