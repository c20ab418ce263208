// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

extension PlatformID {
    /// WooCommerce.
    public static let wooCommerce = PlatformID(rawValue: "woocommerce")
}

extension IntegrationProvider where Self == WooCommerceProvider {
    /// WooCommerce shops, each at its own address.
    public static var wooCommerce: WooCommerceProvider { WooCommerceProvider() }
}

/// WooCommerce shops: customers, orders, products, variations and order notes.
///
/// Each shop is a server of its own, with its own version, plugins and firewall. What is known about them stands in one
/// file per question:
///
/// | File | Answers |
/// |---|---|
/// | `WooCommerceDescriptor` | what a settings screen shows: kinds, sign-in, default routes and mappings |
/// | `WooCommerceSignIn` | the three ways to attach a key, and the signature for plain http |
/// | `WooCommerceRequests` | paths, both forms of addresses, what a call spends |
/// | `WooCommercePayloads`, `WooCommerceFields`, `WooCommerceLines` | how values and records are written on the wire |
/// | `WooCommercePush`, `WooCommerceOutcomes` | how writes are batched, sent, and what became of each |
/// | `WooCommerceLookUp` | whether a record exists already |
/// | `WooCommercePull`, `WooCommerceFetch` | what changed, and records by id |
/// | `WooCommerceErrors`, `WooCommerceBudgets` | what an answer means, and how much at once |
/// | `WooCommerceConnection`, `WooCommerceKeyGrant` | the shop: identity, sign-in traps, keys posted by its server |
/// | `WooCommerceSettings` | choices and fields |
/// | `WooCommerceWebhooks` | subscriptions, deliveries and their signatures |
public struct WooCommerceProvider: IntegrationProvider {
    /// The platform as the catalogue shows it.
    public let descriptor = WooCommerceProvider.description

    /// Creates a provider.
    public init() {}

    /// Attaches the key in the form that the request names.
    public func authorize(
        _ request: inout HTTPRequest,
        with credential: Credential,
        in context: SigningContext
    ) throws {
        let form = request.signInForm.flatMap(WooCommerceSignIn.init(text:)) ?? WooCommerceSignIn(of: context.account)
        try form.attach(credential, to: &request, at: context.now, nonce: context.nonce)
    }

    /// Returns what makes the requests to a shop.
    func requests(for account: ConnectedAccount) -> WooCommerceRequests {
        WooCommerceRequests(
            address: account.profile.baseURL,
            isPlain: account.profile.facts[WooCommerceFact.routes]?.string == "plain",
            signIn: WooCommerceSignIn(of: account)
        )
    }

    /// Sends a request that only reads and returns its answer.
    func answer(to request: HTTPRequest, in session: ProviderSession) async throws -> HTTPResponse {
        let response = try await send(request, in: session)
        if let error = failure(in: response, to: request) { throw error }
        return response
    }

    /// Sends a request that only reads and returns its JSON.
    func read(_ request: HTTPRequest, in session: ProviderSession) async throws -> JSONValue {
        try WooCommerceBody.json(of: try await answer(to: request, in: session))
    }

    /// Sends a request; a read whose sign-in is refused is sent once more where that can help.
    ///
    /// A signature is refused where our clock is wrong, which the answer's own date has just corrected. A header is
    /// refused where something in front of the shop takes it away; then the address carries the key, and the account
    /// remembers it.
    func send(_ request: HTTPRequest, in session: ProviderSession) async throws -> HTTPResponse {
        let before = session.now()
        let response = try await session.send(request)
        guard response.status == 401, request.effect == .read, request.carriesCredential,
            let form = request.signInForm.flatMap(WooCommerceSignIn.init(text:))
        else { return response }
        var again = request
        switch form {
        case .signed where WooCommerceSignIn.hasMoved(from: before, to: session.now()):
            return try await session.send(again)
        case .header where WooCommerceFailure(response).isDenial:
            again.signInForm = WooCommerceSignIn.query.text
            let second = try await session.send(again)
            guard failure(in: second, to: again) == nil else { return response }
            session.learn(WooCommerceFact.signIn, .string(WooCommerceSignIn.query.text))
            return second
        default:
            return response
        }
    }
}

/// What is learned about a shop, as facts of its profile.
enum WooCommerceFact {
    /// The form of the sign-in that works, by ``WooCommerceSignIn/text``.
    static let signIn = "sign-in"
    /// `plain` where the shop's addresses carry the route in the query.
    static let routes = "routes"
    /// The shop's home address, which signatures name.
    static let home = "home"
    /// WooCommerce's version.
    static let version = "version"
    /// Whether all variations can be listed at once.
    static let listsVariations = "variations"
    /// How many records a batch may hold.
    static let batchSize = "batch.size"
    /// How many it may ever hold, since the shop ran out of time with more.
    static let largestBatch = "batch.largest"
}
