// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// A token as the simulated platform knows it.
struct HubSpotToken: Codable, Sendable {
    var portalID: Int64
    var kind: SimulatedHubSpot.TokenKind
    var scopes: Set<String>
    var appID: Int64
    var expiresAt: Int64?
    var mayAssociate = true
}

/// What a code or a refresh token stands for.
struct HubSpotGrant: Codable, Sendable {
    var portalID: Int64
    var scopes: Set<String>
    var redirectURI: String?
}

extension SimulatedHubSpot {
    /// A kind of token.
    public enum TokenKind: String, Hashable, Codable, Sendable {
        /// The token of a legacy private app, or of a project app with static authentication.
        case privateApp = "private_app"
        /// A service key, which has no webhooks.
        case serviceKey = "service_key"
        /// An access token of an application that the customer authorised.
        case oauth
    }

    /// Every scope that the simulated platform asks for.
    public static let allScopes: Set<String> = {
        var scopes: Set<String> = ["oauth", "crm.objects.owners.read", "crm.schemas.custom.read"]
        for type in HubSpotObjectType.all {
            scopes.formUnion(type.readScopes + type.writeScopes + type.schemaScopes)
            scopes.insert("crm.schemas.\(type.plural).read")
        }
        return scopes
    }()

    /// Issues a token of an account.
    ///
    /// - Parameters:
    ///   - portalID: The account.
    ///   - kind: The kind of token.
    ///   - scopes: What it allows.
    ///   - appID: The application, which has a burst limit of its own.
    ///   - lifetime: How long it lives; nil: for ever, or 30 minutes with OAuth.
    ///   - mayAssociate: Whether the user behind it may associate records; versions from 2026-09 on check it.
    /// - Returns: The token.
    public func issueToken(
        for portalID: Int64,
        kind: TokenKind = .privateApp,
        scopes: Set<String> = SimulatedHubSpot.allScopes,
        appID: Int64 = 18_221_010,
        lifetime: Duration? = nil,
        mayAssociate: Bool = true
    ) -> String {
        let now = now
        return box.withLock { world in
            let life = lifetime ?? (kind == .oauth ? .seconds(1800) : nil)
            var token = HubSpotToken(portalID: portalID, kind: kind, scopes: scopes, appID: appID)
            token.expiresAt = life.map { now + $0.inMilliseconds }
            token.mayAssociate = mayAssociate
            return world.store(token)
        }
    }

    /// Makes a token invalid, as when it is rotated or its application is removed.
    public func revokeToken(_ token: String) {
        box.withLock { _ = $0.tokens.removeValue(forKey: token) }
    }

    /// Makes a token expire now.
    public func expireToken(_ token: String) {
        let now = now
        box.withLock { $0.tokens[token]?.expiresAt = now }
    }

    /// Changes what a token allows.
    public func setScopes(_ scopes: Set<String>, of token: String) {
        box.withLock { $0.tokens[token]?.scopes = scopes }
    }
}
