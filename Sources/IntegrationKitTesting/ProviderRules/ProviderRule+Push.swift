// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderRule {
    static let pushRules = [
        ProviderRule("outcomes", "Each write has its own outcome, in the order of the writes.") { trial in
            for kind in try trial.pushKinds() {
                try await trial.checkOutcomes(of: try await trial.creates(kind.kind, 12))
            }
        },
        ProviderRule("outcomes-shuffled", "An answer in another order than the call's is read by what it names.") {
            trial in
            try await trial.bed.shuffleAnswers()
            for kind in try trial.pushKinds() {
                try await trial.checkOutcomes(of: try await trial.creates(kind.kind, 12))
            }
        },
        ProviderRule("one-call", "A batch is one outward call.") { trial in
            let writes = try await trial.mixedWrites()
            for batch in trial.provider.plan(writes, for: trial.account) {
                trial.wire.clear()
                _ = try await trial.pushOnce(batch)
                let calls = trial.wire.exchanges.count
                try trial.expect(calls <= 1, "\(trial.name(batch)) took \(calls) calls")
            }
        },
        ProviderRule("update", "An update changes what is to change, and leaves people's edits of the rest alone.") {
            trial in
            for kind in try trial.kinds("is changed", where: { $0.canPush && $0.canUpdate }) {
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                var update = try trial.update(id, after: write)
                let rest = write.fields.filter { !update.changed.contains($0.key) }
                let theirs = try trial.sample(kind.kind, trial.nextNumber()).fields
                    .filter { rest[$0.key] != nil && !kind.naturalKeys.contains($0.key) && rest[$0.key] != $0.value }
                try await trial.bed.edit(id, theirs)
                update.fields = rest.merging(update.changedFields) { $1 }
                try trial.expect(
                    try await trial.deliver(update) == id,
                    "an update of \(trial.name(id)) reached another"
                )
                let record = try await trial.record(id, fields: write.fields.keys.sorted())
                try trial.expect(record, holds: update.changedFields)
                try trial.expect(record, holds: theirs)
            }
        },
        ProviderRule("clear", "A field that is emptied reads back as empty, and is emptied on the platform.") { trial in
            var checked = false
            for kind in try trial.pushKinds() where kind.canUpdate {
                guard let field = try trial.sample(kind.kind, 1).clearable else { continue }
                checked = true
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                var update = try trial.update(id, after: write)
                update.fields[field] = .empty
                update.changed = [field]
                _ = try await trial.deliver(update)
                let record = try await trial.record(id, fields: write.fields.keys.sorted())
                try trial.expect(record, holds: [field: .empty])
            }
            if !checked { throw UnsupportedHook("no sample has a field that may be emptied") }
        },
        ProviderRule("relations", "The relations of a new record are made.") { trial in
            var checked = false
            for kind in try trial.pushKinds() where !(try trial.sample(kind.kind, 1).relations.isEmpty) {
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                let related = try await trial.bed.related(to: id)
                checked = true
                for case .remote(let other) in write.relations.map(\.target) {
                    try trial.expect(
                        related.contains(other),
                        "\(trial.name(id)) is not related to \(trial.name(other))"
                    )
                }
            }
            if !checked { throw UnsupportedHook("no sample has relations") }
        },
        ProviderRule("delete", "A delete removes the record, and one of a record that is gone says so.") { trial in
            for kind in try trial.kinds("is deleted", where: { $0.canPush && $0.canDelete }) {
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                for attempt in 1...2 {
                    switch try await trial.deliver([trial.delete(id, after: write)]).values.first {
                    case .applied, .gone: break
                    case let outcome:
                        throw RuleViolation(
                            rule: trial.rule,
                            "delete \(attempt) of \(trial.name(id)): \(trial.name(outcome))"
                        )
                    }
                    guard case .gone = try await trial.fetch([id]).first else {
                        throw RuleViolation(
                            rule: trial.rule,
                            "\(trial.name(id)) is still there after delete \(attempt)"
                        )
                    }
                }
            }
        },
        ProviderRule("gone", "An update of a record that people deleted says that it is gone.") { trial in
            for kind in try trial.kinds("is deleted", where: { $0.canPush && $0.canUpdate && $0.canDelete }) {
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                try await trial.bed.delete(id)
                let update = try trial.update(id, after: write)
                let outcome = try await trial.deliver([update])[update.id]
                guard case .gone = outcome else {
                    throw RuleViolation(
                        rule: trial.rule,
                        "\(trial.name(update)) that is gone was \(trial.name(outcome))"
                    )
                }
            }
        },
    ]

    static let lostAnswerRules = [
        ProviderRule("lost-after", "What was made although its answer was lost is unknown at first, then found.") {
            trial in
            for kind in try trial.pushKinds() {
                var write = try await trial.create(kind.kind)
                let batch = try trial.batch([write])
                guard batch.safety != .uncertain else { continue }
                write.firstSentAt = trial.clock.wall
                try await trial.expectUnknown(batch, .lostAfter)
                try trial.expect(
                    try await trial.bed.creations(of: write) == 1,
                    "the platform did not make the record once"
                )
                let result = try trial.require(try await trial.lookUp([write]).first, "the result of the look-up")
                guard case .found(let record, _) = result else {
                    throw RuleViolation(
                        rule: trial.rule,
                        "the \(kind.kind.rawValue) that was made is \(trial.name(result))"
                    )
                }
                let stored = try await trial.record(record.id, fields: write.fields.keys.sorted())
                try trial.expect(stored, holds: write.fields)
            }
        },
        ProviderRule("lost-before", "What was not made is unknown while its answer is lost, then absent.") { trial in
            for kind in try trial.pushKinds() {
                var write = try await trial.create(kind.kind)
                let batch = try trial.batch([write])
                guard batch.safety != .uncertain else { continue }
                write.firstSentAt = trial.clock.wall
                try await trial.expectUnknown(batch, .lostBefore)
                try await trial.expectAbsent(write)
            }
        },
        ProviderRule("not-connected", "What surely did not leave is never said to be unknown.") { trial in
            for kind in try trial.pushKinds() {
                let batch = try trial.batch([try await trial.create(kind.kind)])
                trial.wire.spoilNext(.notConnected)
                do {
                    for (write, outcome) in try await trial.pushOnce(batch) {
                        guard case .notAttempted = outcome else {
                            throw RuleViolation(rule: trial.rule, "\(trial.name(write)) was \(trial.name(outcome))")
                        }
                    }
                } catch let error as IntegrationError {
                    try trial.expect(
                        !error.mayHaveHappened,
                        "the error of a push claims that something may have happened"
                    )
                }
            }
        },
        ProviderRule("absent", "A record that was never made is absent, and finding one does not find its neighbour.") {
            trial in
            for kind in try trial.pushKinds() {
                let made = try await trial.create(kind.kind)
                guard try trial.batch([made]).safety != .uncertain else { continue }
                try await trial.expectAbsent(made)
                let id = try await trial.deliver(made)
                let other = try await trial.create(kind.kind)
                let results = try await trial.lookUp([other, made])
                guard case .absent = results[0] else {
                    throw RuleViolation(
                        rule: trial.rule,
                        "a \(kind.kind.rawValue) never made is \(trial.name(results[0]))"
                    )
                }
                guard case .found(let record, _) = results[1], record.id == id else {
                    throw RuleViolation(rule: trial.rule, "\(trial.name(id)) is \(trial.name(results[1]))")
                }
            }
        },
        ProviderRule("keyed", "Where creates are keyed, the same write sent twice makes one record.") { trial in
            var checked = false
            for kind in try trial.pushKinds() {
                let write = try await trial.create(kind.kind)
                let batch = try trial.batch([write])
                guard case .keyed = batch.safety else { continue }
                checked = true
                let first = try await trial.deliver(write)
                let second = try trial.require(try await trial.deliver([write])[write.id], "the second outcome")
                switch second {
                case .applied(let record) where record.id == first: break
                case .exists([first]): break
                default:
                    throw RuleViolation(rule: trial.rule, "sent again, \(trial.name(write)) was \(trial.name(second))")
                }
                let count = try await trial.bed.creations(of: write)
                try trial.expect(count == 1, "the write sent twice made \(count) records")
            }
            if !checked { throw UnsupportedHook("no create is keyed") }
        },
    ]
}

