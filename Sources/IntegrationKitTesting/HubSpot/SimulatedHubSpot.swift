// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// A HubSpot in memory: its accounts, its CRM API with all its rules and limits, its faults and its webhooks.
///
/// It answers requests to any host by their path, in the versions `2026-09`, `2026-03` and `v3`/`v4`, so it serves as the
/// transport of a test and, behind a loopback server, as the server of other clients. Everything it decides follows from
/// its seed, the calls it got and the time of its ``TimeSource``.
///
/// ```swift
/// let platform = SimulatedHubSpot(seed: 7, time: clock.timeSource)
/// platform.addAccount(SimulatedHubSpot.Account(portalID: 42))
/// let token = platform.issueToken(for: 42)
/// platform.fail(with: .lostAnswerAfter)
/// ```
public final class SimulatedHubSpot: HTTPTransport {
    let box: LockBox<HubSpotWorld>
    let time: TimeSource

    /// Creates a platform without accounts.
    ///
    /// - Parameters:
    ///   - seed: Decides ids, orders and chances.
    ///   - time: The platform's clocks.
    public init(seed: UInt64 = 1, time: TimeSource = .system) {
        box = LockBox(HubSpotWorld(seed: seed))
        self.time = time
    }

    /// The platform's time, in milliseconds since 1970.
    public var now: Int64 { time.now().milliseconds }

    /// Answers a request as the platform would, unless a fault was ordered for it.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - context: For whom and under which limits.
    /// - Returns: The answer.
    /// - Throws: `IntegrationError` if a fault hides the answer, or the answer is larger than the caller accepts; what a
    ///   hook throws.
    public func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        try Task.checkCancellation()
        try await pass(.received, request)
        let moment = now
        let (number, fault) = box.withLock { $0.begin(request, now: moment) }
        if case .slow(let duration) = fault?.kind {
            try await time.sleep(min(duration, context.timeout))
            if duration > context.timeout {
                _ = perform(request, number: number)
                throw SimulatedHubSpot.timedOut
            }
        }
        guard let fault, !fault.hadEffect else {
            let response = perform(request, number: number)
            try await pass(.performed, request)
            return try answer(response, fault: fault, context: context, number: number)
        }
        try await pass(.performed, request)
        return try answer(nil, fault: fault, context: context, number: number)
    }

    private func perform(_ request: HTTPRequest, number: Int) -> HTTPResponse {
        let moment = now
        return box.withLock { world in
            let reply = world.answer(request, number: number, now: moment)
            world.calls[number - 1].status = reply.status
            return world.response(reply)
        }
    }

    private func answer(
        _ response: HTTPResponse?,
        fault: Fault?,
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
        case .timeout: throw SimulatedHubSpot.timedOut
        case .status(let status, _):
            response = respond(.fault(status), number: number)
        case .retryLater(let seconds):
            var reply = HubSpotReply.fault(477)
            reply.headers["Retry-After"] = String(seconds)
            response = respond(reply, number: number)
        case .truncatedBody: response.body = response.body.prefix(response.body.count / 2)
        case .html:
            response.headers["Content-Type"] = "text/html; charset=UTF-8"
            response.status = 200
            response.body = Data("<!DOCTYPE html><html><body>Just a moment...</body></html>".utf8)
        case .hugeBody: response.body += Data(repeating: 0x20, count: context.maximumAnswerSize + 1)
        case .slow, nil: break
        }
        guard response.body.count <= context.maximumAnswerSize else {
            throw IntegrationError(
                .invalidAnswer,
                "The answer has more than \(context.maximumAnswerSize) bytes.",
                retry: .smaller,
                mayHaveHappened: true
            )
        }
        return response
    }

    private func respond(_ reply: HubSpotReply, number: Int) -> HTTPResponse {
        box.withLock { world in
            world.calls[number - 1].status = reply.status
            return world.response(reply)
        }
    }

    private func pass(_ moment: Step.Moment, _ request: HTTPRequest) async throws {
        guard let hook = box.withLock({ $0.hook }) else { return }
        try await hook(Step(moment: moment, request: request))
    }

    private static var timedOut: IntegrationError {
        IntegrationError(
            .timedOut,
            "The simulated platform gave no answer in time.",
            retry: .after(nil),
            mayHaveHappened: true
        )
    }
}
