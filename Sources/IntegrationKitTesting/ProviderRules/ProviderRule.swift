// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// One promise of ``IntegrationProvider``, and how to check it.
///
/// A provider's tests run them all, each with a test bed of its own; a rule that fails shows as a case with its
/// sentence:
///
/// ```swift
/// @Test(arguments: ProviderRule.all) func obeys(rule: ProviderRule) async throws {
///     try await rule.check(MeadowTestBed())
/// }
/// ```
public struct ProviderRule: Sendable, CustomStringConvertible {
    /// Names the rule.
    public let id: String
    /// The promise.
    public let sentence: String
    private let body: @Sendable (ProviderTrial) async throws -> Void

    init(_ id: String, _ sentence: String, _ body: @escaping @Sendable (ProviderTrial) async throws -> Void) {
        self.id = id
        self.sentence = sentence
        self.body = body
    }

    /// All rules.
    public static let all: [ProviderRule] =
        accountRules + planRules + pushRules + lostAnswerRules + refusalRules + wireRules + fetchRules + streamRules
        + webhookRules

    /// The id and the sentence.
    public var description: String { "\(id): \(sentence)" }

    /// Checks the rule.
    ///
    /// - Parameter bed: A new test bed; rules leave records, time and trouble behind.
    /// - Returns: Whether the rule was checked; one that needs a hook or an ability that is missing is skipped.
    /// - Throws: ``RuleViolation`` if the provider breaks the rule, and whatever the bed's hooks throw.
    @discardableResult
    public func check(_ bed: some ProviderTestBed) async throws -> RuleOutcome {
        do {
            try await body(try await ProviderTrial(rule: id, bed: bed))
            return .passed
        } catch let missing as UnsupportedHook {
            return .skipped(missing.reason)
        } catch let error as IntegrationError {
            throw RuleViolation(rule: id, "an error where none was expected: \(error)")
        }
    }
}
