// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// How many calls 1,000 writes of people take on the simulated platforms, once their records are known.
enum CallsBenchmark {
    private struct Counter: HTTPMiddleware {
        let calls = Tally()

        func intercept(_ request: HTTPRequest, context: OperationContext, next: HTTPNext) async throws -> HTTPResponse {
            await calls.add(1, to: "\(request.method.rawValue) \(request.url.path)")
            return try await next(request, context)
        }
    }

    static func run(_ meter: Meter) async throws {
        let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
        let crm = SimulatedHubSpot(seed: 1, time: clock.timeSource)
        crm.addAccount(SimulatedHubSpot.Account(portalID: 42))
        try await run(meter, clock, .hubSpot, crm, ["access_token": crm.issueToken(for: 42)])
        let shop = SimulatedWooCommerce(time: clock.timeSource)
        let home = "https://shop.example"
        shop.addShop(SimulatedWooCommerce.Shop(home: home))
        let key = try shop.issueKey(in: home)
        let form = ["store_url": home, "consumer_key": key.consumerKey, "consumer_secret": key.consumerSecret]
        try await run(meter, clock, .wooCommerce, shop, form)
    }

    private static func run(
        _ meter: Meter,
        _ clock: ManualClock,
        _ platform: PlatformID,
        _ transport: any HTTPTransport,
        _ form: [String: String]
    ) async throws {
        let counter = Counter()
        let manager = try await IntegrationManager(
            providers: [.hubSpot, .wooCommerce],
            store: InMemoryIntegrationStore(time: clock.timeSource),
            keyring: try Keyring(current: RandomSource.system.bytes(32)),
            namespace: "benchmark",
            transport: transport,
            middlewares: [counter],
            time: clock.timeSource
        )
        _ = try await manager.connect(
            platform,
            for: "tenant",
            name: platform.rawValue,
            form: form,
            settings: SyncSettings(mayNotifyPeople: true)
        )
        let records = InMemoryHostRecords()
        let coordinator = SyncCoordinator(manager, host: records)
        try await settle(coordinator, clock)
        for (name, type) in [("creates", EventKind.prospectCreated), ("updates", .prospectUpdated)] {
            _ = await counter.calls.take()
            for start in stride(from: 0, to: 1000, by: 100) {
                var events: [DomainEvent] = []
                for number in start..<start + 100 {
                    let fields: [FieldName: FieldValue] = [
                        "email": .text("ada.\(number)@example.fr"), "first_name": .text(name),
                    ]
                    let host = HostReference(tenant: "tenant", kind: "prospect", id: "p\(number)")
                    await records.edit(host, fields)
                    events.append(
                        DomainEvent(type, id: "\(name)-\(number)", of: host.id, for: "tenant", fields: fields)
                    )
                }
                try await coordinator.enqueue(events)
            }
            let report = try await coordinator.syncOnce(until: .now + .seconds(60))
            let made = await counter.calls.take()
            let writes = made.filter { call in
                ["/batch/upsert", "/batch/update", "/customers/batch"].contains { call.key.hasSuffix($0) }
            }
            let text = made.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            let done = report.count(.created) + report.count(.updated)
            meter.note(
                "\(done) \(name) on \(platform.rawValue): write calls",
                "\(writes.values.reduce(0, +))",
                aim: "10; all: \(text)"
            )
        }
    }

    /// Works until nothing is due for an hour.
    private static func settle(_ coordinator: SyncCoordinator, _ clock: ManualClock) async throws {
        for _ in 0..<200 {
            let report = try await coordinator.syncOnce(until: .now + .seconds(60))
            guard let due = report.nextDue, due <= .seconds(30) else { return }
            clock.advance(by: max(due, .milliseconds(10)))
        }
    }
}
