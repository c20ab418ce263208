// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One write on its way, with all that its outcome will need.
struct Sending: Sendable {
    var work: LaneWork
    /// The jobs that the write carries, oldest first.
    var jobs: [Row<SyncJob>]
    /// What they said together.
    var payload: JobPayload
    var host: HostReference
    /// The link as it stands before the write, with what was delivered to the host already taken in.
    var link: RecordLink
    var write: RecordWrite
    /// The rules whose fields the write changes, with the words they come from.
    var words: [(rule: CompiledRule, word: HostWord)]
    var mapper: FieldMapper
    /// The attempt that was committed; nil for writes that repeat freely.
    var attempt: Attempt?
    /// How many of the lane's jobs the write carries, those that were finished when it was sent included.
    var carries: Int
    /// Whether the head's row holds `payload` already.
    var isPayloadStored: Bool
    /// What the merge before the write found, to be told with its outcome.
    var notes: [IntegrationEvent] = []
    /// Stopped jobs of a record that is deleted: they end with it.
    var ended: [Row<SyncJob>] = []

    /// The job that stands for the write.
    var head: Row<SyncJob> { jobs.first ?? work.jobs[0].0 }
    var linkKey: String { RecordLink.key(host, in: work.lane.integration) }
    /// Whether the lane has jobs behind those that the write carries.
    var hasMore: Bool { !work.isWhole || work.jobs.count > carries }

    /// The head job in a state.
    ///
    /// Once an attempt was committed it holds what all the jobs said: the others are done.
    func head(_ state: JobState, worker: LaneWorker) throws -> Row<SyncJob> {
        var row = head
        row.record.state = state
        if attempt != nil, !isPayloadStored { try row.record.seal(payload, row.id.key, worker.integration.keys) }
        return row
    }

    /// The row of the head job in a state.
    func row(_ state: JobState, worker: LaneWorker) throws -> RowContent {
        try head(state, worker: worker).record.row(head.id.key, memory: worker.options.memory)
    }
}

extension LaneWorker {
    /// A link that no platform's record belongs to yet.
    func freshLink(_ reference: HostReference, kind: RecordKind, incarnation: Int) -> RecordLink {
        RecordLink(
            host: reference,
            kind: kind,
            externalKey: ExternalKey.make(
                of: reference,
                incarnation: incarnation,
                namespace: core.namespace
            ),
            incarnation: incarnation,
            state: .unlinked,
            linkedAt: core.storeNow()
        )
    }

    /// The link of a record that is made again; it remembers what earlier ones parted from.
    func nextIncarnation(of old: RecordLink, _ reference: HostReference, kind: RecordKind) -> RecordLink {
        var link = freshLink(reference, kind: kind, incarnation: old.incarnation + 1)
        link.parted = old.parted
        if let remote = old.remote { link.parted = (old.parted ?? []) + [remote] }
        return link
    }

    /// Rows that name the host's record as the owner of its natural keys.
    func naturalKeyRows(_ values: [FieldName: FieldValue], kind: RecordKind, host: HostReference) throws -> [RowContent]
    {
        try integration.naturalKeys(values, kind: kind).map { key in
            try NaturalKey(host: host).content(
                key: key,
                tenant: integration.tenant,
                integration: integration.id,
                indexes: [IndexEntry("record", RowKey.join(host.tenant, host.kind, host.id))]
            )
        }
    }

    /// The commit of a write that is done, or of a record that was found to be its effect.
    func applied(_ sending: Sending, _ record: RemoteRecord, as outcome: IntegrationEvent.Kind) throws -> LaneCommit {
        var commit = LaneCommit(sending.work)
        var link = sending.link
        let wasLinked = link.isLinked
        link.take(tags(after: sending, record, isAnswer: outcome != .adopted))
        if let old = link.remote, old != record.id, wasLinked { link.formerIDs.append(old) }
        link.remote = record.id
        link.state = .linked
        link.kind = record.id.kind
        if !wasLinked { link.linkedAt = core.storeNow() }
        link.version = record.version ?? link.version
        link.freshAfter = core.clock(of: integration.record.account).now()
        link.digest = Data()
        if let attempt = sending.attempt, attempt.earlierUnknown {
            let settle = integration.record.profile.keySlots[sending.write.kind]?.settle ?? .seconds(60)
            link.settlesAt = attempt.sendBy.advanced(by: options.requestTimeout + settle)
        }
        let ledger = Ledger(keys: integration.keys, link: sending.linkKey)
        for relation in sending.write.relations {
            let tag = ledger.tag(relation)
            if !link.relations.contains(tag) { link.relations.append(tag) }
        }
        try takeNaturalKeys(sending, &link, in: &commit)
        commit.puts.append(try link.row(sending.linkKey, tenant: integration.tenant, integration: integration.id))
        try finish(sending.jobs, outcome, remote: record.id, words(for: outcome, sending.write.kind), in: &commit)
        commit.events += sending.notes
        commit.dueAfter = sending.hasMore ? .zero : nil
        if !wasLinked { commit.makes(link, sending.linkKey) }
        commit.claimant = try sending.head(.queued, worker: self)
        commit.answered = record.id
        return commit
    }

