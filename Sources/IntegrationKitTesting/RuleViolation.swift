// SPDX-License-Identifier: Apache-2.0

/// Says that a conformance breaks a rule, and how.
public struct RuleViolation: Error, CustomStringConvertible {
    /// The rule that was broken.
    public var rule: String
    /// What was expected and what was seen.
    public var message: String

    /// Creates a violation.
    ///
    /// - Parameters:
    ///   - rule: The rule that was broken.
    ///   - message: What was expected and what was seen.
    public init(rule: String, _ message: String) {
        self.rule = rule
        self.message = message
    }

    /// The rule and the message.
    public var description: String { "\(rule): \(message)" }
}
