// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension HubSpotProvider: WebhookReceiving {
    /// One address serves all accounts of an application: its client secret is tried, the events name the portals.
    public func address(of delivery: HTTPRequest) throws -> WebhookAddress {
        guard HubSpotSignature(delivery) != nil else { throw HubSpotSignature.rejection("carries no signature") }
        return .application(id: nil)
    }

    /// Verifies a delivery of up to 100 events, of any portals, and reads them in the order in which they happened.
    public func events(in delivery: HTTPRequest, verifiedWith secrets: [Secret], now: Date) throws -> [WebhookEvent] {
        guard let signature = HubSpotSignature(delivery) else {
            throw HubSpotSignature.rejection("carries no signature")
        }
        try signature.verify(delivery, with: secrets, now: now)
        let body = try JSONValue(parsing: delivery.body ?? Data())
        let entries = (body.array ?? [body]).enumerated().sorted { left, right in
            HubSpotProvider.rank(left.element, left.offset) < HubSpotProvider.rank(right.element, right.offset)
        }
        return entries.flatMap { events(in: $0.element, isAuthentic: signature.coversTime) }
    }

    /// HubSpot looks at the status alone, and delivers again for a day.
    public func reply(accepted: Bool) -> HTTPResponse {
        HTTPResponse(status: accepted ? 200 : 401)
    }

    /// By date; a record's creation before the changes of the same millisecond.
    private static func rank(_ entry: JSONValue, _ offset: Int) -> (Int64, Int, Int) {
        let isCreation = entry["subscriptionType"]?.string?.hasSuffix(".creation") == true
        return (entry["occurredAt"]?.int64 ?? 0, isCreation ? 0 : 1, offset)
    }

    private func events(in entry: JSONValue, isAuthentic: Bool) -> [WebhookEvent] {
        guard let topic = entry["subscriptionType"]?.string, let portal = entry["portalId"]?.idText else { return [] }
        let date = entry["occurredAt"]?.int64.map { Date(timeIntervalSince1970: Double($0) / 1_000) }
        let key = HubSpotProvider.deduplicationKey(entry)
        return HubSpotProvider.subjects(of: entry, topic: topic, at: date).enumerated().map { place, subject in
            WebhookEvent(
                account: AccountKey(platform: .hubSpot, value: portal),
                topic: WebhookTopic(rawValue: topic),
                subject: subject,
                deduplicationKey: place == 0 ? key : "\(key)|\(place)",
                occurredAt: date,
                isAuthentic: isAuthentic
            )
        }
    }

    /// HubSpot's event id alone names no event.
    private static func deduplicationKey(_ entry: JSONValue) -> String {
        let names = [
            "portalId", "subscriptionId", "subscriptionType", "objectId", "propertyName", "eventId", "occurredAt",
        ]
        return names.map { (entry[$0]?.idText ?? "").replacingOccurrences(of: "|", with: "%7C") }
            .joined(separator: "|")
    }

    private static func subjects(of entry: JSONValue, topic: String, at date: Date?) -> [WebhookEvent.Subject] {
        let parts = topic.split(separator: ".").map(String.init)
        guard parts.count == 2, let kind = kind(parts[0], typeID: entry["objectTypeId"]?.idText) else { return [.ping] }
        func record(_ key: String) -> RemoteID? { entry[key]?.idText.map { RemoteID(kind, $0) } }
        switch parts[1] {
        case "deletion":
            return record("objectId").map { [.change(.deleted($0, at: date))] } ?? [.ping]
        case "privacyDeletion":
            return [.privacy(PrivacyRequest(.erase, record: record("objectId"), requestedAt: date))]
        case "merge":
            guard let winner = record("newObjectId") ?? record("primaryObjectId") ?? record("objectId") else {
                return [.ping]
            }
            var losers = (entry["mergedObjectIds"]?.array ?? []).compactMap(\.idText).map { RemoteID(kind, $0) }
            if let primary = record("primaryObjectId"), !losers.contains(primary) { losers.append(primary) }
            return losers.filter { $0 != winner }.map { .change(.merged($0, into: winner)) } + [.hint(winner)]
        case "associationChange":
            return record("fromObjectId").map { [.hint($0)] } ?? [.ping]
        default:
            return record("objectId").map { [.hint($0)] } ?? [.ping]
        }
    }

    private static func kind(_ name: String, typeID: String?) -> RecordKind? {
        HubSpotObject.all.first { name == "object" ? $0.typeID == typeID : $0.kind.rawValue == name }?.kind
    }
}

