// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

/// A shop whose answers a closure gives, and which remembers what it was asked.
struct WooCommerceDesk: Sendable {
    private let log = LockBox<[HTTPRequest]>([])
    private let facts = LockBox<[String: JSONValue]>([:])
    /// The shop's clock; an answer may correct it.
    let clock = LockBox(Date(timeIntervalSince1970: 1_795_600_000))

    /// What was asked so far.
    var requests: [HTTPRequest] { log.withLock { $0 } }
    /// What was learned so far.
    var learned: [String: JSONValue] { facts.withLock { $0 } }
    /// What was asked so far, one line for each request: method, path with query, and body.
    var lines: [String] {
        requests.map { request in
            let address = request.url.absoluteString.replacing("https://shop.example", with: "")
            let body = request.body.map { " " + String(decoding: $0, as: UTF8.self) } ?? ""
            return "\(request.method.rawValue) \(address)\(body)"
        }
    }

    /// Returns a session.
    func session(
        _ account: ConnectedAccount = .shop(),
        answer: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse
    ) -> ProviderSession {
        ProviderSession(
            account: account,
            now: { clock.withLock { $0 } },
            send: { request in
                log.withLock { $0.append(request) }
                return try answer(request)
            },
            learn: { fact, value in facts.withLock { $0[fact] = value } }
        )
    }

    /// Returns a session with these answers, in order.
    func session(_ account: ConnectedAccount = .shop(), _ answers: HTTPResponse...) -> ProviderSession {
        let rest = LockBox(answers)
        return session(account) { request in
            try rest.withLock { rest in
                guard !rest.isEmpty else {
                    throw IntegrationError(.network, "Nothing is left to answer \(request.url).")
                }
                return rest.removeFirst()
            }
        }
    }
}

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
