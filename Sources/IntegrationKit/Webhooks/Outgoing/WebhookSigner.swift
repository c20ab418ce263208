// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Signs webhooks by the Standard Webhooks specification, and checks what was signed so.
///
/// With several secrets every message carries a signature of each, so that a receiver may change over in its own time.
///
/// ```swift
/// let signer = try WebhookSigner(secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
/// try signer.verify(headers: request.headers, body: body, at: .now)
/// ```
public struct WebhookSigner: Sendable {
    private let keys: [Data]

    /// Creates a signer.
    ///
    /// - Parameter secrets: The secrets, each `whsec_` and 24 to 64 bytes in base 64; the newest first.
    /// - Throws: ``IntegrationError`` with code `invalidInput` if there is none or one has another form.
    public init(secrets: [Secret]) throws {
        guard !secrets.isEmpty else { throw WebhookSigner.malformed }
        keys = try secrets.map { secret in
            try secret.withExposedValue { text in
                guard text.hasPrefix(WebhookSigner.prefix),
                    let key = Data(base64Encoded: String(text.dropFirst(WebhookSigner.prefix.count))),
                    (24...64).contains(key.count)
                else { throw WebhookSigner.malformed }
                return key
            }
        }
    }

    private static let prefix = "whsec_"

    private static let malformed = IntegrationError(
        .invalidInput,
        "A webhook secret is whsec_ and 24 to 64 bytes in base 64.",
        remedy: LocalizedText(
            "Copy the secret as it was shown, or let the library make one.",
            fr: "Recopiez le secret tel qu’il a été affiché, ou laissez la bibliothèque en créer un."
        ),
        concerns: .account
    )

    /// Makes a secret of 32 random bytes.
    ///
    /// - Parameter random: Where the bytes come from.
    /// - Returns: The secret, to be shown once to whom it belongs.
    public static func makeSecret(random: RandomSource = .system) -> Secret {
        Secret(prefix + random.bytes(32).base64EncodedString())
    }

    /// Returns the three headers of a message.
    ///
    /// - Parameters:
    ///   - id: The message's id; the same at every attempt. Holds no full stop.
    ///   - date: When this attempt is sent.
    ///   - body: The bytes of the body as they are sent.
    /// - Returns: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    public func headers(id: String, at date: Date, body: Data) -> HTTPHeaders {
        let timestamp = String(date.milliseconds / 1000)
        let signatures = keys.map { "v1," + WebhookSigner.signature(id, timestamp, body, $0).base64EncodedString() }
        return [
            "webhook-id": id, "webhook-timestamp": timestamp,
            "webhook-signature": signatures.joined(separator: " "),
        ]
    }

    /// Checks a message that was received.
    ///
    /// - Parameters:
    ///   - headers: The headers received.
    ///   - body: The bytes of the body as they were received, not parsed and written anew.
    ///   - now: The date.
    ///   - tolerance: How far the message's time may be from `now`, either way.
    /// - Throws: ``IntegrationError`` with code `deliveryRejected` if a header is missing, the time is too far off, or no
    ///   signature fits.
    public func verify(
        headers: HTTPHeaders,
        body: Data,
        at now: Date,
        tolerance: Duration = .seconds(300)
    ) throws {
        guard let id = headers["webhook-id"], !id.isEmpty, let timestamp = headers["webhook-timestamp"],
            let signatures = headers["webhook-signature"]
        else { throw WebhookSigner.rejected("A webhook header is missing.") }
        guard timestamp.utf8.count <= 12, timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let seconds = Int64(timestamp)
        else { throw WebhookSigner.rejected("The webhook's time is no number.") }
        guard abs(now.milliseconds / 1000 - seconds) <= tolerance.components.seconds else {
            throw WebhookSigner.rejected("The webhook is too old or from the future.")
        }
        let given = signatures.split(separator: " ").compactMap { part in
            part.hasPrefix("v1,") ? Data(base64Encoded: String(part.dropFirst(3))) : nil
        }
        for key in keys {
            let expected = WebhookSigner.signature(id, timestamp, body, key)
            if given.contains(where: { constantTimeEquals($0, expected) }) { return }
        }
        throw WebhookSigner.rejected("No signature of the webhook fits.")
    }

    private static func signature(_ id: String, _ timestamp: String, _ body: Data, _ key: Data) -> Data {
        Hashing.hmacSHA256(Data("\(id).\(timestamp).".utf8) + body, key: key)
    }

    private static func rejected(_ reason: String) -> IntegrationError {
        IntegrationError(
            .deliveryRejected,
            reason,
            remedy: LocalizedText(
                "Check the secret and the clock, and verify the body's bytes as they came.",
                fr: "Vérifiez le secret et l’horloge, et contrôlez le corps tel qu’il a été reçu."
            ),
            concerns: .application
        )
    }
}
