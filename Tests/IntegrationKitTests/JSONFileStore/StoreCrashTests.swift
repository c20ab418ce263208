// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

/// Histories of a store on a disk that fails or stops at any of its operations.
@Suite(.timeLimit(.minutes(10))) struct StoreCrashTests {
    /// How often each history is broken off; more is asked for by `INTEGRATIONKIT_CRASH_SEEDS`.
    static let seeds: Range<UInt64> =
        0..<(ProcessInfo.processInfo.environment["INTEGRATIONKIT_CRASH_SEEDS"].flatMap(UInt64.init) ?? 3)

    @Test(arguments: seeds, [16, 512])
    func `A power failure at any operation loses nothing that was acknowledged`(seed: UInt64, sector: Int) throws {
        let operations = try History(seed: seed, sector: sector).countOperations()
        for place in 0..<operations {
            var history = History(seed: seed, sector: sector)
            history.disk.plan(.stop, at: place)
            history.run()
            try history.crash(seed: seed &* 7919 &+ UInt64(place))
            try history.goOn()
        }
    }

    @Test(arguments: seeds)
    func `A power failure at any operation of an opening after a power failure loses nothing either`(seed: UInt64)
        throws
    {
        let operations = try History(seed: seed, sector: 16).countOperations()
        for place in stride(from: Int(seed % 3), to: operations, by: 3) {
            var history = History(seed: seed, sector: 16)
            history.disk.plan(.stop, at: place)
            history.run()
            try history.crashWhileOpening(seed: seed &* 31_337 &+ UInt64(place))
            try history.goOn()
        }
    }

    @Test(arguments: seeds, [EIO, ENOSPC])
    func `A failure of any operation leaves no trace of what was refused`(seed: UInt64, code: Int32) throws {
        let operations = try History(seed: seed, sector: 16).countOperations()
        for place in 0..<operations {
            var history = History(seed: seed, sector: 16)
            history.disk.plan(.fail(code), at: place)
            history.run()
            try history.check()
            try history.crash(seed: seed &* 104_729 &+ UInt64(place))
            try history.goOn()
        }
    }

    @Test(arguments: seeds)
    func `A power failure soon after a failure brings back nothing that was refused`(seed: UInt64) throws {
        let operations = try History(seed: seed, sector: 512).countOperations()
        for place in 0..<operations {
            for later in 1...4 {
                var history = History(seed: seed, sector: 512)
                history.disk.plan(.fail(EIO), at: place)
                history.disk.plan(.stop, at: place + later)
                history.run()
                try history.crash(seed: seed &* 15_485_863 &+ UInt64(place * 4 + later))
            }
        }
    }

    @Test(arguments: seeds)
    func `Failures that pile up end in a crash that loses nothing`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for world in 0..<30 as Range<UInt64> {
            var history = History(seed: seed &* 1000 &+ world, sector: 16)
            for _ in 0..<6 {
                history.disk.plan(.fail(EIO), at: Int.random(in: 0..<120, using: &generator))
            }
            history.disk.plan(.stop, at: Int.random(in: 20..<160, using: &generator))
            history.run()
            for _ in 0..<3 {
                try history.crash(seed: generator.next())
                history.disk.planNext(.fail(EIO), count: 1)
                history.disk.plan(.stop, at: Int.random(in: 2..<80, using: &generator))
                history.run()
            }
            try history.crash(seed: generator.next())
            try history.goOn()
        }
    }
}

/// What a test does to a store and what it must find there afterwards.
struct History {
    private static let path = "/store"
    private(set) var disk: SimulatedDisk
    private var generator: SeededGenerator
    private let clock = ManualClock()
    private var core: JSONFileCore?
    /// The rows after the commits that were acknowledged.
    private var rows: [RowID: String] = [:]
    private var keys: [ByteKey: Data] = [:]
    /// Commits whose outcome nobody knows, in their order.
    private var inDoubt: [Changes] = []
    /// Keys that may stand in place of ``keys``.
    private var keysInDoubt: [[ByteKey: Data]] = []
    private var highest: Int64 = 0

    init(seed: UInt64, sector: Int) {
        disk = SimulatedDisk(seed: seed, sector: sector)
        generator = SeededGenerator(seed: seed ^ 0xABCDEF)
    }

    func countOperations() throws -> Int {
        var history = self
        history.run()
        #expect(!history.disk.isStopped && history.inDoubt.isEmpty)
        return history.disk.operations.count
    }

    /// Opens the store and uses it until the disk stops.
    mutating func run() {
        for _ in 0..<14 where !disk.isStopped {
            guard core != nil else {
                open()
                continue
            }
            step()
        }
    }

    private mutating func open() {
        do {
            try reopen()
        } catch {
            #expect(!(error is IntegrationError), "a crash was taken for damage: \(error)")
        }
    }

    private mutating func step() {
        clock.advance(by: .milliseconds(1500))
        switch Int.random(in: 0..<12, using: &generator) {
        case 0: _ = try? core?.step(bytes: 150)
        case 1:
            _ = try? core?.claim(
                LaneClaim(
                    owner: UUID(),
                    lease: .seconds(1),
                    shares: [.live: 3],
                    perIntegration: 3
                )
            )
        case 2: setKey(Data("key \(Int.random(in: 0..<1000, using: &generator))".utf8))
        case 3: setKey(nil)
        case 4:
            core?.close()
            core = nil
        case 5: _ = try? core?.step(bytes: 400)
        default: commit()
        }
        if disk.isStopped { core = nil }
    }

