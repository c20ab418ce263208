// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// What people do in a shop's pages, and what a test may look up.
///
/// Shops are named by their home addresses, kinds by `customer`, `product`, `variation`, `order`, `note` and `coupon`,
/// and what a record holds has the form of the API.
extension SimulatedWooCommerce {
    /// Opens a shop, or replaces the one at its home address.
    public func addShop(_ shop: Shop) {
        box.withLock { $0.shops[WooSite.trimmed(shop.home)] = WooShopState(shop, seed: $0.seed) }
    }

    /// Changes the settings of a shop; its home address stays.
    ///
    /// - Parameters:
    ///   - home: The shop.
    ///   - change: Changes them.
    public func configureShop(_ home: String, _ change: @Sendable (inout Shop) -> Void) {
        withWorld { world, _ in
            _ = world.withShop(home) { state in
                let home = state.shop.home
                change(&state.shop)
                state.shop.home = home
            }
        }
    }

    /// Makes a record.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - home: The shop.
    ///   - values: What it holds.
    ///   - parent: The product of a variation, the order of a note.
    /// - Returns: Its id.
    /// - Throws: `IntegrationError` if the shop's rules refuse it.
    @discardableResult
    public func create(_ kind: String, in home: String, _ values: JSONObject, parent: Int64? = nil) throws -> Int64 {
        try act(on: kind, in: home) { state, kind, turn in
            guard kind == .note else {
                let members = try state.checked(values, kind, isCreate: true)
                return try state.create(kind, members, parent: parent, turn).id
            }
            guard let parent, state.record(.order, parent) != nil else {
                throw WooShopState.unknown(.order, status: 404)
            }
            return state.addNote(
                values["note"]?.string ?? "",
                to: parent,
                author: "admin",
                isForCustomer: values["customer_note"] == true,
                turn
            ).id
        }
    }

    /// Changes a record; what is left out stays.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - id: The record.
    ///   - home: The shop.
    ///   - values: What changes.
    /// - Throws: `IntegrationError` if there is no such record or the shop's rules refuse the change.
    public func edit(_ kind: String, _ id: Int64, in home: String, _ values: JSONObject) throws {
        try act(on: kind, in: home) { state, kind, turn in
            let members = try state.checked(values, kind, isCreate: false)
            _ = try state.update(kind, id, members, parent: nil, turn)
        }
    }

    /// Puts a record into the trash; customers and notes are removed at once.
    public func trash(_ kind: String, _ id: Int64, in home: String) throws {
        try act(on: kind, in: home) { state, kind, turn in
            _ = try state.delete(kind, id, parent: nil, isForced: kind == .customer || kind == .note, turn)
        }
    }

    /// Takes a record out of the trash.
    public func restore(_ kind: String, _ id: Int64, in home: String) throws {
        try act(on: kind, in: home) { state, kind, turn in
            guard let record = state.record(kind, id), record.isTrashed else {
                throw WooShopState.unknown(kind, status: 404)
            }
            let members: JSONObject = ["status": .string(record.statusBeforeTrash)]
            _ = try state.update(kind, id, members, parent: nil, turn)
        }
    }

    /// Removes a record for good.
    public func erase(_ kind: String, _ id: Int64, in home: String) throws {
        try act(on: kind, in: home) { state, kind, turn in
            guard let record = state.record(kind, id) else { throw WooShopState.unknown(kind, status: 404) }
            state.erase(record, turn)
        }
    }

    /// Lets a user of the site register outside of the shop, so that no date of change is known.
    ///
    /// - Parameters:
    ///   - email: The e-mail address.
    ///   - role: The role, such as `subscriber`.
    ///   - home: The shop.
    /// - Returns: The user's id.
    /// - Throws: `IntegrationError` if the shop's rules refuse it.
    @discardableResult
    public func registerUser(_ email: String, role: String, in home: String) throws -> Int64 {
        try act(on: "customer", in: home) { state, _, turn in
            var record = try state.createCustomer(["email": .string(email)], turn)
            record.values["role"] = .string(role)
            record.modifiedAt = nil
            state.save(record)
            state.users[record.id]?.role = role
            return record.id
        }
    }

    /// Lets a record be counted by lists and left out of them, as one that its reader may not see.
    public func makeUnreadable(_ kind: String, _ id: Int64, in home: String) throws {
        try act(on: kind, in: home) { state, kind, _ in
            guard var record = state.record(kind, id) else { throw WooShopState.unknown(kind, status: 404) }
            record.isUnreadable = true
            state.save(record)
        }
    }

    // MARK: Truth

    /// Returns a record as the API would tell it, in the trash or not; nil if there is none.
    public func record(_ kind: String, _ id: Int64, in home: String) -> JSONValue? {
        withWorld { world, _ in
            world.withShop(home) { state in
                WooKind(named: kind).flatMap { state.record($0, id) }.map { state.render($0) }
            } ?? nil
        }
    }

    /// Returns the records of a kind in the order of their ids.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - home: The shop.
    ///   - includesTrash: Whether those in the trash are among them.
    /// - Returns: What the records look like now.
    public func records(_ kind: String, in home: String, includesTrash: Bool = false) -> [JSONValue] {
        withWorld { world, _ in
            world.withShop(home) { state in
                guard let kind = WooKind(named: kind) else { return [] }
                return state.all(kind).filter { includesTrash || !$0.isTrashed }.map { state.render($0) }
            } ?? []
        }
    }

    /// Returns everything that truly happened in a shop, in order.
    public func history(of home: String) -> [Effect] {
        withWorld { world, _ in world.withShop(home) { $0.history } ?? [] }
    }

    /// Returns the mails that a shop sent, in order.
    public func mails(of home: String) -> [Mail] {
        withWorld { world, _ in world.withShop(home) { $0.mails } ?? [] }
    }

    func act<Result>(
        on name: String,
        in home: String,
        _ body: (inout WooShopState, WooKind, WooTurn) throws -> Result
    ) throws -> Result {
        guard let kind = WooKind(named: name) else {
            throw IntegrationError(.invalidInput, "A simulated shop has no records named \(name).")
        }
        do {
            let result = try withWorld { world, now in
                try world.withShop(home) { try body(&$0, kind, WooTurn(milliseconds: now, source: .person)) }
            }
            guard let result else { throw IntegrationError(.notFound, "There is no simulated shop at \(home).") }
            return result
        } catch let refusal as WooRefusal {
            throw IntegrationError(
                refusal.status == 404 ? .notFound : .refused,
                "The simulated shop refused it.",
                context: IntegrationError.Context(status: refusal.status, platformCode: refusal.code)
            )
        }
    }
}
