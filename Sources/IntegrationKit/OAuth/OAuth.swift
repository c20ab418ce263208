// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// The credentials of an application registered at a platform: the host's own, or one that a customer entered.
public struct ApplicationCredentials: Sendable {
    /// The host's name for the application.
    public var id: String
    /// The client id.
    public var clientID: String
    /// The client secrets, newest first: all verify webhooks, the one that minted a token refreshes it.
    public var secrets: [Secret]
    /// Where the platform sends the customer back to.
    public var redirectURL: URL

    /// Creates credentials.
    ///
    /// - Parameters:
    ///   - id: The host's name for the application.
    ///   - clientID: The client id.
    ///   - secrets: The client secrets, newest first.
    ///   - redirectURL: Where the platform sends the customer back to.
    public init(id: String = "default", clientID: String, secrets: [Secret], redirectURL: URL) {
        self.id = id
        self.clientID = clientID
        self.secrets = secrets
        self.redirectURL = redirectURL
    }
}

/// What to ask a customer's consent for.
public struct AuthorizationRequest: Sendable {
    /// An unguessable text that comes back with the customer.
    public var state: Secret
    /// The scopes that are needed.
    public var scopes: [String]
    /// The PKCE challenge, `S256`.
    public var codeChallenge: String?
    /// The account's address, where it is needed before sign-in.
    public var accountURL: URL?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - state: An unguessable text.
    ///   - scopes: The scopes that are needed.
    ///   - codeChallenge: The PKCE challenge.
    ///   - accountURL: The account's address.
    public init(state: Secret, scopes: [String], codeChallenge: String? = nil, accountURL: URL? = nil) {
        self.state = state
        self.scopes = scopes
        self.codeChallenge = codeChallenge
        self.accountURL = accountURL
    }
}

/// What is wanted of a platform's token endpoint.
public enum TokenRequest: Sendable {
    /// Exchange an authorization code.
    case exchange(code: Secret, codeVerifier: Secret?)
    /// Refresh, with the refresh token of this credential.
    case refresh(Credential)
    /// Acquire a token anew with the application's credentials.
    case clientCredentials
    /// Revoke the tokens of this credential.
    case revoke(Credential)
}

/// Tokens that a platform granted.
public struct TokenGrant: Sendable {
    /// The credential.
    public var credential: Credential
    /// When the access token ends; nil: not told, which is neither never nor now.
    public var expiresAt: Date?
    /// When the refresh token ends.
    public var refreshExpiresAt: Date?
    /// The account's address, where the platform tells it with the tokens.
    public var baseURL: URL?
    /// The account, where the platform tells it with the tokens.
    public var accountKey: AccountKey?

    /// Creates a grant.
    ///
    /// - Parameters:
    ///   - credential: The credential.
    ///   - expiresAt: When the access token ends.
    ///   - refreshExpiresAt: When the refresh token ends.
    ///   - baseURL: The account's address.
    ///   - accountKey: The account.
    public init(
        credential: Credential,
        expiresAt: Date? = nil,
        refreshExpiresAt: Date? = nil,
        baseURL: URL? = nil,
        accountKey: AccountKey? = nil
    ) {
        self.credential = credential
        self.expiresAt = expiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.baseURL = baseURL
        self.accountKey = accountKey
    }
}

/// How a platform's tokens are renewed.
public struct RenewalRules: Hashable, Sendable {
    /// By what a new access token is obtained.
    public enum Method: String, Hashable, Sendable {
        /// A refresh token.
        case refreshToken
        /// The application's credentials.
        case clientCredentials
    }

    /// By what a new access token is obtained.
    public var method: Method
    /// Whether a refresh whose answer was lost may be repeated with the same token.
    public var isLostRefreshRepeatable: Bool
    /// How long an access token lives, where the platform does not tell with each; nil: unknown.
    public var accessLifetime: Duration?
    /// How long a grant lives unused; nil: for ever.
    public var idleLifetime: Duration?

    /// Creates rules.
    ///
    /// - Parameters:
    ///   - method: By what a new access token is obtained.
    ///   - isLostRefreshRepeatable: Whether a lost refresh may be repeated.
    ///   - accessLifetime: How long an access token lives.
    ///   - idleLifetime: How long a grant lives unused.
    public init(
        method: Method,
        isLostRefreshRepeatable: Bool,
        accessLifetime: Duration? = nil,
        idleLifetime: Duration? = nil
    ) {
        self.method = method
        self.isLostRefreshRepeatable = isLostRefreshRepeatable
        self.accessLifetime = accessLifetime
        self.idleLifetime = idleLifetime
    }
}
