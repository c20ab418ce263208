// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct URLSessionTransportTests {
    let transport = URLSessionTransport()
    #if canImport(Darwin)
        static let isDarwin = true
    #else
        static let isDarwin = false
    #endif
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// The error of a request; a success fails the test.
    func failure(_ request: HTTPRequest, limit: Int = 1 << 20) async throws -> IntegrationError {
        try #require(
            await #expect(throws: IntegrationError.self) {
                try await transport.send(request, context: .test(limit: limit))
            }
        )
    }

    @Test func `sends method, fields and body as they are and returns status, fields and body`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 422 No\r\nX-Reason: nope\r\nContent-Length: 3\r\n\r\nbad")
        }
        let url = server.url.appending(path: "crm/contacts").appending(queryItems: [URLQueryItem(name: "q", value: "é")]
        )
        let request = HTTPRequest(
            .patch,
            url,
            headers: ["Authorization": "Bearer t", "Content-Type": "application/json"],
            body: Data("{\"a\":1}".utf8)
        )
        let response = try await transport.send(request, context: .test())
        #expect(response.status == 422)
        #expect(response.headers["x-reason"] == "nope")
        #expect(response.body == Data("bad".utf8))
        let sent = try #require(server.requests.first)
        #expect(sent.hasPrefix("PATCH /crm/contacts?q=%C3%A9 HTTP/1.1\r\n"))
        #expect(sent.contains("Authorization: Bearer t\r\n"))
        #expect(sent.contains("Content-Type: application/json\r\n"))
        #expect(sent.hasSuffix("\r\n\r\n{\"a\":1}"))
        #expect(!sent.lowercased().contains("cookie"))
    }

    @Test func `a connection serves several reads`() async throws {
        let server = try RawServer { connection in
            while try !connection.readRequest().isEmpty { try connection.send(Self.ok) }
        }
        for _ in 0..<3 {
            #expect(try await transport.send(HTTPRequest(.get, server.url), context: .test()).isSuccess)
        }
        #expect(server.requests.count == 3)
        #expect(server.connectionCount == 1)
    }

    @Test func `a write is sent once though a connection that was kept alive dies under it`() async throws {
        let server = try RawServer { connection in
            while true {
                let request = try connection.readRequest()
                guard request.hasPrefix("GET") else { return }
                try connection.send(Self.ok)
            }
        }
        _ = try await transport.send(HTTPRequest(.get, server.url), context: .test())
        let error = try await failure(HTTPRequest(.post, server.url, body: Data("{}".utf8)))
        #expect(error.code == .network)
        #expect(error.mayHaveHappened)
        #expect(server.requests.filter { $0.hasPrefix("POST") }.count == 1)
    }

    @Test(arguments: ["POST", "DELETE"])
    func `a write that a connected server cuts off may have happened, though another address refused`(
        method: String
    ) async throws {
        let server = try RawServer { try $0.readRequest() }
        let url = try #require(URL(string: "http://localhost:\(server.port)/"))
        let error = try await failure(HTTPRequest(HTTPMethod(rawValue: method), url))
        #expect(error.code == .network)
        #expect(error.mayHaveHappened)
        #expect(server.requests.count == 1)
    }

    @Test func `a refused connection surely had no effect`() async throws {
        // A port that no server here is ever given.
        let url = try #require(URL(string: "http://127.0.0.1:1/"))
        let error = try await failure(HTTPRequest(.post, url, body: Data("{}".utf8)))
        #expect(error.code == .network)
        #expect(!error.mayHaveHappened)
    }

    @Test func `a host that does not exist surely had no effect`() async throws {
        let url = try #require(URL(string: "http://shop.invalid/"))
        let error = try await failure(HTTPRequest(.post, url, body: Data("{}".utf8)))
        #expect(error.code == .network)
        #expect(!error.mayHaveHappened)
    }

    @Test func `a chunked answer is put together`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            try connection.send("7\r\n, world\r\n0\r\n\r\n")
        }
        let response = try await transport.send(HTTPRequest(.get, server.url), context: .test())
        #expect(response.body == Data("hello, world".utf8))
    }

    @Test func `a gzip answer is decoded and no longer says that it is encoded`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(Self.gzippedHello.count)\r\n\r\n"
            )
            try connection.socket.write(Self.gzippedHello)
        }
        let response = try await transport.send(HTTPRequest(.get, server.url), context: .test())
        #expect(response.body == Data("hello, hello, hello, gzip".utf8))
        #expect(response.headers["Content-Encoding"] == nil)
        #expect(response.headers["Content-Length"] == nil)
    }

    @Test func `a small gzip answer that decodes to a large one is cut off`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(Self.gzippedZeros.count)\r\n\r\n"
            )
            try connection.socket.write(Self.gzippedZeros)
        }
        let error = try await failure(HTTPRequest(.get, server.url), limit: 64 << 10)
        #expect(error.code == .invalidAnswer)
        #expect(error.retry == .smaller)
    }

    @Test(arguments: [true, false])
    func `an answer over the limit is cut off, announced or not`(isAnnounced: Bool) async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            let how = isAnnounced ? "Content-Length: 100000000" : "X-Unannounced: 1"
            try connection.send("HTTP/1.1 200 OK\r\n\(how)\r\n\r\n")
            // Endless: only the client's closing ends it.
            while true { try connection.socket.write([UInt8](repeating: 120, count: 4096)) }
        }
        let error = try await failure(HTTPRequest(.post, server.url), limit: 10_000)
        #expect(error.code == .invalidAnswer)
        #expect(error.mayHaveHappened)
        #expect(error.retry == .never)
    }

    @Test func `an answer of exactly the limit passes`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 1000))
        }
        let response = try await transport.send(HTTPRequest(.get, server.url), context: .test(limit: 1000))
        #expect(response.body.count == 1000)
    }

    @Test(arguments: [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "nonsense\r\n\r\n",
    ])
    func `an answer that is cut off or broken is no answer, and a write may have happened`(answer: String) async throws
    {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(answer)
        }
        let error = try await failure(HTTPRequest(.post, server.url, body: Data("{}".utf8)))
        #expect(error.code == .network)
        #expect(error.mayHaveHappened)
    }

    /// In these the status line or a field is not whole: Foundation on Linux ends the process there.
    @Test(
        .enabled(if: URLSessionTransportTests.isDarwin),
        arguments: [
            "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
        ]
    )
    func `an answer that is cut off in its head is no answer`(answer: String) async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(answer)
        }
        let error = try await failure(HTTPRequest(.post, server.url, body: Data("{}".utf8)))
        #expect(error.code == .network)
        #expect(error.mayHaveHappened)
    }

    @Test(arguments: [
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation:\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: //\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: mailto:a@b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: a b\u{e9}%zz\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 300 Many\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 99999 Odd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-é: ü\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok",
    ])
    func `an odd answer is an answer or an error and breaks nothing`(answer: String) async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(answer)
        }
        let request = HTTPRequest(.post, server.url, effect: .write)
        do {
            let response = try await transport.send(request, context: .test())
            #expect((0..<1000).contains(response.status) || response.status == 99999)
        } catch let error as IntegrationError {
            #expect(error.mayHaveHappened)
        }
        #expect(server.requests.count == 1)
    }

    @Test func `a reset connection is no answer`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")
            connection.socket.shutDown()
        }
        let error = try await failure(HTTPRequest(.delete, server.url))
        #expect(error.code == .network)
        #expect(error.mayHaveHappened)
    }

    @Test(arguments: [204, 304])
    func `an answer without a body is whole`(status: Int) async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 \(status) X\r\nETag: \"1\"\r\n\r\n")
        }
        let response = try await transport.send(HTTPRequest(.get, server.url), context: .test())
        #expect(response.status == status)
        #expect(response.body.isEmpty)
    }

    @Test func `an answer to HEAD has a length and no body`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")
        }
        let response = try await transport.send(HTTPRequest(.head, server.url), context: .test(limit: 10))
        #expect(response.status == 200)
        #expect(response.headers["Content-Length"] == "5000000")
    }

    @Test(arguments: ["Basic realm=\"x\"", "Bearer", "Digest realm=\"a\", nonce=\"b\""])
    func `an answer 401 is an answer, whatever it challenges to`(challenge: String) async throws {
        let server = try RawServer { connection in
            while try !connection.readRequest().isEmpty {
                try connection.send(
                    "HTTP/1.1 401 No\r\nWWW-Authenticate: \(challenge)\r\nContent-Length: 4\r\n\r\nnope"
                )
            }
        }
        let request = HTTPRequest(.get, server.url, headers: ["Authorization": "Bearer old"])
        let response = try await transport.send(request, context: .test())
        #expect(response.status == 401)
        #expect(response.body == Data("nope".utf8))
        #expect(server.requests.count == 1)
    }

    @Test func `a cookie that is set does not come back`() async throws {
        let server = try RawServer { connection in
            while try !connection.readRequest().isEmpty {
                try connection.send("HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n")
            }
        }
        for _ in 0..<2 { _ = try await transport.send(HTTPRequest(.get, server.url), context: .test()) }
        #expect(server.requests.count == 2)
        #expect(server.requests.allSatisfy { !$0.contains("Cookie") })
    }

    @Test(arguments: ["X-A": "1\r\nX-B: 2", "X-C\n": "1"])
    func `a header field with a line break is refused before anything is sent`(name: String, value: String) async throws
    {
        let server = try RawServer { try $0.readRequest() }
        let request = HTTPRequest(.get, server.url, headers: HTTPHeaders([.init(name, value)]))
        #expect(try await failure(request).code == .invalidInput)
        #expect(server.connectionCount == 0)
    }

    @Test func `many writes leave nothing behind that breaks`() async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(Self.ok)
        }
        for _ in 0..<100 {
            #expect(try await transport.send(HTTPRequest(.post, server.url), context: .test()).isSuccess)
        }
        #expect(server.requests.count == 100)
    }

    static let gzippedHello: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 215, 81, 200, 64, 161, 210, 171, 50, 11, 0, 89,
        239, 150, 172, 25, 0, 0, 0,
    ]
    /// One mebibyte of zeros.
    static let gzippedZeros: [UInt8] =
        [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 245, 79, 109, 8, 95, 160,
        ]
        + [UInt8](repeating: 0, count: 1016) + [
            62, 3, 28, 234, 56, 167, 0, 0, 16, 0,
        ]
}

