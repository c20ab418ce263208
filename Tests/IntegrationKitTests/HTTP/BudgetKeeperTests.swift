// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

struct BudgetKeeperTests {
    static let platform = PlatformID(rawValue: "test")

    func party(
        _ budgets: [Budget],
        account: String = "1",
        credential: String = "i-1",
        application: String? = "app",
        reserve: Double = 0
    ) -> BudgetParty {
        BudgetParty(
            platform: Self.platform,
            application: application,
            account: AccountKey(platform: Self.platform, value: account),
            credential: credential,
            budgets: budgets,
            reserve: reserve
        )
    }

    func granted(_ answer: BudgetAnswer) -> BudgetReservation? {
        if case .granted(let reservation) = answer { reservation } else { nil }
    }

    func wait(_ answer: BudgetAnswer) -> Duration? {
        if case .wait(let wait, _) = answer { wait } else { nil }
    }

    /// The most that any span of this length holds.
    func mostInSpan(_ spends: [(at: Duration, amount: Int)], _ span: Duration) -> Int {
        spends.map { first in
            spends.filter { $0.at >= first.at && $0.at < first.at + span }.reduce(0) { $0 + $1.amount }
        }.max() ?? 0
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `no span of a window's length ever holds more than our share`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let limit = Int.random(in: 1...40, using: &generator)
        let reserve = Double.random(in: 0...0.9, using: &generator)
        let span = Duration.seconds(10)
        let party = party([Budget(id: "w", scope: .account, rule: .window(limit, per: span))], reserve: reserve)
        let share = max(1, Int(Double(limit) * (1 - reserve)))
        var open: [(BudgetReservation, arrives: Duration, answers: Duration, amount: Int)] = []
        var arrived: [(at: Duration, amount: Int)] = []
        for _ in 0..<400 {
            time.advance(by: .milliseconds(Int.random(in: 0...400, using: &generator)))
            for call in open where call.answers <= time.elapsed { keeper.finish(call.0, for: party) }
            open.removeAll { $0.answers <= time.elapsed }
            let amount = Int.random(in: 1...max(1, share / 3), using: &generator)
            guard let taken = granted(try keeper.take([Spend("w", amount: amount)], for: party)) else { continue }
            if Int.random(in: 0..<10, using: &generator) == 0 {
                keeper.giveBack(taken)
                keeper.giveBack(taken)
            } else {
                let arrives = time.elapsed + .milliseconds(Int.random(in: 0...3000, using: &generator))
                let answers = arrives + .milliseconds(Int.random(in: 0...3000, using: &generator))
                open.append((taken, arrives, answers, amount))
                arrived.append((arrives, amount))
            }
        }
        #expect(arrived.count > 4)
        #expect(mostInSpan(arrived, span) <= share)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `with another client in the same window the platform's limit holds and the reserve stays`(seed: UInt64) throws
    {
        var generator = SeededGenerator(seed: seed)
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let limit = 100
        let party = party(
            [Budget(id: "w", scope: .account, rule: .window(limit, per: .seconds(10)))],
            reserve: 0.2
        )
        var used: [Int: Int] = [:]
        var refusals = 0
        var ours = 0
        for _ in 0..<2000 {
            time.advance(by: .milliseconds(Int.random(in: 0...100, using: &generator)))
            let window = Int(time.elapsed / .seconds(10))
            // The other client eats half of the window, evenly.
            let others = Int((time.elapsed / .seconds(10) - Double(window)) * 50)
            guard let taken = granted(try keeper.take([Spend("w")], for: party)) else { continue }
            used[window, default: 0] += 1
            ours += 1
            let total = used[window, default: 0] + others
            if total > limit { refusals += 1 }
            let end = Date(timeIntervalSince1970: 1_700_000_000 + Double(window + 1) * 10)
            let reading = BudgetReading("w", limit: limit, remaining: max(0, limit - total), resetsAt: end)
            keeper.finish(taken, readings: [reading], for: party)
        }
        #expect(refusals == 0)
        #expect(used.values.allSatisfy { $0 <= 80 })
        #expect(ours > 300)
    }

    @Test func `our share ends where what remains falls to the reserve, until the window is over`() throws {
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let party = party([Budget(id: "w", scope: .account, rule: .window(100, per: .seconds(10)))], reserve: 0.2)
        let first = try #require(granted(try keeper.take([Spend("w")], for: party)))
        keeper.finish(first, readings: [BudgetReading("w", remaining: 22)], for: party)
        #expect(granted(try keeper.take([Spend("w", amount: 2)], for: party)) != nil)
        #expect(wait(try keeper.take([Spend("w")], for: party)) == .seconds(10))
        time.advance(by: .seconds(10))
        #expect(wait(try keeper.take([Spend("w")], for: party)) != nil, "one call asks alone; another is in flight")
    }

    @Test func `the first call of a process goes alone, and what it hears holds for the others`() throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let party = party([Budget(id: "w", scope: .account, rule: .window(100, per: .seconds(10)))])
        let first = try #require(granted(try keeper.take([Spend("w")], for: party)))
        #expect(wait(try keeper.take([Spend("w")], for: party)) != nil)
        // Another life of the process had used up the span.
        keeper.finish(first, readings: [BudgetReading("w", remaining: 1)], for: party)
        #expect(granted(try keeper.take([Spend("w")], for: party)) != nil)
        #expect(wait(try keeper.take([Spend("w")], for: party)) == .seconds(10))
    }

