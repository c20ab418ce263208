// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension WooCommerceProvider {
    /// Returns the page of a shop on which its owner grants a key.
    ///
    /// The owner signs in and agrees; then the shop's server posts the key to `callback`, which must be answered with
    /// exactly 200 within a minute or the shop deletes the key again; and the browser goes to `returning`. The key never
    /// passes through the browser.
    ///
    /// - Parameters:
    ///   - shop: The shop's address, with its sub-directory.
    ///   - application: The name that the page shows.
    ///   - state: An unguessable text, kept until the key comes: nothing else tells who posts it.
    ///   - returning: Where the browser goes.
    ///   - callback: Where the key goes: an https address that the shop's server can reach.
    /// - Returns: The page's address.
    /// - Throws: ``IntegrationError`` with code `invalidInput` if the callback is not https.
    public func keyGrantURL(
        of shop: URL,
        for application: String,
        state: Secret,
        returning: URL,
        callback: URL
    ) throws -> URL {
        var text = shop.absoluteString
        while text.hasSuffix("/") { text.removeLast() }
        let query = [
            ("app_name", application),
            ("scope", "read_write"),
            ("user_id", state.withExposedValue { $0 }),
            ("return_url", returning.absoluteString),
            ("callback_url", callback.absoluteString),
        ]
        let parameters = query.map { "\($0.0)=\(WooCommerceRequests.escape($0.1))" }.joined(separator: "&")
        guard callback.scheme?.lowercased() == "https",
            let url = URL(string: "\(text)/wc-auth/v1/authorize?\(parameters)")
        else {
            throw WooCommerceProvider.error(
                .invalidInput,
                "WooCommerce posts keys to https addresses alone.",
                remedy: LocalizedText("Give the callback an https address.", fr: "Donnez une adresse https au rappel."),
                concerns: .application
            )
        }
        return url
    }
}

extension WooCommerceProvider: GrantReceiving {
    /// Reads a key that a shop's server posted.
    ///
    /// It is not signed: the state names its sender, the connection test its shop.
    public func grant(in request: HTTPRequest, expecting state: Secret) throws -> TokenGrant {
        let json = try JSONValue(parsingAfterNoise: request.body ?? Data())
        let told = Data((json["user_id"]?.idText ?? "").utf8)
        guard !state.isEmpty, state.withExposedValue({ constantTimeEquals(told, Data($0.utf8)) }) else {
            throw WooCommerceProvider.error(
                .deliveryRejected,
                "The posted key does not carry the expected state.",
                concerns: .account
            )
        }
        guard let key = json["consumer_key"]?.string, let secret = json["consumer_secret"]?.string, !key.isEmpty,
            !secret.isEmpty
        else {
            throw WooCommerceProvider.error(.invalidAnswer, "The shop posted no key.", concerns: .account)
        }
        guard json["key_permissions"]?.string == "read_write" else {
            throw WooCommerceProvider.error(
                .forbidden,
                "The shop granted a key that may not read and write.",
                remedy: LocalizedText(
                    "Ask the shop for a key once more.",
                    fr: "Demandez de nouveau une clé à la boutique."
                ),
                retry: .afterSetup,
                concerns: .account
            )
        }
        return TokenGrant(
            credential: Credential(
                method: "keys",
                values: ["consumer_key": Secret(key), "consumer_secret": Secret(secret)]
            )
        )
    }
}
