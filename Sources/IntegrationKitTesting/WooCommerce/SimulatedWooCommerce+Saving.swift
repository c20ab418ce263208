// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension SimulatedWooCommerce {
    /// What the platform keeps from one run of a program to the next.
    private struct Saved: Codable {
        var seed: UInt64
        var random: SimulationRandom
        var shops: [String: WooShopState]
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
            world.shops = saved.shops
        }
    }

    /// Returns all that the shops hold, for ``init(restoring:time:)``: records, users, keys, webhooks not yet sent,
    /// mails, history.
    ///
    /// Faults that were ordered, hooks, the list of calls, calls still under way and answers kept for a repeated call
    /// are not among it.
    ///
    /// - Returns: JSON.
    /// - Throws: `EncodingError`, never for what a shop can hold.
    public func saved() throws -> Data {
        let saved = box.withLock { Saved(seed: $0.seed, random: $0.random, shops: $0.shops) }
        return try JSONEncoder().encode(saved)
    }
}
