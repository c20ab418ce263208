// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct WooCommerceAccountTests {
    private let provider = WooCommerceProvider()
    private let desk = Desk.shop

    private static let site = #"""
        {"name":"Mugs & more","url":"https://shop.example","home":"https://shop.example","gmt_offset":"1",
        "timezone_string":"Europe/Berlin","namespaces":["wp/v2","wc/v3"]}
        """#

    /// What stands in front of a shop and how it is set up.
    struct Trap: Sendable {
        var site = WooCommerceAccountTests.site
        /// The form of sign-in that the shop takes; nil: it knows no such key.
        var takes: String? = "basic"
        var isPlain = false
        var isReadOnly = false
        var refusal = "woocommerce_rest_cannot_view"
        var signedRefusal = "woocommerce_rest_authentication_error"

        func answer(_ request: HTTPRequest) -> HTTPResponse {
            let address = request.url.absoluteString
            let isRoute = address.contains("rest_route=")
            guard isRoute == isPlain else { return .shop("<html>not found</html>", status: 404) }
            let route = isPlain ? address : request.url.path
            if !route.contains("/wc/v3") { return .shop(site) }
            guard request.signInForm == takes else {
                return .refusal(401, request.signInForm?.hasPrefix("oauth") == true ? signedRefusal : refusal)
            }
            if route.contains("currencies") { return .shop(#"{"code":"EUR","name":"Euro","symbol":"&euro;"}"#) }
            if route.contains("system_status") { return .shop(#"{"environment":{"version":"9.9.5"},"settings":{}}"#) }
            if route.contains("variations") { return .refusal(404, "rest_no_route") }
            if route.contains("orders/0/notes") {
                return isReadOnly
                    ? .refusal(401, "woocommerce_rest_authentication_error")
                    : .refusal(404, "woocommerce_rest_order_invalid_id")
            }
            return .shop("[]")
        }
    }

    private func verify(_ trap: Trap, at address: String = "https://shop.example") async throws -> ConnectionReport {
        var blank = ConnectedAccount.shop(address)
        blank.key.value = ""
        return try await provider.verifyConnection(in: desk.session(blank) { trap.answer($0) })
    }

    @Test func `A shop is known by its home, and how its key is taken is remembered`() async throws {
        let report = try await verify(Trap())
        #expect(report.key == AccountKey(platform: .wooCommerce, value: "shop.example"))
        #expect(report.name == "Mugs & more")
        #expect(report.profile.timeZone == "Europe/Berlin")
        #expect(report.profile.currencies == ["EUR"])
        #expect(report.profile.facts["sign-in"] == "basic")
        #expect(report.profile.facts["routes"] == "pretty")
        #expect(report.profile.facts["version"] == "9.9.5")
        #expect(report.profile.facts["variations"] == false)
        #expect(Set(report.access.values) == [.unproven])
        #expect(Set(report.access.keys) == [.customer, .order, .note, .product, .productVariation])
        #expect(report.warnings.isEmpty)
        #expect(desk.requests.allSatisfy { $0.effect == .read })
        #expect(desk.requests[0].carriesCredential == false)
    }

    @Test(
        "The form of sign-in that a shop takes is found",
        arguments: [
            ("query", "https://shop.example"), ("oauth http://shop.example", "https://shop.example"),
            ("oauth http://shop.example", "http://shop.example"),
        ]
    )
    func forms(form: String, address: String) async throws {
        let report = try await verify(Trap(takes: form), at: address)
        #expect(report.profile.facts["sign-in"] == .string(form))
    }

    @Test func `A shop without pretty addresses is reached by the query, signed with the slash that it wants`()
        async throws
    {
        #expect(try await verify(Trap(isPlain: true)).profile.facts["routes"] == "plain")
        let report = try await verify(
            Trap(takes: "oauth http://shop.example/", isPlain: true),
            at: "http://shop.example"
        )
        #expect(report.profile.facts["sign-in"] == "oauth http://shop.example/")
    }

    @Test func `A key that may only read is told, and nothing is written`() async throws {
        let report = try await verify(Trap(isReadOnly: true))
        #expect(Set(report.access.values) == [.read])
        #expect(report.warnings.map(\.code) == [.forbidden])
        #expect(report.warnings[0].remedy.text(in: "en").contains("Read/Write"))
    }

    @Test(
        "What is wrong with a key is told",
        arguments: [
            (Trap(takes: nil), "https://shop.example", "does not know the consumer key"),
            (
                Trap(takes: nil, refusal: "woocommerce_rest_authentication_error"), "https://shop.example",
                "not with this secret"
            ),
            (Trap(takes: nil), "http://shop.example", "refuses the signed request"),
        ]
    )
    func wrongKeys(trap: Trap, address: String, words: String) async throws {
        let error = await #expect(throws: IntegrationError.self) { try await verify(trap, at: address) }
        #expect(error?.code == .reauthorizationRequired)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.remedy.texts["fr"] != nil)
    }

    @Test func `A site without WooCommerce, and an address without a site, are told from each other's traps`()
        async throws
    {
        let blog = Trap(site: #"{"name":"Blog","home":"https://shop.example","namespaces":["wp/v2"]}"#)
        var error = await #expect(throws: IntegrationError.self) { try await verify(blog) }
        #expect(error?.code == .notFound)
        #expect(error?.remedy.text(in: "en").contains("WooCommerce is active") == true)
        let session = desk.session(.shop()) { _ in .shop("<html>", status: 404) }
        error = await #expect(throws: IntegrationError.self) { try await provider.verifyConnection(in: session) }
        #expect(error?.code == .notFound)
    }

    @Test func `A shop that calls itself otherwise is known by its own name, with a word about it`() async throws {
        let site = Self.site.replacing("https://shop.example", with: "https://www.mugs.example/shop/")
        let report = try await verify(Trap(site: site))
        #expect(report.key.value == "www.mugs.example/shop")
        #expect(report.warnings.count == 1)
    }

    @Test(arguments: [
        ("", "5.5", "GMT+0530"), ("", "-3", "GMT-0300"), ("", "0", "UTC"), ("America/Lima", "0", "America/Lima"),
    ])
    func `A shop's time zone may be a bare offset`(name: String, offset: String, zone: String) async throws {
        let site = Self.site.replacing("Europe/Berlin", with: name).replacing(
            #""gmt_offset":"1""#,
            with: #""gmt_offset":\#(offset)"#
        )
        let report = try await verify(Trap(site: site))
        #expect(report.profile.timeZone == zone)
        #expect(TimeZone(identifier: zone) != nil)
    }

    // MARK: Keys that a shop grants

    @Test func `The page on which a key is granted names all that WooCommerce asks for`() throws {
        let url = try provider.keyGrantURL(
            of: #require(URL(string: "https://shop.example/sub/")),
            for: "My App",
            state: "st 1&",
            returning: #require(URL(string: "myapp://back?x=1")),
            callback: #require(URL(string: "https://host.example/keys"))
        )
        #expect(
            url.absoluteString
                == "https://shop.example/sub/wc-auth/v1/authorize?app_name=My%20App&scope=read_write&user_id=st%201%26"
                + "&return_url=myapp%3A%2F%2Fback%3Fx%3D1&callback_url=https%3A%2F%2Fhost.example%2Fkeys"
        )
        #expect(throws: IntegrationError.self) {
            try provider.keyGrantURL(
                of: url,
                for: "x",
                state: "s",
                returning: url,
                callback: #require(URL(string: "http://host.example/keys"))
            )
        }
    }

    private func posted(_ json: String) throws -> HTTPRequest {
        HTTPRequest(.post, try #require(URL(string: "https://host.example/keys")), body: Data(json.utf8))
    }

    @Test func `A posted key is taken if it carries our state and may write`() throws {
        let body =
            #"{"key_id":5,"user_id":"u-77","consumer_key":"ck_1","consumer_secret":"cs_1","key_permissions":"read_write"}"#
        let grant = try provider.grant(in: posted(body), expecting: "u-77")
        #expect(grant.credential.method == "keys")
        #expect(grant.credential["consumer_key"] == "ck_1")
        #expect(grant.credential["consumer_secret"] == "cs_1")
        for (forged, state) in [
            (body, "u-78"), (body, ""), (body.replacing("read_write", with: "read"), "u-77"), ("{}", "u-77"),
        ] {
            #expect(throws: IntegrationError.self) {
                try provider.grant(in: posted(forged), expecting: Secret(state))
            }
        }
    }

    // MARK: Fields and settings

    private static let schema = #"""
        {"namespace":"wc/v3","methods":["GET","POST"],"schema":{"properties":{
        "id":{"type":"integer","readonly":true},"status":{"type":"string","enum":["auto-draft","pending","processing","packed"]},
        "total":{"type":"string","readonly":true},"customer_id":{"type":"integer"},
        "billing":{"type":"object","properties":{"email":{"type":"string","format":"email"},"company":{"type":"string"}}},
        "line_items":{"type":"array"},"date_created_gmt":{"type":"date-time","readonly":true},"meta_data":{"type":"array"}}}}
        """#

    @Test func `Fields come from the shop's schema, and its own ones from recent records`() async throws {
        let session = desk.session { request in
            request.method == .options
                ? .shop(Self.schema)
                : .shop(#"[{"id":2,"meta_data":[{"key":"_internal","value":"1"},{"key":"gift_note","value":"x"}]}]"#)
        }
        let fields = try await provider.fetchFields(of: .order, in: session)
        #expect(
            fields.map(\.name.rawValue) == [
                "id", "status", "total", "customer_id", "billing.email", "billing.company", "line_items",
                "date_created_gmt", "meta.gift_note",
            ]
        )
        let types = Dictionary(uniqueKeysWithValues: fields.map { ($0.name.rawValue, $0.type) })
        #expect(types["total"] == .money)
        #expect(types["status"] == .option)
        #expect(types["line_items"] == .json)
        #expect(types["date_created_gmt"] == .instant)
        #expect(fields.filter { !$0.isWritable }.map(\.name) == ["id", "total", "date_created_gmt"])
        #expect(fields.last?.isCustom == true)
    }

    @Test func `New orders get a status of the shop's own list, by default the one that does nothing`() async throws {
        let session = desk.session(answer: { _ in .shop(Self.schema) })
        let settings = try await provider.fetchSettings(in: session)
        #expect(settings.map(\.id) == ["order.status"])
        #expect(settings[0].options.map(\.value) == ["pending", "processing", "packed"])
        #expect(settings[0].defaultValue == "pending")
        #expect(desk.lines == ["OPTIONS /wp-json/wc/v3/orders"])
    }

    @Test func `A form with an address and both parts of a key is valid; half a key is not`() throws {
        let form = ["store_url": "Shop.example/", "consumer_key": "ck_1", "consumer_secret": "cs_2"]
        #expect(try provider.descriptor.validate(form).method == "keys")
        for key in ["consumer_key", "consumer_secret"] {
            var half = form
            half[key] = nil
            #expect(throws: IntegrationError.self) { try provider.descriptor.validate(half) }
            half[key] = "pasted wrong"
            #expect(throws: IntegrationError.self) { try provider.descriptor.validate(half) }
        }
    }
}
