// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@testable import IntegrationKitProviders

@Suite struct WooCommerceSignInTests {
    private static let secret = "cs_" + String(repeating: "b2", count: 20)
    private static let key = "ck_" + String(repeating: "a1", count: 20)
    private let credential = Credential(
        method: "keys",
        values: ["consumer_key": Secret(key), "consumer_secret": Secret(secret)]
    )

    /// Four requests, each signed by WooCommerce's own rules.
    struct Vector: Sendable, CustomTestStringConvertible {
        var method: HTTPMethod
        var path: String
        var parameters: [(name: String, value: String)]
        var isSHA1 = false
        var signature: String
        var testDescription: String { "\(method.rawValue) \(path)" }
    }

    static let vectors: [Vector] = [
        Vector(
            method: .get,
            path: "orders",
            parameters: [("per_page", "2"), ("modified_after", "2026-11-23T02:00:24"), ("dates_are_gmt", "true")],
            signature: "JOkBSyO4YSoQF5UBdTeEEBGLSylTECNRDcvtwcwONXc="
        ),
        Vector(
            method: .post,
            path: "customers",
            parameters: [],
            signature: "G1ZHdEPwMD52X5CywhbhtIvbRCr1KCzRhWJahkQAShE="
        ),
        Vector(
            method: .get,
            path: "customers",
            parameters: [("search", "a b+c/d~e'é"), ("include[0]", "2"), ("include[1]", "4")],
            signature: "XDw/S4tH8pi4HIljm/HcT0dRDS5V1F9i7vnLIm/HkvE="
        ),
        Vector(
            method: .get,
            path: "products",
            parameters: [("sku", "MUG-1")],
            isSHA1: true,
            signature: "rJYf4oHFc3HJrJo2UeilpB9BO8U="
        ),
    ]

    @Test(arguments: vectors)
    func `A signature is the one that WooCommerce computes`(vector: Vector) {
        let own = [
            ("oauth_timestamp", "1700000000"), ("oauth_consumer_key", Self.key),
            ("oauth_signature_method", vector.isSHA1 ? "HMAC-SHA1" : "HMAC-SHA256"),
            ("oauth_nonce", "0123456789abcdef0123456789abcdef"),
        ]
        let signature = WooCommerceSignature(
            method: vector.method,
            url: "http://shop.example.test/wp-json/wc/v3/\(vector.path)",
            parameters: vector.parameters + own
        )
        #expect(signature.value(secret: Self.secret, isSHA1: vector.isSHA1) == vector.signature)
    }

    private func signed(_ text: String, form: String, nonce: String = "0123456789abcdef0123456789abcdef") throws
        -> HTTPRequest
    {
        var request = HTTPRequest(.get, try #require(URL(string: text)), signInForm: form)
        let context = SigningContext(account: .shop(), now: Date(timeIntervalSince1970: 1_700_000_000), nonce: nonce)
        try WooCommerceProvider().authorize(&request, with: credential, in: context)
        return request
    }

    @Test func `A request over plain http carries its signature in the address, and no header`() throws {
        let request = try signed(
            "http://shop.example.test/wp-json/wc/v3/orders?per_page=2&modified_after=2026-11-23T02%3A00%3A24&dates_are_gmt=true",
            form: "oauth http://shop.example.test"
        )
        #expect(
            request.url.absoluteString
                == "http://shop.example.test/wp-json/wc/v3/orders?per_page=2&modified_after=2026-11-23T02%3A00%3A24"
                + "&dates_are_gmt=true&oauth_consumer_key=\(Self.key)&oauth_nonce=0123456789abcdef0123456789abcdef"
                + "&oauth_signature_method=HMAC-SHA256&oauth_timestamp=1700000000"
                + "&oauth_signature=JOkBSyO4YSoQF5UBdTeEEBGLSylTECNRDcvtwcwONXc%3D"
        )
        #expect(request.headers["Authorization"] == nil)
        #expect(!request.url.absoluteString.contains(Self.secret))
    }

    @Test(
        "The signed address is the shop's own, whatever it was called by",
        arguments: [
            (
                "https://www.shop.example/wp-json/wc/v3/orders?a=1", "http://shop.example",
                "http://shop.example/wp-json/wc/v3/orders"
            ),
            (
                "https://shop.example/sub/wp-json/wc/v3/orders", "http://shop.example/sub/",
                "http://shop.example/sub/wp-json/wc/v3/orders"
            ),
            (
                "http://shop.example:8080/?rest_route=/wc/v3/orders", "http://shop.example:8080",
                "http://shop.example:8080"
            ),
            ("http://shop.example/?rest_route=/wc/v3/orders", "http://shop.example/", "http://shop.example/"),
            (
                "http://shop.example/shop/wp-json/wc/v3/orders/", "http://shop.example/shop",
                "http://shop.example/shop/wp-json/wc/v3/orders/"
            ),
        ]
    )
    func signedAddress(request: String, home: String, expected: String) throws {
        #expect(WooCommerceSignature.url(of: try #require(URL(string: request)), home: home) == expected)
    }