    /// Puts the natural keys that the record has now and deletes those that they replace.
    func takeNaturalKeys(_ sending: Sending, _ link: inout RecordLink, in commit: inout LaneCommit) throws {
        let kind = sending.write.kind
        let rows = try naturalKeyRows(sending.write.naturalKeys, kind: kind, host: sending.host)
        let keys = rows.map(\.id.key)
        let written = (integration.provider.descriptor.kind(kind)?.naturalKeys ?? []).filter {
            sending.write.fields[$0] != nil
        }.map { RowKey.join(integration.id, kind.rawValue, $0.rawValue, "") }
        let replaced = link.naturalKeys.filter { key in !keys.contains(key) && written.contains { key.hasPrefix($0) } }
        commit.deletes += replaced.map(NaturalKey.rowID)
        commit.puts += rows
        link.naturalKeys = link.naturalKeys.filter { !replaced.contains($0) && !keys.contains($0) } + keys
    }

    /// The natural keys that a write took and that nothing holds once it is taken back.
    func freedNaturalKeys(_ sending: Sending) throws -> [RowID] {
        guard sending.attempt != nil else { return [] }
        return try naturalKeyRows(sending.write.naturalKeys, kind: sending.write.kind, host: sending.host)
            .map(\.id).filter { !sending.link.naturalKeys.contains($0.key) }
    }

    /// The ledger after a write.
    ///
    /// An answer shows what the platform made of our values; what was found later may hold somebody else's edits, and
    /// only what is equal was surely agreed on.
    private func tags(after sending: Sending, _ record: RemoteRecord, isAnswer: Bool) -> [UInt32: FieldTag] {
        let ledger = Ledger(keys: integration.keys, link: sending.linkKey)
        var tags = Dictionary(sending.link.tags.map { ($0.rule, $0) }, uniquingKeysWith: { _, last in last })
        for (rule, word) in sending.words {
            let sent = sending.write.fields[rule.rule.remote] ?? .empty
            let stored = record.fields[rule.rule.remote].flatMap {
                isAnswer || $0.isLooselyEquivalent(to: sent) ? $0 : nil
            }
            let (host, shown) = ledger.tags(rule.id, host: word.value, remote: stored ?? word.value)
            let known = tags[rule.id]
            let isLater = word.at != 0 && word.job > known?.event ?? 0
            tags[rule.id] = FieldTag(
                rule: rule.id,
                host: host,
                remote: stored == nil ? ledger.looseTag(rule.id, sent) : shown,
                confirmed: stored != nil,
                event: max(word.job, known?.event ?? 0),
                // A later word is dated by itself: a clock that ran ahead when an earlier one was said silences nothing.
                at: isLater ? word.at : max(word.at, known?.at ?? 0)
            )
        }
        return tags
    }

    /// The ledger of a record that was found, where it shows what an earlier attempt may have written.
    func agreed(_ sending: Sending, _ record: RemoteRecord) -> [UInt32: FieldTag] {
        let known = Set(sending.link.tags.map(\.rule))
        return tags(after: sending, record, isAnswer: false).filter { $0.value.confirmed || known.contains($0.key) }
    }

    private func words(for outcome: IntegrationEvent.Kind, _ kind: RecordKind) -> String {
        switch outcome {
        case .created: "Created the \(kind.rawValue)."
        case .updated: "Updated the \(kind.rawValue)."
        case .deleted: "Deleted the \(kind.rawValue)."
        case .adopted: "Linked the \(kind.rawValue) that was there already."
        default: outcome.rawValue
        }
    }
}
