// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension PlatformID {
    /// HubSpot.
    public static let hubSpot = PlatformID(rawValue: "hubspot")
}

extension IntegrationProvider where Self == HubSpotProvider {
    /// HubSpot, at its public address, in the version of its API that this library was made for.
    public static var hubSpot: HubSpotProvider { HubSpotProvider() }
}

/// HubSpot's CRM: contacts, companies, deals, notes, calls, tasks, tickets and products.
///
/// What is known about HubSpot stands in one file per question:
///
/// | File | Answers |
/// |---|---|
/// | `HubSpotDescriptor` | what a settings screen shows: kinds, sign-in, default routes and mappings |
/// | `HubSpotRequests` | paths, type ids, associations, what a call spends |
/// | `HubSpotPayloads`, `HubSpotMarker` | how values and records are written on the wire |
/// | `HubSpotPush`, `HubSpotOutcomes` | how writes are batched, sent, and what became of each |
/// | `HubSpotLookUp` | whether a record exists already |
/// | `HubSpotPull`, `HubSpotFetch` | what changed, and records by id |
/// | `HubSpotErrors`, `HubSpotBudgets` | what an answer means, and what may be sent when |
/// | `HubSpotConnection`, `HubSpotProvisioning`, `HubSpotSettings` | the account: identity, key properties, choices |
/// | `HubSpotWebhooks` | deliveries and their signatures |
public struct HubSpotProvider: IntegrationProvider {
    /// The version of the API that is spoken unless the host says otherwise.
    public static let currentVersion = "2026-09"
    /// The address of the API, for accounts of all regions.
    public static let publicAddress = address("https://api.hubapi.com")
    /// The property that holds our external key.
    static let keyProperty = FieldName("integrationkit_key")

    /// The platform as the catalogue shows it.
    public let descriptor: PlatformDescriptor
    /// The version of the API: a date such as `2026-09`, or `v3` for the addresses before dates.
    let version: String

    /// Creates a provider.
    ///
    /// - Parameters:
    ///   - version: The version of the API: a date such as `2026-09`, or `v3` for the addresses before dates.
    ///   - baseURL: The address of the API, such as a proxy's.
    public init(version: String = currentVersion, baseURL: URL = publicAddress) {
        self.version = version
        descriptor = HubSpotProvider.describe(version: version, baseURL: baseURL)
    }

    /// Adds the bearer token, which every kind of HubSpot's tokens is.
    public func authorize(
        _ request: inout HTTPRequest,
        with credential: Credential,
        in context: SigningContext
    ) throws {
        request.headers["Authorization"] = try credential.require("access_token").withExposedValue { "Bearer \($0)" }
    }

    /// Returns what makes the requests to an account.
    func requests(for account: ConnectedAccount) -> HubSpotRequests {
        HubSpotRequests(version: version, baseURL: account.profile.baseURL)
    }

    /// Sends a request that only reads and returns its JSON.
    func read(_ request: HTTPRequest, in session: ProviderSession) async throws -> JSONValue {
        let response = try await session.send(request)
        if let error = failure(in: response, to: request, account: session.account, now: session.now()) { throw error }
        return try JSONValue(parsing: response.body)
    }

    /// Makes an address from a literal.
    static func address(_ text: StaticString) -> URL {
        guard let url = URL(string: "\(text)") else { preconditionFailure("The literal \(text) is no address.") }
        return url
    }
}
