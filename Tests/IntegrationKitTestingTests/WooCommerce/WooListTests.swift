// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooListTests {
    @Test func pagesTellTotalsAndNeighbours() async throws {
        let bench = try WooBench()
        for _ in 0..<5 { _ = try await bench.create("products", [:]) }
        let page = try await bench.call(.get, "products?per_page=2&page=2&orderby=id&order=asc")
        #expect(page.ids == [12, 13])
        #expect(page.headers["X-WP-Total"] == "5")
        #expect(page.headers["X-WP-TotalPages"] == "3")
        let link = page.headers.values(for: "Link").last ?? ""
        #expect(link.contains("&page=1&orderby=id&order=asc>; rel=\"prev\", <"))
        #expect(link.contains("&page=3&orderby=id&order=asc>; rel=\"next\""))
        #expect(try await bench.call(.get, "products?offset=4&orderby=id&order=asc").ids == [14])
        let head = try await bench.call(.head, "products")
        #expect(head.headers["X-WP-Total"] == "5")
        #expect(head.body == .null)
    }

    @Test(arguments: [(true, "0"), (false, "3")]) func pastTheEndOrderTablesCountNothing(
        tables: Bool,
        total: String
    ) async throws {
        let bench = try WooBench { $0.usesOrderTables = tables }
        for _ in 0..<3 { _ = try await bench.create("orders", [:]) }
        let answer = try await bench.call(.get, "orders?page=9")
        #expect(answer.status == 200)
        #expect(answer.body == [])
        #expect(answer.headers["X-WP-Total"] == total)
    }

    @Test func unreadableRowsShortenAPage() async throws {
        let bench = try WooBench()
        for _ in 0..<4 { _ = try await bench.create("orders", [:]) }
        try bench.platform.makeUnreadable("order", 11, in: bench.home)
        let answer = try await bench.call(.get, "orders?per_page=2&orderby=id&order=asc")
        #expect(answer.ids == [10])
        #expect(answer.headers["X-WP-Total"] == "4")
    }

    @Test(arguments: [("9.9.5", false), ("10.4", true)] as [(SimulatedWooCommerce.Version, Bool)])
    func equalDatesOfChangeLoseRowsInOlderShops(version: SimulatedWooCommerce.Version, isWhole: Bool) async throws {
        let bench = try WooBench { $0.version = version }
        for _ in 0..<20 { _ = try await bench.create("orders", [:]) }
        for order in ["modified", "id", "date"] {
            var seen: [Int64] = []
            for page in 1...4 {
                let path = "orders?per_page=5&page=\(page)&orderby=\(order)&order=asc"
                seen += try await bench.call(.get, path).ids
            }
            #expect(seen.count == 20)
            #expect((Set(seen).count == 20) == (isWhole || order != "modified"))
        }
    }

    struct Window: Sendable {
        var bound: String
        var isGMT: Bool
        var isFound: Bool
    }

    /// An order of 2026-11-23T02:30:00Z in a shop one hour ahead.
    static let windows = [
        Window(bound: "2026-11-23T02:00:24", isGMT: true, isFound: true),
        Window(bound: "2026-11-23T02:00:24Z", isGMT: true, isFound: false),
        Window(bound: "2026-11-23T02:29:59", isGMT: true, isFound: true),
        Window(bound: "2026-11-23T02:30:00", isGMT: true, isFound: false),
        Window(bound: "2026-11-23T02:00:24Z", isGMT: false, isFound: true),
        Window(bound: "2026-11-23T03:00:24", isGMT: false, isFound: true),
        Window(bound: "2026-11-23T03:30:00", isGMT: false, isFound: false),
    ]

    @Test(arguments: windows, ["modified_after", "after"])
    func datesOfFiltersFallIntoTheZoneTrap(_ window: Window, name: String) async throws {
        let bench = try WooBench()
        bench.clock.setWall(try #require(ISO8601.date(from: "2026-11-23T02:30:00Z")))
        _ = try await bench.create("orders", [:])
        let path = "orders?\(name)=\(window.bound)" + (window.isGMT ? "&dates_are_gmt=true" : "")
        #expect(try await bench.call(.get, path).ids.count == (window.isFound ? 1 : 0))
    }

    @Test func customersKnowNoDatesAndHideOtherRoles() async throws {
        let bench = try WooBench()
        _ = try await bench.create("customers", ["email": "a+b@x.io"])
        try bench.platform.registerUser("sub@x.io", role: "subscriber", in: bench.home)
        #expect(try await bench.call(.get, "customers?modified_after=2099-01-01T00:00:00").ids.count == 1)
        #expect(try await bench.call(.get, "customers?role=all").ids.count == 2)
        #expect(try await bench.call(.get, "customers?email=sub@x.io").ids.isEmpty)
        let sub = try await bench.call(.get, "customers?email=SUB@x.io&role=all")
        #expect(sub.body[0]?["date_modified"] == .null)
        #expect(try await bench.call(.get, "customers?email=a+b@x.io&role=all").ids.isEmpty)
        #expect(try await bench.call(.get, "customers?email=a%2Bb@x.io&role=all").ids.count == 1)
    }

    @Test func aBatchAnswersEachItemAndSkipsSchemas() async throws {
        let bench = try WooBench()
        let mug = try await bench.create("products", ["sku": "MUG-1"])
        let answer = try await bench.call(
            .post,
            "products/batch",
            [
                "create": [["regular_price": 12], ["sku": "mug-1"]],
                "update": [["id": .number(JSONNumber(mug)), "name": "Cup"], ["id": 99, "name": "x"]],
                "delete": [0, "none", .number(JSONNumber(mug)), 98],
            ]
        )
        #expect(answer.status == 200)
        #expect(answer.body["create"]?[0]?["regular_price"] == "12")
        #expect(answer.body["create"]?[1]?["id"]?.int64 == 0)
        #expect(answer.body["create"]?[1]?["error"]?["code"] == "product_invalid_sku")
        #expect(answer.body["update"]?[0]?["name"] == "Cup")
        #expect(answer.body["update"]?[1]?["error"]?["data"]?["status"]?.int64 == 400)
        #expect(answer.body["delete"]?.array?.count == 2)
        #expect(answer.body["delete"]?[1]?["id"]?.int64 == 98)
        #expect(bench.platform.record("product", mug, in: bench.home) == nil)
    }

    @Test(arguments: [(100, 200), (101, 413)]) func aBatchHasALimit(count: Int, status: Int) async throws {
        let bench = try WooBench()
        let items = (1...count).map { JSONValue.object(["email": .string("p\($0)@x.io")]) }
        let answer = try await bench.call(.post, "customers/batch", ["create": .array(items)])
        #expect(answer.status == status)
        #expect(status == 200 || answer.code == "woocommerce_rest_request_entity_too_large")
        #expect(bench.platform.records("customer", in: bench.home).count == (status == 200 ? 100 : 0))
    }

    @Test func theSiteTellsOfItself() async throws {
        let bench = try WooBench { $0.currency = "USD" }
        let index = try await bench.call(.get, "/wp-json/?_fields=name,home,namespaces", access: .none)
        #expect(index.body["home"] == "https://shop.example")
        #expect(index.body["namespaces"]?.array?.contains("wc/v3") == true)
        #expect(try await bench.call(.get, "data/currencies/current").body["code"] == "USD")
        let status = try await bench.call(.get, "system_status?_fields=environment,settings")
        #expect(status.body["environment"]?["version"] == "9.9.5")
        #expect(status.body["settings"]?["currency"] == "USD")
        #expect(try await bench.call(.get, "settings/general/woocommerce_currency").body["value"] == "USD")
        let schema = try await bench.call(.options, "customers", access: .none)
        #expect(schema.body["schema"]?["properties"]?["email"]?["format"] == "email")
        _ = try await bench.create(
            "products",
            ["meta_data": [["key": "vat", "value": "1"], ["key": "_x", "value": "1"]]]
        )
        #expect(try await bench.call(.get, "products/custom-fields/names").body == ["vat"])
    }
}
