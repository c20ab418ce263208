// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A lane under a lease, with its jobs decoded and opened.
struct LaneWork: Sendable {
    var lease: LaneLease
    var tail: Int64
    /// Until when the lease is counted on, by ``TimeSource/elapsed``: well before the store lets it go.
    var holdsUntil: Duration
    var jobs: [(Row<SyncJob>, JobPayload)]
    /// Whether `jobs` are all that stood in the lane.
    var isWhole: Bool

    var lane: LaneID { lease.lane }
    var head: Row<SyncJob>? { jobs.first?.0 }
    var requirement: Requirement { .lease(lane, token: lease.token) }

    /// Decodes a claimed lane.
    init(_ claimed: ClaimedLane, claimedAt: Duration, keys: TenantKeys) throws {
        lease = claimed.lease
        tail = claimed.tail
        holdsUntil = claimedAt + claimed.lease.duration * 4 / 5
        isWhole = claimed.jobs.count < EngineOptions.jobsPerLane
        jobs = try claimed.jobs.map { stored in
            let row = try Row<SyncJob>(stored)
            return (row, try row.record.openPayload(row.id.key, keys))
        }
    }

    /// What a job of the lane holds.
    func payload(of job: Row<SyncJob>) -> JobPayload? {
        jobs.first { $0.0.id == job.id }?.1
    }

    /// Whether jobs remain beside the given ones.
    func hasMore(than done: [Row<SyncJob>]) -> Bool {
        !isWhole || jobs.count > done.count
    }
}

extension SyncJob {
    static func payloadContext(_ key: String, tenant: String, integration: String) -> SealContext {
        SealContext(tenant: tenant, integration: integration, recordType: type, recordKey: key, purpose: "row")
    }

    func openPayload(_ key: String, _ keys: TenantKeys) throws -> JobPayload {
        guard !payload.isEmpty else { return JobPayload() }
        let context = SyncJob.payloadContext(key, tenant: tenant, integration: lane.integration)
        return try RecordCoding.decode(JobPayload.self, from: try keys.open(payload, in: context))
    }

    mutating func seal(_ content: JobPayload, _ key: String, _ keys: TenantKeys) throws {
        let context = SyncJob.payloadContext(key, tenant: tenant, integration: lane.integration)
        payload = try keys.seal(try RecordCoding.encode(content), in: context)
    }

    /// What to put to store the job, with the indexes that its state calls for.
    func row(_ key: String, memory: Duration) throws -> RowContent {
        let integration = lane.integration
        var indexes: [IndexEntry] = []
        if let event { indexes.append(IndexEntry("job.event", RowKey.join(tenant, event))) }
        if let record {
            indexes.append(IndexEntry("record", RowKey.join(record.tenant, record.kind, record.id)))
        }
        var standsInLane = true
        switch state {
        case .queued:
            indexes.append(IndexEntry("job.state", RowKey.join(integration, "queued")))
            indexes += needs.map { IndexEntry("job.needs", $0) }
            if let guarded, !guarded.isCounted {
                indexes.append(IndexEntry(GuardMark.indexName, GuardRecord.key(guarded.effect, kind, integration)))
            }
        case .sent:
            indexes.append(IndexEntry("job.state", RowKey.join(integration, "sent")))
            indexes.append(IndexEntry("job.sent", RowKey.join(integration, kind.rawValue)))
        case .blocked(let reason):
            indexes.append(IndexEntry("job.state", RowKey.join(integration, "blocked")))
            indexes.append(IndexEntry("job.blocked", lane.indexKey))
            if let need = reason.need { indexes.append(IndexEntry("job.blockedOn", need)) }
            standsInLane = reason.holdsLane
        case .finished:
            indexes.append(IndexEntry("job.finished", integration))
            standsInLane = false
        }
        if mayHaveMade { indexes.append(IndexEntry("job.mayHaveMade", RowKey.join(integration, kind.rawValue))) }
        if state.isUnfinished { indexes += naturalKeys.map { IndexEntry("job.natural", $0) } }
        if standsInLane { indexes.append(IndexEntry(LaneID.indexName, lane.indexKey)) }
        return try content(
            key: key,
            tenant: tenant,
            integration: integration,
            indexes: indexes,
            keep: state.isUnfinished ? nil : memory
        )
    }

