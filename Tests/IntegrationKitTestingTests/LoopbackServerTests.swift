// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// Answers with what it was asked.
private struct Echo: HTTPTransport {
    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        if request.url.path().hasSuffix("/lost") { throw IntegrationError(.network, "lost") }
        if request.url.path().hasSuffix("/hang") {
            while !Task.isCancelled { await Task.yield() }
            throw CancellationError()
        }
        return HTTPResponse(
            status: 201,
            headers: ["X-URL": request.url.absoluteString, "X-Method": request.method.rawValue],
            body: request.body ?? Data("nothing".utf8)
        )
    }
}

@Suite(.timeLimit(.minutes(5)))
struct LoopbackServerTests {
    let context = OperationContext(platform: PlatformID(rawValue: "test"), operation: "test")

    /// Sends bytes on a connection of their own and returns all that comes back until the server closes.
    func talk(_ text: String, to address: URL) async throws -> String {
        try await onThread { try Self.talkBlocking(text, to: address) }
    }

    /// Runs what blocks on a thread of its own: the server needs the threads of the pool to answer.
    func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    static func talkBlocking(_ text: String, to address: URL) throws -> String {
        let socket = try LoopbackSocket.connected(to: UInt16(try #require(address.port)))
        defer { socket.close() }
        try socket.write(Array(text.utf8))
        var answer: [UInt8] = []
        while true {
            let bytes = try socket.read()
            if bytes.isEmpty { return String(decoding: answer, as: UTF8.self) }
            answer += bytes
        }
    }

    @Test func `a request arrives at the address that is simulated, with method, query and body`() async throws {
        let server = LoopbackServer(serving: Echo(), rewriting: URL(string: "https://api.hubapi.com"))
        let address = try await server.start()
        defer { server.stop() }
        let url = address.appending(path: "crm/v3").appending(queryItems: [URLQueryItem(name: "q", value: "é")])
        let request = HTTPRequest(.patch, url, body: Data("{}".utf8))
        let response = try await URLSessionTransport().send(request, context: context)
        #expect(response.status == 201)
        #expect(response.headers["X-URL"] == "https://api.hubapi.com/crm/v3?q=%C3%A9")
        #expect(response.headers["X-Method"] == "PATCH")
        #expect(response.body == Data("{}".utf8))
    }

    @Test func `a connection serves one request after the other, a chunked one and one that expects to go on too`()
        async throws
    {
        let server = LoopbackServer(serving: Echo())
        let address = try await server.start()
        defer { server.stop() }
        let answer = try await talk(
            "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
                + "HEAD /b HTTP/1.1\r\nHost: x\r\n\r\n"
                + "GET http://other.example/c?d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            to: address
        )
        let parts = answer.components(separatedBy: "HTTP/1.1 201 Created\r\n")
        #expect(parts.count == 4)
        #expect(parts[1].hasSuffix("Content-Length: 5\r\n\r\nabcde"))
        #expect(parts[2].hasSuffix("Content-Length: 7\r\n\r\n"))
        #expect(parts[3].contains("X-URL: \(address.absoluteString)/c?d\r\n"))
        #expect(parts[3].hasSuffix("Connection: close\r\n\r\nnothing"))
    }

    @Test func `a client that expects 100 is told to go on before it sends the body`() async throws {
        let server = LoopbackServer(serving: Echo())
        let address = try await server.start()
        defer { server.stop() }
        let port = UInt16(try #require(address.port))
        let (first, rest) = try await onThread {
            let socket = try LoopbackSocket.connected(to: port)
            defer { socket.close() }
            let head = "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
            try socket.write(Array(head.utf8))
            let first = String(decoding: try socket.read(), as: UTF8.self)
            try socket.write(Array("ok".utf8))
            var rest: [UInt8] = []
            while true {
                let bytes = try socket.read()
                if bytes.isEmpty { return (first, String(decoding: rest, as: UTF8.self)) }
                rest += bytes
            }
        }
        #expect(first == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(rest.hasSuffix("\r\n\r\nok"))
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func `what is no HTTP is refused`(request: String) async throws {
        let server = LoopbackServer(serving: Echo())
        let address = try await server.start()
        defer { server.stop() }
        #expect(try await talk(request, to: address).hasPrefix("HTTP/1.1 400 "))
    }

    @Test func `a transport that throws is a lost answer`() async throws {
        let server = LoopbackServer(serving: Echo())
        let address = try await server.start()
        defer { server.stop() }
        let error = await #expect(throws: IntegrationError.self) {
            try await URLSessionTransport().send(HTTPRequest(.post, address.appending(path: "lost")), context: context)
        }
        #expect(error?.mayHaveHappened == true)
    }

    @Test func `stopping ends what is being answered and gives the port back`() async throws {
        let server = LoopbackServer(serving: Echo())
        let address = try await server.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [context] in
                await #expect(throws: IntegrationError.self) {
                    try await URLSessionTransport().send(
                        HTTPRequest(.post, address.appending(path: "hang")),
                        context: context
                    )
                }
            }
            for _ in 0..<100 { await Task.yield() }
            server.stop()
            try await group.waitForAll()
        }
        // Whoever asks for any port meanwhile may be given this one: then another try decides.
        var again: LoopbackServer?
        for _ in 0..<5 where again == nil {
            let first = LoopbackServer(serving: Echo())
            let port = UInt16(try #require(try await first.start().port))
            first.stop()
            let second = LoopbackServer(serving: Echo(), port: port)
            if (try? await second.start()) != nil { again = second }
        }
        let restarted = try #require(again)
        restarted.stop()
        await #expect(throws: IntegrationError.self) { try await restarted.start() }
    }
}
