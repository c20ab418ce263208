// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What all simulated platforms have in common: how a call passes through them, and how it goes wrong.
protocol SimulatedPlatform: HTTPTransport {
    var time: TimeSource { get }

    /// Lends the book of calls.
    func withBook<Result>(_ body: (inout CallBook) -> Result) -> Result
    /// Counts a call and decides how it goes wrong.
    func begin(_ request: HTTPRequest) -> (number: Int, fault: PlatformFault?)
    /// Carries a call out.
    func perform(_ request: HTTPRequest, number: Int) -> HTTPResponse
    /// Carries a call out after a while, although it is answered now; by default at once.
    func postpone(_ request: HTTPRequest, number: Int, by duration: Duration)
    /// What the platform or the network before it answers with a status.
    func refusal(_ status: Int, headers: HTTPHeaders, of request: HTTPRequest) -> HTTPResponse
}

extension SimulatedPlatform {
    func postpone(_ request: HTTPRequest, number: Int, by duration: Duration) {
        _ = perform(request, number: number)
    }

    /// Answers a request as the platform would, unless a fault was ordered for it.
    func carryOut(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        try Task.checkCancellation()
        try await pass(.received, request)
        let (number, fault) = begin(request)
        if case .slow(let duration) = fault?.kind {
            try await time.sleep(min(duration, context.timeout))
            if duration > context.timeout {
                _ = perform(request, number: number)
                throw timedOut
            }
        }
        var response: HTTPResponse?
        if fault?.hadEffect ?? true { response = perform(request, number: number) }
        try await pass(.performed, request)
        let answer = try answer(response, to: request, fault: fault, context: context, number: number)
        withBook { $0.end(number, status: answer.status) }
        guard answer.body.count <= context.maximumAnswerSize else {
            throw IntegrationError(
                .invalidAnswer,
                "The answer has more than \(context.maximumAnswerSize) bytes.",
                retry: .smaller,
                mayHaveHappened: true
            )
        }
        return answer
    }

    private func answer(
        _ response: HTTPResponse?,
        to request: HTTPRequest,
        fault: PlatformFault?,
        context: OperationContext,
        number: Int
    ) throws -> HTTPResponse {
        var response = response ?? HTTPResponse(status: 500)
        switch fault?.kind {
        case .noConnection:
            throw IntegrationError(
                .network,
                "The simulated platform accepted no connection.",
                retry: .after(nil),
                concerns: .application
            )
        case .lostAnswer:
            throw IntegrationError(
                .network,
                "The connection to the simulated platform broke.",
                retry: .after(nil),
                mayHaveHappened: true
            )
        case .timeout: throw timedOut
        case .status(let status, let headers, _):
            let fields = headers.sorted { $0.key < $1.key }.map { HTTPHeaders.Field($0.key, $0.value) }
            return refusal(status, headers: HTTPHeaders(fields), of: request)
        case .lateEffect(let status, let duration):
            postpone(request, number: number, by: duration)
            return refusal(status, headers: [:], of: request)
        case .truncatedBody: response.body = response.body.prefix(response.body.count / 2)
        case .html:
            response.headers["Content-Type"] = "text/html; charset=UTF-8"
            response.status = 200
            response.body = Data("<!DOCTYPE html><html><body>Just a moment...</body></html>".utf8)
        case .hugeBody: response.body += Data(repeating: 0x20, count: context.maximumAnswerSize + 1)
        case .noise(let text): response.body = Data(text.utf8) + response.body
        case .slow, nil: break
        }
        return response
    }

    private func pass(_ moment: CallStep.Moment, _ request: HTTPRequest) async throws {
        guard let hook = withBook({ $0.hook }) else { return }
        try await hook(CallStep(moment: moment, request: request))
    }

    private var timedOut: IntegrationError {
        IntegrationError(
            .timedOut,
            "The simulated platform gave no answer in time.",
            retry: .after(nil),
            mayHaveHappened: true
        )
    }
}
