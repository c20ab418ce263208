// SPDX-License-Identifier: Apache-2.0

/// SHA-1 (FIPS 180-4): broken for signatures, still sound in HMAC, and demanded by some platforms.
struct SHA1State: HashState {
    static let digestWords = 5

    private(set) var words = SIMD8<UInt32>(
        0x6745_2301,
        0xEFCD_AB89,
        0x98BA_DCFE,
        0x1032_5476,
        0xC3D2_E1F0,
        0,
        0,
        0
    )

    mutating func absorb(_ blocks: UnsafeRawBufferPointer) {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
            guard let w = schedule.baseAddress else { return }
            var place = 0
            while place < blocks.count {
                for i in 0..<16 {
                    unsafe w[i] = UInt32(
                        bigEndian: blocks.loadUnaligned(fromByteOffset: place &+ 4 &* i, as: UInt32.self)
                    )
                }
                unsafe absorb(w)
                place &+= 64
            }
            unsafe schedule.update(repeating: 0)
        }
    }

    private mutating func absorb(_ w: UnsafeMutablePointer<UInt32>) {
        for i in 16..<80 {
            unsafe w[i] = rotate(w[i &- 3] ^ w[i &- 8] ^ w[i &- 14] ^ w[i &- 16], 1)
        }
        var (a, b, c, d, e) = (words[0], words[1], words[2], words[3], words[4])
        for i in 0..<80 {
            let mix: UInt32
            switch i {
            case 0..<20: mix = (d ^ (b & (c ^ d))) &+ 0x5A82_7999
            case 20..<40: mix = (b ^ c ^ d) &+ 0x6ED9_EBA1
            case 40..<60: mix = ((b & c) | (d & (b | c))) &+ 0x8F1B_BCDC
            default: mix = (b ^ c ^ d) &+ 0xCA62_C1D6
            }
            let t = unsafe rotate(a, 5) &+ mix &+ e &+ w[i]
            (a, b, c, d, e) = (t, a, rotate(b, 30), c, d)
        }
        words = words &+ SIMD8(a, b, c, d, e, 0, 0, 0)
    }

    @inline(__always)
    private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        (word &<< count) | (word &>> (32 &- count))
    }
}
