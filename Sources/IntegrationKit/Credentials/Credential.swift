// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What an integration signs in with: the secrets of a form or the tokens of a grant.
///
/// It is held in memory only; at rest it is sealed.
public struct Credential: Hashable, Sendable {
    /// The sign-in method it came from, by ``SignInMethod/id``.
    public var method: String
    /// The values by name: form fields, or `access_token` and `refresh_token`.
    public var values: [String: Secret]
    /// When it stops working; nil: not known.
    public var expiresAt: Date?
    /// When its refresh token stops working; nil: not known.
    public var refreshExpiresAt: Date?
    /// The application that the tokens are bound to, by ``ApplicationCredentials/id``.
    public var application: String?

    /// Creates a credential.
    ///
    /// - Parameters:
    ///   - method: The sign-in method it came from.
    ///   - values: The values by name.
    ///   - expiresAt: When it stops working.
    ///   - refreshExpiresAt: When its refresh token stops working.
    ///   - application: The application that the tokens are bound to.
    public init(
        method: String,
        values: [String: Secret],
        expiresAt: Date? = nil,
        refreshExpiresAt: Date? = nil,
        application: String? = nil
    ) {
        self.method = method
        self.values = values
        self.expiresAt = expiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.application = application
    }

    /// Returns the value of a name.
    public subscript(name: String) -> Secret? { values[name] }

    /// Returns the value of a name that the platform cannot do without.
    ///
    /// - Parameter name: The value's name.
    /// - Returns: The value, which is not empty.
    /// - Throws: ``IntegrationError`` that names what is missing.
    public func require(_ name: String) throws -> Secret {
        guard let value = values[name], !value.isEmpty else {
            throw IntegrationError(
                .reauthorizationRequired,
                "The credential holds no \(name).",
                remedy: LocalizedText("Reconnect the account.", fr: "Reconnectez le compte."),
                retry: .afterReauthorization,
                concerns: .account
            )
        }
        return value
    }
}
