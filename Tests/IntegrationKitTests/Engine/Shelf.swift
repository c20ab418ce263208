// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// A small platform with the poorest of lists: counted pages, whole seconds, a cap; or a log with a position.
final class Shelf: Sendable {
    struct Item: Sendable {
        var id: Int
        var name: String
        var changed: Date
    }
    struct State: Sendable {
        var items: [Int: Item] = [:]
        /// Ids in the order of their changes, for the log.
        var log: [Int] = []
        var lastID = 0
        var pages = 0
        var shown: [String] = []
    }

    let clock: ManualClock
    let state = LockBox(State())
    /// Runs before each page is made.
    let onPage = LockBox<(@Sendable (Int) -> Void)?>(nil)

    init(_ clock: ManualClock) {
        self.clock = clock
    }

    var items: [Item] { state.withLock { $0.items.values.sorted { $0.id < $1.id } } }

    @discardableResult
    func put(_ name: String, id: Int? = nil) -> Int {
        let second = Date(timeIntervalSince1970: clock.wall.timeIntervalSince1970.rounded(.down))
        return state.withLock { state in
            if id == nil { state.lastID += 1 }
            let id = id ?? state.lastID
            state.items[id] = Item(id: id, name: name, changed: second)
            state.log.append(id)
            return id
        }
    }
}

struct ShelfProvider: IntegrationProvider {
    let shelf: Shelf
    let mode: ChangeStream.Mode
    static let platform = PlatformID(rawValue: "shelf")
    static let cap = 50

    let descriptor: PlatformDescriptor

    init(_ shelf: Shelf, mode: ChangeStream.Mode) {
        self.shelf = shelf
        self.mode = mode
        descriptor = PlatformDescriptor(
            id: ShelfProvider.platform,
            name: "Shelf",
            summary: LocalizedText("A shelf"),
            category: .crm,
            apiVersion: "1",
            documentation: URL(fileURLWithPath: "/"),
            signInMethods: [
                SignInMethod(
                    id: "key",
                    label: LocalizedText("Key"),
                    fields: [FormField(id: "key", label: LocalizedText("Key"), kind: .text)]
                )
            ],
            kinds: [KindDescription(kind: .contact, name: LocalizedText("Contacts"), safety: .found)],
            routes: [],
            mappings: [FieldMapping(hostKind: "prospect", kind: .contact, rules: [FieldRule("name", "name")])],
            baseURL: URL(string: "https://shelf.example.com")
        )
    }

    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) {}
    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? { nil }
    func budgets(of account: ConnectedAccount) -> [Budget] { [] }
    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] { [] }
    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] { [] }
    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] { [] }
    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        writes.map { _ in .absent }
    }

    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        ConnectionReport(
            key: AccountKey(platform: ShelfProvider.platform, value: "1"),
            name: "Shelf",
            profile: session.account.profile
        )
    }

    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] {
        [
            ChangeStream(
                id: "contacts",
                kinds: [.contact],
                mode: mode,
                order: .changeTime,
                paging: .offset,
                precision: .seconds(1),
                resultCap: mode == .window ? ShelfProvider.cap : nil
            )
        ]
    }

    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        let number = shelf.state.withLock { state in
            state.pages += 1
            return state.pages
        }
        shelf.onPage.withLock { $0 }?(number)
        return mode == .cursor ? logPage(query) : offsetPage(query)
    }

    private func offsetPage(_ query: ChangeQuery) -> ChangePage {
        var rows = shelf.items.filter { item in
            item.changed >= query.from ?? .distantPast && item.changed < query.until ?? .distantFuture
        }
        if let after = query.afterID {
            rows = rows.filter { $0.id > Int(after.value) ?? 0 }
        } else {
            rows.sort { ($0.changed, $0.id) < ($1.changed, $1.id) }
        }
        // What lies behind the cap cannot be reached by counting; the last row of the page before comes again.
        let start = Int(query.page?.int64 ?? 0)
        let reach = min(rows.count, ShelfProvider.cap)
        let end = min(start + query.limit, reach)
        let page = start < end ? Array(rows[start..<end]) : []
        shelf.state.withLock { $0.shown += page.map(\.name) }
        let ids = page.map { RemoteID(.contact, String($0.id)) }
        return ChangePage(
            changes: page.map { .updated(Self.record($0)) },
            next: end < reach ? .number(JSONNumber(max(end - 1, start + 1))) : nil,
            total: rows.count,
            first: ids.first,
            last: ids.last
        )
    }

    private func logPage(_ query: ChangeQuery) -> ChangePage {
        let start = Int(query.position?.int64 ?? 0)
        let (log, items) = shelf.state.withLock { ($0.log, $0.items) }
        let end = min(start + query.limit, log.count)
        return ChangePage(
            changes: log[start..<end].compactMap { items[$0].map { .updated(Self.record($0)) } },
            position: .number(JSONNumber(end)),
            isComplete: end == log.count
        )
    }

    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws -> [FetchResult]
    {
        let items = shelf.state.withLock { $0.items }
        return ids.map { id in Int(id.value).flatMap { items[$0] }.map { .found(Self.record($0)) } ?? .gone(id) }
    }

    private static func record(_ item: Shelf.Item) -> RemoteRecord {
        RemoteRecord(
            id: RemoteID(.contact, String(item.id)),
            version: String(Int(item.changed.timeIntervalSince1970)),
            modifiedAt: item.changed,
            fields: ["name": .text(item.name)]
        )
    }
}

