// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Wraps the tenants' data keys under a master key that the host keeps: in a secret, a keychain, or a KMS.
public protocol KeyWrapping: Sendable {
    /// Wraps a data key under the current master key.
    ///
    /// - Parameters:
    ///   - key: The data key.
    ///   - tenant: Whose it is; must be passed again to unwrap it.
    /// - Returns: The wrapped key.
    /// - Throws: An error if the master key cannot be used now.
    func wrap(_ key: Data, for tenant: String) async throws -> Data

    /// Unwraps a data key with whichever master key wrapped it.
    ///
    /// - Parameters:
    ///   - wrapped: The wrapped key.
    ///   - tenant: Whose it is.
    /// - Returns: The data key.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/unreadableSecret`` if the master key is not known
    ///   any more, or the key was wrapped for another tenant.
    func unwrap(_ wrapped: Data, for tenant: String) async throws -> Data

    /// Returns whether a key is wrapped under the current master key, so that a rotation may pass it over.
    ///
    /// - Parameter wrapped: The wrapped key.
    /// - Returns: Whether the current master key wrapped it.
    func isCurrent(_ wrapped: Data) -> Bool
}
