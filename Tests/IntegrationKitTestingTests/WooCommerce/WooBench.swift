// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// One simulated shop with a key, and calls that return what came back.
struct WooBench {
    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var body: JSONValue

        var code: String? { body["code"]?.string }
        var message: String { body["message"]?.string ?? "" }
        var id: Int64 { body["id"]?.int64 ?? 0 }
        var ids: [Int64] { (body.array ?? []).compactMap { $0["id"]?.int64 } }
    }

    /// How a call carries the key.
    enum Access {
        case basic, query, none
    }

    let home: String
    let clock = ManualClock()
    let platform: SimulatedWooCommerce
    var key: SimulatedWooCommerce.Key

    init(
        _ home: String = "https://shop.example",
        seed: UInt64 = 1,
        configure: (inout SimulatedWooCommerce.Shop) -> Void = { _ in }
    ) throws {
        self.home = home
        platform = SimulatedWooCommerce(seed: seed, time: clock.timeSource)
        var shop = SimulatedWooCommerce.Shop(home: home)
        configure(&shop)
        platform.addShop(shop)
        key = try platform.issueKey(in: home)
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: Data? = nil,
        headers: HTTPHeaders = ["Accept": "application/json"]
    ) async throws -> HTTPResponse {
        let url = try #require(URL(string: path.hasPrefix("http") ? path : home + path))
        return try await platform.send(
            HTTPRequest(method, url, headers: headers, body: body),
            context: OperationContext(platform: "woocommerce", operation: "test")
        )
    }

    func call(
        _ method: HTTPMethod,
        _ path: String,
        _ body: JSONValue? = nil,
        access: Access = .basic,
        headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var path = path.hasPrefix("/") || path.hasPrefix("http") ? path : "/wp-json/wc/v3/" + path
        var fields = headers
        fields["Accept"] = "application/json"
        if body != nil { fields["Content-Type"] = "application/json" }
        switch access {
        case .basic:
            let pair = Data("\(key.consumerKey):\(key.consumerSecret)".utf8).base64EncodedString()
            fields["Authorization"] = fields["Authorization"] ?? "Basic \(pair)"
        case .query:
            path +=
                (path.contains("?") ? "&" : "?")
                + "consumer_key=\(key.consumerKey)&consumer_secret=\(key.consumerSecret)"
        case .none: break
        }
        let response = try await send(method, path, body?.data, headers: fields)
        let isJSON = response.headers["Content-Type"]?.hasPrefix("application/json") ?? false
        return Answer(
            status: response.status,
            headers: response.headers,
            body: isJSON && !response.body.isEmpty ? try JSONValue(parsing: response.body) : .null
        )
    }

    /// Creates a record through the API and returns its id.
    func create(_ path: String, _ body: JSONValue) async throws -> Int64 {
        let answer = try await call(.post, path, body)
        try #require(answer.status == 201, "\(answer.code ?? ""): \(answer.message)")
        return answer.id
    }
}
