// SPDX-License-Identifier: Apache-2.0

/// The Poly1305 authenticator (RFC 8439), in five limbs of 26 bits: no product leaves 64 bits, and neither a branch nor
/// an address depends on a secret.
struct Poly1305 {
    private let (r0, r1, r2, r3, r4): (UInt64, UInt64, UInt64, UInt64, UInt64)
    private let (s0, s1, s2, s3): (UInt32, UInt32, UInt32, UInt32)
    private var (h0, h1, h2, h3, h4): (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)

    /// Takes a key of 32 bytes, which must never authenticate a second message.
    init(key: UnsafeRawBufferPointer) {
        let (a, b, c, d) = unsafe (
            Poly1305.word(key, 0), Poly1305.word(key, 4), Poly1305.word(key, 8), Poly1305.word(key, 12)
        )
        r0 = UInt64(a & 0x03FF_FFFF)
        r1 = UInt64((a >> 26 | b << 6) & 0x03FF_FF03)
        r2 = UInt64((b >> 20 | c << 12) & 0x03FF_C0FF)
        r3 = UInt64((c >> 14 | d << 18) & 0x03F0_3FFF)
        r4 = UInt64((d >> 8) & 0x000F_FFFF)
        s0 = unsafe Poly1305.word(key, 16)
        s1 = unsafe Poly1305.word(key, 20)
        s2 = unsafe Poly1305.word(key, 24)
        s3 = unsafe Poly1305.word(key, 28)
    }

    /// Takes in bytes and then the zeros that fill up their last block of 16.
    mutating func absorbPadded(_ bytes: UnsafeRawBufferPointer) {
        let rest = bytes.count & 15
        let whole = bytes.count & ~15
        unsafe absorb(blocks: bytes, upTo: whole, marker: 1 << 24)
        if rest > 0 { unsafe absorbLast(bytes, from: whole, marker: 0, filled: 1 << 24) }
    }

    /// Takes in the end of a message, marked as Poly1305 by itself does.
    mutating func absorbEnd(_ bytes: UnsafeRawBufferPointer) {
        let rest = bytes.count & 15
        let whole = bytes.count & ~15
        unsafe absorb(blocks: bytes, upTo: whole, marker: 1 << 24)
        if rest > 0 { unsafe absorbLast(bytes, from: whole, marker: 1, filled: 0) }
    }

