// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderRule {
    static let webhookRules = [
        ProviderRule("webhook", "A genuine delivery is accepted and tells of the record that changed.") { trial in
            let hooks = try await trial.webhooks()
            let (id, deliveries) = try await trial.changeOne()
            var subjects: [RemoteID] = []
            for delivery in deliveries {
                _ = try hooks.provider.address(of: delivery)
                let events = try hooks.provider.events(
                    in: delivery,
                    verifiedWith: ["an-older-secret", hooks.secret],
                    now: trial.clock.wall
                )
                subjects += events.compactMap(\.subject.record)
                for key in events.compactMap(\.account) {
                    try trial.expect(key == trial.account.key, "an event names the account \(key.value)")
                }
            }
            try trial.expect(subjects.contains(id), "no event tells of \(trial.name(id))")
            let reply = hooks.provider.reply(accepted: true)
            try trial.expect(reply.isSuccess, "an accepted delivery is answered with \(reply.status)")
        },
        ProviderRule("webhook-forged", "A delivery is refused if its signature, its body or its secret is another.") {
            trial in
            let hooks = try await trial.webhooks()
            for delivery in try await trial.changeOne().deliveries {
                var longer = delivery
                longer.body = (delivery.body ?? Data()) + Data(" ".utf8)
                var other = delivery
                other.body = Data((delivery.body ?? Data()).map { (0x31...0x38).contains($0) ? $0 + 1 : $0 })
                var bare = delivery
                bare.headers = HTTPHeaders(delivery.headers.fields.filter { $0.name.lowercased() == "content-type" })
                for (what, forged) in [("a longer body", longer), ("another body", other), ("no signature", bare)] {
                    try await trial.expectRejected(forged, hooks.secret, "a delivery with \(what)", by: hooks.provider)
                }
                try await trial.expectRejected(delivery, "not-the-secret", "another secret", by: hooks.provider)
            }
        },
        ProviderRule("webhook-stale", "A delivery that is too old is refused.") { trial in
            let hooks = try await trial.webhooks()
            guard let age = trial.bed.webhookAge else { throw UnsupportedHook("deliveries are not dated") }
            let deliveries = try await trial.changeOne().deliveries
            trial.clock.advance(by: age + .seconds(1))
            for delivery in deliveries {
                try await trial.expectRejected(delivery, hooks.secret, "a stale delivery", by: hooks.provider)
            }
        },
        ProviderRule("webhook-keys", "Different events have different keys, and a repeat has the same ones.") { trial in
            let hooks = try await trial.webhooks()
            func keys(_ delivery: HTTPRequest) throws -> [String] {
                try hooks.provider.events(in: delivery, verifiedWith: [hooks.secret], now: trial.clock.wall)
                    .map(\.deduplicationKey)
            }
            let deliveries = try await trial.changeOne().deliveries + (try await trial.changeOne().deliveries)
            let first = try deliveries.map(keys)
            try trial.expect(Set(first.joined()).count == first.joined().count, "two events have one key")
            for (delivery, before) in zip(deliveries, first) {
                trial.clock.advance(by: .seconds(1))
                let again = try keys(try await trial.bed.redelivery(of: delivery))
                try trial.expect(again == before, "a repeated delivery has other keys")
            }
        },
    ]
}

extension ProviderTrial {
    /// The provider as one that receives webhooks, and the secret.
    func webhooks() async throws -> (provider: any WebhookReceiving, secret: Secret) {
        guard let provider = provider as? any WebhookReceiving else {
            throw UnsupportedHook("the provider receives no webhooks")
        }
        guard let secret = bed.webhookSecret else { throw UnsupportedHook("the platform simulates no webhooks") }
        return (provider, secret)
    }

    /// Makes and edits a record as a person, and takes the deliveries about it.
    func changeOne() async throws -> (id: RemoteID, deliveries: [HTTPRequest]) {
        let kind = try require(try pullKinds().first, "a kind")
        _ = try await bed.takeDeliveries()
        let id = try await make(kind.kind)
        clock.advance(by: .seconds(2))
        try await edit(id)
        let deliveries = try await bed.takeDeliveries()
        try expect(!deliveries.isEmpty, "nothing was delivered")
        return (id, deliveries)
    }

    func expectRejected(
        _ delivery: HTTPRequest,
        _ secret: Secret,
        _ what: String,
        by provider: any WebhookReceiving
    ) async throws {
        let error = try await failure(of: what) {
            _ = try provider.events(in: delivery, verifiedWith: [secret], now: clock.wall)
        }
        try expect(error.code == .deliveryRejected, "\(what) gives \(error.code.rawValue)")
    }
}

extension WebhookEvent.Subject {
    /// The record that the event is about.
    fileprivate var record: RemoteID? {
        switch self {
        case .change(.updated(let record)): record.id
        case .change(.deleted(let id, _)), .change(.merged(let id, _)), .change(.converted(let id, _)): id
        case .hint(let id): id
        case .disconnected, .privacy, .job, .ping: nil
        }
    }
}
