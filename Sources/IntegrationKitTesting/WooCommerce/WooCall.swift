// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A request as WordPress reads it.
struct WooCall: Sendable {
    /// The method on the wire.
    var wireMethod: HTTPMethod
    /// The method after an override.
    var method: HTTPMethod
    var headers: HTTPHeaders
    var body: Data
    /// The path as it was sent, with the shop's directory.
    var rawPath: String
    var rawQuery: String
    var query: JSONObject
    /// The parts of the route behind the API's root; nil: a page of the site.
    var route: [String]?
    /// Whether PHP sees TLS.
    var isSecure: Bool
    var isForm: Bool
    var isJSON: Bool

    init(_ request: HTTPRequest, shop: SimulatedWooCommerce.Shop, directory: String) {
        let components = URLComponents(url: request.url, resolvingAgainstBaseURL: true)
        rawPath = components?.percentEncodedPath ?? "/"
        if rawPath.isEmpty { rawPath = "/" }
        rawQuery = components?.percentEncodedQuery ?? ""
        query = PHP.parameters(rawQuery)
        headers = request.headers
        body = request.body ?? Data()
        wireMethod = request.method
        let override = query["_method"]?.string ?? headers["X-HTTP-Method-Override"]
        method = override.map { HTTPMethod(rawValue: $0.uppercased()) } ?? request.method
        isSecure = request.url.scheme == "https" && !shop.hidesTLS
        let type = headers["Content-Type"]?.lowercased() ?? ""
        isForm = type.hasPrefix("application/x-www-form-urlencoded")
        isJSON = type.hasPrefix("application/json")
        if shop.stripsAuthorization { headers["Authorization"] = nil }
        route = WooCall.route(path: String(rawPath.dropFirst(directory.count)), query: query, shop.permalinks)
    }

    private static func route(
        path: String,
        query: JSONObject,
        _ permalinks: SimulatedWooCommerce.Permalinks
    ) -> [String]? {
        func parts(_ text: some StringProtocol) -> [String] {
            text.split(separator: "/").map { String($0).removingPercentEncoding ?? String($0) }
        }
        if let route = query["rest_route"]?.string, path == "/" || path == "" || path == "/index.php" {
            return parts(route)
        }
        let prefixes: [String] =
            switch permalinks {
            case .pretty: ["/wp-json", "/index.php/wp-json"]
            case .index: ["/index.php/wp-json"]
            case .plain: []
            }
        for prefix in prefixes where path == prefix || path.hasPrefix(prefix + "/") {
            return parts(path.dropFirst(prefix.count))
        }
        return nil
    }

    /// Whether the caller is answered with JSON even where WordPress fails.
    var wantsJSON: Bool { headers["Accept"]?.contains("application/json") ?? false || isJSON }

    /// The endpoint with ids left out, such as `GET orders/{id}/notes`.
    var endpoint: String {
        guard let route else { return "\(method.rawValue) \(rawPath)" }
        let parts = route.starts(with: ["wc", "v3"]) ? Array(route.dropFirst(2)) : route
        return "\(method.rawValue) " + parts.map { Int64($0) == nil ? $0 : "{id}" }.joined(separator: "/")
    }

    /// The members of the body.
    func members() throws -> JSONObject {
        if isForm { return PHP.parameters(String(decoding: body, as: UTF8.self)) }
        guard isJSON, !body.isEmpty else { return [:] }
        do {
            return try JSONValue(parsing: body).object ?? [:]
        } catch {
            throw WooRefusal(
                400,
                "rest_invalid_json",
                "Invalid JSON body passed.",
                data: ["status": 400, "json_error_code": 4, "json_error_message": "Syntax error"]
            )
        }
    }

    /// All parameters: the body's win over the query's.
    func parameters() throws -> JSONObject {
        var all = query
        for member in try members().members { all[member.key] = member.value }
        return all
    }
}

/// Who writes, when, and under which rules.
struct WooTurn: Sendable {
    /// In milliseconds since 1970.
    var milliseconds: Int64
    var source: SimulatedWooCommerce.Effect.Source
    /// The user who acts.
    var userID: Int64 = 1
    /// Whether this is an item of a batch.
    var isBatch = false

    /// In whole seconds.
    var now: Int64 { milliseconds / 1000 }
}
