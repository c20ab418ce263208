// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct WooCommerceReadTests {
    private let provider = WooCommerceProvider()
    private let desk = Desk.shop
    private let base = "/wp-json/wc/v3"
    private let noon = Date(timeIntervalSince1970: 1_795_435_200)  // 2026-11-23T12:00:00Z

    private func meta(_ letter: Character) -> String {
        #""meta_data":[{"id":1,"key":"_integrationkit_key","value":"\#(RecordWrite.key(letter))"}]"#
    }

    // MARK: Records

    @Test func `A record is read leniently: types vary, amounts are exact, dates are UTC`() async throws {
        let body = #"""
            [{"id":10,"name":"Mug","type":"simple","status":"publish","sku":"MUG-1","price":"12.50",
            "regular_price":"12.50","sale_price":"","stock_quantity":"5","manage_stock":true,"weight":"0.2",
            "date_modified_gmt":"2026-11-23T01:57:31","categories":[{"id":9,"name":"Cups"}],"tags":[],
            "dimensions":{"length":"3","width":""},"image":{"id":""},
            "meta_data":[{"id":3,"key":"origin","value":"PT"},{"id":4,"key":"sizes","value":["S","M"]},
            {"id":5,"key":"_integrationkit_key","value":"\#(RecordWrite.key("a"))"}]}]
            """#
        let fields: [FieldName] = [
            "name", "regular_price", "sale_price", "stock_quantity", "weight", "manage_stock", "date_modified_gmt",
            "categories", "tags", "dimensions.length", "dimensions.width", "meta.origin", "meta.sizes", "meta.none",
            "no_such_field",
        ]
        let session = desk.session(answer: { _ in .shop(body) })
        let results = try await provider.fetchRecords([RemoteID(.product, "10")], fields: fields, in: session)
        guard case .found(let record) = results[0] else {
            Issue.record("\(results)")
            return
        }
        let expected: [FieldName: FieldValue] = [
            "name": "Mug", "regular_price": .money(Decimal(string: "12.5") ?? 0, currency: "EUR"),
            "sale_price": .empty, "stock_quantity": 5, "weight": .number(Decimal(string: "0.2") ?? 0),
            "manage_stock": true, "date_modified_gmt": .instant(Date(timeIntervalSince1970: 1_795_399_051)),
            "categories": .options(["9"]), "tags": .empty, "dimensions.length": 3, "dimensions.width": .empty,
            "meta.origin": "PT", "meta.sizes": .json(["S", "M"]), "meta.none": .empty,
        ]
        for (name, value) in expected { #expect(record.fields[name] == value, "\(name.rawValue)") }
        #expect(record.fields.count == expected.count)
        #expect(record.externalKey == RecordWrite.key("a"))
        #expect(record.modifiedAt == Date(timeIntervalSince1970: 1_795_399_051))
    }

    @Test func `An order's amounts are in its own currency, and it names its customer`() async throws {
        let body = #"[{"id":15,"currency":"USD","total":"51.50","customer_id":2,"billing":{"email":"a@b.test"}}]"#
        let session = desk.session(answer: { _ in .shop(body) })
        let results = try await provider.fetchRecords(
            [RemoteID(.order, "15")],
            fields: ["total", "billing.email"],
            in: session
        )
        guard case .found(let record) = results[0] else {
            Issue.record("\(results)")
            return
        }
        #expect(record.fields["total"] == .money(Decimal(string: "51.50") ?? 0, currency: "USD"))
        #expect(record.fields["billing.email"] == "a@b.test")
        #expect(record.relations.map(\.target) == [.remote(RemoteID(.customer, "2"))])
        #expect(
            desk.lines == [
                "GET \(base)/orders?include=15&per_page=100&status=any&_fields=billing,created_via,currency,customer_id,"
                    + "date_modified_gmt,id,meta_data,status,total&_skip_cache=true"
            ]
        )
    }

    // MARK: Fetch

    @Test func `What a list does not show is asked for alone, and what lies in the trash is gone`() async throws {
        let session = desk.session { request in
            let path = request.url.path
            if path.hasSuffix("/products/12") { return .shop(#"{"id":12,"status":"trash"}"#) }
            if path.hasSuffix("/products/13") { return .refusal(404, "woocommerce_rest_product_invalid_id") }
            if path.hasSuffix("/products/14") { return .shop(#"{"id":14,"type":"variation","parent_id":10}"#) }
            if path.hasSuffix("/products/15") { return .refusal(403, "woocommerce_rest_cannot_view") }
            return .shop(#"[{"id":11,"status":"publish"}]"#)
        }
        let ids = ["13", "11", "12", "14", "15"].map { RemoteID(.product, $0) }
        let results = try await provider.fetchRecords(ids, fields: [], in: session)
        guard case .gone(ids[0]) = results[0], case .found(let record) = results[1], record.id == ids[1],
            case .gone(ids[2]) = results[2], case .moved(ids[3], let into) = results[3],
            case .hidden(ids[4], _) = results[4]
        else {
            Issue.record("\(results)")
            return
        }
        #expect(into == [RemoteID(.productVariation, "14", parent: "10")])
    }

    @Test func `A bad key says of every product that it is not there, and nobody believes it`() async throws {
        let session = desk.session { request in
            request.url.path.hasSuffix("/products/13")
                ? .refusal(404, "woocommerce_rest_product_invalid_id") : .refusal(401, "woocommerce_rest_cannot_view")
        }
        let error = await #expect(throws: IntegrationError.self) {
            try await provider.fetchRecords([RemoteID(.product, "13")], fields: [], in: session)
        }
        #expect(error?.code == .reauthorizationRequired)
    }

    // MARK: Pull

    @Test func `Changes are asked for in UTC without a zone, by id, from the second before the window`() async throws {
        let stream = provider.streams(for: .order, of: .shop())[0]
        let session = desk.session(answer: { _ in .shop("[]", headers: ["X-WP-Total": "0"]) })
        let query = ChangeQuery(fields: ["status"], from: noon, until: noon.addingTimeInterval(60))
        let first = try await provider.changes(in: stream, matching: query, in: session)
        var second = query
        second.page = first.next
        let last = try await provider.changes(in: stream, matching: second, in: session)
        #expect(!first.isComplete)
        #expect(last.isComplete)
        let rest =
            "&modified_after=2026-11-23T11%3A59%3A59&dates_are_gmt=true&_fields=created_via,currency,customer_id,"
            + "date_modified_gmt,id,meta_data,status&_skip_cache=true"
        #expect(
            desk.lines
                == ["any", "trash"].map {
                    "GET \(base)/orders?orderby=id&order=asc&per_page=100&offset=0&status=\($0)\(rest)"
                }
        )
    }

    @Test func `Customers have no filter by date: they are swept in every role, more often`() async throws {
        let streams = provider.streams(for: .customer, of: .shop())
        #expect(streams.map(\.mode) == [.scan])
        #expect(streams[0].provesAbsence)
        let session = desk.session(answer: { _ in .shop("[]") })
        _ = try await provider.changes(in: streams[0], matching: ChangeQuery(), in: session)
        #expect(
            desk.lines == [
                "GET \(base)/customers?orderby=id&order=asc&per_page=100&offset=0&role=all&_fields=date_modified_gmt,id,"
                    + "meta_data&_skip_cache=true"
            ]
        )
        #expect(provider.streams(for: .note, of: .shop()).isEmpty)
    }

    /// A list of ids that a person changes between two pages.
    private final class Shelf: Sendable {
        let ids: LockBox<[Int]>
        init(_ ids: [Int]) { self.ids = LockBox(ids) }

        func answer(_ request: HTTPRequest) -> HTTPResponse {
            let items = URLComponents(url: request.url, resolvingAgainstBaseURL: false)?.queryItems ?? []
            func number(_ name: String) -> Int { items.first { $0.name == name }?.value.flatMap { Int($0) } ?? 0 }
            let all = ids.withLock { $0.sorted() }
            let rows = all.dropFirst(number("offset")).prefix(number("per_page")).map { #"{"id":\#($0)}"# }
            let total = rows.isEmpty ? 0 : all.count
            return .shop("[\(rows.joined(separator: ","))]", headers: ["X-WP-Total": String(total)])
        }
    }

    private func walk(_ shelf: Shelf, _ meddle: @Sendable (Int) -> Void) async throws -> (ids: [Int], pages: Int) {
        let stream = provider.streams(for: .customer, of: .shop())[0]
        let session = desk.session { shelf.answer($0) }
        var query = ChangeQuery(limit: 5)
        var shown: [Int] = []
        var pages = 0
        repeat {
            let page = try await provider.changes(in: stream, matching: query, in: session)
            for case .updated(let record) in page.changes { shown.append(Int(record.id.value) ?? 0) }
            pages += 1
            meddle(pages)
            query.page = page.next
        } while query.page != nil && pages < 100
        return (shown, pages)
    }

    @Test func `A list that stays still shows each row once`() async throws {
        let walked = try await walk(Shelf(Array(1...23))) { _ in }
        #expect(walked.ids == Array(1...23))
        #expect(walked.pages == 6)
    }

    @Test func `Rows that go while pages are read hide no other row`() async throws {
        let shelf = Shelf(Array(1...40))
        let walked = try await walk(shelf) { page in
            shelf.ids.withLock { ids in
                if page == 1 { ids.removeAll { $0 <= 3 } }
                if page == 2 { ids.removeAll { $0 < 9 } }
                if page == 3 { ids.removeAll { $0 < 20 } }
            }
        }
        #expect(Set(walked.ids).isSuperset(of: 20...40))
        #expect(Set(walked.ids).isSuperset(of: 1...9))
    }

    @Test func `Rows that come while pages are read hide no other row, and end no walk early`() async throws {
        let shelf = Shelf(Array(50...70))
        let walked = try await walk(shelf) { page in
            shelf.ids.withLock { ids in if page < 4 { ids.append(page) } }
        }
        #expect(Set(walked.ids).isSuperset(of: 50...70))
    }

    @Test func `A list that shrinks below the place of the walk is read to its end`() async throws {
        let shelf = Shelf(Array(1...30))
        let walked = try await walk(shelf) { page in
            if page == 3 { shelf.ids.withLock { $0.removeAll { $0 < 12 } } }
        }
        #expect(Set(walked.ids).isSuperset(of: 1...30))
    }

    @Test func `What the trash shows is deleted, with its date`() async throws {
        let stream = provider.streams(for: .product, of: .shop())[0]
        let session = desk.session(
            answer: { _ in
                .shop(
                    #"[{"id":10,"status":"trash","date_modified_gmt":"2026-11-23T12:00:00"}]"#,
                    headers: ["X-WP-Total": "1"]
                )
            }
        )
        let page = try await provider.changes(
            in: stream,
            matching: ChangeQuery(from: noon, page: ["trash": true, "offset": 0]),
            in: session
        )
        guard case .deleted(let id, at: noon) = page.changes.first else {
            Issue.record("\(page)")
            return
        }
        #expect(id == RemoteID(.product, "10"))
        #expect(page.isComplete)
    }

    @Test func `An old shop's variations are read product by product`() async throws {
        let session = desk.session { request in
            request.url.path.hasSuffix("/products")
                ? .shop(#"[{"id":10},{"id":20}]"#, headers: ["X-WP-Total": "2"])
                : .shop(#"[{"id":\#(request.url.path.contains("/10/") ? 11 : 21)}]"#, headers: ["X-WP-Total": "1"])
        }
        let stream = provider.streams(for: .productVariation, of: .shop())[0]
        let page = try await provider.changes(in: stream, matching: ChangeQuery(from: noon), in: session)
        let ids = page.changes.compactMap { if case .updated(let record) = $0 { record.id } else { nil } }
        #expect(
            ids == [RemoteID(.productVariation, "11", parent: "10"), RemoteID(.productVariation, "21", parent: "20")]
        )
        #expect(page.isComplete)
        #expect(desk.lines[0].contains("type=variable"))
        #expect(desk.lines[1].hasPrefix("GET \(base)/products/10/variations?"))
    }

    @Test func `A newer shop's variations are one list, their product told by the link where nothing else tells it`()
        async throws
    {
        let body =
            #"[{"id":11,"parent_id":10},{"id":21,"_links":{"up":[{"href":"https://s/wp-json/wc/v3/products/20"}]}}]"#
        let account = ConnectedAccount.shop(facts: ["variations": true])
        let session = desk.session(account) { _ in .shop(body, headers: ["X-WP-Total": "2"]) }
        let stream = provider.streams(for: .productVariation, of: account)[0]
        let page = try await provider.changes(in: stream, matching: ChangeQuery(from: noon), in: session)
        let ids = page.changes.compactMap { if case .updated(let record) = $0 { record.id.parent } else { nil } }
        #expect(ids == ["10", "20"])
        #expect(desk.lines[0].hasPrefix("GET \(base)/variations?"))
    }

    // MARK: Look-up

    private func lookUp(_ write: RecordWrite, _ answer: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse)
        async throws -> String
    {
        switch try await provider.lookUp([write], in: desk.session(answer: answer))[0] {
        case .found(let record, let isOurs): "found \(record.id.value)\(isOurs ? " ours" : "")"
        case .several(let ids): "several \(ids.map(\.value))"
        case .absent: "absent"
        case .tooEarly: "too early"
        case .undecidable: "undecidable"
        }
    }

    @Test func `A customer is looked for in every role, by the whole address`() async throws {
        let write = RecordWrite.shop(.create, .customer, fields: ["email": "Ada+x@example.test"])
        #expect(try await lookUp(write) { _ in .shop("[]") } == "absent")
        #expect(
            desk.lines[0]
                == "GET \(base)/customers?email=ada%2Bx%40example.test&role=all&per_page=100&_skip_cache=true"
        )
        #expect(
            try await lookUp(write) { _ in .shop(#"[{"id":2,"email":"ada+X@example.test"}]"#) } == "found 2"
        )
        let own = meta("a")
        #expect(
            try await lookUp(write) { _ in .shop(#"[{"id":2,"email":"ada+x@example.test",\#(own)}]"#) }
                == "found 2 ours"
        )
        #expect(
            try await lookUp(write) { _ in
                .shop(#"[{"id":2,"email":"ada+x@example.test"},{"id":3,"email":"ADA+x@example.test"}]"#)
            } == "several [\"2\", \"3\"]"
        )
    }

    @Test func `A product is looked for by SKU; ours may lie in the trash by now`() async throws {
        var write = RecordWrite.shop(.create, .product, fields: ["sku": "MUG-1"])
        #expect(
            try await lookUp(write) { _ in
                .shop(#"[{"id":21,"sku":"mug-1","type":"variation","parent_id":10}]"#)
            } == "found 21"
        )
        write.firstSentAt = noon
        let own = meta("a")
        #expect(
            try await lookUp(write) { request in
                request.url.absoluteString.contains("status=trash")
                    ? .shop(#"[{"id":22,"sku":"MUG-1",\#(own)},{"id":23,"sku":"MUG-1"}]"#) : .shop("[]")
            } == "found 22 ours"
        )
        #expect(try await lookUp(write) { _ in .shop("[]") } == "absent")
    }

    @Test func `An order is looked for by our key, in the trash too`() async throws {
        let write = RecordWrite.shop(.create, .order, firstSentAt: noon)
        let key = write.externalKey
        #expect(
            try await lookUp(write) { request in
                request.url.absoluteString.contains("status=trash")
                    ? .shop(#"[{"id":15,"created_via":"\#(key)"}]"#) : .shop("[]")
            } == "found 15 ours"
        )
        #expect(desk.lines[0] == "GET \(base)/orders?created_via=\(key)&status=any&per_page=100&_skip_cache=true")
        #expect(try await lookUp(write) { _ in .shop("[]") } == "absent")
    }

    @Test func `A shop that does not understand the filter is looked through since the first send`() async throws {
        let write = RecordWrite.shop(.create, .order, firstSentAt: noon)
        let own = meta("a")
        let found = try await lookUp(write) { request in
            let address = request.url.absoluteString
            guard address.contains("after=2026-11-23T11%3A50%3A00&dates_are_gmt=true") else {
                return .shop(#"[{"id":14,"created_via":"checkout"}]"#)
            }
            return address.contains("page=1") && address.contains("status=any")
                ? .shop(#"[{"id":15,\#(own)},{"id":14}]"#) : .shop("[]")
        }
        #expect(found == "found 15 ours")
        let never = try await lookUp(.shop(.create, .order)) { _ in .shop(#"[{"id":14,"created_via":"checkout"}]"#) }
        #expect(never == "undecidable")
    }

    @Test func `A note is looked for by its marker among those of its order`() async throws {
        let relation = Relation(.order, .remote(RemoteID(.order, "15")))
        let write = RecordWrite.shop(.create, .note, fields: ["note": "x"], relations: [relation], firstSentAt: noon)
        let text = "x<br />\\nref: \(write.externalKey)"
        #expect(
            try await lookUp(write) { _ in .shop(#"[{"id":5,"note":"other"},{"id":4,"note":"\#(text)"}]"#) }
                == "found 4 ours"
        )
        #expect(desk.lines == ["GET \(base)/orders/15/notes?type=any&_skip_cache=true"])
        #expect(try await lookUp(write) { _ in .refusal(404, "woocommerce_rest_order_invalid_id") } == "absent")
    }
}
