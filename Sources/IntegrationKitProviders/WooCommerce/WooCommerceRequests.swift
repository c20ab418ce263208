// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What WooCommerce calls a kind.
struct WooCommerceResource: Hashable, Sendable {
    /// The kind.
    let kind: RecordKind
    /// The name of the list in paths; for kinds that are addressed through another record, the name behind it.
    let path: String
    /// The list of the record that it is addressed through.
    let parentPath: String?
    /// The name in webhooks.
    let topic: String?

    /// All kinds that are carried.
    static let all: [WooCommerceResource] = [
        WooCommerceResource(kind: .customer, path: "customers", parentPath: nil, topic: "customer"),
        WooCommerceResource(kind: .order, path: "orders", parentPath: nil, topic: "order"),
        WooCommerceResource(kind: .product, path: "products", parentPath: nil, topic: "product"),
        WooCommerceResource(kind: .productVariation, path: "variations", parentPath: "products", topic: nil),
        WooCommerceResource(kind: .note, path: "notes", parentPath: "orders", topic: nil),
    ]

    /// Returns the resource of a kind.
    static func of(_ kind: RecordKind) throws -> WooCommerceResource {
        guard let resource = all.first(where: { $0.kind == kind }) else {
            throw IntegrationError(
                .unsupported,
                "WooCommerce has no kind \(kind.rawValue) here.",
                retry: .afterSetup,
                concerns: .kind,
                context: IntegrationError.Context(platform: PlatformID.wooCommerce.rawValue)
            )
        }
        return resource
    }

    /// The path of the list that a record stands in.
    ///
    /// - Parameter parent: The id of the record that it is addressed through.
    /// - Returns: The path; nil if the parent is needed and not given.
    func list(under parent: String?) -> String? {
        guard let parentPath else { return path }
        return parent.map { "\(parentPath)/\($0)/\(path)" }
    }

    /// Whether a record goes to a trash that it can come back from.
    var hasTrash: Bool { kind == .order || kind == .product || kind == .productVariation }
}

/// Makes the requests to one shop.
struct WooCommerceRequests: Sendable {
    /// The shop's address.
    let address: URL
    /// Whether addresses carry the route in the query, since the shop has no pretty ones.
    let isPlain: Bool
    /// How the key is attached.
    let signIn: WooCommerceSignIn

    /// One parameter of a query.
    typealias Parameter = (name: String, value: String)

    /// Makes a request that reads; stored answers are not wanted.
    func get(_ path: String, _ query: [Parameter] = []) throws -> HTTPRequest {
        try request(.get, "wc/v3/\(path)", query + [("_skip_cache", "true")])
    }

    /// Makes a request with a JSON body.
    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ query: [Parameter] = [],
        body: JSONValue? = nil,
        effect: HTTPRequest.Effect = .write
    ) throws -> HTTPRequest {
        try request(method, "wc/v3/\(path)", query, body: body, effect: effect)
    }

    /// Makes a request that asks for the schema of a list.
    func schema(_ path: String) throws -> HTTPRequest { try request(.options, "wc/v3/\(path)", []) }

    /// Makes the request for what a site tells everybody about itself.
    func index() throws -> HTTPRequest {
        let fields = "name,url,home,gmt_offset,timezone_string,namespaces"
        var request = try request(.get, "", [("_fields", fields)])
        request.carriesCredential = false
        return request
    }

    private func request(
        _ method: HTTPMethod,
        _ route: String,
        _ query: [Parameter],
        body: JSONValue? = nil,
        effect: HTTPRequest.Effect? = nil
    ) throws -> HTTPRequest {
        var text = address.absoluteString
        while text.hasSuffix("/") { text.removeLast() }
        var query = query
        if isPlain {
            text += "/"
            // Before its version 11.1 WooCommerce takes keys only where the address holds this text.
            let mark: [Parameter] = route.isEmpty ? [] : [("_p", "wp-json/wc/")]
            query = [("rest_route", "/\(route)")] + mark + query
        } else {
            text += "/wp-json/\(route)"
        }
        if !query.isEmpty { text += "?\(WooCommerceRequests.text(of: query))" }
        guard let url = URL(string: text) else {
            throw IntegrationError(.invalidInput, "The address of \(route) cannot be built.", concerns: .kind)
        }
        var headers: HTTPHeaders = ["Accept": "application/json"]
        if body != nil { headers["Content-Type"] = "application/json" }
        return HTTPRequest(
            method,
            url,
            headers: headers,
            body: body?.data,
            effect: effect,
            spend: [Spend(WooCommerceBudget.parallel)],
            signInForm: signIn.text
        )
    }

    // MARK: Queries

    /// Adds parameters to a request's address.
    static func add(_ parameters: [Parameter], to request: inout HTTPRequest) throws {
        let address = request.url.absoluteString
        let more = text(of: parameters)
        guard let url = URL(string: address + (address.contains("?") ? "&" : "?") + more) else {
            throw IntegrationError(.invalidInput, "The request cannot be signed.", concerns: .account)
        }
        request.url = url
    }

    /// The parameters of an address, decoded and in order.
    static func parameters(of url: URL) -> [Parameter] {
        let query = URLComponents(url: url, resolvingAgainstBaseURL: false)?.percentEncodedQuery ?? ""
        return query.split(separator: "&").map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = halves.map { String($0).removingPercentEncoding ?? String($0) }
            return (decoded[0], decoded.count > 1 ? decoded[1] : "")
        }
    }

    private static func text(of query: [Parameter]) -> String {
        query.map { "\(escape($0.name))=\(escape($0.value, besides: "/,"))" }.joined(separator: "&")
    }

    /// Escapes all but what RFC 3986 calls unreserved.
    static func escape(_ text: String, besides more: String = "") -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~\(more)".utf8)
        return text.utf8.map { byte in
            guard !plain.contains(byte) else { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return byte < 16 ? "%0\(digits)" : "%\(digits)"
        }.joined()
    }

    /// Writes a moment as WooCommerce's filters need it beside `dates_are_gmt`: UTC, and no zone behind it.
    static func filter(_ date: Date) -> String {
        let whole = Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
        return String(ISO8601.string(from: whole).prefix(19))
    }
}
