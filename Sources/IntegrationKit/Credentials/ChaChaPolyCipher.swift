// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// The built-in cipher: ChaCha20-Poly1305 (RFC 8439) under subkeys that are derived from the key, the purpose and a
/// random salt.
///
/// A sealed message is a format byte, the id of the key (16 bytes, derived from the key, so that it commits to it), the
/// salt (16 bytes), the nonce (12 bytes), the ciphertext and the tag (16 bytes). Nonces are random; a new salt after
/// 2^24 messages keeps them far from the number at which two might be equal.
public final class ChaChaPolyCipher: CredentialCipher {
    private struct Subkey {
        var salt: Data
        var cipher: ChaCha20
    }

    private struct State {
        var sealing: Subkey?
        var sealsLeft = 0
        var opening: [Data: ChaCha20] = [:]
    }

    private static let format: UInt8 = 1
    private static let idLength = 16
    private static let saltLength = 16
    private static let prefixLength = 1 + idLength
    private static let headerLength = prefixLength + saltLength + ChaCha20Poly1305.nonceLength
    private static let mostOpeningKeys = 256
    /// Among so many random nonces, the chance that two are equal is below 2^-49.
    static let mostSealsPerSalt = 1 << 24

    /// The id of the key, which tells nothing about it.
    let keyID: Data
    /// What every message begins with.
    private let prefix: Data
    private let key: Data
    private let purpose: String
    private let random: RandomSource
    let sealsPerSalt: Int
    private let state = LockBox(State())

    /// Creates a cipher.
    ///
    /// - Parameters:
    ///   - key: The key: 32 random bytes.
    ///   - purpose: What is sealed; messages of one purpose do not open for another.
    ///   - random: Where salts and nonces come from.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` if the key has another length.
    public convenience init(key: Data, purpose: String, random: RandomSource = .system) throws {
        try self.init(key: key, purpose: purpose, random: random, sealsPerSalt: ChaChaPolyCipher.mostSealsPerSalt)
    }

    init(key: Data, purpose: String, random: RandomSource, sealsPerSalt: Int) throws {
        guard key.count == 32 else {
            throw IntegrationError(
                .invalidInput,
                "The key has \(key.count) bytes; it must have 32.",
                remedy: LocalizedText(
                    "Configure a key of 32 random bytes.",
                    fr: "Configurez une clé de 32 octets aléatoires."
                ),
                concerns: .application
            )
        }
        self.key = key
        self.purpose = purpose
        self.random = random
        self.sealsPerSalt = sealsPerSalt
        keyID = HKDF.derive(from: key, info: Data("IntegrationKit key id".utf8), count: ChaChaPolyCipher.idLength)
        prefix = Data([ChaChaPolyCipher.format]) + keyID
    }

    /// Seals a message.
    ///
    /// - Parameters:
    ///   - plaintext: The message.
    ///   - data: What must be passed again to open it.
    /// - Returns: The sealed message.
    public func seal(_ plaintext: Data, authenticating data: Data) -> Data {
        let subkey = nextSubkey()
        let nonce = random.bytes(ChaCha20Poly1305.nonceLength)
        return ChaCha20Poly1305.seal(
            plaintext,
            with: subkey.cipher,
            nonce: nonce,
            authenticating: prefix + data,
            after: prefix + subkey.salt + nonce
        )
    }

    /// Opens a sealed message.
    ///
    /// - Parameters:
    ///   - sealed: The sealed message.
    ///   - data: What was passed when it was sealed.
    /// - Returns: The message.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/unreadableSecret`` if it was not sealed with this
    ///   key, purpose and data, or was changed.
    public func open(_ sealed: Data, authenticating data: Data) throws -> Data {
        guard let id = ChaChaPolyCipher.keyID(of: sealed) else {
            throw IntegrationError.unreadable("The sealed value has an unknown format or is cut off.")
        }
        // Only the key that the value names is ever tried.
        guard id == keyID else { throw IntegrationError.unreadable("The value was sealed under another key.") }
        let salt = Data(sealed.dropFirst(ChaChaPolyCipher.prefixLength).prefix(ChaChaPolyCipher.saltLength))
        let body = sealed.dropFirst(ChaChaPolyCipher.headerLength)
        let opened = ChaCha20Poly1305.open(
            body,
            with: openingKey(for: salt),
            nonce: sealed[body.startIndex - ChaCha20Poly1305.nonceLength..<body.startIndex],
            authenticating: sealed.prefix(ChaChaPolyCipher.prefixLength) + data
        )
        guard let opened else {
            throw IntegrationError.unreadable("The sealed value was changed or was sealed for another place.")
        }
        return opened
    }

    /// Returns the id of the key that a message was sealed under; nil if it is none of this cipher's.
    static func keyID(of sealed: Data) -> Data? {
        guard sealed.first == format, sealed.count >= headerLength + ChaCha20Poly1305.tagLength else { return nil }
        return Data(sealed.dropFirst().prefix(idLength))
    }

    private func nextSubkey() -> Subkey {
        state.withLock { state in
            if let subkey = state.sealing, state.sealsLeft > 0 {
                state.sealsLeft -= 1
                return subkey
            }
            let salt = random.bytes(ChaChaPolyCipher.saltLength)
            let subkey = Subkey(salt: salt, cipher: deriveSubkey(salt))
            state.sealing = subkey
            state.sealsLeft = sealsPerSalt - 1
            return subkey
        }
    }

    private func openingKey(for salt: Data) -> ChaCha20 {
        state.withLock { state in
            if let subkey = state.sealing, subkey.salt == salt { return subkey.cipher }
            if let cipher = state.opening[salt] { return cipher }
            let cipher = deriveSubkey(salt)
            if state.opening.count >= ChaChaPolyCipher.mostOpeningKeys { state.opening.removeAll() }
            state.opening[salt] = cipher
            return cipher
        }
    }

    private func deriveSubkey(_ salt: Data) -> ChaCha20 {
        var subkey = HKDF.derive(from: key, salt: salt, info: Data("IntegrationKit seal \(purpose)".utf8), count: 32)
        defer { subkey.wipe() }
        return ChaCha20(key: subkey)
    }
}

extension IntegrationError {
    /// A sealed value that does not open.
    static func unreadable(_ message: String) -> IntegrationError {
        IntegrationError(
            .unreadableSecret,
            message,
            remedy: LocalizedText(
                "Add the key it was sealed under to the keyring, or reconnect the account.",
                fr: "Ajoutez au trousseau la clé qui l'a scellé, ou reconnectez le compte."
            ),
            retry: .afterSetup,
            concerns: .account
        )
    }
}
