// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Makes the cipher for a key and a purpose.
///
/// A host uses its own cryptography so, here swift-crypto's:
///
/// ```swift
/// struct HostCipher: CredentialCipher {
///     let key: SymmetricKey
///     func seal(_ plaintext: Data, authenticating data: Data) throws -> Data {
///         try ChaChaPoly.seal(plaintext, using: key, authenticating: data).combined
///     }
///     func open(_ sealed: Data, authenticating data: Data) throws -> Data {
///         try ChaChaPoly.open(ChaChaPoly.SealedBox(combined: sealed), using: key, authenticating: data)
///     }
/// }
/// let ciphers = CipherFactory { key, purpose in
///     let key = SymmetricKey(data: key)
///     return HostCipher(
///         key: HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Data(purpose.utf8), outputByteCount: 32))
/// }
/// ```
public struct CipherFactory: Sendable {
    /// Makes a cipher for a key of 32 bytes and a purpose such as `credential`.
    public var make: @Sendable (_ key: Data, _ purpose: String) throws -> any CredentialCipher

    /// Creates a factory.
    ///
    /// - Parameter make: Makes a cipher for a key of 32 bytes and a purpose.
    public init(_ make: @escaping @Sendable (_ key: Data, _ purpose: String) throws -> any CredentialCipher) {
        self.make = make
    }

    /// The built-in cipher, ``ChaChaPolyCipher``.
    public static let chaChaPoly = CipherFactory { try ChaChaPolyCipher(key: $0, purpose: $1) }
}
