// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Everything that one simulated shop holds.
struct WooShopState: Codable, Sendable {
    /// Answers that are given again live for seconds and are not saved.
    private enum CodingKeys: CodingKey {
        case shop, site, random, users, keys, nonces, records, history, mails, jobs, lastIDs
    }

    /// A user of the site; customers are users too.
    struct User: Codable, Sendable {
        var id: Int64
        var login: String
        var role: String
        var applicationPasswords: Set<String> = []

        /// Whether the user may manage the shop.
        var managesShop: Bool { role == "administrator" || role == "shop_manager" }
    }

    /// An answer that is given again.
    struct KeptAnswer: Sendable {
        var body: Data
        var headers: HTTPHeaders
        var until: Int64
    }

    var shop: SimulatedWooCommerce.Shop { didSet { site = WooSite(shop) } }
    var site: WooSite
    var random: SimulationRandom
    var users: [Int64: User] = [:]
    var keys: [SimulatedWooCommerce.Key] = []
    /// Which nonce each key used in which second.
    var nonces: [Int64: [Int64: String]] = [:]
    var records: [WooKind: [Int64: WooRecord]] = [:]
    var history: [SimulatedWooCommerce.Effect] = []
    var mails: [SimulatedWooCommerce.Mail] = []
    var jobs: [WooJob] = []
    var keptAnswers: [String: KeptAnswer] = [:]
    private var lastIDs: [String: Int64] = [:]

    init(_ shop: SimulatedWooCommerce.Shop, seed: UInt64) {
        self.shop = shop
        site = WooSite(shop)
        let salt = Hashing.sha256(Data(site.home.utf8)).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        random = SimulationRandom(seed: seed ^ salt)
        users[1] = User(id: 1, login: "admin", role: "administrator")
        lastIDs["user"] = 1
        lastIDs["post"] = 9
    }

    var zone: WooTime { WooTime(zone: TimeZone(identifier: shop.timeZone) ?? .gmt) }

    /// The shop's own clock.
    func clock(_ now: Int64) -> Int64 { now + shop.clockOffset.inMilliseconds }

    /// The next id of a row of numbers.
    mutating func nextID(_ row: String) -> Int64 {
        lastIDs[row, default: 0] += 1
        return lastIDs[row, default: 0]
    }

    mutating func nextID(of kind: WooKind) -> Int64 {
        switch kind {
        case .customer: nextID("user")
        case .note: nextID("comment")
        case .webhook: nextID("webhook")
        case .product, .variation, .order, .coupon: nextID("post")
        }
    }

    func record(_ kind: WooKind, _ id: Int64) -> WooRecord? { records[kind]?[id] }

    /// The records of a kind, by their ids.
    func all(_ kind: WooKind) -> [WooRecord] { (records[kind] ?? [:]).values.sorted { $0.id < $1.id } }

    mutating func save(_ record: WooRecord) { records[record.kind, default: [:]][record.id] = record }

    /// Writes down what happened, and lets webhooks know.
    mutating func note(_ kind: SimulatedWooCommerce.Effect.Kind, _ record: WooRecord, _ turn: WooTurn) {
        history.append(
            SimulatedWooCommerce.Effect(
                kind: kind,
                resource: record.kind.rawValue,
                id: record.id,
                parentID: record.parentID,
                record: render(record),
                time: turn.milliseconds,
                source: turn.source
            )
        )
        signal(kind, record, turn)
    }

    mutating func mail(_ kind: SimulatedWooCommerce.Mail.Kind, to address: String, _ turn: WooTurn) {
        guard !address.isEmpty else { return }
        mails.append(SimulatedWooCommerce.Mail(kind: kind, recipient: address, time: turn.milliseconds))
    }
}
