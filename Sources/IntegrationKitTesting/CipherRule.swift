// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// A rule that every ``CredentialCipher`` keeps.
///
/// ```swift
/// @Test(arguments: CipherRule.all) func obeys(rule: CipherRule) throws {
///     try rule.check { key, purpose in HostCipher(key: key, purpose: purpose) }
/// }
/// ```
public struct CipherRule: Sendable, CustomStringConvertible {
    /// Makes a cipher for a key of 32 bytes and a purpose.
    public typealias Make = @Sendable (_ key: Data, _ purpose: String) throws -> any CredentialCipher

    /// The rule's name.
    public let id: String
    /// What a cipher that keeps the rule does.
    public let sentence: String
    private let body: @Sendable (_ rule: CipherRule, _ make: Make) throws -> Void

    private init(
        _ id: String,
        _ sentence: String,
        _ body: @escaping @Sendable (_ rule: CipherRule, _ make: Make) throws -> Void
    ) {
        self.id = id
        self.sentence = sentence
        self.body = body
    }

    /// The name and the sentence.
    public var description: String { "\(id): \(sentence)" }

    /// Checks the rule.
    ///
    /// - Parameter make: Makes the ciphers to check.
    /// - Throws: ``RuleViolation`` if the rule is broken, and whatever making or sealing throws.
    public func check(_ make: Make) throws {
        try body(self, make)
    }

    /// Every rule.
    public static let all: [CipherRule] = [
        roundTrip, everyLength, restart, fresh, hidden, wrongKey, otherPurpose, otherData, flippedBits, cutOff,
        appended,
    ]

    private static let key = Data((0..<32).map { UInt8($0) })
    private static let otherKey = Data((1...32).map { UInt8($0) })
    private static let message = Data("refresh-token-9f1c".utf8)
    private static let place = Data("tenant/integration/record".utf8)

    private func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
        if !holds { throw RuleViolation(rule: id, message()) }
    }

    private func open(_ sealed: Data, _ data: Data, with cipher: any CredentialCipher) throws -> Data {
        do {
            return try cipher.open(sealed, authenticating: data)
        } catch {
            throw RuleViolation(rule: id, "what was sealed does not open: \(error)")
        }
    }

    private func requireRefusal(
        _ cipher: any CredentialCipher,
        _ sealed: Data,
        _ data: Data,
        _ message: @autoclosure () -> String
    ) throws {
        let opened: Data
        do { opened = try cipher.open(sealed, authenticating: data) } catch { return }
        throw RuleViolation(rule: id, "\(message()) opened, to \(opened.count) bytes")
    }
}

extension CipherRule {
    /// What was sealed opens.
    public static let roundTrip = CipherRule("roundTrip", "opens what it sealed") { rule, make in
        let cipher = try make(key, "credential")
        let sealed = try cipher.seal(message, authenticating: place)
        try rule.require(try rule.open(sealed, place, with: cipher) == message, "another message came back")
        let withoutData = try cipher.seal(message, authenticating: Data())
        try rule.require(
            try rule.open(withoutData, Data(), with: cipher) == message,
            "another message came back without associated data"
        )
    }

    /// Every length from none to many blocks works.
    public static let everyLength = CipherRule("everyLength", "seals empty and large messages") { rule, make in
        let cipher = try make(key, "credential")
        for count in [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 100_000] {
            let message = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let sealed = try cipher.seal(message, authenticating: place)
            try rule.require(
                try rule.open(sealed, place, with: cipher) == message,
                "another message than the one of \(count) bytes came back"
            )
        }
    }

    /// Another instance with the same key and purpose opens what the first one sealed.
    public static let restart = CipherRule("restart", "opens what an earlier instance sealed") { rule, make in
        let sealed = try make(key, "credential").seal(message, authenticating: place)
        let opened = try rule.open(sealed, place, with: make(key, "credential"))
        try rule.require(opened == message, "another message came back from a second instance")
    }

    /// The same message is never sealed to the same bytes, neither by one instance nor by two.
    public static let fresh = CipherRule("fresh", "never seals a message to the same bytes twice") { rule, make in
        let (first, second) = (try make(key, "credential"), try make(key, "credential"))
        var seen: Set<Data> = []
        for number in 0..<50 {
            let sealed = try (number % 2 == 0 ? first : second).seal(message, authenticating: place)
            try rule.require(seen.insert(sealed).inserted, "the same bytes came out twice")
        }
    }

    /// The sealed bytes show neither the message nor the key.
    public static let hidden = CipherRule("hidden", "shows neither the message nor the key") { rule, make in
        let sealed = try make(key, "credential").seal(message, authenticating: place)
        try rule.require(sealed.range(of: message) == nil, "the message stands in the sealed bytes")
        try rule.require(sealed.range(of: key) == nil, "the key stands in the sealed bytes")
    }

    /// What was sealed under another key is refused.
    public static let wrongKey = CipherRule("wrongKey", "refuses what another key sealed") { rule, make in
        let sealed = try make(key, "credential").seal(message, authenticating: place)
        try rule.requireRefusal(make(otherKey, "credential"), sealed, place, "a message of another key")
    }

    /// What was sealed for another purpose is refused.
    public static let otherPurpose = CipherRule("otherPurpose", "keeps purposes apart") { rule, make in
        let sealed = try make(key, "credential").seal(message, authenticating: place)
        try rule.requireRefusal(make(key, "row"), sealed, place, "a message of another purpose")
    }

    /// What was sealed with other associated data is refused.
    public static let otherData = CipherRule("otherData", "refuses other associated data") { rule, make in
        let cipher = try make(key, "credential")
        let sealed = try cipher.seal(message, authenticating: place)
        for other in [Data(), place + [0], place.dropLast(), Data(place.reversed())] {
            try rule.requireRefusal(cipher, sealed, other, "a message with other associated data")
        }
        let withoutData = try cipher.seal(message, authenticating: Data())
        try rule.requireRefusal(cipher, withoutData, place, "a message without associated data")
    }

    /// A message with any bit flipped is refused.
    public static let flippedBits = CipherRule("flippedBits", "refuses a change of any bit") { rule, make in
        let cipher = try make(key, "credential")
        let sealed = try cipher.seal(message, authenticating: place)
        for bit in 0..<sealed.count * 8 {
            var changed = [UInt8](sealed)
            changed[bit / 8] ^= 1 << (bit % 8)
            try rule.requireRefusal(cipher, Data(changed), place, "a message with bit \(bit) flipped")
        }
    }

    /// A message cut off at any length is refused, and does no other harm.
    public static let cutOff = CipherRule("cutOff", "refuses a message cut off anywhere") { rule, make in
        let cipher = try make(key, "credential")
        let sealed = try cipher.seal(message, authenticating: place)
        for count in 0..<sealed.count {
            try rule.requireRefusal(cipher, sealed.prefix(count), place, "a message cut off to \(count) bytes")
            try rule.requireRefusal(cipher, sealed.suffix(count), place, "the last \(count) bytes of a message")
        }
    }

    /// A message with something behind it is refused.
    public static let appended = CipherRule("appended", "refuses a message with more behind it") { rule, make in
        let cipher = try make(key, "credential")
        let sealed = try cipher.seal(message, authenticating: place)
        for extra in [Data([0]), Data(count: 16), sealed] {
            try rule.requireRefusal(cipher, sealed + extra, place, "a message with \(extra.count) bytes behind it")
        }
    }
}
