// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@testable import IntegrationKitProviders

@Suite struct HubSpotPayloadTests {
    private func payloads(_ currencies: [String] = ["USD"]) -> HubSpotPayloads {
        HubSpotPayloads(account: .portal(currencies: currencies, timeZone: "Europe/Paris"))
    }

    @Test(
        arguments: [
            ("firstname", .text("Ada"), "Ada"), ("firstname", .empty, ""), ("hs_is_closed", .flag(true), "true"),
            ("annualrevenue", .number(1_234_567), "1234567"), ("closedate", .day("2026-12-01"), "2026-11-30T23:00:00Z"),
            ("birthday", .day("2026-12-01"), "2026-12-01"),
            ("hs_timestamp", .instant(Date(timeIntervalSince1970: 1_764_579_600.25)), "2025-12-01T09:00:00.250Z"),
            ("hs_call_duration", .seconds(184), "184000"), ("custom_seconds", .seconds(184), "184"),
            ("tags", .options(["a", "b"]), "a;b"), ("phone", .labelled([LabelledText("+33 1")]), "+33 1"),
            ("phone", .labelled([LabelledText("1"), LabelledText("2", isPrimary: true)]), "2"),
            ("hs_product_id", .record(RemoteID(.product, "77")), "77"), ("x", .json(.null), ""),
        ] as [(FieldName, FieldValue, String)]
    )
    func `Values are written as texts`(name: FieldName, value: FieldValue, text: String) throws {
        #expect(try payloads().properties(of: [name: value], kind: .contact) == [name.rawValue: text])
    }

    @Test(
        arguments: [
            .labelled([LabelledText("1"), LabelledText("2")]), .address(PostalAddress(city: "Paris")),
            .money(1, currency: "EUR"),
        ] as [FieldValue]
    )
    func `A value that would lose something is refused by its field's name`(value: FieldValue) {
        let error = #expect(throws: IntegrationError.self) {
            try payloads().properties(of: ["amount": value], kind: .deal)
        }
        #expect(error?.context.fields == ["amount"])
    }

    @Test func `An amount never changes its currency`() throws {
        let several = payloads(["USD", "EUR"])
        let euros = try several.properties(of: ["amount": .money(10, currency: "EUR")], kind: .deal)
        #expect(euros == ["amount": "10", "deal_currency_code": "EUR"])
        let own = try payloads().properties(of: ["amount": .money(10, currency: "USD")], kind: .deal)
        #expect(own == ["amount": "10"])
        #expect(throws: IntegrationError.self) {
            try several.properties(of: ["price": .money(10, currency: "EUR")], kind: .product)
        }
    }

    private func fields(_ properties: JSONValue, kind: RecordKind, currencies: [String] = ["USD"]) throws
        -> [FieldName: FieldValue]
    {
        let record = payloads(currencies).record(
            ["id": "1", "properties": properties],
            of: try HubSpotObject.of(kind)
        )
        return try #require(record).fields
    }

    @Test func `Values are read by what HubSpot means with them`() throws {
        let call = try fields(
            ["hs_call_duration": "184000", "hs_timestamp": "1764579600250", "hs_call_title": nil],
            kind: .call
        )
        #expect(
            call == [
                "hs_call_duration": .seconds(184), "hs_call_title": .empty,
                "hs_timestamp": .instant(Date(timeIntervalSince1970: 1_764_579_600.25)),
            ]
        )
        let company = try fields(
            ["annualrevenue": "12.50", "hs_additional_domains": "a.com;b.com", "name": ""],
            kind: .company
        )
        #expect(
            company == [
                "annualrevenue": .number(12.5), "hs_additional_domains": .options(["a.com", "b.com"]), "name": .empty,
            ]
        )
    }

    @Test func `A deal's amount is read with its currency, or not at all`() throws {
        #expect(try fields(["amount": "10"], kind: .deal)["amount"] == .money(10, currency: "USD"))
        let several = ["USD", "EUR"]
        #expect(try fields(["amount": "10"], kind: .deal, currencies: several)["amount"] == nil)
        let told = try fields(["amount": "10", "deal_currency_code": "EUR"], kind: .deal, currencies: several)
        #expect(told["amount"] == .money(10, currency: "EUR"))
        let own = try fields(["amount": "10", "deal_currency_code": nil], kind: .deal, currencies: several)
        #expect(own["amount"] == .money(10, currency: "USD"))
    }

    @Test(arguments: [
        ("Sent<br>ref: KEY", "Sent"), ("ref: KEY", ""), ("<p>Sent</p><p>ref: KEY</p>", "<p>Sent</p>"),
        ("<div>Sent<br/>ref: KEY</div>", "<div>Sent</div>"), ("Sent\nref: KEY\n", "Sent\n"),
        ("<p>a<br></p><p>ref: KEY</p>", "<p>a<br></p>"),
    ])
    func `The marker is read from whatever the editor made of it, and never is content`(body: String, content: String) {
        let key = RecordWrite.key("a")
        let parts = HubSpotMarker.split(body.replacingOccurrences(of: "KEY", with: key))
        #expect(parts.content == content)
        #expect(parts.key == key)
    }

    @Test(arguments: ["", "Sent", "<p>Sent & done</p>", "ref: nothing", "ref: ik123"])
    func `A body comes back as it went`(body: String) {
        let marked = HubSpotMarker.append(RecordWrite.key("b"), to: body)
        #expect(HubSpotMarker.split(marked).content == body)
        #expect(HubSpotMarker.split(body).content == body)
        #expect(HubSpotMarker.split(body).key == nil)
    }
}
