// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Events from the host to a platform that answers at once: enqueue, route, map, plan, push and commit.
enum EngineBenchmark {
    /// Several tenants, since the engine works on their integrations side by side.
    private static let tenants = 4

    static func run(_ meter: Meter) async throws {
        for size in meter.sizes {
            try await run(meter, events: size, store: InMemoryIntegrationStore(), name: "in memory")
        }
        for size in meter.sizes where size <= 100_000 {
            try await meter.inFolder { folder in
                let store = try JSONFileIntegrationStore(directory: folder)
                try await run(meter, events: size, store: store, name: "on files")
                await store.close()
            }
        }
    }

    /// Carries events through, and prints how fast.
    static func run(
        _ meter: Meter,
        events count: Int,
        store: some IntegrationStore & TenantKeyStore,
        name: String
    ) async throws {
        guard let address = URL(string: "https://instant.example/v1") else { return }
        let manager = try await IntegrationManager(
            providers: [InstantProvider(address: address)],
            store: store,
            keyring: try Keyring(current: RandomSource.system.bytes(32)),
            namespace: "benchmark",
            transport: InstantPlatform()
        )
        for tenant in 0..<tenants {
            _ = try await manager.connect(
                InstantProvider.id,
                for: "tenant-\(tenant)",
                name: "Instant",
                form: ["api_key": "k"],
                settings: SyncSettings(direction: .push)
            )
        }
        let coordinator = SyncCoordinator(manager)
        let queueing = try await Meter.seconds {
            for start in stride(from: 0, to: count, by: 100) {
                try await coordinator.enqueue((start..<start + 100).map(event))
            }
        }
        let prefix = "\(count.formatted()) events \(name)"
        if count == 1_000 {
            // The same events again: each call looks, and finds that they are known.
            let single = try await Meter.seconds {
                for number in 0..<count { try await coordinator.enqueue([event(number)]) }
            }
            meter.line("\(prefix): enqueue again, 1 a call", ours: Double(count) / single, unit: "events/s")
        }
        var created = 0
        let working = try await Meter.seconds {
            while created < count {
                let report = try await coordinator.syncOnce(until: .now + .seconds(60))
                let done = report.count(.created)
                guard done > 0 else {
                    print("stopped at \(created) of \(count): \(report)")
                    break
                }
                created += done
            }
        }
        meter.line("\(prefix): enqueue, 100 a call", ours: Double(count) / queueing, unit: "events/s")
        meter.line("\(prefix): claim to commit", ours: Double(created) / working, unit: "events/s")
        meter.line(
            "\(prefix): whole way",
            ours: Double(created) / (queueing + working),
            unit: "events/s",
            aim: "50,000"
        )
    }

    private static func event(_ number: Int) -> DomainEvent {
        DomainEvent(
            .prospectCreated,
            id: "event-\(number)",
            of: "prospect-\(number)",
            for: "tenant-\(number % tenants)",
            fields: [
                "email": .text("ada.\(number)@example.fr"), "first_name": "Ada", "last_name": "Lovelace",
                "phone": .text("+3361234\(number % 10_000)"), "city": "Paris",
            ]
        )
    }
}
