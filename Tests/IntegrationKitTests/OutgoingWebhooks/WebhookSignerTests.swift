// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

/// The vectors are those of the reference implementations of Standard Webhooks.
@Suite struct WebhookSignerTests {
    struct Vector: Sendable {
        var secret: Secret
        var id: String
        var time: Int
        var body: String
        var signature: String
    }

    static let vectors = [
        Vector(
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            time: 1_614_265_330,
            body: #"{"test": 2432232314}"#,
            signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        ),
        Vector(
            secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            time: 1_649_367_553,
            body: #"{"email":"test@example.com","username":"test_user"}"#,
            signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        ),
    ]

    @Test(arguments: vectors)
    func publishedVectorsAreSignedAlike(vector: Vector) throws {
        let signer = try WebhookSigner(secrets: [vector.secret])
        let date = Date(timeIntervalSince1970: Double(vector.time))
        let headers = signer.headers(id: vector.id, at: date, body: Data(vector.body.utf8))
        #expect(headers["webhook-id"] == vector.id)
        #expect(headers["webhook-timestamp"] == String(vector.time))
        #expect(headers["webhook-signature"] == vector.signature)
        try signer.verify(headers: headers, body: Data(vector.body.utf8), at: date)
    }

    @Test(
        arguments: [
            ("webhook-id", "msg_other"), ("webhook-id", ""), ("webhook-id", nil), ("webhook-timestamp", nil),
            ("webhook-timestamp", "1614265331"), ("webhook-timestamp", "16142653.30"), ("webhook-timestamp", "soon"),
            ("webhook-signature", nil), ("webhook-signature", "v1,"), ("webhook-signature", "v1,AAAA"),
            ("webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ("webhook-signature", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ("webhook-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
        ] as [(String, String?)]
    )
    func whatWasTamperedWithIsRejected(header: String, value: String?) throws {
        let vector = WebhookSignerTests.vectors[0]
        let signer = try WebhookSigner(secrets: [vector.secret])
        let date = Date(timeIntervalSince1970: Double(vector.time))
        var headers = signer.headers(id: vector.id, at: date, body: Data(vector.body.utf8))
        headers[header] = value
        #expect(throws: IntegrationError.self) {
            try signer.verify(headers: headers, body: Data(vector.body.utf8), at: date)
        }
    }

    @Test func anotherBodyIsRejected() throws {
        let vector = WebhookSignerTests.vectors[0]
        let signer = try WebhookSigner(secrets: [vector.secret])
        let date = Date(timeIntervalSince1970: Double(vector.time))
        let headers = signer.headers(id: vector.id, at: date, body: Data(vector.body.utf8))
        #expect(throws: IntegrationError.self) {
            try signer.verify(headers: headers, body: Data(vector.body.utf8) + Data([0x20]), at: date)
        }
    }

    @Test(arguments: [(-301, false), (-300, true), (0, true), (300, true), (301, false)])
    func aMessageIsTakenForFiveMinutesEitherWay(offset: Int, isTaken: Bool) throws {
        let vector = WebhookSignerTests.vectors[0]
        let signer = try WebhookSigner(secrets: [vector.secret])
        let date = Date(timeIntervalSince1970: Double(vector.time))
        let headers = signer.headers(id: vector.id, at: date, body: Data(vector.body.utf8))
        let verify = {
            try signer.verify(
                headers: headers,
                body: Data(vector.body.utf8),
                at: date.addingTimeInterval(Double(offset))
            )
        }
        if isTaken { try verify() } else { #expect(throws: IntegrationError.self, performing: verify) }
    }

    @Test func twoSecretsSignOneMessageTwice() throws {
        let old = try WebhookSigner(secrets: [WebhookSignerTests.vectors[0].secret])
        let new = try WebhookSigner(secrets: [WebhookSignerTests.vectors[1].secret])
        let both = try WebhookSigner(secrets: WebhookSignerTests.vectors.map(\.secret))
        let date = Date(timeIntervalSince1970: 1_700_000_000)
        let headers = both.headers(id: "msg_1", at: date, body: Data("{}".utf8))
        #expect(headers["webhook-signature"]?.split(separator: " ").count == 2)
        try old.verify(headers: headers, body: Data("{}".utf8), at: date)
        try new.verify(headers: headers, body: Data("{}".utf8), at: date)
    }

    @Test(arguments: ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_????", "whsec_AAAA"])
    func aMalformedSecretIsRefused(text: String) {
        #expect(throws: IntegrationError.self) { try WebhookSigner(secrets: [Secret(text)]) }
    }
}
