// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The count of one budget for one of those who share it.
///
/// All moments are of ``TimeSource/elapsed``.
///
/// Two things are counted apart, and the tighter one decides: what we spent ourselves, and what the platform last said
/// remains, from which everybody who shares the budget draws.
struct BudgetMeter {
    /// What was last heard to remain, less what was taken since.
    struct Remaining {
        var amount: Int
        var heardAt: Duration
        /// When the span it belongs to is over; nil: not known.
        var endsAt: Duration?
    }
    private struct Spent {
        var from: Duration
        var until: Duration
        var amount: Int
    }

    /// How long a budget that does not say when it starts anew is left alone before one call asks.
    static let probeInterval = Duration.seconds(900)
    /// How long to wait for something whose end cannot be computed, such as a call in flight.
    static let shortWait = Duration.milliseconds(250)

    private(set) var rule: Budget.Rule
    private(set) var limit: Int
    private(set) var remaining: Remaining?
    private(set) var blockedUntil = Duration.zero
    private(set) var inFlight = 0
    /// How many calls have ended since the number at once was last changed.
    private var calls = 0
    /// Finished spends of a window or quota; the last slot is the newest.
    private var spent: [Spent] = []
    private var level: Double
    private var levelAt: Duration
    private var quotaEndsAt: Duration?
    private var isReported = false
    /// Whether an answer came in this life of the process.
    private var isAnswered = false
    private(set) var lastUse: Duration
    private let reserve: Double

    init(_ rule: Budget.Rule, reserve: Double, now: Duration, resetsIn: Duration?) {
        self.rule = rule
        self.reserve = min(max(reserve, 0), 1)
        limit = min(rule.limit, BudgetMeter.largestLimit)
        // Who knows what another process left in it: a bucket starts empty and the first call asks.
        level = 0
        levelAt = now
        lastUse = now
        quotaEndsAt = resetsIn.map { now + $0 }
    }

    /// A limit that nobody reaches; what a platform claims beyond it is not reckoned with.
    private static let largestLimit = 1_000_000_000_000

    /// How many calls go well before one more goes at the same time.
    private static let callsBeforeMore = 20

    /// What we may use of the limit; at least one, or nothing would ever happen.
    private var share: Int { max(1, Int(saturating: Double(limit) * (1 - reserve))) }
    /// What is left to the customer's other tools.
    private var floor: Int { max(0, limit - share) }

    /// Adopts the rule as the provider states it now; a limit that an answer told stays.
    mutating func adopt(_ new: Budget.Rule, now: Duration, resetsIn: Duration?) {
        if new.limit != rule.limit { limit = min(new.limit, BudgetMeter.largestLimit) }
        rule = new
        if let resetsIn, resetsIn > .zero { quotaEndsAt = now + resetsIn }
    }

    /// How long to wait before an amount can be taken; nil: it can be taken now.
    mutating func wait(for amount: Int, now: Duration) -> Duration? {
        expire(now)
        guard now >= blockedUntil else { return blockedUntil - now }
        // More than our share is granted when nothing else is spent, or it would wait forever.
        let amount = min(amount, share)
        switch rule {
        case .inFlight:
            return inFlight + amount <= share ? nil : Self.shortWait
        case .window(_, let span):
            return waitInSpan(for: amount, now: now, end: nil, probe: min(span, Self.probeInterval))
        case .quota:
            return waitInSpan(for: amount, now: now, end: quotaEndsAt, probe: Self.probeInterval)
        case .bucket(_, let rate):
            if level(now) >= Double(floor + amount) { return nil }
            if !isReported, inFlight == 0, level(now) >= 0 { return nil }
            guard rate > 0 else { return Self.probeInterval }
            return .seconds(max(0.001, (Double(floor + amount) - level(now)) / rate))
        }
    }

    private func waitInSpan(for amount: Int, now: Duration, end: Duration?, probe: Duration) -> Duration? {
        var excess = inFlight + spent.reduce(0) { $0 + $1.amount } + amount - share
        if excess > 0 {
            for slot in spent {
                excess -= slot.amount
                if excess <= 0 { return slot.until - now }
            }
            return Self.shortWait
        }
        if let remaining {
            guard remaining.amount - amount < floor else { return nil }
            return max(.milliseconds(1), (remaining.endsAt ?? end ?? (remaining.heardAt + probe)) - now)
        }
        // Who knows what an earlier life of the process spent of this span? One call asks before others follow, also
        // where the platform tells what remains, but has not yet told it of this span.
        return (isReported || !isAnswered) && inFlight > 0 ? Self.shortWait : nil
    }

    mutating func take(_ amount: Int, now: Duration) {
        settleLevel(now)
        inFlight += amount
        level -= Double(amount)
        remaining?.amount -= amount
        lastUse = now
    }

    /// Undoes a taking that was not used.
    mutating func giveBack(_ amount: Int, now: Duration) {
        settleLevel(now)
        inFlight -= amount
        level = min(Double(limit), level + Double(amount))
        remaining?.amount += amount
    }

    /// Ends a call: what it really used stays spent from now on.
    mutating func finish(_ amount: Int, used: Int?, now: Duration) {
        expire(now)
        settleLevel(now)
        inFlight -= amount
        isAnswered = true
        let used = used ?? amount
        level = min(Double(limit), level + Double(amount - used))
        remaining?.amount += amount - used
        lastUse = now
        switch rule {
        case .window(_, let span): spend(used, until: now + span, grain: span / 64)
        case .quota: spend(used, until: quotaEndsAt ?? now + .seconds(86400), grain: .seconds(900))
        case .inFlight(let most):
            calls += 1
            if limit < most, calls >= BudgetMeter.callsBeforeMore {
                limit += 1
                calls = 0
            }
        case .bucket: break
        }
    }

