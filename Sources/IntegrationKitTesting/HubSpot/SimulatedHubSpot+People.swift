// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// What people do in the platform's user interface, and what a test may look up.
extension SimulatedHubSpot {
    /// Opens an account, or replaces the one of its id.
    public func addAccount(_ account: Account) {
        box.withLock { $0.accounts[account.portalID] = HubSpotAccountState(account, seed: $0.seed) }
    }

    /// Changes the settings of an account.
    ///
    /// - Parameters:
    ///   - portalID: The account.
    ///   - change: Changes them.
    public func configureAccount(_ portalID: Int64, _ change: @Sendable (inout Account) -> Void) {
        box.withLock { world in
            guard var account = world.accounts[portalID]?.account else { return }
            change(&account)
            world.accounts[portalID]?.account = account
        }
    }

    /// Closes an account; its tokens reach nothing any more.
    public func removeAccount(_ portalID: Int64) {
        box.withLock { _ = $0.accounts.removeValue(forKey: portalID) }
    }

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - type: The type's name or id.
    ///   - portalID: The account.
    ///   - properties: Its values.
    /// - Returns: Its id.
    /// - Throws: `IntegrationError` if the platform's rules refuse it.
    @discardableResult
    public func create(_ type: String, in portalID: Int64, _ properties: [String: String]) throws -> String {
        try act(on: type, in: portalID) { account, type, turn in
            let input = JSONValue.object(["properties": .object(JSONObject(properties.mapValues { .string($0) }))])
            let (write, links) = try account.checkedCreate(input, type: type, turn: turn)
            return String(account.insert(write, of: type, links: links, turn: turn).id)
        }
    }

    /// Changes a record; an empty value clears.
    ///
    /// - Parameters:
    ///   - type: The type's name or id.
    ///   - id: The record's id.
    ///   - portalID: The account.
    ///   - properties: The values to change.
    /// - Throws: `IntegrationError` if there is no such record or the platform's rules refuse the change.
    public func edit(_ type: String, _ id: String, in portalID: Int64, _ properties: [String: String]) throws {
        try act(on: type, in: portalID) { account, type, turn in
            guard let former = try account.find(id, by: nil, of: type), former.archivedAt == nil else {
                throw HubSpotRefusal(.notFound)
            }
            let values = JSONObject(properties.mapValues { .string($0) })
            let write = try account.checked(values, of: type, former: former, turn: turn)
            try account.checkUnique(write.values, of: type, former: former)
            _ = account.change(former, by: write, of: type, turn: turn)
        }
    }

    /// Archives a record.
    public func archive(_ type: String, _ id: String, in portalID: Int64) throws {
        try act(on: type, in: portalID) { account, type, turn in
            guard let former = try account.find(id, by: nil, of: type) else { throw HubSpotRefusal(.notFound) }
            account.archive(former.id, of: type, turn: turn)
        }
    }

    /// Brings an archived record back.
    public func restore(_ type: String, _ id: String, in portalID: Int64) throws {
        try act(on: type, in: portalID) { account, type, turn in
            guard let former = try account.find(id, by: nil, of: type), former.archivedAt != nil else {
                throw HubSpotRefusal(.notFound)
            }
            try account.restore(former, of: type, turn: turn)
        }
    }

    /// Makes one record part of another.
    public func merge(_ type: String, _ loser: String, into winner: String, in portalID: Int64) throws {
        try act(on: type, in: portalID) { account, type, turn in
            guard let kept = try account.find(winner, by: nil, of: type),
                let lost = try account.find(loser, by: nil, of: type), kept.id != lost.id
            else { throw HubSpotRefusal(.notFound) }
            _ = account.merge(lost, into: kept, of: type, turn: turn)
        }
    }

    /// Removes a record for good, as a person's right demands.
    public func erase(_ type: String, _ id: String, in portalID: Int64) throws {
        try act(on: type, in: portalID) { account, type, turn in
            guard let former = try account.find(id, by: nil, of: type) else { throw HubSpotRefusal(.notFound) }
            account.erase(former.id, of: type, turn: turn)
        }
    }

