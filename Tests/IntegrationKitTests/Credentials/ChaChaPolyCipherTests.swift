// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

@Suite struct ChaChaPolyCipherTests {
    private let key = Data(repeating: 7, count: 32)

    private func salt(_ sealed: Data) -> Data { Data(sealed.dropFirst(17).prefix(16)) }
    private func nonce(_ sealed: Data) -> Data { Data(sealed.dropFirst(33).prefix(12)) }

    @Test func takesANewSaltBeforeNoncesCouldRepeat() throws {
        let cipher = try ChaChaPolyCipher(key: key, purpose: "row", random: .system, sealsPerSalt: 4)
        let sealed = (0..<12).map { cipher.seal(Data([UInt8($0)]), authenticating: Data()) }
        let salts = sealed.map(salt)
        #expect(Set(salts).count == 3)
        for group in 0..<3 { #expect(Set(salts[4 * group..<4 * group + 4]).count == 1) }
        #expect(Set(sealed.map { salt($0) + nonce($0) }).count == 12)
        for (number, sealed) in sealed.enumerated() {
            #expect(try cipher.open(sealed, authenticating: Data()) == Data([UInt8(number)]))
        }
    }

    @Test func theLimitOfSealsKeepsTheStatedBound() throws {
        #expect(try ChaChaPolyCipher(key: key, purpose: "row").sealsPerSalt == ChaChaPolyCipher.mostSealsPerSalt)
        let seals = Double(ChaChaPolyCipher.mostSealsPerSalt)
        #expect(seals * (seals - 1) / 2 / 0x1p96 < 0x1p-49)
    }

    @Test func opensMoreSaltsThanItRemembers() throws {
        let cipher = try ChaChaPolyCipher(key: key, purpose: "row", random: .system, sealsPerSalt: 1)
        let sealed = (0..<600).map { cipher.seal(Data("\($0)".utf8), authenticating: Data()) }
        for round in 0..<2 {
            for (number, sealed) in sealed.enumerated() {
                #expect(try cipher.open(sealed, authenticating: Data()) == Data("\(number)".utf8), "\(round)")
            }
        }
    }

    @Test func neverRepeatsANonceAmongManyTasks() async throws {
        let cipher = try ChaChaPolyCipher(key: key, purpose: "row", random: .system, sealsPerSalt: 50)
        let sealed = await withTaskGroup(of: [Data].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<100).map { _ in cipher.seal(Data(), authenticating: Data()) } }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(sealed.map { salt($0) + nonce($0) }).count == 800)
        let perSalt = Dictionary(grouping: sealed, by: salt).mapValues(\.count)
        #expect(perSalt.values.allSatisfy { $0 <= 50 })
    }

    @Test func hasAFormatThatDoesNotChange() throws {
        // Everything random is fixed; the bytes were computed with an independent implementation.
        let next = LockBox(UInt64(0))
        let random = RandomSource {
            next.withLock {
                $0 += 1; return $0
            }
        }
        let sealed = try ChaChaPolyCipher(key: key, purpose: "row", random: random)
            .seal(Data("message".utf8), authenticating: Data("place".utf8))
        #expect(sealed.count == 1 + 16 + 16 + 12 + 7 + 16)
        #expect(sealed.first == 1)
        #expect(
            sealed.hexadecimal
                == "01eced5a32714c80c3e7ac0a88962d556f01000000000000000200000000000000030000000000000004000000"
                + "aa9bc3bb14148369938fb33fa62ef59c4ee0026884895d"
        )
        let again = try ChaChaPolyCipher(key: key, purpose: "row")
        #expect(try again.open(sealed, authenticating: Data("place".utf8)) == Data("message".utf8))
    }

    @Test func tellsAnotherKeyFromAChangedMessage() throws {
        let sealed = try ChaChaPolyCipher(key: key, purpose: "row").seal(Data(), authenticating: Data())
        let other = try ChaChaPolyCipher(key: Data(repeating: 8, count: 32), purpose: "row")
        let wrongKey = try #require(throws: IntegrationError.self) { try other.open(sealed, authenticating: Data()) }
        #expect(wrongKey.code == .unreadableSecret)
        #expect(wrongKey.message.contains("another key"))
        let moved = try #require(throws: IntegrationError.self) {
            try ChaChaPolyCipher(key: key, purpose: "row").open(sealed, authenticating: Data([1]))
        }
        #expect(moved.code == .unreadableSecret)
        #expect(moved.message.contains("another place"))
    }

    @Test(arguments: [0, 16, 31, 33, 64]) func refusesAKeyOfAnotherLength(count: Int) throws {
        let key = Data(count: count)
        let error = try #require(throws: IntegrationError.self) { try Keyring(current: key) }
        #expect(error.code == .invalidInput)
        #expect(error.message.contains("\(count) bytes"))
        #expect(throws: IntegrationError.self) { try Keyring(current: self.key, older: [key]) }
        #expect(throws: IntegrationError.self) { try ChaChaPolyCipher(key: key, purpose: "row") }
    }

    @Test func aKeyringReadsKeysInBase64() throws {
        let text = Secret(key.base64EncodedString() + "\n")
        let wrapped = try Keyring(current: text).wrap(Data("data key".utf8), for: "acme")
        let keyring = try Keyring(current: Data(repeating: 9, count: 32), older: [key])
        #expect(try keyring.unwrap(wrapped, for: "acme") == Data("data key".utf8))
        #expect(!keyring.isCurrent(wrapped))
        #expect(try Keyring(current: text).isCurrent(wrapped))
        let error = try #require(throws: IntegrationError.self) { try Keyring(current: Secret("4711 is no base64!")) }
        #expect(error.code == .invalidInput)
        #expect(!error.description.contains("4711"))
    }
}
