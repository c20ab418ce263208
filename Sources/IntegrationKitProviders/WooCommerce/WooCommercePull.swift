// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension WooCommerceProvider {
    /// The lists of a kind: by date of change, trash included, and all records.
    private enum List: String {
        case changed
        case all
    }

    /// Returns the lists by which changes of a kind are read.
    ///
    /// Customers have no filter by date: they are swept, more often, and compared by content. Order notes move no date.
    public func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] {
        guard kind != .note, let resource = try? WooCommerceResource.of(kind) else { return [] }
        let isDated = resource.hasTrash
        let sweep = ChangeStream(
            id: "\(kind.rawValue).\(List.all.rawValue)",
            kinds: [kind],
            mode: .scan,
            order: .stableID,
            paging: .keyset,
            precision: .seconds(1),
            sweepEvery: .seconds(isDated ? 24 * 3_600 : 1_800),
            provesAbsence: true
        )
        guard isDated else { return [sweep] }
        let changed = ChangeStream(
            id: "\(kind.rawValue).\(List.changed.rawValue)",
            kinds: [kind],
            mode: .window,
            order: .stableID,
            paging: .keyset,
            precision: .seconds(1),
            // A slow request of the shop may write an older date than the moment at which it is seen.
            lag: .seconds(60),
            showsDeletions: kind != .productVariation
        )
        return [changed, sweep]
    }

    /// Reads one page of a stream.
    public func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        guard let kind = stream.kinds.first, let name = stream.id.split(separator: ".").last,
            let list = List(rawValue: String(name))
        else {
            throw IntegrationError(.invalidInput, "WooCommerce has no stream \(stream.id).", concerns: .kind)
        }
        let listsVariations = session.account.profile.facts[WooCommerceFact.listsVariations]?.bool ?? false
        let walk = WooCommerceWalk(
            provider: self,
            session: session,
            resource: try WooCommerceResource.of(kind),
            query: query,
            since: list == .changed ? query.from ?? .distantPast : nil,
            showsTrash: stream.showsDeletions
        )
        return try await kind == .productVariation && !listsVariations ? walk.variationsByProduct() : walk.page()
    }
}

/// Where a walk through a list stands.
struct WooCommercePlace: Hashable, Sendable {
    /// Whether the list is that of the trash, which follows the live one.
    var isTrash = false
    /// How many rows were read.
    var offset = 0
    /// The highest id that was read; nil: none.
    var last: Int64?

    /// Reads a page token; nil: the list begins.
    init(_ json: JSONValue?) {
        guard let json else { return }
        isTrash = json["trash"]?.bool ?? false
        offset = json["offset"]?.int64.map(Int.init) ?? 0
        last = json["last"]?.int64
    }

    /// The page token.
    var json: JSONValue {
        var object: JSONObject = ["trash": .bool(isTrash), "offset": .number(JSONNumber(offset))]
        if let last { object["last"] = .number(JSONNumber(last)) }
        return .object(object)
    }
}

/// Reads a list in the order of its ids.
///
/// WooCommerce counts rows, and a count shifts when rows come and go. Ids do not: each page begins with the last row of
/// the page before, and where the row that is found there has a higher id, rows before it went and the walk steps back
/// until it stands on known ground. So no row hides in a shift, and nothing has to be read again from the start.
struct WooCommerceWalk: Sendable {
    let provider: WooCommerceProvider
    let session: ProviderSession
    let resource: WooCommerceResource
    let query: ChangeQuery
    /// The first moment of a change that is wanted; nil: everything is.
    let since: Date?
    /// Whether the trash is read behind the live records.
    let showsTrash: Bool

    private var requests: WooCommerceRequests { provider.requests(for: session.account) }
    private var payloads: WooCommercePayloads { WooCommercePayloads(account: session.account) }
    private var size: Int { min(max(query.limit, 2), WooCommerceProvider.pageSize) }

    /// Rows from a place on, with how many the whole list has, where the shop tells.
    private struct Rows {
        var rows: [JSONValue]
        var total: Int?
        var offset: Int

        var ids: [Int64] { rows.compactMap { $0["id"]?.int64 } }
    }

    func page() async throws -> ChangePage {
        var place = WooCommercePlace(query.page)
        let isTrash = place.isTrash
        let read = try await onKnownGround(&place) { offset in try await list(isTrash, offset: offset) }
        // A short page is no end: rows that the key may not see are left out of it.
        let isAtEnd = read.total.map { $0 > 0 ? read.offset + size >= $0 : read.rows.isEmpty } ?? read.rows.isEmpty
        let new = read.rows.filter { $0["id"]?.int64 != place.last }
        let records = new.compactMap { row in
            payloads.record(row, kind: resource.kind, wanted: query.idsOnly ? [] : query.fields)
        }
        let changes: [RecordChange] = records.map {
            isTrash ? .deleted($0.id, at: $0.modifiedAt) : .updated($0)
        }
        var next: WooCommercePlace? = place
        if !isAtEnd {
            next?.last = read.ids.max() ?? place.last
            // The next page begins with the last row of this one, so that a shift shows.
            next?.offset = read.offset + size - (read.rows.isEmpty ? 0 : 1)
        } else if showsTrash, !isTrash {
            next = WooCommercePlace(nil)
            next?.isTrash = true
        } else {
            next = nil
        }
        return ChangePage(
            changes: changes,
            next: next?.json,
            serverDate: session.now(),
            first: records.first?.id,
            last: records.last?.id
        )
    }

