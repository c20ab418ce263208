// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

extension HTTPResponse {
    /// An answer with a JSON text as its body.
    static func shop(_ json: String, status: Int = 200, headers: HTTPHeaders = [:]) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: Data(json.utf8))
    }

    /// A refusal of WooCommerce.
    static func refusal(_ status: Int, _ code: String, data: String = "") -> HTTPResponse {
        shop(#"{"code":"\#(code)","message":"Ada's secret","data":{"status":\#(status)\#(data)}}"#, status: status)
    }
}

extension ConnectedAccount {
    /// A connected shop.
    static func shop(
        _ address: String = "https://shop.example",
        facts: [String: JSONValue] = [:],
        settings: [String: JSONValue] = [:],
        currencies: [String] = ["EUR"]
    ) -> ConnectedAccount {
        ConnectedAccount(
            key: AccountKey(platform: .wooCommerce, value: "shop.example"),
            profile: AccountProfile(
                baseURL: URL(string: address) ?? URL(fileURLWithPath: "/"),
                timeZone: "Europe/Berlin",
                currencies: currencies,
                facts: facts
            ),
            settings: settings
        )
    }
}

extension RecordWrite {
    /// A write to a shop.
    static func shop(
        _ operation: Operation,
        _ kind: RecordKind,
        _ letter: Character = "a",
        target: RemoteID? = nil,
        fields: [FieldName: FieldValue] = [:],
        relations: [Relation] = [],
        firstSentAt: Date? = nil,
        state: JSONValue? = nil,
        mayNotifyPeople: Bool = false
    ) -> RecordWrite {
        let number = (letter.asciiValue ?? 97) - 96
        return RecordWrite(
            id: UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number)),
            operation: operation,
            kind: kind,
            target: target,
            externalKey: key(letter),
            naturalKeys: fields.filter { $0.key == (kind == .customer ? "email" : "sku") },
            fields: fields,
            relations: relations,
            mayNotifyPeople: mayNotifyPeople,
            firstSentAt: firstSentAt,
            state: state
        )
    }
}
