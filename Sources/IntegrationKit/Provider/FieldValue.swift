// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// The value of a field, in one form for all platforms; wire forms stay inside the providers.
public enum FieldValue: Hashable, Sendable {
    /// Known to be empty.
    case empty
    /// A text.
    case text(String)
    /// Yes or no.
    case flag(Bool)
    /// An exact number.
    case number(Decimal)
    /// An exact amount in a currency, by its ISO 4217 code.
    case money(Decimal, currency: String)
    /// A day without a time, as `YYYY-MM-DD`.
    case day(String)
    /// A moment.
    case instant(Date)
    /// A duration in whole seconds.
    case seconds(Int)
    /// Chosen options by their internal values; their order has no meaning.
    case options([String])
    /// Several values with labels, such as phone numbers.
    case labelled([LabelledText])
    /// A postal address.
    case address(PostalAddress)
    /// Another record on the platform.
    case record(RemoteID)
    /// Anything else.
    case json(JSONValue)
}

/// One of several values of a field, such as a phone number.
public struct LabelledText: Hashable, Codable, Sendable {
    /// The label, such as `work`.
    public var label: String?
    /// The value.
    public var value: String
    /// Whether it is the main one.
    public var isPrimary: Bool

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - label: The label.
    ///   - isPrimary: Whether it is the main one.
    public init(_ value: String, label: String? = nil, isPrimary: Bool = false) {
        self.label = label
        self.value = value
        self.isPrimary = isPrimary
    }
}

/// A postal address.
public struct PostalAddress: Hashable, Codable, Sendable {
    /// The street and house number, and what belongs to them.
    public var street: String?
    /// The city.
    public var city: String?
    /// The state, province or region.
    public var region: String?
    /// The postal code.
    public var postalCode: String?
    /// The country, as the source wrote it.
    public var country: String?

    /// Creates an address.
    ///
    /// - Parameters:
    ///   - street: The street and house number.
    ///   - city: The city.
    ///   - region: The state, province or region.
    ///   - postalCode: The postal code.
    ///   - country: The country.
    public init(
        street: String? = nil,
        city: String? = nil,
        region: String? = nil,
        postalCode: String? = nil,
        country: String? = nil
    ) {
        self.street = street
        self.city = city
        self.region = region
        self.postalCode = postalCode
        self.country = country
    }
}

extension FieldValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
    /// Creates a text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// Creates a flag.
    public init(booleanLiteral value: Bool) { self = .flag(value) }
    /// Creates a number.
    public init(integerLiteral value: Int) { self = .number(Decimal(value)) }
}
