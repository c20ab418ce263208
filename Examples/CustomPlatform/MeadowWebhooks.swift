// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension MeadowProvider: WebhookReceiving {
    /// A delivery names its account; the secret that verifies it is the one of the host's application.
    func address(of delivery: HTTPRequest) throws -> WebhookAddress {
        guard delivery.headers["Meadow-Signature"] != nil else {
            throw MeadowProvider.rejection("carries no signature")
        }
        return .application(id: nil)
    }

    /// Verifies the signature over date and body, `t=<seconds>,s=<base64>`, then reads the one event.
    func events(in delivery: HTTPRequest, verifiedWith secrets: [Secret], now: Date) throws -> [WebhookEvent] {
        let parts = (delivery.headers["Meadow-Signature"] ?? "").split(separator: ",", maxSplits: 1)
        guard parts.count == 2, let time = Int(parts[0].dropFirst(2)), parts[0].hasPrefix("t="),
            parts[1].hasPrefix("s=")
        else { throw MeadowProvider.rejection("carries no signature") }
        guard abs(now.timeIntervalSince1970 - Double(time)) <= 300 else { throw MeadowProvider.rejection("is too old") }
        let body = delivery.body ?? Data()
        let signed = Data("\(time).".utf8) + body
        let isGenuine = secrets.contains { secret in
            let code = secret.withExposedValue { Hashing.hmacSHA256(signed, key: Data($0.utf8)) }
            return constantTimeEquals(Data(code.base64EncodedString().utf8), Data(parts[1].dropFirst(2).utf8))
        }
        guard isGenuine else { throw MeadowProvider.rejection("has a wrong signature") }
        let event = try JSONValue(parsing: body)
        guard let id = event["id"]?.string, let account = event["account"]?.string, let record = event["record"]?.string
        else { throw MeadowProvider.rejection("names no event") }
        let collection = event["collection"]?.string ?? "people"
        return [
            WebhookEvent(
                account: AccountKey(platform: .meadow, value: account),
                topic: WebhookTopic(rawValue: collection),
                subject: .hint(RemoteID(collection == "notes" ? .note : .contact, record)),
                deduplicationKey: id,
                isAuthentic: true
            )
        ]
    }

    /// Meadow looks at the status alone.
    func reply(accepted: Bool) -> HTTPResponse { HTTPResponse(status: accepted ? 200 : 401) }

    private static func rejection(_ reason: String) -> IntegrationError {
        IntegrationError(.deliveryRejected, "A delivery for Meadow \(reason).")
    }
}
