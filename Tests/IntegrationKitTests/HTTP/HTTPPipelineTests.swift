// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

/// What a request met on its way, in order.
final class Trace: Sendable {
    private let lines = LockBox<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

/// A platform of which the pipeline sees signing, verdict and budgets alone.
struct PipelineProvider: IntegrationProvider {
    var trace = Trace()
    var declared: [Budget] = []

    var descriptor: PlatformDescriptor {
        PlatformDescriptor(
            id: PlatformID(rawValue: "test"),
            name: "Test",
            summary: LocalizedText(),
            category: .crm,
            apiVersion: "1",
            documentation: URL(filePath: "/"),
            signInMethods: [],
            kinds: [],
            routes: [],
            mappings: []
        )
    }
    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) throws {
        let token = try credential.require("token").withExposedValue { $0 }
        trace.add("authorize \(token)")
        request.headers["Authorization"] = "\(token) \(context.nonce)"
    }
    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        switch response.status {
        case 401: IntegrationError(.reauthorizationRequired, "no", retry: .afterReauthorization)
        case 429: IntegrationError(.limited, "slow", retry: .after(response.retryAfter), budget: "w")
        case 503: IntegrationError(.unavailable, "down", retry: .after(response.retryAfter))
        default: nil
        }
    }
    func budgets(of account: ConnectedAccount) -> [Budget] { declared }
    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] {
        response.headers["X-Left"].flatMap { Int($0) }.map { [BudgetReading("w", remaining: $0)] } ?? []
    }
    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport { throw CancellationError() }
    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] { [] }
    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] { [] }
    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] { [] }
    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] { [] }
    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    { throw CancellationError() }
    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws -> [FetchResult]
    {
        []
    }
}

/// Answers by a closure, which is told how many requests came before.
struct ClosureTransport: HTTPTransport {
    let trace: Trace
    let requests = LockBox<[HTTPRequest]>([])
    let answer: @Sendable (Int, HTTPRequest) async throws -> HTTPResponse

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        let count = requests.withLock { requests in
            requests.append(request)
            return requests.count - 1
        }
        trace.add("transport")
        return try await answer(count, request)
    }
}

struct NamedMiddleware: HTTPMiddleware {
    let name: String
    let trace: Trace
    func intercept(_ request: HTTPRequest, context: OperationContext, next: HTTPNext) async throws -> HTTPResponse {
        trace.add("\(name) in, signed: \(request.headers["Authorization"] != nil)")
        let response = try await next(request, context)
        trace.add("\(name) out")
        return response
    }
}

@Suite(.timeLimit(.minutes(5)))
struct HTTPPipelineTests {
    let trace = Trace()
    let time = ManualTime(isEager: true)
    let events = LockBox<[IntegrationEvent]>([])

    func request(
        _ method: HTTPMethod = .get,
        effect: HTTPRequest.Effect? = nil,
        spend: [Spend] = [],
        carries: Bool = true,
        host: String = "api.example.com"
    ) throws -> HTTPRequest {
        let url = try #require(URL(string: "https://\(host)/contacts/ada@example.fr"))
        return HTTPRequest(method, url, effect: effect, spend: spend, carriesCredential: carries)
    }

    func pipeline(
        budgets: [Budget] = [],
        tokens: [String] = ["t0"],
        time: ManualTime? = nil,
        _ answer: @escaping @Sendable (Int, HTTPRequest) async throws -> HTTPResponse
    ) throws -> (HTTPPipeline, ClosureTransport) {
        let source = (time ?? self.time).source
        let transport = ClosureTransport(trace: trace, answer: answer)
        let account = ConnectedAccount(
            key: AccountKey(platform: PlatformID(rawValue: "test"), value: "1"),
            profile: AccountProfile(baseURL: try #require(URL(string: "https://api.example.com")))
        )
        let pipeline = HTTPPipeline(
            provider: PipelineProvider(trace: trace, declared: budgets),
            account: account,
            tenant: "tenant",
            integration: "i-1",
            credential: { [trace] rejected in
                trace.add("credential\(rejected == nil ? "" : " again")")
                let last = tokens[tokens.count - 1]
                return Credential(
                    method: "token",
                    values: ["token": Secret(rejected == nil ? tokens[0] : last)]
                )
            },
            transport: transport,
            middlewares: [NamedMiddleware(name: "first", trace: trace), NamedMiddleware(name: "second", trace: trace)],
            observe: { [events] event in events.withLock { $0.append(event) } },
            time: source,
            keeper: BudgetKeeper(time: source),
            clock: ServerClock(time: source)
        )
        return (pipeline, transport)
    }

    static let networkError = IntegrationError(.network, "cut", retry: .after(nil), mayHaveHappened: true)

    @Test func `a request passes the stations in their order`() async throws {
        let (pipeline, _) = try pipeline { _, _ in HTTPResponse(status: 404) }
        let response = try await pipeline.send(request(), context: .test())
        #expect(response.status == 404)
        #expect(
            trace.all == [
                "first in, signed: false", "second in, signed: false", "credential", "authorize t0", "transport",
                "second out", "first out",
            ]
        )
        let event = try #require(events.withLock { $0 }.first)
        #expect(event.kind == .request)
        #expect(event.message.contains("404"))
        #expect(!event.message.contains("ada"))
    }

