// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderRule {
    static let fetchRules = [
        ProviderRule("fetch", "Records are fetched in the order of their ids, as they are; one that is gone is gone.") {
            trial in
            for kind in try trial.pullKinds() {
                var ids: [RemoteID] = []
                for _ in 0..<4 { ids.append(try await trial.make(kind.kind)) }
                try await trial.bed.delete(ids[1])
                let wanted = [ids[3], ids[1], ids[0], ids[2]]
                let results = try await trial.fetch(wanted, fields: try trial.fields(of: kind.kind))
                for (id, result) in zip(wanted, results) {
                    switch result {
                    case .found(let record) where id != ids[1] && record.id == id: break
                    case .gone(let gone) where id == ids[1] && gone == id: break
                    default:
                        throw RuleViolation(rule: trial.rule, "\(trial.name(id)) was \(trial.name(result))")
                    }
                }
                try trial.expect(try await trial.fetch([]).isEmpty, "no id gave results")
            }
        },
        ProviderRule("read-back", "What people wrote is read as they wrote it.") { trial in
            for kind in try trial.pullKinds() {
                let sample = try trial.sample(kind.kind, trial.nextNumber())
                let id = try await trial.bed.make(kind.kind, sample.fields)
                let names = sample.fields.keys.sorted()
                try trial.expect(try await trial.record(id, fields: names), holds: sample.fields)
                let edited = try trial.sample(kind.kind, trial.nextNumber()).change
                try await trial.bed.edit(id, edited)
                try trial.expect(try await trial.record(id, fields: names), holds: edited)
            }
        },
        ProviderRule("version", "An edit moves a record's version.") { trial in
            for kind in try trial.pullKinds() {
                let id = try await trial.make(kind.kind)
                let before = try await trial.record(id, fields: []).version
                trial.clock.advance(by: .seconds(5))
                try await trial.edit(id)
                let after = try await trial.record(id, fields: []).version
                guard before != nil || after != nil else { continue }
                try trial.expect(before != after, "\(trial.name(id)) has the version \(after ?? "-") before and after")
            }
        },
        ProviderRule("not-told", "A field that the platform does not know is not told; it is not empty.") { trial in
            let name = FieldName("no_such_field_at_all")
            for kind in try trial.pullKinds() {
                let id = try await trial.make(kind.kind)
                let record = try await trial.record(id, fields: try trial.fields(of: kind.kind) + [name])
                try trial.expect(record.fields[name] == nil, "\(trial.name(id)) tells of a field that is not there")
            }
        },
        ProviderRule("merged", "The id of a record that was merged leads to the one that stayed.") { trial in
            var checked = false
            var reason = UnsupportedHook("no kind is merged")
            for kind in try trial.pullKinds() {
                let loser = try await trial.make(kind.kind)
                let winner = try await trial.make(kind.kind)
                trial.clock.advance(by: .seconds(5))
                do {
                    try await trial.bed.merge(loser, into: winner)
                } catch let missing as UnsupportedHook {
                    reason = missing
                    continue
                }
                checked = true
                let results = try await trial.fetch([winner, loser])
                guard case .found(let record) = results[0], record.id == winner else {
                    throw RuleViolation(
                        rule: trial.rule,
                        "\(trial.name(winner)), which stayed, is \(trial.name(results[0]))"
                    )
                }
                guard case .moved(loser, into: [winner]) = results[1] else {
                    throw RuleViolation(rule: trial.rule, "\(trial.name(loser)), merged, is \(trial.name(results[1]))")
                }
            }
            if !checked { throw reason }
        },
    ]
}
