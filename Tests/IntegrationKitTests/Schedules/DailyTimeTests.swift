// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct DailyTimeTests {
    /// Minute by minute over ten days around both changes of the clocks: one slot a day, at its time.
    @Test(arguments: [
        ("Europe/Paris", 2, 0, "2027-03-25"), ("Europe/Paris", 2, 30, "2027-03-25"),
        ("Europe/Paris", 2, 30, "2027-10-28"),
        ("Europe/Paris", 3, 0, "2027-10-28"), ("America/New_York", 1, 30, "2027-11-04"), ("UTC", 0, 0, "2027-01-01"),
        ("Pacific/Auckland", 23, 59, "2027-04-01"), ("Asia/Kolkata", 0, 0, "2027-06-01"),
    ])
    func aTimeOfDayComesOnceADay(zone: String, hour: Int, minute: Int, day: String) throws {
        let time = DailyTime(hour: hour, minute: minute, timeZone: zone)
        let start = try #require(ISO8601.start(ofDay: day, in: .gmt))
        var slots: [String] = []
        var changes: [Date] = []
        var expected: Date?
        for step in 0..<(10 * 24 * 12) {
            let now = start.addingTimeInterval(Double(step) * 300 + 1)
            let slot = time.slot(at: now)
            #expect(slot.next > now && slot.next.timeIntervalSince(now) <= 25 * 3600)
            if slots.last != slot.id {
                #expect(!slots.contains(slot.id))
                if let expected { #expect(now >= expected && now.timeIntervalSince(expected) <= 300) }
                slots.append(slot.id)
                changes.append(now)
            }
            expected = slot.next
        }
        #expect(slots.count == 10 || slots.count == 11, "\(slots)")
    }

    @Test func theClocksOfParisChangeAndTheTimeStays() throws {
        let time = DailyTime(hour: 2, minute: 30, timeZone: "Europe/Paris")
        // On 28 March 2027 there is no 02:30; on 31 October there are two.
        let spring = try #require(ISO8601.date(from: "2027-03-27T12:00:00Z"))
        #expect(time.slot(at: spring).next == ISO8601.date(from: "2027-03-28T01:00:00Z"))
        let autumn = try #require(ISO8601.date(from: "2027-10-30T12:00:00Z"))
        #expect(time.slot(at: autumn).next == ISO8601.date(from: "2027-10-31T00:30:00Z"))
        let between = try #require(ISO8601.date(from: "2027-10-31T01:00:00Z"))
        #expect(time.slot(at: between).next == ISO8601.date(from: "2027-11-01T01:30:00Z"))
    }
}

@Suite struct ScheduleTests {
    private static func daily() -> SyncSettings {
        World.contacts { $0.frequency = .dailyAt(DailyTime(hour: 2, timeZone: "Europe/Paris")) }
    }

    private func pulls(_ world: World) -> Int {
        world.observer.events(.request).filter { $0.operation?.hasPrefix("pull") == true }.count
    }

    @Test func aDailyStreamIsReadAtItsTimeAndALateHostReadsOnce() async throws {
        let world = try await World(settings: ScheduleTests.daily())
        try await world.settle(within: .seconds(60))
        let first = pulls(world)
        #expect(first > 0)
        let report = try await world.sync()
        let due = try #require(report.nextDue)
        let paris = try #require(TimeZone(identifier: "Europe/Paris"))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = paris
        let at = calendar.dateComponents([.hour, .minute], from: world.clock.wall.advanced(by: due + .seconds(1)))
        #expect(at.hour == 2 && at.minute == 0)
        // Nothing before its time, also by another process that starts anew.
        let peer = try await world.peer(seed: 3)
        _ = try await peer.sync()
        #expect(pulls(world) == first)
        // Five days late: once.
        world.clock.advance(by: due + .seconds(5 * 86_400))
        let before = pulls(world)
        try await world.settle(within: .seconds(60))
        let caught = pulls(world) - before
        #expect(caught > 0)
        let next = try #require(try await world.sync().nextDue)
        #expect(next > .seconds(3600) && next <= .seconds(25 * 3600))
        #expect(pulls(world) - before == caught)
    }

    @Test func whoAsksIsServedAtOnceAndTheSlotStays() async throws {
        let world = try await World(settings: ScheduleTests.daily())
        try await world.settle(within: .seconds(60))
        let before = pulls(world)
        world.clock.advance(by: .seconds(90))
        try await world.coordinator.pull(world.integration.id)
        try await world.settle(within: .seconds(60))
        #expect(pulls(world) > before)
        let after = pulls(world)
        try await world.settle(within: .seconds(60))
        #expect(pulls(world) == after)
    }

    @Test func aPausedImportGoesOnWhereItStoodAndTellsHowFarItIs() async throws {
        let world = try await World(settings: World.contacts())
        for number in 0..<450 {
            try world.platform.create("contacts", in: World.portal, ["email": "c\(number)@example.fr"])
        }
        world.clock.advance(by: .seconds(120))
        try await world.manager.pauseReading(world.integration.id)
        try await world.settle(within: .seconds(300))
        #expect(await world.records.references.count == 0)
        let paused = try await world.manager.progress(of: world.integration.id)
        #expect(!paused.isEmpty && paused.allSatisfy(\.isPaused))
        try await world.manager.resumeReading(world.integration.id)
        try await world.settle(within: .seconds(300))
        #expect(await world.records.references.count == 450)
        let progress = try await world.manager.progress(of: world.integration.id)
        #expect(progress.contains { $0.finishedAt != nil })
        #expect(progress.allSatisfy { !$0.isPaused })
    }
}
