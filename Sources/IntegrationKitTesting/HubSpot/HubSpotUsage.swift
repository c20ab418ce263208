// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// How much of an account's limits is used.
struct HubSpotUsage: Codable, Sendable {
    /// A limit that a call spends.
    enum Bucket: Hashable, Codable, Sendable {
        case burst(app: Int64)
        case associations(app: Int64)
        case search
    }

    /// The moments of calls within the window, oldest first.
    private var calls: [Bucket: [Int64]] = [:]
    private var day = ""
    private(set) var callsToday = 0

    /// How many calls the window of a bucket holds.
    mutating func count(_ bucket: Bucket, window: Int64, now: Int64) -> Int {
        let kept = calls[bucket, default: []].drop { $0 <= now - window }
        calls[bucket] = Array(kept)
        return kept.count
    }

    /// Counts calls.
    mutating func spend(_ bucket: Bucket, calls number: Int = 1, now: Int64) {
        calls[bucket, default: []].append(contentsOf: repeatElement(now, count: number))
    }

    /// Counts calls against the day.
    mutating func spendDay(calls number: Int = 1) { callsToday += number }

    /// Begins a new day if the account's midnight has passed.
    mutating func roll(now: Int64, timeZone: String) {
        let offset = HubSpotUsage.offset(of: timeZone, at: now)
        let today = HubSpotTime.day(now + offset)
        if today != day { (day, callsToday) = (today, 0) }
    }

    /// How far a zone is ahead of UTC at a moment, in milliseconds.
    static func offset(of timeZone: String, at moment: Int64) -> Int64 {
        let zone = TimeZone(identifier: timeZone) ?? .gmt
        return Int64(zone.secondsFromGMT(for: Date(milliseconds: moment))) * 1000
    }
}

extension HubSpotAccountState {
    /// Counts a call against its limits.
    ///
    /// - Returns: The headers that tell how much is left; none for a search.
    mutating func spend(_ call: HubSpotCall, token: HubSpotToken, now: Int64) throws -> HTTPHeaders {
        let limits = account.limits
        let interval = limits.interval.inMilliseconds
        usage.roll(now: now, timeZone: account.timeZone)
        let countsDaily = token.kind != .oauth
        if countsDaily, usage.callsToday >= limits.daily {
            throw HubSpotRefusal(refusal(policy: "DAILY", named: "daily", group: nil, headers: [:]))
        }
        let isSearch = call.area == "objects" && call.rest.last == "search"
        if isSearch {
            guard usage.count(.search, window: 1000, now: now) < limits.searchesPerSecond else {
                throw HubSpotRefusal(
                    refusal(
                        policy: "SECONDLY",
                        named: "secondly",
                        group: "publicapi:crm:search:\(token.kind.rawValue)",
                        headers: [:]
                    )
                )
            }
            usage.spend(.search, now: now)
            if countsDaily { usage.spendDay() }
            return [:]
        }
        let isAssociation = call.area == "associations"
        let bucket: HubSpotUsage.Bucket = isAssociation ? .associations(app: token.appID) : .burst(app: token.appID)
        let most = isAssociation ? limits.associations : token.kind == .oauth ? limits.oauthBurst : limits.burst
        let used = usage.count(bucket, window: interval, now: now)
        var headers: HTTPHeaders = [
            "X-HubSpot-RateLimit-Max": String(most),
            "X-HubSpot-RateLimit-Remaining": String(max(0, most - used - 1)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": String(interval),
        ]
        if countsDaily {
            headers["X-HubSpot-RateLimit-Daily"] = String(limits.daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = String(max(0, limits.daily - usage.callsToday - 1))
        }
        guard used < most else {
            let group = "publicapi:\(token.kind.rawValue)-api-calls-ten-secondly:\(token.appID):\(account.portalID)"
            throw HubSpotRefusal(
                refusal(policy: "TEN_SECONDLY_ROLLING", named: "ten_secondly_rolling", group: group, headers: headers)
            )
        }
        usage.spend(bucket, now: now)
        if countsDaily { usage.spendDay() }
        return headers
    }

    private func refusal(policy: String, named name: String, group: String?, headers: HTTPHeaders) -> HubSpotReply {
        HubSpotReply.limited(policy: policy, named: name, group: group, headers: headers)
    }
}

extension HubSpotReply {
    /// A 429, with its policy and without a category.
    static func limited(policy: String, named name: String, group: String?, headers: HTTPHeaders) -> HubSpotReply {
        var body: JSONObject = [
            "status": "error", "message": .string("You have reached your \(name) limit."), "errorType": "RATE_LIMIT",
            "correlationId": "", "policyName": .string(policy),
        ]
        if let group { body["groupName"] = .string(group) }
        return HubSpotReply(status: 429, body: .object(body), headers: headers)
    }
}

extension Duration {
    /// The duration in whole milliseconds.
    var inMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
