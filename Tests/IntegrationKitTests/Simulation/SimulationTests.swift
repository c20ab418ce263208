// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

/// Seeded worlds in which hosts, people, faults and clocks do what they like, and what must hold in each of them.
///
/// `SIMULATION_SEEDS` is a count or a range such as `1000..<2000`, `SIMULATION_STEPS` the length of each history,
/// `SIMULATION_WEEKS` how long the silence at the end lasts; with `SIMULATION_SHOPS` only histories with a shop are run.
/// `SIMULATION_SEED` runs one seed and prints its history,
/// shortened if it fails; `SIMULATION_HISTORY` names a file with such a history and runs that.
@Suite struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let steps = Int(environment["SIMULATION_STEPS"] ?? "") ?? 10
    private static let isForShops = environment["SIMULATION_SHOPS"] != nil
    private static let days = (Int(environment["SIMULATION_WEEKS"] ?? "") ?? 0) * 7

    private static var seeds: Range<UInt64> {
        if let seed = UInt64(environment["SIMULATION_SEED"] ?? "") { return seed..<(seed + 1) }
        let text = environment["SIMULATION_SEEDS"] ?? "500"
        let bounds = text.components(separatedBy: "..<").compactMap(UInt64.init)
        return bounds.count == 2 ? bounds[0]..<bounds[1] : 1..<(1 + (bounds.first ?? 500))
    }

    /// The seeds in packs, so that both cores have something to do.
    private static var packs: [Range<UInt64>] {
        let size = max(UInt64(seeds.count) / 16, 1)
        return stride(from: seeds.lowerBound, to: seeds.upperBound, by: Int(size)).map {
            $0..<min($0 + size, seeds.upperBound)
        }
    }

    @Test(arguments: SimulationTests.packs)
    func everySeedHolds(seeds: Range<UInt64>) async throws {
        for seed in seeds {
            let history = WorldHistory(seed: seed, length: Self.steps)
            if Self.isForShops, !history.tenants.contains(where: { $0.shop != nil }) { continue }
            let outcome = await Simulation.run(history, days: max(Self.days, 1))
            if !outcome.isGood { await Self.report(history, outcome) }
        }
    }

    @Test func aGivenHistoryHolds() async throws {
        guard let file = Self.environment["SIMULATION_HISTORY"] else { return }
        let history = try WorldHistory(lines: String(contentsOfFile: file, encoding: .utf8))
        let outcome = await Simulation.run(history, days: max(Self.days, 1))
        if !outcome.isGood { await Self.report(history, outcome) }
    }

    @Test func aHistorySurvivesItsPrinting() throws {
        let history = WorldHistory(seed: 7, length: 60)
        #expect(try WorldHistory(lines: history.lines) == history)
    }

    private static func report(_ history: WorldHistory, _ outcome: Simulation.Outcome) async {
        let (short, shortOutcome) =
            environment["SIMULATION_BRIEF"] == nil ? await Simulation.shortened(history, outcome) : (history, outcome)
        let what = shortOutcome.violation.map(\.description) ?? shortOutcome.error ?? ""
        if environment["SIMULATION_BRIEF"] != nil {
            Issue.record("seed \(history.seed): \(what.replacingOccurrences(of: "\n", with: " "))")
            return
        }
        Issue.record(
            """
            Seed \(history.seed), \(short.steps.count) of \(history.steps.count) steps: \(what)
            SIMULATION_SEED=\(history.seed) SIMULATION_STEPS=\(history.steps.count) swift test --filter SimulationTests
            \(short.lines)
            """
        )
    }
}
