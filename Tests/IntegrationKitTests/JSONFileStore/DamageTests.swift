// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

/// A small store of which every byte is changed and every end is cut off.
@Suite(.timeLimit(.minutes(10))) struct DamageTests {
    /// What an opened store answers.
    struct Contents: Equatable {
        var rows: [RowID: StoredRow]
        var keys: [ByteKey: Data]
        var lanes: [LaneTable.Kept?]
    }

    static let lanes = ["a", "b"].map { LaneID(integration: "one", subject: $0) }

    static func open(_ disk: SimulatedDisk, isRepair: Bool = false) throws -> JSONFileCore {
        try JSONFileCore.open(
            folder: StoreFolder(path: "/store", layer: disk),
            options: .init(),
            time: ManualClock().timeSource,
            isRepair: isRepair
        )
    }

    static func contents(_ core: JSONFileCore) throws -> Contents {
        let stored = try core.rows(matching: RowQuery("all"))
        return Contents(
            rows: Dictionary(uniqueKeysWithValues: stored.map { ($0.content.id, $0) }),
            keys: core.keys,
            lanes: lanes.map { core.lanes.kept($0, at: .zero) }
        )
    }

    /// A store with a snapshot, two journals and keys, and what it held after each commit of the last journal.
    static func make() throws -> (disk: SimulatedDisk, states: [Contents]) {
        let disk = SimulatedDisk()
        var core = try open(disk)
        var states: [Contents] = []
        for number in 0..<7 {
            let id = RowID(type: "thing", key: "\(number % 5)")
            let entries = [IndexEntry("all", id.key), IndexEntry("u", id.key, isUnique: true)]
            let changes = Changes(
                id: RandomSource.system.uuid(),
                puts: [RowContent(id: id, tenant: "t", indexes: entries, body: Data("{\"é\":\(number)}".utf8))],
                deletes: number == 6 ? [RowID(type: "thing", key: "2")] : [],
                touches: [LaneTouch(lanes[number % 2], tenant: "t", workClass: .live, after: .seconds(number))]
            )
            for result in core.commit([JSONFileCore.Work(changes: changes)]) { try result.get() }
            switch number {
            case 1:
                try core.setKey(Data("wrapped".utf8), for: "t")
                try core.setKey(Data("other".utf8), for: "é")
                try core.beginCompaction()
                while try core.step() {}
            case 3: try core.startJournal()
            default: break
            }
            if number >= 3 { states.append(try contents(core)) }
        }
        core.close()
        return (disk, states)
    }

    @Test func `A store with any byte changed opens as it was or refuses with file and remedy`() throws {
        let (disk, states) = try Self.make()
        let whole = try #require(states.last)
        #expect(disk.paths.count == 5)
        for path in disk.paths {
            let bytes = try #require(disk.contents(of: path))
            for place in bytes.indices {
                for mask in [0x01, 0x80, 0x2A] as [UInt8] {
                    let damaged = disk.copy()
                    var changed = bytes
                    changed[place] ^= mask
                    damaged.set(changed, at: path)
                    check(damaged, path, "byte \(place) of \(path)") { $0 == whole }
                }
            }
        }
    }

    @Test func `A store with any file cut short opens as it was after a commit or refuses`() throws {
        let (disk, states) = try Self.make()
        let whole = try #require(states.last)
        let last = try #require(disk.paths.last { $0.contains("journal") })
        for path in disk.paths {
            let bytes = try #require(disk.contents(of: path))
            for count in 0..<bytes.count {
                let damaged = disk.copy()
                damaged.set(Array(bytes[..<count]), at: path)
                check(damaged, path, "\(count) bytes of \(path)") { found in
                    // What is missing at the end of the last journal cannot be told from a crash.
                    path == last ? states.contains(found) : found == whole
                }
            }
        }
    }

    private func check(_ disk: SimulatedDisk, _ path: String, _ what: String, _ isRight: (Contents) -> Bool) {
        do {
            var core = try Self.open(disk)
            defer { core.close() }
            let found = try Self.contents(core)
            #expect(isRight(found), "wrong with \(what)")
        } catch let error as IntegrationError {
            #expect(error.code == .storeFailed && error.message.contains(path), "\(what): \(error)")
            #expect(error.message.contains(", line "), "\(what): \(error)")
            #expect(!error.remedy.text(in: "fr").isEmpty && error.remedy.text(in: "fr") != error.remedy.text(in: "en"))
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    @Test func `A repair that is broken off leaves a store that refuses, or one that says that it lost something`()
        throws
    {
        let (disk, _) = try Self.make()
        let epoch = try Self.epoch(of: disk.copy())
        let path = "/store/journal-2.jsonl"
        var bytes = try #require(disk.contents(of: path))
        bytes[bytes.count - 30] ^= 1
        disk.set(bytes, at: path)
        let repair = { (disk: SimulatedDisk) in
            var core = try Self.open(disk, isRepair: true)
            #expect(core.losses?.map(\.file) == ["journal-2.jsonl"])
            try core.writeRepaired()
            core.close()
        }
        let whole = disk.copy()
        try repair(whole)
        let repaired = try Self.contents(Self.open(whole))
        var stops = 0
        for place in 0..<200 {
            let broken = disk.copy()
            broken.plan(.stop, at: place)
            guard (try? repair(broken)) == nil else { break }
            stops += 1
            let after = broken.afterCrash(seed: UInt64(place))
            do {
                let core = try Self.open(after)
                #expect(core.identity.epoch != epoch, "stopped at \(place)")
            } catch is IntegrationError {
                try repair(after)
                #expect(try Self.epoch(of: after.copy()) != epoch)
            }
            #expect(try Self.contents(Self.open(after.copy())) == repaired, "stopped at \(place)")
        }
        #expect(stops > 10 && stops < 200)
    }

    private static func epoch(of disk: SimulatedDisk) throws -> UUID {
        try open(disk).identity.epoch
    }

    @Test(arguments: ["STORE", "KEYS", "snapshot-1.jsonl", "journal-2.jsonl"])
    func `A store without one of its files refuses and names it`(name: String) throws {
        let (disk, _) = try Self.make()
        try disk.remove("/store/\(name)")
        let error = #expect(throws: IntegrationError.self) { try Self.open(disk) }

        #expect(error?.message.contains("/store/") == true)
    }
}
