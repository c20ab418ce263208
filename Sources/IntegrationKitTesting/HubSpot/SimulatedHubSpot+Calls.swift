// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension SimulatedHubSpot {
    /// A point within a call at which a test may step in.
    public typealias Step = CallStep
    /// A call that arrived.
    public typealias LoggedCall = IntegrationKitTesting.LoggedCall

    /// Runs a closure at each step of each call; what it throws, the caller gets.
    ///
    /// - Parameter hook: The closure; nil: none.
    public func onStep(_ hook: (@Sendable (Step) async throws -> Void)?) {
        withBook { $0.hook = hook }
    }

    /// Every call that arrived, in order.
    public var calls: [LoggedCall] { withBook { $0.calls } }

    /// How many calls each endpoint got.
    public var callCounts: [String: Int] {
        calls.reduce(into: [:]) { $0[$1.endpoint, default: 0] += 1 }
    }

    /// Lets a foreign client spend an account's limits.
    ///
    /// - Parameters:
    ///   - calls: How many calls it makes now.
    ///   - portalID: The account.
    ///   - appID: Under which application; another one shares only the daily limit.
    public func spendLimits(_ calls: Int, of portalID: Int64, appID: Int64 = 18_221_010) {
        let now = now
        box.withLock { world in
            guard let zone = world.accounts[portalID]?.account.timeZone else { return }
            world.accounts[portalID]?.usage.roll(now: now, timeZone: zone)
            world.accounts[portalID]?.usage.spend(.burst(app: appID), calls: calls, now: now)
            world.accounts[portalID]?.usage.spendDay(calls: calls)
        }
    }

    /// Lets a foreign client spend an account's searches of this second.
    ///
    /// - Parameters:
    ///   - searches: How many searches it makes now.
    ///   - portalID: The account.
    public func spendSearches(_ searches: Int, of portalID: Int64) {
        let now = now
        box.withLock { $0.accounts[portalID]?.usage.spend(.search, calls: searches, now: now) }
    }
}
