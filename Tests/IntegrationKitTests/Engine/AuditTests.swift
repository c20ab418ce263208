// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// A create whose first attempt surfaces after the second was made.
@Suite struct AuditTests {
    @Test(arguments: [false, true])
    func `A first attempt that surfaces late is told of once, in the log too, and nothing is deleted`(
        restarts: Bool
    ) async throws {
        let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
        let book = LockBox(SlowBook())
        let provider = SlowIndexProvider(book: book, now: { clock.now.offset })
        let store = InMemoryIntegrationStore(time: clock.timeSource)
        let observer = RecordingObserver()
        func process() async throws -> IntegrationManager {
            try await IntegrationManager(
                providers: [provider],
                store: store,
                keyring: try Keyring(current: Data(repeating: 7, count: 32)),
                namespace: "tests",
                transport: TightPlatform(clock, limit: 1000),
                observers: [observer],
                time: clock.timeSource
            )
        }
        var manager = try await process()
        let integration = try await manager.connect(
            TightProvider.platform,
            for: "t",
            name: "Slow",
            form: ["key": "k"],
            settings: SyncSettings(direction: .push, frequency: .manual)
        )
        var coordinator = SyncCoordinator(manager)
        try await coordinator.enqueue(
            DomainEvent(.prospectCreated, id: "e1", of: "p1", for: "t", fields: ["name": "Ada"])
        )
        for hour in 0..<30 {
            for _ in 0..<30 {
                _ = try await coordinator.syncOnce(until: .now + .seconds(60))
                clock.advance(by: .seconds(120))
            }
            guard restarts, hour % 5 == 0 else { continue }
            manager = try await process()
            coordinator = SyncCoordinator(manager)
        }
        #expect(book.withLock { $0.records.map(\.id) } == ["1", "2"])
        let told = observer.events.filter { $0.kind == .duplicateFound }
        #expect(told.map(\.remote?.value) == ["1"])
        let event = try #require(told.first)
        #expect(event.message.contains("1 beside 2"))
        let log = try await manager.logs(of: integration.id, limit: 100)
        #expect(log.count { $0.kind == .duplicateFound } == 1)
        #expect(book.withLock { $0.lookUps } <= 4)
        let left = await store.rows(matching: RowQuery("record", keys: ["t|prospect|p1"]))
        #expect(!left.contains { $0.content.id.type == "audit" })
    }
}

/// Records that a look-up sees ten minutes after they were made.
private struct SlowBook: Sendable {
    var records: [(id: String, key: String, at: Duration)] = []
    var lookUps = 0
}

private struct SlowIndexProvider: IntegrationProvider {
    let book: LockBox<SlowBook>
    let now: @Sendable () -> Duration
    private let inner = TightProvider(limit: 1000)

    init(book: LockBox<SlowBook>, now: @escaping @Sendable () -> Duration) {
        self.book = book
        self.now = now
    }

    var descriptor: PlatformDescriptor { inner.descriptor }

    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) {}

    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? { nil }

    func budgets(of account: ConnectedAccount) -> [Budget] { [] }

    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] { [] }

    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        try await inner.verifyConnection(in: session)
    }

    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        writes.map { WriteBatch(writes: [$0], safety: .found) }
    }

    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        let made = book.withLock { book in
            let id = "\(book.records.count + 1)"
            book.records += batch.writes.map { (id, $0.externalKey, now()) }
            return id
        }
        guard made != "1" else {
            return [.unknown(IntegrationError(.network, "Lost.", retry: .after(nil), mayHaveHappened: true))]
        }
        return [.applied(RemoteRecord(id: RemoteID(.contact, made)))]
    }

    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        book.withLock { book in
            book.lookUps += 1
            return writes.map { write in
                let seen = book.records.filter { $0.key == write.externalKey && $0.at + .seconds(600) <= now() }
                let ids = seen.map { RemoteID(.contact, $0.id) }
                guard let first = ids.first else { return .absent }
                return ids.count == 1 ? .found(RemoteRecord(id: first), byExternalKey: true) : .several(ids)
            }
        }
    }

    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] { [] }

    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        ChangePage(changes: [])
    }

    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws
        -> [FetchResult]
    {
        ids.map { .gone($0) }
    }
}