extension ProviderTrial {
    /// Pushes new records and checks that each outcome names the record that its write made.
    func checkOutcomes(of writes: [RecordWrite]) async throws {
        let outcomes = try await deliver(writes)
        for write in writes {
            let id = try applied(outcomes[write.id], of: write)
            try expect(id.kind == write.kind, "a \(write.kind.rawValue) became \(name(id))")
            try expect(try await record(id, fields: write.fields.keys.sorted()), holds: write.fields)
        }
    }

    /// Pushes a batch whose answer is spoilt, and checks that nobody claims to know what became of it.
    func expectUnknown(_ batch: WriteBatch, _ fault: ProviderWire.Fault) async throws {
        wire.spoilNext(fault)
        do {
            for (write, outcome) in try await pushOnce(batch) {
                guard case .unknown(let error) = outcome else {
                    throw RuleViolation(rule: rule, "\(name(write)) without a trustworthy answer was \(name(outcome))")
                }
                try expect(error.mayHaveHappened, "the error of an unknown outcome claims that nothing happened")
            }
        } catch let error as IntegrationError {
            throw RuleViolation(rule: rule, "\(name(batch)) threw although something left: \(error)")
        }
        wire.stopSpoiling()
    }

    func expectAbsent(_ write: RecordWrite) async throws {
        let result = try require(try await lookUp([write]).first, "the result of the look-up")
        guard case .absent = result else {
            throw RuleViolation(rule: rule, "a \(write.kind.rawValue) that was never made is \(name(result))")
        }
    }
}