    /// Reads rows, and steps back as long as the first of them lies behind what was not read yet.
    private func onKnownGround(
        _ place: inout WooCommercePlace,
        _ read: (_ offset: Int) async throws -> Rows
    ) async throws -> Rows {
        var rows = try await read(place.offset)
        while place.offset > 0, let last = place.last, rows.ids.first.map({ $0 > last }) ?? true {
            place.offset = max(0, place.offset - size + 1)
            rows = try await read(place.offset)
        }
        return rows
    }

    private func list(_ isTrash: Bool, offset: Int) async throws -> Rows {
        var parameters: [WooCommerceRequests.Parameter] = [
            ("orderby", "id"), ("order", "asc"), ("per_page", String(size)), ("offset", String(offset)),
        ]
        if resource.kind == .customer {
            parameters.append(("role", "all"))
        } else {
            parameters.append(("status", isTrash ? "trash" : "any"))
        }
        parameters += window + [("_fields", members(of: resource.kind))]
        return try await rows(resource.path, parameters, offset: offset)
    }

    /// The filter by date: strictly later than the second before the window, in UTC and without a zone behind it.
    private var window: [WooCommerceRequests.Parameter] {
        guard let since, since > Date(timeIntervalSince1970: 1) else { return [] }
        let after = WooCommerceRequests.filter(since.addingTimeInterval(-1))
        return [("modified_after", after), ("dates_are_gmt", "true")]
    }

    private func members(of kind: RecordKind) -> String {
        var members = WooCommerceFields.members(for: query.idsOnly ? [] : query.fields, of: kind)
        // Shops that do not tell a variation's product name it in the links.
        if kind == .productVariation { members.append("_links") }
        return members.joined(separator: ",")
    }

    private func rows(_ path: String, _ parameters: [WooCommerceRequests.Parameter], offset: Int) async throws -> Rows {
        let response = try await provider.answer(to: try requests.get(path, parameters), in: session)
        guard let rows = try WooCommerceBody.json(of: response).array else {
            throw WooCommerceCall.unanswered(mayHaveHappened: false)
        }
        return Rows(rows: rows, total: response.headers["X-WP-Total"].flatMap { Int($0) }, offset: offset)
    }

    // MARK: Shops before 10.3

    /// Reads variations product by product, since the shop lists no others: a variation's change dates its product too.
    ///
    /// One page holds the variations of a few products.
    func variationsByProduct() async throws -> ChangePage {
        let products = min(10, size)
        var place = WooCommercePlace(query.page)
        let parents = try await onKnownGround(&place) { offset in
            try await rows(
                "products",
                [
                    ("orderby", "id"), ("order", "asc"), ("per_page", String(products)), ("offset", String(offset)),
                    ("status", "any"), ("type", "variable"),
                ] + window + [("_fields", "id")],
                offset: offset
            )
        }
        var records: [RemoteRecord] = []
        for product in parents.ids where product != place.last {
            records += try await variations(of: String(product))
        }
        let isAtEnd =
            parents.total.map { $0 > 0 ? parents.offset + products >= $0 : parents.rows.isEmpty }
            ?? parents.rows.isEmpty
        var next: WooCommercePlace?
        if !isAtEnd {
            place.last = parents.ids.max() ?? place.last
            place.offset = parents.offset + products - (parents.rows.isEmpty ? 0 : 1)
            next = place
        }
        return ChangePage(
            changes: records.map { .updated($0) },
            next: next?.json,
            serverDate: session.now(),
            first: records.first?.id,
            last: records.last?.id
        )
    }

    private func variations(of product: String) async throws -> [RemoteRecord] {
        var records: [RemoteRecord] = []
        var offset = 0
        while true {
            let read = try await rows(
                "products/\(product)/variations",
                [
                    ("orderby", "id"), ("order", "asc"), ("per_page", String(WooCommerceProvider.pageSize)),
                    ("offset", String(offset)), ("status", "any"),
                ] + window + [("_fields", members(of: .productVariation))],
                offset: offset
            )
            records += read.rows.compactMap {
                payloads.record(
                    $0,
                    kind: .productVariation,
                    parent: product,
                    wanted: query.idsOnly ? [] : query.fields
                )
            }
            offset += WooCommerceProvider.pageSize
            guard let total = read.total, total > offset else { return records }
        }
    }
}
