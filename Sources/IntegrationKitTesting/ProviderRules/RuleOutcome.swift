// SPDX-License-Identifier: Apache-2.0

/// How the check of a rule ended, if not with a ``RuleViolation``.
public enum RuleOutcome: Hashable, Sendable {
    /// The rule holds.
    case passed
    /// The rule could not be checked, for this reason.
    case skipped(String)
}

/// Says that a test bed cannot do what a rule asks of it; the rule is then skipped.
public struct UnsupportedHook: Error {
    /// Why, as it stands behind the word "skipped".
    public var reason: String

    /// Creates the error.
    ///
    /// - Parameter reason: Why.
    public init(_ reason: String) {
        self.reason = reason
    }
}