    private mutating func absorbLast(
        _ bytes: UnsafeRawBufferPointer,
        from start: Int,
        marker: UInt8,
        filled: UInt64
    ) {
        unsafe withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { block in
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe block.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start...]))
            unsafe block[bytes.count - start] = marker
            unsafe absorb(blocks: UnsafeRawBufferPointer(block), upTo: 16, marker: filled)
        }
    }

    private mutating func absorb(blocks: UnsafeRawBufferPointer, upTo end: Int, marker: UInt64) {
        let (r0, r1, r2, r3, r4) = (r0, r1, r2, r3, r4)
        let (t1, t2, t3, t4) = (r1 &* 5, r2 &* 5, r3 &* 5, r4 &* 5)
        var (h0, h1, h2, h3, h4) = (h0, h1, h2, h3, h4)
        let mask: UInt64 = 0x03FF_FFFF
        var place = 0
        while place < end {
            let low = unsafe UInt64(littleEndian: blocks.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            let high = unsafe UInt64(littleEndian: blocks.loadUnaligned(fromByteOffset: place &+ 8, as: UInt64.self))
            h0 = h0 &+ (low & mask)
            h1 = h1 &+ ((low &>> 26) & mask)
            h2 = h2 &+ (((low &>> 52) | (high &<< 12)) & mask)
            h3 = h3 &+ ((high &>> 14) & mask)
            h4 = h4 &+ ((high &>> 40) | marker)

            var d0 = h0 &* r0 &+ h1 &* t4
            d0 = d0 &+ h2 &* t3 &+ h3 &* t2
            d0 = d0 &+ h4 &* t1
            var d1 = h0 &* r1 &+ h1 &* r0
            d1 = d1 &+ h2 &* t4 &+ h3 &* t3
            d1 = d1 &+ h4 &* t2
            var d2 = h0 &* r2 &+ h1 &* r1
            d2 = d2 &+ h2 &* r0 &+ h3 &* t4
            d2 = d2 &+ h4 &* t3
            var d3 = h0 &* r3 &+ h1 &* r2
            d3 = d3 &+ h2 &* r1 &+ h3 &* r0
            d3 = d3 &+ h4 &* t4
            var d4 = h0 &* r4 &+ h1 &* r3
            d4 = d4 &+ h2 &* r2 &+ h3 &* r1
            d4 = d4 &+ h4 &* r0

            d1 = d1 &+ (d0 &>> 26)
            d2 = d2 &+ (d1 &>> 26)
            d3 = d3 &+ (d2 &>> 26)
            d4 = d4 &+ (d3 &>> 26)
            h0 = (d0 & mask) &+ (d4 &>> 26) &* 5
            h1 = (d1 & mask) &+ (h0 &>> 26)
            h0 &= mask
            h2 = d2 & mask
            h3 = d3 & mask
            h4 = d4 & mask
            place &+= 16
        }
        (self.h0, self.h1, self.h2, self.h3, self.h4) = (h0, h1, h2, h3, h4)
    }

    /// Returns the 16 bytes of the tag as two little-endian words.
    func tag() -> (low: UInt64, high: UInt64) {
        let mask: UInt64 = 0x03FF_FFFF
        var (h0, h1, h2, h3, h4) = (h0, h1, h2, h3, h4)
        h2 = h2 &+ (h1 &>> 26)
        h1 &= mask
        h3 = h3 &+ (h2 &>> 26)
        h2 &= mask
        h4 = h4 &+ (h3 &>> 26)
        h3 &= mask
        h0 = h0 &+ (h4 &>> 26) &* 5
        h4 &= mask
        h1 = h1 &+ (h0 &>> 26)
        h0 &= mask

        // Subtracts the prime 2^130 - 5 if h is not below it: g is h - p, and its borrow chooses.
        var g0 = h0 &+ 5
        var g1 = h1 &+ (g0 &>> 26)
        var g2 = h2 &+ (g1 &>> 26)
        var g3 = h3 &+ (g2 &>> 26)
        let g4 = h4 &+ (g3 &>> 26) &- (1 &<< 26)
        g0 &= mask
        g1 &= mask
        g2 &= mask
        g3 &= mask
        let chooseG = (g4 &>> 63) &- 1
        h0 = (h0 & ~chooseG) | (g0 & chooseG)
        h1 = (h1 & ~chooseG) | (g1 & chooseG)
        h2 = (h2 & ~chooseG) | (g2 & chooseG)
        h3 = (h3 & ~chooseG) | (g3 & chooseG)
        h4 = (h4 & ~chooseG) | (g4 & chooseG)

        let w0 = ((h0 | (h1 &<< 26)) & 0xFFFF_FFFF) &+ UInt64(s0)
        let w1 = (((h1 &>> 6) | (h2 &<< 20)) & 0xFFFF_FFFF) &+ UInt64(s1) &+ (w0 &>> 32)
        let w2 = (((h2 &>> 12) | (h3 &<< 14)) & 0xFFFF_FFFF) &+ UInt64(s2) &+ (w1 &>> 32)
        let w3 = (((h3 &>> 18) | (h4 &<< 8)) & 0xFFFF_FFFF) &+ UInt64(s3) &+ (w2 &>> 32)
        return ((w0 & 0xFFFF_FFFF) | (w1 &<< 32), (w2 & 0xFFFF_FFFF) | (w3 &<< 32))
    }

    private static func word(_ key: UnsafeRawBufferPointer, _ place: Int) -> UInt32 {
        unsafe UInt32(littleEndian: key.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
}
