// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite("Transforms")
struct FieldTransformTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var transform: FieldTransform
        var host: FieldValue
        var remote: FieldValue
        /// What the platform's value becomes on the way back; nil: the host's value.
        var back: FieldValue?
        var testDescription: String { "\(transform.name): \(host)" }

        init(_ transform: FieldTransform, _ host: FieldValue, _ remote: FieldValue, back: FieldValue? = nil) {
            self.transform = transform
            self.host = host
            self.remote = remote
            self.back = back
        }
    }

    static let paris = MappingContext(timeZone: TimeZone(identifier: "Europe/Paris") ?? .gmt, currency: "EUR")
    static let french = FieldTransform.phone(callingCode: "33")
    static let stages = FieldTransform.values(["prospect": "lead", "client": "customer", "ancien": "customer"])

    @Test(
        "Carries a value out and home",
        arguments: [
            Case(.trimmed, "  Zoë ", "Zoë", back: "Zoë"),
            Case(.lowercased, "ÉLODIE@EXAMPLE.FR", "élodie@example.fr", back: "élodie@example.fr"),
            Case(.uppercased, .options(["é"]), .options(["É"]), back: .options(["É"])),
            Case(french, "06 12 34 56 78", "+33612345678", back: "+33612345678"),
            Case(french, "+33 (0)6-12.34.56.78", "+33612345678", back: "+33612345678"),
            Case(french, "0033 6 12 34 56 78", "+33612345678", back: "+33612345678"),
            Case(french, "33612345678", "+33612345678", back: "+33612345678"),
            Case(french, "612345678", "+33612345678", back: "+33612345678"),
            Case(french, "+49 30 901820", "+4930901820", back: "+4930901820"),
            Case(french, "poste 12", "poste 12"), Case(french, "3615", "3615"),
            Case(french, "06 12 34 56 78 (bureau)", "06 12 34 56 78 (bureau)"),
            Case(.phone(callingCode: "1", trunkPrefix: "1"), "(202) 555-0123", "+12025550123", back: "+12025550123"),
            Case(.phone(callingCode: "39", trunkPrefix: ""), "06 6982", "+39066982", back: "+39066982"),
            Case(
                french,
                .labelled([LabelledText("06 12 34 56 78", label: "mobile", isPrimary: true)]),
                .labelled([LabelledText("+33612345678", label: "mobile", isPrimary: true)]),
                back: .labelled([LabelledText("+33612345678", label: "mobile", isPrimary: true)])
            ),
            Case(stages, "prospect", "lead"), Case(stages, "client", "customer", back: "ancien"),
            Case(stages, .options(["prospect"]), .options(["lead"])),
            Case(.split(separator: ";"), "a; b;;", .options(["a", "b"]), back: "a;b"),
            Case(.joined(separator: ", "), .options(["b", "a"]), "a, b", back: .options(["a", "b"])),
            Case(.prefix("Réf. "), "42", "Réf. 42"), Case(.suffix(" €"), "42", "42 €"),
            Case(.scaled(by: 60), .number(3), .number(180)),
            Case(.duration(in: .milliseconds), .seconds(184), .number(184_000)),
            Case(.duration(in: .minutes), .seconds(200), .number(Decimal(200) / 60)),
            Case(.duration(in: .hours), .seconds(7), .number(Decimal(7) / 3600)),
            Case(
                .day,
                .instant(Date(timeIntervalSince1970: 1_795_217_400)),
                .day("2026-11-21"),
                back: .day("2026-11-21")
            ),
            Case(.truncated(to: 3), "👩‍👩‍👧été", "👩‍👩‍👧ét", back: "👩‍👩‍👧ét"),
            Case(.money(), .number(12), .money(12, currency: "EUR")),
            Case(.money(currency: "CHF"), .number(12), .money(12, currency: "CHF")),
            Case(.amount(), .money(12, currency: "EUR"), .number(12)),
            Case(.option(yes: "Oui", no: "Non"), .flag(true), .options(["Oui"])),
            Case(.option(yes: "Oui", no: "Non"), .flag(false), .options(["Non"])),
            Case(.html, "L’été <3 & \"toi\"\n'ok'", "L’été &lt;3 &amp; &quot;toi&quot;<br>&#39;ok&#39;"),
            Case(
                .plainText,
                "<p>Bonjour&nbsp;<b>Amélie</b></p>\n<p>&Agrave; bient&ocirc;t</p>",
                "Bonjour Amélie\nÀ bientôt",
                back: "Bonjour Amélie<br>À bientôt"
            ),
        ]
    )
    func outAndHome(example: Case) throws {
        let rule = CompiledRule(FieldRule("host", "remote", transforms: [example.transform]))
        let sent = try rule.outward(example.host, context: Self.paris)
        #expect(sent.isEquivalent(to: example.remote), "\(sent)")
        let back = try rule.homeward(example.remote, context: Self.paris)
        #expect(back.isEquivalent(to: example.back ?? example.host), "\(back)")
    }

    @Test(
        "An empty value stays empty both ways, so that clearing a field arrives",
        arguments: allTransforms
    )
    func emptyStaysEmpty(transform: FieldTransform) throws {
        let rule = CompiledRule(FieldRule("host", "remote", transforms: [transform]))
        #expect(try rule.outward(.empty, context: Self.paris) == .empty)
        #expect(try rule.homeward(.empty, context: Self.paris) == .empty)
    }

    @Test("A value that came home and goes out again is the one that went out before", arguments: allTransforms, 1...3)
    func converges(transform: FieldTransform, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let rule = CompiledRule(FieldRule("host", "remote", transforms: [transform]))
        var carried = 0
        for value in Samples.suitable + (0..<300).map({ _ in Samples.value(using: &random) }) {
            guard let first = try? rule.outward(value, context: Self.paris) else { continue }
            carried += 1
            let home = try rule.homeward(first, context: Self.paris)
            let second = try rule.outward(home, context: Self.paris)
            #expect(second.isEquivalent(to: first), "\(value) → \(first) → \(home) → \(second)")
        }
        #expect(carried > 1)
    }

    @Test("Steps run in order, and back in reverse")
    func order() throws {
        let rule = CompiledRule(FieldRule("host", "remote", transforms: [.prefix("a"), .prefix("b"), .suffix("c")]))
        #expect(try rule.outward("x", context: Self.paris) == "baxc")
        #expect(try rule.homeward("baxc", context: Self.paris) == "x")
    }

    @Test(
        "A step that cannot be taken says why, without the value",
        arguments: [
            Case(stages, "SECRET", .empty), Case(.scaled(by: 2), "SECRET", .empty), Case(.day, "SECRET", .empty),
            Case(.amount(), .money(1, currency: "USD"), .empty),
            Case(.money(currency: "CHF"), .money(1, currency: "USD"), .empty),
            Case(.joined(separator: "E"), .options(["SECRET"]), .empty),
            Case(.option(yes: "a", no: "b"), "SECRET", .empty),
            Case(.duration(in: .minutes), .number(3), .empty),
            Case(FieldTransform(name: "of-tomorrow"), "SECRET", .empty),
            Case(FieldTransform(name: "phone"), "SECRET", .empty), Case(.scaled(by: 0), .number(1), .empty),
            Case(FieldTransform(name: "values", parameters: ["values": ["a": 1]]), "SECRET", .empty),
            Case(FieldTransform(name: "truncate", parameters: ["characters": -1]), "SECRET", .empty),
        ]
    )
    func failures(example: Case) {
        let rule = CompiledRule(FieldRule("host", "remote", transforms: [example.transform]))
        let failure = #expect(throws: TransformFailure.self) {
            try rule.outward(example.host, context: Self.paris)
        }
        #expect(failure?.message.contains(example.transform.name) == true)
        #expect(failure?.message.contains("SECRET") == false)
        #expect(failure?.remedy.text(in: "fr").isEmpty == false)
        #expect(failure?.remedy.text(in: "fr") != failure?.remedy.text(in: "en"))
    }

    @Test(
        "Text of HTML keeps lines and drops markup",
        arguments: [
            ("<div>a</div>\n  <div>b</div>", "a\nb"), ("a<br>\n<br/>b", "a\n\nb"), ("a < b && c > d", "a < b && c > d"),
            ("<style>p{}</style>x<script>if(a<b){}</script>", "x"), ("ligne 1\nligne 2", "ligne 1\nligne 2"),
            ("<a href=\"?a=1>2\">lien</a>", "lien"), ("<!-- <b>non</b> --> oui", "oui"),
            ("&eacute;&#233;&#xE9;&bad;&", "ééé&bad;&"),
            ("<ul><li>un</li><li>deux</li></ul>fin", "un\ndeux\nfin"), ("a <b", "a <b"),
            ("&#0;&#xD800;", "\u{FFFD}\u{FFFD}"),
            ("&amp;lt;", "&lt;"),
        ]
    )
    func htmlText(html: String, text: String) {
        #expect(HTMLText.plain(html) == text)
    }

    static let allTransforms: [FieldTransform] = [
        .trimmed, .lowercased, .uppercased, french, stages, .split(separator: ";"), .joined(separator: ", "),
        .prefix("Réf. "), .suffix(" €"), .scaled(by: 60), .duration(in: .minutes), .day, .truncated(to: 4), .money(),
        .amount(), .option(yes: "Oui", no: "Non"), .html, .plainText,
    ]
}

extension Samples {
    /// Values that the narrower steps take.
    static let suitable: [FieldValue] = [
        "prospect", "client", "ancien", .options(["client"]), .number(3), .number(Decimal(7) / 2), .seconds(7),
        .flag(true), .flag(false), .money(3, currency: "EUR"), .options(["a", "b"]),
        .instant(Date(timeIntervalSince1970: 1_795_217_400)), .day("2026-11-21"), "a;b", "<p>x</p><p> y\nz</p>",
        " a\n\n b \n", "a<br> <br>b&nbsp;", "&#13;x&#10;", "06 12 34 56 78",
    ]
}
