// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct PoorListTests {
    private func expectAgreement(_ world: ShelfWorld, _ comment: Comment? = nil) async {
        let wanted = world.shelf.items.map(\.name).sorted()
        let names = await world.hostNames()
        let lost = Set(wanted).symmetricDifference(names)
        #expect(names == wanted, "\(lost.sorted()) \(comment?.rawValue ?? "")")
        #expect(await world.records.references.count == wanted.count, comment)
    }

    @Test(arguments: [ChangeStream.Mode.window, .cursor], [1, 7, 10, 100])
    func everythingThereIsArrives(mode: ChangeStream.Mode, pageSize: Int) async throws {
        let world = try await ShelfWorld(mode, pageSize: pageSize)
        for index in 0..<170 {
            world.shelf.put("n\(index)")
            if index % 9 == 0 { world.clock.advance(by: .seconds(3600)) }
        }
        world.clock.advance(by: .seconds(2))
        try await world.work(for: .seconds(120))
        await expectAgreement(world)
    }

    @Test func moreChangesInOneSecondThanAQueryReachesAllArrive() async throws {
        let world = try await ShelfWorld(.window)
        for index in 0..<130 { world.shelf.put("n\(index)") }
        world.clock.advance(by: .seconds(2))
        try await world.work(for: .seconds(120))
        await expectAgreement(world)
    }

    @Test func aSecondChangeWithinOneSecondIsSeen() async throws {
        let world = try await ShelfWorld(.window)
        let id = world.shelf.put("first")
        world.clock.advance(by: .milliseconds(300))
        try await world.work(for: .zero)
        world.clock.advance(by: .milliseconds(5000 - 300 - 1000))
        for round in 0..<20 {
            world.clock.advance(by: .milliseconds(450))
            world.shelf.put("a\(round)", id: id)
            world.clock.advance(by: .seconds(60))
            _ = try await world.coordinator.syncOnce(until: .now + .seconds(20))
            // The clock stands inside a second; the same second brings another change after it was read.
            world.shelf.put("b\(round)", id: id)
            _ = try await world.coordinator.syncOnce(until: .now + .seconds(20))
            world.clock.advance(by: .milliseconds(200))
            world.shelf.put("c\(round)", id: id)
        }
        try await world.work(for: .seconds(180))
        await expectAgreement(world)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func aListThatShiftsWhileItIsReadLosesNothing(seed: UInt64) async throws {
        let world = try await ShelfWorld(.window)
        for index in 0..<45 {
            world.shelf.put("n\(index)")
            world.clock.advance(by: .seconds(1))
        }
        let random = LockBox(SeededGenerator(seed: seed))
        world.shelf.onPage.withLock { hook in
            hook = { [shelf = world.shelf, clock = world.clock] page in
                guard page < 60 else { return }
                let id = random.withLock { Int.random(in: 1...45, using: &$0) }
                clock.advance(by: .milliseconds(200))
                shelf.put("m\(page)", id: id)
                if page % 5 == 0 { shelf.put("new\(page)") }
            }
        }
        try await world.work(for: .seconds(900))
        world.shelf.onPage.withLock { $0 = nil }
        try await world.work(for: .seconds(180))
        await expectAgreement(world, "seed \(seed)")
    }

    @Test(arguments: [ChangeStream.Mode.window, .cursor], 0..<24)
    func aCrashBetweenAnyTwoPagesLosesAndDoublesNothing(mode: ChangeStream.Mode, commits: Int) async throws {
        let store = LockBox<CrashingStore?>(nil)
        let world = try await ShelfWorld(
            mode,
            over: { inner in
                let crashing = CrashingStore(inner)
                store.withLock { $0 = crashing }
                return crashing
            }
        )
        for index in 0..<64 {
            world.shelf.put("n\(index)")
            world.clock.advance(by: .seconds(1))
        }
        let crashing = try #require(store.withLock { $0 })
        crashing.die(after: commits)
        do { try await world.work(for: .zero) } catch let error as IntegrationError {
            #expect(error.code == .storeFailed)
        }
        let again = try await ShelfWorld(restarting: world)
        again.shelf.put("later", id: 3)
        again.clock.advance(by: .seconds(200))
        try await again.work(for: .seconds(300))
        await expectAgreement(again, "after \(commits)")
    }
}