    private mutating func setKey(_ key: Data?) {
        let tenant = ["a", "b"].randomElement(using: &generator) ?? "a"
        var after = keys
        after[ByteKey(tenant)] = key
        do {
            try core?.setKey(key, for: tenant)
            (keys, keysInDoubt) = (after, [])
        } catch {
            keysInDoubt.append(after)
            if core?.keys == after { (keys, keysInDoubt) = (after, keysInDoubt + [keys]) }
        }
    }

    private mutating func commit() {
        let group = (0..<Int.random(in: 1...4, using: &generator)).map { _ in changes() }
        guard let results = core?.commit(group.map { JSONFileCore.Work(changes: $0) }) else { return }
        core?.payForCompaction()
        for (changes, result) in zip(group, results) {
            switch result {
            case .success:
                inDoubt = []
                apply(changes)
            case .failure(.outcomeUnknown): inDoubt.append(changes)
            case .failure(.refused): break
            case .failure(.conflict(let failed, let taken)): Issue.record("conflict \(failed) \(taken)")
            }
        }
        if !disk.isStopped, core?.journal.hasFailed == false { inDoubt = [] }
    }

    private mutating func changes() -> Changes {
        let lane = LaneID(integration: "one", subject: "\(Int.random(in: 0..<3, using: &generator))")
        let ids = (0..<12).map { RowID(type: "thing", key: "\($0)") }.shuffled(using: &generator)
        let puts = ids.prefix(Int.random(in: 0...3, using: &generator)).map { id in
            RowContent(
                id: id,
                tenant: "tenant",
                integration: "one",
                indexes: [IndexEntry("all", id.key), IndexEntry(LaneID.indexName, lane.indexKey)],
                body: Data("{\"value\":\(Int.random(in: 0..<100_000, using: &generator))}".utf8)
            )
        }
        return Changes(
            id: RandomSource.system.uuid(),
            puts: Array(puts),
            deletes: Array(ids.suffix(Int.random(in: 0...2, using: &generator))),
            touches: [LaneTouch(lane, tenant: "tenant", workClass: .live)]
        )
    }

    private mutating func apply(_ changes: Changes) {
        rows = Self.rows(rows, after: changes)
    }

    private static func rows(_ rows: [RowID: String], after changes: Changes) -> [RowID: String] {
        var rows = rows
        for id in changes.deletes { rows[id] = nil }
        for content in changes.puts { rows[content.id] = String(decoding: content.body, as: UTF8.self) }
        return rows
    }

    /// The power fails; what is found afterwards must be what was acknowledged, or that and some of what is in doubt.
    mutating func crash(seed: UInt64) throws {
        disk = disk.afterCrash(seed: seed)
        core = nil
        try reopen()
    }

    /// The power fails, and fails again at each operation of the opening that follows, in turn.
    mutating func crashWhileOpening(seed: UInt64) throws {
        let crashed = disk.afterCrash(seed: seed)
        core = nil
        for place in 0..<100 {
            var other = self
            other.disk = crashed.copy()
            other.disk.plan(.stop, at: place)
            other.open()
            guard other.disk.isStopped else { break }
            try other.crash(seed: seed &+ UInt64(place))
        }
        disk = crashed
        try reopen()
    }

    private mutating func reopen() throws {
        core = try JSONFileCore.open(
            folder: StoreFolder(path: Self.path, layer: disk),
            options: .init(compactionFloor: 600),
            time: clock.timeSource
        )
        let found = try contents()
        var allowed = [rows]
        for changes in inDoubt { allowed.append(Self.rows(allowed.last ?? rows, after: changes)) }
        #expect(allowed.contains(found), "\(found) is none of \(allowed)")
        rows = found
        inDoubt = []
        let keys = core?.keys ?? [:]
        #expect(([self.keys] + keysInDoubt).contains(keys))
        (self.keys, keysInDoubt) = (keys, [])
    }

    /// The open store must hold what was acknowledged.
    func check() throws {
        guard core != nil else { return }
        #expect(try contents() == rows)
        #expect(core?.keys == keys)
    }

    private func contents() throws -> [RowID: String] {
        guard let core else { return [:] }
        let stored = try core.rows(matching: RowQuery("all"))
        let found = Dictionary(uniqueKeysWithValues: stored.map { ($0.content.id, $0) })
        #expect(try core.rows(stored.map(\.content.id)) == found)
        #expect(core.slots.count == found.count)
        let jobs = try core.rows(matching: RowQuery(LaneID.indexName)).map(\.content.id)
        #expect(Set(jobs) == Set(found.keys))
        #expect(Set(core.index.numbers(in: .tenant("tenant"), limit: .max, at: .zero)).count == found.count)
        return found.mapValues { String(decoding: $0.content.body, as: UTF8.self) }
    }

    /// Uses the store once more, closes it and opens it again.
    mutating func goOn() throws {
        for _ in 0..<2 {
            let id = RowID(type: "thing", key: "last")
            let content = RowContent(
                id: id,
                tenant: "tenant",
                indexes: [IndexEntry("all", "last"), IndexEntry(LaneID.indexName, "one|last")],
                body: Data("{}".utf8)
            )
            let changes = Changes(id: RandomSource.system.uuid(), puts: [content])
            for result in core?.commit([JSONFileCore.Work(changes: changes)]) ?? [] { try result.get() }
            apply(changes)
            let numbers = try core?.rows(matching: RowQuery("all")).map(\.revision) ?? []
            let revision = try core?.rows([id])[id]?.revision ?? 0
            #expect(revision == numbers.max() && revision > highest)
            highest = revision
            try check()
            core?.close()
            try reopen()
        }
    }
}
