// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotWebhookTests {
    private func bench() -> HubSpotBench {
        let bench = HubSpotBench()
        bench.platform.configureApp {
            $0.subscriptions = [
                .init("contact.creation", id: 1), .init("contact.propertyChange", propertyName: "email", id: 2),
                .init("contact.deletion", id: 3), .init("contact.merge", id: 4),
                .init("object.creation", objectTypeID: "0-46", id: 5), .init("contact.associationChange", id: 6),
                .init("contact.privacyDeletion", id: 7), .init("deal.creation", id: 8, isActive: false),
            ]
        }
        return bench
    }

    private func events(_ delivery: HTTPRequest) throws -> [JSONValue] {
        try #require(try JSONValue(parsing: delivery.body ?? Data()).array)
    }

    @Test func eventsFollowTheSubscriptions() async throws {
        let bench = bench()
        let id = try bench.platform.create("contact", in: HubSpotBench.portal, ["email": "a@x.io", "city": "Rome"])
        let note = try await bench.create("notes", ["hs_timestamp": "2026-03-12T10:00:00Z"])
        try bench.platform.create("deal", in: HubSpotBench.portal, ["dealname": "A"])
        try bench.platform.associate("note", note, with: "contact", id, in: HubSpotBench.portal)
        try bench.platform.erase("contact", id, in: HubSpotBench.portal)
        let deliveries = bench.platform.takeDeliveries()
        #expect(deliveries.count == 1)
        let events = try events(deliveries[0])
        #expect(
            events.compactMap { $0["subscriptionType"]?.string } == [
                "contact.creation", "contact.propertyChange", "object.creation", "contact.associationChange",
                "contact.deletion", "contact.privacyDeletion",
            ]
        )
        #expect(events[0]["objectId"]?.number?.text == id)
        #expect(events[0]["changeSource"] == "CRM_UI")
        #expect(events[0]["portalId"]?.int64 == HubSpotBench.portal)
        #expect(events[1]["propertyName"] == "email")
        #expect(events[1]["propertyValue"] == "a@x.io")
        #expect(events[1]["occurredAt"] == events[0]["occurredAt"])
        #expect(events[2]["changeSource"] == "INTEGRATION")
        #expect(events[2]["objectTypeId"] == "0-46")
        #expect(events[3]["objectId"] == nil)
        #expect(events[3]["toObjectId"]?.number?.text == note)
        #expect(bench.platform.takeDeliveries().isEmpty)
    }

    @Test func aMergeNamesBothRecords() throws {
        let bench = bench()
        let winner = try bench.platform.create("contact", in: HubSpotBench.portal, ["city": "A"])
        let loser = try bench.platform.create("contact", in: HubSpotBench.portal, ["phone": "1"])
        _ = bench.platform.takeDeliveries()
        try bench.platform.merge("contact", loser, into: winner, in: HubSpotBench.portal)
        let event = try events(bench.platform.takeDeliveries()[0])[0]
        #expect(event["subscriptionType"] == "contact.merge")
        #expect(event["primaryObjectId"]?.number?.text == winner)
        #expect(event["mergedObjectIds"]?[0]?.number?.text == loser)
        #expect(event["numberOfPropertiesMoved"]?.int64 == 1)
    }

    @Test func oneDeliveryHoldsAHundredEventsOfAllAccounts() throws {
        let bench = bench()
        bench.platform.addAccount(.init(portalID: 2))
        for number in 0..<130 {
            try bench.platform.create("contact", in: number % 2 == 0 ? HubSpotBench.portal : 2, ["city": "\(number)"])
        }
        #expect(bench.platform.pendingEventCount == 130)
        let deliveries = bench.platform.takeDeliveries()
        #expect(try deliveries.map { try events($0).count } == [100, 30])
        #expect(Set(try events(deliveries[0]).compactMap { $0["portalId"]?.int64 }) == [HubSpotBench.portal, 2])
    }

    @Test func duplicatesAndOtherOrdersComeOnDemand() throws {
        let bench = bench()
        for number in 0..<30 { try bench.platform.create("contact", in: HubSpotBench.portal, ["city": "\(number)"]) }
        var options = SimulatedHubSpot.DeliveryOptions()
        options.duplicates = 1
        options.isReordered = true
        let events = try events(bench.platform.takeDeliveries(options)[0])
        let ids = events.compactMap { $0["eventId"]?.int64 }
        #expect(ids.count == 60)
        #expect(Set(ids).count == 30)
        #expect(ids != ids.sorted())
    }

    @Test func deliveriesAreSignedOverThePublicAddress() throws {
        let bench = bench()
        try bench.platform.create("contact", in: HubSpotBench.portal, ["city": "A"])
        let delivery = try #require(bench.platform.takeDeliveries().first)
        let body = try #require(delivery.body)
        let timestamp = try #require(delivery.headers["X-HubSpot-Request-Timestamp"])
        #expect(timestamp == String(bench.platform.now))
        let secret = Data("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy".utf8)
        let signed = Data("POSThttps://www.example.com/webhook_uri".utf8) + body + Data(timestamp.utf8)
        #expect(
            delivery.headers["X-HubSpot-Signature-v3"]
                == Hashing.hmacSHA256(signed, key: secret).base64EncodedString()
        )
        #expect(delivery.headers["X-HubSpot-Signature-Version"] == "v1")
        #expect(
            delivery.headers["X-HubSpot-Signature"]
                == Hashing.sha256(secret + body).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        )
        bench.clock.advance(by: .seconds(60))
        let next = try #require(bench.platform.redelivery(of: delivery))
        #expect(try events(next)[0]["attemptNumber"] == 1)
        #expect(next.headers["X-HubSpot-Signature-v3"] != delivery.headers["X-HubSpot-Signature-v3"])
    }

    /// The vector that the platform's own clients test with.
    @Test func theSignatureIsTheOneOfThePublishedVector() {
        let signed = Data("POSThttps://www.example.com/webhook_uri{'example_field':'example_value'}1693657560000".utf8)
        let secret = Data("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy".utf8)
        #expect(
            Hashing.hmacSHA256(signed, key: secret).base64EncodedString()
                == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
        )
    }
}
