// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension HubSpotWorld {
    /// Answers a call under `oauth`.
    mutating func answerOAuth(_ call: HubSpotCall, now: Int64) throws -> HubSpotReply {
        guard call.method == .post else { return HubSpotReply(status: 405, body: nil) }
        let form = HubSpotCall.pairs(String(decoding: call.body, as: UTF8.self)).compactMapValues(\.first)
        try checkApplication(form)
        switch call.rest {
        case ["token"]: return try grant(form, now: now)
        case ["token", "introspect"]: return introspect(form["token"] ?? "", now: now)
        case ["token", "revoke"]:
            refreshTokens[form["token"] ?? ""] = nil
            return HubSpotReply(status: 200, body: nil)
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    /// Removes the application from a token's account.
    mutating func uninstall(_ token: HubSpotToken) {
        tokens = tokens.filter { $0.value.portalID != token.portalID || $0.value.kind != .oauth }
        refreshTokens = refreshTokens.filter { $0.value.portalID != token.portalID }
    }

    private func checkApplication(_ form: [String: String]) throws {
        guard form["client_id"] == app.clientID else {
            throw refusal("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
        }
        guard form["client_secret"] == app.clientSecret else {
            throw refusal("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret")
        }
    }

    private mutating func grant(_ form: [String: String], now: Int64) throws -> HubSpotReply {
        switch form["grant_type"] {
        case "authorization_code":
            guard let grant = codes.removeValue(forKey: form["code"] ?? "") else {
                throw refusal("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
            }
            guard grant.redirectURI == form["redirect_uri"] else {
                throw refusal("invalid_grant", "BAD_REDIRECT_URI", "missing or invalid redirect URI")
            }
            let name = random.identifier()
            refreshTokens[name] = grant
            return tokens(for: grant, refreshToken: name, now: now)
        case "refresh_token":
            let name = form["refresh_token"] ?? ""
            guard let grant = refreshTokens[name] else {
                throw refusal(
                    "invalid_grant",
                    "BAD_REFRESH_TOKEN",
                    "refresh token is invalid, expired or revoked"
                )
            }
            guard accounts[grant.portalID] != nil else {
                throw refusal("access_denied", "BAD_HUB", "missing or unknown hub id")
            }
            var current = name
            if app.rotatesRefreshTokens {
                refreshTokens[name] = nil
                current = random.identifier()
                refreshTokens[current] = grant
            }
            return tokens(for: grant, refreshToken: current, now: now)
        default: throw refusal("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant type")
        }
    }

    private mutating func tokens(for grant: HubSpotGrant, refreshToken: String, now: Int64) -> HubSpotReply {
        var token = HubSpotToken(portalID: grant.portalID, kind: .oauth, scopes: grant.scopes, appID: app.id)
        token.expiresAt = now + 1_800_000
        return .json(
            200,
            [
                "access_token": .string(store(token)), "refresh_token": .string(refreshToken), "expires_in": 1800,
                "token_type": "bearer", "token_use": "access_token", "hub_id": .integer(grant.portalID),
                "user_id": 12345, "scopes": .strings(grant.scopes.sorted()),
            ]
        )
    }

    private func introspect(_ name: String, now: Int64) -> HubSpotReply {
        if let token = tokens[name], (token.expiresAt ?? .max) > now {
            var body: JSONObject = [
                "active": true, "hub_id": .integer(token.portalID), "hub_domain": "example.com", "user_id": 12345,
                "user": "user@example.com", "app_id": .integer(token.appID), "client_id": .string(app.clientID),
                "scopes": .strings(token.scopes.sorted()), "token_type": "bearer", "token_use": "access_token",
            ]
            if let expiresAt = token.expiresAt { body["expires_in"] = .integer((expiresAt - now) / 1000) }
            return .json(200, .object(body))
        }
        if let grant = refreshTokens[name] {
            return .json(
                200,
                [
                    "active": true, "hub_id": .integer(grant.portalID), "user_id": 12345,
                    "app_id": .integer(app.id), "client_id": .string(app.clientID),
                    "scopes": .strings(grant.scopes.sorted()), "token_type": "bearer", "token_use": "refresh_token",
                ]
            )
        }
        return .json(200, ["active": false])
    }

    private func refusal(_ error: String, _ status: String, _ message: String) -> HubSpotRefusal {
        HubSpotRefusal(
            .json(
                400,
                [
                    "error": .string(error), "error_description": .string(message), "status": .string(status),
                    "message": .string(message),
                ]
            )
        )
    }
}

extension SimulatedHubSpot {
    /// Lets a customer authorise the application, as the consent page would.
    ///
    /// - Parameters:
    ///   - portalID: The customer's account.
    ///   - redirectURI: Where the browser was sent.
    ///   - scopes: What the customer granted.
    /// - Returns: The code that the redirect carries; it is good once.
    public func authorize(
        _ portalID: Int64,
        redirectURI: String,
        scopes: Set<String> = SimulatedHubSpot.allScopes
    ) -> String {
        box.withLock { world in
            let code = world.random.identifier()
            world.codes[code] = HubSpotGrant(portalID: portalID, scopes: scopes, redirectURI: redirectURI)
            return code
        }
    }

    /// Lets a customer remove the application: its tokens end.
    public func uninstallApp(from portalID: Int64) {
        box.withLock { $0.uninstall(HubSpotToken(portalID: portalID, kind: .oauth, scopes: [], appID: $0.app.id)) }
    }
}
