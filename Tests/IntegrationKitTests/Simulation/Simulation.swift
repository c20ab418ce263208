// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// Runs histories and shortens those that fail.
enum Simulation {
    /// What became of a history.
    struct Outcome: Sendable {
        var violation: Violation?
        /// How many steps were carried out.
        var steps: Int
        var error: String?

        var isGood: Bool { violation == nil && error == nil }
        /// What must be equal for two outcomes to be one failure.
        var name: String { violation?.invariant.name ?? error.map { _ in "error" } ?? "" }
    }

    /// Carries a history out.
    static func run(_ history: WorldHistory, days: Int = 1) async -> Outcome {
        do {
            let world = try await SimulatedWorld(history)
            for (number, step) in history.steps.enumerated() {
                try await world.carryOut(step)
                await world.look(after: number)
                if let violation = world.evidence.violation { return Outcome(violation: violation, steps: number + 1) }
            }
            try await world.comeToRest(days: days)
            await world.look(after: history.steps.count)
            return Outcome(violation: world.evidence.violation, steps: history.steps.count)
        } catch {
            return Outcome(steps: 0, error: "\(error)")
        }
    }

    /// Leaves out steps, first many and then single ones, as long as the same thing still goes wrong.
    static func shortened(_ history: WorldHistory, _ outcome: Outcome) async -> (WorldHistory, Outcome) {
        var best = history
        var bestOutcome = outcome
        if outcome.violation?.invariant.phase == .always { best.steps = Array(best.steps.prefix(outcome.steps)) }
        func attempt(_ candidate: WorldHistory) async -> Bool {
            let outcome = await run(candidate)
            guard outcome.name == bestOutcome.name else { return false }
            best = candidate
            bestOutcome = outcome
            return true
        }
        if best.tenants.count > 1 {
            var single = best
            single.tenants.removeLast()
            single.steps.removeAll { $0.names(tenant: 1) }
            _ = await attempt(single)
        }
        var size = max(best.steps.count / 2, 1)
        while true {
            var start = 0
            var removed = false
            while start < best.steps.count {
                var candidate = best
                candidate.steps.removeSubrange(start..<min(start + size, best.steps.count))
                if await attempt(candidate) { removed = true } else { start += size }
            }
            if size == 1, !removed { break }
            if !removed || size > 1 { size = max(size / 2, 1) }
        }
        return (best, bestOutcome)
    }
}

extension Step {
    /// Whether the step is about a tenant.
    fileprivate func names(tenant: Int) -> Bool {
        "\(self)".contains("tenant: \(tenant),") || "\(self)".contains("tenant: \(tenant))")
    }
}
