// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// A job as the request that the shop sends; nil if the address is one that it never sends to.
    func delivery(of job: WooJob, _ webhook: WooRecord, now: Int64) -> HTTPRequest? {
        guard let url = URL(string: webhook.text("delivery_url")), WooShopState.isSafe(url) else { return nil }
        if job.work == .ping {
            return HTTPRequest(
                .post,
                url,
                headers: [
                    "Content-Type": "application/x-www-form-urlencoded", "User-Agent": agent,
                ],
                body: Data("webhook_id=\(webhook.id)".utf8)
            )
        }
        let topic = webhook.text("topic")
        let parts = topic.split(separator: ".", maxSplits: 1).map(String.init)
        let body = PHP.json(payload(of: job, webhook))
        let secret = WooShopState.unescaped(webhook.text("secret"))
        let signature = Hashing.hmacSHA256(body, key: Data(secret.utf8)).base64EncodedString()
        let second = Data("\(webhook.id) \(clock(now) / 1000)".utf8)
        return HTTPRequest(
            .post,
            url,
            headers: [
                "User-Agent": agent, "Content-Type": "application/json", "X-WC-Webhook-Source": site.home + "/",
                "X-WC-Webhook-Topic": topic, "X-WC-Webhook-Resource": parts.first ?? "",
                "X-WC-Webhook-Event": parts.count > 1 ? parts[1] : "", "X-WC-Webhook-Signature": signature,
                "X-WC-Webhook-ID": String(webhook.id),
                "X-WC-Webhook-Delivery-ID": Hashing.sha256(second).prefix(16).hexadecimal,
            ],
            body: body
        )
    }

    private var agent: String {
        "WooCommerce/\(shop.version.text) Hookshot (WordPress/\(shop.wordPressVersion))"
    }

    /// The body: the record as the webhook's user sees it at this moment.
    private func payload(of job: WooJob, _ webhook: WooRecord) -> JSONValue {
        switch job.work {
        case .ping: return .null
        case .action(let name, let argument): return ["action": .string(name), "arg": .integer(argument)]
        case .record(let kind, let id):
            if webhook.text("topic").hasSuffix(".deleted") { return ["id": .integer(id)] }
            let user = users[webhook.values["user_id"]?.int64 ?? 0]
            guard user?.managesShop ?? false else {
                return WooRefusal(
                    403,
                    "woocommerce_rest_cannot_view",
                    "Sorry, you cannot view this resource."
                ).json
            }
            guard let record = self.record(kind, id) else {
                return WooShopState.unknown(kind == .variation ? .product : kind, status: 404).json
            }
            return render(record)
        }
    }

    /// WordPress sends to no private address and to three ports only.
    static func isSafe(_ url: URL) -> Bool {
        guard let host = url.host?.lowercased(), url.user == nil else { return false }
        guard [80, 443, 8080].contains(url.port ?? (url.scheme == "http" ? 80 : 443)) else { return false }
        if host == "localhost" || host == "::1" { return false }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard numbers.count == 4, let first = numbers[0], let second = numbers[1] else { return true }
        return ![0, 10, 127].contains(first) && !(first == 172 && (16...31).contains(second))
            && !(first == 192 && second == 168)
    }

    /// A secret whose entities of HTML were decoded.
    private static func unescaped(_ text: String) -> String {
        var text = text
        for (entity, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#039;", "'"), ("&amp;", "&"),
        ] {
            text = text.replacing(entity, with: character)
        }
        return text
    }
}