    /// Whether it is over, and may have made a record that nobody knows to be its own.
    var mayHaveMade: Bool {
        switch state {
        case .blocked(let reason): reason.error.code == .outcomeUnknown
        case .finished: !payload.isEmpty
        case .queued, .sent: false
        }
    }

    /// The job as it is kept once a person gave it up.
    ///
    /// Of one whose record may be there it is kept what it said: it tells the record when it is shown.
    func dropped(at now: Date) -> SyncJob {
        var job = finished(.dropped, at: now)
        if mayHaveMade { job.payload = payload }
        return job
    }

    /// The job as it is kept once it is done: without what the host said.
    func finished(_ outcome: IntegrationEvent.Kind, at now: Date) -> SyncJob {
        var job = self
        job.state = .finished(outcome.rawValue, at: now)
        job.payload = Data()
        job.needs = []
        job.naturalKeys = []
        job.guarded = nil
        return job
    }
}

/// What one lane adds to a commit, and what is told to observers once it stands.
struct LaneCommit: Sendable {
    var work: LaneWork
    var requires: Set<Requirement> = []
    var puts: [RowContent] = []
    var deletes: [RowID] = []
    var touches: [LaneTouch] = []
    /// Whether the lease is given back, and when the lane is due again.
    var releases = true
    var dueAfter: Duration?
    var events: [IntegrationEvent] = []
    /// The job that the commit stands for: it stops if the platform's record belongs to another link.
    var claimant: Row<SyncJob>?
    /// The record that an answer named, to be remembered if the lease was lost before the answer came.
    var answered: RemoteID?
    /// The link that came to be; jobs that waited for it are woken by the same commit.
    var wakes: String?

    init(_ work: LaneWork) {
        self.work = work
        requires = [work.requirement]
        // What erases a record erases all that stands in its lane, so that one job speaks for the others.
        if let head = work.head {
            requires.insert(.absent(ErasedJob.rowID(ErasedJob.key(head.created, in: work.lane.integration))))
        }
    }
}

extension LaneCommit {
    /// Notes that the commit links a record: jobs that waited for it wake, and nobody need claim it any more.
    mutating func makes(_ link: RecordLink, _ key: String) {
        wakes = key
        deletes.append(RecordLink.rowID(RecordLink.unclaimedKey(link.externalKey, in: work.lane.integration)))
    }
}

extension RecordLink {
    /// What to put to store the link, with its indexes.
    func row(_ key: String, tenant: String, integration: String) throws -> RowContent {
        var indexes = [IndexEntry("link.key", RowKey.join(integration, externalKey))]
        if state == .linked, let remote {
            indexes += ([remote] + formerIDs).map {
                IndexEntry("link.remote", RecordLink.remoteKey($0, in: integration), isUnique: true)
            }
            indexes.append(
                IndexEntry(
                    "link.sweep",
                    RowKey.join(integration, remote.kind.rawValue, RowKey.number(seenSweep))
                )
            )
        } else if let remote {
            indexes.append(IndexEntry("link.tombstone", RecordLink.remoteKey(remote, in: integration)))
        }
        indexes += (parted ?? []).filter { $0 != remote }.map {
            IndexEntry("link.tombstone", RecordLink.remoteKey($0, in: integration))
        }
        if let host { indexes.append(IndexEntry("record", RowKey.join(host.tenant, host.kind, host.id))) }
        return try content(key: key, tenant: tenant, integration: integration, indexes: indexes)
    }

    /// The row of a record that carries a key of ours which no host's record has claimed.
    static func unclaimedKey(_ externalKey: String, in integration: String) -> String {
        RowKey.join(integration, externalKey)
    }

    static func remoteKey(_ id: RemoteID, in integration: String) -> String {
        RowKey.join(integration, id.kind.rawValue, id.parent ?? "", id.value)
    }

    var isLinked: Bool { state == .linked && remote != nil }

    /// Whether the records have parted: nothing but making the record again links it.
    var isTombstone: Bool { state == .deletedByHost || state == .deletedByRemote || state == .merged }

    /// Takes over the tags of a merge.
    mutating func take(_ tags: [UInt32: FieldTag]) {
        self.tags = tags.values.sorted { $0.rule < $1.rule }
        delivering = nil
    }
}
