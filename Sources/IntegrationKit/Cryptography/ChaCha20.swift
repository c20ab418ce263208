// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The ChaCha20 stream cipher (RFC 8439): additions, rotations and exclusive ors alone, so that neither a branch nor an
/// address depends on a secret.
struct ChaCha20: Sendable {
    private let key: SIMD8<UInt32>

    /// Takes a key of 32 bytes.
    init(key: Data) {
        precondition(key.count == 32, "A ChaCha20 key has 32 bytes")
        self.key = unsafe key.withUnsafeBytes { bytes in
            var words = SIMD8<UInt32>()
            for i in 0..<8 {
                unsafe words[i] = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
            }
            return words
        }
    }

    /// Combines bytes with the key stream.
    ///
    /// - Parameters:
    ///   - input: The bytes.
    ///   - output: Where the result goes; may be the input.
    ///   - nonce: 12 bytes.
    ///   - counter: The number of the first block.
    func combine(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer,
        nonce: Data,
        counter: UInt32
    ) {
        precondition(nonce.count == 12, "A ChaCha20 nonce has 12 bytes")
        guard let source = input.baseAddress, let target = output.baseAddress else { return }
        var nonceWords = SIMD4<UInt32>()
        unsafe nonce.withUnsafeBytes { bytes in
            for i in 0..<3 {
                unsafe nonceWords[i] = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
            }
        }
        let count = input.count
        var counter = counter
        var place = 0
        while count &- place >= 64 {
            unsafe combineBlock(source + place, into: target + place, nonce: nonceWords, counter: counter)
            counter &+= 1
            place &+= 64
        }
        guard place < count else { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { block in
            guard let base = block.baseAddress else { return }
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe base.copyMemory(from: source + place, byteCount: count - place)
            unsafe combineBlock(base, into: base, nonce: nonceWords, counter: counter)
            unsafe (target + place).copyMemory(from: base, byteCount: count - place)
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    private func combineBlock(
        _ source: UnsafeRawPointer,
        into target: UnsafeMutableRawPointer,
        nonce: SIMD4<UInt32>,
        counter: UInt32
    ) {
        let (k0, k1, k2, k3) = (key[0], key[1], key[2], key[3])
        let (k4, k5, k6, k7) = (key[4], key[5], key[6], key[7])
        let (n0, n1, n2) = (nonce[0], nonce[1], nonce[2])
        var (x0, x1, x2, x3): (UInt32, UInt32, UInt32, UInt32) = (0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574)
        var (x4, x5, x6, x7) = (k0, k1, k2, k3)
        var (x8, x9, x10, x11) = (k4, k5, k6, k7)
        var (x12, x13, x14, x15) = (counter, n0, n1, n2)
        var rounds = 0
        while rounds < 10 {
            quarterRound(&x0, &x4, &x8, &x12)
            quarterRound(&x1, &x5, &x9, &x13)
            quarterRound(&x2, &x6, &x10, &x14)
            quarterRound(&x3, &x7, &x11, &x15)
            quarterRound(&x0, &x5, &x10, &x15)
            quarterRound(&x1, &x6, &x11, &x12)
            quarterRound(&x2, &x7, &x8, &x13)
            quarterRound(&x3, &x4, &x9, &x14)
            rounds &+= 1
        }
        unsafe combineWord(0, x0 &+ 0x6170_7865, source, target)
        unsafe combineWord(1, x1 &+ 0x3320_646E, source, target)
        unsafe combineWord(2, x2 &+ 0x7962_2D32, source, target)
        unsafe combineWord(3, x3 &+ 0x6B20_6574, source, target)
        unsafe combineWord(4, x4 &+ k0, source, target)
        unsafe combineWord(5, x5 &+ k1, source, target)
        unsafe combineWord(6, x6 &+ k2, source, target)
        unsafe combineWord(7, x7 &+ k3, source, target)
        unsafe combineWord(8, x8 &+ k4, source, target)
        unsafe combineWord(9, x9 &+ k5, source, target)
        unsafe combineWord(10, x10 &+ k6, source, target)
        unsafe combineWord(11, x11 &+ k7, source, target)
        unsafe combineWord(12, x12 &+ counter, source, target)
        unsafe combineWord(13, x13 &+ n0, source, target)
        unsafe combineWord(14, x14 &+ n1, source, target)
        unsafe combineWord(15, x15 &+ n2, source, target)
    }

    @inline(__always)
    private func combineWord(
        _ place: Int,
        _ word: UInt32,
        _ source: UnsafeRawPointer,
        _ target: UnsafeMutableRawPointer
    ) {
        let input = unsafe source.loadUnaligned(fromByteOffset: 4 &* place, as: UInt32.self)
        unsafe target.storeBytes(of: input ^ word.littleEndian, toByteOffset: 4 &* place, as: UInt32.self)
    }

    @inline(__always)
    private func quarterRound(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32, _ d: inout UInt32) {
        a = a &+ b
        d = rotate(d ^ a, 16)
        c = c &+ d
        b = rotate(b ^ c, 12)
        a = a &+ b
        d = rotate(d ^ a, 8)
        c = c &+ d
        b = rotate(b ^ c, 7)
    }

    @inline(__always)
    private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        (word &<< count) | (word &>> (32 &- count))
    }
}