@Suite(.timeLimit(.minutes(5)))
struct URLSessionTransportRedirectTests {
    let transport = URLSessionTransport()

    @Test func `a read follows to the same host with its credential, five times at most`() async throws {
        let server = try RawServer { connection in
            while true {
                let request = try connection.readRequest()
                if request.isEmpty { return }
                let step = Int(request.dropFirst("GET /".count).prefix { $0.isNumber }) ?? 0
                try connection.send("HTTP/1.1 302 Found\r\nLocation: /\(step + 1)\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let request = HTTPRequest(.get, server.url.appending(path: "0"), headers: ["Authorization": "Bearer t"])
        let response = try await transport.send(request, context: .test())
        #expect(response.status == 302)
        #expect(response.headers["Location"] == "/6")
        #expect(server.requests.count == 6)
        #expect(server.requests.allSatisfy { $0.contains("Authorization: Bearer t") })
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `nothing follows to another host or port`(status: Int) async throws {
        let other = try RawServer { try $0.readRequest() }
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send(
                "HTTP/1.1 \(status) X\r\nLocation: \(other.url.absoluteString)/x\r\nContent-Length: 0\r\n\r\n"
            )
        }
        let request = HTTPRequest(.get, server.url, headers: ["Authorization": "Bearer t"])
        #expect(try await transport.send(request, context: .test()).status == status)
        #expect(other.connectionCount == 0)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a write follows nowhere`(status: Int) async throws {
        let server = try RawServer { connection in
            try connection.readRequest()
            try connection.send("HTTP/1.1 \(status) X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
        }
        let response = try await transport.send(
            HTTPRequest(.post, server.url, body: Data("{}".utf8)),
            context: .test()
        )
        #expect(response.status == status)
        #expect(server.requests.count == 1)
    }
}

/// The points at which a request can be cancelled.
enum CancellationPoint: CaseIterable, Sendable {
    case beforeStart, connecting, waitingForHead, inBody, afterwards
}

@Suite(.timeLimit(.minutes(5)))
struct URLSessionTransportCancellationTests {
    @Test(arguments: CancellationPoint.allCases, [HTTPMethod.get, .post])
    func `a cancelled request ends at once and hangs up`(point: CancellationPoint, method: HTTPMethod) async throws {
        let reached = Gate()
        let hungUp = Gate()
        let server = try RawServer { connection in
            defer { hungUp.open() }
            try connection.readRequest()
            if point == .waitingForHead { reached.open() }
            if point == .inBody {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
                reached.open()
            }
            if point == .afterwards { try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
            try connection.readToEnd()
        }
        // Nobody accepts here, and others wait already: the next one's handshake is not answered. Their connecting may
        // block, so it has a thread of its own.
        let deaf = try LoopbackSocket.listening(backlog: 0)
        defer {
            deaf.shutDown()
            deaf.close()
        }
        if point == .connecting {
            let port = deaf.port
            for _ in 0..<3 { Thread.detachNewThread { _ = try? LoopbackSocket.connected(to: port) } }
        }
        let url = point == .connecting ? try #require(URL(string: "http://127.0.0.1:\(deaf.port)/")) : server.url
        let transport = URLSessionTransport()

        let result = await withTaskGroup(of: Result<HTTPResponse, any Error>.self) { group in
            if point == .beforeStart { group.cancelAll() }
            group.addTask {
                await Result { try await transport.send(HTTPRequest(method, url), context: .test()) }
            }
            switch point {
            case .beforeStart: break
            case .connecting: for _ in 0..<50 { await Task.yield() }
            case .waitingForHead, .inBody: await reached.wait()
            case .afterwards: return await group.next() ?? .failure(CancellationError())
            }
            group.cancelAll()
            return await group.next() ?? .failure(IntegrationError(.invalidInput, "no task"))
        }
        if point == .afterwards {
            #expect(try result.get().status == 200)
        } else {
            #expect(throws: CancellationError.self) { try result.get() }
        }
        switch point {
        case .waitingForHead, .inBody: await hungUp.wait()
        case .beforeStart: #expect(server.connectionCount == 0)
        case .connecting, .afterwards: break
        }
    }
}
