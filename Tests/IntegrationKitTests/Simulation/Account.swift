// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting

@testable import IntegrationKit

/// An account of a tenant on one of the platforms.
struct Account: Sendable {
    /// Where the account is.
    enum Site: Hashable, Sendable {
        case hubSpot(portal: Int64)
        case shop(home: String)
    }

    var site: Site
    /// What the wire shows of its sign-in.
    var token: String
    var integration = ""
    /// What was agreed for it.
    var plan: WorldHistory.Tenant
    /// Whether the host has to tell its records again.
    var needsResync = false
    var isMappingChanged = false
    /// Whether it was connected anew, or the store brought back from a backup.
    var isReborn = false

    /// What its records are named with.
    var name: String {
        switch site {
        case .hubSpot(let portal): "\(portal)"
        case .shop(let home): home
        }
    }

    var isShop: Bool { if case .shop = site { true } else { false } }

    /// The people who work there.
    var people: Mark.Writer { isShop ? .shopper : .person }

    /// The kind of record that a prospect of the host is there.
    var person: RecordKind { isShop ? .customer : .contact }

    /// Whether anything of the host's records of a kind goes there.
    func takes(_ kind: String) -> Bool {
        switch kind {
        case "prospect": true
        case "product", "order": isShop && sells
        default: !isShop
        }
    }

    /// Whether the host's products and orders go there.
    var sells: Bool { plan.shop?.sells ?? false }

    /// The kinds of records of which each there has its partner here.
    var mirrored: [RecordKind] { sells ? [person, .product] : [person] }

    /// The host's names of the fields that both sides have, by those of the account's records.
    var fields: [String: FieldName] {
        isShop ? Tracks.hostNames.filter { Self.shopFields.contains($0.key) } : Tracks.hostNames
    }

    private static let shopFields: Set<String> = ["firstname", "city", "email", "name"]

    /// How long after its last moment a create of unknown outcome may still arrive.
    static func settling(of request: HTTPRequest) -> Duration { .seconds(isShop(request) ? 210 : 90) }

    /// Whether a request is for a shop.
    static func isShop(_ request: HTTPRequest) -> Bool { request.url.path.contains("/wc/v3/") }
}

/// Something that truly happened to a record on a platform, in words that are the same for all of them.
struct Deed: Sendable {
    enum Kind: Hashable, Sendable {
        case created, updated, archived, restored, erased
        case merged(into: String)
        case associated(with: String, id: String)
        /// Something that is not about records.
        case other
    }

    var kind: Kind
    /// The account and the kind and id of the record.
    var key: String
    /// What was written.
    var values: [String: String]
    /// The platform's call that did it; nil: a person.
    var call: Int?
    /// The customer of an order that was made.
    var buyer: String?

    var isByAPI: Bool { call != nil }
    /// Whether it was us, and about a record.
    var isWrite: Bool { isByAPI && kind != .other }
}

/// A record on a platform at one moment.
struct Shown: Sendable {
    var id: String
    var properties: [String: String]
    var isArchived: Bool
}

extension SimulatedWorld {
    /// What happened in an account after the first so many things.
    ///
    /// A shop's history shows whole records; `before` holds what was known of each and is brought up to date.
    func deeds(of account: Account, from start: Int, _ before: inout [String: [String: String]]) -> [Deed] {
        switch account.site {
        case .hubSpot(let portal): return platform.history(of: portal)[start...].map(Self.deed)
        case .shop(let home):
            return shop.history(of: home)[start...].map { effect in
                let key = "\(home) \(effect.resource) \(effect.id)"
                let now = effect.kind == .erased ? before[key] ?? [:] : Self.values(effect.resource, effect.record)
                var deed = Deed(kind: Self.kind(of: effect), key: key, values: [:])
                deed.values = now.filter { before[key]?[$0.key] != $0.value }
                if case .api(let call) = effect.source { deed.call = call }
                if effect.resource == "order", effect.kind == .created {
                    deed.buyer = effect.record["customer_id"]?.int64.flatMap { $0 == 0 ? nil : String($0) }
                }
                before[key] = now
                return deed
            }
        }
    }

