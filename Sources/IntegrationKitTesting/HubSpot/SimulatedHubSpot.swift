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

    /// Returns a platform in the same state that goes its own way from here: what was set up once serves many tests.
    ///
    /// - Parameters:
    ///   - seed: Decides ids, orders and chances from here on.
    ///   - time: The copy's clocks.
    /// - Returns: The copy, without faults and hooks.
    public func copy(seed: UInt64, time: TimeSource) -> SimulatedHubSpot {
        SimulatedHubSpot(box.withLock { $0.copy(seed: seed) }, time: time)
    }

    private init(_ world: HubSpotWorld, time: TimeSource) {
        box = LockBox(world)
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
        try await carryOut(request, context: context)
    }
}

extension SimulatedHubSpot: SimulatedPlatform {
    func withBook<Result>(_ body: (inout CallBook) -> Result) -> Result {
        box.withLock { body(&$0.book) }
    }

    func begin(_ request: HTTPRequest) -> (number: Int, fault: PlatformFault?) {
        let moment = now
        return box.withLock { $0.begin(request, now: moment) }
    }

    func perform(_ request: HTTPRequest, number: Int) -> HTTPResponse {
        let moment = now
        return box.withLock { world in
            let reply = world.answer(request, number: number, now: moment)
            world.book.end(number, status: reply.status)
            return world.response(reply)
        }
    }

    func refusal(_ status: Int, headers: HTTPHeaders, of request: HTTPRequest) -> HTTPResponse {
        var reply = HubSpotReply.fault(status)
        reply.headers.fields += headers.fields
        return box.withLock { $0.response(reply) }
    }
}
