// SPDX-License-Identifier: Apache-2.0
#if os(macOS) || os(Linux)
    import Foundation
    import IntegrationKit
    import IntegrationKitTesting
    import Testing

    /// A process that commits as fast as it can is killed, again and again.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct KillTests {
        /// How often; more is asked for by `INTEGRATIONKIT_KILLS`.
        static let kills = ProcessInfo.processInfo.environment["INTEGRATIONKIT_KILLS"].flatMap(Int.init) ?? 8

        @Test func `What was acknowledged is there after a kill, and no commit is there in part`() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            for round in 0..<Self.kills {
                await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, round = round as Int] in
                    try await Child(path: path, round: round).commitUntilKilled()
                }
                try await check(folder)
            }
        }

        @Test func `Another process is told who has the store`() async throws {
            let folder = try TemporaryFolder()
            let store = try JSONFileIntegrationStore(directory: folder.store)
            let holder = ProcessInfo.processInfo.processIdentifier
            await #expect(processExitsWith: .success) {
                [path = folder.store.path as String, holder = holder as Int32] in
                let error = #expect(throws: IntegrationError.self) {
                    try JSONFileIntegrationStore(directory: URL(fileURLWithPath: path))
                }
                #expect(error?.message.contains("process \(holder)") == true)
            }
            await store.close()
        }

        private func check(_ folder: TemporaryFolder) async throws {
            let store = try JSONFileIntegrationStore(directory: folder.store)
            let acknowledged = try String(
                contentsOf: folder.url.appendingPathComponent("acknowledged"),
                encoding: .utf8
            )
            .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
            #expect(!acknowledged.isEmpty)
            var found: [String: Set<String>] = [:]
            var query = RowQuery("all", limit: 5000)
            while true {
                let page = try await store.rows(matching: query)
                guard let last = page.last else { break }
                for row in page {
                    found[String(row.content.id.key.dropFirst(2)), default: []].insert(
                        String(row.content.id.key.prefix(1))
                    )
                }
                query.after = PageKey(key: "", created: last.created)
            }
            #expect(found.values.allSatisfy { $0 == ["a", "b"] }, "a commit is there in part")
            let missing = acknowledged.filter { found[$0] == nil }
            #expect(missing.isEmpty, "acknowledged and lost: \(missing.prefix(5))")
            await store.close()
        }
    }

    /// What the rights of the files allow; a test that runs as root gives its rights away in a process of its own.
    @Suite(.timeLimit(.minutes(10))) struct PermissionTests {
        @Test(arguments: [false, true])
        func `A folder that may not be written is refused with a remedy`(isThere: Bool) async throws {
            let folder = try TemporaryFolder()
            let place = isThere ? folder.store : folder.url
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            unsafe chmod(place.path, 0o555)
            await #expect(processExitsWith: .success) { [path = folder.store.path as String] in
                if geteuid() == 0 { #expect(seteuid(65534) == 0) }
                let error = #expect(throws: IntegrationError.self) {
                    try JSONFileIntegrationStore(directory: URL(fileURLWithPath: path, isDirectory: true))
                }
                #expect(error?.message.contains(path) == true)
                #expect(error?.remedy.text(in: "en").contains("right") == true)
            }
            unsafe chmod(place.path, 0o755)
        }
    }

    /// The process that is killed.
    private struct Child {
        let path: String
        let round: Int

        func commitUntilKilled() async throws {
            let url = URL(fileURLWithPath: path, isDirectory: true)
            let store = try JSONFileIntegrationStore(
                directory: url.appendingPathComponent("store"),
                options: .init(compactionFloor: 30_000)
            )
            let acknowledged = url.appendingPathComponent("acknowledged")
            if !FileManager.default.fileExists(atPath: acknowledged.path) { try Data().write(to: acknowledged) }
            let log = try FileHandle(forWritingTo: acknowledged)
            try log.seekToEnd()
            let delay = DispatchTimeInterval.microseconds(Int.random(in: 20_000...150_000))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        for number in 0... {
                            let name = "\(round)-\(task)-\(number)"
                            let puts = ["a", "b"].map { part in
                                RowContent(
                                    id: RowID(type: "thing", key: "\(part) \(name)"),
                                    tenant: "t",
                                    indexes: [IndexEntry("all", "")],
                                    body: Data("{\"text\":\"\(String(repeating: "x", count: number % 300))\"}".utf8)
                                )
                            }
                            try await store.commit(Changes(id: UUID(), puts: puts))
                            try log.write(contentsOf: Data("\(name)\n".utf8))
                            if task == 0, number == 0 {
                                DispatchQueue.global().asyncAfter(deadline: .now() + delay) { kill(getpid(), SIGKILL) }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
#endif
