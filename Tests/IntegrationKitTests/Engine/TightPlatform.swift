// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// A platform that takes one record a call, so many calls in any span of ten seconds, and tells what remains.
final class TightPlatform: HTTPTransport {
    struct State: Sendable {
        /// When calls were accepted, by the clock's offset.
        var accepted: [Duration] = []
        var ours = 0
        var refused = 0
        var inFlight = 0
        var mostInFlight = 0
        var strangersLastCall = Duration.zero
    }

    static let span = Duration.seconds(10)
    let limit: Int
    /// How often somebody else's tool calls the same account; nil: it does not.
    let strangerEvery: Duration?
    /// Whether answers tell what remains.
    let tells: Bool
    private let clock: ManualClock
    private let box = LockBox(State())
    /// Runs while a call is being worked on.
    let onCall = LockBox<(@Sendable () async -> Void)?>(nil)

    init(_ clock: ManualClock, limit: Int, strangerEvery: Duration? = nil, tells: Bool = true) {
        self.clock = clock
        self.limit = limit
        self.strangerEvery = strangerEvery
        self.tells = tells
    }

    var state: State { box.withLock { $0 } }

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        let now = clock.now.offset
        let remaining = box.withLock { state -> Int? in
            if let every = strangerEvery {
                while state.strangersLastCall + every <= now {
                    state.strangersLastCall += every
                    let held = state.accepted.count { $0 > state.strangersLastCall - Self.span }
                    if held < limit { state.accepted.append(state.strangersLastCall) }
                }
            }
            state.accepted.removeAll { $0 <= now - Self.span }
            guard state.accepted.count < limit else {
                state.refused += 1
                return nil
            }
            state.accepted.append(now)
            state.ours += 1
            state.inFlight += 1
            state.mostInFlight = max(state.mostInFlight, state.inFlight)
            return limit - state.accepted.count
        }
        guard let remaining else { return HTTPResponse(status: 429) }
        await onCall.withLock { $0 }?()
        box.withLock { $0.inFlight -= 1 }
        return HTTPResponse(status: 200, headers: tells ? ["Remaining": String(remaining)] : [:])
    }
}

struct TightProvider: IntegrationProvider {
    static let platform = PlatformID(rawValue: "tight")
    private static let address = URL(fileURLWithPath: "/")

    let limit: Int
    /// What every batch holds alone.
    var exclusive: String?
    let descriptor = PlatformDescriptor(
        id: TightProvider.platform,
        name: "Tight",
        summary: LocalizedText("Counts calls"),
        category: .crm,
        apiVersion: "1",
        documentation: TightProvider.address,
        signInMethods: [
            SignInMethod(
                id: "key",
                label: LocalizedText("Key"),
                fields: [FormField(id: "key", label: LocalizedText("Key"), kind: .text)]
            )
        ],
        kinds: [KindDescription(kind: .contact, name: LocalizedText("Contacts"), safety: .keyed(for: nil))],
        routes: [EventRoute(.prospectCreated, .create, .contact)],
        mappings: [FieldMapping(hostKind: "prospect", kind: .contact, rules: [FieldRule("name", "name")])],
        baseURL: URL(string: "https://tight.example.com")
    )

    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) {}

    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        guard response.status == 429 else { return nil }
        return IntegrationError(.limited, "Too many.", retry: .after(nil), concerns: .account, budget: "calls")
    }

    func budgets(of account: ConnectedAccount) -> [Budget] {
        [Budget(id: "calls", scope: .account, rule: .window(limit, per: TightPlatform.span))]
    }

    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] {
        response.headers["Remaining"].flatMap { Int($0) }.map { [BudgetReading("calls", remaining: $0)] } ?? []
    }

    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        ConnectionReport(
            key: AccountKey(platform: TightProvider.platform, value: "1"),
            name: "Tight",
            profile: session.account.profile,
            access: [.contact: .write]
        )
    }

    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        let exclusive = Set([exclusive].compactMap(\.self))
        return writes.map { write in
            WriteBatch(writes: [write], spend: [Spend("calls")], safety: .keyed(for: nil), exclusive: exclusive)
        }
    }

    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        guard let url = descriptor.baseURL else { return [] }
        let request = HTTPRequest(.post, url, spend: [Spend("calls")])
        let response = try await session.send(request)
        return batch.writes.map { write in
            if let error = failure(in: response, to: request) { return .notAttempted(error) }
            return .applied(RemoteRecord(id: RemoteID(.contact, write.externalKey)))
        }
    }

    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        writes.map { _ in .absent }
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

/// A host and a tight platform, with the engine between them.
struct TightWorld: Working {
    let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    let platform: TightPlatform
    let coordinator: SyncCoordinator

    init(
        limit: Int = 20,
        reserve: Double = 0.2,
        strangerEvery: Duration? = nil,
        tells: Bool = true,
        exclusive: String? = nil,
        options: EngineOptions = EngineOptions()
    ) async throws {
        platform = TightPlatform(clock, limit: limit, strangerEvery: strangerEvery, tells: tells)
        let store = InMemoryIntegrationStore(time: clock.timeSource)
        let manager = try await IntegrationManager(
            providers: [TightProvider(limit: limit, exclusive: exclusive)],
            store: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: platform,
            options: options,
            time: clock.timeSource,
            random: SeededGenerator(seed: 1).randomSource
        )
        try await manager.connect(
            TightProvider.platform,
            for: "t",
            name: "Tight",
            form: ["key": "k"],
            settings: SyncSettings(direction: .push, frequency: .manual, reserve: reserve)
        )
        coordinator = SyncCoordinator(manager)
    }

    func enqueue(_ count: Int) async throws {
        try await coordinator.enqueue(
            (0..<count).map { number in
                DomainEvent(
                    .prospectCreated,
                    id: "e\(number)",
                    of: "p\(number)",
                    for: "t",
                    fields: ["name": .text("Ada \(number)")]
                )
            }
        )
    }
}
