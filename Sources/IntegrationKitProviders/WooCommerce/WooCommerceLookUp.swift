// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension WooCommerceProvider {
    /// Looks records up: customers by e-mail address in every role, products and variations by SKU, orders by our key in
    /// `created_via`, notes by our marker; where there is none of these, among what was made since the first send.
    public func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        let look = WooCommerceLook(provider: self, session: session)
        let bySKU = try await look.holders(of: writes.compactMap(WooCommerceProvider.sku(of:)))
        var results: [LookupResult] = []
        for write in writes {
            switch write.kind {
            case .customer: results.append(try await look.customer(write))
            case .product, .productVariation: results.append(try await look.product(write, among: bySKU))
            case .order: results.append(try await look.order(write))
            case .note: results.append(try await look.note(write))
            default:
                _ = try WooCommerceResource.of(write.kind)
                results.append(.undecidable("WooCommerce has no way to look for a \(write.kind.rawValue)."))
            }
        }
        return results
    }
}

/// Looks for the records of writes.
struct WooCommerceLook: Sendable {
    let provider: WooCommerceProvider
    let session: ProviderSession

    /// How long before the first send a record of ours can have been made: clocks differ.
    private static let margin: TimeInterval = 600
    /// How many pages of new records are read before a look-up gives up.
    private static let mostPages = 20

    private var requests: WooCommerceRequests { provider.requests(for: session.account) }
    private var payloads: WooCommercePayloads { WooCommercePayloads(account: session.account) }

    // MARK: Customers

    func customer(_ write: RecordWrite) async throws -> LookupResult {
        guard let email = WooCommerceProvider.email(of: write) else {
            return .undecidable("A customer without an e-mail address cannot be looked up.")
        }
        let query: [WooCommerceRequests.Parameter] = [("email", email), ("role", "all"), ("per_page", "100")]
        let answer = try await provider.read(try requests.get("customers", query), in: session)
        let found = (answer.array ?? []).filter { $0["email"]?.string?.lowercased() == email }
            .compactMap { payloads.record($0, kind: .customer) }
        return result(found, for: write)
    }

    // MARK: Products

    /// The products and variations that hold SKUs, by the SKU in small letters.
    func holders(of skus: [String]) async throws -> [String: [JSONValue]] {
        var holders: [String: [JSONValue]] = [:]
        // Older shops split a SKU at its commas, so such a one is asked for alone and compared whole.
        var seen: Set<String> = []
        let distinct = skus.filter { seen.insert($0.lowercased()).inserted }
        let plain = distinct.filter { !$0.contains(",") }
        let parts =
            stride(from: 0, to: plain.count, by: 50).map { Array(plain[$0..<min($0 + 50, plain.count)]) }
            + distinct.filter { $0.contains(",") }.map { [$0] }
        for part in parts {
            for row in try await withSKU(part) {
                guard let sku = row["sku"]?.idText?.lowercased() else { continue }
                holders[sku, default: []].append(row)
            }
        }
        return holders
    }

    private func withSKU(_ skus: [String], status: String = "any") async throws -> [JSONValue] {
        let query: [WooCommerceRequests.Parameter] = [
            ("sku", skus.joined(separator: ",")), ("status", status), ("per_page", "100"),
        ]
        return try await provider.read(try requests.get("products", query), in: session).array ?? []
    }

    func product(_ write: RecordWrite, among holders: [String: [JSONValue]]) async throws -> LookupResult {
        guard let sku = WooCommerceProvider.sku(of: write) else { return try await recent(write) }
        let live = (holders[sku.lowercased()] ?? []).compactMap { payloads.record($0, kind: .product) }
        guard live.isEmpty, write.firstSentAt != nil else { return result(live, for: write) }
        // Ours may have been made and put into the trash since; somebody else's there is none that could be linked.
        let trashed = try await withSKU([sku], status: "trash").compactMap { payloads.record($0, kind: .product) }
        return result(trashed.filter { $0.externalKey == write.externalKey }, for: write)
    }

    // MARK: Orders

    func order(_ write: RecordWrite) async throws -> LookupResult {
        var rows: [JSONValue] = []
        for status in ["any", "trash"] {
            let query: [WooCommerceRequests.Parameter] = [
                ("created_via", write.externalKey), ("status", status), ("per_page", "100"),
            ]
            rows += try await provider.read(try requests.get("orders", query), in: session).array ?? []
        }
        let own = rows.compactMap { payloads.record($0, kind: .order) }.filter { $0.externalKey == write.externalKey }
        // A shop that shows other orders has not understood the filter; its silence about ours says nothing.
        if own.isEmpty, !rows.isEmpty { return try await recent(write) }
        return result(own, for: write)
    }

    // MARK: Notes

    func note(_ write: RecordWrite) async throws -> LookupResult {
        guard let order = WooCommerceStep.parent(of: write) else {
            return .undecidable("A note that names no order cannot be looked up.")
        }
        do {
            let answer = try await provider.read(
                try requests.get("orders/\(order)/notes", [("type", "any")]),
                in: session
            )
            let own = (answer.array ?? []).compactMap { payloads.record($0, kind: .note, parent: order) }
                .filter { $0.externalKey == write.externalKey }
            return result(own, for: write)
        } catch let error as IntegrationError where error.code == .gone {
            return .absent
        }
    }

    // MARK: What was made lately

    /// Looks through what was made since the first send, newest first, for our key.
    private func recent(_ write: RecordWrite) async throws -> LookupResult {
        let resource = try WooCommerceResource.of(write.kind)
        guard let list = resource.list(under: WooCommerceStep.parent(of: write)) else {
            return .undecidable("A \(write.kind.rawValue) that names no product cannot be looked up.")
        }
        // What was never sent in this life of the store may be of any age.
        var filter: [WooCommerceRequests.Parameter] = [("orderby", "id"), ("order", "desc"), ("per_page", "100")]
        if let since = write.firstSentAt {
            let after = WooCommerceRequests.filter(since.addingTimeInterval(-WooCommerceLook.margin))
            filter = [("after", after), ("dates_are_gmt", "true")] + filter
        }
        var own: [RemoteRecord] = []
        for status in ["any", "trash"] {
            for page in 1... {
                guard page <= WooCommerceLook.mostPages else {
                    return .undecidable("Too much was made in the shop to look through it for our key.")
                }
                let query = filter + [("status", status), ("page", String(page))]
                let rows = try await provider.read(try requests.get(list, query), in: session).array ?? []
                own += rows.compactMap {
                    payloads.record($0, kind: write.kind, parent: WooCommerceStep.parent(of: write))
                }.filter { $0.externalKey == write.externalKey }
                if rows.isEmpty || !own.isEmpty { break }
            }
        }
        return result(own, for: write)
    }

    private func result(_ records: [RemoteRecord], for write: RecordWrite) -> LookupResult {
        let own = records.filter { $0.externalKey == write.externalKey }
        if own.count == 1 { return .found(own[0], byExternalKey: true) }
        switch records.count {
        case 0: return .absent
        case 1: return .found(records[0], byExternalKey: false)
        default: return .several(records.map(\.id))
        }
    }
}
