// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension WooCommerceProvider {
    /// Finds out which shop answers, in which form its key is taken, and what the key may do there.
    public func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        let address = session.account.profile.baseURL
        let (site, isPlain) = try await readSite(at: address, in: session)
        let home = site["home"]?.string ?? site["url"]?.string ?? address.absoluteString
        guard (site["namespaces"]?.array ?? []).contains("wc/v3") else { throw WooCommerceProvider.noShop }
        var requests = WooCommerceRequests(address: address, isPlain: isPlain, signIn: .header)
        let (form, currency) = try await findSignIn(at: home, requests, in: session)
        requests = WooCommerceRequests(address: address, isPlain: isPlain, signIn: form)
        var warnings: [IntegrationError] = []
        if let warning = WooCommerceProvider.moved(home: home, from: address) { warnings.append(warning) }
        var facts: [String: JSONValue] = [
            WooCommerceFact.signIn: .string(form.text),
            WooCommerceFact.routes: isPlain ? "plain" : "pretty",
            WooCommerceFact.home: .string(home),
            // What a slow hour has made smaller starts anew.
            WooCommerceFact.batchSize: .number(JSONNumber(WooCommerceProvider.usualBatch)),
            WooCommerceFact.largestBatch: .number(JSONNumber(WooCommerceProvider.largestBatch)),
        ]
        do {
            let status = try await read(
                try requests.get("system_status", [("_fields", "environment,settings")]),
                in: session
            )
            facts[WooCommerceFact.version] = status["environment"]?["version"]
        } catch let error as IntegrationError where !error.isAboutSignIn {
            // Only speed hangs on it; the report takes seconds in some shops and is closed to some roles.
            warnings.append(error)
        }
        let (access, refusals) = try await probeAccess(requests, in: session)
        facts[WooCommerceFact.listsVariations] = .bool(try await listsVariations(requests, in: session))
        let key = WooCommerceProvider.key(ofHome: home)
        let profile = AccountProfile(
            baseURL: address,
            timeZone: WooCommerceProvider.zone(of: site),
            currencies: [currency].compactMap { $0 },
            keySlots: WooCommerceProvider.keySlots,
            facts: facts
        )
        for (fact, value) in facts { session.learn(fact, value) }
        let name = site["name"]?.string ?? ""
        return ConnectionReport(
            key: key,
            name: name.isEmpty ? key.value : name,
            profile: profile,
            access: access,
            warnings: warnings + refusals
        )
    }

    /// Where our key goes, and what a lost create can promise: nothing has to be made for it in a shop.
    ///
    /// A shop may go on working behind a gateway that has given up, so "absent" is believed late.
    static let keySlots: [RecordKind: KeySlot] = [
        .customer: KeySlot(field: "email", safety: .found, settle: .seconds(180)),
        .order: KeySlot(field: "created_via", safety: .found, settle: .seconds(180)),
        .product: KeySlot(field: "sku", safety: .keyed(for: nil), settle: .seconds(180)),
        .productVariation: KeySlot(field: "sku", safety: .keyed(for: nil), settle: .seconds(180)),
        .note: KeySlot(safety: .marked, settle: .seconds(180)),
    ]

    /// A shop's key: its home without scheme, as its host moves to https sooner or later.
    static func key(ofHome home: String) -> AccountKey {
        let parts = URLComponents(string: home)
        var text = (parts?.host ?? home).lowercased()
        if let port = parts?.port { text += ":\(port)" }
        text += parts?.percentEncodedPath ?? ""
        while text.hasSuffix("/") { text.removeLast() }
        return AccountKey(platform: .wooCommerce, value: text)
    }

    // MARK: The site

    /// Reads what the site tells everybody, at the form of address that it has.
    private func readSite(at address: URL, in session: ProviderSession) async throws -> (JSONValue, isPlain: Bool) {
        var first: IntegrationError?
        for isPlain in [false, true] {
            let requests = WooCommerceRequests(
                address: address,
                isPlain: isPlain,
                signIn: WooCommerceSignIn(usualAt: address)
            )
            do {
                let site = try await read(try requests.index(), in: session)
                if site["namespaces"]?.array != nil { return (site, isPlain) }
                first = first ?? WooCommerceProvider.noShop
            } catch let error as IntegrationError where [.notFound, .invalidAnswer].contains(error.code) {
                first = first ?? error
            }
        }
        throw first ?? WooCommerceProvider.noShop
    }

    static let noShop = error(
        .notFound,
        "WooCommerce’s API does not answer at this address.",
        remedy: LocalizedText(
            "Enter the address of the shop’s home page, and check that WooCommerce is active there.",
            fr: "Saisissez l’adresse de la page d’accueil de la boutique et vérifiez que WooCommerce y est actif."
        ),
        retry: .afterSetup,
        concerns: .account
    )

    private static func moved(home: String, from address: URL) -> IntegrationError? {
        guard key(ofHome: home) != key(ofHome: address.absoluteString) else { return nil }
        return error(
            .addressNotAllowed,
            "The shop calls itself by another address than the one that was entered.",
            remedy: LocalizedText(
                "If requests fail, connect the shop under its own address: \(key(ofHome: home).value).",
                fr:
                    "Si des requêtes échouent, connectez la boutique sous sa propre adresse : \(key(ofHome: home).value)."
            ),
            concerns: .account
        )
    }

    private static func zone(of site: JSONValue) -> String {
        if let zone = site["timezone_string"]?.string, TimeZone(identifier: zone) != nil { return zone }
        guard let hours = site["gmt_offset"]?.idText.flatMap(Double.init), abs(hours) <= 18 else { return "UTC" }
        let minutes = Int((hours * 60).rounded())
        let (whole, part) = (abs(minutes) / 60, abs(minutes) % 60)
        let sign = minutes < 0 ? "-" : "+"
        return minutes == 0 ? "UTC" : "GMT\(sign)\(whole < 10 ? "0" : "")\(whole)\(part < 10 ? "0" : "")\(part)"
    }

    // MARK: The key

    /// Tries the forms of sign-in, the safest first, and returns the one that the shop takes, with its currency.
    private func findSignIn(
        at home: String,
        _ requests: WooCommerceRequests,
        in session: ProviderSession
    ) async throws -> (WooCommerceSignIn, currency: String?) {
        let isEncrypted = requests.address.scheme?.lowercased() == "https"
        // A proxy that ends TLS and does not say so leaves PHP with plain http: it looks at signatures alone.
        let plain = WooCommerceProvider.plain(home)
        // Without pretty addresses nothing but the home is signed, with a slash at its end or without.
        let signed = ([plain] + (requests.isPlain ? [plain + "/"] : [])).map { WooCommerceSignIn.signed(home: $0) }
        var refusal: IntegrationError?
        for form in isEncrypted ? [.header, .query] + signed : signed {
            let own = WooCommerceRequests(address: requests.address, isPlain: requests.isPlain, signIn: form)
            let request = try own.get("data/currencies/current")
            let response = try await sendProbe(request, in: session)
            guard let error = failure(in: response, to: request) else {
                return (form, try WooCommerceBody.json(of: response)["code"]?.string)
            }
            guard error.code == .reauthorizationRequired else { throw error }
            let body = WooCommerceFailure(response)
            // Where the shop knows the key, no other form makes its secret right.
            if !body.isDenial, !signed.contains(form) { throw WooCommerceProvider.wrongSecret(body) }
            refusal =
                !isEncrypted && !body.isDenial
                ? WooCommerceProvider.wrongSignature(body) : WooCommerceProvider.unknownKey(body)
        }
        throw refusal ?? WooCommerceProvider.noShop
    }

    /// Sends a probe; one that may be refused for our clock alone goes once more.
    private func sendProbe(_ request: HTTPRequest, in session: ProviderSession) async throws -> HTTPResponse {
        let before = session.now()
        let response = try await session.send(request)
        guard response.status == 401, WooCommerceSignIn.hasMoved(from: before, to: session.now()) else {
            return response
        }
        return try await session.send(request)
    }

    private static func plain(_ home: String) -> String {
        var home = home.lowercased().hasPrefix("https://") ? "http://" + home.dropFirst("https://".count) : home
        while home.hasSuffix("/") { home.removeLast() }
        return home
    }

    private static func unknownKey(_ body: WooCommerceFailure) -> IntegrationError {
        error(
            .reauthorizationRequired,
            "The shop does not know the consumer key, in whichever form it is sent.",
            remedy: LocalizedText(
                "Copy the key once more, or make a new one under WooCommerce, Settings, Advanced, REST API. A key dies "
                    + "with its user and when it is revoked.",
                fr:
                    "Recopiez la clé ou créez-en une sous WooCommerce, Réglages, Avancé, API REST. Une clé disparaît avec "
                    + "son utilisateur ou quand elle est révoquée."
            ),
            retry: .afterReauthorization,
            concerns: .account,
            status: 401,
            body: body
        )
    }

    private static func wrongSecret(_ body: WooCommerceFailure) -> IntegrationError {
        error(
            .reauthorizationRequired,
            "The shop knows the consumer key, but not with this secret, or the key may not read.",
            remedy: LocalizedText(
                "Enter key and secret of one and the same key, with the permission Read/Write.",
                fr: "Saisissez la clé et le secret d’une seule et même clé, avec la permission Lecture/Écriture."
            ),
            retry: .afterReauthorization,
            concerns: .account,
            status: 401,
            body: body
        )
    }

    private static func wrongSignature(_ body: WooCommerceFailure) -> IntegrationError {
        error(
            .reauthorizationRequired,
            "The shop refuses the signed request: its key, its secret, or the address that the shop calls itself by.",
            remedy: LocalizedText(
                "Check both parts of the key, and that the shop’s address is the WordPress address under Settings, "
                    + "General. A certificate for https makes signatures unnecessary.",
                fr:
                    "Vérifiez les deux parties de la clé et que l’adresse est celle de Réglages, Général dans WordPress. "
                    + "Un certificat https rend les signatures inutiles."
            ),
            retry: .afterReauthorization,
            concerns: .account,
            status: 401,
            body: body
        )
    }

    // MARK: What it may do

    /// Lists one record of each kind, and asks whether the key may write by a note on an order that cannot exist.
    private func probeAccess(_ requests: WooCommerceRequests, in session: ProviderSession) async throws
        -> (access: [RecordKind: KindAccess], warnings: [IntegrationError])
    {
        var access: [RecordKind: KindAccess] = [:]
        var warnings: [IntegrationError] = []
        let covered: [RecordKind: [RecordKind]] = [.product: [.product, .productVariation], .order: [.order, .note]]
        for resource in WooCommerceResource.all where resource.parentPath == nil {
            let kinds = covered[resource.kind] ?? [resource.kind]
            do {
                _ = try await read(
                    try requests.get(resource.path, [("per_page", "1"), ("_fields", "id")]),
                    in: session
                )
                for kind in kinds { access[kind] = .unproven }
            } catch var error as IntegrationError where error.code == .forbidden && error.concerns == .kind {
                error.message = "\(resource.path): \(error.message)"
                for kind in kinds { access[kind] = .denied }
                warnings.append(error)
            }
        }
        let probe = try requests.send(.post, "orders/0/notes", body: ["note": "-"], effect: .read)
        let response = try await sendProbe(probe, in: session)
        let body = WooCommerceFailure(response)
        if response.status == 401, !body.isDenial {
            for kind in access.keys where access[kind] == .unproven { access[kind] = .read }
            warnings.append(
                WooCommerceProvider.error(
                    .forbidden,
                    "The key may only read.",
                    remedy: LocalizedText(
                        "Give the key the permission Read/Write under WooCommerce, Settings, Advanced, REST API, then "
                            + "test the connection.",
                        fr:
                            "Accordez à la clé la permission Lecture/Écriture sous WooCommerce, Réglages, Avancé, API REST, "
                            + "puis testez la connexion."
                    ),
                    retry: .afterSetup,
                    concerns: .account,
                    status: 401,
                    body: body
                )
            )
        }
        return (access, warnings)
    }

    /// Whether the shop lists the variations of all products at once, which it does since its version 10.3.
    private func listsVariations(_ requests: WooCommerceRequests, in session: ProviderSession) async throws -> Bool {
        do {
            _ = try await read(try requests.get("variations", [("per_page", "1"), ("_fields", "id")]), in: session)
            return true
        } catch let error as IntegrationError where error.code == .notFound || error.code == .forbidden {
            return false
        }
    }
}

extension IntegrationError {
    /// Whether the sign-in is the matter, which nothing else makes good.
    fileprivate var isAboutSignIn: Bool { code == .reauthorizationRequired }
}
