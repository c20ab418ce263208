// SPDX-License-Identifier: Apache-2.0
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

// The code of the guides: what needs no account and no server is not only compiled, but run.

try await firstSync()
preview()
try await lostAnswer()
let hubSpot = SimulatedHubSpot()
hubSpot.addAccount(SimulatedHubSpot.Account(portalID: 42))
let manager = try await IntegrationManager(
    providers: [.hubSpot],
    store: InMemoryIntegrationStore(),
    keyring: try Keyring(current: RandomSource.system.bytes(32)),
    namespace: "guides",
    transport: hubSpot
)
showForm(manager)
let coordinator = SyncCoordinator(manager, host: ProspectRecords())
try await connect(manager, token: hubSpot.issueToken(for: 42))
let integrations = try await manager.integrations(of: "tenant-42")
for integration in integrations {
    try await choose(manager, integration)
    try await enqueue(coordinator)
    let code = try await commandLine(coordinator)
    try await state(manager, integration.id)
    try await explain(manager, integration.id)
    print("exit code", code)
}
precondition(!integrations.isEmpty, "Nothing was connected.")
try await people(hubSpot, WebhookInbox(manager))
try await served(hubSpot)
try await stores()
try await fileStore()
