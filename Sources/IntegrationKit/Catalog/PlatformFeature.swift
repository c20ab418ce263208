// SPDX-License-Identifier: Apache-2.0

/// Something a platform can be connected for, as a settings screen lists it.
public struct PlatformFeature: RawRepresentable, Hashable, Codable, Sendable {
    /// The feature's name as it is stored.
    public var rawValue: String
    /// Creates a feature from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// People: contacts, leads, customers, users.
    public static let contacts = PlatformFeature(rawValue: "contacts")
    /// Deals.
    public static let deals = PlatformFeature(rawValue: "deals")
    /// Products.
    public static let products = PlatformFeature(rawValue: "products")
    /// Orders.
    public static let orders = PlatformFeature(rawValue: "orders")
    /// Tickets.
    public static let tickets = PlatformFeature(rawValue: "tickets")
    /// Calls.
    public static let calls = PlatformFeature(rawValue: "calls")
    /// Notes.
    public static let notes = PlatformFeature(rawValue: "notes")

    /// The feature's name for people.
    public var name: LocalizedText {
        PlatformFeature.table.first { $0.feature == self }?.name ?? LocalizedText(rawValue)
    }

    fileprivate static let table: [(feature: PlatformFeature, name: LocalizedText, kinds: Set<RecordKind>)] = [
        (.contacts, LocalizedText("Contacts", fr: "Contacts"), [.contact, .lead, .customer, .user]),
        (.deals, LocalizedText("Deals", fr: "Affaires"), [.deal]),
        (.products, LocalizedText("Products", fr: "Produits"), [.product, .productVariation]),
        (.orders, LocalizedText("Orders", fr: "Commandes"), [.order]),
        (.tickets, LocalizedText("Tickets", fr: "Tickets"), [.ticket]),
        (.calls, LocalizedText("Calls", fr: "Appels"), [.call]),
        (.notes, LocalizedText("Notes", fr: "Notes"), [.note]),
    ]
}

extension PlatformDescriptor {
    /// What the platform can be connected for, by its kinds of record and in a fixed order.
    public var features: [PlatformFeature] {
        let own = Set(kinds.filter { $0.canPush || $0.canPull }.map(\.kind))
        return PlatformFeature.table.filter { !$0.kinds.isDisjoint(with: own) }.map(\.feature)
    }
}
