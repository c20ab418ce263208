// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// The hash functions and message authentication codes that platforms sign with.
public enum Hashing {
    /// Returns the SHA-256 digest of a message.
    ///
    /// - Parameter message: The message.
    /// - Returns: 32 bytes.
    public static func sha256(_ message: Data) -> Data {
        SHA256State().finishing(message).digest
    }

    /// Returns the SHA-1 digest of a message, for protocols that still demand it.
    ///
    /// - Parameter message: The message.
    /// - Returns: 20 bytes.
    public static func sha1(_ message: Data) -> Data {
        SHA1State().finishing(message).digest
    }

    /// Returns the HMAC-SHA-256 of a message.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - key: The key, of any length.
    /// - Returns: 32 bytes.
    public static func hmacSHA256(_ message: Data, key: Data) -> Data {
        HMACKey<SHA256State>(key).authenticate(message).digest
    }

    /// Returns the HMAC-SHA-1 of a message, for protocols that still demand it.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - key: The key, of any length.
    /// - Returns: 20 bytes.
    public static func hmacSHA1(_ message: Data, key: Data) -> Data {
        HMACKey<SHA1State>(key).authenticate(message).digest
    }
}

/// Compares two values without telling by its duration how much of them is equal.
///
/// - Parameters:
///   - left: A value.
///   - right: Another value.
/// - Returns: Whether they are equal. Values of different length differ at once.
public func constantTimeEquals(_ left: Data, _ right: Data) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe left.withUnsafeBytes { (left: UnsafeRawBufferPointer) in
        unsafe right.withUnsafeBytes { (right: UnsafeRawBufferPointer) in
            var difference: UInt8 = 0
            for place in 0..<left.count { unsafe difference |= left[place] ^ right[place] }
            return difference == 0
        }
    }
}
