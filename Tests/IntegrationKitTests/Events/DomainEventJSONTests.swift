// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite("Events as JSON")
struct DomainEventJSONTests {
    static let line = """
        {"event":"call.completed","id":"evt-3","tenant":"t-1","record":"call_9","at":"2026-11-20T15:02:10.250+01:00",\
        "fields":{"duration":{"seconds":184},"summary":"Parlé du prix","cost":{"amount":"10.50","currency":"EUR"},\
        "score":0.1,"tags":["vip","été"],"note":null},"related":[{"kind":"prospect","id":"prospect_123",\
        "fields":{"phone":"+33612345678"}}],"audience":["i-1"]}
        """

    @Test("Reads every part of an event exactly")
    func reading() throws {
        let event = try DomainEvent(json: JSONValue(text: Self.line))
        #expect(event.kind == .callCompleted)
        #expect(event.record == HostReference(tenant: "t-1", kind: "call", id: "call_9"))
        #expect(event.occurredAt == Date(timeIntervalSince1970: 1_795_183_330.25))
        #expect(event.fields["duration"] == .seconds(184))
        #expect(event.fields["cost"] == .money(Decimal(105) / 10, currency: "EUR"))
        #expect(event.fields["score"] == .number(Decimal(1) / 10))
        #expect(event.fields["tags"] == .options(["vip", "été"]))
        #expect(event.fields["note"] == .empty)
        #expect(event.related == [RelatedRecord("prospect", "prospect_123", fields: ["phone": "+33612345678"])])
        #expect(event.audience == .only(["i-1"]))
    }

    @Test("An event that was written and read again is the same", arguments: 1...4)
    func thereAndBack(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for number in 0..<60 {
            let value = Samples.value(using: &random)
            var event = DomainEvent(
                .prospectUpdated,
                id: "e\(number)",
                of: "p-é",
                for: "t",
                fields: ["valeur": value],
                related: [RelatedRecord("company", "c", fields: ["x": Samples.value(using: &random)])],
                occurredAt: Date(timeIntervalSince1970: Double(Int.random(in: 0...4_000_000, using: &random)) / 1000),
                origin: DomainEvent.Origin(integration: "i", remote: RemoteID(.contact, "7", parent: "3")),
                audience: Bool.random(using: &random) ? .all : .only(["a", "b"])
            )
            if Bool.random(using: &random) { event.record.kind = "person" }
            let back = try DomainEvent(json: JSONValue(text: event.json.text))
            #expect(back.fields["valeur"]?.isEquivalent(to: value) == true)
            #expect(back.record == event.record)
            #expect(back.related.map(\.id) == event.related.map(\.id))
            #expect(back.occurredAt?.milliseconds == event.occurredAt?.milliseconds)
            #expect(back.origin == event.origin)
            #expect(back.audience == event.audience)
            #expect(back.json == event.json)
        }
    }

    @Test("A bad line is reported by its number and never stops the rest")
    func lines() {
        let text = "\u{FEFF}\(Self.line)\r\n\n{not json}\n[1]\n\(Self.line)\n{\"event\":\"call.completed\"}\n"
        let lines = DomainEvent.read(lines: Data(text.utf8))
        #expect(lines.map(\.number) == [1, 3, 4, 5, 6])
        #expect(lines.map { (try? $0.result.get()) != nil } == [true, false, false, true, false])
        for line in lines {
            guard case .failure(let error) = line.result else { continue }
            #expect(error.code == .invalidInput)
            #expect(error.message.hasPrefix("Line \(line.number): "))
            #expect(!error.remedy.text(in: "fr").isEmpty)
        }
    }

