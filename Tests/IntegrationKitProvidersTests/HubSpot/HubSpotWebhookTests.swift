// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct HubSpotWebhookTests {
    private let provider = HubSpotProvider()
    private let secret = Secret("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy")

    private func delivery(
        _ body: String,
        method: HTTPMethod = .post,
        url: String = "https://www.example.com/webhook_uri",
        headers: HTTPHeaders
    ) throws -> HTTPRequest {
        HTTPRequest(method, try #require(URL(string: url)), headers: headers, body: Data(body.utf8))
    }

    private func sign(_ body: String, url: String, at timestamp: String) -> HTTPHeaders {
        let message = Data("POST\(url)\(body)\(timestamp)".utf8)
        let digest = secret.withExposedValue { Hashing.hmacSHA256(message, key: Data($0.utf8)) }
        return [
            "X-HubSpot-Signature-v3": digest.base64EncodedString(), "X-HubSpot-Request-Timestamp": timestamp,
        ]
    }

    /// Whether a delivery passes its signature; what it says may still be no JSON.
    private func isVerified(_ delivery: HTTPRequest, at milliseconds: Int64 = 0, with secrets: [Secret]? = nil) -> Bool
    {
        do {
            let now = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
            _ = try provider.events(in: delivery, verifiedWith: secrets ?? [secret], now: now)
            return true
        } catch IntegrationError.Code.deliveryRejected {
            return false
        } catch {
            return true
        }
    }

    @Test(arguments: [
        (
            #"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#,
            HTTPMethod.post, "v1", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
        ),
        (
            "{'example_field':'example_value'}", .post, "v1",
            "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"
        ),
        ("", .get, "v2", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
        (
            #"{"example_field":"example_value"}"#, .post, "v2",
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
        ),
        (
            "{'example_field':'example_value'}", .post, "v2",
            "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"
        ),
    ])
    func `HubSpot's own vectors of the old forms pass`(
        body: String,
        method: HTTPMethod,
        version: String,
        signature: String
    ) throws {
        let headers: HTTPHeaders = ["X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": version]
        #expect(isVerified(try delivery(body, method: method, headers: headers)))
        #expect(!isVerified(try delivery(body + " ", method: method, headers: headers)))
        #expect(!isVerified(try delivery(body, method: method, headers: headers), with: ["another"]))
    }

    @Test(arguments: [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ])
    func `HubSpot's own vectors of the newest form pass for five minutes`(timestamp: String, signature: String) throws {
        let body = "{'example_field':'example_value'}"
        let headers: HTTPHeaders = [
            "X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp,
        ]
        let sent = try #require(Int64(timestamp))
        let original = try delivery(body, headers: headers)
        #expect(isVerified(original, at: sent))
        #expect(isVerified(original, at: sent + 300_000))
        #expect(!isVerified(original, at: sent + 301_000))
        #expect(!isVerified(original, at: sent - 301_000))
        #expect(isVerified(original, at: sent, with: ["new", secret]))
        #expect(!isVerified(original, at: sent, with: ["another"]))
        #expect(!isVerified(original, at: sent, with: []))
        #expect(!isVerified(try delivery(body + " ", headers: headers), at: sent))
        let elsewhere = try delivery(body, url: "https://www.example.com/other", headers: headers)
        #expect(!isVerified(elsewhere, at: sent))
        #expect(!isVerified(try delivery(body, method: .put, headers: headers), at: sent))
    }

    @Test func `A bad signature of the newest form is not saved by a good one of the oldest`() throws {
        let body = "{'example_field':'example_value'}"
        let old: HTTPHeaders = [
            "X-HubSpot-Signature": "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750",
            "X-HubSpot-Signature-Version": "v1",
        ]
        #expect(isVerified(try delivery(body, headers: old), at: 1_693_657_560_000))
        var both = old
        both["X-HubSpot-Signature-v3"] = "AAAA"
        both["X-HubSpot-Request-Timestamp"] = "1693657560000"
        #expect(!isVerified(try delivery(body, headers: both), at: 1_693_657_560_000))
    }

    @Test func `The address is signed with some of its escapes undone`() throws {
        let called = "https://www.example.com/hook%3Fa?x=%40b%20c%2F#part"
        let headers = sign("[]", url: "https://www.example.com/hook?a?x=@b%20c/", at: "1700000300000")
        #expect(isVerified(try delivery("[]", url: called, headers: headers), at: 1_700_000_300_000))
        let plain = sign("[]", url: "https://www.example.com/hook%3Fa?x=%40b%20c%2F", at: "1700000300000")
        #expect(isVerified(try delivery("[]", url: called, headers: plain), at: 1_700_000_300_000))
    }

    @Test func `A delivery without a signature has no address`() throws {
        let bare = try delivery("[]", headers: [:])
        #expect(throws: IntegrationError.self) { try provider.address(of: bare) }
        #expect(!isVerified(bare))
        let signed = try delivery("[]", headers: ["X-HubSpot-Signature": "00"])
        #expect(try provider.address(of: signed) == .application(id: nil))
    }

    private func events(_ body: String) throws -> [WebhookEvent] {
        let url = "https://www.example.com/webhook_uri"
        let headers = sign(body, url: url, at: "1700000300000")
        return try provider.events(
            in: try delivery(body, headers: headers),
            verifiedWith: [secret],
            now: Date(timeIntervalSince1970: 1_700_000_300)
        )
    }

    @Test func `A recorded delivery gives its events, the creation first`() throws {
        let events = try events(String(decoding: try fixtureData("webhook-batch"), as: UTF8.self))
        #expect(events.map(\.topic.rawValue) == ["contact.creation", "contact.propertyChange"])
        #expect(events.allSatisfy { $0.account == AccountKey(platform: .hubSpot, value: "143553137") })
        #expect(events.allSatisfy { $0.isAuthentic })
        #expect(events.map(\.occurredAt) == Array(repeating: Date(timeIntervalSince1970: 1_705_422_467.780), count: 2))
        #expect(
            events.map(\.deduplicationKey) == [
                "143553137|2426754|contact.creation|1801||4023112300|1705422467780",
                "143553137|2426762|contact.propertyChange|1801|email|2409503945|1705422467780",
            ]
        )
    }

    private func subject(_ members: String) throws -> [String] {
        try events(#"[{"portalId":1,"occurredAt":1705422467780,\#(members)}]"#).map { event in
            switch event.subject {
            case .change(.deleted(let id, _)): "deleted \(id.kind.rawValue) \(id.value)"
            case .change(.merged(let id, let winner)): "merged \(id.value) into \(winner.value)"
            case .change: "change"
            case .hint(let id): "hint \(id.kind.rawValue) \(id.value)"
            case .privacy(let request): "privacy \(request.action.rawValue) \(request.record?.value ?? "-")"
            case .ping: "ping"
            case .disconnected, .job: "other"
            }
        }
    }

    @Test(arguments: [
        (#""subscriptionType":"contact.propertyChange","objectId":1801"#, ["hint contact 1801"]),
        (#""subscriptionType":"deal.deletion","objectId":7"#, ["deleted deal 7"]),
        (#""subscriptionType":"contact.privacyDeletion","objectId":7"#, ["privacy erase 7"]),
        (#""subscriptionType":"object.creation","objectTypeId":"0-48","objectId":9"#, ["hint call 9"]),
        (#""subscriptionType":"object.creation","objectTypeId":"2-77","objectId":9"#, ["ping"]),
        (#""subscriptionType":"company.restore","objectId":9"#, ["hint company 9"]),
        (
            #""subscriptionType":"company.associationChange","fromObjectId":5,"toObjectId":6"#, ["hint company 5"]
        ),
        (
            #""subscriptionType":"contact.merge","objectId":1,"primaryObjectId":1,"mergedObjectIds":[2,3]"#,
            ["merged 2 into 1", "merged 3 into 1", "hint contact 1"]
        ),
        (
            #""subscriptionType":"contact.merge","objectId":9,"newObjectId":9,"primaryObjectId":1,"mergedObjectIds":[2]"#,
            ["merged 2 into 9", "merged 1 into 9", "hint contact 9"]
        ),
        (#""subscriptionType":"conversation.newMessage","objectId":9"#, ["ping"]),
    ])
    func `Each event is about what HubSpot means`(members: String, expected: [String]) throws {
        #expect(try subject(members) == expected)
    }

    @Test func `The answer's status is all that HubSpot looks at`() {
        #expect(provider.reply(accepted: true).status == 200)
        #expect(provider.reply(accepted: false).status == 401)
    }
}
