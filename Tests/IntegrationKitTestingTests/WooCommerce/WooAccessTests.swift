// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooAccessTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method = HTTPMethod.get
        var path = "customers"
        var key: String?
        var secret: String?
        var permission = SimulatedWooCommerce.Permission.readWrite
        var role = "administrator"
        var status = 401
        var code: String
        var message = ""
    }

    static let refusals = [
        Refusal(
            testDescription: "unknown key, GET",
            key: "ck_no",
            code: "woocommerce_rest_cannot_view",
            message: "Sorry, you cannot list resources."
        ),
        Refusal(
            testDescription: "unknown key, POST",
            method: .post,
            key: "ck_no",
            code: "woocommerce_rest_cannot_create"
        ),
        Refusal(
            testDescription: "unknown key, PUT",
            method: .put,
            path: "orders/10",
            key: "ck_no",
            code: "woocommerce_rest_cannot_edit"
        ),
        Refusal(
            testDescription: "unknown key, DELETE",
            method: .delete,
            path: "orders/10?force=true",
            key: "ck_no",
            code: "woocommerce_rest_cannot_delete"
        ),
        Refusal(
            testDescription: "wrong secret",
            secret: "cs_no",
            code: "woocommerce_rest_authentication_error",
            message: "Consumer secret is invalid."
        ),
        Refusal(
            testDescription: "read key, write",
            method: .post,
            path: "orders/0/notes",
            permission: .read,
            code: "woocommerce_rest_authentication_error",
            message: "The API key provided does not have write permissions."
        ),
        Refusal(
            testDescription: "write key, read",
            permission: .write,
            code: "woocommerce_rest_authentication_error",
            message: "The API key provided does not have read permissions."
        ),
        Refusal(testDescription: "no rights", role: "editor", status: 403, code: "woocommerce_rest_cannot_view"),
        Refusal(
            testDescription: "no rights, write",
            method: .post,
            role: "editor",
            status: 403,
            code: "woocommerce_rest_cannot_create"
        ),
        Refusal(
            testDescription: "unknown key, unknown product",
            path: "products/999",
            key: "ck_no",
            status: 404,
            code: "woocommerce_rest_product_invalid_id"
        ),
        Refusal(
            testDescription: "unknown key, unknown coupon",
            path: "coupons/999",
            key: "ck_no",
            status: 404,
            code: "woocommerce_rest_shop_coupon_invalid_id"
        ),
        Refusal(
            testDescription: "write key, probe",
            method: .post,
            path: "orders/0/notes",
            status: 404,
            code: "woocommerce_rest_order_invalid_id"
        ),
    ]

    @Test(arguments: refusals, [WooBench.Access.basic, .query])
    func aBadCredentialHasItsCode(_ fact: Refusal, access: WooBench.Access) async throws {
        var bench = try WooBench()
        let user = try bench.platform.addUser("worker", role: fact.role, in: bench.home)
        bench.key = try bench.platform.issueKey(in: bench.home, permission: fact.permission, for: user)
        if let key = fact.key { bench.key.consumerKey = key }
        if let secret = fact.secret { bench.key.consumerSecret = secret }
        let answer = try await bench.call(fact.method, fact.path, fact.method == .post ? [:] : nil, access: access)
        #expect(answer.status == fact.status)
        #expect(answer.code == fact.code)
        #expect(fact.message.isEmpty || answer.message == fact.message)
        #expect(answer.body["data"]?["status"]?.int64 == Int64(fact.status))
    }

    @Test func basicCountsOnlyOverTLSThatPHPSees() async throws {
        let plain = try WooBench("http://shop.example")
        #expect(try await plain.call(.get, "customers").code == "woocommerce_rest_cannot_view")
        #expect(try await plain.call(.get, "customers", access: .query).code == "woocommerce_rest_cannot_view")
        let hidden = try WooBench { $0.hidesTLS = true }
        #expect(try await hidden.call(.get, "customers").status == 401)
    }

    @Test func aStrippedHeaderIsNobodyAndTheQueryStillCounts() async throws {
        let bench = try WooBench { $0.stripsAuthorization = true }
        #expect(try await bench.call(.get, "customers").code == "woocommerce_rest_cannot_view")
        #expect(try await bench.call(.get, "customers", access: .query).status == 200)
    }

    @Test func theLinkHeaderRepeatsTheSecret() async throws {
        let bench = try WooBench()
        for number in 0..<3 { _ = try await bench.create("orders", ["transaction_id": .string("\(number)")]) }
        let answer = try await bench.call(.get, "orders?per_page=1&page=2", access: .query)
        let links = answer.headers.values(for: "Link")
        #expect(links.count == 2)
        #expect(links[0] == "<https://shop.example/wp-json/>; rel=\"https://api.w.org/\"")
        #expect(links[1].contains("consumer_secret=\(bench.key.consumerSecret)"))
        #expect(links[1].contains("rel=\"prev\"") && links[1].contains("rel=\"next\""))
    }

    @Test(arguments: [("9.9.5", 401), ("11.0", 401), ("11.1", 200)] as [(SimulatedWooCommerce.Version, Int)])
    func plainAddressesRecogniseKeysFromAVersionOn(version: SimulatedWooCommerce.Version, status: Int) async throws {
        let bench = try WooBench {
            $0.version = version; $0.permalinks = .plain
        }
        #expect(try await bench.call(.get, "/?rest_route=/wc/v3/orders").status == status)
        #expect(try await bench.call(.get, "/?rest_route=/wc/v3/orders&_p=wp-json/wc/").status == 200)
        #expect(try await bench.call(.get, "orders").status == 404)
        #expect(try await bench.call(.get, "/index.php/wp-json/wc/v3/orders").status == 404)
    }

    @Test func indexAddressesHelpWhereNothingIsRewritten() async throws {
        let bench = try WooBench { $0.permalinks = .index }
        #expect(try await bench.call(.get, "orders").body == .null)
        #expect(try await bench.call(.get, "/index.php/wp-json/wc/v3/orders").status == 200)
        let page = try await bench.send(.get, "/")
        #expect(page.headers["Link"] == "<https://shop.example/index.php/wp-json/>; rel=\"https://api.w.org/\"")
    }

    @Test func newerShopsRefuseKeysElsewhere() async throws {
        let bench = try WooBench { $0.version = "11.1" }
        let answer = try await bench.call(.get, "/wp-json/wp/v2/posts")
        #expect(answer.status == 401)
        #expect(answer.message == "The provided API key cannot be used to access this endpoint.")
        #expect(try await bench.call(.get, "/wp-json/", access: .none).body["home"] == "https://shop.example")
    }

    @Test func applicationPasswordsCarryTheUsersRights() async throws {
        let bench = try WooBench()
        let (user, password) = try bench.platform.issueApplicationPassword(in: bench.home)
        let pair = Data("\(user):\(password)".utf8).base64EncodedString()
        let answer = try await bench.call(.get, "orders", headers: ["Authorization": "Basic \(pair)"])
        #expect(answer.status == 200)
    }

    @Test func shopsKeepApartAndRedirectOtherHosts() async throws {
        let bench = try WooBench { $0.redirectingHosts = ["www.shop.example"] }
        bench.platform.addShop(SimulatedWooCommerce.Shop(home: "https://shop.example/second"))
        try bench.platform.create("customer", in: "https://shop.example/second", ["email": "b@x.io"])
        #expect(try await bench.call(.get, "customers").ids.isEmpty)
        let second = try await bench.call(.get, "https://shop.example/second/wp-json/wc/v3/customers")
        #expect(second.code == "woocommerce_rest_cannot_view")
        let moved = try await bench.send(.get, "https://www.shop.example/wp-json/wc/v3/orders?page=2")
        #expect(moved.status == 301)
        #expect(moved.headers["Location"] == "https://shop.example/wp-json/wc/v3/orders?page=2")
    }
}
