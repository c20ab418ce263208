// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The state of a hash function that works on blocks of 64 bytes and ends with the length in bits.
///
/// States are values: one that has absorbed a key can be kept and finished with many messages.
protocol HashState: Sendable {
    /// The state before the first block.
    init()
    /// How many words the digest has.
    static var digestWords: Int { get }
    /// The words of the state, which are the digest once the state is finished.
    var words: SIMD8<UInt32> { get }
    /// Absorbs whole blocks.
    mutating func absorb(_ blocks: UnsafeRawBufferPointer)
}

extension HashState {
    /// Returns the state after the last part of a message.
    ///
    /// - Parameters:
    ///   - message: The part.
    ///   - absorbed: How many bytes the state has absorbed before.
    /// - Returns: The finished state.
    func finishing(_ message: Data, after absorbed: Int = 0) -> Self {
        unsafe message.withUnsafeBytes { unsafe finishing($0, after: absorbed) }
    }

    fileprivate func finishing(_ message: UnsafeRawBufferPointer, after absorbed: Int) -> Self {
        var state = self
        let whole = message.count & ~63
        let rest = message.count & 63
        let padded = rest < 56 ? 64 : 128
        if whole > 0 { unsafe state.absorb(UnsafeRawBufferPointer(rebasing: message[..<whole])) }
        unsafe withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { tail in
            unsafe tail.initializeMemory(as: UInt8.self, repeating: 0)
            if rest > 0 { unsafe tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: message[whole...])) }
            unsafe tail[rest] = 0x80
            let bits = UInt64(absorbed + message.count) &* 8
            unsafe tail.storeBytes(of: bits.bigEndian, toByteOffset: padded - 8, as: UInt64.self)
            unsafe state.absorb(UnsafeRawBufferPointer(rebasing: tail[..<padded]))
            unsafe tail.initializeMemory(as: UInt8.self, repeating: 0)
        }
        return state
    }

    /// The words as bytes, the most significant first.
    var digest: Data {
        unsafe withDigest { unsafe Data($0) }
    }

    fileprivate func withDigest<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
            for i in 0..<Self.digestWords {
                unsafe bytes.storeBytes(of: words[i].bigEndian, toByteOffset: 4 &* i, as: UInt32.self)
            }
            return unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<(4 &* Self.digestWords)]))
        }
    }
}

/// A key for HMAC (RFC 2104) that has been absorbed once, for many messages.
struct HMACKey<State: HashState>: Sendable {
    private let inner: State
    private let outer: State

    /// Absorbs a key of any length.
    init(_ key: Data) {
        var block = [UInt8](key.count > 64 ? State().finishing(key).digest : key)
        block.append(contentsOf: repeatElement(0, count: 64 - block.count))
        for place in block.indices { block[place] ^= 0x36 }
        inner = HMACKey.state(after: block)
        for place in block.indices { block[place] ^= 0x36 ^ 0x5C }
        outer = HMACKey.state(after: block)
        for place in block.indices { block[place] = 0 }
    }

    private static func state(after block: [UInt8]) -> State {
        var state = State()
        unsafe block.withUnsafeBytes { unsafe state.absorb($0) }
        return state
    }

    /// Returns the finished state whose digest authenticates a message.
    func authenticate(_ message: Data) -> State {
        unsafe inner.finishing(message, after: 64).withDigest { unsafe outer.finishing($0, after: 64) }
    }
}

/// HKDF with SHA-256 (RFC 5869): derives keys from a key.
enum HKDF {
    /// Returns a derived key.
    ///
    /// - Parameters:
    ///   - key: The key to derive from.
    ///   - salt: Random or empty.
    ///   - info: What the derived key is for.
    ///   - count: How many bytes, at most 8,160.
    /// - Returns: The derived key.
    static func derive(from key: Data, salt: Data = Data(), info: Data, count: Int) -> Data {
        precondition(count <= 255 * 32, "HKDF-SHA256 derives at most 8160 bytes")
        let expander = HMACKey<SHA256State>(HMACKey<SHA256State>(salt).authenticate(key).digest)
        var derived = Data()
        var block = Data()
        var number: UInt8 = 1
        while derived.count < count {
            block = expander.authenticate(block + info + [number]).digest
            derived.append(block.prefix(count - derived.count))
            number &+= 1
        }
        block.wipe()
        return derived
    }
}

extension Data {
    /// Overwrites the bytes, if nobody else holds them.
    mutating func wipe() {
        resetBytes(in: startIndex..<endIndex)
    }
}