    private static func deed(_ effect: SimulatedHubSpot.Effect) -> Deed {
        let kind: Deed.Kind =
            switch effect.kind {
            case .created: .created
            case .updated, .dissociated: .updated
            case .archived: .archived
            case .restored: .restored
            case .erased: .erased
            case .merged(let winner): .merged(into: "\(winner)")
            case .associated(let type, let id): .associated(with: type, id: id)
            case .propertyCreated: .other
            }
        let key = "\(effect.portalID) \(effect.objectType) \(effect.objectID)"
        var deed = Deed(kind: kind, key: key, values: effect.values)
        if case .api(let call) = effect.source { deed.call = call }
        return deed
    }

    private static func kind(of effect: SimulatedWooCommerce.Effect) -> Deed.Kind {
        guard ["customer", "product", "order"].contains(effect.resource) else { return .other }
        return switch effect.kind {
        case .created: .created
        case .updated: .updated
        case .trashed: .archived
        case .restored: .restored
        case .erased: .erased
        }
    }

    /// The values of a shop's record, by the names that HubSpot has for them.
    private static func values(_ resource: String, _ record: JSONValue) -> [String: String] {
        let texts: [String: JSONValue?] =
            switch resource {
            case "customer":
                [
                    "email": record["email"], "firstname": record["first_name"], "lastname": record["last_name"],
                    "city": record["billing"]?["city"],
                ]
            case "product": ["name": record["name"], "description": record["description"]]
            case "order": ["description": record["customer_note"]]
            default: [:]
            }
        return texts.compactMapValues { $0?.string }
    }

    /// A record on a platform, archived or not; nil: there is none.
    func shown(_ remote: RemoteID, in account: Account) -> Shown? {
        switch account.site {
        case .hubSpot(let portal):
            return platform.record(remote.kind.rawValue + "s", remote.value, in: portal).map(Self.shown)
        case .shop(let home):
            guard let id = Int64(remote.value) else { return nil }
            return shop.record(remote.kind.rawValue, id, in: home).map { Self.shown(remote.kind, $0) }
        }
    }

    /// The live records of a kind in an account, in order.
    func shown(_ kind: RecordKind, in account: Account) -> [Shown] {
        switch account.site {
        case .hubSpot(let portal): platform.records(kind.rawValue + "s", in: portal).map(Self.shown)
        case .shop(let home): shop.records(kind.rawValue, in: home).map { Self.shown(kind, $0) }
        }
    }

    private static func shown(_ snapshot: SimulatedHubSpot.Snapshot) -> Shown {
        Shown(id: snapshot.id, properties: snapshot.properties, isArchived: snapshot.isArchived)
    }

    private static func shown(_ kind: RecordKind, _ record: JSONValue) -> Shown {
        Shown(
            id: record["id"]?.int64.map(String.init) ?? "",
            properties: values(kind.rawValue, record),
            isArchived: record["status"] == "trash"
        )
    }
}

/// The platforms, each reached by the calls that are meant for it.
struct Platforms: Sendable {
    let hubSpot: SimulatedHubSpot
    let shop: SimulatedWooCommerce

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        isShop(context)
            ? try await shop.send(request, context: context) : try await hubSpot.send(request, context: context)
    }

    /// What the next call that arrives will be known by.
    func nextCall(_ context: OperationContext) -> Landing {
        Landing(isShop: isShop(context), call: (isShop(context) ? shop.calls.count : hubSpot.calls.count) + 1)
    }

    private func isShop(_ context: OperationContext) -> Bool { context.platform == "woocommerce" }
}

/// A call that arrived when its process was no more.
struct Landing: Hashable, Sendable {
    var isShop: Bool
    var call: Int
}