/// The strongest signature that a delivery carries.
struct HubSpotSignature: Sendable {
    private enum Form {
        case v3(timestamp: String)
        case v2
        case v1
    }

    private let form: Form
    private let value: String

    /// Reads the headers; a delivery with the newest form is never judged by an older one.
    init?(_ delivery: HTTPRequest) {
        let headers = delivery.headers
        if let value = headers["X-HubSpot-Signature-v3"] {
            form = .v3(timestamp: headers["X-HubSpot-Request-Timestamp"] ?? "")
            self.value = value
        } else if let value = headers["X-HubSpot-Signature"] {
            form = headers["X-HubSpot-Signature-Version"]?.lowercased() == "v2" ? .v2 : .v1
            self.value = value
        } else {
            return nil
        }
    }

    /// Whether an old delivery cannot pass for a new one.
    var coversTime: Bool { if case .v3 = form { true } else { false } }

    /// Verifies a delivery over its raw bytes.
    ///
    /// - Throws: ``IntegrationError`` with code `deliveryRejected`.
    func verify(_ delivery: HTTPRequest, with secrets: [Secret], now: Date) throws {
        let body = delivery.body ?? Data()
        let isValid: Bool
        switch form {
        case .v3(let timestamp):
            guard let milliseconds = Int64(timestamp) else { throw HubSpotSignature.rejection("carries no timestamp") }
            let age = now.timeIntervalSince1970 - Double(milliseconds) / 1_000
            guard abs(age) <= 300 else { throw HubSpotSignature.rejection("is too old or from the future") }
            guard let given = Data(base64Encoded: value) else { throw HubSpotSignature.rejection("is not signed") }
            isValid = secrets.contains { secret in
                HubSpotSignature.spellings(of: delivery.url).contains { uri in
                    let message = Data((delivery.method.rawValue + uri).utf8) + body + Data(timestamp.utf8)
                    return secret.withExposedValue { text in
                        constantTimeEquals(Hashing.hmacSHA256(message, key: Data(text.utf8)), given)
                    }
                }
            }
        case .v2:
            let uri = HubSpotSignature.withoutFragment(delivery.url)
            isValid = matches(Data((delivery.method.rawValue + uri).utf8) + body, secrets)
        case .v1:
            isValid = matches(body, secrets)
        }
        guard isValid else { throw HubSpotSignature.rejection("is signed with none of the secrets") }
    }

    private func matches(_ message: Data, _ secrets: [Secret]) -> Bool {
        secrets.contains { secret in
            secret.withExposedValue { text in
                let digest = Hashing.sha256(Data(text.utf8) + message)
                let hex = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                return constantTimeEquals(Data(hex.utf8), Data(value.utf8))
            }
        }
    }

    /// The address as HubSpot signs it, with some escapes undone, and as its own libraries read it, as it stands.
    private static func spellings(of url: URL) -> [String] {
        let plain = withoutFragment(url)
        let escapes = [
            "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
            "%2A": "*", "%2C": ",", "%3B": ";",
        ]
        var decoded = ""
        var rest = Substring(plain)
        while let percent = rest.firstIndex(of: "%") {
            decoded += rest[..<percent]
            let escape = rest[percent...].prefix(3)
            decoded += escapes[escape.uppercased()] ?? String(escape)
            rest = rest[percent...].dropFirst(3)
        }
        decoded += rest
        return decoded == plain ? [plain] : [decoded, plain]
    }

    private static func withoutFragment(_ url: URL) -> String {
        let text = url.absoluteString
        return text.firstIndex(of: "#").map { String(text[..<$0]) } ?? text
    }

    /// The error of a delivery that is not taken.
    static func rejection(_ reason: String) -> IntegrationError {
        IntegrationError(
            .deliveryRejected,
            "The HubSpot delivery \(reason).",
            remedy: LocalizedText(
                "Check the client secret and the public address of the webhook.",
                fr: "Vérifiez le secret client et l’adresse publique du webhook."
            ),
            concerns: .application,
            context: IntegrationError.Context(platform: PlatformID.hubSpot.rawValue)
        )
    }
}
