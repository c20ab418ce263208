// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Authenticated encryption with ChaCha20 and Poly1305 (RFC 8439).
enum ChaCha20Poly1305 {
    /// The length of a nonce.
    static let nonceLength = 12
    /// The length of the tag behind a ciphertext.
    static let tagLength = 16

    /// Seals a message.
    ///
    /// - Parameters:
    ///   - plaintext: The message.
    ///   - key: The cipher with the key.
    ///   - nonce: 12 bytes, never used before with the key.
    ///   - data: What is authenticated with the message, but not part of it.
    ///   - header: What is put in front, unsealed.
    /// - Returns: The header, the ciphertext and the tag.
    static func seal(
        _ plaintext: Data,
        with key: ChaCha20,
        nonce: Data,
        authenticating data: Data,
        after header: Data = Data()
    ) -> Data {
        var sealed = Data(count: header.count + plaintext.count + tagLength)
        unsafe sealed.withUnsafeMutableBytes { sealed in
            let start = header.count
            let end = start + plaintext.count
            unsafe header.withUnsafeBytes { unsafe sealed.copyMemory(from: $0) }
            let ciphertext = unsafe UnsafeMutableRawBufferPointer(rebasing: sealed[start..<end])
            unsafe plaintext.withUnsafeBytes { plaintext in
                unsafe key.combine(plaintext, into: ciphertext, nonce: nonce, counter: 1)
            }
            let tag = unsafe tag(UnsafeRawBufferPointer(ciphertext), key, nonce, data)
            unsafe sealed.storeBytes(of: tag.low.littleEndian, toByteOffset: end, as: UInt64.self)
            unsafe sealed.storeBytes(of: tag.high.littleEndian, toByteOffset: end + 8, as: UInt64.self)
        }
        return sealed
    }

    /// Opens a sealed message.
    ///
    /// - Parameters:
    ///   - sealed: The ciphertext and the tag.
    ///   - key: The cipher with the key.
    ///   - nonce: The nonce it was sealed with.
    ///   - data: What was authenticated with it.
    /// - Returns: The message; nil if it was not sealed with this key, nonce and data.
    static func open(_ sealed: Data, with key: ChaCha20, nonce: Data, authenticating data: Data) -> Data? {
        let count = sealed.count - tagLength
        guard count >= 0 else { return nil }
        return unsafe sealed.withUnsafeBytes { sealed -> Data? in
            let ciphertext = unsafe UnsafeRawBufferPointer(rebasing: sealed[..<count])
            let tag = unsafe tag(ciphertext, key, nonce, data)
            let low = unsafe UInt64(littleEndian: sealed.loadUnaligned(fromByteOffset: count, as: UInt64.self))
            let high = unsafe UInt64(littleEndian: sealed.loadUnaligned(fromByteOffset: count + 8, as: UInt64.self))
            guard (low ^ tag.low) | (high ^ tag.high) == 0 else { return nil }
            var plaintext = Data(count: count)
            unsafe plaintext.withUnsafeMutableBytes { plaintext in
                unsafe key.combine(ciphertext, into: plaintext, nonce: nonce, counter: 1)
            }
            return plaintext
        }
    }

    private static func tag(
        _ ciphertext: UnsafeRawBufferPointer,
        _ key: ChaCha20,
        _ nonce: Data,
        _ data: Data
    ) -> (low: UInt64, high: UInt64) {
        unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { block in
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe key.combine(UnsafeRawBufferPointer(block), into: block, nonce: nonce, counter: 0)
            var poly = unsafe Poly1305(key: UnsafeRawBufferPointer(block))
            unsafe data.withUnsafeBytes { unsafe poly.absorbPadded($0) }
            unsafe poly.absorbPadded(ciphertext)
            unsafe block.storeBytes(of: UInt64(data.count).littleEndian, toByteOffset: 0, as: UInt64.self)
            unsafe block.storeBytes(of: UInt64(ciphertext.count).littleEndian, toByteOffset: 8, as: UInt64.self)
            unsafe poly.absorbPadded(UnsafeRawBufferPointer(rebasing: block[..<16]))
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
            return poly.tag()
        }
    }
}