    @Test func `a read is repeated at most twice, signed anew each time, and reported once`() async throws {
        let (pipeline, transport) = try pipeline { _, _ in HTTPResponse(status: 503) }
        #expect(try await pipeline.send(request(), context: .test()).status == 503)
        let sent = transport.requests.withLock { $0 }
        #expect(sent.count == 3)
        #expect(Set(sent.map { $0.headers["Authorization"] }).count == 3)
        #expect(events.withLock { $0 }.count == 1)
        let delays = time.slept.filter { $0 < .seconds(5) }
        #expect(delays.count == 2)
        #expect(zip(delays, [200, 400]).allSatisfy { $0 < .milliseconds($1) })
    }

    @Test func `a read is repeated after a network failure, and its answer counts`() async throws {
        let (pipeline, _) = try pipeline { count, _ in
            guard count > 0 else { throw Self.networkError }
            return HTTPResponse(status: 200)
        }
        #expect(try await pipeline.send(request(.post, effect: .read), context: .test()).isSuccess)
    }

    @Test(arguments: [503, 0])
    func `a write is sent once, whatever happens`(status: Int) async throws {
        let (pipeline, transport) = try pipeline { _, _ in
            guard status > 0 else { throw Self.networkError }
            return HTTPResponse(status: status)
        }
        let result = await Result { try await pipeline.send(request(.post), context: .test()) }
        switch result {
        case .success(let response): #expect(response.status == 503)
        case .failure(let error): #expect(error as? IntegrationError == Self.networkError)
        }
        #expect(transport.requests.withLock { $0 }.count == 1)
    }

    @Test(arguments: [("1", 3), ("2", 3), ("3", 1)])
    func `a delay that the platform advises is kept, a long one left to the caller`(after: String, sends: Int)
        async throws
    {
        let (pipeline, transport) = try pipeline { _, _ in
            HTTPResponse(status: 503, headers: ["Retry-After": after])
        }
        #expect(try await pipeline.send(request(), context: .test()).status == 503)
        #expect(transport.requests.withLock { $0 }.count == sends)
        #expect(time.slept.filter { $0 < .seconds(5) }.allSatisfy { $0 == .seconds(Int(after) ?? 0) })
    }

    @Test(arguments: [
        (HTTPMethod.get, ["old", "new"], 2, 200), (.get, ["old", "old"], 1, 401), (.post, ["old", "new"], 1, 401),
    ])
    func `a rejected credential is exchanged once, and only a read goes again`(
        method: HTTPMethod,
        tokens: [String],
        sends: Int,
        status: Int
    ) async throws {
        let (pipeline, transport) = try pipeline(tokens: tokens) { _, request in
            HTTPResponse(status: request.headers["Authorization"]?.hasPrefix("new") == true ? 200 : 401)
        }
        #expect(try await pipeline.send(request(method), context: .test()).status == status)
        #expect(transport.requests.withLock { $0 }.count == sends)
        #expect(trace.all.filter { $0 == "credential again" }.count == 1)
    }

    @Test func `a credential that is rejected again is not exchanged again`() async throws {
        let (pipeline, transport) = try pipeline(tokens: ["old", "new"]) { _, _ in HTTPResponse(status: 401) }
        #expect(try await pipeline.send(request(), context: .test()).status == 401)
        #expect(transport.requests.withLock { $0 }.count == 2)
    }

    @Test func `a request that carries no credential is not signed`() async throws {
        let (pipeline, transport) = try pipeline { _, _ in HTTPResponse(status: 401) }
        _ = try await pipeline.send(request(carries: false), context: .test())
        #expect(transport.requests.withLock { $0 }.first?.headers["Authorization"] == nil)
        #expect(!trace.all.contains("credential"))
    }

