// SPDX-License-Identifier: Apache-2.0
import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A transport over `URLSession`: no cookies, no cache, no stored credentials, no waiting for connectivity, nothing sent
/// in the background and nothing sent twice.
///
/// A redirect is followed only if the request reads, keeps its method, and stays at the same scheme, host and port, and
/// at most five times; the credential goes along. Any other redirect comes back as the 3xx answer that it is.
///
/// The answer is counted while it is read, after decoding: one that grows beyond
/// ``OperationContext/maximumAnswerSize`` is cut off there. A decoded answer has no `Content-Encoding` and no
/// `Content-Length` field.
///
/// The total deadline is the pipeline's; the timeouts set here only end what is hung beyond it.
///
/// On Linux, Foundation ends the process if a server closes the connection in the middle of an answer's status line or
/// header fields (swift-corelibs-foundation, issue 5285). A server that calls addresses that its customers typed plugs
/// another HTTP client there, by conforming to ``HTTPTransport``.
public final class URLSessionTransport: HTTPTransport {
    private let session: URLSession
    private let exchanges: ExchangeDelegate

    /// Creates a transport with connections of its own.
    ///
    /// - Parameter maximumConnectionsPerHost: How many connections to one host are open at the same time.
    public init(maximumConnectionsPerHost: Int = 6) {
        exchanges = ExchangeDelegate()
        session = URLSession(
            configuration: Self.configuration(maximumConnectionsPerHost: maximumConnectionsPerHost),
            delegate: exchanges,
            delegateQueue: nil
        )
    }

    deinit {
        session.invalidateAndCancel()
    }

    /// Sends a request once.
    ///
    /// - Parameters:
    ///   - request: The request, signed and complete.
    ///   - context: For whom and under which limits.
    /// - Returns: The answer, whatever its status.
    /// - Throws: ``IntegrationError`` with code `network` or `invalidAnswer`; `CancellationError` as soon as the task is
    ///   cancelled.
    public func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        try Task.checkCancellation()
        let exchange = try Exchange(request, context: context)
        #if canImport(FoundationNetworking)
            // curl sends a request again by itself, a POST too, when a connection that it kept alive dies before the
            // answer. It does so on used connections alone, so a write gets a new one.
            if request.effect == .write {
                let delegate = ExchangeDelegate()
                let configuration = Self.configuration(maximumConnectionsPerHost: 1)
                let single = URLSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
                defer { single.invalidateAndCancel() }
                return try await exchange.run(in: single, reportedTo: delegate)
            }
        #endif
        return try await exchange.run(in: session, reportedTo: exchanges)
    }

    private static func configuration(maximumConnectionsPerHost: Int) -> URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = maximumConnectionsPerHost
        configuration.httpCookieStorage = nil
        configuration.httpCookieAcceptPolicy = .never
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.urlCredentialStorage = nil
        configuration.timeoutIntervalForResource = 24 * 3600
        #if !canImport(FoundationNetworking)
            configuration.waitsForConnectivity = false
        #endif
        return configuration
    }
}

/// One request on its way: ends once, with the answer, a failure or the cancellation, whichever comes first.
private final class Exchange: Sendable {
    private enum Phase {
        case waiting
        case running(CheckedContinuation<HTTPResponse, any Error>, URLSessionDataTask)
        case ended
    }
    private struct State {
        var phase = Phase.waiting
        var response: HTTPURLResponse?
        var body = Data()
        var redirects = 0
    }

    private static let maximumRedirects = 5
    private let request: HTTPRequest
    private let limit: Int
    private let outgoing: URLRequest
    private let state = LockBox(State())

    init(_ request: HTTPRequest, context: OperationContext) throws {
        self.request = request
        limit = context.maximumAnswerSize
        var outgoing = URLRequest(url: request.url)
        outgoing.httpMethod = request.method.rawValue
        outgoing.httpBody = request.body
        outgoing.httpShouldHandleCookies = false
        outgoing.timeoutInterval = context.timeout.inSeconds + 30
        for field in request.headers.fields {
            guard !field.name.isEmpty, (field.name + field.value).utf8.allSatisfy({ $0 != 10 && $0 != 13 && $0 != 0 })
            else {
                throw IntegrationError(
                    .invalidInput,
                    "A header field of a request to \(request.url.host() ?? "the platform") holds a line break."
                )
            }
            outgoing.addValue(field.value, forHTTPHeaderField: field.name)
        }
        self.outgoing = outgoing
    }

