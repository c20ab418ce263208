// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct ActivityTests {
    @Test func aDayCountsRecordsCallsLatencyAndLag() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "p1@example.fr"])
        try await world.create("p2", ["email": "p2@example.fr"])
        world.clock.advance(by: .seconds(40))
        try await world.settle()
        let day = try #require(try await world.manager.activity(of: world.integration.id).last)
        #expect(day.count(.created) == 2)
        #expect(day.counts[.contact]?[.created] == 2)
        #expect(day.calls >= 1)
        #expect(day.failedCalls == 0)
        #expect(day.latency.keys.contains { $0.contains("contact") })
        let lag = try #require(day.lag[.contact])
        #expect(lag.count == 2)
        #expect(lag.median >= .seconds(40) && lag.median <= .seconds(60))
    }

    @Test func countsOfTwoProcessesAndLivesAddUp() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "p1@example.fr"])
        try await world.settle()
        let peer = try await world.peer(seed: 5)
        try await world.create("p2", ["email": "p2@example.fr"])
        try await peer.settle()
        let third = try await world.peer(seed: 6)
        let day = try #require(try await third.manager.activity(of: world.integration.id).last)
        #expect(day.count(.created) == 2)
    }

    @Test func manyJobsTakeNoCommitOfTheirOwn() async throws {
        let world = try await World.pushing()
        let store = CrashingStore(world.store)
        let peer = try await world.peer(seed: 7, store: store)
        for number in 0..<300 { try await world.create("p\(number)", ["email": .text("p\(number)@example.fr")]) }
        try await peer.settle()
        #expect(world.creations("contact") == 300)
        #expect((store.putTypes["activity"] ?? 0) <= 2)
    }

    @Test func anErasedIntegrationLeavesNoCounts() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "p1@example.fr"])
        try await world.settle()
        try await world.manager.delete(world.integration.id)
        world.clock.advance(by: .seconds(120))
        try await world.settle()
        let rows = await world.store.rows(
            matching: RowQuery("activity.integration", range: world.integration.id..<(world.integration.id + "~"))
        )
        #expect(rows.isEmpty)
    }
}