/// A host, a shelf and the engine between them.
struct ShelfWorld {
    let clock: ManualClock
    let shelf: Shelf
    let store: InMemoryIntegrationStore
    let records: InMemoryHostRecords
    let observer = RecordingObserver()
    let coordinator: SyncCoordinator
    let mode: ChangeStream.Mode

    init(
        _ mode: ChangeStream.Mode,
        pageSize: Int = 10,
        over wrap: (InMemoryIntegrationStore) -> any IntegrationStore = { $0 }
    )
        async throws
    {
        self.mode = mode
        clock = ManualClock(skippingSleepsUpTo: .seconds(5))
        shelf = Shelf(clock)
        store = InMemoryIntegrationStore(time: clock.timeSource)
        records = InMemoryHostRecords()
        let manager = try await Self.manager(shelf, mode, wrap(store), store, clock, pageSize, seed: 1)
        try await manager.connect(ShelfProvider.platform, for: "t", name: "Shelf", form: ["key": "k"])
        coordinator = SyncCoordinator(manager, host: records)
    }

    init(restarting world: ShelfWorld, pageSize: Int = 10) async throws {
        clock = world.clock
        shelf = world.shelf
        store = world.store
        records = world.records
        mode = world.mode
        coordinator = SyncCoordinator(
            try await Self.manager(shelf, mode, store, store, clock, pageSize, seed: 2),
            host: records
        )
    }

    private static func manager(
        _ shelf: Shelf,
        _ mode: ChangeStream.Mode,
        _ store: any IntegrationStore,
        _ keys: InMemoryIntegrationStore,
        _ clock: ManualClock,
        _ pageSize: Int,
        seed: UInt64
    ) async throws -> IntegrationManager {
        var options = EngineOptions()
        options.pageSize = pageSize
        return try await IntegrationManager(
            providers: [ShelfProvider(shelf, mode: mode)],
            store: store,
            tenantKeys: keys,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: ScriptedTransport(),
            options: options,
            time: clock.timeSource,
            random: IntegrationKitTesting.SeededGenerator(seed: seed).randomSource
        )
    }

    /// Works for a span of time, minute by minute.
    func work(for span: Duration) async throws {
        var passed = Duration.zero
        while passed <= span {
            _ = try await coordinator.syncOnce(until: .now + .seconds(20))
            clock.advance(by: .seconds(61))
            passed += .seconds(61)
        }
    }

    /// The names that the host has, sorted.
    func hostNames() async -> [String] {
        var names: [String] = []
        for reference in await records.references {
            if case .text(let name)? = await records.record(reference)?.fields["name"] { names.append(name) }
        }
        return names.sorted()
    }
}
