// SPDX-License-Identifier: Apache-2.0
// snippet: first-sync
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

func firstSync() async throws {
    let hubSpot = SimulatedHubSpot()  // in place of the real one: leave out `transport:` below
    hubSpot.addAccount(SimulatedHubSpot.Account(portalID: 42))

    let manager = try await IntegrationManager(
        providers: [.hubSpot],
        store: InMemoryIntegrationStore(),
        keyring: try Keyring(current: RandomSource.system.bytes(32)),
        namespace: "my-app-development",
        transport: hubSpot
    )
    let token = hubSpot.issueToken(for: 42)
    try await manager.connect(.hubSpot, for: "tenant-42", name: "Mon HubSpot", form: ["access_token": token])

    let coordinator = SyncCoordinator(manager)
    let zoe: [FieldName: FieldValue] = ["email": "zoe@example.fr", "first_name": "Zoë", "last_name": "Lefèvre"]
    try await coordinator.enqueue(
        DomainEvent(.prospectCreated, id: "evt-1", of: "prospect_123", for: "tenant-42", fields: zoe)
    )
    let report = try await coordinator.syncOnce(until: .now + .seconds(25))

    print(report)  // Mon HubSpot: 1 contact created; next work in 3600 s
    print(hubSpot.records("contact", in: 42)[0].properties["firstname"] ?? "")  // Zoë
}
// end
