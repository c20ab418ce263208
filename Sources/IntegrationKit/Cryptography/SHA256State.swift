// SPDX-License-Identifier: Apache-2.0

/// SHA-256 (FIPS 180-4).
struct SHA256State: HashState {
    static let digestWords = 8

    private(set) var words = SIMD8<UInt32>(
        0x6A09_E667,
        0xBB67_AE85,
        0x3C6E_F372,
        0xA54F_F53A,
        0x510E_527F,
        0x9B05_688C,
        0x1F83_D9AB,
        0x5BE0_CD19
    )

    private static let constants: [UInt32] = [
        0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5,
        0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174,
        0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA,
        0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7, 0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967,
        0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85,
        0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070,
        0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
        0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2,
    ]

    /// The first 64 bits of the digest.
    var prefix: UInt64 { UInt64(words[0]) << 32 | UInt64(words[1]) }

    mutating func absorb(_ blocks: UnsafeRawBufferPointer) {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4 * 64) { schedules in
            guard let w = schedules.baseAddress else { return }
            var place = 0
            while place < blocks.count {
                let count = min(4, (blocks.count &- place) / 64)
                for lane in 0..<4 {
                    // The last block fills idle lanes.
                    let start = place &+ 64 &* min(lane, count &- 1)
                    for i in 0..<16 {
                        unsafe w[4 &* i &+ lane] = UInt32(
                            bigEndian: blocks.loadUnaligned(fromByteOffset: start &+ 4 &* i, as: UInt32.self)
                        )
                    }
                }
                unsafe Self.extend(w)
                for lane in 0..<count { unsafe absorb(w + lane) }
                place &+= 64 &* count
            }
            unsafe schedules.update(repeating: 0)
        }
    }

    /// Makes the schedules of four blocks at once, their words in turns: a loop that compilers turn into vectors.
    private static func extend(_ w: UnsafeMutablePointer<UInt32>) {
        for i in 64..<256 {
            let x = unsafe w[i &- 60]
            let y = unsafe w[i &- 8]
            let s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x &>> 3)
            let s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y &>> 10)
            unsafe w[i] = w[i &- 64] &+ s0 &+ w[i &- 28] &+ s1
        }
        unsafe constants.withUnsafeBufferPointer { k in
            for i in 0..<64 {
                for lane in 0..<4 { unsafe w[4 &* i &+ lane] &+= k[i] }
            }
        }
    }

    /// Absorbs a block; its words, with the constants added, stand four apart.
    private mutating func absorb(_ w: UnsafePointer<UInt32>) {
        var (a, b, c, d) = (words[0], words[1], words[2], words[3])
        var (e, f, g, h) = (words[4], words[5], words[6], words[7])
        var i = 0
        // Eight rounds, with the variables renamed instead of moved.
        while i < 256 {
            unsafe Self.round(a, b, c, &d, e, f, g, &h, w[i])
            unsafe Self.round(h, a, b, &c, d, e, f, &g, w[i &+ 4])
            unsafe Self.round(g, h, a, &b, c, d, e, &f, w[i &+ 8])
            unsafe Self.round(f, g, h, &a, b, c, d, &e, w[i &+ 12])
            unsafe Self.round(e, f, g, &h, a, b, c, &d, w[i &+ 16])
            unsafe Self.round(d, e, f, &g, h, a, b, &c, w[i &+ 20])
            unsafe Self.round(c, d, e, &f, g, h, a, &b, w[i &+ 24])
            unsafe Self.round(b, c, d, &e, f, g, h, &a, w[i &+ 28])
            i &+= 32
        }
        words = words &+ SIMD8(a, b, c, d, e, f, g, h)
    }

    @inline(__always)
    private static func round(
        _ a: UInt32,
        _ b: UInt32,
        _ c: UInt32,
        _ d: inout UInt32,
        _ e: UInt32,
        _ f: UInt32,
        _ g: UInt32,
        _ h: inout UInt32,
        _ input: UInt32
    ) {
        let t = h &+ input &+ (g ^ (e & (f ^ g))) &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25))
        d = d &+ t
        h = t &+ (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ ((a & b) | (c & (a | b)))
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        (word &>> count) | (word &<< (32 &- count))
    }
}
