// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Counts what this process has under way for each integration, so that whoever stops one can wait for it.
///
/// What is under way is counted under the revision of the fence that allowed it. Closing refuses everything that rests on
/// an older fence and waits for what had begun.
final class FlightBook: Sendable {
    private struct Entry {
        var flying: [Int64: Int] = [:]
        var closedBelow: Int64 = .min
        var waiting: [(below: Int64, CheckedContinuation<Void, Never>)] = []

        func isFlying(below revision: Int64) -> Bool { flying.contains { $0.key < revision } }
    }
    private let entries = LockBox<[String: Entry]>([:])

    /// Notes that something begins.
    ///
    /// - Parameters:
    ///   - integration: The integration.
    ///   - fence: The revision of the fence that allows it.
    /// - Throws: ``IntegrationError`` with code `inactive` if the integration was stopped meanwhile.
    func begin(_ integration: String, fence: Int64) throws {
        try entries.withLock { entries in
            guard fence >= entries[integration]?.closedBelow ?? .min else {
                throw IntegrationError(
                    .inactive,
                    "The integration was paused, disabled or deleted meanwhile.",
                    remedy: LocalizedText("Nothing to do: the work waits.", fr: "Rien à faire : le travail attend."),
                    retry: .after(.seconds(1)),
                    concerns: .account
                )
            }
            entries[integration, default: Entry()].flying[fence, default: 0] += 1
        }
    }

    /// Notes that something ended.
    func end(_ integration: String, fence: Int64) {
        let freed = entries.withLock { entries -> [CheckedContinuation<Void, Never>] in
            guard var entry = entries[integration] else { return [] }
            let left = (entry.flying[fence] ?? 0) - 1
            entry.flying[fence] = left > 0 ? left : nil
            let flying = entry
            let freed = entry.waiting.filter { !flying.isFlying(below: $0.below) }
            entry.waiting.removeAll { !flying.isFlying(below: $0.below) }
            entries[integration] = entry.flying.isEmpty && entry.closedBelow == .min ? nil : entry
            return freed.map(\.1)
        }
        for continuation in freed { continuation.resume() }
    }

    /// Lets nothing begin that rests on an older fence, and returns once all that did has ended.
    func close(_ integration: String, below revision: Int64) async {
        await withCheckedContinuation { continuation in
            let isClear = entries.withLock { entries in
                var entry = entries[integration] ?? Entry()
                entry.closedBelow = max(entry.closedBelow, revision)
                let isClear = !entry.isFlying(below: revision)
                if !isClear { entry.waiting.append((revision, continuation)) }
                entries[integration] = entry
                return isClear
            }
            if isClear { continuation.resume() }
        }
    }
}
