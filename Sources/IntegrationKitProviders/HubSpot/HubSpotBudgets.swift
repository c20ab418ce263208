// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// The names of HubSpot's limits.
enum HubSpotBudget {
    /// Calls within ten seconds.
    static let burst = "burst"
    /// Searches.
    static let search = "search"
    /// Calls to associations within ten seconds.
    static let associations = "associations"
    /// Calls within a day of the account's time zone, shared by all private apps of the account.
    static let daily = "daily"

    /// What the account's answers tell of the burst limit, as facts of its profile.
    static let burstMaximum = "burst.maximum"
    /// The length of the burst's span in milliseconds.
    static let burstInterval = "burst.interval"
    /// How many calls the account has a day.
    static let dailyMaximum = "daily.maximum"
}

extension HubSpotProvider {
    /// Returns the limits: what the account's answers told, else those of the smallest plan.
    public func budgets(of account: ConnectedAccount) -> [Budget] {
        let facts = account.profile.facts
        let burst = facts[HubSpotBudget.burstMaximum]?.int64.map(Int.init) ?? 100
        let interval = facts[HubSpotBudget.burstInterval]?.int64 ?? 10_000
        let daily = facts[HubSpotBudget.dailyMaximum]?.int64.map(Int.init) ?? 250_000
        return [
            Budget(
                id: HubSpotBudget.burst,
                scope: .accountOfApplication,
                rule: .window(burst, per: .milliseconds(interval))
            ),
            // HubSpot documents 5 a second for the whole account and tells nothing in the answers: one is left to others.
            Budget(id: HubSpotBudget.search, scope: .account, rule: .window(4, per: .seconds(1))),
            Budget(id: HubSpotBudget.associations, scope: .accountOfApplication, rule: .window(100, per: .seconds(10))),
            Budget(id: HubSpotBudget.daily, scope: .account, rule: .quota(daily, resetsAt: nil)),
        ]
    }

    /// Reads the rate limit headers, which searches do not carry.
    public func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] {
        var readings: [BudgetReading] = []
        let headers = response.headers
        if request.spend.contains(where: { $0.budget == HubSpotBudget.burst }),
            let remaining = headers["X-HubSpot-RateLimit-Remaining"].flatMap({ Int($0) })
        {
            let limit = headers["X-HubSpot-RateLimit-Max"].flatMap { Int($0) }
            readings.append(BudgetReading(HubSpotBudget.burst, limit: limit, remaining: remaining))
        }
        if let remaining = headers["X-HubSpot-RateLimit-Daily-Remaining"].flatMap({ Int($0) }) {
            let limit = headers["X-HubSpot-RateLimit-Daily"].flatMap { Int($0) }
            readings.append(BudgetReading(HubSpotBudget.daily, limit: limit, remaining: remaining))
        }
        return readings
    }

    /// Reads the facts about limits from an answer's headers.
    func limits(in headers: HTTPHeaders) -> [String: JSONValue] {
        let names = [
            HubSpotBudget.burstMaximum: "X-HubSpot-RateLimit-Max",
            HubSpotBudget.burstInterval: "X-HubSpot-RateLimit-Interval-Milliseconds",
            HubSpotBudget.dailyMaximum: "X-HubSpot-RateLimit-Daily",
        ]
        return names.compactMapValues { name in
            headers[name].flatMap { Int64($0) }.flatMap { $0 > 0 ? .number(JSONNumber($0)) : nil }
        }
    }
}
