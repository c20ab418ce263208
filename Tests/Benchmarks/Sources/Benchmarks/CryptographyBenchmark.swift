// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// Hashing and sealing beside swift-crypto, which is BoringSSL.
enum CryptographyBenchmark {
    static func run(_ meter: Meter) throws {
        for rule in CipherRule.all { try rule.check { SwiftCryptoCipher(key: $0, purpose: $1) } }
        let key = Data((0..<32).map { UInt8($0) })
        let small = Data((0..<512).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let large = Data((0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let place = Data("tenant/integration/job/key".utf8)
        let ours = try ChaChaPolyCipher(key: key, purpose: "row")
        let theirs = SwiftCryptoCipher(key: key, purpose: "row")
        let aim = "0.25x"
        try meter.compare(
            "SHA-256 of 1 MiB",
            per: 1,
            "MiB/s",
            aim: aim,
            ours: { Meter.consume(Hashing.sha256(large)) },
            theirs: { Meter.consume(SHA256.hash(data: large)) }
        )
        try meter.compare(
            "SHA-256 of 512 bytes",
            per: 1,
            "/s",
            aim: aim,
            ours: { Meter.consume(Hashing.sha256(small)) },
            theirs: { Meter.consume(Data(SHA256.hash(data: small))) }
        )
        try meter.compare(
            "HMAC-SHA-256 of 512 bytes",
            per: 1,
            "/s",
            aim: aim,
            ours: { Meter.consume(Hashing.hmacSHA256(small, key: key)) },
            theirs: {
                Meter.consume(
                    Data(HMAC<SHA256>.authenticationCode(for: small, using: SymmetricKey(data: key)))
                )
            }
        )
        for (name, message) in [("512 bytes", small), ("1 MiB", large)] {
            try meter.compare(
                "seal \(name)",
                per: 1,
                "/s",
                aim: aim,
                ours: { Meter.consume(ours.seal(message, authenticating: place)) },
                theirs: { Meter.consume(try theirs.seal(message, authenticating: place)) }
            )
            let (sealedByUs, sealedByThem) = (
                ours.seal(message, authenticating: place), try theirs.seal(message, authenticating: place)
            )
            try meter.compare(
                "open \(name)",
                per: 1,
                "/s",
                aim: aim,
                ours: { Meter.consume(try ours.open(sealedByUs, authenticating: place)) },
                theirs: { Meter.consume(try theirs.open(sealedByThem, authenticating: place)) }
            )
        }
    }
}
