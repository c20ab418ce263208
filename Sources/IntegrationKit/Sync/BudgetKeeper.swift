// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Who spends: decides with whom a budget is shared.
struct BudgetParty: Sendable {
    var platform: PlatformID
    /// The host's application at the platform, by ``ApplicationCredentials/id``.
    var application: String?
    var account: AccountKey
    /// The integration's id, which stands for its credential.
    var credential: String
    var budgets: [Budget]
    /// The part of each limit that is left to the customer's other tools, 0 to 1.
    var reserve: Double
}

/// What was taken of the budgets for one call; to be finished or given back, once.
struct BudgetReservation: Sendable {
    fileprivate let id: Int
    fileprivate let takenAt: Duration
    fileprivate let holds: [Hold]

    fileprivate struct Hold: Sendable {
        var key: BudgetKeeper.Key
        var amount: Int
    }
}

/// Whether a call may go out now.
enum BudgetAnswer: Sendable {
    case granted(BudgetReservation)
    case wait(Duration, budget: String)
}

/// How a budget stands, for display.
struct BudgetStanding: Sendable {
    var budget: String
    var limit: Int
    /// What may be taken now.
    var available: Int
    /// What the platform last said remains; nil: nothing that holds now.
    var remaining: Int?
    /// How long the platform wants it left alone.
    var blockedFor: Duration
}

/// Keeps all budgets of a process.
///
/// Never waits: says how long the caller should.
final class BudgetKeeper: Sendable {
    struct Key: Hashable, Sendable {
        var platform: PlatformID
        var budget: String
        /// With whom it is shared.
        var sharedBy: [String]
    }
    /// What a call wants of one budget.
    struct Want: Sendable {
        var amount: Int
        var budget: Budget
    }
    struct State {
        var meters: [Key: BudgetMeter] = [:]
        /// What this process may spend of budgets that it shares with others.
        var allotments: [Key: Allotment] = [:]
        /// What is being drawn, and who waits for it.
        var drawing: Set<Key> = []
        var waiting: [CheckedContinuation<Bool, Never>] = []
        /// The name of this process in the rows that are shared.
        var process: UUID?
        var open: Set<Int> = []
        var nextID = 0
    }

    let time: TimeSource
    private let capacity: Int
    let state = LockBox(State())

    /// Creates a keeper.
    ///
    /// - Parameters:
    ///   - time: The clocks.
    ///   - capacity: How many counts are kept at the most before idle ones are forgotten.
    init(time: TimeSource, capacity: Int = 10_000) {
        self.time = time
        self.capacity = capacity
    }

    /// Takes all that a call spends, or nothing.
    ///
    /// - Parameters:
    ///   - spend: What the call spends.
    ///   - party: Who spends.
    /// - Returns: The reservation, or how long to wait and for which budget.
    /// - Throws: ``IntegrationError`` if a budget is not declared or a single call exceeds its limit.
    func take(_ spend: [Spend], for party: BudgetParty) throws -> BudgetAnswer {
        let wanted = try wanted(spend, of: party)
        return try take(wanted, allotted: [], for: party) ?? .wait(BudgetMeter.shortWait, budget: "")
    }

