// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the processes of a store have spent of one budget and may still spend, by the store's clock.
///
/// The row names the account by a digest alone, and belongs to no tenant: several may share an account.
struct BudgetState: StoredRecord {
    static let type = "budget"

    /// Calls that ended, and until when they count.
    struct Spent: Codable, Hashable, Sendable {
        var amount: Int
        var until: Date
    }
    /// The part of one process.
    struct Part: Codable, Hashable, Sendable {
        var process: UUID
        /// What it may spend without asking again, calls in flight included.
        var held: Int
        /// When that counts no more: it lapsed, and what may have been spent of it is out of the span.
        var until: Date
        var spent: [Spent]
    }
    /// What the platform last said remains.
    struct Heard: Codable, Hashable, Sendable {
        var amount: Int
        var at: Date
        var endsAt: Date?
    }

    var parts: [Part] = []
    var heard: Heard?

    private static let most = 16

    /// Drops what is over, and what only a clock that was set back since can have written.
    mutating func expire(at now: Date, longest: Duration) {
        let end = now.advanced(by: longest)
        func counts(_ date: Date) -> Bool { date > now && date <= end }
        for index in parts.indices {
            if !counts(parts[index].until) { parts[index].held = 0 }
            parts[index].spent.removeAll { !counts($0.until) }
        }
        parts.removeAll { $0.held == 0 && $0.spent.isEmpty }
        if let at = heard?.at, at > end { heard = nil }
    }

    /// What all processes but one have spent or may spend.
    func others(than process: UUID) -> [Spent] {
        parts.filter { $0.process != process }.flatMap { part in
            part.held > 0 ? part.spent + [Spent(amount: part.held, until: part.until)] : part.spent
        }
    }

    /// Puts the part of a process; of many, those that were silent longest become one.
    mutating func put(_ part: Part) {
        parts.removeAll { $0.process == part.process }
        parts.append(part)
        guard parts.count > Self.most else { return }
        let sorted = parts.sorted { $0.until > $1.until }
        let silent = sorted[(Self.most - 1)...]
        guard var one = silent.first else { return }
        one.held = 0
        one.spent = silent.flatMap { $0.held > 0 ? $0.spent + [Spent(amount: $0.held, until: $0.until)] : $0.spent }
            .sorted { $0.until < $1.until }
        parts = sorted.prefix(Self.most - 1) + [one]
    }
}