    @Test(arguments: [[50, 60], [60, 50]])
    func `answers out of order never raise what remains`(remaining: [Int]) throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let party = party([Budget(id: "w", scope: .account, rule: .window(100, per: .seconds(10)))])
        keeper.finish(try #require(granted(try keeper.take([Spend("w")], for: party))), for: party)
        let calls = try (0..<2).map { _ in try #require(granted(try keeper.take([Spend("w")], for: party))) }
        for (call, remaining) in zip(calls, remaining) {
            keeper.finish(call, readings: [BudgetReading("w", remaining: remaining)], for: party)
        }
        keeper.record([BudgetReading("w", remaining: 99)], for: party)
        #expect(keeper.standings(for: party).first?.remaining ?? 99 <= 50)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `a bucket starts empty and never gives more than it holds and refills`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let size = Int.random(in: 10...200, using: &generator)
        let rate = Double.random(in: 0.5...20, using: &generator)
        let party = party([Budget(id: "b", scope: .account, rule: .bucket(size, refillPerSecond: rate))])
        var total = 0.0
        var first = 0.0
        for index in 0..<300 {
            time.advance(by: .milliseconds(Int.random(in: 0...500, using: &generator)))
            let amount = Int.random(in: 1...10, using: &generator)
            if let taken = granted(try keeper.take([Spend("b", amount: amount)], for: party)) {
                if index == 0 { first = Double(amount) }
                total += Double(amount)
                keeper.finish(taken, for: party)
            }
            // One call may go on credit: the first, or one at an empty bucket nobody reported on.
            #expect(total <= first + 10 + rate * (time.elapsed / .seconds(1)))
        }
        #expect(total > 10)
    }

    @Test func `a bucket takes its level from the first answer and what a call did not use comes back`() throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let party = party([Budget(id: "b", scope: .account, rule: .bucket(1000, refillPerSecond: 50))], reserve: 0.1)
        let first = try #require(granted(try keeper.take([Spend("b", amount: 300)], for: party)))
        #expect(wait(try keeper.take([Spend("b", amount: 10)], for: party)) != nil)
        keeper.finish(first, readings: [BudgetReading("b", limit: 1000, remaining: 990, used: 10)], for: party)
        #expect(keeper.standings(for: party).first?.available == 890)
        #expect(granted(try keeper.take([Spend("b", amount: 890)], for: party)) != nil)
        let answer = try keeper.take([Spend("b", amount: 50)], for: party)
        #expect(wait(answer) == .seconds(1))
    }

