// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The three-way merge of one linked record, field by field.
///
/// The host's value is compared with the host's half of the ledger and the platform's with the platform's half, never
/// one with the other's: both sides may write one value in different forms.
struct FieldMerge {
    /// What is known and what is allowed.
    struct Input {
        var tags: [FieldTag]
        /// What was about to be carried to the host when a process ended: it was, where the host holds just that.
        var delivering: [FieldTag] = []
        /// The host's side: queued words, and for other fields the record as it is now (whose words have no job; a
        /// change that stands there alone waits for its event).
        var host: [FieldName: HostWord]
        /// The host's record as it is now, where it was looked at.
        var current: [FieldName: FieldValue] = [:]
        /// What the host said before and may have been written: on the platform it is no news.
        var superseded: [FieldName: [FieldValue]] = [:]
        /// The platform's side as just read; nil: not looked at.
        var remote: RemoteRecord?
        var policy: SyncSettings.ConflictPolicy
        /// Whether changes are carried to the host at all.
        var delivers: Bool
        /// Whether changes are carried to the platform at all.
        var writes: Bool
        /// How far the platform's clock is ahead of the host's, in milliseconds.
        var skew: Int64 = 0
    }

    /// What is to be done.
    struct Result {
        /// Values for the host, by its names.
        var deliver: [FieldName: FieldValue] = [:]
        /// The rules by which `deliver` came about.
        var delivered: [CompiledRule] = []
        /// Values for the platform, by its names, with the words they come from.
        var write: [FieldName: FieldValue] = [:]
        var written: [(rule: CompiledRule, word: HostWord)] = []
        /// The tags as they stand once `deliver` is done; those of `write` follow its outcome.
        var tags: [UInt32: FieldTag]
        /// Fields that both sides changed to different values.
        var conflicts: [FieldName] = []
        /// Those of them that wait for a person.
        var asked: [FieldName] = []
        /// Values that could not be mapped, by the host's names.
        var problems: [MappingProblem] = []
    }

    let ledger: Ledger
    let mapper: FieldMapper

    /// Merges.
    func merge(_ input: Input) -> Result {
        var result = Result(tags: Dictionary(input.tags.map { ($0.rule, $0) }, uniquingKeysWith: { _, last in last }))
        let delivering = Dictionary(input.delivering.map { ($0.rule, $0) }, uniquingKeysWith: { _, last in last })
        for rule in mapper.rules {
            if let tag = delivering[rule.id], let now = input.held(rule.rule.host),
                ledger.tag(rule.id, now) == tag.host
            {
                result.tags[rule.id] = tag
            }
            do throws(TransformFailure) {
                try merge(rule, input, into: &result)
            } catch {
                result.problems.append(MappingProblem(rule.rule, error))
            }
        }
        return result
    }

    private func merge(_ rule: CompiledRule, _ input: Input, into result: inout Result) throws(TransformFailure) {
        let base = result.tags[rule.id]
        let remote = input.remote?.fields[rule.rule.remote]
        let word = input.host[rule.rule.host]
        let current = input.current[rule.rule.host]
        let hostChanged = word.map { isNews($0, against: base, of: rule, current: current) } ?? false
        let remoteChanged = remote.map { isNews($0, against: base, of: rule) } ?? false

        switch (hostChanged, remoteChanged) {
        case (false, false):
            if var base, !base.confirmed, let remote {
                base.remote = ledger.tag(rule.id, remote)
                base.confirmed = true
                result.tags[rule.id] = base
            }
        case (false, true):
            guard let remote else { return }
            try takeRemote(remote, rule, over: nil, input, into: &result)
        case (true, false):
            guard let word else { return }
            if let remote, try rule.outward(word.value, context: mapper.context).isEquivalent(to: remote) {
                agree(word, remote, rule, into: &result)
            } else if word.job != 0 {
                try takeHost(word, rule, input, into: &result)
            }
        case (true, true):
            guard let word, let remote else { return }
            try settle(word, remote, rule, base: base, input, into: &result)
        }
    }

