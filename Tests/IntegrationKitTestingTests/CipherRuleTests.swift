// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct CipherRuleTests {
    @Test(arguments: CipherRule.all) func theBuiltInCipherKeeps(rule: CipherRule) throws {
        try rule.check { try ChaChaPolyCipher(key: $0, purpose: $1) }
        try rule.check(CipherFactory.chaChaPoly.make)
    }

    @Test func everyRuleHasACipherThatBreaksIt() {
        #expect(Set(CipherRule.all.map(\.id)) == Set(Flaw.allCases.map(\.rawValue)))
    }

    @Test(arguments: Flaw.allCases) func catchesTheCipherThatBreaksTheRule(flaw: Flaw) throws {
        let rule = try #require(CipherRule.all.first { $0.id == flaw.rawValue })
        let nonces = Counter()
        let violation = try #require(throws: RuleViolation.self) {
            try rule.check { FlawedCipher(flaw: flaw, key: $0, purpose: $1, nonces: nonces) }
        }
        #expect(violation.rule == rule.id)
        #expect(violation.description.hasPrefix(rule.id))
    }
}

/// What is wrong with a cipher, by the rule that it breaks.
enum Flaw: String, CaseIterable, Sendable {
    case roundTrip, everyLength, restart, fresh, hidden, wrongKey, otherPurpose, otherData, flippedBits, cutOff,
        appended
}

/// Numbers that differ between instances.
final class Counter: Sendable {
    private let value = LockBox(UInt8(0))

    func next() -> UInt8 {
        value.withLock { value in
            value &+= 1
            return value
        }
    }
}

/// A sound cipher (a hash as key stream, an HMAC as tag) but for one flaw.
struct FlawedCipher: CredentialCipher {
    private struct Refusal: Error {}

    private let flaw: Flaw
    private let key: Data
    private let nonces: Counter

    init(flaw: Flaw, key: Data, purpose: String, nonces: Counter) {
        self.flaw = flaw
        self.nonces = nonces
        var input = flaw == .wrongKey ? Data() : key
        if flaw != .otherPurpose { input += Data(purpose.utf8) }
        if flaw == .restart { input.append(nonces.next()) }
        self.key = Hashing.sha256(input)
    }

    func seal(_ plaintext: Data, authenticating data: Data) throws -> Data {
        let nonce = Data([flaw == .fresh ? 0 : nonces.next()])
        var ciphertext = flaw == .hidden ? plaintext : combine(plaintext, nonce)
        if flaw == .everyLength, plaintext.isEmpty { ciphertext = Data([0]) }
        return nonce + tag(nonce + ciphertext, data) + ciphertext
    }

    func open(_ sealed: Data, authenticating data: Data) throws -> Data {
        if flaw == .cutOff, sealed.count < 33 { return Data() }
        guard sealed.count >= 33 else { throw Refusal() }
        let bytes = Data(sealed)
        let nonce = bytes[0..<1]
        var ciphertext = Data(bytes[33...])
        if flaw == .appended, tag(nonce + ciphertext, data) != bytes[1..<33] {
            for count in 0..<ciphertext.count where tag(nonce + ciphertext.prefix(count), data) == bytes[1..<33] {
                ciphertext = Data(ciphertext.prefix(count))
                break
            }
        }
        if flaw != .flippedBits { guard tag(nonce + ciphertext, data) == bytes[1..<33] else { throw Refusal() } }
        let plaintext = flaw == .hidden ? ciphertext : combine(ciphertext, nonce)
        return flaw == .roundTrip ? Data(plaintext.reversed()) : plaintext
    }

    private func tag(_ message: Data, _ data: Data) -> Data {
        let place = flaw == .otherData ? Data() : Hashing.sha256(data)
        return Hashing.hmacSHA256(place + message, key: key)
    }

    private func combine(_ message: Data, _ nonce: Data) -> Data {
        var output = Data(capacity: message.count)
        var stream = Data()
        for (place, byte) in message.enumerated() {
            if place % 32 == 0 { stream = Hashing.sha256(key + nonce + Data("\(place)".utf8)) }
            output.append(byte ^ stream[place % 32])
        }
        return output
    }
}
