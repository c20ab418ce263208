// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// The master keys of a host: the current one wraps, and older ones unwrap until a rotation is done.
///
/// ```swift
/// let keyring = try Keyring(current: Secret(environment["INTEGRATION_KEY"]), older: [])
/// ```
///
/// A wrapped key names its master key by an id that is derived from it, so no key is ever tried in vain.
public struct Keyring: KeyWrapping {
    private let current: ChaChaPolyCipher
    private let all: [Data: ChaChaPolyCipher]

    /// Creates a keyring from keys of 32 random bytes.
    ///
    /// - Parameters:
    ///   - current: The master key that wraps.
    ///   - older: Master keys that only unwrap.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` if a key has another length.
    public init(current: Data, older: [Data] = []) throws {
        let ciphers = try ([current] + older).map { try ChaChaPolyCipher(key: $0, purpose: "wrap") }
        self.current = ciphers[0]
        all = Dictionary(ciphers.map { ($0.keyID, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Creates a keyring from keys of 32 random bytes in base 64, as `openssl rand -base64 32` prints them.
    ///
    /// - Parameters:
    ///   - current: The master key that wraps.
    ///   - older: Master keys that only unwrap.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` if a text is not base 64 or a key
    ///   has another length.
    public init(current: Secret, older: [Secret] = []) throws {
        try self.init(current: Keyring.decode(current), older: older.map(Keyring.decode))
    }

    /// Wraps a data key under the current master key.
    ///
    /// - Parameters:
    ///   - key: The data key.
    ///   - tenant: Whose it is.
    /// - Returns: The wrapped key.
    public func wrap(_ key: Data, for tenant: String) -> Data {
        current.seal(key, authenticating: Data(tenant.utf8))
    }

    /// Unwraps a data key with the master key that wrapped it.
    ///
    /// - Parameters:
    ///   - wrapped: The wrapped key.
    ///   - tenant: Whose it is.
    /// - Returns: The data key.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/unreadableSecret`` if the keyring lacks the master
    ///   key, or the key was wrapped for another tenant.
    public func unwrap(_ wrapped: Data, for tenant: String) throws -> Data {
        guard let id = ChaChaPolyCipher.keyID(of: wrapped) else {
            throw IntegrationError.unreadable("The tenant's key was not wrapped by a keyring, or is cut off.")
        }
        guard let cipher = all[id] else {
            throw IntegrationError.unreadable(
                "The tenant's key is wrapped under the master key \(id.prefix(4).hexadecimal), which the keyring lacks."
            )
        }
        return try cipher.open(wrapped, authenticating: Data(tenant.utf8))
    }

    /// Returns whether a key is wrapped under the current master key.
    ///
    /// - Parameter wrapped: The wrapped key.
    /// - Returns: Whether a rotation may pass it over.
    public func isCurrent(_ wrapped: Data) -> Bool {
        ChaChaPolyCipher.keyID(of: wrapped) == current.keyID
    }

    private static func decode(_ text: Secret) throws -> Data {
        try text.withExposedValue { text in
            guard let key = Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
                throw IntegrationError(
                    .invalidInput,
                    "A master key is not valid base 64.",
                    remedy: LocalizedText(
                        "Configure a key as `openssl rand -base64 32` prints it.",
                        fr: "Configurez une clé telle que l'affiche `openssl rand -base64 32`."
                    ),
                    concerns: .application
                )
            }
            return key
        }
    }
}
