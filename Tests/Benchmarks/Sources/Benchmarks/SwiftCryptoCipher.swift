// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import IntegrationKit

/// swift-crypto in place of the built-in cipher, as `Documentation/Security.md` shows it.
struct SwiftCryptoCipher: CredentialCipher {
    private let key: SymmetricKey

    init(key: Data, purpose: String) {
        self.key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key),
            info: Data(purpose.utf8),
            outputByteCount: 32
        )
    }

    func seal(_ plaintext: Data, authenticating data: Data) throws -> Data {
        try ChaChaPoly.seal(plaintext, using: key, authenticating: data).combined
    }

    func open(_ sealed: Data, authenticating data: Data) throws -> Data {
        try ChaChaPoly.open(ChaChaPoly.SealedBox(combined: sealed), using: key, authenticating: data)
    }
}

extension CipherFactory {
    /// swift-crypto's ChaCha20-Poly1305.
    static let swiftCrypto = CipherFactory { SwiftCryptoCipher(key: $0, purpose: $1) }
}
