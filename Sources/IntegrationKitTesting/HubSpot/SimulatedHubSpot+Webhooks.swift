// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension SimulatedHubSpot {
    /// The application that customers authorise and that webhooks are sent for.
    public struct App: Codable, Sendable {
        /// The application's id.
        public var id: Int64 = 2_633_736
        /// The client id.
        public var clientID = "11111111-2222-3333-4444-555555555555"
        /// The client secret, which also signs webhooks.
        public var clientSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
        /// Where webhooks go, as the platform calls it: one address for all accounts.
        public var targetURL = "https://www.example.com/webhook_uri"
        /// What webhooks are sent for.
        public var subscriptions: [Subscription] = []
        /// Whether a refresh ends the former refresh token and brings a new one.
        public var rotatesRefreshTokens = false

        /// Creates an application without subscriptions.
        public init() {}
    }

    /// A subscription of the application to one topic.
    public struct Subscription: Hashable, Codable, Sendable {
        /// The id.
        public var id: Int64
        /// The topic, such as `contact.propertyChange` or `object.creation`.
        public var topic: String
        /// The property, for a topic of property changes.
        public var propertyName: String?
        /// The type, for a topic that begins with `object`.
        public var objectTypeID: String?
        /// Whether events are sent.
        public var isActive: Bool

        /// Creates a subscription.
        ///
        /// - Parameters:
        ///   - topic: The topic.
        ///   - propertyName: The property, for a topic of property changes.
        ///   - objectTypeID: The type, for a topic that begins with `object`.
        ///   - id: The id.
        ///   - isActive: Whether events are sent.
        public init(
            _ topic: String,
            propertyName: String? = nil,
            objectTypeID: String? = nil,
            id: Int64 = 2_426_762,
            isActive: Bool = true
        ) {
            self.topic = topic
            self.propertyName = propertyName
            self.objectTypeID = objectTypeID
            self.id = id
            self.isActive = isActive
        }
    }

    /// How webhooks are delivered.
    public struct DeliveryOptions: Hashable, Sendable {
        /// The most events in one delivery; the platform sends up to 100.
        public var batchSize = 100
        /// Whether events come in another order than they happened.
        public var isReordered = false
        /// The share of events that come twice, from 0 to 1.
        public var duplicates = 0.0
        /// How many deliveries of the same events failed before.
        public var attempt = 0

        /// Creates the platform's usual options.
        public init() {}
    }

    /// Configures the application.
    public func configureApp(_ change: @Sendable (inout App) -> Void) {
        box.withLock { change(&$0.app) }
    }

    /// How many events wait for their delivery.
    public var pendingEventCount: Int { box.withLock { $0.events.count } }

    /// Takes the deliveries of all events that wait, of all accounts together, signed and ready to be received.
    ///
    /// - Parameter options: How they are delivered.
    /// - Returns: The deliveries in order.
    public func takeDeliveries(_ options: DeliveryOptions = DeliveryOptions()) -> [HTTPRequest] {
        let now = now
        return box.withLock { world in
            var events = world.events
            world.events = []
            if options.duplicates > 0 {
                events = events.flatMap { world.random.fraction() < options.duplicates ? [$0, $0] : [$0] }
            }
            if options.isReordered { events = world.random.shuffled(events) }
            let size = min(100, max(1, options.batchSize))
            return stride(from: 0, to: events.count, by: size).compactMap { start in
                let batch = events[start..<min(events.count, start + size)].map { event in
                    event.signal.body(
                        eventID: event.eventID,
                        subscription: event.subscription,
                        app: world.app.id,
                        attempt: options.attempt
                    )
                }
                return world.app.delivery(of: JSONValue.array(batch).data, now: now)
            }
        }
    }

    /// Delivers a body again, as the platform does after a failure: same events, one more attempt, a new signature.
    ///
    /// - Parameter delivery: The delivery that failed.
    /// - Returns: The next attempt; nil if the body is no delivery of the platform.
    public func redelivery(of delivery: HTTPRequest) -> HTTPRequest? {
        guard let events = try? JSONValue(parsing: delivery.body ?? Data()).array else { return nil }
        let next = events.map { event -> JSONValue in
            guard var members = event.object else { return event }
            members["attemptNumber"] = .number(JSONNumber((event["attemptNumber"]?.int64 ?? 0) + 1))
            return .object(members)
        }
        let now = now
        return box.withLock { $0.app.delivery(of: JSONValue.array(next).data, now: now) }
    }
}

extension SimulatedHubSpot.App {
    /// A body as a signed request.
    func delivery(of body: Data, now: Int64) -> HTTPRequest? {
        guard let url = URL(string: targetURL) else { return nil }
        let timestamp = String(now)
        let signed = Data(("POST" + targetURL).utf8) + body + Data(timestamp.utf8)
        let signature = Hashing.hmacSHA256(signed, key: Data(clientSecret.utf8)).base64EncodedString()
        let digest = Hashing.sha256(Data(clientSecret.utf8) + body)
        return HTTPRequest(
            .post,
            url,
            headers: [
                "Content-Type": "application/json", "X-HubSpot-Signature-v3": signature,
                "X-HubSpot-Request-Timestamp": timestamp, "X-HubSpot-Signature": digest.hexadecimal,
                "X-HubSpot-Signature-Version": "v1",
            ],
            body: body
        )
    }
}

extension HubSpotWorld {
    /// Turns what happened into the events that subscriptions ask for.
    mutating func collect(_ signals: [HubSpotSignal]) {
        guard !app.subscriptions.isEmpty else { return }
        for signal in signals {
            for subscription in app.subscriptions where signal.fits(subscription) {
                lastEventID += 1
                events.append(HubSpotEvent(signal: signal, subscription: subscription, eventID: lastEventID))
            }
        }
    }
}