    private func settle(
        _ word: HostWord,
        _ remote: FieldValue,
        _ rule: CompiledRule,
        base: FieldTag?,
        _ input: Input,
        into result: inout Result
    ) throws(TransformFailure) {
        if try rule.outward(word.value, context: mapper.context).isLooselyEquivalent(to: remote) {
            agree(word, remote, rule, into: &result)
            return
        }
        // The host has the platform's value already: it was delivered, and nobody heard of it.
        if let current = input.current[rule.rule.host],
            try rule.outward(current, context: mapper.context).isLooselyEquivalent(to: remote)
        {
            var now = word
            now.value = current
            agree(now, remote, rule, into: &result)
            return
        }
        for earlier in input.superseded[rule.rule.host] ?? []
        where try rule.outward(earlier, context: mapper.context).isLooselyEquivalent(to: remote) {
            try takeHost(word, rule, input, into: &result)
            return
        }
        // Without an agreed pair an empty side has no say: nothing proves that somebody emptied it.
        if base == nil, remote.isEquivalent(to: .empty) {
            try takeHost(word, rule, input, into: &result)
            return
        }
        if base == nil, word.value.isEquivalent(to: .empty) {
            try takeRemote(remote, rule, over: word, input, into: &result)
            return
        }
        guard rule.rule.isInbound, input.delivers else {
            try takeHost(word, rule, input, into: &result)
            return
        }
        guard rule.rule.isOutbound, input.writes else {
            try takeRemote(remote, rule, over: word, input, into: &result)
            return
        }
        result.conflicts.append(rule.rule.host)
        switch input.policy {
        case .platformWins:
            try takeRemote(remote, rule, over: word, input, into: &result)
        case .hostWins:
            try takeHost(word, rule, input, into: &result)
        case .newestWins:
            if let modified = input.remote?.modifiedAt, word.at + input.skew > modified.milliseconds {
                try takeHost(word, rule, input, into: &result)
            } else {
                try takeRemote(remote, rule, over: word, input, into: &result)
            }
        case .ask:
            result.asked.append(rule.rule.host)
        }
    }

    private func isNews(
        _ word: HostWord,
        against base: FieldTag?,
        of rule: CompiledRule,
        current: FieldValue?
    ) -> Bool {
        guard let base else { return true }
        // The host's record holds what was last agreed on: the word was overtaken since it was said.
        if word.job != 0, let current, current != word.value, ledger.tag(rule.id, current) == base.host { return false }
        // What the job said that last set the field is known, also when it is replayed.
        if word.job != 0, word.job <= base.event { return false }
        if word.happened(before: base.at) { return false }
        return ledger.tag(rule.id, word.value) != base.host
    }

    private func isNews(_ value: FieldValue, against base: FieldTag?, of rule: CompiledRule) -> Bool {
        guard let base else { return !value.isEquivalent(to: .empty) }
        return base.confirmed
            ? ledger.tag(rule.id, value) != base.remote : ledger.looseTag(rule.id, value) != base.remote
    }

    private func agree(_ word: HostWord, _ remote: FieldValue, _ rule: CompiledRule, into result: inout Result) {
        result.tags[rule.id] = FieldTag(
            rule: rule.id,
            host: ledger.tag(rule.id, word.value),
            remote: ledger.tag(rule.id, remote),
            confirmed: true,
            event: word.job,
            at: word.at
        )
    }

    private func takeHost(
        _ word: HostWord,
        _ rule: CompiledRule,
        _ input: Input,
        into result: inout Result
    ) throws(TransformFailure) {
        guard rule.rule.isOutbound, input.writes else { return }
        result.write[rule.rule.remote] = try rule.outward(word.value, context: mapper.context)
        result.written.append((rule, word))
    }

    private func takeRemote(
        _ remote: FieldValue,
        _ rule: CompiledRule,
        over word: HostWord?,
        _ input: Input,
        into result: inout Result
    ) throws(TransformFailure) {
        let old = result.tags[rule.id]
        guard rule.rule.isInbound, input.delivers else {
            // The platform's value of a field that only goes out is of no concern; it is remembered as seen.
            if var old {
                old.remote = ledger.tag(rule.id, remote)
                old.confirmed = true
                result.tags[rule.id] = old
            }
            return
        }
        let value = try rule.homeward(remote, context: mapper.context)
        result.deliver[rule.rule.host] = value
        result.delivered.append(rule)
        result.tags[rule.id] = FieldTag(
            rule: rule.id,
            host: ledger.tag(rule.id, value),
            remote: ledger.tag(rule.id, remote),
            confirmed: true,
            event: max(word?.job ?? 0, old?.event ?? 0),
            at: max(word?.at ?? 0, old?.at ?? 0)
        )
    }
}

extension FieldMerge.Input {
    /// What the host's record holds now; nil: it was not looked at.
    fileprivate func held(_ name: FieldName) -> FieldValue? {
        current[name] ?? host[name].flatMap { $0.job == 0 ? $0.value : nil }
    }
}

extension LoadedIntegration {
    /// How far the platform's clock is ahead of ours, in milliseconds, as far as its answers told.
    ///
    /// Ours is the store's: all processes must come to one decision.
    var skew: Int64 { core.clock(of: record.account).now().milliseconds - core.storeNow().milliseconds }

    /// How long a record's last change on the platform has waited, by the platform's clock; nil: it does not tell, or the
    /// change is older than the connection, and how long it stood there says nothing of us.
    func lag(of record: RemoteRecord) -> Duration? {
        let connected = record.modifiedAt.map { $0.milliseconds - self.record.connectedAt.milliseconds - skew }
        guard let modified = record.modifiedAt, let connected, connected >= 0 else { return nil }
        return max(core.clock(of: self.record.account).now().duration(since: modified), .zero)
    }
}
