// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// A platform that IntegrationKit does not know, connected by a provider of one's own.
@main
struct CustomPlatform {
    static func main() async throws {
        guard try await keepsAllPromises() else { exit(1) }
        try await synchronize()
    }

    /// Checks every rule against a platform of its own, and prints a line for each.
    static func keepsAllPromises() async throws -> Bool {
        var isSound = true
        for rule in ProviderRule.all {
            do {
                switch try await rule.check(MeadowTestBed()) {
                case .passed: print("passed   \(rule.id)")
                case .skipped(let reason): print("skipped  \(rule.id): \(reason)")
                }
            } catch let violation as RuleViolation {
                isSound = false
                print("BROKEN   \(violation)")
            }
        }
        return isSound
    }

    /// Connects an account, carries events there and edits home.
    static func synchronize() async throws {
        let clock = ManualClock()
        let meadow = SimulatedMeadow(
            time: clock.timeSource,
            apiKey: "meadow-secret-key",
            webhookSecret: "meadow-webhook-secret"
        )
        let manager = try await IntegrationManager(
            providers: [MeadowProvider()],
            store: InMemoryIntegrationStore(time: clock.timeSource),
            keyring: Keyring(current: RandomSource.system.bytes(32)),
            namespace: "custom-platform-example",
            transport: meadow,
            time: clock.timeSource
        )
        let integration = try await manager.connect(
            .meadow,
            for: "tenant-42",
            name: "Ada's Meadow",
            form: ["api_key": "meadow-secret-key"]
        )
        print("\nConnected \(integration.name)")

        let host = InMemoryHostRecords()
        let ada = HostReference(tenant: "tenant-42", kind: "prospect", id: "prospect_123")
        let fields: [FieldName: FieldValue] = ["email": "ada@example.fr", "first_name": "Ada"]
        await host.edit(ada, fields)
        let coordinator = SyncCoordinator(manager, host: host)
        try await coordinator.enqueue([
            DomainEvent(.prospectCreated, id: "evt-1", of: ada.id, for: ada.tenant, fields: fields),
            DomainEvent(
                .documentSent,
                id: "evt-2",
                of: "doc-9",
                for: ada.tenant,
                fields: ["title": "Offer of 12 May"],
                related: [RelatedRecord("prospect", ada.id)]
            ),
        ])
        print("Out:   \(try await coordinator.syncOnce(until: .now + .seconds(10)))")

        clock.advance(by: .seconds(60))
        try await meadow.edit("people", "people-000001", ["phone": "+33 1 23 45 67 89"])
        _ = try await meadow.make("people", ["email": "grace@example.fr", "first_name": "Grace"])
        clock.advance(by: .seconds(60))
        try await coordinator.pull(integration.id)
        print("Home:  \(try await coordinator.syncOnce(until: .now + .seconds(10)))")

        print("Ada's phone is \(await host.record(ada)?.fields["phone"] ?? .empty)")
        print("The host knows \(await host.references.filter { $0.kind == "prospect" }.count) prospects")
    }
}