    /// Associates two records by the unlabelled kind.
    public func associate(
        _ type: String,
        _ id: String,
        with other: String,
        _ otherID: String,
        in portalID: Int64
    ) throws {
        try act(on: type, in: portalID) { account, type, turn in
            guard let target = HubSpotObjectType.named(other), let from = Int64(id), let to = Int64(otherID),
                let kind = account.definitions(from: type, to: target).first(where: { $0.label == nil })?.kind,
                account.isLive(from, of: type), account.isLive(to, of: target)
            else { throw HubSpotRefusal(.notFound) }
            let link = HubSpotLink(to: HubSpotEnd(type: target.id, id: to), kind: kind)
            account.associate(link, from: type, from, turn: turn)
        }
    }

    /// Defines a property, by the body that the properties endpoint takes.
    public func createProperty(of type: String, in portalID: Int64, _ definition: JSONValue) throws {
        try act(on: type, in: portalID) { account, type, turn in
            _ = try account.createProperty(definition, of: type, turn: turn)
        }
    }

    /// Returns a record, archived or not; a merge's loser leads to its winner.
    public func record(_ type: String, _ id: String, in portalID: Int64) -> Snapshot? {
        guard let type = HubSpotObjectType.named(type), let number = Int64(id) else { return nil }
        return box.withLock { world in
            guard let store = world.accounts[portalID]?.stores[type.id] else { return nil }
            return store.records[store.redirects[number] ?? number].map(Snapshot.init)
        }
    }

    /// Returns the records of a type in the order of their creation.
    ///
    /// - Parameters:
    ///   - type: The type's name or id.
    ///   - portalID: The account.
    ///   - includesArchived: Whether archived ones are among them.
    /// - Returns: What the records look like now.
    public func records(_ type: String, in portalID: Int64, includesArchived: Bool = false) -> [Snapshot] {
        guard let type = HubSpotObjectType.named(type) else { return [] }
        return box.withLock { world in
            guard let store = world.accounts[portalID]?.stores[type.id] else { return [] }
            let ids = includesArchived ? (store.liveIDs + store.archivedIDs).sorted() : store.liveIDs
            return ids.compactMap { store.records[$0] }.map(Snapshot.init)
        }
    }

    /// Returns the ids of the live records of one type that a record is associated with.
    public func associations(of type: String, _ id: String, to other: String, in portalID: Int64) -> [String] {
        guard let type = HubSpotObjectType.named(type), let target = HubSpotObjectType.named(other),
            let number = Int64(id)
        else { return [] }
        return box.withLock { world in
            let links = world.accounts[portalID]?.liveLinks(from: HubSpotEnd(type: type.id, id: number), to: target)
            return (links ?? []).map { String($0.id) }
        }
    }

    /// Returns everything that truly happened in an account, in order.
    public func history(of portalID: Int64) -> [Effect] {
        box.withLock { $0.accounts[portalID]?.history ?? [] }
    }

    /// Returns how often a record with a value was created, whatever became of it.
    ///
    /// - Parameters:
    ///   - type: The type's name in the singular.
    ///   - property: The property that holds the key.
    ///   - value: The key.
    ///   - portalID: The account.
    /// - Returns: The number of creations; 1 if nothing was done twice.
    public func creationCount(of type: String, where property: String, is value: String, in portalID: Int64) -> Int {
        history(of: portalID).filter {
            $0.kind == .created && $0.objectType == type && $0.values[property] == value
        }.count
    }

    private func act<Result>(
        on name: String,
        in portalID: Int64,
        _ body: (inout HubSpotAccountState, HubSpotObjectType, HubSpotTurn) throws -> Result
    ) throws -> Result {
        guard let type = HubSpotObjectType.named(name) else {
            throw IntegrationError(.invalidInput, "The simulated platform has no objects named \(name).")
        }
        let turn = HubSpotTurn(now: now, source: .person)
        do {
            return try box.withLock { world in
                try world.withAccount(portalID) { try body(&$0, type, turn) }
            }
        } catch let refusal as HubSpotRefusal {
            let code: IntegrationError.Code =
                switch refusal.reply.status {
                case 401, 404: .notFound
                case 409: .conflict
                default: .refused
                }
            throw IntegrationError(
                code,
                "The simulated platform refused it.",
                context: IntegrationError.Context(
                    status: refusal.reply.status,
                    platformCode: refusal.reply.body?["category"]?.string,
                    fields: (refusal.reply.body?["errors"]?.array ?? []).flatMap {
                        ($0["context"]?["propertyName"]?.array ?? []).compactMap(\.string)
                    }
                )
            )
        }
    }
}
