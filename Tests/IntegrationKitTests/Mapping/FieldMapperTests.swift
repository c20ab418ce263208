// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

@Suite("Field mapper")
struct FieldMapperTests {
    static let mapping = FieldMapping(
        hostKind: "prospect",
        kind: .contact,
        rules: [
            FieldRule("email", "email", transforms: [.trimmed, .lowercased]),
            FieldRule("name", "lastname", fallback: "Inconnu", isRequired: true),
            FieldRule("phone", "phone", transforms: [.phone(callingCode: "33")]),
            FieldRule("stage", "lifecyclestage", transforms: [.values(["prospect": "lead", "client": "customer"])]),
            FieldRule("score", "hs_score", direction: .inbound),
            FieldRule("source", "hs_source", direction: .outbound, isRequired: true),
        ]
    )
    let mapper = FieldMapper(mapping: mapping)

    @Test("Sends what was told by the platform's names, each with its rule")
    func outbound() throws {
        let result = try mapper.outbound(
            ["email": " Ada@Example.FR", "phone": "06 12 34 56 78", "score": 3, "unmapped": "x"],
            creating: false
        )
        #expect(result.values == ["email": "ada@example.fr", "phone": "+33612345678"])
        #expect(result.mapped["phone"]?.source == "06 12 34 56 78")
        #expect(result.mapped["phone"]?.ruleID == Self.mapping.rules[2].id)
    }

    @Test("An update clears what is empty and leaves alone what was not told")
    func clearing() throws {
        let result = try mapper.outbound(["phone": .empty, "name": ""], creating: false)
        #expect(result.values.keys.sorted() == ["lastname", "phone"])
        #expect(result.values["phone"] == .empty)
        #expect(result.values["lastname"]?.isEquivalent(to: .empty) == true)
    }

    @Test("A create takes the fallback, clears nothing and knows which values nobody told")
    func creating() throws {
        let result = try mapper.outbound(["phone": .empty, "name": .empty, "source": "salon"], creating: true)
        #expect(result.values == ["lastname": "Inconnu", "hs_source": "salon"])
        #expect(result.mapped["lastname"]?.isFallback == true)
        #expect(result.mapped["hs_source"]?.isFallback == false)
    }

    @Test("Every bad field is named in one error, with its remedy and without its value")
    func badFields() {
        let error = #expect(throws: IntegrationError.self) {
            try mapper.outbound(["stage": "SECRET"], creating: true)
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.context.fields == ["stage", "source"])
        #expect(error?.message.contains("client, prospect") == true)
        #expect(error?.description.contains("SECRET") == false)
        #expect(error?.remedy.text(in: "fr").contains("Renseignez source") == true)
        #expect(error?.concerns == .record)
    }

    @Test("A required field matters at a create alone")
    func requiredOnUpdate() throws {
        #expect(try mapper.outbound(["name": "Zoë"], creating: false).values == ["lastname": "Zoë"])
    }

    @Test("Brings home what the platform told, and names what it cannot without holding up the rest")
    func inbound() {
        let result = mapper.inbound([
            "email": "ada@example.fr", "lifecyclestage": "evangelist", "hs_score": 7, "hs_source": "web", "x": 1,
            "phone": .empty,
        ])
        #expect(result.values == ["email": "ada@example.fr", "score": 7, "phone": .empty])
        #expect(result.problems.map(\.remote) == ["lifecyclestage"])
        #expect(result.problems.first?.message.contains("evangelist") == false)
    }

    @Test("A read asks for outbound fields too")
    func remoteFields() {
        #expect(mapper.remoteFields == ["email", "hs_score", "hs_source", "lastname", "lifecyclestage", "phone"])
    }

    @Test("The id of a rule never changes by itself: what was agreed under it would be lost")
    func stableIDs() {
        #expect(FieldRule("email", "email").id == 317587063)
        #expect(FieldRule("téléphone", "phone", transforms: [.phone(callingCode: "33")]).id == 3916951196)
    }

    @Test("Other fields or steps make another rule; direction, fallback and necessity do not")
    func ids() {
        let rule = FieldRule("a", "b", transforms: [.trimmed])
        #expect(
            rule.id
                == FieldRule("a", "b", direction: .inbound, transforms: [.trimmed], fallback: "x", isRequired: true).id
        )
        let others = [
            FieldRule("a", "c", transforms: [.trimmed]), FieldRule("c", "b", transforms: [.trimmed]),
            FieldRule("a", "b"),
            FieldRule("a", "b", transforms: [.trimmed, .trimmed]), FieldRule("a", "b", transforms: [.prefix("x")]),
            FieldRule("a", "b", transforms: [.prefix("y")]), FieldRule("b", "a", transforms: [.trimmed]),
            FieldRule("ab", "", transforms: [.trimmed]), rule,
        ]
        #expect(Set(others.map(\.id)).count == others.count)
    }
}

@Suite("Validation of mappings")
struct MappingValidationTests {
    static let fields = [
        FieldDescription(name: "email", label: "E-mail", type: .text),
        FieldDescription(name: "phone", label: "Téléphone", type: .text),
        FieldDescription(name: "createdate", label: "Créé le", type: .instant, isWritable: false),
        FieldDescription(name: "closedate", label: "Date de clôture", type: .day),
        FieldDescription(
            name: "lifecyclestage",
            label: "Étape",
            type: .option,
            options: [.init("lead", label: "Lead"), .init("customer", label: "Client")]
        ),
        FieldDescription(name: "amount", label: "Montant", type: .number),
    ]