    /// Takes all that a call spends, of some budgets only within what was allotted to this process; nil: more must be
    /// drawn first.
    func take(_ wanted: [Key: Want], allotted: Set<Key>, for party: BudgetParty) throws -> BudgetAnswer? {
        let now = time.elapsed()
        let wall = time.now()
        return try state.withLock { state in
            var longest: (wait: Duration, budget: String)?
            var mustDraw = false
            for (key, want) in wanted {
                let resetsIn = want.budget.rule.resetsAt?.duration(since: wall)
                var meter =
                    state.meters[key]
                    ?? BudgetMeter(want.budget.rule, reserve: party.reserve, now: now, resetsIn: resetsIn)
                if meter.rule != want.budget.rule { meter.adopt(want.budget.rule, now: now, resetsIn: resetsIn) }
                guard want.amount <= meter.limit else {
                    throw Self.tooMuch(want.amount, of: want.budget, limit: meter.limit)
                }
                let isAllotted = allotted.contains(key)
                var wait = meter.wait(for: want.amount, now: now, countsOthers: !isAllotted)
                if wait == nil, isAllotted {
                    let allotment = state.allotments[key] ?? Allotment()
                    if !allotment.covers(min(want.amount, meter.share), at: now) {
                        if allotment.asksAgainAt > now { wait = allotment.asksAgainAt - now } else { mustDraw = true }
                    }
                }
                if let wait, wait > longest?.wait ?? .zero { longest = (wait, want.budget.id) }
                state.meters[key] = meter
            }
            if let longest { return .wait(longest.wait, budget: longest.budget) }
            if mustDraw { return nil }
            for (key, want) in wanted {
                state.meters[key]?.take(want.amount, now: now)
                if allotted.contains(key) { state.allotments[key]?.left -= want.amount }
            }
            state.nextID += 1
            state.open.insert(state.nextID)
            if state.meters.count > capacity { Self.evict(&state, to: capacity, now: now) }
            let holds = wanted.map { BudgetReservation.Hold(key: $0.key, amount: $0.value.amount) }
            return .granted(BudgetReservation(id: state.nextID, takenAt: now, holds: holds))
        }
    }

    /// What a call wants, by those who share its budgets.
    func wanted(_ spend: [Spend], of party: BudgetParty) throws -> [Key: Want] {
        var wanted: [Key: Want] = [:]
        for item in spend where item.amount > 0 {
            guard let budget = party.budgets.first(where: { $0.id == item.budget }) else {
                throw IntegrationError(
                    .unsupported,
                    "The provider of \(party.platform.rawValue) spends of the budget \(item.budget), which it does not declare.",
                    concerns: .kind,
                    budget: item.budget
                )
            }
            wanted[key(budget, party, item.record), default: Want(amount: 0, budget: budget)].amount += item.amount
        }
        return wanted
    }

    /// Gives back what was taken for a call that surely did not leave.
    ///
    /// Does nothing for one that was finished.
    func giveBack(_ reservation: BudgetReservation) {
        let now = time.elapsed()
        state.withLock { state in
            guard state.open.remove(reservation.id) != nil else { return }
            for hold in reservation.holds {
                state.meters[hold.key]?.giveBack(hold.amount, now: now)
                state.allotments[hold.key]?.left += hold.amount
            }
        }
    }

    /// Ends a call that left: its spends count from now on, and what its answer tells is learned.
    ///
    /// - Parameters:
    ///   - reservation: What was taken for it. Ending it again only learns.
    ///   - readings: What the answer tells, moments by the wall clock.
    ///   - party: Who spent.
    func finish(_ reservation: BudgetReservation, readings: [BudgetReading] = [], for party: BudgetParty) {
        let now = time.elapsed()
        let wall = time.now()
        state.withLock { state in
            let isFirst = state.open.remove(reservation.id) != nil
            for hold in reservation.holds {
                let reading = readings.first { $0.budget == hold.key.budget }
                if isFirst { state.meters[hold.key]?.finish(hold.amount, used: reading?.used, now: now) }
                if let reading {
                    let resetsIn = reading.resetsAt?.duration(since: wall)
                    let askedAt = reservation.takenAt
                    state.meters[hold.key]?.read(reading, askedAt: askedAt, now: now, resetsIn: resetsIn)
                }
            }
        }
        let rest = readings.filter { reading in !reservation.holds.contains { $0.key.budget == reading.budget } }
        record(rest, for: party)
    }

