// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// Reads bodies that may stand behind a byte order mark or the warnings of a chatty server.
enum WooCommerceBody {
    /// Reads an answer's JSON.
    static func json(of response: HTTPResponse) throws -> JSONValue {
        try JSONValue(parsingAfterNoise: response.body)
    }

    /// Whether an answer holds JSON.
    ///
    /// What begins as JSON is parsed only where it is read; what begins as something else must prove that JSON follows.
    static func holdsJSON(_ response: HTTPResponse) -> Bool {
        let first = response.body.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return true }
        return (try? json(of: response)) != nil
    }
}

/// The body of a WooCommerce error, or the error of one item of a batch.
struct WooCommerceFailure: Sendable {
    /// WooCommerce's own code; nil: the answer is not WooCommerce's.
    let code: String?
    /// The status that the error names, which a batch puts on each item.
    let status: Int?
    /// The record that holds the key, where it is named.
    let holder: String?
    /// The parameters that are named.
    let parameters: [String]

    /// Reads an error.
    init(_ json: JSONValue) {
        let data = json["data"]
        code = json["code"]?.string
        status = data?["status"]?.int64.map(Int.init)
        holder = data?["resource_id"]?.idText.flatMap { $0 == "0" || $0.isEmpty ? nil : $0 }
        parameters = data?["params"]?.object?.keys ?? data?["params"]?.array?.compactMap(\.string) ?? []
    }

    /// Reads an answer's body; an unreadable one tells nothing.
    init(_ response: HTTPResponse) {
        self.init((try? WooCommerceBody.json(of: response)) ?? .null)
    }

    /// Whether the record is not there; WooCommerce says so with 404, and with 400 where it was to be changed.
    var isNotFound: Bool {
        code.map { $0.hasSuffix("_invalid_id") || $0 == "woocommerce_rest_already_trashed" } ?? false
    }

    /// Whether no key was recognised, or its user may not do this.
    var isDenial: Bool { code?.hasPrefix("woocommerce_rest_cannot_") ?? false }

    /// Whether another record holds the natural key.
    var isHeld: Bool {
        let codes: Set<String> = [
            "registration-error-email-exists", "existing_user_email", "woocommerce_rest_customer_invalid_email",
            "product_invalid_sku", "product_invalid_global_unique_id",
        ]
        return code.map(codes.contains) ?? false
    }

    /// Whether a record in the trash holds the SKU, or one that was made in this very moment.
    var isHeldUnseen: Bool { code == "woocommerce_rest_product_not_created" }

    /// Whether two people registered under one name in the same moment; the shop picks another name the next time.
    var isNameRace: Bool {
        code == "existing_user_login" || code == "registration-error-username-exists"
    }
}

