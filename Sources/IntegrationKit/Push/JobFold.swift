// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a host said of one field, and when.
struct HostWord: Hashable, Codable, Sendable {
    var value: FieldValue
    /// The number of the job that said it; 0 in a job: that job, 0 elsewhere: the host's record as it is now.
    var job: Int64 = 0
    /// When the host's event happened, in milliseconds; 0: not told.
    var at: Int64 = 0
    /// Whether it was told by the way, to make a record that is missing: it changes nothing that is there.
    var yields: Bool?
    /// Whether it was enqueued some time after it happened.
    ///
    /// Only then is it asked when that was: words come in the order in which they were enqueued, whatever clocks show.
    var isLate: Bool?

    /// Whether this was said after another word about the same field.
    func isLater(than other: HostWord) -> Bool {
        guard job != other.job else { return at > other.at }
        return job > other.job ? !happened(before: other.at) : other.happened(before: at)
    }

    /// Whether the word came late and happened before a moment, in milliseconds.
    func happened(before moment: Int64) -> Bool {
        isLate == true && at != 0 && moment != 0 && at < moment
    }
}

/// The queued jobs of a lane's head, folded into one piece of work.
///
/// Only jobs that were never sent are folded: create and update give a create, two updates the later word per field,
/// a create and a delete nothing, an update and a delete a delete. A delete and a create stay apart: the host made its
/// record anew.
struct JobFold: Sendable {
    enum Outcome: String, Sendable {
        case save
        case delete
        /// Created and deleted before anything was sent.
        case nothing
        /// Only the platform's side is to be read.
        case read
    }

    var outcome: Outcome
    /// Whether an existing record is left as it is.
    var onlyIfMissing = false
    var words: [FieldName: HostWord] = [:]
    /// What the folded jobs said before: an attempt that nobody remembers may have written it.
    var superseded: [FieldName: [FieldValue]] = [:]
    var related: [RelatedRecord] = []
    var relations: [EventRoute.RelationRule] = []
    /// The jobs that are folded, oldest first.
    var jobs: [Row<SyncJob>] = []
    /// Whether one of them asks to read the platform's side.
    var reads = false
    var occurredAt: Date?

    var kind: RecordKind? { (head ?? jobs.first)?.record.kind }
    var mayHaveBeenSent: Bool { jobs.contains { $0.record.mayHaveBeenSent } }
    var isOwnEcho: Bool { jobs.allSatisfy { $0.record.isOwnEcho || $0.record.action == .refetch } }
    /// The job whose failure counts: the first that writes, else the first.
    var head: Row<SyncJob>? { jobs.first { $0.record.action != .refetch } ?? jobs.first }

    /// Folds jobs from the head of a lane.
    ///
    /// - Parameters:
    ///   - jobs: The lane's jobs, oldest first, with their opened payloads.
    ///   - isLinked: Whether the record has a partner on the platform.
    ///   - pushes: Whether anything goes out at all; else only the reads at the lane's head are folded.
    /// - Returns: The fold; nil if the head was sent or is blocked.
    static func make(of jobs: [(Row<SyncJob>, JobPayload)], isLinked: Bool, pushes: Bool = true) -> JobFold? {
        var fold: JobFold?
        for (job, payload) in jobs {
            guard job.record.state == .queued else { break }
            let action = job.record.action
            guard pushes || action == .refetch else { break }
            guard var current = fold else {
                var first = JobFold(outcome: action == .delete ? .delete : action == .refetch ? .read : .save)
                first.onlyIfMissing = action == .ensure
                first.add(job, payload)
                fold = first
                continue
            }
            guard current.accepts(job.record) else { break }
            switch (current.outcome, action) {
            case (_, .refetch):
                break
            case (.save, .delete):
                let startedHere = !isLinked && !current.mayHaveBeenSent
                current.outcome = startedHere ? .nothing : .delete
            case (.read, .delete):
                current.outcome = .delete
            case (.read, _):
                current.outcome = .save
                current.onlyIfMissing = action == .ensure
            default:
                if action != .ensure { current.onlyIfMissing = false }
            }
            current.add(job, payload)
            fold = current
        }
        if isLinked { fold?.yield() }
        return fold
    }

    private func accepts(_ job: SyncJob) -> Bool {
        guard outcome != .read, job.action != .refetch else { return true }
        // A fold that was refused is taken apart, so that each job answers for itself.
        guard job.kind == kind, job.failures == 0, head?.record.failures == 0 else { return false }
        return switch outcome {
        case .delete, .nothing, .read: job.action == .delete
        case .save: job.action == .delete || Set(job.needs).isSubset(of: jobs.flatMap(\.record.needs))
        }
    }

    /// Leaves out what only served to make a record: there is one.
    mutating func yield() {
        words = words.filter { $0.value.yields != true }
    }

    /// Notes that the record may have been made before by a job that a person gave up.
    mutating func doubt() {
        for place in jobs.indices { jobs[place].record.mayHaveBeenSent = true }
    }

    private mutating func add(_ job: Row<SyncJob>, _ payload: JobPayload) {
        jobs.append(job)
        if job.record.action == .refetch {
            reads = true
            for (name, word) in payload.words { superseded[name, default: []].append(word.value) }
            return
        }
        for (name, word) in payload.said(by: job).words {
            if let earlier = words[name] {
                if word.yields == true && earlier.yields != true { continue }
                if word.yields == earlier.yields, !word.isLater(than: earlier) { continue }
                superseded[name, default: []].append(earlier.value)
            }
            words[name] = word
        }
        for relation in payload.relations where !relations.contains(relation) { relations.append(relation) }
        for record in payload.related where !related.contains(where: { $0.kind == record.kind && $0.id == record.id }) {
            related.append(record)
        }
        occurredAt = [occurredAt, job.record.occurredAt].compactMap(\.self).max()
    }
}

extension JobPayload {
    /// The payload of a job, with the job's number and time in the words that it said itself.
    func said(by job: Row<SyncJob>) -> JobPayload {
        // A host's clock that runs ahead must not silence what it says later.
        let at = job.record.occurredAt.map { min($0, job.record.enqueuedAt).milliseconds } ?? 0
        let delay = job.record.occurredAt.map { job.record.enqueuedAt.duration(since: $0) } ?? .zero
        var payload = self
        payload.words = words.mapValues { word in
            guard word.job == 0 else { return word }
            return HostWord(
                value: word.value,
                job: job.created,
                at: at,
                yields: job.record.action == .ensure ? true : word.yields,
                isLate: delay > .seconds(1) ? true : nil
            )
        }
        return payload
    }
}
