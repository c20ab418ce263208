// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct SavedPlatformTests {
    @Test func `A platform that was saved goes on: records, tokens, history, webhooks and new ids`() async throws {
        let clock = ManualClock()
        let first = SimulatedHubSpot(seed: 3, time: clock.timeSource)
        first.addAccount(SimulatedHubSpot.Account(portalID: 42))
        first.configureApp { $0.subscriptions = [SimulatedHubSpot.Subscription("contact.creation", id: 1)] }
        let token = first.issueToken(for: 42)
        try first.create("contact", in: 42, ["email": "ada@example.fr"])
        let second = try SimulatedHubSpot(restoring: first.saved(), time: clock.timeSource)
        #expect(second.records("contact", in: 42) == first.records("contact", in: 42))
        #expect(second.history(of: 42) == first.history(of: 42) && second.pendingEventCount == 1)
        try second.create("contact", in: 42, ["email": "grace@example.com"])
        #expect(Set(second.records("contact", in: 42).map(\.id)).count == 2)
        #expect(first.records("contact", in: 42).count == 1)
        let url = try #require(URL(string: "https://api.hubapi.com/crm/v3/objects/contacts"))
        let request = HTTPRequest(.get, url, headers: ["Authorization": "Bearer \(token)"])
        let answer = try await second.send(request, context: OperationContext(platform: "hubspot", operation: "test"))
        #expect(answer.status == 200)
    }

    @Test func `A host's records that were saved keep their partners`() async throws {
        let records = InMemoryHostRecords()
        let ada = HostReference(tenant: "t", kind: "prospect", id: "p1")
        let remote = RemoteID("contact", "7")
        let change = InboundChange(
            integration: "one",
            action: .create,
            remote: remote,
            host: ada,
            fields: ["email": "a@b.fr"]
        )
        _ = await records.apply([change])
        let again = try InMemoryHostRecords(restoring: await records.saved())
        #expect(await again.record(ada) == records.record(ada))
        #expect(await again.partner(of: remote, in: "one") == ada)
    }
}
