// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct RepairTests {
    /// A store whose rows 0 to 4 stand in a snapshot and 5 to 9 in a journal.
    private func makeStore(in folder: TemporaryFolder) async throws {
        let store = try JSONFileIntegrationStore(directory: folder.store)
        for number in 0..<10 {
            try await store.commit(JSONFileStoreTests.changes(JSONFileStoreTests.content("\(number)")))
            if number == 4 { try await store.compact() }
        }
        _ = try await store.replace(nil, with: Data("key".utf8), for: "t")
        _ = try await store.replace(nil, with: Data("key".utf8), for: "u")
        await store.close()
    }

    /// Changes a byte in the line that holds a text.
    private func damage(_ name: String, at text: String, in folder: TemporaryFolder) throws {
        var bytes = try folder.bytes(name)
        let range = try #require(bytes.range(of: Data(text.utf8)))
        bytes[range.lowerBound] ^= 1
        try bytes.write(to: folder.store.appendingPathComponent(name))
    }

    private static let places: [(String, String, Set<String>)] = [
        ("snapshot-1.jsonl", "\"3\"", ["3"]), ("journal-2.jsonl", "\"7\"", ["7"]),
        ("journal-2.jsonl", "\"ids\"", []), ("KEYS", "\"u\"", []),
    ]

    @Test(arguments: places)
    func `A repair drops the damaged line and nothing else, and keeps a copy`(
        file: String,
        text: String,
        lost: Set<String>
    ) async throws {
        let folder = try TemporaryFolder()
        try await makeStore(in: folder)
        try damage(file, at: text, in: folder)
        #expect(throws: IntegrationError.self) { try JSONFileIntegrationStore(directory: folder.store) }
        let before = try folder.names().map { try folder.bytes($0) }
        let found = try JSONFileIntegrationStore.examine(directory: folder.store)
        #expect(found.losses.map(\.file) == [file] && found.rows == 10 - lost.count && found.copy == nil)
        #expect(try folder.names().map { try folder.bytes($0) } == before)

        let copy = folder.url.appendingPathComponent("copy")
        let report = try JSONFileIntegrationStore.repair(directory: folder.store, copyingTo: copy)
        #expect(report.losses == found.losses && report.rows == found.rows && report.copy == copy)
        #expect(try Data(contentsOf: copy.appendingPathComponent(file)) != Data())

        let store = try JSONFileIntegrationStore(directory: folder.store)
        let left = try await store.rows(matching: RowQuery("all")).map(\.content.id.key)
        #expect(Set(left) == Set((0..<10).map(String.init)).subtracting(lost) && left.count == 10 - lost.count)
        #expect(try await store.wrappedKey(for: "t") == Data("key".utf8))
        #expect(try await store.wrappedKey(for: "u") == (file == "KEYS" ? nil : Data("key".utf8)))
        try await store.commit(JSONFileStoreTests.changes(JSONFileStoreTests.content("new")))
        await store.close()
        #expect(try JSONFileIntegrationStore.examine(directory: folder.store).losses.isEmpty)
    }

    @Test func `A repair begins a new epoch only if it dropped something`() async throws {
        let folder = try TemporaryFolder()
        try await makeStore(in: folder)
        let epoch = { () async throws -> UUID in
            let store = try JSONFileIntegrationStore(directory: folder.store)
            let epoch = try await store.epoch()
            await store.close()
            return epoch
        }
        let first = try await epoch()
        let copy = folder.url.appendingPathComponent("copy")
        #expect(try JSONFileIntegrationStore.repair(directory: folder.store, copyingTo: copy).losses.isEmpty)
        #expect(try await epoch() == first)
        try damage("journal-2.jsonl", at: "\"7\"", in: folder)
        _ = try JSONFileIntegrationStore.repair(directory: folder.store, copyingTo: copy)
        #expect(try await epoch() != first)
    }

    @Test(arguments: ["STORE", "KEYS"], [false, true])
    func `A repair makes a small file anew that is damaged or gone`(name: String, isGone: Bool) async throws {
        let folder = try TemporaryFolder()
        try await makeStore(in: folder)
        let file = folder.store.appendingPathComponent(name)
        if isGone { try FileManager.default.removeItem(at: file) } else { try Data("?\n".utf8).write(to: file) }
        #expect(throws: IntegrationError.self) { try JSONFileIntegrationStore(directory: folder.store) }
        let report = try JSONFileIntegrationStore.repair(
            directory: folder.store,
            copyingTo: folder.url.appendingPathComponent("copy")
        )
        #expect(report.losses.map(\.file) == [name] && report.rows == 10)
        let store = try JSONFileIntegrationStore(directory: folder.store)
        #expect(try await store.count(matching: RowQuery("all"), upTo: 100) == 10)
        #expect(try await store.wrappedKey(for: "t") == (name == "KEYS" ? nil : Data("key".utf8)))
        await store.close()
    }

    @Test func `A journal that lost its only line is repaired, and lanes do not wait for a clock that began anew`()
        async throws
    {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        var store = try JSONFileIntegrationStore(directory: folder.store, time: clock.timeSource)
        clock.advance(by: .seconds(1_000_000))
        let lane = LaneID(integration: "one", subject: "a")
        try await store.commit(
            JSONFileStoreTests.changes(
                JSONFileStoreTests.content("a"),
                touches: [LaneTouch(lane, tenant: "t", workClass: .live)]
            )
        )
        try await store.compact()
        await store.close()
        try damage("journal-2.jsonl", at: "\"ids\"", in: folder)
        #expect(throws: IntegrationError.self) { try JSONFileIntegrationStore(directory: folder.store) }
        #expect(try JSONFileIntegrationStore.examine(directory: folder.store).losses.count == 1)
        _ = try JSONFileIntegrationStore.repair(
            directory: folder.store,
            copyingTo: folder.url.appendingPathComponent("copy")
        )
        store = try JSONFileIntegrationStore(directory: folder.store, time: clock.timeSource)
        #expect(try await JSONFileStoreTests.claim(store).map(\.lease.lane) == [lane])
        await store.close()
    }

    @Test func `A folder that is not there is not made by a look at it`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: IntegrationError.self) { try JSONFileIntegrationStore.examine(directory: folder.store) }
        #expect(!FileManager.default.fileExists(atPath: folder.store.path))
    }

    @Test func `A store that is open is not repaired`() async throws {
        let folder = try TemporaryFolder()
        let store = try JSONFileIntegrationStore(directory: folder.store)
        #expect(throws: IntegrationError.self) { try JSONFileIntegrationStore.examine(directory: folder.store) }
        await store.close()
    }
}
