// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

@Suite struct HashingTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func sha256GivesThePublishedDigests(message: String, digest: String) {
        #expect(Hashing.sha256(Data(message.utf8)).hexadecimal == digest)
    }

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
    ])
    func sha1GivesThePublishedDigests(message: String, digest: String) {
        #expect(Hashing.sha1(Data(message.utf8)).hexadecimal == digest)
    }

    /// RFC 4231, cases 1 to 4, 6 and 7.
    @Test(arguments: [
        (
            String(repeating: "0b", count: 20), "4869205468657265",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            "0102030405060708090a0b0c0d0e0f10111213141516171819", String(repeating: "cd", count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            String(repeating: "aa", count: 131),
            Data("Test Using Larger Than Block-Size Key - Hash Key First".utf8).hexadecimal,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            String(repeating: "aa", count: 131),
            Data(
                ("This is a test using a larger than block-size key and a larger than block-size data. "
                    + "The key needs to be hashed before being used by the HMAC algorithm.").utf8
            ).hexadecimal,
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ])
    func hmacSHA256GivesThePublishedCodes(key: String, message: String, code: String) throws {
        let key = try #require(Data(hexadecimal: key))
        let message = try #require(Data(hexadecimal: message))
        #expect(Hashing.hmacSHA256(message, key: key).hexadecimal == code)
    }

    /// RFC 2202, cases 1, 2 and 6.
    @Test(arguments: [
        (String(repeating: "0b", count: 20), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
        ("4a656665", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (
            String(repeating: "aa", count: 80), "Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        ),
    ])
    func hmacSHA1GivesThePublishedCodes(key: String, message: String, code: String) throws {
        let key = try #require(Data(hexadecimal: key))
        #expect(Hashing.hmacSHA1(Data(message.utf8), key: key).hexadecimal == code)
    }

    /// RFC 5869, cases 1 and 3.
    @Test func hkdfGivesThePublishedKeys() throws {
        let key = Data(repeating: 0x0B, count: 22)
        let salt = try #require(Data(hexadecimal: "000102030405060708090a0b0c"))
        let info = try #require(Data(hexadecimal: "f0f1f2f3f4f5f6f7f8f9"))
        #expect(
            HKDF.derive(from: key, salt: salt, info: info, count: 42).hexadecimal
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        )
        #expect(
            HKDF.derive(from: key, info: Data(), count: 42).hexadecimal
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        )
    }

    @Test func paddingIsRightAtEveryLengthAroundABlock() {
        // Each length's digest goes into the next message; the end was computed with another implementation.
        var sha256 = Data()
        var sha1 = Data()
        for length in 0..<200 {
            let message = Data((0..<length).map { UInt8($0) })
            sha256 = Hashing.sha256(sha256 + message)
            sha1 = Hashing.sha1(sha1 + message)
        }
        #expect(sha256.hexadecimal == "5ecbbaffda71d8baac2824aa44032b914719a7a380e167047fe84747c8b1b220")
        #expect(sha1.hexadecimal == "7e229e2e459ad7800b7618b1f53825cbc7be2639")
    }

    @Test func digestsASliceOfData() {
        #expect(Hashing.sha256(Data("xabcx".utf8)[1..<4]) == Hashing.sha256(Data("abc".utf8)))
    }

    @Test func comparesInConstantTimeAndRightly() {
        #expect(constantTimeEquals(Data(), Data()))
        #expect(constantTimeEquals(Data([1, 2, 3]), Data([0, 1, 2, 3])[1...]))
        #expect(!constantTimeEquals(Data([1, 2, 3]), Data([1, 2])))
        for bit in 0..<64 {
            var changed = Data(repeating: 0x5A, count: 8)
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(!constantTimeEquals(changed, Data(repeating: 0x5A, count: 8)))
        }
    }

    /// RFC 4648, section 10, in lower case and without padding.
    @Test(arguments: [
        ("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"), ("fooba", "mzxw6ytb"),
        ("foobar", "mzxw6ytboi"),
    ])
    func writesBase32(text: String, base32: String) {
        #expect(Data(text.utf8).base32 == base32)
    }

    @Test func readsAndWritesHexadecimal() {
        let all = Data((0...255).map { UInt8($0) })
        #expect(Data(hexadecimal: all.hexadecimal) == all)
        #expect(Data(hexadecimal: all.hexadecimal.uppercased()) == all)
        for text in ["0", "0g", "0x00", " 00", "000"] { #expect(Data(hexadecimal: text) == nil) }
    }
}
