// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

@Suite struct WycheproofTests {
    @Test func hmacSHA256PassesEveryVector() throws {
        try forEachTest(of: "hmac_sha256_test.json", count: 174) { group, test in
            let length = try #require(group["tagSize"]?.int64) / 8
            let tag = Hashing.hmacSHA256(try bytes("msg", of: test), key: try bytes("key", of: test)).prefix(
                Int(length)
            )
            let agrees = constantTimeEquals(tag, try bytes("tag", of: test))
            #expect(agrees == (test["result"]?.string == "valid"), "\(test["tcId"]?.text ?? "?")")
        }
    }

    @Test func hkdfSHA256PassesEveryVector() throws {
        try forEachTest(of: "hkdf_sha256_test.json", count: 86) { _, test in
            let size = try #require(test["size"]?.int64)
            guard test["result"]?.string == "valid" else {
                // The only invalid ones ask for more than HKDF can give.
                #expect(size > 255 * 32)
                return
            }
            let derived = HKDF.derive(
                from: try bytes("ikm", of: test),
                salt: try bytes("salt", of: test),
                info: try bytes("info", of: test),
                count: Int(size)
            )
            #expect(derived == (try bytes("okm", of: test)), "\(test["tcId"]?.text ?? "?")")
        }
    }

    @Test func chaCha20Poly1305PassesEveryVector() throws {
        var refusedNonces = 0
        try forEachTest(of: "chacha20_poly1305_test.json", count: 325) { _, test in
            let id = test["tcId"]?.text ?? "?"
            let nonce = try bytes("iv", of: test)
            guard nonce.count == ChaCha20Poly1305.nonceLength else {
                // Nonces of another length cannot be passed to the cipher at all.
                #expect(test["result"]?.string == "invalid")
                refusedNonces += 1
                return
            }
            let key = ChaCha20(key: try bytes("key", of: test))
            let data = try bytes("aad", of: test)
            let message = try bytes("msg", of: test)
            let sealed = try bytes("ct", of: test) + bytes("tag", of: test)
            let opened = ChaCha20Poly1305.open(sealed, with: key, nonce: nonce, authenticating: data)
            if test["result"]?.string == "valid" {
                #expect(opened == message, "\(id)")
                #expect(
                    ChaCha20Poly1305.seal(message, with: key, nonce: nonce, authenticating: data) == sealed,
                    "\(id)"
                )
            } else {
                #expect(opened == nil, "\(id)")
            }
        }
        #expect(refusedNonces < 30)
    }

    private func forEachTest(
        of name: String,
        count: Int64,
        _ body: (_ group: JSONValue, _ test: JSONValue) throws -> Void
    ) throws {
        let file = try JSONValue(parsing: TestVectors.data(name))
        #expect(file["numberOfTests"]?.int64 == count)
        var seen: Int64 = 0
        for group in try #require(file["testGroups"]?.array) {
            for test in try #require(group["tests"]?.array) {
                try body(group, test)
                seen += 1
            }
        }
        #expect(seen == count)
    }

    private func bytes(_ name: String, of test: JSONValue) throws -> Data {
        try #require(test[name]?.string.flatMap { Data(hexadecimal: $0) })
    }
}
