// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a job is known to do to the host's record, where that is counted.
struct GuardMark: StoredValue, Hashable {
    var effect: HeldChange.Effect
    /// Whether it was let through: it is never counted twice.
    var isCounted = false

    /// The index of the jobs that carry a mark and were not let through.
    static let indexName = "job.guard"
}

/// The guard against mass changes of one effect on one kind: what a day did, what waits, what a person agreed to.
///
/// Within a day, no more than the share of the kind's linked records, or the few that are never a mass change, are let
/// through unasked, however many pages, rounds, webhooks or processes bring them.
struct GuardRecord: StoredRecord, Equatable {
    static let type = "guard"

    /// What was let through in one hour of the store's clock.
    struct Hour: Codable, Hashable, Sendable {
        var hour: Int64
        var count: Int
    }

    var effect: HeldChange.Effect
    var kind: RecordKind
    /// What was let through in the last day unasked.
    var hours: [Hour] = []
    /// How many records were linked when the first of them was.
    var total = 0
    /// How many records the last whole reading did not show, if they are too many: no jobs stand for them.
    var unseen = 0
    /// Since when a person is asked; nil: nobody is.
    var since: Date?
    /// How many more a person agreed to, and when.
    var agreed = 0
    var agreedAt: Date?

    private static let agreementLasts = Duration.seconds(7 * 86_400)

    static func key(_ effect: HeldChange.Effect, _ kind: RecordKind, _ integration: String) -> String {
        RowKey.join(integration, effect.rawValue, kind.rawValue)
    }

    func row(_ integration: LoadedIntegration) throws -> RowContent {
        try content(
            key: GuardRecord.key(effect, kind, integration.id),
            tenant: integration.tenant,
            integration: integration.id,
            indexes: [IndexEntry("guard.integration", integration.id)],
            keep: since == nil ? GuardRecord.agreementLasts : nil
        )
    }

    /// Whether a change to all that waits may begin; if so, counts the first of it.
    ///
    /// - Parameters:
    ///   - waiting: How many records wait to be changed, those that begin included.
    ///   - beginning: How many are let through now.
    ///   - linked: How many records of the kind are linked.
    ///   - now: The time by the store's clock.
    ///   - options: What share is too much.
    /// - Returns: Whether they may be changed.
    mutating func lets(
        _ waiting: Int,
        beginning: Int = 0,
        of linked: Int,
        at now: Date,
        _ options: EngineOptions
    ) -> Bool {
        let hour = now.milliseconds / 3_600_000
        // A clock that was set back must not keep what it counted for longer than a day either.
        hours.removeAll { $0.hour < hour - 24 || $0.hour > hour + 24 }
        if let agreedAt, abs(now.timeIntervalSince(agreedAt)) > GuardRecord.agreementLasts.inSeconds { agreed = 0 }
        let done = hours.reduce(0) { $0 + $1.count }
        total = done == 0 ? linked : max(total, linked)
        if waiting <= agreed {
            agreed -= beginning
            return true
        }
        guard !options.isMassChange(done + waiting, of: total) else { return false }
        guard beginning > 0 else { return true }
        if let place = hours.firstIndex(where: { $0.hour == hour }) {
            hours[place].count += beginning
        } else {
            hours.append(Hour(hour: hour, count: beginning))
        }
        return true
    }

    /// Asks a person; what was agreed to is void, since more waits now.
    mutating func ask(at now: Date, wasWaiting: Bool) {
        if !wasWaiting || since == nil { since = now }
        agreed = 0
    }

    /// Takes a person's word for a change, and for a tenth more: what grew a little is still what was meant.
    mutating func agree(to count: Int, at now: Date) {
        agreed = count + count / 10
        agreedAt = now
        since = nil
        unseen = 0
    }

    static func error(_ effect: HeldChange.Effect, _ kind: RecordKind, _ count: Int, _ total: Int) -> IntegrationError {
        IntegrationError(
            .refused,
            effect == .delete
                ? "\(count) of \(total) records of kind \(kind.rawValue) are gone on the platform; the host keeps its own."
                : "\(count) of \(total) records of kind \(kind.rawValue) would lose values; the host keeps them.",
            remedy: LocalizedText(
                "Look whether this was meant, then confirm it; else repair the account's rights or the mapping.",
                fr: "Vérifiez que c’est voulu, puis confirmez ; sinon, corrigez les droits du compte ou le mappage."
            ),
            retry: .afterSetup,
            concerns: .kind
        )
    }
}

extension EngineOptions {
    /// Whether a change concerns so many records that a person is asked first.
    func isMassChange(_ count: Int, of total: Int) -> Bool {
        count > massChangeMinimum && Double(count) > massChangeShare * Double(total)
    }
}

extension EngineCore {
    /// The changes that wait for a person: what passed by itself does not.
    func heldChanges(of integration: String) async throws -> [HeldChange] {
        var changes: [HeldChange] = []
        for row in try await store.records(
            GuardRecord.self,
            matching: RowQuery("guard.integration", keys: [integration])
        ) {
            guard let since = row.record.since else { continue }
            let (effect, kind) = (row.record.effect, row.record.kind)
            let count = max(row.record.unseen, try await markedCount(effect, kind, of: integration))
            guard count > 0 else { continue }
            changes.append(
                HeldChange(effect: effect, kind: kind, count: count, total: row.record.total, since: since)
            )
        }
        return changes
    }

    /// How many jobs are known to do this to a record of the host's and were not let through.
    func markedCount(_ effect: HeldChange.Effect, _ kind: RecordKind, of integration: String) async throws -> Int {
        let key = GuardRecord.key(effect, kind, integration)
        return try await store.count(matching: RowQuery(GuardMark.indexName, keys: [key]), upTo: 10_000_000)
    }

    /// How many records of a kind are linked; below a sweep's number, those that it did not show.
    func linkedCount(_ kind: RecordKind, of integration: String, below end: String = "~") async throws -> Int {
        let prefix = RowKey.join(integration, kind.rawValue)
        let range = "\(prefix)|"..<"\(prefix)|\(end)"
        return try await store.count(matching: RowQuery("link.sweep", range: range), upTo: 10_000_000)
    }
}
