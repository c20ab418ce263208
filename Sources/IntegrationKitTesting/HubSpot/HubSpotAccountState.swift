// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Everything that one account of the simulated platform holds.
struct HubSpotAccountState: Codable, Sendable {
    var account: SimulatedHubSpot.Account
    var random: SimulationRandom
    var lastID: Int64
    var stores: [String: HubSpotObjectStore] = [:]
    var properties: [String: [String: HubSpotPropertyDefinition]] = [:] {
        didSet { propertyLists = [:] }
    }
    /// Lists of properties as they were written last: whoever connects an account reads each several times.
    var propertyLists: [String: Data] = [:]
    var associations = HubSpotAssociationBook()
    var history: [SimulatedHubSpot.Effect] = []
    /// What webhooks could tell, until it is taken out.
    var signals: [HubSpotSignal] = []
    var usage = HubSpotUsage()

    init(_ account: SimulatedHubSpot.Account, seed: UInt64) {
        self.account = account
        random = SimulationRandom(seed: seed ^ UInt64(bitPattern: account.portalID &* 0x9E37_79B9))
        lastID = 420_000_000_000 + Int64(random.below(1_000_000))
        for type in HubSpotObjectType.all {
            let definitions = HubSpotPropertyCatalog.definitions(of: type)
            properties[type.id] = definitions
            var unique: Set<String> = type == .contact ? ["email"] : []
            if type == .product { unique.insert("hs_sku") }
            stores[type.id] = HubSpotObjectStore(uniqueProperties: unique)
        }
    }

    /// The store of a type.
    func store(_ type: HubSpotObjectType) -> HubSpotObjectStore {
        stores[type.id] ?? HubSpotObjectStore(uniqueProperties: [])
    }

    /// The next id of a record: always above 2^32, ascending.
    mutating func makeID() -> Int64 {
        lastID += 1 + Int64(random.below(40))
        return lastID
    }

    /// The definition of a property, if it is there and not archived.
    func definition(_ name: String, of type: HubSpotObjectType) -> HubSpotPropertyDefinition? {
        properties[type.id]?[name].flatMap { $0.archivedAt == nil ? $0 : nil }
    }

    /// When search will show a record that is written now.
    mutating func searchableMoment(now: Int64) -> Int64 {
        let lag = account.searchLag
        guard lag.upperBound > .zero else { return now }
        let least = lag.lowerBound.inSeconds
        let most = lag.upperBound.inSeconds
        return now + Int64((least + (most - least) * random.fraction()) * 1000)
    }
}

/// Who writes, when, and under which version of the API.
struct HubSpotTurn: Codable, Sendable {
    var now: Int64
    var source: SimulatedHubSpot.Effect.Source
    var isStrict = false
    /// Whether the writer may associate records.
    var mayAssociate = true
    /// The application's id; nil if a person writes.
    var appID: Int64?
}
