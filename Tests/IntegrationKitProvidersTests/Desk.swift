// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

/// A platform whose answers a closure gives, and which remembers what it was asked.
struct Desk: Sendable {
    /// The account where a test names no other.
    let usual: ConnectedAccount
    /// The platform's clock; an answer may correct it.
    let clock = LockBox(Date(timeIntervalSince1970: 1_795_600_000))
    private let log = LockBox<[HTTPRequest]>([])
    private let facts = LockBox<[String: JSONValue]>([:])

    static var hubSpot: Desk { Desk(usual: .portal()) }
    static var shop: Desk { Desk(usual: .shop()) }

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
        _ account: ConnectedAccount? = nil,
        now: Date? = nil,
        answer: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse
    ) -> ProviderSession {
        ProviderSession(
            account: account ?? usual,
            now: { now ?? clock.withLock { $0 } },
            send: { request in
                log.withLock { $0.append(request) }
                return try answer(request)
            },
            learn: { fact, value in facts.withLock { $0[fact] = value } }
        )
    }

    /// Returns a session with these answers, in order.
    func session(_ account: ConnectedAccount? = nil, _ answers: HTTPResponse...) -> ProviderSession {
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
