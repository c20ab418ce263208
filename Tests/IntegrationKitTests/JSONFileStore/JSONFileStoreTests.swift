// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite(.timeLimit(.minutes(10))) struct JSONFileStoreTests {
    static func content(_ key: String, tenant: String = "t", body: String = "{}", keep: Duration? = nil) -> RowContent {
        RowContent(
            id: RowID(type: "thing", key: key),
            tenant: tenant,
            integration: "one",
            indexes: [IndexEntry("all", key), IndexEntry("u", key, isUnique: true)],
            body: Data(body.utf8),
            keep: keep
        )
    }

    static func changes(_ puts: RowContent..., touches: [LaneTouch] = []) -> Changes {
        Changes(id: RandomSource.system.uuid(), puts: puts, touches: touches)
    }

    static func claim(_ store: JSONFileIntegrationStore) async throws -> [ClaimedLane] {
        try await store.claimLanes(
            LaneClaim(
                owner: RandomSource.system.uuid(),
                lease: .seconds(60),
                shares: [.live: 10, .hook: 10],
                perIntegration: 10
            )
        ).lanes
    }

    func store(_ disk: SimulatedDisk, time: TimeSource = ManualClock().timeSource) throws -> JSONFileIntegrationStore {
        try JSONFileIntegrationStore(path: "/store", layer: disk, options: .init(), time: time)
    }

    // MARK: Reopening

    @Test(arguments: [false, true])
    func `Rows, numbers, lanes, keys and repeated commits outlive the process`(isCompacted: Bool) async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let bodies = [
            "{}", "null", "[1,2.50e3]", "{\"é\\n\":\"\u{1F600}\"}", "{\n  \"pretty\": true\n}", "not JSON \u{0}", "",
        ]
        let lane = LaneID(integration: "one", subject: "a|b\n\"é")
        var store = try JSONFileIntegrationStore(directory: folder.store, time: clock.timeSource)
        for (place, body) in bodies.enumerated() {
            try await store.commit(Self.changes(Self.content("\(place)\n\"é", body: body, keep: .seconds(90))))
        }
        var job = Self.content("job")
        job.indexes.append(IndexEntry(LaneID.indexName, lane.indexKey))
        let last = Self.changes(
            job,
            touches: [LaneTouch(lane, tenant: "t", workClass: .hook, after: .seconds(30))]
        )
        try await store.commit(last)
        _ = try await store.replace(nil, with: Data([0, 255, 10]), for: "t\n")
        if isCompacted { try await store.compact() }
        let before = try await store.rows(matching: RowQuery("all"))
        #expect(before.map { String(decoding: $0.content.body, as: UTF8.self) }.sorted() == (bodies + ["{}"]).sorted())
        await store.close()

        clock.advance(by: .seconds(10))
        store = try JSONFileIntegrationStore(directory: folder.store, time: clock.timeSource)
        #expect(try await store.rows(matching: RowQuery("all")) == before)
        #expect(try await store.wrappedKey(for: "t\n") == Data([0, 255, 10]))
        try await store.commit(last)
        #expect(try await store.rows(matching: RowQuery("all")) == before)
        #expect(try await Self.claim(store).isEmpty)
        clock.advance(by: .seconds(20))
        let claimed = try #require(try await Self.claim(store).first)
        #expect(claimed.lease.lane == lane && claimed.workClass == .hook && claimed.jobs.map(\.content.id) == [job.id])
        try await store.commit(Self.changes(Self.content("new")))
        let new = try #require(try await store.rows(matching: RowQuery("all", keys: ["new"])).first)
        #expect(before.allSatisfy { $0.revision < new.created })
        clock.advance(by: .seconds(70))
        #expect(try await store.purge(.expired, limit: 100) == bodies.count)
        await store.close()
    }

    @Test func `A lane that was held when the process ended is due, its starts count on and its token is void`()
        async throws
    {
        let folder = try TemporaryFolder()
        let lane = LaneID(integration: "one", subject: "a")
        let touch = Self.changes(touches: [LaneTouch(lane, tenant: "t", workClass: .live)])
        var tokens: [Int64] = []
        for round in 1...4 {
            let store = try JSONFileIntegrationStore(directory: folder.store, time: ManualClock().timeSource)
            try await store.commit(touch)
            let claimed = try #require(try await Self.claim(store).first)
            #expect(claimed.lease.starts == round)
            #expect(tokens.allSatisfy { $0 < claimed.lease.token })
            tokens.append(claimed.lease.token)
            for token in tokens.dropLast() {
                await #expect(throws: StoreFailure.self) {
                    try await store.commit(
                        Changes(id: RandomSource.system.uuid(), requires: [.lease(lane, token: token)])
                    )
                }
            }
            await store.close()
        }
    }

    @Test func `A wall clock that jumps between two openings purges nothing; days that pass do`() async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let week: TimeInterval = 7 * 86_400
        var store = try JSONFileIntegrationStore(directory: folder.store, time: clock.timeSource)
        try await store.commit(Self.changes(Self.content("log", keep: .seconds(2 * week))))
        for wall in [clock.wall.addingTimeInterval(60 * week), clock.wall.addingTimeInterval(-60 * week)] {
            await store.close()
            let jumped = ManualClock(wall: wall)
            store = try JSONFileIntegrationStore(directory: folder.store, time: jumped.timeSource)
            #expect(try await store.purge(.expired, limit: 10) == 0)
        }
        for (weeks, purged) in [(1.0, 0), (2.1, 1)] {
            await store.close()
            let later = ManualClock(wall: clock.wall.addingTimeInterval(weeks * week))
            store = try JSONFileIntegrationStore(directory: folder.store, time: later.timeSource)
            #expect(try await store.purge(.expired, limit: 10) == purged)
        }
        await store.close()
    }

    // MARK: The folder

    @Test func `Folder and files are their owner's alone`() async throws {
        let folder = try TemporaryFolder()
        let store = try JSONFileIntegrationStore(directory: folder.store)
        try await store.compact()
        let mode = { (path: String) in
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(folder.store.path) == 0o700)
        let names = try folder.names()
        #expect(names == ["KEYS", "LOCK", "STORE", "journal-2.jsonl", "snapshot-1.jsonl"])
        for name in names { #expect(try mode(folder.store.appendingPathComponent(name).path) == 0o600) }
        await store.close()
    }

    @Test func `Lines are plain JSON behind 17 bytes, and no key stands among the rows`() async throws {
        let folder = try TemporaryFolder()
        let store = try JSONFileIntegrationStore(directory: folder.store)
        _ = try await store.replace(nil, with: Data("secret key bytes".utf8), for: "t")
        try await store.commit(Self.changes(Self.content("a", body: "{\"x\":[1]}")))
        try await store.compact()
        try await store.commit(Self.changes(Self.content("b")))
        await store.close()
        for name in try folder.names() where name != "LOCK" {
            let bytes = try folder.bytes(name)
            #expect(bytes.last == UInt8(ascii: "\n"))
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                _ = try JSONValue(parsing: Data(line.dropFirst(17)))
            }
            let hidden = Data("secret key bytes".utf8).base64EncodedString()
            #expect(String(decoding: bytes, as: UTF8.self).contains(hidden) == (name == "KEYS"))
        }
    }

    @Test func `A second opener is told who has the store, and a closed one blocks nobody`() async throws {
        let folder = try TemporaryFolder()
        let first = try JSONFileIntegrationStore(directory: folder.store)
        let error = #expect(throws: IntegrationError.self) {
            try JSONFileIntegrationStore(directory: folder.store)
        }
        #expect(error?.message.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
        #expect(error?.remedy.text(in: "fr").contains("Fermez") == true)
        await first.suspend()
        await #expect(throws: StoreFailure.self) { try await first.commit(Self.changes(Self.content("a"))) }
        let second = try JSONFileIntegrationStore(directory: folder.store)
        await #expect(throws: IntegrationError.self) { try await first.resume() }
        try await second.commit(Self.changes(Self.content("b")))
        await second.close()
        try await first.resume()
        #expect(try await first.rows(matching: RowQuery("all")).map(\.content.id.key) == ["b"])
        try await first.commit(Self.changes(Self.content("c")))
        await first.close()
        await first.close()
        await #expect(throws: IntegrationError.self) { try await first.resume() }
        await #expect(throws: StoreFailure.self) { try await first.rows(matching: RowQuery("all")) }
        // One that is forgotten gives its lock back too.
        _ = try JSONFileIntegrationStore(directory: folder.store)
        await (try JSONFileIntegrationStore(directory: folder.store)).close()
    }

    @Test(arguments: [EACCES, EROFS, ENOSPC, EIO])
    func `A folder that cannot be used is refused with a remedy`(code: Int32) throws {
        let disk = SimulatedDisk()
        disk.planNext(.fail(code), count: 40)
        let error = #expect(throws: IntegrationError.self) { try store(disk) }
        #expect(error?.code == .storeFailed && error?.remedy.text(in: "fr").isEmpty == false)
    }

    @Test func `A folder that turns read-only refuses commits, still answers, and goes on when it is writable`()
        async throws
    {
        let disk = SimulatedDisk()
        let store = try store(disk)
        try await store.commit(Self.changes(Self.content("a")))
        disk.setReadOnly(true)
        let held = Self.changes(Self.content("b"))
        await #expect { try await store.commit(held) } throws: { error in
            if case StoreFailure.outcomeUnknown = error { true } else { false }
        }
        await #expect { try await store.commit(held) } throws: { error in
            if case StoreFailure.outcomeUnknown = error { true } else { false }
        }
        await #expect { try await store.commit(Self.changes(Self.content("c"))) } throws: { error in
            if case StoreFailure.refused(let reason as IntegrationError) = error {
                reason.remedy.text(in: "en").contains("right")
            } else {
                false
            }
        }
        #expect(try await store.rows(matching: RowQuery("all")).map(\.content.id.key) == ["a"])
        disk.setReadOnly(false)
        try await store.commit(held)
        try await store.commit(held)
        #expect(try await store.rows(matching: RowQuery("all")).map(\.content.id.key) == ["a", "b"])
    }

    @Test(arguments: 0..<60) func `A full disk loses nothing, and space that is freed lets the store go on`(room: Int)
        async throws
    {
        let disk = SimulatedDisk(seed: UInt64(room))
        let clock = ManualClock()
        var store = try store(disk, time: clock.timeSource)
        disk.setCapacity(disk.used + room * 40)
        var kept: Set<String> = []
        var open: [Changes] = []
        for number in 0..<8 {
            let change = Self.changes(Self.content("\(number)"))
            do {
                try await store.commit(change)
                kept.insert("\(number)")
            } catch StoreFailure.outcomeUnknown {
                open.append(change)
            } catch StoreFailure.refused {}
        }
        #expect(try await Set(store.rows(matching: RowQuery("all")).map(\.content.id.key)) == kept)
        disk.setCapacity(.max)
        for change in open {
            try await store.commit(change)
            kept.formUnion(change.puts.map(\.id.key))
        }
        await store.close()
        store = try self.store(disk.afterCrash(seed: UInt64(room)), time: clock.timeSource)
        #expect(try await Set(store.rows(matching: RowQuery("all")).map(\.content.id.key)) == kept)
    }

    @Test func `A commit into a folder that was removed is not acknowledged`() async throws {
        let folder = try TemporaryFolder()
        let store = try JSONFileIntegrationStore(directory: folder.store)
        try await store.commit(Self.changes(Self.content("a")))
        try FileManager.default.removeItem(at: folder.store)
        for key in ["b", "c"] {
            await #expect(throws: StoreFailure.self) { try await store.commit(Self.changes(Self.content(key))) }
        }
        await #expect(throws: StoreFailure.self) { _ = try await store.replace(nil, with: Data([1]), for: "t") }
        await store.close()
        let anew = try JSONFileIntegrationStore(directory: folder.store)
        #expect(try await anew.rows(matching: RowQuery("all")).isEmpty)
        await anew.close()
    }

    @Test func `A store whose folder was removed leaves the one that took its place alone`() async throws {
        let folder = try TemporaryFolder()
        let old = try JSONFileIntegrationStore(directory: folder.store)
        try await old.commit(Self.changes(Self.content("old")))
        try FileManager.default.moveItem(at: folder.store, to: folder.url.appendingPathComponent("moved"))
        let new = try JSONFileIntegrationStore(directory: folder.store)
        try await new.commit(Self.changes(Self.content("new")))
        let before = try folder.names().map { try folder.bytes($0) }
        await #expect(throws: StoreFailure.self) { _ = try await old.replace(nil, with: Data([1]), for: "t") }
        await #expect(throws: StoreFailure.self) { try await old.compact() }
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent("moved"))
        for key in ["b", "c"] {
            await #expect(throws: StoreFailure.self) { try await old.commit(Self.changes(Self.content(key))) }
        }
        await old.close()
        #expect(try folder.names().map { try folder.bytes($0) } == before)
        await new.close()
        let again = try JSONFileIntegrationStore(directory: folder.store)
        #expect(try await again.rows(matching: RowQuery("all")).map(\.content.id.key) == ["new"])
        await again.close()
    }

    @Test func `A compaction that was asked for tells when a step paid for by a commit failed`() async throws {
        // More than one step of a compaction takes, so that commits make some of them.
        let body = "{\"a\":\"\(String(repeating: "x", count: 100_000))\"}"
        for place in 0..<16 {
            let disk = SimulatedDisk(sector: 4096)
            let store = try JSONFileIntegrationStore(
                path: "/store",
                layer: disk,
                options: .init(),
                time: ManualClock().timeSource
            )
            for number in 0..<7 { try await store.commit(Self.changes(Self.content("person-\(number)", body: body))) }
            try await store.commit(Changes(id: UUID(), deletes: [RowID(type: "thing", key: "person-3")]))
            disk.planNext(.fail(EIO), on: "snapshot", after: place)
            let others = Task {
                await withTaskGroup(of: Void.self) { group in
                    for other in 0..<8 {
                        group.addTask {
                            for _ in 0..<5 { try? await store.commit(Self.changes(Self.content("other-\(other)"))) }
                        }
                    }
                }
            }
            let isCompacted = (try? await store.compact()) != nil
            await others.value
            let files = disk.paths.compactMap(disk.contents)
            let isGone = files.allSatisfy { Data($0).range(of: Data("person-3".utf8)) == nil }
            #expect(isGone || !isCompacted, "operation \(place) on the snapshot failed")
        }
    }

    @Test func `A group of commits takes one write and one sync`() throws {
        let disk = SimulatedDisk()
        var core = try DamageTests.open(disk)
        let before = disk.operations.count
        let group = (0..<100).map { JSONFileCore.Work(changes: Self.changes(Self.content("\($0)"))) }
        for result in core.commit(group) { try result.get() }
        // The second write is the mark that says how far the sync reached.
        #expect(
            disk.operations[before...] == ["write journal-1.jsonl", "sync journal-1.jsonl", "write journal-1.jsonl"]
        )
        core.close()
    }

    // MARK: Cost

    @Test func `Commits that wait together share one sync`() async throws {
        let disk = SimulatedDisk()
        let store = try store(disk)
        let before = disk.operations.filter { $0.hasPrefix("sync journal") }.count
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask { try await store.commit(Self.changes(Self.content("\(number)"))) }
            }
            try await group.waitForAll()
        }
        let syncs = disk.operations.filter { $0.hasPrefix("sync journal") }.count - before
        #expect(syncs < 100, "200 commits at once took \(syncs) syncs")
        #expect(try await store.count(matching: RowQuery("all"), upTo: 1000) == 200)
    }

    @Test func `A commit too large for a line is refused and the ones beside it are not`() async throws {
        let disk = SimulatedDisk()
        let store = try store(disk)
        let large = Self.content("large", body: "\"" + String(repeating: "x", count: 10_000_000) + "\"")
        await #expect { try await store.commit(Self.changes(large)) } throws: { error in
            if case StoreFailure.refused(let reason as IntegrationError) = error {
                reason.code == .invalidInput
            } else {
                false
            }
        }
        try await store.commit(Self.changes(Self.content("small")))
        #expect(try await store.rows(matching: RowQuery("all")).map(\.content.id.key) == ["small"])
    }

    @Test func `A step of a compaction copies no more than it is given, however large the store is`() throws {
        let disk = SimulatedDisk()
        var core = try JSONFileCore.open(
            folder: StoreFolder(path: "/store", layer: disk),
            options: .init(),
            time: ManualClock().timeSource
        )
        for part in 0..<4 {
            let puts = (0..<500).map {
                Self.content("\(part) \($0)", body: "\"" + String(repeating: "x", count: 60) + "\"")
            }
            let work = JSONFileCore.Work(changes: Changes(id: RandomSource.system.uuid(), puts: puts))
            for result in core.commit([work]) { try result.get() }
        }
        try core.beginCompaction()
        var (steps, used) = (0, disk.used)
        while try core.step(bytes: 1000) {
            steps += 1
            #expect(disk.used - used < 8_000)
            used = disk.used
        }
        #expect(steps >= 200)
        #expect(core.slots.count == 2000)
        core.close()
    }

    @Test func `A large file that was replaced loses its name first and is then freed piece by piece`() throws {
        let disk = SimulatedDisk(sector: 1 << 16)
        var core = try JSONFileCore.open(
            folder: StoreFolder(path: "/store", layer: disk),
            options: .init(),
            time: ManualClock().timeSource
        )
        let body = "\"" + String(repeating: "x", count: 4 << 20) + "\""
        for number in 0..<5 {
            let work = JSONFileCore.Work(changes: Self.changes(Self.content("\(number % 2)", body: body)))
            for result in core.commit([work]) { try result.get() }
        }
        try core.beginCompaction()
        var used = disk.used
        while try core.step() {
            let cuts = disk.operations.filter { $0 == "truncate journal-1.jsonl" }
            if !cuts.isEmpty { #expect(!disk.paths.contains("/store/journal-1.jsonl")) }
            #expect(used - disk.used <= 8 << 20)
            used = disk.used
        }
        #expect(disk.operations.filter { $0 == "truncate journal-1.jsonl" }.count == 2)
        let rows = try core.rows([RowID(type: "thing", key: "1")])
        #expect(rows.count == 1)
        core.close()
    }

    @Test func `What was deleted stands in no file after a compaction, also one that is forced meanwhile`() async throws
    {
        let folder = try TemporaryFolder()
        let store = try JSONFileIntegrationStore(directory: folder.store, options: .init(compactionFloor: 2000))
        for number in 0..<50 {
            try await store.commit(Self.changes(Self.content("person-\(number)", tenant: "t\(number % 2)")))
        }
        try await store.commit(Changes(id: UUID(), deletes: [RowID(type: "thing", key: "person-7")]))
        try await store.compact()
        let text = { try folder.names().map { String(decoding: try folder.bytes($0), as: UTF8.self) }.joined() }
        #expect(try !text().contains("person-7\"") && text().contains("person-8\""))
        while try await store.purge(.tenant("t0"), limit: 7) > 0 {}
        async let compaction: Void = store.compact()
        for number in 0..<20 { try await store.commit(Self.changes(Self.content("later-\(number)", tenant: "t1"))) }
        try await compaction
        #expect(try !text().contains("person-8\"") && text().contains("person-9\""))
        #expect(try await store.count(matching: RowQuery("all"), upTo: 100) == 44)
        #expect(try await store.maintain(budget: .seconds(3600)))
        await store.close()
    }

    @Test func `A dropped key is in no file, and the file that held it was overwritten`() async throws {
        let folder = try TemporaryFolder()
        let store = try JSONFileIntegrationStore(directory: folder.store)
        let key = Data((0..<32).map { $0 })
        _ = try await store.replace(nil, with: key, for: "t")
        // A second name keeps the old file in reach.
        let kept = folder.url.appendingPathComponent("kept")
        try FileManager.default.linkItem(at: folder.store.appendingPathComponent("KEYS"), to: kept)
        try await store.dropKey(for: "t")
        #expect(try await store.wrappedKey(for: "t") == nil)
        let text = key.base64EncodedString()
        #expect(try !String(decoding: folder.bytes("KEYS"), as: UTF8.self).contains(text))
        #expect(try Data(contentsOf: kept).allSatisfy { $0 == 0 })
        await store.close()
    }
}
