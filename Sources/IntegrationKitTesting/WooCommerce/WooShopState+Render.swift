// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// A record as the API tells it, without links.
    func render(_ record: WooRecord) -> JSONValue {
        var told: JSONObject
        switch record.kind {
        case .customer:
            let hash = Hashing.sha256(Data(record.text("email").lowercased().utf8)).hexadecimal
            told = [
                "is_paying_customer": .bool(isPaying(record.id)),
                "avatar_url": .string("https://secure.gravatar.com/avatar/\(hash)?s=96&d=mm&r=g"),
            ]
        case .product, .variation: told = product(record)
        case .order: told = order(record)
        case .coupon: told = ["usage_count": 0]
        case .webhook: told = webhook(record)
        case .note: told = ["author": record.values["author"] ?? ""]
        }
        told["id"] = .integer(record.id)
        told["date_created"] = zone.localText(record.createdAt)
        told["date_created_gmt"] = zone.gmtText(record.createdAt)
        told["date_modified"] = zone.localText(record.modifiedAt)
        told["date_modified_gmt"] = zone.gmtText(record.modifiedAt)
        told["meta_data"] = .array(record.meta.map(\.json))
        var answer = JSONObject()
        for field in record.kind.fields where !field.isWriteOnly {
            answer[field.name] = told[field.name] ?? record.values[field.name] ?? field.initial
        }
        return .object(answer)
    }

    /// A record with its links, as a call is answered.
    func rendered(_ record: WooRecord, _ request: WooRequest) -> JSONValue {
        guard var answer = render(record).object else { return .null }
        let path = WooShopState.path(of: record)
        var links: JSONObject = [
            "self": [["href": .string(restAddress("wc/v3/\(path)"))]],
            "collection": [["href": .string(restAddress("wc/v3/\(path.prefix { !$0.isNumber }.dropLast())"))]],
        ]
        if record.kind == .order, let customer = record.values["customer_id"]?.int64, customer != 0 {
            links["customer"] = [["href": .string(restAddress("wc/v3/customers/\(customer)"))]]
        }
        answer["_links"] = .object(links)
        return .object(answer)
    }

    private func isPaying(_ id: Int64) -> Bool {
        all(.order).contains { $0.values["customer_id"]?.int64 == id && $0.paidAt != nil }
    }
}