    @Test(
        "Names what is wrong with an event, never its content",
        arguments: [
            (#"{"event":"call","id":"SECRET","tenant":"t","record":"r"}"#, "event"),
            (#"{"event":"a.b","id":"","tenant":"t","record":"r"}"#, "id"),
            (#"{"event":"a.b","id":"1","tenant":"t"}"#, "record"),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","feilds":{}}"#, "feilds"),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","at":"SECRET"}"#, "at"),
            (#"{"event":"a.b","id":"1\u0000SECRET","tenant":"t","record":"r"}"#, "id"),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","fields":{"x":{"SECRET":1}}}"#, "fields.x"),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","fields":{"x":["a",1]}}"#, "fields.x"),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","fields":{"x":{"day":"2026-02-30"}}}"#, "fields.x"),
            (
                #"{"event":"a.b","id":"1","tenant":"t","record":"r","fields":{"x":{"amount":1,"currency":"€"}}}"#,
                "fields.x"
            ),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","related":[{"kind":"p"}]}"#, "id"),
            (#"{"event":"a.b","id":"1","tenant":"t","record":"r","audience":[1]}"#, "audience"),
        ]
    )
    func refusals(text: String, part: String) throws {
        let json = try JSONValue(text: text)
        let error = #expect(throws: IntegrationError.self) { try DomainEvent(json: json) }
        #expect(error?.code == .invalidInput)
        #expect(error?.context.fields == [part])
        #expect(error?.description.contains("SECRET") == false)
    }

    @Test("Ids of 512 bytes pass and longer ones do not, whatever they are made of")
    func bounds() throws {
        let long = String(repeating: "é", count: 256)
        try DomainEvent("a.b", id: long, of: long, for: long).validate()
        let error = #expect(throws: IntegrationError.self) {
            try DomainEvent("a.b", id: long + "x", of: "r", for: "t").validate()
        }
        #expect(error?.context.fields == ["id"])
        let many = Dictionary(uniqueKeysWithValues: (0...1000).map { (FieldName("f\($0)"), FieldValue.flag(true)) })
        #expect(throws: IntegrationError.self) {
            try DomainEvent("a.b", id: "1", of: "r", for: "t", fields: many).validate()
        }
    }
}

@Suite("Routes of events")
struct EventRoutesTests {
    static func descriptor() throws -> PlatformDescriptor {
        PlatformDescriptor(
            id: "shop",
            name: "Boutique",
            summary: LocalizedText("A shop"),
            category: .eCommerce,
            apiVersion: "1",
            documentation: try #require(URL(string: "https://shop.example")),
            signInMethods: [],
            kinds: [
                KindDescription(kind: .contact, name: "Contacts".localized, canDelete: false, safety: .found),
                KindDescription(kind: .customer, name: "Clients".localized, safety: .found, mayNotifyPeople: [.create]),
                KindDescription(kind: .order, name: "Commandes".localized, canPush: false, safety: .found),
            ],
            routes: [
                EventRoute(.prospectCreated, .create, .contact), EventRoute(.prospectCreated, .create, .customer),
                EventRoute(.prospectCreated, .create, .deal), EventRoute(.prospectDeleted, .delete, .contact),
                EventRoute(.orderCreated, .create, .order),
                EventRoute(
                    .callCompleted,
                    .create,
                    .contact,
                    relations: [EventRoute.RelationRule("prospect", as: .contact)]
                ),
            ],
            mappings: []
        )
    }

    private func decide(
        _ kind: EventKind,
        settings: SyncSettings = SyncSettings(),
        access: [RecordKind: KindAccess] = [:],
        related: [RelatedRecord] = [],
        origin: String? = nil,
        audience: DomainEvent.Audience = .all
    ) throws -> EventRoutes.Decision {
        let event = DomainEvent(
            kind,
            id: "1",
            of: "p",
            for: "t",
            related: related,
            origin: origin.map { DomainEvent.Origin(integration: $0, remote: RemoteID(.contact, "1")) },
            audience: audience
        )
        return EventRoutes(descriptor: try Self.descriptor(), settings: settings, access: access).decide(
            event,
            for: "i-1"
        )
    }

    @Test("Takes the routes that work and says why not the others")
    func defaults() throws {
        let decision = try decide(.prospectCreated)
        #expect(decision.routes.map(\.kind) == [.contact])
        #expect(decision.reasons.count == 2)
        #expect(decision.reasons.first?.contains("mails people") == true)
        #expect(decision.reasons.last?.contains("has no deal") == true)
    }

    @Test("A record that must belong to another goes where the event names that one")
    func owner() throws {
        let lonely = try decide(.callCompleted)
        #expect(lonely.routes.isEmpty)
        #expect(lonely.reasons == ["The event names no prospect, which a contact in Boutique belongs to."])
        #expect(try decide(.callCompleted, related: [RelatedRecord("prospect", "p")]).routes.count == 1)
    }

    @Test("Mailing people takes the host's consent")
    func consent() throws {
        let decision = try decide(.prospectCreated, settings: SyncSettings(mayNotifyPeople: true))
        #expect(decision.routes.map(\.kind) == [.contact, .customer])
    }

    @Test("What came from the integration is not echoed to it, but goes to others")
    func origin() throws {
        #expect(try decide(.prospectCreated, origin: "i-1").routes.isEmpty)
        #expect(try decide(.prospectCreated, origin: "i-2").routes.count == 1)
        #expect(try decide(.prospectCreated, origin: "i-1", audience: .only(["i-1"])).routes.count == 1)
        #expect(try decide(.prospectCreated, audience: .only(["i-2"])).routes.isEmpty)
    }

    @Test("Settings, access and the platform's own limits each close a route with their reason")
    func closed() throws {
        #expect(
            try decide(.prospectCreated, settings: SyncSettings(direction: .pull)).reasons == [
                "The integration only pulls."
            ]
        )
        #expect(try decide(.prospectCreated, settings: SyncSettings(kinds: [.order])).routes.isEmpty)
        #expect(try decide(.prospectCreated, access: [.contact: .read]).routes.isEmpty)
        #expect(try decide(.prospectCreated, access: [.contact: .unproven]).routes.count == 1)
        #expect(try decide(.prospectDeleted).reasons.first?.contains("delete") == true)
        #expect(try decide(.orderCreated).reasons.first?.contains("write") == true)
        #expect(try decide("visite.faite").reasons.first?.contains("visite.faite") == true)
        let own = SyncSettings(routes: [EventRoute("visite.faite", .create, .contact)])
        #expect(try decide("visite.faite", settings: own).routes.count == 1)
    }
}

extension String {
    fileprivate var localized: LocalizedText { LocalizedText(self) }
}
