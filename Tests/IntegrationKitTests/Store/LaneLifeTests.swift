// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@Suite struct LaneLifeTests {
    /// A lane keeps its most urgent class as long as it lives, which tells an old lane from a new one.
    @Test(arguments: ["h|prospect|1", "pull|contacts", "r|note||7"])
    func aSleepingLaneEndsWithItsLastJob(subject: String) async throws {
        let store = InMemoryIntegrationStore()
        let lane = LaneID(integration: "4f1c", subject: subject)
        func job(_ key: String) -> RowContent {
            RowContent(
                id: RowID(type: "job", key: key),
                tenant: "tenant",
                integration: lane.integration,
                indexes: [IndexEntry(LaneID.indexName, lane.indexKey)],
                body: Data("{}".utf8)
            )
        }
        func claim() async -> ClaimedLane? {
            await store.claimLanes(
                LaneClaim(owner: UUID(), lease: .seconds(60), shares: [.live: 1, .bulk: 1], perIntegration: 1)
            ).lanes.first
        }
        try await store.commit(
            Changes(id: UUID(), puts: [job("a")], touches: [LaneTouch(lane, tenant: "tenant", workClass: .live)])
        )
        let first = try #require(await claim())
        try await store.commit(Changes(id: UUID(), releases: [LaneRelease(first.lease, seenTail: first.tail)]))
        #expect(await claim() == nil, "it sleeps while its job waits")
        try await store.commit(Changes(id: UUID(), deletes: [job("a").id]))
        try await store.commit(
            Changes(id: UUID(), puts: [job("b")], touches: [LaneTouch(lane, tenant: "tenant", workClass: .bulk)])
        )
        #expect(await claim()?.workClass == .bulk)
    }
}
