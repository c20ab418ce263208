// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

extension WorldHistory {
    /// Makes the history of a seed.
    ///
    /// - Parameters:
    ///   - seed: Decides everything.
    ///   - length: How many steps.
    init(seed: UInt64, length: Int) {
        var random = SeededGenerator(seed: seed)
        let weights = Weights(&random)
        self.seed = seed
        tenants = (0..<(random.chance(3) ? 2 : 1)).map { _ in Tenant(&random) }
        steps = []
        var number = 0
        while steps.count < length {
            number += 1
            steps += Step.random(number, tenants: tenants.count, weights, &random)
        }
        openShops(length: length)
        forgetEarly()
    }

    /// Lets some histories end with a host that repeats what a process with a year-fast clock may have forgotten.
    private mutating func forgetEarly() {
        var random = SeededGenerator(seed: seed ^ 0xF0267)
        guard random.chance(12) else { return }
        let tenant = random.number(0..<tenants.count)
        let (process, prospect) = (random.number(0..<2), random.number(0..<4))
        let n = steps.count + 1
        let end: [Step] = [
            .hostSaves(tenant: tenant, prospect: prospect, .city, n: n),
            .hostWritesNote(tenant: tenant, prospect: prospect, n: n + 1), .sync(process: process),
            .skew(process: process, seconds: 31_000_000), .crash(process: process), .sync(process: process),
            .hostRepeats(process: 1 - process, place: random.number(0..<100)),
            .hostRepeats(process: 1 - process, place: random.number(0..<100)),
        ]
        steps = steps.dropLast(end.count) + end
    }

    /// Gives some histories a shop; the others stay what they are without one.
    private mutating func openShops(length: Int) {
        var random = SeededGenerator(seed: seed ^ 0x5A0B)
        guard random.chance(4) else { return }
        let tenant = random.number(0..<tenants.count)
        tenants[tenant].shop = Tenant.Shop(
            direction: random.chance(6) ? .push : .bidirectional,
            conflicts: random.pick([.platformWins, .platformWins, .hostWins, .newestWins, .ask]),
            remoteDeletes: random.pick([.unlink, .carryOut]),
            hostDeletes: random.pick([.unlink, .carryOut]),
            sells: random.chance(3) ? true : nil
        )
        let sells = tenants[tenant].shop?.sells != nil
        let share = random.pick([2, 3, 4])
        steps = steps.enumerated().flatMap { number, step in
            random.chance(share) ? [Step.inShop(number + 1, tenant, sells: sells, &random), step] : [step]
        }
        steps.removeLast(steps.count - length)
    }
}

extension SeededGenerator {
    /// True once in so many times.
    mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }

    mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &self) }
}

extension WorldHistory.Tenant {
    fileprivate init(_ random: inout SeededGenerator) {
        direction = random.chance(4) ? .push : .bidirectional
        conflicts = random.pick([.platformWins, .platformWins, .hostWins, .newestWins, .ask])
        remoteDeletes = random.pick([.unlink, .carryOut])
        hostDeletes = random.pick([.carryOut, .unlink])
        hasKeys = !random.chance(3)
        lag = random.pick([0, 0, 2, 20])
    }
}

/// How often each theme comes up in a history: each seed has its own, so that short histories go deep somewhere.
private struct Weights {
    var people = 6
    var faults = 3
    var traps = 3
    var webhooks = 1
    var settings = 0
    var clocks = 0
    var merges = 0
    var deletions = 1
    var backups = 0

    init(_ random: inout SeededGenerator) {
        switch random.number(0..<9) {
        case 0: traps = 9
        case 1: faults = 9
        case 2: people = 14
        case 3: (settings, webhooks) = (3, 3)
        case 4: (clocks, traps) = (4, 4)
        case 5: (merges, webhooks) = (3, 3)
        case 6: deletions = 6
        case 7: (faults, traps, people) = (0, 0, 12)
        default: backups = 1
        }
    }
}

