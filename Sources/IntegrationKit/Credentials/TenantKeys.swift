// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// The keys of one tenant, all derived from the tenant's data key: one cipher for each purpose of sealing, one key for
/// each purpose of authentication.
package struct TenantKeys: Sendable {
    private struct Derived {
        var ciphers: [String: any CredentialCipher] = [:]
        var authenticators: [String: HMACKey<SHA256State>] = [:]
    }

    private let dataKey: Data
    private let factory: CipherFactory
    private let derived = LockBox(Derived())

    /// Takes a data key of 32 bytes.
    init(dataKey: Data, factory: CipherFactory) {
        self.dataKey = dataKey
        self.factory = factory
    }

    /// Seals a value for a place.
    package func seal(_ plaintext: Data, in context: SealContext) throws -> Data {
        try cipher(for: context.purpose).seal(plaintext, authenticating: context.associatedData)
    }

    /// Opens a value at the place it was sealed for.
    package func open(_ sealed: Data, in context: SealContext) throws -> Data {
        let cipher = try cipher(for: context.purpose)
        do {
            return try cipher.open(sealed, authenticating: context.associatedData)
        } catch let error as IntegrationError {
            throw error
        } catch {
            // A cipher of the host throws what it likes; its words might quote what nobody should read.
            throw IntegrationError.unreadable("The sealed value does not open.")
        }
    }

    /// Returns 64 bits that only the tenant's key can give for some data.
    package func tag(_ purpose: String, _ data: Data) -> UInt64 {
        authenticator(for: purpose).authenticate(data).prefix
    }

    /// Returns 16 bytes that only the tenant's key can give for some data.
    package func digest(_ purpose: String, _ data: Data) -> Data {
        Data(authenticator(for: purpose).authenticate(data).digest.prefix(16))
    }

    private func cipher(for purpose: String) throws -> any CredentialCipher {
        try derived.withLock { derived in
            if let cipher = derived.ciphers[purpose] { return cipher }
            let cipher = try factory.make(dataKey, purpose)
            derived.ciphers[purpose] = cipher
            return cipher
        }
    }

    private func authenticator(for purpose: String) -> HMACKey<SHA256State> {
        derived.withLock { derived in
            if let key = derived.authenticators[purpose] { return key }
            var bytes = HKDF.derive(from: dataKey, info: Data("IntegrationKit mac \(purpose)".utf8), count: 32)
            let key = HMACKey<SHA256State>(bytes)
            bytes.wipe()
            derived.authenticators[purpose] = key
            return key
        }
    }
}
