// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct FrequencyTests {
    private func world(_ frequency: SyncSettings.Frequency) async throws -> World {
        let world = try await World(settings: World.contacts { $0.frequency = frequency })
        try await settle(world)
        return world
    }

    /// Works until nothing is due at once.
    private func settle(_ world: any Working) async throws {
        for _ in 0..<20 where try await world.sync().nextDue == .zero {}
    }

    private func pulls(_ world: World, _ stream: String = "contact.changed") -> Int {
        world.observer.events(.request).filter { $0.operation == "pull \(stream)" }.count
    }

    @Test(arguments: [SyncSettings.Frequency.realtime, .hourly, .daily, .every(.seconds(600))])
    func aHostThatCallsLateReadsOnce(frequency: SyncSettings.Frequency) async throws {
        let interval = try #require(frequency.interval)
        let world = try await world(frequency)
        world.clock.advance(by: interval)
        let before = pulls(world)
        try await settle(world)
        let once = pulls(world) - before
        #expect(once > 0)
        world.clock.advance(by: interval * 20)
        try await settle(world)
        // A second mark of the list may have become due besides.
        #expect(pulls(world) - before - once <= 2)
        // The answer says when to call again; nothing is read before, and it is then.
        let due = try #require(try await world.sync().nextDue)
        #expect(due <= interval && due >= min(interval, .seconds(3600)) - .seconds(60))
        let caught = pulls(world)
        world.clock.advance(by: due - .seconds(1))
        try await settle(world)
        #expect(pulls(world) == caught)
        world.clock.advance(by: .seconds(1))
        let calls = world.observer.count(.request)
        try await settle(world)
        #expect(world.observer.count(.request) > calls)
    }

    @Test(arguments: [SyncSettings.Frequency.hourly, .every(.seconds(600))], [-86_400.0, 86_400])
    func aWallClockThatJumpsMovesNoSchedule(frequency: SyncSettings.Frequency, jump: Double) async throws {
        let interval = try #require(frequency.interval)
        let world = try await world(frequency)
        let before = pulls(world)
        world.clock.advance(by: interval / 2)
        // Of this process alone: neither the platform's clock nor the store's.
        let time = TimeSource(clock: world.clock, now: { [clock = world.clock] in clock.wall.addingTimeInterval(jump) })
        let manager = try await World.manager(
            world.platform,
            world.store,
            world.store,
            time,
            world.observer,
            seed: 3
        )
        let jumped = SyncCoordinator(manager, host: world.records)
        let due = try #require(try await jumped.syncOnce(until: .now + .seconds(60)).nextDue)
        #expect(pulls(world) == before)
        #expect(due <= interval / 2 && due > interval / 2 - .seconds(60))
        world.clock.advance(by: due)
        // The platform's rate limit lets it read within seconds.
        var next = Duration.zero
        for _ in 0..<20 where next < .seconds(5) {
            world.clock.advance(by: next)
            next = try #require(try await jumped.syncOnce(until: .now + .seconds(60)).nextDue)
        }
        #expect(pulls(world) > before)
        #expect(next <= interval && next > interval - .seconds(60))
    }

    @Test func aRestartMovesNoSchedule() async throws {
        let world = try await world(.hourly)
        world.clock.advance(by: .seconds(1800))
        let before = world.observer.count(.request)
        let peer = try await world.peer(seed: 3)
        try await settle(peer)
        #expect(peer.observer.count(.request) == 0)
        let due = try #require(try await peer.sync().nextDue)
        #expect(due <= .seconds(1800) && due > .seconds(1700))
        world.clock.advance(by: due)
        try await settle(peer)
        #expect(peer.observer.count(.request) > 0)
        try await settle(world)
        #expect(world.observer.count(.request) == before)
    }

    @Test func aManualIntegrationReadsWhenItIsAsked() async throws {
        let world = try await world(.manual)
        #expect(try await world.sync().nextDue == nil)
        world.clock.advance(by: .seconds(10 * 86_400))
        #expect(try await world.sync().nextDue == nil)
        #expect(pulls(world) == 0)
        try await world.coordinator.pull(world.integration.id)
        try await settle(world)
        #expect(pulls(world) > 0)
        #expect(try await world.sync().nextDue == nil)
    }

    /// The list of deletions may be read every six hours; a customer who chose once a day is asked for no more.
    @Test func noListIsReadMoreOftenThanTheScheduleSays() async throws {
        let world = try await world(.daily)
        let before = world.observer.count(.request)
        for _ in 0..<23 {
            world.clock.advance(by: .seconds(3600))
            try await settle(world)
        }
        #expect(world.observer.count(.request) == before)
        world.clock.advance(by: .seconds(3600 + 60))
        try await settle(world)
        #expect(pulls(world, "contact.archived") > 1)
    }

    @Test func aSweepOfOnceADayComesAtEachTimeOfDay() async throws {
        let world = try await world(.dailyAt(DailyTime(hour: 2, timeZone: "Europe/Paris")))
        let before = pulls(world, "contact.all")
        for day in 1...3 {
            world.clock.advance(by: try #require(try await world.sync().nextDue))
            try await settle(world)
            #expect(pulls(world, "contact.all") - before == day)
        }
    }

    @Test func whatTheEndOfARoundCutShortGoesOnAtOnce() async throws {
        let world = try await ShelfWorld(.cursor)
        for number in 0..<35 { world.shelf.put("n\(number)") }
        world.shelf.onPage.withLock { [clock = world.clock] in $0 = { _ in clock.advance(by: .seconds(25)) } }
        for round in 1...4 {
            let report = try await world.coordinator.syncOnce(until: .now + .seconds(20))
            #expect(await world.hostNames().count == min(round * 10, 35))
            #expect(round == 4 || report.nextDue == .zero)
        }
    }
}