extension Step {
    /// What happens in a tenant's shop, or for it.
    fileprivate static func inShop(
        _ n: Int,
        _ tenant: Int,
        sells: Bool,
        _ random: inout SeededGenerator
    ) -> Step {
        let place = random.number(0..<6)
        if sells, random.chance(2) {
            let product = random.number(0..<2)
            return switch random.number(0..<10) {
            case 0..<3: .hostSavesProduct(tenant: tenant, product: product, n: n)
            case 3..<5: .hostOrders(tenant: tenant, prospect: random.number(0..<4), product: product, n: n)
            case 5: .shopperCreatesProduct(tenant: tenant, n: n)
            case 6..<8: .shopperEditsProduct(tenant: tenant, place: place, n: n)
            case 8: .shopperTrashes(tenant: tenant, place: place, isOrder: random.chance(2))
            default: .shopperRestores(tenant: tenant, place: place, isOrder: random.chance(2))
            }
        }
        return switch random.number(0..<10) {
        case 0..<3: .shopperCreates(tenant: tenant, n: n)
        case 3..<7: .shopperEdits(tenant: tenant, place: place, random.chance(4) ? .email : .random(&random), n: n)
        case 7: .shopperClears(tenant: tenant, place: place, random.pick([.firstName, .city]))
        case 8: .shopperErases(tenant: tenant, place: place)
        default: .pull(process: random.number(0..<2), tenant: tenant)
        }
    }

