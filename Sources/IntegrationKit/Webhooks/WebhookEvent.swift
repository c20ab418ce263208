// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Whom a webhook delivery says it is for, before it is verified.
public enum WebhookAddress: Hashable, Sendable {
    /// One of the host's applications; nil: the only one of the platform.
    case application(id: String?)
    /// One account.
    case account(AccountKey)
    /// One subscription, by the id in the delivery's path.
    case subscription(String)
}

/// A topic of webhooks, by the platform's own name.
public struct WebhookTopic: RawRepresentable, Hashable, Codable, Sendable, ExpressibleByStringLiteral {
    /// The platform's name of the topic.
    public var rawValue: String
    /// Creates a topic from its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Creates a topic from a literal.
    public init(stringLiteral value: String) { rawValue = value }
}

/// A subscription to webhooks.
public struct WebhookSubscription: Sendable {
    /// The platform's id; nil before it exists.
    public var id: String?
    /// The topics.
    public var topics: [WebhookTopic]
    /// Where deliveries go.
    public var endpoint: URL
    /// What deliveries are signed with.
    public var secret: Secret?
    /// Whether the platform still delivers.
    public var isActive: Bool

    /// Creates a subscription.
    ///
    /// - Parameters:
    ///   - id: The platform's id.
    ///   - topics: The topics.
    ///   - endpoint: Where deliveries go.
    ///   - secret: What deliveries are signed with.
    ///   - isActive: Whether the platform still delivers.
    public init(id: String? = nil, topics: [WebhookTopic], endpoint: URL, secret: Secret? = nil, isActive: Bool = true)
    {
        self.id = id
        self.topics = topics
        self.endpoint = endpoint
        self.secret = secret
        self.isActive = isActive
    }
}

/// One event of a verified delivery.
public struct WebhookEvent: Sendable {
    /// What an event is about.
    public enum Subject: Sendable {
        /// A change, with what the payload tells of it.
        case change(RecordChange)
        /// Something changed about this record: fetch it.
        case hint(RemoteID)
        /// The customer removed the application.
        case disconnected
        /// A person asked for their data or its deletion.
        case privacy(PrivacyRequest)
        /// A job of the platform has ended.
        case job(String)
        /// Nothing but a sign of life.
        case ping
    }

    /// The account it is about; nil: the one that the delivery's address names.
    public var account: AccountKey?
    /// The topic, by the platform's name.
    public var topic: WebhookTopic
    /// What it is about.
    public var subject: Subject
    /// Names the event among all of the endpoint; a repeat has the same one.
    public var deduplicationKey: String
    /// When it happened, by the platform's clock.
    public var occurredAt: Date?
    /// Whether body and account are both covered by the signature; only then may the payload stand in for a fetch.
    public var isAuthentic: Bool

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - account: The account it is about.
    ///   - topic: The topic.
    ///   - subject: What it is about.
    ///   - deduplicationKey: Names the event among all of the endpoint.
    ///   - occurredAt: When it happened.
    ///   - isAuthentic: Whether body and account are covered by the signature.
    public init(
        account: AccountKey? = nil,
        topic: WebhookTopic,
        subject: Subject,
        deduplicationKey: String,
        occurredAt: Date? = nil,
        isAuthentic: Bool
    ) {
        self.account = account
        self.topic = topic
        self.subject = subject
        self.deduplicationKey = deduplicationKey
        self.occurredAt = occurredAt
        self.isAuthentic = isAuthentic
    }
}

/// What a person asked for under a privacy law, as a platform passed it on.
public struct PrivacyRequest: Hashable, Codable, Sendable {
    /// What is asked.
    public enum Action: String, Codable, Sendable {
        /// Delete what is held about the person.
        case erase
        /// Tell what is held about the person.
        case disclose
        /// Delete everything of the account.
        case eraseAccount
    }

    /// What is asked.
    public var action: Action
    /// The person's record on the platform, where it is named.
    public var record: RemoteID?
    /// When the platform asked.
    public var requestedAt: Date?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - action: What is asked.
    ///   - record: The person's record on the platform.
    ///   - requestedAt: When the platform asked.
    public init(_ action: Action, record: RemoteID? = nil, requestedAt: Date? = nil) {
        self.action = action
        self.record = record
        self.requestedAt = requestedAt
    }
}
