// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What one process may spend of a budget that it shares with others, until it asks the store again.
///
/// All moments are of ``TimeSource/elapsed``.
struct Allotment: Sendable {
    /// How long an allotment holds, by the store's clock.
    static let lapse = Duration.seconds(5)
    /// How long the process goes on by itself where the store fails.
    static let alone = Duration.seconds(1)

    var left = 0
    /// When it lapses, counted from before the store was asked: who stood still meanwhile has nothing.
    var lapsesAt = Duration.zero
    /// There was nothing to be had: no use in asking before.
    var asksAgainAt = Duration.zero
    /// How many other processes had a part when the store was last read.
    var others = 0

    /// Whether an amount may be spent now.
    func covers(_ amount: Int, at now: Duration) -> Bool { now < lapsesAt && left >= amount }
}

extension EngineCore {
    /// Takes all that a call spends, or nothing: also of what other processes of the store spend of.
    ///
    /// - Parameters:
    ///   - spend: What the call spends.
    ///   - party: Who spends.
    /// - Returns: The reservation, or how long to wait and for which budget.
    /// - Throws: ``IntegrationError`` if a budget is not declared or a single call exceeds its limit; never because the
    ///   store failed.
    func take(_ spend: [Spend], for party: BudgetParty) async throws -> BudgetAnswer {
        let wanted = try budgets.wanted(spend, of: party)
        let shared = wanted.filter { $0.value.budget.isShared }
        let keys = Set(shared.keys)
        for _ in 0..<4 {
            if let answer = try budgets.take(wanted, allotted: keys, for: party) { return answer }
            if await budgets.beginDrawing(keys, random: random) {
                await draw(shared)
                budgets.endDrawing(keys)
            }
        }
        return .wait(BudgetMeter.shortWait, budget: spend.first?.budget ?? "")
    }

    /// Draws allotments of several budgets in one commit.
    ///
    /// A store that fails must stop no work: the process then goes on alone for a short time, with its even part of the
    /// share, and what it spends meanwhile is in its next draw.
    private func draw(_ wanted: [BudgetKeeper.Key: BudgetKeeper.Want]) async {
        do {
            let keys = wanted.keys.map(\.row)
            for _ in 0..<8 {
                let moment = DrawMoment(elapsed: time.elapsed(), store: try await storeTime())
                let rows = try await store.records(BudgetState.self, keys)
                guard let draw = try budgets.plan(wanted, rows, at: moment) else { return }
                do {
                    try await commit(Changes(id: random.uuid(), requires: draw.requires, puts: draw.puts))
                    budgets.adopt(draw)
                    return
                } catch StoreFailure.conflict {
                    continue
                }
            }
        } catch {
            // Whatever it was, the store did not give an answer; who commits outcomes will meet it too and tell of it.
        }
        budgets.goAlone(wanted)
    }
}

/// One moment by both clocks.
struct DrawMoment: Sendable {
    var elapsed: Duration
    var store: Date

    func local(_ date: Date) -> Duration { elapsed + date.duration(since: store) }
    func shared(_ local: Duration) -> Date { store.advanced(by: local - elapsed) }
}

/// What a process would draw.
struct BudgetDraw: Sendable {
    var requires: Set<Requirement> = []
    var puts: [RowContent] = []
    var allotments: [BudgetKeeper.Key: Allotment] = [:]
}

extension Budget {
    /// Whether processes share what remains of it.
    ///
    /// How many calls go at once, a bucket and a record's own limit are counted by each process.
    var isShared: Bool {
        switch rule {
        case .window, .quota: scope != .record
        case .bucket, .inFlight: false
        }
    }
}

extension BudgetKeeper.Key {
    /// The key of the row that is shared.
    var row: String {
        let parts = Data(RowKey.join(sharedBy).utf8)
        return RowKey.join(platform.rawValue, budget, Hashing.sha256(parts).base32)
    }
}