    /// One step, or a few that belong together.
    fileprivate static func random(
        _ n: Int,
        tenants: Int,
        _ weights: Weights,
        _ random: inout SeededGenerator
    ) -> [Step] {
        let tenant = random.number(0..<tenants)
        let process = random.number(0..<2)
        let prospect = random.number(0..<4)
        let place = random.number(0..<6)
        var choices: [(Int, (inout SeededGenerator) -> [Step])] = []
        func add(_ weight: Int, _ make: @escaping (inout SeededGenerator) -> [Step]) {
            if weight > 0 { choices.append((weight, make)) }
        }
        add(10) { [.hostSaves(tenant: tenant, prospect: prospect, .random(&$0), n: n)] }
        add(2) { _ in [.hostWritesNote(tenant: tenant, prospect: prospect, n: n)] }
        add(3) { [.hostSavesDeal(tenant: tenant, deal: $0.number(0..<2), prospect: prospect, n: n)] }
        add(1) { [.hostRepeats(process: process, place: $0.number(0..<100))] }
        add(12) { _ in [.sync(process: process)] }
        add(6) { [.wait(milliseconds: $0.pick([0, 1, 40, 900, 5_000, 31_000, 65_000, 130_000, 700_000]))] }
        add(weights.people) {
            [.personEdits(tenant: tenant, place: place, $0.chance(4) ? .email : .random(&$0), n: n)]
        }
        add(weights.people / 3) { _ in [.personCreates(tenant: tenant, n: n)] }
        add(weights.people / 3) { [.personEditsDeal(tenant: tenant, place: $0.number(0..<2), n: n)] }
        add(1) { [.personClears(tenant: tenant, place: place, $0.pick([.firstName, .city]))] }
        add(weights.people / 2) { _ in [.pull(process: process, tenant: tenant)] }
        add(1) { _ in [.sweep(process: process, tenant: tenant)] }
        add(weights.faults) { [.fault($0.pick(PlatformFault.allCases), calls: $0.number(1..<3))] }
        add(weights.faults / 3) { [.faultsAtRandom(percent: $0.pick([10, 30]))] }
        add(weights.faults / 3) { _ in [.faultsEnd] }
        add(weights.faults / 4) { _ in
            // Nothing answers for some minutes, which no record is to blame for.
            [.hostSaves(tenant: tenant, prospect: prospect, .firstName, n: n), .fault(.unavailable, calls: 40)]
                + (0..<5).flatMap { _ in [Step.wait(milliseconds: 130_000), .sync(process: process)] } + [.faultsEnd]
        }
        add(weights.faults / 3) {
            [.storeFails(process: process, $0.pick(StoreFault.allCases), commit: $0.number(1..<6))]
        }
        add(weights.traps) { [.trap(process: process, Trap(&$0)), .sync(process: process)] }
        add(weights.traps / 3) { _ in [.crash(process: process)] }
        add(weights.traps / 3) { _ in [.reopen] }
        add(weights.traps / 2) { random in
            // A page is read; before anything is done with it, the other process writes what the host has just said.
            let pause = Trap.Event.freeze(milliseconds: 0, othersWork: true, hostSaves: prospect)
            return [
                .personEdits(tenant: 0, place: place, .jobTitle, n: n),
                .trap(process: process, Trap(place: .read, count: random.number(1..<5), event: pause)),
                .pull(process: process, tenant: 0),
            ]
        }
        add(weights.deletions / 3) { random in
            // A create whose outcome nobody knows, and the host deletes the record.
            [
                .hostSaves(tenant: tenant, prospect: prospect, .random(&random), n: n),
                .fault(random.pick([.lostAnswerAfter, .lostAnswerBefore]), calls: 2), .sync(process: process),
                .hostDeletes(tenant: tenant, prospect: prospect, n: n),
            ]
        }
        add(weights.traps / 2) { random in
            // A create that leaves as late as it may, of a process that ends; its bytes arrive as late as they may.
            let pause = Trap.Event.freeze(milliseconds: 4_900, othersWork: false, hostSaves: nil)
            return [
                .hostSaves(tenant: tenant, prospect: prospect, .random(&random), n: n),
                .trap(process: process, Trap(place: .committed, count: random.number(1..<4), event: pause)),
                .trap(process: process, Trap(place: .sending, count: 1, event: .death(arrivesAfter: 89_900))),
                .sync(process: process), .reopen, .wait(milliseconds: random.pick([31_000, 85_500, 91_000])),
                .sync(process: 1 - process),
            ]
        }
        add(weights.webhooks) {
            [.webhooks(process: process, isReordered: $0.chance(2), isDoubled: $0.chance(3))]
        }
        add(weights.webhooks / 3) { _ in [.forgedWebhook(process: process)] }
        add(weights.deletions / 2) { _ in [.hostDeletes(tenant: tenant, prospect: prospect, n: n)] }
        add(weights.deletions / 2) { _ in [.personArchives(tenant: tenant, place: place)] }
        add(weights.deletions / 4) { _ in [.personRestores(tenant: tenant, place: place)] }
        add(weights.deletions / 6) { _ in [.personErases(tenant: tenant, place: place)] }
        add(weights.merges) { [.personMerges(tenant: tenant, place: place, into: $0.number(0..<6))] }
        add(weights.merges) { [.hostSharesAddress(tenant: tenant, prospect: prospect, with: $0.number(0..<4), n: n)] }
        add(weights.settings) { random in
            let stop: Step =
                random.chance(2)
                ? .pause(process: process, tenant: tenant) : .disable(process: process, tenant: tenant)
            return [stop, .sync(process: 1 - process)]
        }
        add(weights.settings * 2) { _ in [.enable(process: process, tenant: tenant)] }
        add(weights.settings / 2) { _ in [.connectAgain(process: process, tenant: tenant)] }
        add(weights.settings / 2) { _ in [.connectOtherAccount(process: process, tenant: tenant)] }
        add(weights.settings / 2) { [.changeMapping(process: process, tenant: tenant, isShort: $0.chance(2))] }
        add(weights.settings / 3) { random in
            random.chance(4) ? [.erase(process: process, tenant: tenant)] : [.hostRefuses(random.chance(2))]
        }
        add(weights.settings / 2) { _ in [.replayLetters(process: process, tenant: tenant)] }
        add(weights.clocks) { [.skew(process: process, seconds: $0.pick([0, 10, -10, 600, 3600, -3600, 31_000_000]))] }
        add(weights.backups) { _ in [.backUp] }
        add(weights.backups) { _ in [.restore] }
        var ticket = random.number(0..<choices.reduce(0) { $0 + $1.0 })
        for (weight, make) in choices {
            if ticket < weight { return make(&random) }
            ticket -= weight
        }
        return []
    }
}

extension Fields {
    fileprivate static func random(_ random: inout SeededGenerator) -> Fields {
        if random.chance(8) { return .email }
        return Fields(rawValue: random.number(1..<8))
    }
}

extension Step.Trap {
    fileprivate init(_ random: inout SeededGenerator) {
        place = random.pick(Place.allCases)
        count = random.number(1..<5)
        if place == .sending, random.chance(2) {
            event = .death(arrivesAfter: random.pick([nil, 0, 20_000, 34_000, 89_000]))
        } else if random.chance(2) {
            event = .death(arrivesAfter: nil)
        } else {
            event = .freeze(
                milliseconds: random.pick(place == .sending ? [0, 4_900] : [0, 4_900, 40_000, 130_000]),
                othersWork: !random.chance(4),
                hostSaves: random.chance(2) ? random.number(0..<8) : nil
            )
        }
    }
}
