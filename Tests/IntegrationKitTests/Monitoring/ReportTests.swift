// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct ReportTests {
    private func world() async throws -> (World, PickyStore) {
        let store = LockBox<PickyStore?>(nil)
        let world = try await World(
            settings: World.contacts { $0.direction = .push },
            over: { inner in
                let picky = PickyStore(inner)
                store.withLock { $0 = picky }
                return picky
            }
        )
        return (world, try #require(store.withLock { $0 }))
    }

    @Test(arguments: ["activity", "purge"])
    func whatWasDoneIsToldThoughTheStoreTakesNoStatistics(refused: String) async throws {
        let (world, store) = try await world()
        try await world.create("p1", ["email": "p1@example.fr"])
        store.refused.withLock { $0 = [refused] }
        let report = try await world.sync()
        #expect(report.count(.created) == 1)
        #expect(report.problems.map(\.code) == [.storeFailed])
        #expect(world.observer.events(.retried).map(\.error?.code) == [.storeFailed])
        store.refused.withLock { $0 = [] }
        world.clock.advance(by: .seconds(61))
        #expect(try await world.sync().problems.isEmpty)
        // What was counted was kept, and another process finds it in the store.
        let day = try #require(try await world.peer().manager.activity(of: world.integration.id).last)
        #expect(day.count(.created) == 1)
    }

    enum Cancelled: CaseIterable, Sendable { case bare, refused }

    @Test(arguments: Cancelled.allCases)
    func aStoreThatHearsOfTheCancellationEndsTheRoundAndFailsNothing(cancelled: Cancelled) async throws {
        let (world, store) = try await world()
        let failure: any Error =
            cancelled == .bare ? CancellationError() : StoreFailure.refused(CancellationError())
        store.claimFailure.withLock { $0 = failure }
        let report = try await world.sync()
        #expect(report.problems.isEmpty && report.lines.isEmpty)
        store.claimFailure.withLock { $0 = StoreFailure.refused(PickyStore.Full()) }
        let error = await #expect(throws: IntegrationError.self) { _ = try await world.sync() }
        #expect(error?.code == .storeFailed)
    }
}
