// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite("Canonical equality of values")
struct CanonicalTests {
    struct Pair: Sendable, CustomTestStringConvertible {
        var left: FieldValue
        var right: FieldValue
        var testDescription: String { "\(left) and \(right)" }

        init(_ left: FieldValue, _ right: FieldValue) {
            self.left = left
            self.right = right
        }
    }

    private static func decimal(_ text: String) -> FieldValue {
        .number(Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")) ?? .nan)
    }

    @Test(
        "Values that mean the same are equivalent",
        arguments: [
            Pair(decimal("10"), decimal("10.00")), Pair(decimal("0"), decimal("-0.000")),
            Pair(.money(10, currency: "EUR"), .money(Decimal(1000) / 100, currency: "eur")),
            Pair(.options(["b", "a", "a"]), .options(["a", "b"])),
            Pair(.text("Ame\u{301}lie"), .text("Amélie")),
            Pair(.text(""), .empty), Pair(.options([]), .empty), Pair(.labelled([]), .empty),
            Pair(.address(PostalAddress()), .address(PostalAddress(city: ""))),
            Pair(.instant(Date(timeIntervalSince1970: 1.0004)), .instant(Date(timeIntervalSince1970: 1.0001))),
            Pair(
                .labelled([LabelledText("+33612345678", label: "work"), LabelledText("+33700000000")]),
                .labelled([LabelledText("+33700000000"), LabelledText("+33612345678", label: "work")])
            ),
            Pair(.json(["a": 1, "b": [true, nil]]), .json(["b": [true, nil], "a": 1])),
            Pair(.json(.number(JSONNumber(checked: "1.50e2"))), .json(150)),
        ]
    )
    func same(pair: Pair) {
        #expect(pair.left.isEquivalent(to: pair.right))
        #expect(pair.left.isLooselyEquivalent(to: pair.right))
    }

    @Test(
        "Values that mean something else are not",
        arguments: [
            Pair(.text("10"), .number(10)), Pair(.text("Élodie"), .text("élodie")), Pair(.text("a "), .text("a")),
            Pair(.money(10, currency: "EUR"), .money(10, currency: "USD")), Pair(.flag(false), .empty),
            Pair(.options(["a,b"]), .options(["a", "b"])), Pair(.options(["1:a"]), .options(["a"])),
            Pair(.seconds(10), .number(10)), Pair(.number(0), .empty), Pair(.text("é"), .text("e")),
            Pair(.labelled([LabelledText("a")]), .labelled([LabelledText("a", isPrimary: true)])),
            Pair(.labelled([LabelledText("a")]), .labelled([LabelledText("a", label: "home")])),
            Pair(.address(PostalAddress(street: "a")), .address(PostalAddress(city: "a"))),
            Pair(.json("1"), .json(1)), Pair(.json([1, 2]), .json([2, 1])), Pair(.json([[1], 2]), .json([[1, 2]])),
            Pair(.record(RemoteID(.contact, "1")), .record(RemoteID(.deal, "1"))),
            Pair(.record(RemoteID(.contact, "1")), .record(RemoteID(.contact, "1", parent: ""))),
            Pair(
                .json(.number(JSONNumber(checked: "12345678901234567890123456789012345678901"))),
                .json(.number(JSONNumber(checked: "12345678901234567890123456789012345678902")))
            ),
        ]
    )
    func different(pair: Pair) {
        #expect(!pair.left.isEquivalent(to: pair.right))
    }

    @Test(
        "What a platform stored in its own manner is loosely equivalent",
        arguments: [
            Pair(.text("Ada@Example.FR "), .text("ada@example.fr")), Pair(.text("10.00"), .number(10)),
            Pair(.text("+33 6 12 34 56 78"), .text("+33612345678")), Pair(.text("+33.6.12.34"), .text("+33 6 12-34")),
            Pair(.text("0033612345678"), .text("+33 (0)6 12 34 56 78")), Pair(.options(["vip"]), .text("VIP")),
            Pair(.text("2026-11-20"), .day("2026-11-20")), Pair(.text("true"), .flag(true)),
            Pair(.seconds(184), .number(184)), Pair(.text("a\r\nb\r\n"), .text("a\nb")), Pair(.text("  "), .empty),
            Pair(.text("2026-11-20T15:02:10+01:00"), .instant(Date(timeIntervalSince1970: 1_795_183_330))),
            Pair(.labelled([LabelledText("+33 6 12 34 56 78", isPrimary: true)]), .text("+33612345678")),
            Pair(.options(["Élève", "b"]), .options(["b", "élève"])), Pair(.json("x"), .text("X")),
        ]
    )
    func loose(pair: Pair) {
        #expect(!pair.left.isEquivalent(to: pair.right) || pair.left == pair.right)
        #expect(pair.left.isLooselyEquivalent(to: pair.right))
    }

    @Test(
        "Another value is not even loosely equivalent",
        arguments: [
            Pair(.text("+33612345678"), .text("+33612345679")), Pair(.text("0612345678"), .text("612345678")),
            Pair(.text("Amélie"), .text("Amelie")), Pair(.money(10, currency: "EUR"), .number(10)),
            Pair(.text("2026-11-20"), .text("20261120")), Pair(.number(1), .flag(true)),
            Pair(.text("-100000"), .text("100000")), Pair(.text("AB-12"), .text("AB12")),
            Pair(.labelled([LabelledText("a", label: "home")]), .labelled([LabelledText("a", label: "work")])),
        ]
    )
    func notEvenLoose(pair: Pair) {
        #expect(!pair.left.isLooselyEquivalent(to: pair.right))
    }

    @Test("Equality is an equivalence, and equal values are loosely equal", arguments: 1...6)
    func equivalence(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let values = (0..<60).map { _ in Samples.value(using: &random) }
        for a in values {
            #expect(a.isEquivalent(to: a))
            for b in values {
                #expect(a.isEquivalent(to: b) == b.isEquivalent(to: a))
                if a == b { #expect(a.isEquivalent(to: b)) }
                guard a.isEquivalent(to: b) else { continue }
                #expect(a.isLooselyEquivalent(to: b))
                for c in values where b.isEquivalent(to: c) { #expect(a.isEquivalent(to: c)) }
            }
        }
    }

    @Test("A value that was stored and read again is equivalent to itself", arguments: 1...3)
    func coding(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let value = Samples.value(using: &random)
            let back = try JSONDecoder().decode(FieldValue.self, from: JSONEncoder().encode(value))
            #expect(back.isEquivalent(to: value))
        }
    }
}

/// Values as customers have them: accents, long names, French numbers.
enum Samples {
    static let texts = [
        "", "a", "Amélie", "Ame\u{301}lie", "AMÉLIE", "Jean-Baptiste de La Rochefoucauld-Montmorency",
        "+33612345678", "06 12 34 56 78", "10", "10.00", "2026-11-20", "true", "œuvre & <b>", "a;b", " l’été ",
        "ligne 1\nligne 2", "👩‍👩‍👧 Zoë", "12 rue de l’Église\r\n75001 Paris",
    ]

    static func text(using random: inout SeededGenerator) -> String {
        let text = texts.randomElement(using: &random) ?? ""
        return Bool.random(using: &random) ? text : text + (texts.randomElement(using: &random) ?? "")
    }

    static func decimal(using random: inout SeededGenerator) -> Decimal {
        Decimal(Int.random(in: -500...500, using: &random)) / [1, 10, 100, 1000][Int.random(in: 0..<4, using: &random)]
    }

    static func value(using random: inout SeededGenerator) -> FieldValue {
        switch Int.random(in: 0..<13, using: &random) {
        case 0: .empty
        case 1, 2: .text(text(using: &random))
        case 3: .flag(Bool.random(using: &random))
        case 4: .number(decimal(using: &random))
        case 5: .money(decimal(using: &random), currency: Bool.random(using: &random) ? "EUR" : "USD")
        case 6: .day("2026-11-2\(Int.random(in: 0...9, using: &random))")
        case 7: .instant(Date(timeIntervalSince1970: Double(Int.random(in: 0...3000, using: &random)) / 1000))
        case 8: .seconds(Int.random(in: 0...30, using: &random))
        case 9: .options((0..<Int.random(in: 0...3, using: &random)).map { _ in text(using: &random) })
        case 10:
            .labelled(
                (0..<Int.random(in: 0...2, using: &random)).map { _ in
                    LabelledText(
                        text(using: &random),
                        label: Bool.random(using: &random) ? "work" : nil,
                        isPrimary: Bool.random(using: &random)
                    )
                }
            )
        case 11: .address(PostalAddress(street: text(using: &random), city: "Orléans"))
        default: .json(["b": .string(text(using: &random)), "a": .number(JSONNumber(decimal(using: &random)))])
        }
    }
}