    @Test func `a budget that is used up is an error at once and nothing is sent`() async throws {
        let window = Budget(id: "w", scope: .account, rule: .window(5, per: .seconds(10)))
        let (pipeline, transport) = try pipeline(budgets: [window]) { _, _ in HTTPResponse(status: 200) }
        for _ in 0..<4 { _ = try await pipeline.send(request(spend: [Spend("w")]), context: .test()) }
        let error = await #expect(throws: IntegrationError.self) {
            try await pipeline.send(request(spend: [Spend("w")]), context: .test())
        }
        #expect(error?.code == .limited)
        #expect(error?.budget == "w")
        #expect(error?.retry == .after(.seconds(10)))
        #expect(error?.mayHaveHappened == false)
        #expect(transport.requests.withLock { $0 }.count == 4)
        #expect(time.slept.allSatisfy { $0 == .seconds(20) })
    }

    @Test func `a refusal and a reading reach the budget`() async throws {
        let window = Budget(id: "w", scope: .account, rule: .window(100, per: .seconds(10)))
        let (pipeline, _) = try pipeline(budgets: [window]) { count, _ in
            count == 0
                ? HTTPResponse(status: 200, headers: ["X-Left": "60"])
                : HTTPResponse(status: 429, headers: ["Retry-After": "7"])
        }
        let spending = try request(.post, spend: [Spend("w")])
        _ = try await pipeline.send(spending, context: .test())
        let party = BudgetParty(
            platform: PlatformID(rawValue: "test"),
            account: pipeline.account.key,
            credential: "i-1",
            budgets: [window],
            reserve: 0.2
        )
        #expect(pipeline.keeper.standings(for: party).first?.available == 40)
        _ = try await pipeline.send(spending, context: .test())
        #expect(pipeline.keeper.standings(for: party).first?.blockedFor == .seconds(7))
    }

    @Test(arguments: ["answer", "failure", "cancellation", "refused address"])
    func `a call in flight ends for its budget in every way`(ending: String) async throws {
        let inFlight = Budget(id: "f", scope: .account, rule: .inFlight(1))
        let (pipeline, _) = try pipeline(budgets: [inFlight]) { _, _ in
            switch ending {
            case "failure": throw Self.networkError
            case "cancellation": throw CancellationError()
            default: return HTTPResponse(status: 200)
            }
        }
        let host = ending == "refused address" ? "127.0.0.1" : "api.example.com"
        for _ in 0..<2 {
            let result = await Result {
                try await pipeline.send(request(.post, spend: [Spend("f")], host: host), context: .test())
            }
            if case .failure(let error as IntegrationError) = result { #expect(error.code != .limited) }
        }
    }

    @Test func `an address that is not allowed is refused, wherever it came from`() async throws {
        let (pipeline, transport) = try pipeline { _, _ in HTTPResponse(status: 200) }
        let error = await #expect(throws: IntegrationError.self) {
            try await pipeline.send(request(host: "169.254.169.254"), context: .test())
        }
        #expect(error?.code == .addressNotAllowed)
        #expect(transport.requests.withLock { $0 }.isEmpty)
    }

    @Test(arguments: [true, false])
    func `a closed window lets nothing out, whichever clock closed it`(byWall: Bool) async throws {
        let (pipeline, transport) = try pipeline { _, _ in HTTPResponse(status: 200) }
        var context = OperationContext.test()
        context.sendWindow = SendWindow(closingIn: .seconds(5), by: time.source)
        #expect(try await pipeline.send(request(.post), context: context).isSuccess)
        if byWall { time.jumpWall(by: 6) } else { time.advance(by: .seconds(6)); time.jumpWall(by: -60) }
        let error = await #expect(throws: IntegrationError.self) {
            try await pipeline.send(request(.post), context: context)
        }
        #expect(error?.code == .tooLate)
        #expect(error?.mayHaveHappened == false)
        #expect(transport.requests.withLock { $0 }.count == 1)
    }

    @Test(arguments: [HTTPMethod.get, .post])
    func `what takes longer than the deadline is ended, and a write may have happened`(method: HTTPMethod) async throws
    {
        let time = ManualTime()
        let ended = Trace()
        let (pipeline, _) = try pipeline(time: time) { _, _ in
            // The platform answers never; the clock passes the deadline only now that the request is under way.
            while time.sleeperCount == 0 { await Task.yield() }
            time.advance(by: .seconds(20))
            while !Task.isCancelled { await Task.yield() }
            ended.add("cancelled")
            throw CancellationError()
        }
        let error = await #expect(throws: IntegrationError.self) {
            try await pipeline.send(request(method), context: .test(timeout: .seconds(20)))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.mayHaveHappened == (method == .post))
        #expect(ended.all == ["cancelled"])
        #expect(time.sleeperCount == 0)
    }

    @Test func `an answer in time leaves no sleep behind`() async throws {
        let time = ManualTime()
        let (pipeline, _) = try pipeline(time: time) { _, _ in HTTPResponse(status: 200) }
        #expect(try await pipeline.send(request(), context: .test()).isSuccess)
        #expect(time.sleeperCount == 0)
    }

    @Test func `a deadline ends a platform that answers byte by byte`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
            try connection.readToEnd()
        }
        let time = ManualTime()
        var (pipeline, _) = try pipeline(time: time) { _, _ in HTTPResponse(status: 200) }
        pipeline.transport = URLSessionTransport()
        pipeline.addresses.allowsLoopback = true
        let pacer = HTTPRequest(.post, server.url)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [pipeline] in
                let error = await #expect(throws: IntegrationError.self) {
                    try await pipeline.send(pacer, context: .test(timeout: .seconds(20)))
                }
                #expect(error?.code == .timedOut)
            }
            while time.sleeperCount == 0 || server.requests.isEmpty { await Task.yield() }
            time.advance(by: .seconds(20))
            try await group.waitForAll()
        }
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
