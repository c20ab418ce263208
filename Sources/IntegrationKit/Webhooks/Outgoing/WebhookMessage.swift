// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Something that a tenant's endpoints are told.
///
/// Its body is `{"type": …, "timestamp": …, "data": …}`, as the Standard Webhooks specification recommends.
public struct WebhookMessage: Hashable, Sendable {
    /// The type of a message: names with full stops between them, such as `invoice.paid`.
    public struct Kind: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral {
        /// The type's name.
        public var rawValue: String
        /// Creates a type from its name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a type from its name.
        public init(stringLiteral value: String) { rawValue = value }

        /// A record was carried to a platform or from it.
        public static let recordSynced: Kind = "record.synced"
        /// A record waits for a person.
        public static let recordRefused: Kind = "record.refused"
        /// An integration needs a person: its sign-in, a setting, a confirmation.
        public static let integrationAttention: Kind = "integration.attention"
        /// What an integration needed a person for is over.
        public static let integrationRecovered: Kind = "integration.recovered"
    }

    /// The id: the same at every attempt and never used twice; a receiver drops what it has seen.
    ///
    /// Holds no full stop.
    public var id: String
    /// The type.
    public var type: Kind
    /// When it happened.
    public var date: Date
    /// What happened.
    public var data: JSONObject

    /// Creates a message.
    ///
    /// - Parameters:
    ///   - type: The type.
    ///   - id: The id; sending an id again sends nothing.
    ///   - date: When it happened.
    ///   - data: What happened.
    public init(_ type: Kind, id: String, date: Date, data: JSONObject) {
        self.id = id
        self.type = type
        self.date = date
        self.data = data
    }

    /// The bytes that are signed and sent.
    var body: Data {
        let value: JSONValue = [
            "type": .string(type.rawValue), "timestamp": .string(ISO8601.string(from: date)), "data": .object(data),
        ]
        return Data(JSONWriter.bytes(of: value, pretty: false))
    }
}

/// What became of a message at one endpoint.
public struct WebhookDispatch: Hashable, Sendable {
    /// How far it is.
    public enum State: String, Hashable, Codable, Sendable {
        /// It will be sent, or sent again.
        case waiting
        /// The endpoint took it.
        case delivered
        /// It was refused at every attempt.
        case failed
    }

    /// The message's id.
    public var id: String
    /// The message's type.
    public var type: WebhookMessage.Kind
    /// How far it is.
    public var state: State
    /// How often it was sent.
    public var attempts: Int
    /// When it is sent next.
    public var nextAttempt: Date?
    /// The answer to the last attempt, in words.
    public var lastAnswer: String?
}
