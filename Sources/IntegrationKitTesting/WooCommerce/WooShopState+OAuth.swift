// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// How long a signature is accepted and its nonce remembered, in seconds.
    private static let window: Int64 = 900

    /// Checks a signature of OAuth 1.0a; nobody, if there is none.
    mutating func signedCaller(of call: WooCall, now: Int64) throws -> WooCaller {
        let parameters = try signedParameters(of: call)
        guard let parameters else { return .nobody }
        let name = parameters["oauth_consumer_key"]?.string ?? ""
        guard let key = keys.first(where: { $0.consumerKey == name }) else {
            throw WooShopState.unauthenticated("Consumer key is invalid.")
        }
        try checkSignature(of: call, parameters, key)
        try checkNonce(parameters, key, now: clock(now) / 1000)
        return WooCaller(user: users[key.userID], key: key)
    }

    /// The parameters of the query, a form and the header together; nil if none belongs to OAuth.
    private func signedParameters(of call: WooCall) throws -> JSONObject? {
        var parameters = call.query
        if call.wireMethod == .post, call.isForm {
            for member in PHP.parameters(String(decoding: call.body, as: UTF8.self)).members {
                parameters[member.key] = member.value
            }
        }
        if let header = call.headers["Authorization"], header.lowercased().hasPrefix("oauth ") {
            for part in header.dropFirst(6).split(separator: ",") {
                let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                guard pair.count == 2 else { continue }
                let value = pair[1].trimmingCharacters(in: CharacterSet(charactersIn: "\""))
                parameters[pair[0]] = .string(value.removingPercentEncoding ?? value)
            }
        }
        let needed = [
            "oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method",
        ]
        let missing = needed.filter { (parameters[$0]?.string ?? "").isEmpty }
        if missing.count == needed.count { return nil }
        guard missing.isEmpty else {
            throw WooRefusal(
                401,
                "woocommerce_rest_authentication_missing_parameter",
                "Missing OAuth parameter\(missing.count == 1 ? "" : "s") \(missing.joined(separator: ", "))"
            )
        }
        return parameters
    }

    private func checkSignature(
        of call: WooCall,
        _ parameters: JSONObject,
        _ key: SimulatedWooCommerce.Key
    ) throws {
        let given = parameters["oauth_signature"]?.string?.replacing(" ", with: "+") ?? ""
        let base = Data(baseString(of: call, parameters).utf8)
        let secret = Data((key.consumerSecret + "&").utf8)
        let signature: Data
        switch parameters["oauth_signature_method"]?.string {
        case "HMAC-SHA256": signature = Hashing.hmacSHA256(base, key: secret)
        case "HMAC-SHA1": signature = Hashing.hmacSHA1(base, key: secret)
        default: throw WooShopState.unauthenticated("Invalid signature - signature method is invalid.")
        }
        guard signature.base64EncodedString() == given else {
            throw WooShopState.unauthenticated("Invalid signature - provided signature does not match.")
        }
    }

    /// What is signed: the shop's home address stands for the host that was called.
    private func baseString(of call: WooCall, _ parameters: JSONObject) -> String {
        let path = String(call.rawPath.dropFirst(site.directory.count))
        let address = site.address(call.isSecure ? "https" : "http", path: path)
        var signed = parameters
        signed["oauth_signature"] = nil
        let sorted = signed.members.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
        let pairs = sorted.flatMap { WooShopState.pairs(PHP.encoded($0.key), $0.value) }
        return "\(call.wireMethod.rawValue)&\(PHP.encoded(address))&" + pairs.joined(separator: "%26")
    }

    private static func pairs(_ name: String, _ value: JSONValue) -> [String] {
        if let object = value.object {
            return object.members.flatMap { pairs("\(name)%5B\(PHP.encoded($0.key))%5D", $0.value) }
        }
        return [PHP.encoded("\(name)=\(PHP.encoded(value.string ?? ""))")]
    }

    /// Accepts one nonce a second, and each only once.
    private mutating func checkNonce(
        _ parameters: JSONObject,
        _ key: SimulatedWooCommerce.Key,
        now: Int64
    ) throws {
        let second = parameters["oauth_timestamp"]?.int64 ?? 0
        let nonce = parameters["oauth_nonce"]?.string ?? ""
        guard abs(second - now) <= WooShopState.window else {
            throw WooShopState.unauthenticated("Invalid timestamp.")
        }
        var used = nonces[key.id] ?? [:]
        guard !used.values.contains(nonce) else {
            throw WooShopState.unauthenticated("Invalid nonce - nonce has already been used.")
        }
        used[second] = nonce
        nonces[key.id] = used.filter { $0.key >= now - WooShopState.window }
    }
}