    /// Learns from an answer.
    ///
    /// - Parameters:
    ///   - reading: What it tells.
    ///   - askedAt: When its request took its budget; nil: not known. Only an answer that was asked for after the last
    ///     one was heard is surely newer and may raise what remains; any other may only lower it.
    ///   - now: The moment.
    ///   - resetsIn: When the span is over.
    mutating func read(_ reading: BudgetReading, askedAt: Duration?, now: Duration, resetsIn: Duration?) {
        expire(now)
        if let limit = reading.limit, limit > 0 { self.limit = min(limit, BudgetMeter.largestLimit) }
        if let resetsIn, case .quota = rule, resetsIn > .zero { quotaEndsAt = now + resetsIn }
        guard let heard = reading.remaining else { return }
        isReported = true
        let amount = heard - inFlight
        if case .bucket = rule {
            settleLevel(now)
            let isNewer = remaining.map { known in askedAt.map { $0 > known.heardAt } ?? false } ?? true
            level = isNewer ? Double(amount) : min(level, Double(amount))
            if isNewer { remaining = Remaining(amount: amount, heardAt: now) }
            return
        }
        if let resetsIn, resetsIn <= .zero { return }  // It tells of a span that is over.
        guard let known = remaining else {
            remaining = Remaining(amount: amount, heardAt: now, endsAt: end(now: now, resetsIn: resetsIn))
            return
        }
        let isNewer = askedAt.map { $0 > known.heardAt } ?? false
        let isFixedSpan = known.endsAt != nil && resetsIn != nil
        if isNewer, !isFixedSpan {
            remaining = Remaining(amount: amount, heardAt: now, endsAt: end(now: now, resetsIn: resetsIn))
        } else {
            remaining?.amount = min(known.amount, amount)
        }
    }

    /// Learns that a call was refused.
    mutating func refuse(for wait: Duration?, now: Duration) {
        expire(now)
        settleLevel(now)
        level = min(level, 0)
        blockedUntil = max(blockedUntil, now + (wait ?? usualWait(now)))
        if case .inFlight = rule {
            // Nothing tells how much at once is too much: half of what was, and more again as long as it goes well.
            limit = max(1, limit / 2)
            calls = 0
        }
    }

    private func usualWait(_ now: Duration) -> Duration {
        switch rule {
        case .window(_, let span): min(span, Self.probeInterval)
        case .bucket(_, let rate): rate > 0 ? .seconds(1) : Self.probeInterval
        case .quota: max(.seconds(1), quotaEndsAt.map { $0 - now } ?? Self.probeInterval)
        case .inFlight: .seconds(1)
        }
    }

    /// Whether nothing would be forgotten if this meter were.
    mutating func isIdle(_ now: Duration) -> Bool {
        expire(now)
        guard inFlight == 0, spent.isEmpty, now >= blockedUntil else { return false }
        if case .bucket = rule { return level(now) >= Double(limit) }
        return remaining == nil
    }

    /// What can be taken now of our share.
    mutating func available(_ now: Duration) -> Int {
        expire(now)
        switch rule {
        case .bucket: return max(0, Int(saturating: level(now)) - floor)
        case .inFlight: return max(0, share - inFlight)
        case .window, .quota:
            let own = share - inFlight - spent.reduce(0) { $0 + $1.amount }
            return max(0, min(own, (remaining?.amount).map { $0 - floor } ?? own))
        }
    }

    private func end(now: Duration, resetsIn: Duration?) -> Duration? {
        if let resetsIn { return now + resetsIn }
        if case .window(_, let span) = rule { return now + span }
        return quotaEndsAt
    }

    private mutating func expire(_ now: Duration) {
        spent.removeAll { $0.until <= now }
        if let quotaEndsAt, quotaEndsAt <= now {
            self.quotaEndsAt = nil
            spent = []
            remaining = nil
        }
        guard let known = remaining else { return }
        switch rule {
        case .bucket: break
        case .window, .quota, .inFlight:
            if now >= known.endsAt ?? (known.heardAt + Self.probeInterval) { remaining = nil }
        }
    }

    /// Spends of one grain share a slot that ends with the latest of them, so that memory stays bounded.
    private mutating func spend(_ amount: Int, until: Duration, grain: Duration) {
        guard amount > 0 else { return }
        if let last = spent.last, until - last.from <= grain {
            spent[spent.count - 1].until = max(until, last.until)
            spent[spent.count - 1].amount += amount
        } else {
            spent.append(Spent(from: until, until: until, amount: amount))
        }
    }

    private func level(_ now: Duration) -> Double {
        guard case .bucket(_, let rate) = rule else { return level }
        return min(Double(limit), level + (now - levelAt).inSeconds * rate)
    }

    private mutating func settleLevel(_ now: Duration) {
        level = level(now)
        levelAt = now
    }
}

extension Budget.Rule {
    /// The number that the rule limits.
    var limit: Int {
        switch self {
        case .window(let limit, _), .bucket(let limit, _), .quota(let limit, _), .inFlight(let limit): limit
        }
    }

    /// When a quota starts anew, by the wall clock.
    var resetsAt: Date? {
        if case .quota(_, let date) = self { date } else { nil }
    }
}

extension Int {
    /// The whole part of a number, or the nearest integer there is: platforms tell limits of any size.
    fileprivate init(saturating value: Double) {
        self = Int(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
    }
}