    @Test func `a quota waits for its reset, or asks sparsely where none is known`() throws {
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let reset = time.source.now().addingTimeInterval(3600)
        let known = party([Budget(id: "q", scope: .account, rule: .quota(10, resetsAt: reset))])
        for _ in 0..<10 {
            keeper.finish(try #require(granted(try keeper.take([Spend("q")], for: known))), for: known)
        }
        #expect(wait(try keeper.take([Spend("q")], for: known)) == .seconds(3600))
        time.advance(by: .seconds(3600))
        #expect(granted(try keeper.take([Spend("q")], for: known)) != nil)

        let unknown = party([Budget(id: "q", scope: .account, rule: .quota(1000, resetsAt: nil))], account: "2")
        keeper.record([BudgetReading("q", remaining: 0)], for: unknown)
        #expect(wait(try keeper.take([Spend("q")], for: unknown)) == .seconds(900))
        time.advance(by: .seconds(900))
        #expect(granted(try keeper.take([Spend("q")], for: unknown)) != nil)
        #expect(granted(try keeper.take([Spend("q")], for: unknown)) == nil)
    }

    @Test func `calls in flight are counted until they end, however they end`() throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let party = party([Budget(id: "f", scope: .account, rule: .inFlight(2))])
        let calls = try (0..<2).map { _ in try #require(granted(try keeper.take([Spend("f")], for: party))) }
        #expect(granted(try keeper.take([Spend("f")], for: party)) == nil)
        keeper.finish(calls[0], for: party)
        keeper.finish(calls[0], for: party)
        keeper.giveBack(calls[0])
        #expect(granted(try keeper.take([Spend("f")], for: party)) != nil)
        #expect(granted(try keeper.take([Spend("f")], for: party)) == nil)
    }

    @Test func `a refusal halves how many go at once, and calls that go well bring one after the other back`() throws {
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let party = party([Budget(id: "f", scope: .account, rule: .inFlight(4))])
        func most() throws -> Int {
            let calls = try (0..<8).compactMap { _ in granted(try keeper.take([Spend("f")], for: party)) }
            for call in calls { keeper.giveBack(call) }
            return calls.count
        }
        #expect(try most() == 4)
        for left in [2, 1, 1] {
            keeper.refused(budget: "f", retryAfter: nil, for: party)
            #expect(try most() == 0)
            time.advance(by: .seconds(1))
            #expect(try most() == left)
        }
        for wanted in [2, 3, 4, 4] {
            for _ in 0..<20 {
                keeper.finish(try #require(granted(try keeper.take([Spend("f")], for: party))), for: party)
            }
            #expect(try most() == wanted)
        }
    }

    @Test func `several budgets are taken together or not at all`() throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let party = party([
            Budget(id: "a", scope: .account, rule: .window(10, per: .seconds(10))),
            Budget(id: "b", scope: .account, rule: .inFlight(1)),
        ])
        keeper.finish(try #require(granted(try keeper.take([Spend("a", amount: 1)], for: party))), for: party)
        #expect(granted(try keeper.take([Spend("a", amount: 3), Spend("b")], for: party)) != nil)
        guard case .wait(_, let budget) = try keeper.take([Spend("a", amount: 6), Spend("b")], for: party) else {
            Issue.record("a budget that is used up was granted")
            return
        }
        #expect(budget == "b")
        #expect(granted(try keeper.take([Spend("a", amount: 6)], for: party)) != nil)
    }

    @Test(
        arguments: [
            (Budget.Scope.account, [false, true, true, false]),
            (.credential, [true, false, false, true]),
            (.application, [false, true, false, true]),
            (.accountOfApplication, [false, true, true, true]),
        ] as [(Budget.Scope, [Bool])]
    )
    func `a budget is shared by those whom its scope names`(scope: Budget.Scope, isFree: [Bool]) throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let budgets = [Budget(id: "f", scope: scope, rule: .inFlight(1))]
        #expect(granted(try keeper.take([Spend("f")], for: party(budgets))) != nil)
        let others = [
            party(budgets, credential: "i-2"),
            party(budgets, account: "2", application: "app-2"),
            party(budgets, account: "2"),
            party(budgets, credential: "i-2", application: "app-2"),
        ]
        for (other, isFree) in zip(others, isFree) {
            let answer = try keeper.take([Spend("f")], for: other)
            #expect((granted(answer) != nil) == isFree)
            if let taken = granted(answer) { keeper.giveBack(taken) }
        }
    }

    @Test func `a refusal stops its own budget and its own record alone`() throws {
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source)
        let party = party([
            Budget(id: "r", scope: .record, rule: .window(30, per: .seconds(600))),
            Budget(id: "w", scope: .account, rule: .window(100, per: .seconds(60))),
        ])
        let ticket = RemoteID(RecordKind(rawValue: "ticket"), "1")
        let other = RemoteID(RecordKind(rawValue: "ticket"), "2")
        keeper.refused(budget: "r", record: ticket, retryAfter: .seconds(42), for: party)
        #expect(wait(try keeper.take([Spend("r", record: ticket)], for: party)) == .seconds(42))
        #expect(granted(try keeper.take([Spend("r", record: other), Spend("w")], for: party)) != nil)
        time.advance(by: .seconds(42))
        #expect(granted(try keeper.take([Spend("r", record: ticket)], for: party)) != nil)
    }

    @Test func `a budget that is not declared, or a call above the limit, is an error and takes nothing`() throws {
        let keeper = BudgetKeeper(time: ManualTime().source)
        let party = party([Budget(id: "w", scope: .account, rule: .window(10, per: .seconds(10)))])
        let unknown = #expect(throws: IntegrationError.self) {
            try keeper.take([Spend("w"), Spend("typo")], for: party)
        }
        #expect(unknown?.code == .unsupported)
        let large = #expect(throws: IntegrationError.self) { try keeper.take([Spend("w", amount: 11)], for: party) }
        #expect(large?.retry == .smaller)
        #expect(granted(try keeper.take([Spend("w", amount: 10)], for: party)) != nil)
    }

    @Test func `memory is bounded, and what counts is not forgotten`() throws {
        let time = ManualTime()
        let keeper = BudgetKeeper(time: time.source, capacity: 100)
        let party = party([Budget(id: "r", scope: .record, rule: .inFlight(1))])
        let kind = RecordKind(rawValue: "ticket")
        #expect(granted(try keeper.take([Spend("r", record: RemoteID(kind, "busy"))], for: party)) != nil)
        for index in 0..<1000 {
            let spend = Spend("r", record: RemoteID(kind, "\(index)"))
            keeper.finish(try #require(granted(try keeper.take([spend], for: party))), for: party)
        }
        #expect(keeper.meterCount <= 100)
        #expect(granted(try keeper.take([Spend("r", record: RemoteID(kind, "busy"))], for: party)) == nil)
    }
}
