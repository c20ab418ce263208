// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooRecordTests {
    private let ada: JSONValue = [
        "email": "ada@example.test", "first_name": "Ada",
        "billing": ["company": "Acme", "phone": "+49 30 1", "country": "DE"],
        "meta_data": [["key": "ext_id", "value": "42"]],
    ]

    @Test func aCustomerIsToldAsTheShopTellsIt() async throws {
        let bench = try WooBench()
        bench.clock.setWall(try #require(ISO8601.date(from: "2026-11-23T01:57:31Z")))
        let made = try await bench.call(.post, "customers", ada)
        #expect(made.status == 201)
        #expect(made.headers["Location"] == "https://shop.example/wp-json/wc/v3/customers/2")
        #expect(made.id == 2)
        #expect(made.body["date_created"] == "2026-11-23T02:57:31")
        #expect(made.body["date_created_gmt"] == "2026-11-23T01:57:31")
        #expect(made.body["username"] == "ada")
        #expect(made.body["role"] == "customer")
        #expect(made.body["billing"]?["company"] == "Acme")
        #expect(made.body["billing"]?["city"] == "")
        #expect(made.body["meta_data"]?[0]?["key"] == "ext_id")
        #expect(made.body["password"] == nil)
        #expect(bench.platform.mails(of: bench.home).map(\.kind) == [.newAccount])
    }

    @Test func datesFollowTheShopsZoneThroughTheYear() async throws {
        let bench = try WooBench()
        bench.clock.setWall(try #require(ISO8601.date(from: "2026-07-01T10:00:00Z")))
        let summer = try await bench.call(.post, "orders", [:])
        #expect(summer.body["date_created"] == "2026-07-01T12:00:00")
        #expect(summer.body["date_created_gmt"] == "2026-07-01T10:00:00")
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method = HTTPMethod.post
        var path = "customers"
        var body: JSONValue?
        var status = 400
        var code: String
    }

    static let refusals = [
        Refusal(testDescription: "no e-mail", body: [:], code: "rest_missing_callback_param"),
        Refusal(testDescription: "bad e-mail", body: ["email": "no"], code: "rest_invalid_param"),
        Refusal(
            testDescription: "empty billing e-mail",
            body: ["email": "b@x.io", "billing": ["email": ""]],
            code: "rest_invalid_param"
        ),
        Refusal(
            testDescription: "null phone",
            body: ["email": "b@x.io", "billing": ["phone": nil]],
            code: "rest_invalid_param"
        ),
        Refusal(
            testDescription: "known e-mail",
            body: ["email": "ADA@example.test"],
            code: "registration-error-email-exists"
        ),
        Refusal(
            testDescription: "known user name",
            body: ["email": "b@x.io", "username": "ada"],
            code: "registration-error-username-exists"
        ),
        Refusal(
            testDescription: "id in a create",
            body: ["id": 2, "email": "b@x.io"],
            code: "woocommerce_rest_customer_exists"
        ),
        Refusal(
            testDescription: "unknown, GET",
            method: .get,
            path: "customers/99",
            status: 404,
            code: "woocommerce_rest_invalid_id"
        ),
        Refusal(
            testDescription: "unknown, PUT",
            method: .put,
            path: "customers/99",
            body: [:],
            code: "woocommerce_rest_invalid_id"
        ),
        Refusal(
            testDescription: "e-mail of another",
            method: .put,
            path: "customers/2",
            body: ["email": "bob@x.io"],
            code: "woocommerce_rest_customer_invalid_email"
        ),
        Refusal(
            testDescription: "delete without force",
            method: .delete,
            path: "customers/2",
            status: 501,
            code: "woocommerce_rest_trash_not_supported"
        ),
        Refusal(
            testDescription: "numeric price",
            path: "products",
            body: ["regular_price": 12],
            code: "rest_invalid_param"
        ),
        Refusal(testDescription: "known SKU", path: "products", body: ["sku": "mug-1"], code: "product_invalid_sku"),
        Refusal(
            testDescription: "SKU in the trash",
            path: "products",
            body: ["sku": "OLD-1"],
            code: "woocommerce_rest_product_not_created"
        ),
        Refusal(
            testDescription: "unknown order",
            method: .patch,
            path: "orders/99",
            body: [:],
            code: "woocommerce_rest_shop_order_invalid_id"
        ),
        Refusal(testDescription: "unknown status", path: "orders", body: ["status": "no"], code: "rest_invalid_param"),
        Refusal(
            testDescription: "unknown customer",
            path: "orders",
            body: ["customer_id": 99],
            code: "woocommerce_rest_invalid_customer_id"
        ),
        Refusal(
            testDescription: "line without product",
            path: "orders",
            body: ["line_items": [["quantity": 1]]],
            code: "woocommerce_rest_required_product_reference"
        ),
        Refusal(
            testDescription: "bad topic",
            path: "webhooks",
            body: ["topic": "no", "delivery_url": "https://x.io"],
            code: "woocommerce_rest_shop_webhook_invalid_topic"
        ),
        Refusal(
            testDescription: "bad address",
            path: "webhooks",
            body: ["topic": "order.created"],
            code: "woocommerce_rest_shop_webhook_invalid_delivery_url"
        ),
        Refusal(testDescription: "no such route", method: .get, path: "tickets", status: 404, code: "rest_no_route"),
        Refusal(
            testDescription: "coupon twice",
            path: "coupons",
            body: ["code": "Ten"],
            code: "woocommerce_rest_coupon_code_already_exists"
        ),
        Refusal(
            testDescription: "too large a page",
            method: .get,
            path: "orders?per_page=101",
            code: "rest_invalid_param"
        ),
        Refusal(testDescription: "no page", method: .get, path: "orders?page=0", code: "rest_invalid_param"),
        Refusal(
            testDescription: "variation at its product's address",
            method: .put,
            path: "products/13",
            body: [:],
            status: 404,
            code: "woocommerce_rest_invalid_product_id"
        ),
    ]

    @Test(arguments: refusals) func aMistakeHasItsCode(_ fact: Refusal) async throws {
        let bench = try WooBench()
        _ = try await bench.create("customers", ada)
        _ = try await bench.create("customers", ["email": "bob@x.io"])
        _ = try await bench.create("products", ["sku": "MUG-1"])
        let old = try await bench.create("products", ["sku": "OLD-1"])
        #expect(try await bench.call(.delete, "products/\(old)").status == 200)
        let parent = try await bench.create("products", ["type": "variable"])
        #expect(try await bench.create("products/\(parent)/variations", ["sku": "V-1"]) == 13)
        _ = try await bench.create("coupons", ["code": "TEN", "amount": "10"])
        let before = bench.platform.history(of: bench.home).count
        let answer = try await bench.call(fact.method, fact.path, fact.body)
        #expect(answer.status == fact.status)
        #expect(answer.code == fact.code)
        #expect(bench.platform.history(of: bench.home).count == before)
    }

    @Test func aRefusedParameterIsNamedWithItsReason() async throws {
        let bench = try WooBench()
        let answer = try await bench.call(.post, "customers", ["email": "a@x.io", "billing": ["email": ""]])
        #expect(answer.message == "Invalid parameter(s): billing")
        #expect(answer.body["data"]?["params"]?["billing"] == "Invalid email address.")
        #expect(answer.body["data"]?["details"]?["billing"]?["code"] == "rest_invalid_email")
        let broken = try await bench.send(
            .post,
            "/wp-json/wc/v3/customers?consumer_key=\(bench.key.consumerKey)"
                + "&consumer_secret=\(bench.key.consumerSecret)",
            Data("{".utf8),
            headers: ["Content-Type": "application/json"]
        )
        #expect(try JSONValue(parsing: broken.body)["code"] == "rest_invalid_json")
    }

    @Test func theHolderOfASKUIsNamed() async throws {
        let bench = try WooBench()
        let mug = try await bench.create("products", ["sku": "MUG-1"])
        let answer = try await bench.call(.post, "products", ["sku": "MUG-1"])
        #expect(
            answer.body["data"] == ["status": 400, "resource_id": .number(JSONNumber(mug)), "unique_sku": "MUG-1-1"]
        )
    }

    @Test func aSKUInTheTrashIsFoundThereAndComesBack() async throws {
        let bench = try WooBench()
        let mug = try await bench.create("products", ["sku": "MUG-1"])
        let trashed = try await bench.call(.delete, "products/\(mug)")
        #expect(trashed.body["status"] == "publish")
        #expect(try await bench.call(.delete, "products/\(mug)").code == "woocommerce_rest_already_trashed")
        #expect(try await bench.call(.delete, "products/\(mug)").status == 410)
        #expect(try await bench.call(.get, "products?sku=mug-1").ids.isEmpty)
        #expect(try await bench.call(.get, "products?sku=mug-1&status=trash").ids == [mug])
        #expect(try await bench.call(.get, "products/\(mug)").body["status"] == "trash")
        #expect(try await bench.call(.put, "products/\(mug)", ["status": "publish"]).body["status"] == "publish")
        #expect(bench.platform.history(of: bench.home).map(\.kind) == [.created, .trashed, .restored])
    }

    @Test(arguments: [HTTPMethod.put, .patch, .post]) func allVerbsMeanTheSameChange(method: HTTPMethod) async throws {
        let bench = try WooBench()
        let id = try await bench.create("customers", ada)
        let answer = try await bench.call(method, "customers/\(id)", ["last_name": "Lovelace"])
        #expect(answer.status == 200)
        #expect(answer.body["first_name"] == "Ada")
        #expect(answer.body["last_name"] == "Lovelace")
    }

    @Test func verbsCanBeOverridden() async throws {
        let bench = try WooBench()
        let id = try await bench.create("orders", [:])
        #expect(try await bench.call(.post, "orders/\(id)?_method=DELETE", [:]).status == 200)
        #expect(bench.platform.record("order", id, in: bench.home)?["status"] == "trash")
        let other = try await bench.create("orders", [:])
        _ = try await bench.call(.post, "orders/\(other)", [:], headers: ["X-HTTP-Method-Override": "DELETE"])
        #expect(bench.platform.record("order", other, in: bench.home)?["status"] == "trash")
    }

    @Test func ownFieldsAreKeptByKeyAndEndWithNull() async throws {
        let bench = try WooBench()
        let id = try await bench.create("customers", ada)
        let changed = try await bench.call(
            .put,
            "customers/\(id)",
            ["meta_data": [["key": "ext_id", "value": ["a": 1]], ["key": "_hidden", "value": "x"]]]
        )
        #expect(changed.body["meta_data"]?.array?.count == 2)
        #expect(changed.body["meta_data"]?[0]?["value"] == ["a": 1])
        let removed = try await bench.call(
            .put,
            "customers/\(id)",
            ["meta_data": [["key": "ext_id", "value": nil]]]
        )
        #expect(removed.body["meta_data"]?.array?.compactMap { $0["key"]?.string } == ["_hidden"])
    }

    @Test func fieldsCanBeChosen() async throws {
        let bench = try WooBench()
        let id = try await bench.create("customers", ada)
        let one = try await bench.call(.get, "customers/\(id)?_fields=id,billing.phone")
        #expect(one.body.object?.keys == ["id", "billing", "_links"])
        #expect(one.body["billing"] == ["phone": "+49 30 1"])
        let many = try await bench.call(.get, "customers?_fields=id")
        #expect(many.body == [["id": .number(JSONNumber(id))]])
    }

    @Test func userNamesGiveWay() async throws {
        let bench = try WooBench()
        _ = try await bench.create("customers", ["email": "ada@a.io"])
        let other = try await bench.call(.post, "customers", ["email": "ada@b.io"])
        #expect(other.body["username"]?.string?.hasPrefix("ada-") == true)
        let common = try await bench.call(.post, "customers", ["email": "info@b.io"])
        #expect(common.body["username"] == "b.io")
    }

    @Test func passwordsAreRequiredWhereTheShopMakesNone() async throws {
        let bench = try WooBench {
            $0.generatesPasswords = false; $0.mailsNewAccounts = false
        }
        #expect(try await bench.call(.post, "customers", ["email": "a@x.io"]).status == 400)
        #expect(try await bench.call(.post, "customers", ["email": "a@x.io", "password": "pw"]).status == 201)
        #expect(bench.platform.mails(of: bench.home).isEmpty)
    }

    @Test(arguments: [false, true]) func parallelCreatesMakeTwoUsers(races: Bool) async throws {
        let bench = try WooBench { $0.creationsRace = races }
        var statuses: [Int] = []
        for _ in 0..<2 { statuses.append(try await bench.call(.post, "customers", ["email": "a@x.io"]).status) }
        bench.clock.advance(by: .seconds(1))
        #expect(statuses == [201, races ? 201 : 400])
        #expect(try await bench.call(.post, "customers", ["email": "a@x.io"]).status == 400)
        #expect(bench.platform.records("customer", in: bench.home).count == (races ? 2 : 1))
    }

    @Test(arguments: [("9.9.5", 200), ("10.4", 403)] as [(SimulatedWooCommerce.Version, Int)])
    func newerShopsDeleteNoOtherRoles(version: SimulatedWooCommerce.Version, status: Int) async throws {
        let bench = try WooBench { $0.version = version }
        let id = try bench.platform.registerUser("boss@x.io", role: "wholesale", in: bench.home)
        #expect(try await bench.call(.delete, "customers/\(id)?force=true").status == status)
    }

    @Test func answersAreWrittenAsPHPWritesJSON() async throws {
        let bench = try WooBench()
        let id = try await bench.create("products", ["name": "1/2 €"])
        let answer = try await bench.send(
            .get,
            "/wp-json/wc/v3/products/\(id)?_fields=name&consumer_key=\(bench.key.consumerKey)"
                + "&consumer_secret=\(bench.key.consumerSecret)"
        )
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(text.hasPrefix(#"{"name":"1\/2 \u20ac","_links""#))
    }

    @Test func notesHaveNoPagesAndNoChanges() async throws {
        let bench = try WooBench()
        let order = try await bench.create("orders", [:])
        let before = try await bench.call(.get, "orders/\(order)").body["date_modified_gmt"]
        bench.clock.advance(by: .seconds(5))
        for number in 0..<12 {
            let body: JSONValue = ["note": .string("Call \(number)<script>x</script>"), "added_by_user": true]
            let made = try await bench.call(.post, "orders/\(order)/notes", body)
            #expect(made.status == 201)
            #expect(made.body["note"] == .string("Call \(number)"))
            #expect(made.body["author"] == "admin")
        }
        let all = try await bench.call(.get, "orders/\(order)/notes")
        #expect(all.ids == Array((1...12).reversed()))
        #expect(all.headers["X-WP-Total"] == nil)
        #expect(try await bench.call(.get, "orders/\(order)").body["date_modified_gmt"] == before)
        #expect(try await bench.call(.put, "orders/\(order)/notes/1", ["note": "x"]).code == "rest_no_route")
        #expect(try await bench.call(.delete, "orders/\(order)/notes/1").status == 501)
        #expect(try await bench.call(.delete, "orders/\(order)/notes/1?force=true").status == 200)
        #expect(try await bench.call(.get, "orders/\(order)/notes?type=customer").ids.isEmpty)
        #expect(bench.platform.mails(of: bench.home).isEmpty)
        #expect(try await bench.call(.put, "orders/\(order)", ["billing": ["email": "a@x.io"]]).status == 200)
        _ = try await bench.call(.post, "orders/\(order)/notes", ["note": "x", "customer_note": true])
        #expect(bench.platform.mails(of: bench.home).map(\.kind) == [.customerNote])
    }
}
