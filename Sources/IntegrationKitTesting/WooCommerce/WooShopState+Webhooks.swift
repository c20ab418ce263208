// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A delivery that waits in the shop's job queue.
struct WooJob: Hashable, Codable, Sendable {
    enum Work: Hashable, Codable, Sendable {
        case ping
        case record(WooKind, Int64)
        case action(String, argument: Int64)
    }

    var webhook: Int64
    var work: Work
    var due: Int64
}

extension WooShopState {
    private static let hooks: [String: [String]] = [
        "customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
        "customer.updated": ["profile_update", "woocommerce_update_customer"],
        "customer.deleted": ["delete_user"], "customer.restored": [],
        "order.created": ["woocommerce_new_order"], "order.updated": ["woocommerce_update_order"],
        "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
        "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
        "product.created": ["woocommerce_new_product", "woocommerce_new_product_variation"],
        "product.updated": ["woocommerce_update_product", "woocommerce_update_product_variation"],
        "product.deleted": ["wp_trash_post"], "product.restored": ["untrashed_post"],
        "coupon.created": ["woocommerce_new_coupon"], "coupon.updated": ["woocommerce_update_coupon"],
        "coupon.deleted": ["wp_trash_post"], "coupon.restored": ["untrashed_post"],
    ]

    // MARK: The resource

    mutating func createWebhook(_ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = WooRecord(id: 0, kind: .webhook, createdAt: turn.now, modifiedAt: nil)
        record.values = initialValues(of: .webhook)
        record.values["user_id"] = .integer(turn.userID)
        record.values["failures"] = 0
        try take(members, into: &record, isCreate: true)
        record.id = nextID(of: .webhook)
        if record.text("secret").isEmpty { record.values["secret"] = .string(random.hexadecimal(50)) }
        if record.text("name").isEmpty { record.values["name"] = "Webhook created" }
        record.values["ping"] = true
        save(record)
        note(.created, record, turn)
        queuePing(record, turn.milliseconds)
        return record
    }

    mutating func updateWebhook(_ found: WooRecord, _ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = found
        try take(members, into: &record, isCreate: false)
        if record.text("delivery_url") != found.text("delivery_url") { record.values["ping"] = true }
        record.modifiedAt = turn.now
        save(record)
        note(.updated, record, turn)
        queuePing(record, turn.milliseconds)
        return record
    }

    private func take(_ members: JSONObject, into record: inout WooRecord, isCreate: Bool) throws {
        if isCreate || members["topic"] != nil {
            let topic = members["topic"]?.string ?? ""
            let isAction = topic.hasPrefix("action.woocommerce_") || topic.hasPrefix("action.wc_")
            let isKnown =
                WooShopState.hooks[topic] != nil && (topic != "customer.restored" || shop.version < "10.9")
            guard isAction || isKnown else {
                throw WooRefusal(
                    400,
                    "woocommerce_rest_shop_webhook_invalid_topic",
                    "Webhook topic is required and must be valid."
                )
            }
        }
        if isCreate || members["delivery_url"] != nil {
            let address = members["delivery_url"]?.string ?? ""
            guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
                throw WooRefusal(
                    400,
                    "woocommerce_rest_shop_webhook_invalid_delivery_url",
                    "Webhook delivery URL must be a valid URL starting with http:// or https://."
                )
            }
        }
        merge(members, into: &record)
    }

    func webhook(_ record: WooRecord) -> JSONObject {
        let topic = record.text("topic")
        let parts = topic.split(separator: ".", maxSplits: 1).map(String.init)
        let event = parts.count > 1 ? parts[1] : ""
        return [
            "resource": .string(parts.first ?? ""), "event": .string(event),
            "hooks": .strings(parts.first == "action" ? [event] : WooShopState.hooks[topic] ?? []),
        ]
    }

    // MARK: The queue

    private mutating func queuePing(_ record: WooRecord, _ now: Int64) {
        guard record.values["ping"] == true, record.text("status") == "active" else { return }
        jobs.append(WooJob(webhook: record.id, work: .ping, due: now))
    }

    /// Queues what webhooks are to be told of something that happened.
    mutating func signal(_ kind: SimulatedWooCommerce.Effect.Kind, _ record: WooRecord, _ turn: WooTurn) {
        let resource = record.kind == .variation ? "product" : record.kind.rawValue
        var events: [String]
        switch kind {
        case .created: events = ["created", "updated"]
        case .updated: events = ["updated"]
        case .restored: events = ["updated", "restored"]
        case .trashed: events = record.kind == .variation ? ["updated"] : ["updated", "deleted"]
        case .erased: events = record.kind == .customer && role(of: record) == "customer" ? ["deleted"] : []
        }
        if turn.isBatch { events.removeAll { $0 == "deleted" } }
        if record.kind == .note {
            fire("woocommerce_order_note_added", argument: record.id, turn.milliseconds)
            return
        }
        guard record.kind != .webhook else { return }
        // Only of orders and customers an update was seen right behind the creation.
        if kind == .created, resource != "order", resource != "customer" { events = ["created"] }
        for event in events { queue("\(resource).\(event)", .record(record.kind, record.id), turn.milliseconds) }
    }

    /// Lets an action of PHP happen.
    mutating func fire(_ action: String, argument: Int64, _ now: Int64) {
        queue("action.\(action)", .action(action, argument: argument), now)
    }

    /// Two changes before the queue runs become one delivery.
    private mutating func queue(_ topic: String, _ work: WooJob.Work, _ now: Int64) {
        for webhook in all(.webhook) where webhook.text("topic") == topic && webhook.text("status") == "active" {
            guard !jobs.contains(where: { $0.webhook == webhook.id && $0.work == work }) else { continue }
            jobs.append(WooJob(webhook: webhook.id, work: work, due: now + shop.jobDelay.inMilliseconds))
        }
    }

    /// Takes the next job that is due, and its delivery; nil for the request: the shop refused to send it.
    mutating func nextDelivery(now: Int64) -> (job: WooJob, request: HTTPRequest?)? {
        while let place = jobs.firstIndex(where: { $0.due <= now }) {
            let job = jobs.remove(at: place)
            guard let webhook = record(.webhook, job.webhook), webhook.text("status") == "active" else { continue }
            return (job, delivery(of: job, webhook, now: now))
        }
        return nil
    }

    /// Counts how a delivery ended; the seventh failure in a row ends the webhook.
    mutating func finish(_ job: WooJob, status: Int?, now: Int64) {
        guard var webhook = record(.webhook, job.webhook) else { return }
        let isAccepted = status.map { (200...302).contains($0) } ?? false
        if job.work == .ping {
            if status == 200 { webhook.values["ping"] = false }
            save(webhook)
            return
        }
        let failures = webhook.values["failures"]?.int64 ?? 0
        if isAccepted {
            webhook.values["failures"] = 0
        } else if failures > 5 {
            webhook.values["status"] = "disabled"
        } else {
            webhook.values["failures"] = .integer(failures + 1)
        }
        save(webhook)
        if !isAccepted { queuePing(webhook, now) }
    }
}
