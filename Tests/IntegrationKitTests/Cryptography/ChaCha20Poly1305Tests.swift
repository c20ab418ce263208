// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

/// The examples of RFC 8439.
@Suite struct ChaCha20Poly1305Tests {
    private let sunscreen = Data(
        ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            + "sunscreen would be it.").utf8
    )

    @Test func theBlockFunctionGivesTheKeyStreamOfSection232() throws {
        let stream = try combine(
            Data(count: 64),
            key: Data(0..<32),
            nonce: #require(Data(hexadecimal: "000000090000004a00000000"))
        )
        #expect(
            stream.hexadecimal
                == "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                + "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
        )
    }

    @Test func theCipherGivesTheCiphertextOfSection242() throws {
        let ciphertext = try combine(
            sunscreen,
            key: Data(0..<32),
            nonce: #require(Data(hexadecimal: "000000000000004a00000000"))
        )
        #expect(
            ciphertext.hexadecimal
                == "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357"
                + "1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
                + "5af90bbf74a35be6b40b8eedf2785e42874d"
        )
    }

    @Test func theAuthenticatorGivesTheTagOfSection252() throws {
        let key = try #require(
            Data(hexadecimal: "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
        )
        var poly = unsafe key.withUnsafeBytes { unsafe Poly1305(key: $0) }
        unsafe Data("Cryptographic Forum Research Group".utf8).withUnsafeBytes { unsafe poly.absorbEnd($0) }
        let tag = poly.tag()
        #expect(tag.low.byteSwapped == 0xa806_1dc1_3051_36c6)
        #expect(tag.high.byteSwapped == 0xc22b_8baf_0c01_27a9)
    }

    /// Appendix A.3, cases 7 to 11: sums at and above the prime, and carries through every limb.
    @Test(arguments: [
        ("02", "00", ["ff*"], "03"), ("02", "ff*", ["02"], "03"), ("01", "00", ["ff*", "f0ff*", "11"], "05"),
        ("01", "00", ["ff*", "fbfe*", "01*"], "00"), ("02", "00", ["fdff*"], "faff*"),
    ])
    func theAuthenticatorGivesTheTagsOfItsEdgeCases(r: String, s: String, message: [String], tag: String) throws {
        /// Fills a block of 16 bytes: with its last byte if a star stands behind, else with zeros.
        func block(_ text: String) throws -> Data {
            let start = try #require(Data(hexadecimal: text.filter { $0 != "*" }))
            let filler = text.hasSuffix("*") ? start[start.count - 1] : 0
            return start + Data(repeating: filler, count: 16 - start.count)
        }
        let key = try block(r) + block(s)
        var poly = unsafe key.withUnsafeBytes { unsafe Poly1305(key: $0) }
        let bytes = try message.map(block).reduce(Data(), +)
        unsafe bytes.withUnsafeBytes { unsafe poly.absorbEnd($0) }
        let expected = try block(tag)
        let found = poly.tag()
        let words = [found.low, found.high].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
        #expect(Data(words) == expected)
    }

    @Test func theSealGivesTheCiphertextAndTagOfSection282() throws {
        let key = ChaCha20(key: Data(0x80..<0xA0))
        let nonce = try #require(Data(hexadecimal: "070000004041424344454647"))
        let data = try #require(Data(hexadecimal: "50515253c0c1c2c3c4c5c6c7"))
        let sealed = ChaCha20Poly1305.seal(sunscreen, with: key, nonce: nonce, authenticating: data)
        #expect(
            sealed.hexadecimal
                == "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
                + "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                + "3ff4def08e4b7a9de576d26586cec64b6116" + "1ae10b594f09e26a7e902ecbd0600691"
        )
        #expect(ChaCha20Poly1305.open(sealed, with: key, nonce: nonce, authenticating: data) == sunscreen)
    }

    @Test(arguments: Array(0...130) + [255, 256, 257, 1000, 4096])
    func opensWhatItSealsAtEveryLength(count: Int) {
        var bits = SeededGenerator(seed: UInt64(count))
        let key = ChaCha20(key: bits.bytes(32))
        let (nonce, data, message) = (bits.bytes(12), bits.bytes(count % 40), bits.bytes(count))
        let header = bits.bytes(count % 3)
        let sealed = ChaCha20Poly1305.seal(message, with: key, nonce: nonce, authenticating: data, after: header)
        #expect(sealed.prefix(header.count) == header)
        let body = sealed.dropFirst(header.count)
        #expect(ChaCha20Poly1305.open(body, with: key, nonce: nonce, authenticating: data) == message)
        #expect(ChaCha20Poly1305.open(body, with: key, nonce: nonce, authenticating: data + [0]) == nil)
    }

    private func combine(_ message: Data, key: Data, nonce: Data) -> Data {
        var output = message
        unsafe output.withUnsafeMutableBytes { output in
            unsafe message.withUnsafeBytes { message in
                unsafe ChaCha20(key: key).combine(message, into: output, nonce: nonce, counter: 1)
            }
        }
        return output
    }
}
