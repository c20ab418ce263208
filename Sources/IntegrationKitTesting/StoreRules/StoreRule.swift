// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// One promise of ``IntegrationStore``, and how to check it.
///
/// A store's tests run them all; a rule that fails shows as a case with its sentence:
///
/// ```swift
/// @Test(arguments: StoreRule.all) func obeys(rule: StoreRule) async throws {
///     try await rule.check { time in MyStore(time: time) }
/// }
/// ```
public struct StoreRule: Sendable, CustomStringConvertible {
    /// Names the rule.
    public let id: String
    /// The promise.
    public let sentence: String
    private let body: @Sendable (StoreTrial) async throws -> Void

    init(_ id: String, _ sentence: String, _ body: @escaping @Sendable (StoreTrial) async throws -> Void) {
        self.id = id
        self.sentence = sentence
        self.body = body
    }

    /// All rules.
    public static let all: [StoreRule] =
        rowRules + queryRules + commitRules + uniqueRules + purgeRules + laneRules + releaseRules + claimRules

    /// The id and the sentence.
    public var description: String { "\(id): \(sentence)" }

    /// Checks the rule against a new store.
    ///
    /// - Parameter make: Creates an empty store whose clock is the time source.
    /// - Throws: ``RuleViolation`` if the store breaks the rule, and whatever the store throws.
    public func check(_ make: @Sendable (TimeSource) async throws -> any IntegrationStore) async throws {
        let clock = ManualClock()
        let store = try await make(clock.timeSource)
        try await body(StoreTrial(rule: id, store: store, clock: clock))
    }
}
