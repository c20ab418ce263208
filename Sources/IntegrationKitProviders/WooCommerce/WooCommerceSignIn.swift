// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// How a shop's key is attached to a request.
enum WooCommerceSignIn: Hashable, Sendable {
    /// In the `Authorization` header; https only.
    case header
    /// In the address, for servers that take the header away; https only. The shop's access log then shows the key.
    case query
    /// By a signature under OAuth 1.0a, which plain http needs.
    ///
    /// The home address is the shop's own, whatever name it was called by, with the scheme that its PHP sees: behind a
    /// proxy that ends TLS that is `http` although we speak https.
    case signed(home: String)

    /// The form that an account's shop takes, as far as is known.
    init(of account: ConnectedAccount) {
        let known = account.profile.facts[WooCommerceFact.signIn]?.string.flatMap(WooCommerceSignIn.init(text:))
        self = known ?? WooCommerceSignIn(usualAt: account.profile.baseURL)
    }

    /// The form to begin with at an address.
    init(usualAt address: URL) {
        self = address.scheme?.lowercased() == "http" ? .signed(home: address.absoluteString) : .header
    }

    /// Reads a form from its text.
    init?(text: String) {
        switch text {
        case "basic": self = .header
        case "query": self = .query
        default:
            guard text.hasPrefix("oauth ") else { return nil }
            self = .signed(home: String(text.dropFirst("oauth ".count)))
        }
    }

    /// The form's text, as it is stored.
    var text: String {
        switch self {
        case .header: "basic"
        case .query: "query"
        case .signed(let home): "oauth \(home)"
        }
    }

    /// Whether a clock was corrected so far that a signature made before is worth repeating.
    static func hasMoved(from before: Date, to after: Date) -> Bool {
        abs(after.timeIntervalSince(before)) > 120
    }

    /// Attaches a key to a request.
    ///
    /// - Throws: ``IntegrationError`` if the credential has no key, or the key would travel in clear.
    func attach(_ credential: Credential, to request: inout HTTPRequest, at date: Date, nonce: String) throws {
        let key = try credential.require("consumer_key").withExposedValue { $0 }
        let secret = try credential.require("consumer_secret").withExposedValue { $0 }
        let isEncrypted = request.url.scheme?.lowercased() == "https"
        guard isEncrypted || self != .header && self != .query else {
            throw IntegrationError(
                .addressNotAllowed,
                "The shop’s key would travel without encryption.",
                remedy: LocalizedText(
                    "Test the connection; over plain http requests must be signed.",
                    fr: "Testez la connexion ; en http simple, les requêtes doivent être signées."
                ),
                retry: .afterSetup,
                concerns: .account
            )
        }
        switch self {
        case .header:
            request.headers["Authorization"] = "Basic \(Data("\(key):\(secret)".utf8).base64EncodedString())"
        case .query:
            try WooCommerceRequests.add([("consumer_key", key), ("consumer_secret", secret)], to: &request)
        case .signed(let home):
            let own = [
                ("oauth_consumer_key", key),
                ("oauth_nonce", nonce),
                ("oauth_signature_method", "HMAC-SHA256"),
                ("oauth_timestamp", String(Int64(date.timeIntervalSince1970.rounded(.down)))),
            ]
            let signature = WooCommerceSignature(
                method: request.method,
                url: WooCommerceSignature.url(of: request.url, home: home),
                parameters: WooCommerceRequests.parameters(of: request.url) + own
            )
            try WooCommerceRequests.add(own + [("oauth_signature", signature.value(secret: secret))], to: &request)
        }
    }
}

/// A signature under OAuth 1.0a without a token.
struct WooCommerceSignature: Sendable {
    /// The text that is signed.
    let base: String

    /// Composes the text.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - url: The address without its query, as the shop sees itself.
    ///   - parameters: All parameters of the query, decoded; a JSON body is not signed.
    init(method: HTTPMethod, url: String, parameters: [(name: String, value: String)]) {
        let pairs = parameters.map { (WooCommerceRequests.escape($0.name), WooCommerceRequests.escape($0.value)) }
        let sorted = pairs.sorted { left, right in
            left.0 == right.0
                ? left.1.utf8.lexicographicallyPrecedes(right.1.utf8)
                : left.0.utf8.lexicographicallyPrecedes(right.0.utf8)
        }
        let joined = sorted.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        base = [method.rawValue, WooCommerceRequests.escape(url), WooCommerceRequests.escape(joined)]
            .joined(separator: "&")
    }

    /// Signs the text.
    ///
    /// - Parameters:
    ///   - secret: The consumer secret.
    ///   - isSHA1: Whether the older digest is used.
    /// - Returns: The signature in base64, not yet escaped.
    func value(secret: String, isSHA1: Bool = false) -> String {
        let (message, key) = (Data(base.utf8), Data("\(secret)&".utf8))
        return (isSHA1 ? Hashing.hmacSHA1(message, key: key) : Hashing.hmacSHA256(message, key: key))
            .base64EncodedString()
    }

    /// The address that the shop signs: its home address and what stands behind the home's path in the request.
    ///
    /// Where nothing does, the home's own last slash counts, or that there is none.
    static func url(of request: URL, home: String) -> String {
        var trimmed = home
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        let root = URLComponents(string: trimmed)?.percentEncodedPath ?? ""
        let path = URLComponents(url: request, resolvingAgainstBaseURL: false)?.percentEncodedPath ?? ""
        let rest = path.hasPrefix("\(root)/") ? path.dropFirst(root.count + 1) : path.drop { $0 == "/" }
        return rest.isEmpty ? home : "\(trimmed)/\(rest)"
    }
}