    /// Learns from an answer to a call that took nothing; it can only lower what is thought to remain.
    func record(_ readings: [BudgetReading], for party: BudgetParty) {
        let now = time.elapsed()
        let wall = time.now()
        state.withLock { state in
            for reading in readings {
                // A reading names no record, so it cannot be told whose count of a budget per record it is.
                guard let budget = party.budgets.first(where: { $0.id == reading.budget }), budget.scope != .record
                else { continue }
                let key = key(budget, party, nil)
                var meter =
                    state.meters[key]
                    ?? BudgetMeter(
                        budget.rule,
                        reserve: party.reserve,
                        now: now,
                        resetsIn: budget.rule.resetsAt?.duration(since: wall)
                    )
                meter.read(reading, askedAt: nil, now: now, resetsIn: reading.resetsAt?.duration(since: wall))
                state.meters[key] = meter
            }
        }
    }

    /// Learns that the platform refused a call.
    ///
    /// - Parameters:
    ///   - budget: The budget that is used up; only it waits.
    ///   - record: The record, for a budget per record.
    ///   - retryAfter: How long the platform asks to wait; nil: as long as the rule suggests.
    ///   - party: Who spent.
    func refused(budget: String, record: RemoteID? = nil, retryAfter: Duration?, for party: BudgetParty) {
        guard let budget = party.budgets.first(where: { $0.id == budget }) else { return }
        let now = time.elapsed()
        let resetsIn = budget.rule.resetsAt?.duration(since: time.now())
        let key = key(budget, party, record)
        state.withLock { state in
            var meter =
                state.meters[key]
                ?? BudgetMeter(budget.rule, reserve: party.reserve, now: now, resetsIn: resetsIn)
            meter.refuse(for: retryAfter, now: now)
            state.meters[key] = meter
        }
    }

    /// Returns how the budgets of a party stand; those per record are left out.
    func standings(for party: BudgetParty) -> [BudgetStanding] {
        let now = time.elapsed()
        return state.withLock { state in
            party.budgets.compactMap { budget in
                guard var meter = state.meters[key(budget, party, nil)] else { return nil }
                return BudgetStanding(
                    budget: budget.id,
                    limit: meter.limit,
                    available: meter.available(now),
                    remaining: meter.remaining?.amount,
                    blockedFor: max(.zero, meter.blockedUntil - now)
                )
            }
        }
    }

    /// How many counts are kept.
    var meterCount: Int { state.withLock { $0.meters.count } }

    private func key(_ budget: Budget, _ party: BudgetParty, _ record: RemoteID?) -> Key {
        let account = [party.account.platform.rawValue, party.account.value]
        let sharedBy: [String]
        switch budget.scope {
        case .application: sharedBy = [party.application ?? ""]
        case .account: sharedBy = account
        case .accountOfApplication: sharedBy = account + [party.application ?? ""]
        case .credential: sharedBy = [party.credential]
        case .record:
            sharedBy = account + (record.map { ["\($0)"] } ?? [])
        }
        return Key(platform: party.platform, budget: budget.id, sharedBy: sharedBy)
    }

    /// Forgets what is idle, then what was used longest ago, so that a quarter is free.
    private static func evict(_ state: inout State, to capacity: Int, now: Duration) {
        for (key, meter) in state.meters {
            var meter = meter
            if meter.isIdle(now) { forget(key, in: &state) }
        }
        let excess = state.meters.count - capacity * 3 / 4
        guard excess > 0 else { return }
        let oldest = state.meters.filter { $0.value.inFlight == 0 && $0.value.blockedUntil <= now }
            .sorted { $0.value.lastUse < $1.value.lastUse }
        for (key, _) in oldest.prefix(excess) { forget(key, in: &state) }
    }

    private static func forget(_ key: Key, in state: inout State) {
        state.meters[key] = nil
        state.allotments[key] = nil
    }

    private static func tooMuch(_ amount: Int, of budget: Budget, limit: Int) -> IntegrationError {
        IntegrationError(
            .limited,
            "One call would spend \(amount) of the budget \(budget.id), whose limit is \(limit).",
            remedy: LocalizedText(
                "Nothing to do: it will be tried again in smaller parts.",
                fr: "Rien à faire : un nouvel essai suivra, en plus petites parties."
            ),
            retry: .smaller,
            concerns: .account,
            budget: budget.id
        )
    }
}