    private func error(_ rules: [FieldRule], against fields: [FieldDescription]? = fields) -> IntegrationError? {
        #expect(throws: IntegrationError.self) {
            try FieldMapping(hostKind: "prospect", kind: .contact, rules: rules).validate(against: fields)
        }
    }

    @Test("A mapping that fits passes")
    func valid() throws {
        try FieldMapping(
            hostKind: "prospect",
            kind: .contact,
            rules: [
                FieldRule("email", "email", transforms: [.lowercased]),
                FieldRule("created", "createdate", direction: .inbound),
                FieldRule("end", "closedate", transforms: [.day]),
                FieldRule("stage", "lifecyclestage", transforms: [.values(["a": "lead"])], fallback: "a"),
                FieldRule("price", "amount", transforms: [.amount(currency: "EUR")]),
                FieldRule("email", "phone", direction: .outbound),
            ]
        ).validate(against: Self.fields)
    }

    @Test(
        "An unknown field is refused with the nearest names",
        arguments: [("phonee", "phone"), ("Téléphone", "phone"), ("e_mail", "email"), ("stage", "lifecyclestage")]
    )
    func unknownField(name: String, nearest: String) {
        let error = error([FieldRule("host", FieldName(name))])
        #expect(error?.code == .invalidInput)
        #expect(error?.concerns == .kind)
        #expect(error?.message.contains("no field \(name)") == true)
        #expect(error?.remedy.text(in: "fr").contains("par exemple \(nearest)") == true)
    }

    @Test("A name like no other gets no guess")
    func noGuess() {
        #expect(error([FieldRule("host", "zzzzzzzz")])?.remedy.text(in: "en").contains("such as") == false)
    }

    @Test("A field that can only be read takes no outbound rule")
    func readOnly() {
        #expect(error([FieldRule("a", "createdate")])?.message.contains("only be read") == true)
    }

    @Test("A step or fallback of another type is refused")
    func types() {
        #expect(error([FieldRule("a", "closedate", transforms: [.html])])?.message.contains("type day") == true)
        #expect(error([FieldRule("a", "amount", fallback: "beaucoup")])?.message.contains("type number") == true)
    }

    @Test("An option that the account does not have is refused by name")
    func options() {
        let mapped = error([FieldRule("a", "lifecyclestage", transforms: [.values(["x": "evangelist", "y": "lead"])])])
        #expect(mapped?.message.contains("no option evangelist; it has lead, customer") == true)
        let fallback = error([FieldRule("a", "lifecyclestage", fallback: "opportunity")])
        #expect(fallback?.message.contains("no option opportunity") == true)
    }

    @Test("Two rules on one field are refused, with or without the platform's fields")
    func doubled() {
        let remote = error([FieldRule("a", "email"), FieldRule("b", "email", direction: .inbound)], against: nil)
        #expect(remote?.message.contains("Two rules name the platform's field email") == true)
        let host = error([FieldRule("a", "email"), FieldRule("a", "phone")], against: nil)
        #expect(host?.message.contains("host's field a") == true)
    }

    @Test("A step of a newer version is named, and every problem is in the one error")
    func everything() {
        let error = error([
            FieldRule("a", "nowhere", transforms: [FieldTransform(name: "of-tomorrow")]), FieldRule("", "email"),
        ])
        #expect(error?.message.contains("of-tomorrow is not known") == true)
        #expect(error?.message.contains("no field nowhere") == true)
        #expect(error?.message.contains("has no name") == true)
    }
}

@Suite("Preview of mappings")
struct MappingPreviewTests {
    @Test("Shows per rule what would be sent and what would come back, both ways")
    func bothWays() {
        let preview = MappingPreview(
            of: FieldMapperTests.mapping,
            host: ["email": "Ada@Example.FR", "stage": "inconnu"],
            remote: ["lifecyclestage": "customer", "hs_score": 3]
        )
        let sent = Dictionary(uniqueKeysWithValues: preview.outbound.map { ($0.rule.remote, $0) })
        #expect(sent.count == 5)
        #expect(sent["email"]?.hostValue == "Ada@Example.FR")
        #expect(sent["email"]?.remoteValue == "ada@example.fr")
        #expect(sent["email"]?.returnedValue == "ada@example.fr")
        #expect(sent["lastname"]?.remoteValue == "Inconnu")
        #expect(sent["lifecyclestage"]?.problems.count == 1)
        #expect(sent["lifecyclestage"]?.hostValue == "inconnu")
        #expect(sent["hs_source"]?.problems.first?.host == "source")
        let brought = Dictionary(uniqueKeysWithValues: preview.inbound.map { ($0.rule.remote, $0) })
        #expect(brought.count == 5)
        #expect(brought["lifecyclestage"]?.hostValue == "client")
        #expect(brought["lifecyclestage"]?.returnedValue == "customer")
        #expect(brought["hs_score"]?.hostValue == 3)
        #expect(brought["hs_score"]?.returnedValue == nil)
        #expect(brought["email"]?.hostValue == nil)
    }

    @Test("Shows nothing of a side without a sample")
    func oneSide() {
        let preview = MappingPreview(of: FieldMapperTests.mapping, remote: [:])
        #expect(preview.outbound.isEmpty)
        #expect(preview.inbound.count == 5)
    }
}
