// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// A transport that expects requests in order and answers each from its script.
///
/// Whatever is not expected fails with a ``RuleViolation`` that names the difference, also later in ``verify()``, should
/// the code under test have swallowed it.
///
/// ```swift
/// let transport = ScriptedTransport()
/// transport.expect(.request(.get, "https://api.example.com/me"), answering: .json(#"{"id":7}"#))
/// // … run the code under test …
/// try transport.verify()
/// ```
public final class ScriptedTransport: HTTPTransport {
    /// How an expected request is answered.
    public struct Answer: Sendable {
        let make: @Sendable (HTTPRequest) async throws -> HTTPResponse

        /// Creates an answer that is computed from the request.
        ///
        /// - Parameter make: Returns the answer, or throws what a transport throws.
        public init(_ make: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse) {
            self.make = make
        }

        /// Answers with a response.
        ///
        /// - Parameter response: The response.
        /// - Returns: The answer.
        public static func response(_ response: HTTPResponse) -> Answer {
            Answer { _ in response }
        }

        /// Answers with a JSON text.
        ///
        /// - Parameters:
        ///   - text: The body.
        ///   - status: The status.
        ///   - headers: Header fields beside the content type.
        /// - Returns: The answer.
        public static func json(_ text: String, status: Int = 200, headers: HTTPHeaders = [:]) -> Answer {
            .json(Data(text.utf8), status: status, headers: headers)
        }

        /// Answers with the bytes of a JSON text, such as a fixture's.
        ///
        /// - Parameters:
        ///   - data: The body.
        ///   - status: The status.
        ///   - headers: Header fields beside the content type.
        /// - Returns: The answer.
        public static func json(_ data: Data, status: Int = 200, headers: HTTPHeaders = [:]) -> Answer {
            var headers = headers
            if headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
            return .response(HTTPResponse(status: status, headers: headers, body: data))
        }

        /// Answers with a status and no body.
        ///
        /// - Parameters:
        ///   - status: The status.
        ///   - headers: The header fields.
        /// - Returns: The answer.
        public static func status(_ status: Int, headers: HTTPHeaders = [:]) -> Answer {
            .response(HTTPResponse(status: status, headers: headers))
        }

        /// Fails as a transport fails.
        ///
        /// - Parameter error: What is thrown.
        /// - Returns: The answer.
        public static func failure(_ error: any Error) -> Answer {
            Answer { _ in throw error }
        }

        /// Answers with the content of a file.
        ///
        /// - Parameters:
        ///   - url: The file, with a JSON text.
        ///   - status: The status.
        ///   - headers: Header fields beside the content type.
        /// - Returns: The answer.
        public static func fixture(_ url: URL, status: Int = 200, headers: HTTPHeaders = [:]) -> Answer {
            Answer { request in
                try await json(Data(contentsOf: url), status: status, headers: headers).make(request)
            }
        }
    }

    private struct Step: Sendable {
        var matcher: RequestMatcher
        var answer: Answer
    }

    private struct State: Sendable {
        var steps: [Step] = []
        var next = 0
        var requests: [HTTPRequest] = []
        var contexts: [OperationContext] = []
        var violations: [RuleViolation] = []
    }

    private let state = LockBox(State())

    /// Creates a transport with an empty script.
    public init() {}

    /// Adds a request to the end of the script.
    ///
    /// - Parameters:
    ///   - matcher: The request that must come then.
    ///   - answer: How it is answered.
    public func expect(_ matcher: RequestMatcher, answering answer: Answer) {
        state.withLock { $0.steps.append(Step(matcher: matcher, answer: answer)) }
    }

    /// The requests that came, in order, the unexpected ones included.
    public var requests: [HTTPRequest] {
        state.withLock { $0.requests }
    }

    /// The contexts of the requests that came, in order.
    public var contexts: [OperationContext] {
        state.withLock { $0.contexts }
    }

    /// What is still expected, in words.
    public var remaining: [String] {
        state.withLock { state in state.steps[state.next...].map(\.matcher.description) }
    }

    /// Throws if a request was not expected or an expected one did not come.
    ///
    /// - Throws: ``RuleViolation``.
    public func verify() throws {
        if let violation = state.withLock({ $0.violations.first }) { throw violation }
        let missing = remaining
        guard missing.isEmpty else {
            throw RuleViolation(rule: "script", "these requests did not come: \(missing.joined(separator: ", "))")
        }
    }

    /// Answers the next request of the script.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - context: For whom and under which limits.
    /// - Returns: The script's answer.
    /// - Throws: The script's failure; ``RuleViolation`` if the request is not the next one of the script.
    public func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        let answer = try state.withLock { state in
            state.requests.append(request)
            state.contexts.append(context)
            guard state.next < state.steps.count else {
                let line = "\(request.method.rawValue) \(request.url.absoluteString)"
                let violation = RuleViolation(rule: "script", "the script has ended, but there came \(line)")
                state.violations.append(violation)
                throw violation
            }
            let step = state.steps[state.next]
            if let mismatch = step.matcher.mismatch(request) {
                let violation = RuleViolation(rule: "script", "request \(state.next + 1): \(mismatch)")
                state.violations.append(violation)
                throw violation
            }
            state.next += 1
            return step.answer
        }
        return try await answer.make(request)
    }
}
