// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// All sides: a company with its own records, and a HubSpot and a shop in memory with people who work in them.
struct World: Sendable {
    static let tenant = "atelier-durand"
    static let portal: Int64 = 147_893_286
    static let webhookAddress = "https://hooks.atelier-durand.example/hubspot"
    private static let clientSecret = "a-secret-that-only-hubspot-and-we-know"

    let clock: ManualClock
    let folder: URL
    let memory: Memory
    let hubSpot: SimulatedHubSpot
    let shop: SimulatedWooCommerce
    let host: InMemoryHostRecords
    let store: JSONFileIntegrationStore
    let observer = RecordingObserver()
    let recorder: HTTPArchiveRecorder
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let inbox: WebhookInbox

    init(in folder: URL, isFresh: Bool) async throws {
        self.folder = folder
        memory = try Memory.open(folder, isFresh: isFresh)
        // Short waits inside a call pass by themselves.
        clock = ManualClock(wall: memory.date, skippingSleepsUpTo: .seconds(12))
        if let saved = memory.hubSpot {
            hubSpot = try SimulatedHubSpot(restoring: saved, time: clock.timeSource)
        } else {
            hubSpot = SimulatedHubSpot(seed: 7, time: clock.timeSource)
            World.furnish(hubSpot)
        }
        if let saved = memory.shop {
            shop = try SimulatedWooCommerce(restoring: saved, time: clock.timeSource)
        } else {
            shop = SimulatedWooCommerce(seed: 7, time: clock.timeSource)
            shop.addShop(SimulatedWooCommerce.Shop(home: World.shopAddress))
        }
        host = try memory.company.map { try InMemoryHostRecords(restoring: $0) } ?? InMemoryHostRecords()
        store = try JSONFileIntegrationStore(
            directory: folder.appendingPathComponent(Memory.store, isDirectory: true),
            time: clock.timeSource
        )
        recorder = HTTPArchiveRecorder(maximumEntries: 10_000, time: clock.timeSource)
        let application = ApplicationCredentials(
            clientID: "11111111-2222-3333-4444-555555555555",
            secrets: [Secret(World.clientSecret)],
            redirectURL: URL(filePath: "/")
        )
        manager = try await IntegrationManager(
            providers: [.hubSpot, .wooCommerce],
            store: store,
            keyring: try Keyring(current: memory.masterKey),
            namespace: "quick-start",
            applications: [.hubSpot: [application]],
            transport: Platforms(hubSpot: hubSpot, shop: shop),
            middlewares: [recorder],
            observers: [observer],
            time: clock.timeSource
        )
        coordinator = SyncCoordinator(manager, host: host)
        inbox = WebhookInbox(manager)
    }

    /// Opens the company's account in HubSpot: searches lag, webhooks are subscribed, and somebody typed in contacts.
    private static func furnish(_ hubSpot: SimulatedHubSpot) {
        var account = SimulatedHubSpot.Account(
            portalID: portal,
            name: "Atelier Durand",
            timeZone: "Europe/Paris",
            currency: "EUR"
        )
        account.searchLag = .seconds(1) ... .seconds(8)
        hubSpot.addAccount(account)
        hubSpot.configureApp { app in
            app.clientSecret = clientSecret
            app.targetURL = webhookAddress
            app.subscriptions = [
                SimulatedHubSpot.Subscription("contact.creation", id: 1),
                SimulatedHubSpot.Subscription("contact.propertyChange", propertyName: "jobtitle", id: 2),
                SimulatedHubSpot.Subscription("contact.deletion", id: 3),
                SimulatedHubSpot.Subscription("contact.merge", id: 4),
                SimulatedHubSpot.Subscription("deal.propertyChange", propertyName: "dealstage", id: 5),
            ]
        }
    }

    /// Works on all integrations until nothing is due for half an hour, moving the clock in place of waiting.
    ///
    /// - Returns: What happened, of all rounds together.
    func settle() async throws -> Work {
        var work = Work()
        for _ in 0..<500 {
            let report = try await coordinator.syncOnce(until: .now + .seconds(60))
            work.add(report)
            guard let due = report.nextDue, due < .seconds(1800) else { return work }
            clock.advance(by: max(due, .milliseconds(10)))
        }
        throw IntegrationError(.unavailable, "There was still work after 500 rounds.")
    }
}

/// What several rounds of work did.
struct Work: Sendable {
    /// How often each thing happened, by the integration's name and the kind.
    var counts: [String: [RecordKind: [IntegrationEvent.Kind: Int]]] = [:]
    var calls = 0
    var problems: [IntegrationError] = []

    mutating func add(_ report: SyncReport) {
        for line in report.lines {
            counts[line.name, default: [:]][line.kind, default: [:]].merge(line.counts, uniquingKeysWith: +)
        }
        calls += report.calls.values.reduce(0, +)
        for problem in report.problems where !problems.contains(problem) { problems.append(problem) }
    }

    func count(_ kind: IntegrationEvent.Kind) -> Int {
        counts.values.flatMap(\.values).reduce(0) { $0 + ($1[kind] ?? 0) }
    }
}
