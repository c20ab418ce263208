// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What transforms need to know of the account.
public struct MappingContext: Hashable, Sendable {
    /// The account's time zone: on which day a moment falls there.
    public var timeZone: TimeZone
    /// The account's currency by its ISO 4217 code; nil: not known.
    public var currency: String?

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - timeZone: The account's time zone.
    ///   - currency: The account's currency by its ISO 4217 code.
    public init(timeZone: TimeZone = .gmt, currency: String? = nil) {
        self.timeZone = timeZone
        self.currency = currency
    }
}
