// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct WooCommerceErrorTests {
    private let provider = WooCommerceProvider()

    private func request(_ method: HTTPMethod = .post) throws -> HTTPRequest {
        HTTPRequest(method, try #require(URL(string: "https://shop.example/wp-json/wc/v3/orders")))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var status: Int
        var body: String
        var code: IntegrationError.Code
        var retry: IntegrationError.RetryAdvice
        var concerns: IntegrationError.Concern
        var testDescription: String { "\(status) \(body.prefix(60))" }

        init(
            _ status: Int,
            _ body: String,
            _ code: IntegrationError.Code,
            _ retry: IntegrationError.RetryAdvice,
            _ concerns: IntegrationError.Concern
        ) {
            self.status = status
            self.body = body.hasPrefix("<") || body.isEmpty ? body : #"{"code":"\#(body)","message":"x","data":null}"#
            self.code = code
            self.retry = retry
            self.concerns = concerns
        }
    }

    static let cases: [Case] = [
        Case(301, "<html>", .addressNotAllowed, .afterSetup, .account),
        Case(400, "rest_invalid_param", .refused, .never, .record),
        Case(400, "rest_missing_callback_param", .refused, .afterSetup, .kind),
        Case(400, "woocommerce_rest_invalid_customer_id", .refused, .never, .record),
        Case(400, "woocommerce_rest_required_product_reference", .refused, .never, .record),
        Case(400, "woocommerce_rest_invalid_id", .gone, .never, .record),
        Case(400, "woocommerce_rest_shop_order_invalid_id", .gone, .never, .record),
        Case(400, "registration-error-email-exists", .conflict, .never, .record),
        Case(400, "existing_user_email", .conflict, .never, .record),
        Case(400, "existing_user_login", .conflict, .after(.seconds(2)), .record),
        Case(400, "registration-error-username-exists", .conflict, .after(.seconds(2)), .record),
        Case(400, "product_invalid_sku", .conflict, .never, .record),
        Case(400, "woocommerce_rest_product_not_created", .conflict, .after(.seconds(30)), .record),
        Case(401, "woocommerce_rest_cannot_view", .reauthorizationRequired, .afterReauthorization, .account),
        Case(401, "woocommerce_rest_authentication_error", .reauthorizationRequired, .afterReauthorization, .account),
        Case(401, "<html>", .forbidden, .after(.seconds(300)), .account),
        Case(403, "woocommerce_rest_cannot_edit", .forbidden, .afterSetup, .kind),
        Case(403, "<html>", .forbidden, .after(.seconds(300)), .account),
        Case(404, "woocommerce_rest_product_invalid_id", .gone, .never, .record),
        Case(404, "rest_no_route", .notFound, .afterSetup, .kind),
        Case(404, "<html>", .notFound, .afterSetup, .account),
        Case(408, "", .unavailable, .after(nil), .account),
        Case(410, "woocommerce_rest_already_trashed", .gone, .never, .record),
        Case(413, "woocommerce_rest_request_entity_too_large", .refused, .smaller, .kind),
        Case(429, "<html>", .limited, .after(.seconds(10)), .account),
        Case(500, "internal_server_error", .unavailable, .after(nil), .account),
        Case(501, "woocommerce_rest_trash_not_supported", .unsupported, .never, .record),
        Case(502, "<html>", .unavailable, .after(nil), .account),
        Case(503, "wp_die", .unavailable, .after(nil), .account),
        Case(504, "", .unavailable, .after(nil), .account),
        Case(524, "<html>", .unavailable, .after(nil), .account),
    ]

    @Test(arguments: cases)
    func `An answer means what its status and code say`(answer: Case) throws {
        let error = try #require(provider.failure(in: .shop(answer.body, status: answer.status), to: request()))
        #expect(error.code == answer.code)
        #expect(error.retry == answer.retry)
        #expect(error.concerns == answer.concerns)
        #expect(error.remedy.texts["fr"] != nil || [.gone, .unsupported, .limited, .refused].contains(error.code))
    }

    @Test(arguments: [
        (500, true), (502, true), (503, true), (504, true), (408, true), (400, false), (401, false), (429, false),
        (301, false),
    ])
    func `Whether a write may have happened is said of each status`(status: Int, isPossible: Bool) throws {
        let answer = HTTPResponse.shop("", status: status)
        #expect(provider.failure(in: answer, to: try request())?.mayHaveHappened == isPossible)
        #expect(provider.failure(in: answer, to: try request(.get))?.mayHaveHappened == false)
    }

    @Test func `A shop under maintenance did nothing, and says how long it takes`() throws {
        let body =
            #"{"code":"wp_die","message":"Briefly unavailable for scheduled maintenance.","data":{"status":503}}"#
        let error = try #require(
            provider.failure(in: .shop(body, status: 503, headers: ["Retry-After": "600"]), to: request())
        )
        #expect(error.retry == .after(.seconds(600)))
        #expect(!error.mayHaveHappened)
    }

    @Test(arguments: [
        "\u{FEFF}[]", "<br />\n<b>Warning</b>: Undefined variable $x in /plugin.php on line 3<br />\n{\"id\":2}",
        "[{}]",
        " \n{}",
    ])
    func `JSON behind noise is a success`(body: String) throws {
        #expect(provider.failure(in: .shop(body), to: try request()) == nil)
    }

    @Test(arguments: ["", "<html><body>{maintenance}</body></html>", "OK", "<script>var a = [1</script>"])
    func `What is no JSON is no success, and a write may have happened`(body: String) throws {
        let error = try #require(provider.failure(in: .shop(body), to: try request()))
        #expect(error.code == .invalidAnswer)
        #expect(error.mayHaveHappened)
    }

    @Test func `A refusal names the fields and no content`() throws {
        let body = #"""
            {"code":"rest_invalid_param","message":"Invalid parameter(s): billing","data":{"status":400,
            "params":{"billing":"ada@example.test is wrong"},"details":{}}}
            """#
        let error = try #require(provider.failure(in: .shop(body, status: 400), to: try request()))
        #expect(error.context.fields == ["billing"])
        #expect(!"\(error)".contains("ada@"))
    }

    @Test func `A redirect names where to, without its query`() throws {
        let answer = HTTPResponse(
            status: 301,
            headers: ["Location": "https://www.shop.example/wp-json/wc/v3/orders?consumer_secret=cs_1"]
        )
        let error = try #require(provider.failure(in: answer, to: try request(.get)))
        #expect(error.message.contains("https://www.shop.example"))
        #expect(!"\(error)".contains("cs_1"))
    }
}