extension WooCommerceProvider {
    /// Judges an answer by its status, then by WooCommerce's code; never by its message, which is translated.
    public func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        if response.isSuccess {
            guard !WooCommerceBody.holdsJSON(response) else { return nil }
            return WooCommerceProvider.error(
                .invalidAnswer,
                "The shop answered \(response.status) without readable JSON.",
                remedy: LocalizedText(
                    "Look at the shop’s address in a browser: a plugin, cache or firewall answers in place of WooCommerce.",
                    fr: "Ouvrez l’adresse de la boutique : une extension, un cache ou un pare-feu répond à la place de "
                        + "WooCommerce."
                ),
                retry: .after(nil),
                concerns: .account,
                mayHaveHappened: request.effect == .write,
                status: response.status
            )
        }
        let body = WooCommerceFailure(response)
        switch response.status {
        case 300..<400: return redirected(response)
        case 401: return unauthorized(body)
        case 403: return forbidden(body)
        case 404, 410: return missing(response.status, body)
        case 413:
            return WooCommerceProvider.error(
                .refused,
                "The shop does not take so many records in one call.",
                retry: .smaller,
                concerns: .kind,
                status: 413,
                body: body
            )
        case 429:
            return WooCommerceProvider.error(
                .limited,
                "The shop’s server asks for a pause.",
                retry: .after(response.retryAfter ?? .seconds(10)),
                concerns: .account,
                budget: WooCommerceBudget.parallel,
                status: 429,
                body: body
            )
        case 400, 402, 405, 409, 422: return refusal(body, status: response.status)
        case 501:
            return WooCommerceProvider.error(.unsupported, "The shop cannot do this.", status: 501, body: body)
        default: return unavailable(response, to: request, body)
        }
    }

    /// Judges a refusal of one record, alone or in a batch, without repeating its content.
    func refusal(_ body: WooCommerceFailure, status: Int) -> IntegrationError {
        if body.isNotFound {
            return WooCommerceProvider.error(.gone, "The shop has no such record.", status: status, body: body)
        }
        if body.isHeld {
            return WooCommerceProvider.error(
                .conflict,
                "Another record of the shop has this e-mail address or SKU.",
                remedy: LocalizedText(
                    "Correct the value here or in the shop, then replay.",
                    fr: "Corrigez la valeur ici ou dans la boutique, puis relancez."
                ),
                status: status,
                body: body
            )
        }
        if body.isHeldUnseen {
            return WooCommerceProvider.error(
                .conflict,
                "The shop keeps this SKU for a product that its lists do not show, most likely one in the trash.",
                remedy: LocalizedText(
                    "In WooCommerce open Products, Trash: restore the product or delete it permanently, then replay.",
                    fr: "Dans WooCommerce, ouvrez Produits, Corbeille : rétablissez le produit ou supprimez-le "
                        + "définitivement, puis relancez."
                ),
                retry: .after(.seconds(30)),
                status: status,
                body: body
            )
        }
        if body.isNameRace {
            return WooCommerceProvider.error(
                .conflict,
                "Two customers were registered under one user name in the same moment.",
                remedy: LocalizedText(
                    "Nothing to do: it will be tried again.",
                    fr: "Rien à faire : un nouvel essai suivra."
                ),
                retry: .after(.seconds(2)),
                status: status,
                body: body
            )
        }
        let named = body.parameters.isEmpty ? "" : " (\(body.parameters.joined(separator: ", ")))"
        // A parameter that WooCommerce misses or cannot read in one record it misses or cannot read in all.
        let concernsMapping = body.code == "rest_missing_callback_param"
        return WooCommerceProvider.error(
            .refused,
            "WooCommerce refused the record: \(body.code ?? "no reason given")\(named).",
            remedy: LocalizedText(
                "Correct the named fields\(named), or their mapping.",
                fr: "Corrigez les champs nommés\(named), ou leur association."
            ),
            retry: concernsMapping ? .afterSetup : .never,
            concerns: concernsMapping ? .kind : .record,
            status: status,
            body: body
        )
    }

    private func redirected(_ response: HTTPResponse) -> IntegrationError {
        let target = response.headers["Location"].flatMap { URL(string: $0) }
        let place = target?.host(percentEncoded: false).map { "\(target?.scheme ?? "https")://\($0)" }
        let named = place ?? "another address"
        return WooCommerceProvider.error(
            .addressNotAllowed,
            "The shop sends requests on to \(named); a key is never sent after them.",
            remedy: LocalizedText(
                "Connect the shop under \(named), exactly as the browser shows it.",
                fr:
                    "Connectez la boutique sous \(place ?? "l’autre adresse"), exactement comme le navigateur l’affiche."
            ),
            retry: .afterSetup,
            concerns: .account,
            status: response.status
        )
    }

    private func unauthorized(_ body: WooCommerceFailure) -> IntegrationError {
        guard body.code != nil else {
            return WooCommerceProvider.error(
                .forbidden,
                "Something in front of the shop asks for a password.",
                remedy: LocalizedText(
                    "Ask the shop’s host to let /wp-json/ through without the site’s own password.",
                    fr: "Demandez à l’hébergeur de laisser passer /wp-json/ sans le mot de passe du site."
                ),
                retry: .after(.seconds(300)),
                concerns: .account,
                status: 401,
                body: body
            )
        }
        return WooCommerceProvider.error(
            .reauthorizationRequired,
            body.isDenial
                ? "The shop does not know the key."
                : "The shop knows the key and refuses its secret, signature or permission.",
            remedy: LocalizedText(
                "In WooCommerce open Settings, Advanced, REST API: check that the key is there and has Read/Write "
                    + "permission, or make a new one and enter both of its parts.",
                fr:
                    "Dans WooCommerce, ouvrez Réglages, Avancé, API REST : vérifiez que la clé existe et a la permission "
                    + "Lecture/Écriture, ou créez-en une et saisissez ses deux parties."
            ),
            retry: .afterReauthorization,
            concerns: .account,
            status: 401,
            body: body
        )
    }

    private func forbidden(_ body: WooCommerceFailure) -> IntegrationError {
        guard body.code != nil else {
            return WooCommerceProvider.error(
                .forbidden,
                "A firewall in front of the shop refuses the call.",
                remedy: LocalizedText(
                    "Ask the shop’s host to allow calls of this server to /wp-json/wc/v3/.",
                    fr: "Demandez à l’hébergeur d’autoriser les appels de ce serveur vers /wp-json/wc/v3/."
                ),
                retry: .after(.seconds(300)),
                concerns: .account,
                status: 403,
                body: body
            )
        }
        return WooCommerceProvider.error(
            .forbidden,
            "The key’s user may not do this in the shop.",
            remedy: LocalizedText(
                "Give the key to a user with the role Administrator or Shop manager.",
                fr: "Attribuez la clé à un utilisateur ayant le rôle Administrateur ou Gestionnaire de boutique."
            ),
            retry: .afterSetup,
            concerns: .kind,
            status: 403,
            body: body
        )
    }

    private func missing(_ status: Int, _ body: WooCommerceFailure) -> IntegrationError {
        if body.isNotFound {
            return WooCommerceProvider.error(.gone, "The shop has no such record.", status: status, body: body)
        }
        return WooCommerceProvider.error(
            .notFound,
            body.code == nil
                ? "There is no WooCommerce at this address." : "The shop has no such route: \(body.code ?? "-").",
            remedy: LocalizedText(
                "Check the shop’s address, that WooCommerce is active and up to date, and save Settings, Permalinks once.",
                fr: "Vérifiez l’adresse de la boutique, que WooCommerce est actif et à jour, et enregistrez une fois "
                    + "Réglages, Permaliens."
            ),
            retry: .afterSetup,
            concerns: body.code == nil ? .account : .kind,
            status: status,
            body: body
        )
    }

    private func unavailable(
        _ response: HTTPResponse,
        to request: HTTPRequest,
        _ body: WooCommerceFailure
    ) -> IntegrationError {
        // Maintenance ends a request before WooCommerce is loaded.
        let isMaintenance = response.status == 503 && body.code == "wp_die"
        return WooCommerceProvider.error(
            response.status >= 500 || response.status == 408 ? .unavailable : .invalidAnswer,
            isMaintenance
                ? "The shop is under maintenance." : "The shop’s server answered \(response.status).",
            remedy: LocalizedText(
                "Nothing to do: it will be tried again. If it goes on, ask the shop’s host.",
                fr: "Rien à faire : un nouvel essai suivra. Si cela persiste, demandez à l’hébergeur de la boutique."
            ),
            retry: .after(response.retryAfter),
            concerns: .account,
            mayHaveHappened: request.effect == .write && !isMaintenance,
            budget: WooCommerceProvider.isOverloaded(response.status) && !isMaintenance
                ? WooCommerceBudget.parallel : nil,
            status: response.status,
            body: body
        )
    }

    /// Whether a status tells that the shop's server, or a gateway before it, could not keep up.
    static func isOverloaded(_ status: Int) -> Bool { [408, 502, 503, 504, 508, 524].contains(status) }

    /// Makes an error.
    static func error(
        _ code: IntegrationError.Code,
        _ message: String,
        remedy: LocalizedText = LocalizedText(),
        retry: IntegrationError.RetryAdvice = .never,
        concerns: IntegrationError.Concern = .record,
        mayHaveHappened: Bool = false,
        budget: String? = nil,
        status: Int? = nil,
        fields: [String] = [],
        body: WooCommerceFailure? = nil
    ) -> IntegrationError {
        IntegrationError(
            code,
            message,
            remedy: remedy,
            retry: retry,
            concerns: concerns,
            mayHaveHappened: mayHaveHappened,
            budget: budget,
            context: IntegrationError.Context(
                platform: PlatformID.wooCommerce.rawValue,
                status: status,
                platformCode: body?.code,
                fields: fields.isEmpty ? body?.parameters ?? [] : fields
            )
        )
    }
}
