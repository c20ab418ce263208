// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooOrderTests {
    private func stocked(_ bench: WooBench) async throws -> Int64 {
        try await bench.create(
            "products",
            ["name": "Mug", "regular_price": "12.50", "sku": "MUG-1", "manage_stock": true, "stock_quantity": 5]
        )
    }

    @Test func anOrderIsTotalledAndSettled() async throws {
        let bench = try WooBench()
        let mug = try await stocked(bench)
        let customer = try await bench.create("customers", ["email": "ada@example.test"])
        bench.clock.advance(by: .seconds(10))
        let answer = try await bench.call(
            .post,
            "orders",
            [
                "status": "processing", "customer_id": .number(JSONNumber(customer)),
                "billing": ["email": "ada@example.test"],
                "line_items": [["product_id": .number(JSONNumber(mug)), "quantity": 2]],
                "shipping_lines": [["method_id": "flat_rate", "method_title": "Flat", "total": "5.00"]],
                "fee_lines": [["name": "Gift wrap", "total": "1.50"]], "transaction_id": "tx-1",
            ]
        )
        #expect(answer.status == 201)
        #expect(answer.body["total"] == "31.50")
        #expect(answer.body["number"] == .string(String(answer.id)))
        #expect(answer.body["created_via"] == "rest-api")
        #expect(answer.body["date_paid_gmt"]?.string != nil)
        let line = answer.body["line_items"]?[0]
        #expect(line?["name"] == "Mug")
        #expect(line?["subtotal"] == "25.00")
        #expect(line?["price"]?.number?.text == "12.5")
        #expect(line?["sku"] == "MUG-1")
        let product = try await bench.call(.get, "products/\(mug)")
        #expect(product.body["stock_quantity"]?.int64 == 3)
        #expect(product.body["date_modified_gmt"] == answer.body["date_modified_gmt"])
        #expect(bench.platform.mails(of: bench.home).map(\.kind) == [.newAccount, .newOrder, .orderReceived])
    }

    @Test func anUnknownProductBecomesAnEmptyLine() async throws {
        let bench = try WooBench()
        let answer = try await bench.call(.post, "orders", ["line_items": [["product_id": 999, "quantity": 1]]])
        #expect(answer.status == 201)
        let line = answer.body["line_items"]?[0]
        #expect(line?["name"] == "")
        #expect(line?["product_id"]?.int64 == 0)
        #expect(line?["total"] == "0.00")
    }

    @Test func linesAreChangedByIDAddedWithoutOneAndNotRecomputed() async throws {
        let bench = try WooBench()
        let mug = JSONValue.number(JSONNumber(try await stocked(bench)))
        let made = try await bench.call(.post, "orders", ["line_items": [["product_id": mug, "quantity": 1]]])
        let line = try #require(made.body["line_items"]?[0]?["id"])
        let path = "orders/\(made.id)"
        let more = try await bench.call(.put, path, ["line_items": [["id": line, "quantity": 3]]])
        #expect(more.body["line_items"]?[0]?["quantity"]?.int64 == 3)
        #expect(more.body["line_items"]?[0]?["total"] == "12.50")
        let added = try await bench.call(.put, path, ["line_items": [["product_id": mug, "quantity": 1]]])
        #expect(added.body["line_items"]?.array?.count == 2)
        #expect(added.body["total"] == "25.00")
        let priced = try await bench.call(
            .put,
            path,
            ["line_items": [["id": line, "quantity": 2, "subtotal": "20.00", "total": "18.00"]]]
        )
        #expect(priced.body["total"] == "30.50")
        let removed = try await bench.call(.put, path, ["line_items": [["id": line, "quantity": 0]]])
        #expect(removed.body["line_items"]?.array?.count == 1)
    }

    @Test func paymentAndCompletionHaveTheirDates() async throws {
        let bench = try WooBench()
        let paid = try await bench.call(.post, "orders", ["set_paid": true])
        #expect(paid.body["status"] == "processing")
        #expect(paid.body["date_paid"]?.string != nil)
        #expect(paid.body["date_completed"] == .null)
        let done = try await bench.call(.put, "orders/\(paid.id)", ["status": "completed"])
        #expect(done.body["date_completed"]?.string != nil)
        #expect(try await bench.call(.post, "orders", [:]).body["status"] == "pending")
    }

    @Test(arguments: [("8.9.0", 2), ("9.9.5", 1)] as [(SimulatedWooCommerce.Version, Int)])
    func olderShopsIgnoreTheOrigin(version: SimulatedWooCommerce.Version, count: Int) async throws {
        let bench = try WooBench { $0.version = version }
        _ = try await bench.create("orders", ["created_via": "app:1"])
        _ = try await bench.create("orders", ["created_via": "app:2"])
        #expect(try await bench.call(.get, "orders?created_via=app:1&status=any").ids.count == count)
    }

    @Test func trashedOrdersLeaveListsAndComeBack() async throws {
        let bench = try WooBench()
        let id = try await bench.create("orders", ["status": "on-hold"])
        bench.clock.advance(by: .seconds(3600))
        let trashed = try await bench.call(.delete, "orders/\(id)")
        #expect(trashed.body["status"] == "on-hold")
        #expect(try await bench.call(.delete, "orders/\(id)").status == 410)
        #expect(try await bench.call(.get, "orders?status=any").ids.isEmpty)
        let wall = ISO8601.string(from: bench.clock.wall.addingTimeInterval(-60)).dropLast()
        let trash = "orders?status=trash&modified_after=\(wall)&dates_are_gmt=true"
        #expect(try await bench.call(.get, trash).ids == [id])
        #expect(try await bench.call(.put, "orders/\(id)", ["status": "processing"]).status == 200)
        #expect(try await bench.call(.delete, "orders/\(id)?force=true").status == 200)
        #expect(try await bench.call(.get, "orders/\(id)").status == 404)
        #expect(
            bench.platform.history(of: bench.home).filter { $0.resource == "order" }.map(\.kind)
                == [.created, .trashed, .restored, .erased]
        )
    }

    @Test func theSearchLooksInSomeTextsOnly() async throws {
        let bench = try WooBench()
        _ = try await bench.create(
            "orders",
            [
                "transaction_id": "tx-77", "customer_note": "secret-note", "billing": ["last_name": "Lovelace"],
                "meta_data": [["key": "k", "value": "own-field"]],
            ]
        )
        for (text, count) in [("TX-7", 1), ("lovel", 1), ("secret-note", 0), ("own-field", 0)] {
            #expect(try await bench.call(.get, "orders?search=\(text)").ids.count == count)
        }
    }

    @Test func aVariationBumpsItsProduct() async throws {
        let bench = try WooBench()
        let shirt = try await bench.create("products", ["name": "Shirt", "type": "variable"])
        bench.clock.advance(by: .seconds(60))
        let variation = try await bench.create(
            "products/\(shirt)/variations",
            ["sku": "SH-S", "regular_price": "9.00", "attributes": [["name": "Size", "option": "S"]]]
        )
        let product = try await bench.call(.get, "products/\(shirt)")
        #expect(product.body["variations"] == [.number(JSONNumber(variation))])
        #expect(product.body["price"] == "9.00")
        #expect(product.body["date_modified_gmt"] != product.body["date_created_gmt"])
        let found = try await bench.call(.get, "products?sku=sh-s")
        #expect(found.body[0]?["type"] == "variation")
        #expect(found.body[0]?["parent_id"]?.int64 == shirt)
        #expect(try await bench.call(.get, "products").ids == [shirt])
        let order = try await bench.call(.post, "orders", ["line_items": [["sku": "SH-S", "quantity": 2]]])
        #expect(order.body["line_items"]?[0]?["variation_id"]?.int64 == variation)
        #expect(order.body["total"] == "18.00")
    }

    @Test(arguments: [("9.9.5", 200), ("10.8", 400)] as [(SimulatedWooCommerce.Version, Int)])
    func olderShopsTurnOtherRecordsIntoOrders(version: SimulatedWooCommerce.Version, status: Int) async throws {
        let bench = try WooBench { $0.version = version }
        let mug = try await stocked(bench)
        #expect(try await bench.call(.put, "orders/\(mug)", [:]).status == status)
        #expect(try await bench.call(.get, "products/\(mug)").status == (status == 200 ? 404 : 200))
    }

    @Test(arguments: [("9.9.5", 404), ("10.3", 200)] as [(SimulatedWooCommerce.Version, Int)])
    func allVariationsTogetherCameLater(version: SimulatedWooCommerce.Version, status: Int) async throws {
        let bench = try WooBench { $0.version = version }
        #expect(try await bench.call(.get, "variations").status == status)
    }
}
