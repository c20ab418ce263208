// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooOAuthTests {
    static let secret = "cs_" + String(repeating: "b2", count: 20)
    static let consumer = "ck_" + String(repeating: "a1", count: 20)
    static let common =
        "oauth_consumer_key=\(consumer)&oauth_timestamp=1700000000"
        + "&oauth_nonce=0123456789abcdef0123456789abcdef"

    struct Vector: Sendable {
        var method = HTTPMethod.get
        var path: String
        var query = ""
        var algorithm = "HMAC-SHA256"
        var signature: String
        var status = 200
    }

    /// Requests with the signatures that WooCommerce itself accepts.
    static let vectors = [
        Vector(
            path: "orders",
            query: "per_page=2&modified_after=2026-11-23T02:00:24&dates_are_gmt=true",
            signature: "JOkBSyO4YSoQF5UBdTeEEBGLSylTECNRDcvtwcwONXc="
        ),
        Vector(
            method: .post,
            path: "customers",
            signature: "G1ZHdEPwMD52X5CywhbhtIvbRCr1KCzRhWJahkQAShE=",
            status: 201
        ),
        Vector(
            path: "customers",
            query: "search=a%20b%2Bc%2Fd~e%27%C3%A9&include%5B0%5D=2&include%5B1%5D=4",
            signature: "XDw/S4tH8pi4HIljm/HcT0dRDS5V1F9i7vnLIm/HkvE="
        ),
        Vector(
            path: "products",
            query: "sku=MUG-1",
            algorithm: "HMAC-SHA1",
            signature: "rJYf4oHFc3HJrJo2UeilpB9BO8U="
        ),
    ]

    private func bench(_ home: String = "http://shop.example.test") throws -> WooBench {
        let bench = try WooBench(home)
        bench.clock.setWall(Date(timeIntervalSince1970: 1_700_000_000))
        try bench.platform.addKey(
            SimulatedWooCommerce.Key(
                id: 77,
                consumerKey: WooOAuthTests.consumer,
                consumerSecret: WooOAuthTests.secret,
                permission: .readWrite,
                userID: 1
            ),
            in: home
        )
        return bench
    }

    private func ask(_ bench: WooBench, _ vector: Vector, header: Bool = false) async throws -> WooBench.Answer {
        let signature = vector.signature.replacing("+", with: "%2B").replacing("/", with: "%2F")
            .replacing("=", with: "%3D")
        let signed =
            WooOAuthTests.common + "&oauth_signature_method=\(vector.algorithm)&oauth_signature=\(signature)"
        let body: JSONValue? = vector.method == .post ? ["email": "ada@example.test"] : nil
        guard header else {
            let query = vector.query.isEmpty ? signed : vector.query + "&" + signed
            return try await bench.call(vector.method, "\(vector.path)?\(query)", body, access: .none)
        }
        let fields = signed.split(separator: "&").map {
            let pair = $0.split(separator: "=", maxSplits: 1)
            return "\(pair[0])=\"\(pair[1])\""
        }
        return try await bench.call(
            vector.method,
            vector.query.isEmpty ? vector.path : "\(vector.path)?\(vector.query)",
            body,
            access: .none,
            headers: ["Authorization": "OAuth " + fields.joined(separator: ", ")]
        )
    }

    @Test(arguments: vectors, [false, true]) func acceptsWhatWooCommerceAccepts(
        _ vector: Vector,
        header: Bool
    ) async throws {
        let answer = try await ask(try bench(), vector, header: header)
        #expect(answer.status == vector.status, "\(answer.message)")
    }

    @Test(arguments: vectors) func refusesAnythingElse(_ vector: Vector) async throws {
        let message = "Invalid signature - provided signature does not match."
        for change in 0..<3 {
            var other = vector
            if change == 0 { other.method = vector.method == .get ? .head : .put }
            if change == 1 { other.query += "&page=1" }
            if change == 2 { other.path += "/" }
            let bench = try bench()
            let answer = try await ask(bench, other)
            #expect(answer.status == 401)
            #expect(answer.message == message || answer.body == .null)
        }
        let elsewhere = try bench("http://shop.example.test:8080")
        #expect(try await ask(elsewhere, vector).message == message)
    }

    @Test func aNonceCountsOnce() async throws {
        let bench = try bench()
        #expect(try await ask(bench, WooOAuthTests.vectors[0]).status == 200)
        let again = try await ask(bench, WooOAuthTests.vectors[0])
        #expect(again.code == "woocommerce_rest_authentication_error")
        #expect(again.message == "Invalid nonce - nonce has already been used.")
    }

    @Test(arguments: [(-900, 200), (900, 200), (-901, 401), (901, 401)]) func theClockMayDiffer(
        seconds: Int,
        status: Int
    ) async throws {
        let bench = try bench()
        bench.platform.configureShop(bench.home) { $0.clockOffset = .seconds(seconds) }
        let answer = try await ask(bench, WooOAuthTests.vectors[0])
        #expect(answer.status == status)
        #expect(status == 200 || answer.message == "Invalid timestamp.")
        let shopClock = HTTPResponse(status: 200, headers: answer.headers).date
        #expect(shopClock == Date(timeIntervalSince1970: 1_700_000_000 + Double(seconds)))
    }

    @Test func badSignaturesHaveTheirMessages() async throws {
        let bench = try bench()
        let sha512 = WooOAuthTests.common + "&oauth_signature_method=HMAC-SHA512&oauth_signature=x"
        let method = try await bench.call(.get, "orders?\(sha512)", access: .none)
        #expect(method.message == "Invalid signature - signature method is invalid.")
        let missing = try await bench.call(.get, "orders?oauth_consumer_key=ck_x", access: .none)
        #expect(missing.code == "woocommerce_rest_authentication_missing_parameter")
        let unknown = try await bench.call(
            .get,
            "orders?oauth_consumer_key=ck_x&oauth_timestamp=1&oauth_nonce=1&oauth_signature=1"
                + "&oauth_signature_method=HMAC-SHA256",
            access: .none
        )
        #expect(unknown.message == "Consumer key is invalid.")
    }

    /// A signature as a client makes it, over the parameters exactly as they are written.
    private func sign(_ url: String, _ pairs: [(String, String)]) -> String {
        func encoded(_ text: String) -> String {
            let allowed = CharacterSet(
                charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
            )
            return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
        }
        let all =
            pairs + [
                ("oauth_consumer_key", WooOAuthTests.consumer), ("oauth_nonce", "n"),
                ("oauth_signature_method", "HMAC-SHA256"), ("oauth_timestamp", "1700000000"),
            ]
        let joined = all.sorted { $0.0 < $1.0 }.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
        let base = "GET&\(encoded(url))&\(encoded(joined))"
        let key = Data((WooOAuthTests.secret + "&").utf8)
        let signature = Hashing.hmacSHA256(Data(base.utf8), key: key).base64EncodedString()
        return (all + [("oauth_signature", signature)]).map { "\(encoded($0.0))=\(encoded($0.1))" }
            .joined(separator: "&")
    }

    @Test(
        arguments: [
            ("include", "2,4", 200), ("include[0]", "2", 200), ("include[]", "2", 401), ("a.b", "1", 401),
            ("a b", "1", 401),
        ]
    )
    func namesThatPHPRewritesFail(name: String, value: String, status: Int) async throws {
        let bench = try bench()
        let query = sign("http://shop.example.test/wp-json/wc/v3/orders", [(name, value)])
        #expect(try await bench.call(.get, "orders?\(query)", access: .none).status == status)
    }

    @Test(
        arguments: [
            ("http://shop.example:8080/store", false, "http://shop.example:8080/store"),
            ("https://shop.example", false, "https://shop.example"),
            ("https://shop.example", true, "http://shop.example"),
        ]
    )
    func theHomeAddressIsSigned(home: String, hidesTLS: Bool, signed: String) async throws {
        let bench = try bench(home)
        bench.platform.configureShop(home) { $0.hidesTLS = hidesTLS }
        let query = sign(signed + "/wp-json/wc/v3/orders", [])
        #expect(try await bench.call(.get, "orders?\(query)", access: .none).status == 200)
    }
}