    func run(in session: URLSession, reportedTo delegate: ExchangeDelegate) async throws -> HTTPResponse {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let task = session.dataTask(with: outgoing)
                let mayStart = state.withLock { state in
                    guard case .waiting = state.phase else { return false }
                    state.phase = .running(continuation, task)
                    return true
                }
                guard mayStart else {
                    task.cancel()
                    continuation.resume(throwing: CancellationError())
                    return
                }
                delegate.add(self, for: task)
                task.resume()
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    /// Whether reading goes on.
    func receive(_ response: URLResponse) -> Bool {
        guard let response = response as? HTTPURLResponse else {
            end(.failure(failure(.invalidAnswer, "is not HTTP")))
            return false
        }
        if response.expectedContentLength > Int64(limit), request.method != .head {
            end(.failure(tooLarge()))
            return false
        }
        state.withLock { $0.response = response }
        return true
    }

    func receive(_ data: Data) {
        let fits = state.withLock { state in
            guard case .running = state.phase else { return true }
            guard state.body.count + data.count <= limit else { return false }
            state.body.append(data)
            return true
        }
        if !fits { end(.failure(tooLarge())) }
    }

    /// The request to go on with, or nil to take the redirect as the answer.
    func redirected(to next: URLRequest) -> URLRequest? {
        guard request.effect == .read, let url = next.url, url.hasOrigin(of: request.url),
            next.httpMethod ?? "GET" == request.method.rawValue
        else { return nil }
        let count = state.withLock { state in
            state.redirects += 1
            return state.redirects
        }
        guard count <= Self.maximumRedirects else { return nil }
        var following = outgoing
        following.url = url
        return following
    }

    func complete(_ error: (any Error)?) {
        if let error {
            end(.failure(failure(for: error)))
            return
        }
        let (response, body) = state.withLock { ($0.response, $0.body) }
        guard let response else {
            end(.failure(failure(.network, "did not come")))
            return
        }
        var headers = HTTPHeaders()
        for (name, value) in response.allHeaderFields.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            headers.fields.append(HTTPHeaders.Field("\(name)", "\(value)"))
        }
        if headers["Content-Encoding"] != nil {
            headers["Content-Encoding"] = nil
            headers["Content-Length"] = nil
        } else if let length = headers["Content-Length"].flatMap({ Int($0) }), length != body.count,
            request.method != .head, response.statusCode != 304
        {
            end(.failure(failure(.network, "has \(body.count) bytes, not \(length)")))
            return
        }
        end(.success(HTTPResponse(status: response.statusCode, headers: headers, body: body)))
    }

    private func end(_ result: Result<HTTPResponse, any Error>) {
        let phase = state.withLock { state in
            let phase = state.phase
            state.phase = .ended
            state.body = Data()
            return phase
        }
        guard case .running(let continuation, let task) = phase else { return }
        continuation.resume(with: result)
        guard case .failure = result else { return }
        // On Linux cancelling waits for the session's queue, and this may be a thread of Swift's pool.
        DispatchQueue.global().async { task.cancel() }
    }

    private func tooLarge() -> IntegrationError {
        var error = failure(.invalidAnswer, "is larger than \(limit) bytes")
        error.retry = request.effect == .read ? .smaller : .never
        return error
    }

    private func failure(for error: any Error) -> IntegrationError {
        let code = (error as? URLError)?.code
        let cause = code.map { "URL error \($0.rawValue)" } ?? "\(type(of: error))"
        var failure = failure(.network, "did not come (\(cause))")
        let isUnsent = code.map(Self.unsent.contains) ?? false
        // Where one of several addresses refused, Foundation on Linux says so of whatever fails later, too.
        failure.mayHaveHappened = !isUnsent || hasBegun
        return failure
    }

    /// Whether a byte of the body left or a byte of the answer came.
    private var hasBegun: Bool {
        state.withLock { state in
            guard case .running(_, let task) = state.phase else { return true }
            return state.response != nil || task.countOfBytesSent > 0
        }
    }

    private func failure(_ code: IntegrationError.Code, _ what: String) -> IntegrationError {
        IntegrationError(
            code,
            "The answer of \(request.url.host() ?? "the platform") \(what).",
            remedy: LocalizedText(
                "Nothing to do: it will be tried again. If it goes on, check the connection and the platform's status.",
                fr: "Rien à faire : un nouvel essai suivra. Si cela persiste, vérifiez la connexion et l'état de la "
                    + "plateforme."
            ),
            retry: .after(nil),
            concerns: .account,
            mayHaveHappened: true
        )
    }

    /// Failures of finding the host, connecting and the handshake: no byte of the request was written.
    private static let unsent: Set<URLError.Code> = [
        .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet,
        .secureConnectionFailed, .serverCertificateHasBadDate, .serverCertificateUntrusted,
        .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid, .clientCertificateRejected,
        .clientCertificateRequired, .appTransportSecurityRequiresSecureConnection, .internationalRoamingOff,
        .dataNotAllowed, .callIsActive,
    ]
}

extension URL {
    /// Whether scheme, host and port are those of another address.
    fileprivate func hasOrigin(of other: URL) -> Bool {
        func port(_ url: URL) -> Int { url.port ?? (url.scheme?.lowercased() == "http" ? 80 : 443) }
        return scheme?.lowercased() == other.scheme?.lowercased() && host()?.lowercased() == other.host()?.lowercased()
            && port(self) == port(other) && user() == nil && password() == nil
    }
}

/// Hands what the session reports to the exchange that it concerns.
private final class ExchangeDelegate: NSObject, URLSessionDataDelegate, Sendable {
    private let exchanges = LockBox<[Int: Exchange]>([:])

    func add(_ exchange: Exchange, for task: URLSessionTask) {
        exchanges.withLock { $0[task.taskIdentifier] = exchange }
    }

    private func exchange(of task: URLSessionTask) -> Exchange? {
        exchanges.withLock { $0[task.taskIdentifier] }
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(exchange(of: task)?.redirected(to: request))
    }

    func urlSession(
        _ session: URLSession,
        dataTask: URLSessionDataTask,
        didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let goesOn = exchange(of: dataTask)?.receive(response) ?? false
        completionHandler(goesOn ? .allow : .cancel)
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        #if canImport(FoundationNetworking)
            // A 401 that challenges to Basic comes here once its answer is whole, and would wait for a credential forever.
            exchange(of: task)?.complete(nil)
            completionHandler(.cancelAuthenticationChallenge, nil)
        #else
            completionHandler(.performDefaultHandling, nil)
        #endif
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        exchange(of: dataTask)?.receive(data)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        exchanges.withLock { $0.removeValue(forKey: task.taskIdentifier) }?.complete(error)
    }
}