    @Test func `Over https the key goes into the header, or into the address where the header is taken away`() throws {
        let header = try signed("https://shop.example/wp-json/wc/v3/orders", form: "basic")
        let pair = Data("\(Self.key):\(Self.secret)".utf8).base64EncodedString()
        #expect(header.headers["Authorization"] == "Basic \(pair)")
        let query = try signed("https://shop.example/wp-json/wc/v3/orders?page=2", form: "query")
        #expect(
            query.url.absoluteString
                == "https://shop.example/wp-json/wc/v3/orders?page=2&consumer_key=\(Self.key)&consumer_secret=\(Self.secret)"
        )
        #expect(query.headers["Authorization"] == nil)
    }

    @Test(arguments: ["basic", "query"])
    func `A key never travels in clear`(form: String) throws {
        let error = #expect(throws: IntegrationError.self) { try signed("http://shop.example/", form: form) }
        #expect(error?.code == .addressNotAllowed)
        #expect(error?.description.contains(Self.secret) == false)
    }

    @Test(arguments: ["basic", "query", "oauth http://shop.example/sub"])
    func `A form of sign-in is remembered by its text`(text: String) {
        #expect(WooCommerceSignIn(text: text)?.text == text)
    }

    @Test func `Without anything known https begins with the header and plain http with a signature`() {
        #expect(WooCommerceSignIn(of: .shop()) == .header)
        #expect(WooCommerceSignIn(of: .shop("http://shop.example")) == .signed(home: "http://shop.example"))
        #expect(WooCommerceSignIn(of: .shop(facts: ["sign-in": "query"])) == .query)
    }

    @Test func `A read whose signature was made by a wrong clock goes once more by the shop's own`() async throws {
        let desk = Desk.shop
        let account = ConnectedAccount.shop("http://shop.example", facts: ["sign-in": "oauth http://shop.example"])
        let provider = WooCommerceProvider()
        let session = desk.session(account) { [desk] _ in
            guard desk.requests.count == 1 else { return .shop("[]") }
            desk.clock.withLock { $0 += 3_600 }
            return .refusal(401, "woocommerce_rest_authentication_error")
        }
        let results = try await provider.fetchRecords([], fields: [], in: session)
        #expect(results.isEmpty)
        let streams = provider.streams(for: .order, of: account)
        _ = try await provider.changes(in: streams[0], matching: ChangeQuery(), in: session)
        #expect(desk.requests.count == 2)
    }

    @Test func `A read whose header was taken away goes by the address, and the shop is remembered so`() async throws {
        let desk = Desk.shop
        let provider = WooCommerceProvider()
        let session = desk.session { request in
            request.signInForm == "query" ? .shop("[]") : .refusal(401, "woocommerce_rest_cannot_view")
        }
        let stream = provider.streams(for: .customer, of: .shop())[0]
        _ = try await provider.changes(in: stream, matching: ChangeQuery(), in: session)
        #expect(desk.learned["sign-in"] == "query")
        let write = RecordWrite.shop(.update, .customer, target: RemoteID(.customer, "2"), fields: ["first_name": "A"])
        let outcome = try await provider.push(WriteBatch(writes: [write], safety: .found), in: session)
        #expect(outcome.map(name) == ["notAttempted reauthorization-required afterReauthorization"])
    }

    @Test func `A write whose signature was made by a wrong clock had no effect and goes again`() async throws {
        let desk = Desk.shop
        let account = ConnectedAccount.shop("http://shop.example", facts: ["sign-in": "oauth http://shop.example"])
        let session = desk.session(account) { [desk] _ in
            desk.clock.withLock { $0 += 3_600 }
            return .refusal(401, "woocommerce_rest_authentication_error")
        }
        let write = RecordWrite.shop(.update, .customer, target: RemoteID(.customer, "2"), fields: ["first_name": "A"])
        let outcome = try await WooCommerceProvider().push(WriteBatch(writes: [write], safety: .found), in: session)
        #expect(outcome.map { name($0).prefix(24) } == ["notAttempted unavailable"])
    }
}
