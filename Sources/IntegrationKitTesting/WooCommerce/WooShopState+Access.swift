// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Who calls.
struct WooCaller: Sendable {
    var user: WooShopState.User?
    var key: SimulatedWooCommerce.Key?

    static let nobody = WooCaller()

    /// Whether the caller may manage the shop.
    var managesShop: Bool { user?.managesShop ?? false }

    /// The refusal of something that the caller may not do.
    func forbidden(_ code: String, _ message: String) -> WooRefusal {
        WooRefusal(user == nil ? 401 : 403, "woocommerce_rest_cannot_\(code)", message)
    }

    /// Refuses what only those who manage the shop may do.
    func require(_ code: String, _ message: String) throws {
        guard managesShop else { throw forbidden(code, message) }
    }
}

extension WooShopState {
    static func unauthenticated(_ message: String) -> WooRefusal {
        WooRefusal(401, "woocommerce_rest_authentication_error", message)
    }

    /// Finds out who calls.
    mutating func caller(of call: WooCall, _ route: [String], now: Int64) throws -> WooCaller {
        let caller = try authenticated(call, now: now)
        guard let key = caller.key else { return caller }
        if shop.version >= "11.1", route.first?.hasPrefix("wc-") != true, route.first != "wc" {
            throw WooShopState.unauthenticated("The provided API key cannot be used to access this endpoint.")
        }
        let allowed: Bool
        let missing: String
        switch call.method {
        case .get, .head: (allowed, missing) = (key.permission != .write, "read")
        case .options: return caller
        default: (allowed, missing) = (key.permission != .read, "write")
        }
        guard allowed else {
            throw WooShopState.unauthenticated("The API key provided does not have \(missing) permissions.")
        }
        return caller
    }

    private mutating func authenticated(_ call: WooCall, now: Int64) throws -> WooCaller {
        if call.isSecure, let caller = applicationPassword(call) { return caller }
        guard recognisesKeys(call) else { return .nobody }
        if call.isSecure, let caller = try keyAndSecret(call) { return caller }
        return try signedCaller(of: call, now: now)
    }

    /// Whether the shop looks for keys: older ones look for a text in the address.
    private func recognisesKeys(_ call: WooCall) -> Bool {
        let address = call.rawPath + "?" + call.rawQuery
        if address.contains("wp-json/wc/") || address.contains("wp-json/wc-") { return true }
        return shop.version >= "11.1"
    }

    private func basic(_ call: WooCall) -> (name: String, password: String)? {
        guard let header = call.headers["Authorization"], header.lowercased().hasPrefix("basic "),
            let data = Data(base64Encoded: header.dropFirst(6).trimmingCharacters(in: .whitespaces)),
            let text = String(data: data, encoding: .utf8), let colon = text.firstIndex(of: ":")
        else { return nil }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    private func applicationPassword(_ call: WooCall) -> WooCaller? {
        guard let (name, password) = basic(call) else { return nil }
        let user = users.values.first {
            $0.login == name && $0.applicationPasswords.contains(password.filter { $0 != " " })
        }
        return user.map { WooCaller(user: $0, key: nil) }
    }

    private func keyAndSecret(_ call: WooCall) throws -> WooCaller? {
        var pair = basic(call)
        if let key = call.query["consumer_key"]?.string, let secret = call.query["consumer_secret"]?.string,
            !key.isEmpty, !secret.isEmpty
        {
            pair = (key, secret)
        }
        guard let (name, secret) = pair, !name.isEmpty, !secret.isEmpty,
            let key = keys.first(where: { $0.consumerKey == name })
        else { return nil }
        guard key.consumerSecret == secret else {
            throw WooShopState.unauthenticated("Consumer secret is invalid.")
        }
        return WooCaller(user: users[key.userID], key: key)
    }
}
