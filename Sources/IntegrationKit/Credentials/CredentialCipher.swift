// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Seals and opens bytes under one key, for one purpose.
///
/// A host that prefers its own cryptography conforms to this and passes a ``CipherFactory``; `CipherRule` in
/// `IntegrationKitTesting` checks a conformer. A cipher must
/// - never give the same nonce to two messages, also not after a restart,
/// - refuse whatever was sealed under another key, for another purpose or with other associated data,
/// - refuse whatever was changed or cut off, and
/// - be safe to call from many tasks at once.
public protocol CredentialCipher: Sendable {
    /// Seals a message.
    ///
    /// - Parameters:
    ///   - plaintext: The message.
    ///   - data: What must be passed again to open it; not part of the result.
    /// - Returns: The sealed message with all that opening needs besides the key.
    /// - Throws: An error of the cipher's own; the library does nothing then.
    func seal(_ plaintext: Data, authenticating data: Data) throws -> Data

    /// Opens a sealed message.
    ///
    /// - Parameters:
    ///   - sealed: The sealed message.
    ///   - data: What was passed when it was sealed.
    /// - Returns: The message.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/unreadableSecret``, or an error of the cipher's
    ///   own, if it was not sealed with this key, purpose and data.
    func open(_ sealed: Data, authenticating data: Data) throws -> Data
}
