// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// A simulated WooCommerce shop as the bed on which ``ProviderRule`` checks a provider for WooCommerce.
///
/// Fields are named as the API names them; what stands inside an object is named by its path, such as
/// `billing.company`.
public struct WooCommerceTestBed: ProviderTestBed {
    /// The provider under test.
    public let provider: any IntegrationProvider
    /// The simulated platform.
    public let platform: SimulatedWooCommerce
    /// The clock that it lives by.
    public let clock = ManualClock()
    /// A key that may read and write.
    public let credential: Credential
    /// The home address of the shop.
    public let home: String

    private static let secret = "whsecTest1"

    /// Opens a shop with a key and webhooks.
    ///
    /// - Parameters:
    ///   - provider: The provider under test.
    ///   - seed: Decides the platform's keys, orders and chances.
    ///   - method: The id of the way to sign in, for the credential.
    ///   - shop: The shop.
    /// - Throws: `IntegrationError` if the shop takes no webhooks.
    public init(
        provider: any IntegrationProvider,
        seed: UInt64 = 1,
        method: String = "keys",
        shop: SimulatedWooCommerce.Shop = SimulatedWooCommerce.Shop(home: "https://shop.example")
    ) throws {
        self.provider = provider
        home = shop.home
        platform = SimulatedWooCommerce(seed: seed, time: clock.timeSource)
        platform.addShop(shop)
        let key = try platform.issueKey(in: home)
        credential = Credential(
            method: method,
            values: [
                "consumer_key": Secret(key.consumerKey), "consumer_secret": Secret(key.consumerSecret),
            ]
        )
        for resource in ["customer", "order", "product"] {
            for event in ["created", "updated", "deleted"] {
                try platform.create(
                    "webhook",
                    in: home,
                    [
                        "topic": .string("\(resource).\(event)"), "secret": .string(WooCommerceTestBed.secret),
                        "delivery_url": "https://host.example/webhooks",
                    ]
                )
            }
        }
    }

    /// The simulated platform.
    public var transport: any HTTPTransport { platform }
    /// The shop's home address.
    public var baseURL: URL? { URL(string: home) }

    /// Returns what a record may hold: customers, orders, products, variations and order notes.
    public func sample(of kind: RecordKind, number: Int) -> RecordSample? {
        WooCommerceTestBed.samples[kind]?(number)
    }

    // MARK: People

    /// Makes a record in the shop's pages; a variation gets a new product, a note a new order.
    public func make(_ kind: RecordKind, _ fields: [FieldName: FieldValue]) throws -> RemoteID {
        let resource = try WooCommerceTestBed.resource(kind)
        var parent: Int64?
        if kind == .productVariation { parent = try platform.create("product", in: home, ["type": "variable"]) }
        if kind == .note { parent = try platform.create("order", in: home, [:]) }
        let id = try platform.create(resource, in: home, try members(fields), parent: parent)
        return RemoteID(kind, String(id), parent: parent.map(String.init))
    }

    /// Edits a record in the shop's pages; nobody edits notes there.
    public func edit(_ id: RemoteID, _ fields: [FieldName: FieldValue]) throws {
        try platform.edit(try WooCommerceTestBed.resource(id.kind), try number(id), in: home, try members(fields))
    }

    /// Deletes a record as the shop's pages do: into the trash where there is one, else for good.
    public func delete(_ id: RemoteID) throws {
        if id.kind == .order || id.kind == .product {
            try platform.trash(try WooCommerceTestBed.resource(id.kind), try number(id), in: home)
            return
        }
        try platform.erase(try WooCommerceTestBed.resource(id.kind), try number(id), in: home)
    }

    private func number(_ id: RemoteID) throws -> Int64 {
        guard let number = Int64(id.value) else { throw UnsupportedHook("\(id.value) is no id of a shop") }
        return number
    }

    private static func resource(_ kind: RecordKind) throws -> String {
        switch kind {
        case .customer: "customer"
        case .order: "order"
        case .product: "product"
        case .productVariation: "variation"
        case .note: "note"
        default: throw UnsupportedHook("the shop has no \(kind.rawValue)")
        }
    }

