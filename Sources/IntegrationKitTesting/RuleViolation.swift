// SPDX-License-Identifier: Apache-2.0

/// A rule that a conformer breaks.
public struct RuleViolation: Error, CustomStringConvertible {
    /// The rule's id.
    public var rule: String
    /// What the conformer did.
    public var message: String

    /// Creates a violation.
    ///
    /// - Parameters:
    ///   - rule: The rule's id.
    ///   - message: What the conformer did.
    public init(rule: String, _ message: String) {
        self.rule = rule
        self.message = message
    }

    /// The rule and what the conformer did.
    public var description: String { "\(rule): \(message)" }
}