extension BudgetKeeper {
    /// Begins to draw; false: somebody else of this process did, and has ended by now.
    func beginDrawing(_ keys: Set<Key>, random: RandomSource) async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            let begins = state.withLock { state in
                if state.process == nil { state.process = random.uuid() }
                guard state.drawing.isDisjoint(with: keys) else {
                    state.waiting.append(continuation)
                    return false
                }
                state.drawing.formUnion(keys)
                return true
            }
            if begins { continuation.resume(returning: true) }
        }
    }

    /// Ends a drawing, and lets those who waited look again.
    func endDrawing(_ keys: Set<Key>) {
        let freed = state.withLock { state in
            state.drawing.subtract(keys)
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in freed { continuation.resume(returning: false) }
    }

    /// Reckons what may be drawn; nil: nothing now.
    ///
    /// What is left of the last allotment goes back with it.
    func plan(
        _ wanted: [Key: Want],
        _ rows: [String: Row<BudgetState>],
        at moment: DrawMoment
    ) throws -> BudgetDraw? {
        try state.withLock { state in
            let now = moment.elapsed
            var draw = BudgetDraw()
            for (key, want) in wanted {
                guard var meter = state.meters[key], let span = meter.span(at: now), let process = state.process
                else { continue }
                var shared = rows[key.row]?.record ?? BudgetState()
                shared.expire(at: moment.store, longest: span + Allotment.lapse + .seconds(60))
                let others = shared.others(than: process)
                meter.learn(others: others.map { ($0.amount, moment.local($0.until)) })
                if let heard = shared.heard {
                    let endsAt = heard.endsAt.map(moment.local)
                    meter.hear(heard.amount, at: moment.local(heard.at), endsAt: endsAt, now: now)
                }
                var allotment = state.allotments[key] ?? Allotment()
                allotment.left = 0
                allotment.others = shared.parts.count { $0.process != process }
                state.meters[key] = meter
                let need = min(want.amount, meter.share)
                let free = meter.available(now)
                // A process that makes a few calls and ends must not keep much from the next one.
                let portion = min(meter.portion, max(4, 2 * meter.spent.reduce(0) { $0 + $1.amount }))
                let wait = meter.wait(for: max(need, portion / 2), now: now)
                // A little later there is enough to be worth a commit.
                let pause = free < need ? wait ?? BudgetMeter.shortWait : wait.flatMap { $0 <= .seconds(1) ? $0 : nil }
                if let pause {
                    let longest = min(max(span / 2, BudgetMeter.shortWait), BudgetMeter.probeInterval)
                    allotment.asksAgainAt = now + min(pause, longest)
                    state.allotments[key] = allotment
                    return nil
                }
                state.allotments[key] = allotment
                allotment.left = min(free, max(need, portion))
                allotment.lapsesAt = now + Allotment.lapse * 4 / 5
                allotment.asksAgainAt = .zero
                draw.allotments[key] = allotment
                shared.put(
                    BudgetState.Part(
                        process: process,
                        held: meter.inFlight + allotment.left,
                        until: moment.store.advanced(by: Allotment.lapse + span),
                        spent: meter.spent.map {
                            BudgetState.Spent(amount: $0.amount, until: moment.shared($0.until))
                        }
                    )
                )
                if let known = meter.remaining, shared.heard.map({ moment.local($0.at) < known.heardAt }) ?? true {
                    shared.heard = BudgetState.Heard(
                        amount: known.amount,
                        at: moment.shared(known.heardAt),
                        endsAt: known.endsAt.map(moment.shared)
                    )
                }
                draw.requires.insert(
                    rows[key.row].map { .revision($0.id, $0.revision) } ?? .absent(BudgetState.rowID(key.row))
                )
                draw.puts.append(
                    try shared.content(key: key.row, tenant: "", keep: span + Allotment.lapse + .seconds(3600))
                )
            }
            return draw
        }
    }

    /// Takes over what was drawn.
    func adopt(_ draw: BudgetDraw) {
        state.withLock { $0.allotments.merge(draw.allotments) { _, new in new } }
    }

    /// Lets this process spend its even part by its own count for a short time.
    func goAlone(_ wanted: [Key: Want]) {
        let now = time.elapsed()
        state.withLock { state in
            for (key, want) in wanted {
                var allotment = state.allotments[key] ?? Allotment()
                let free = state.meters[key]?.available(now) ?? 0
                allotment.left = max(min(free, want.amount), free / (allotment.others + 1))
                allotment.lapsesAt = now + Allotment.alone
                allotment.asksAgainAt = allotment.left < want.amount ? now + Allotment.alone : .zero
                state.allotments[key] = allotment
            }
        }
    }
}
