// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct ScannerTests {
    /// Every contact of the platform has a record of the host with its first name, and only one.
    private func expectAgreement(_ world: World, _ comment: Comment? = nil, count: Int? = nil) async {
        let contacts = world.contacts()
        for contact in contacts {
            let fields = await world.hostFields(of: contact.id)
            let name = contact.properties["firstname"].map(FieldValue.text)
            #expect(fields?["first_name"] == name, "\(contact.id) \(String(describing: comment))")
        }
        #expect(await world.records.references.count == count ?? contacts.count, comment)
    }

    @Test(arguments: [Duration.zero, .seconds(600), .seconds(-600)])
    func nothingIsMissedWhateverTheHostsClockSays(skew: Duration) async throws {
        let world = try await World(skewed: skew)
        try await world.settle(within: .seconds(60))
        var ids: [String] = []
        for index in 0..<12 {
            world.clock.advance(by: .seconds(100))
            ids.append(try world.person(creates: "p\(index)@example.fr", ["firstname": "A\(index)"]))
            if index % 3 == 2 { try await world.settle(within: .seconds(60)) }
        }
        for (index, id) in ids.enumerated() {
            world.clock.advance(by: .seconds(37))
            try world.person(edits: id, ["firstname": "B\(index)"])
            if index % 4 == 3 { try await world.settle(within: .seconds(30)) }
        }
        // An hour and a half, and no sweep: the windows alone must have brought everything.
        try await world.settle(within: .seconds(5400))
        await expectAgreement(world, "skew \(skew)")
    }

    @Test(arguments: [600, -600] as [Int64])
    func aFreshProcessWithAWrongClockSettlesNothingThatIsStillToCome(skew: Int64) async throws {
        let world = try await World(skewed: .seconds(skew))
        try await world.settle(within: .seconds(7200))
        // A restart forgets what the platform's clock was.
        for index in 0..<6 {
            let again = try await World(restarting: world, seed: UInt64(index) + 3)
            try await again.pull()
            world.clock.advance(by: .seconds(120))
            try world.person(creates: "q\(index)@example.fr", ["firstname": "Q\(index)"])
            try await again.settle(within: .seconds(300))
        }
        try await world.settle(within: .seconds(5400))
        await expectAgreement(world)
    }

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func aLaggingIndexLosesNothing(seed: UInt64) async throws {
        let world = try await World(seed: seed) { $0.searchLag = .zero ... .seconds(1800) }
        try await world.settle(within: .seconds(60))
        var random = SeededGenerator(seed: seed)
        var ids: [String] = []
        for step in 0..<40 {
            world.clock.advance(by: .seconds(Int64.random(in: 0...90, using: &random)))
            if ids.count < 8 || step % 5 == 0 {
                ids.append(try world.person(creates: "l\(step)@example.fr", ["firstname": "L\(step)"]))
            } else if let id = ids.randomElement(using: &random) {
                try world.person(edits: id, ["firstname": "M\(step)"])
            }
            if step % 3 == 0 { _ = try await world.sync() }
        }
        try await world.settle(within: .seconds(3 * 3600))
        await expectAgreement(world)
    }

    @Test func hundredsOfEditsWithOneTimestampAllArrive() async throws {
        let world = try await World()
        try await world.settle(within: .seconds(60))
        world.clock.advance(by: .seconds(5))
        for index in 0..<260 { try world.person(creates: "t\(index)@example.fr", ["firstname": "T\(index)"]) }
        world.clock.advance(by: .seconds(5))
        try await world.pull()
        await expectAgreement(world)
        for contact in world.contacts() { try world.person(edits: contact.id, ["firstname": "U\(contact.id)"]) }
        world.clock.advance(by: .seconds(5))
        try await world.pull()
        await expectAgreement(world)
    }

    @Test func editsWhilePagesAreReadAllArrive() async throws {
        let world = try await World()
        for index in 0..<250 { try world.person(creates: "w\(index)@example.fr", ["firstname": "W\(index)"]) }
        let ids = world.contacts().map(\.id)
        let counter = LockBox(0)
        world.platform.onStep { [clock = world.clock, platform = world.platform] step in
            guard step.moment == .performed, counter.withLock({ $0 }) < 60 else { return }
            let turn = counter.withLock { value in
                value += 1
                return value
            }
            clock.advance(by: .milliseconds(50))
            try platform.edit("contacts", ids[turn * 37 % ids.count], in: World.portal, ["firstname": "X\(turn)"])
            if turn % 10 == 0 {
                try platform.create(
                    "contacts",
                    in: World.portal,
                    ["email": "new\(turn)@example.fr", "firstname": "N\(turn)"]
                )
            }
        }
        try await world.settle(within: .seconds(600))
        world.platform.onStep(nil)
        try await world.settle(within: .seconds(5400))
        await expectAgreement(world)
    }

    @Test(arguments: stride(from: 0, to: 36, by: 2).map { $0 })
    func aCrashBetweenAnyTwoCommitsLosesAndDoublesNothing(commits: Int) async throws {
        let store = LockBox<CrashingStore?>(nil)
        let world = try await World(over: { inner in
            let crashing = CrashingStore(inner)
            store.withLock { $0 = crashing }
            return crashing
        })
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle(within: .seconds(60))
        let own = try #require(world.contacts().first).id
        world.clock.advance(by: .seconds(5))
        for index in 0..<4 { try world.person(creates: "c\(index)@example.fr", ["firstname": "C\(index)"]) }
        try world.person(edits: own, ["firstname": "Adèle"])
        try await world.create("p2", ["email": "grace@example.fr", "first_name": "Grace"])
        world.clock.advance(by: .seconds(5))
        let crashing = try #require(store.withLock { $0 })
        try await world.coordinator.pull(world.integration.id, sweep: true)
        crashing.die(after: commits)
        do { _ = try await world.settle(within: .seconds(60)) } catch let error as IntegrationError {
            #expect(error.code == .storeFailed)
        }
        let again = try await World(restarting: world)
        world.clock.advance(by: .seconds(200))
        try await again.settle(within: .seconds(4000))
        #expect(again.contacts().count == 6)
        #expect(again.contact("ada@example.fr")?.properties["firstname"] == "Adèle")
        await expectAgreementAfterCrash(again, commits)
        #expect(try await again.letters().isEmpty)
    }

    private func expectAgreementAfterCrash(_ world: World, _ commits: Int) async {
        #expect(await world.records.references.count == 6, "after \(commits)")
        for index in 0..<4 {
            let id = world.contact("c\(index)@example.fr")?.id ?? ""
            #expect(await world.hostFields(of: id)?["first_name"] == .text("C\(index)"), "after \(commits)")
        }
        #expect(await world.records.record(World.prospect("p1"))?.fields["first_name"] == "Adèle", "after \(commits)")
    }

    @Test func aPageOfKnownRecordsIsAHandfulOfReadsAndNoRows() async throws {
        let store = LockBox<CrashingStore?>(nil)
        let world = try await World(over: { inner in
            let counting = CrashingStore(inner)
            store.withLock { $0 = counting }
            return counting
        })
        for index in 0..<100 { try world.person(creates: "k\(index)@example.fr", ["firstname": "K\(index)"]) }
        try await world.settle(within: .seconds(60))
        // The settled mark follows an hour behind and reads all of them once more.
        world.clock.advance(by: .seconds(3700))
        let counting = try #require(store.withLock { $0 })
        let (reads, puts, commits) = (counting.reads, counting.putTypes, counting.commits)
        let calls = world.platform.callCounts.values.reduce(0, +)
        _ = try await world.sync()
        #expect(world.platform.callCounts.values.reduce(0, +) - calls >= 2)
        #expect(counting.putTypes["link"] == puts["link"])
        #expect(counting.putTypes["log"] == puts["log"])
        #expect(counting.putTypes["job"] == puts["job"])
        #expect(counting.reads - reads < 30, "\(counting.reads - reads) reads")
        #expect(counting.commits - commits < 15, "\(counting.commits - commits) commits")
    }
}
