// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A text that shows itself to nobody: not in a description, a mirror, an interpolation or an encoder.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable,
    ExpressibleByStringLiteral
{
    private let value: String

    /// Hides a text.
    public init(_ value: String) {
        self.value = value
    }

    /// Hides a literal.
    public init(stringLiteral value: String) {
        self.value = value
    }

    /// Lends the text to a closure.
    ///
    /// - Parameter body: Uses the text; must not keep it.
    /// - Returns: What the closure returns.
    /// - Throws: What the closure throws.
    public func withExposedValue<Result>(_ body: (String) throws -> Result) rethrows -> Result {
        try body(value)
    }

    /// Whether nothing is hidden.
    public var isEmpty: Bool { value.isEmpty }

    /// A placeholder.
    public var description: String { "<secret>" }

    /// A placeholder.
    public var debugDescription: String { "<secret>" }

    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Compares without telling by its duration how much is equal.
    public static func == (left: Secret, right: Secret) -> Bool {
        constantTimeEquals(Data(left.value.utf8), Data(right.value.utf8))
    }
}
