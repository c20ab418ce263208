// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension SimulatedHubSpot {
    /// What the platform keeps from one run of a program to the next.
    private struct Saved: Codable {
        var random: SimulationRandom
        var seed: UInt64
        var accounts: [Int64: HubSpotAccountState]
        var tokens: [String: HubSpotToken]
        var app: App
        var codes: [String: HubSpotGrant]
        var refreshTokens: [String: HubSpotGrant]
        var events: [HubSpotEvent]
        var lastEventID: Int64
    }

    /// Creates a platform that goes on where another one was saved.
    ///
    /// - Parameters:
    ///   - saved: What ``saved()`` returned.
    ///   - time: The platform's clocks; they must not be earlier than those of the one that was saved.
    /// - Throws: `DecodingError` if the bytes are something else.
    public convenience init(restoring saved: Data, time: TimeSource = .system) throws {
        let saved = try JSONDecoder().decode(Saved.self, from: saved)
        self.init(seed: saved.seed, time: time)
        box.withLock { world in
            world.random = saved.random
            world.accounts = saved.accounts
            world.tokens = saved.tokens
            world.app = saved.app
            world.codes = saved.codes
            world.refreshTokens = saved.refreshTokens
            world.events = saved.events
            world.lastEventID = saved.lastEventID
        }
    }

    /// Returns all that the accounts hold, for ``init(restoring:time:)``: records, properties, tokens, webhooks not yet
    /// sent, history.
    ///
    /// Faults that were ordered, hooks and the list of calls are a test's own and not among it.
    ///
    /// - Returns: JSON.
    /// - Throws: `EncodingError`, never for what a platform can hold.
    public func saved() throws -> Data {
        let saved = box.withLock { world in
            Saved(
                random: world.random,
                seed: world.seed,
                accounts: world.accounts,
                tokens: world.tokens,
                app: world.app,
                codes: world.codes,
                refreshTokens: world.refreshTokens,
                events: world.events,
                lastEventID: world.lastEventID
            )
        }
        return try JSONEncoder().encode(saved)
    }
}