    private func members(_ fields: [FieldName: FieldValue]) throws -> JSONObject {
        var members = JSONObject()
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let json: JSONValue
            switch value {
            case .empty: json = ""
            case .text(let text): json = .string(text)
            case .flag(let flag): json = .bool(flag)
            case .number(let number): json = .number(JSONNumber(number))
            case .money(let amount, _): json = .string(WooDecimal.text(amount))
            case .json(let value): json = value
            default: throw UnsupportedHook("the test bed types no \(value) into \(name.rawValue)")
            }
            let path = name.rawValue.split(separator: ".", maxSplits: 1).map(String.init)
            if path.count == 2 {
                var object = members[path[0]]?.object ?? [:]
                object[path[1]] = json
                members[path[0]] = .object(object)
            } else {
                members[name.rawValue] = json
            }
        }
        return members
    }

    // MARK: Truth

    /// Counts the records that hold the key, or else the natural key, when they were made.
    public func creations(of write: RecordWrite) throws -> Int {
        let resource = try WooCommerceTestBed.resource(write.kind)
        let made = platform.history(of: home).filter { $0.kind == .created && $0.resource == resource }
        let keyed = made.filter { $0.record.text.contains(write.externalKey) }.count
        if keyed > 0 { return keyed }
        let naturals = write.naturalKeys.compactMap { name, value -> (String, String)? in
            if case .text(let text) = value { (name.rawValue, text) } else { nil }
        }
        guard !naturals.isEmpty else { return 0 }
        return made.filter { effect in
            naturals.allSatisfy { effect.record[$0.0]?.string?.lowercased() == $0.1.lowercased() }
        }.count
    }

    /// Returns the customer of an order, the order of a note, the product of a variation.
    public func related(to id: RemoteID) throws -> Set<RemoteID> {
        let resource = try WooCommerceTestBed.resource(id.kind)
        let record = platform.record(resource, try number(id), in: home)
        switch id.kind {
        case .order:
            guard let customer = record?["customer_id"]?.int64, customer != 0 else { return [] }
            return [RemoteID(.customer, String(customer))]
        case .productVariation:
            return Set([record?["parent_id"]?.int64].compactMap { $0 }.map { RemoteID(.product, String($0)) })
        case .note: return Set([id.parent].compactMap { $0 }.map { RemoteID(.order, $0) })
        default: return []
        }
    }

    // MARK: Trouble

    /// Returns the page of a host that limits calls.
    public func throttledAnswer(to request: HTTPRequest) -> HTTPResponse {
        platform.refusal(429, headers: ["Retry-After": "2"], of: request)
    }

    // MARK: Webhooks

    /// The secret of all webhooks.
    public var webhookSecret: Secret? { Secret(WooCommerceTestBed.secret) }

    /// Takes what waits for its delivery, without pings.
    public func takeDeliveries() -> [HTTPRequest] {
        platform.takeDeliveries(in: home).filter { $0.headers["X-WC-Webhook-Signature"] != nil }
    }

    /// Returns the same delivery: shops send nothing twice on purpose, and some send it twice all the same.
    public func redelivery(of delivery: HTTPRequest) -> HTTPRequest { delivery }

    // MARK: Samples

    private static let samples: [RecordKind: @Sendable (Int) -> RecordSample] = [
        .customer: { number in
            RecordSample(
                fields: [
                    "email": .text("person.\(number)@example.fr"), "first_name": .text("Ada \(number)"),
                    "last_name": "Lovelace", "billing.company": .text("Company \(number)"),
                    "billing.city": .text("Nantes \(number)"),
                ],
                change: ["first_name": .text("Grace \(number)"), "billing.city": .text("Brest \(number)")],
                clearable: "last_name",
                refused: ["email": "this is no address"]
            )
        },
        .order: { number in
            RecordSample(
                fields: [
                    "customer_note": .text("Order \(number)"), "transaction_id": .text("tx-\(number)"),
                    "billing.city": .text("Nantes \(number)"),
                ],
                change: ["customer_note": .text("Other order \(number)")],
                clearable: "transaction_id",
                relations: ["customer": .customer]
            )
        },
        .product: { number in
            RecordSample(
                fields: [
                    "name": .text("Product \(number)"), "sku": .text("SKU-\(number)"),
                    "description": .text("Text \(number)"),
                ],
                change: ["name": .text("Other product \(number)")],
                clearable: "description"
            )
        },
        .productVariation: { number in
            RecordSample(
                fields: ["sku": .text("VAR-\(number)"), "description": .text("Text \(number)")],
                change: ["description": .text("Other text \(number)")],
                clearable: "description",
                relations: [.product: .product]
            )
        },
        .note: { number in
            RecordSample(
                fields: ["note": .text("Note \(number)")],
                change: ["note": .text("Other note \(number)")],
                relations: [.order: .order]
            )
        },
    ]
}
