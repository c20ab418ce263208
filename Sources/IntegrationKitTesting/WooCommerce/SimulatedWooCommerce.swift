// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// WooCommerce shops in memory: their REST API `wc/v3` with its permissions, its oddities and its faults, their mails
/// and their webhooks.
///
/// Every shop is its own server: a call reaches the shop whose home address it begins with. Everything follows from the
/// seed, the calls and the time of the ``TimeSource``.
///
/// ```swift
/// let platform = SimulatedWooCommerce(seed: 7, time: clock.timeSource)
/// platform.addShop(SimulatedWooCommerce.Shop(home: "https://shop.example"))
/// let key = try platform.issueKey(in: "https://shop.example")
/// platform.fail(with: .lostAnswerAfter)
/// ```
public final class SimulatedWooCommerce: HTTPTransport {
    let box: LockBox<WooWorld>
    let time: TimeSource

    /// Creates a platform without shops.
    ///
    /// - Parameters:
    ///   - seed: Decides keys, orders and chances.
    ///   - time: The clocks of all shops.
    public init(seed: UInt64 = 1, time: TimeSource = .system) {
        box = LockBox(WooWorld(seed: seed))
        self.time = time
    }

    /// Returns a platform that holds what this one holds now, and goes its own way from here.
    ///
    /// - Parameters:
    ///   - seed: Decides chances from here on.
    ///   - time: The copy's clocks.
    /// - Returns: The copy, without faults, hooks and the list of calls.
    public func copy(seed: UInt64, time: TimeSource) -> SimulatedWooCommerce {
        let copy = SimulatedWooCommerce(seed: seed, time: time)
        let (shops, postponed) = box.withLock { ($0.shops, $0.postponed) }
        copy.box.withLock { world in
            world.shops = shops
            world.postponed = postponed
        }
        return copy
    }

    /// The time, in milliseconds since 1970.
    public var now: Int64 { time.now().milliseconds }

    /// Answers a request as the shop would, unless a fault was ordered for it.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - context: For whom and under which limits.
    /// - Returns: The answer.
    /// - Throws: `IntegrationError` if a fault hides the answer, if there is no shop at the address, or if the answer is
    ///   larger than the caller accepts; what a hook throws.
    public func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        guard box.withLock({ $0.home(of: request.url) != nil }) else {
            throw IntegrationError(
                .network,
                "There is no simulated shop at \(request.url.host ?? "this address").",
                retry: .after(nil)
            )
        }
        return try await carryOut(request, context: context)
    }

    /// Lends the world after what was due by now has happened.
    func withWorld<Result>(_ body: (inout WooWorld, Int64) throws -> Result) rethrows -> Result {
        let moment = now
        return try box.withLock { world in
            world.settle(now: moment)
            return try body(&world, moment)
        }
    }
}

extension SimulatedWooCommerce: SimulatedPlatform {
    func withBook<Result>(_ body: (inout CallBook) -> Result) -> Result {
        box.withLock { body(&$0.book) }
    }

    func begin(_ request: HTTPRequest) -> (number: Int, fault: PlatformFault?) {
        withWorld { $0.begin(request, now: $1) }
    }

    func perform(_ request: HTTPRequest, number: Int) -> HTTPResponse {
        withWorld { $0.perform(request, number: number, now: $1) }
    }

    func postpone(_ request: HTTPRequest, number: Int, by duration: Duration) {
        withWorld { world, now in
            world.postponed.append(
                WooWorld.Postponed(request: request, number: number, due: now + duration.inMilliseconds)
            )
        }
    }

    func refusal(_ status: Int, headers: HTTPHeaders, of request: HTTPRequest) -> HTTPResponse {
        withWorld { $0.refusal(status, headers: headers, of: request, now: $1) }
    }
}

extension SimulatedWooCommerce {
    /// A way in which a call goes wrong.
    public typealias Fault = PlatformFault
    /// Which calls are meant.
    public typealias CallPattern = IntegrationKitTesting.CallPattern
    /// A point within a call at which a test may step in.
    public typealias Step = CallStep

    /// Lets the next matching calls go wrong; orders for the same calls are carried out in the order they were given.
    ///
    /// - Parameters:
    ///   - count: How many calls.
    ///   - pattern: Which calls.
    ///   - fault: How. A 503 is the shop's maintenance, a 500 a failing script; other statuses come from what stands
    ///     before the shop, as HTML.
    public func fail(_ count: Int = 1, _ pattern: CallPattern = .any, with fault: Fault) {
        withBook { $0.fail(count, pattern, with: fault) }
    }

    /// Lets matching calls go wrong at random from now on; a rate of 0 ends it.
    ///
    /// - Parameters:
    ///   - rate: The share of calls, from 0 to 1.
    ///   - faults: The faults to draw from.
    ///   - pattern: Which calls.
    public func failAtRandom(rate: Double, faults: [Fault], _ pattern: CallPattern = .any) {
        withBook { $0.failAtRandom(rate: rate, faults: faults, pattern) }
    }

    /// Ends all faults that were ordered.
    public func stopFailing() {
        withBook { $0.stopFailing() }
    }

    /// Runs a closure at each step of each call; what it throws, the caller gets.
    ///
    /// - Parameter hook: The closure; nil: none.
    public func onStep(_ hook: (@Sendable (Step) async throws -> Void)?) {
        withBook { $0.hook = hook }
    }

    /// Every call that arrived, in order.
    public var calls: [LoggedCall] { withBook { $0.calls } }

    /// How many calls each endpoint got, such as `GET orders/{id}/notes`.
    public var callCounts: [String: Int] {
        calls.reduce(into: [:]) { $0[$1.endpoint, default: 0] += 1 }
    }
}
