// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What the library did, to what, and how it ended.
public struct SyncLogEntry: Hashable, Sendable {
    /// When, by the wall clock.
    public var date: Date
    /// What happened.
    public var kind: IntegrationEvent.Kind
    /// The integration's id.
    public var integration: String
    /// The kind of record.
    public var recordKind: RecordKind?
    /// The host's record.
    public var record: HostReference?
    /// The platform's record.
    public var remote: RemoteID?
    /// The host's event.
    public var event: String?
    /// What happened, in words.
    public var message: String
    /// What went wrong.
    public var error: IntegrationError?

    /// Creates an entry.
    ///
    /// Hosts receive entries; this is for previews and tests.
    ///
    /// - Parameters:
    ///   - date: When.
    ///   - kind: What happened.
    ///   - integration: The integration's id.
    ///   - recordKind: The kind of record.
    ///   - record: The host's record.
    ///   - remote: The platform's record.
    ///   - event: The host's event.
    ///   - message: What happened, in words.
    ///   - error: What went wrong.
    public init(
        date: Date,
        kind: IntegrationEvent.Kind,
        integration: String,
        recordKind: RecordKind? = nil,
        record: HostReference? = nil,
        remote: RemoteID? = nil,
        event: String? = nil,
        message: String,
        error: IntegrationError? = nil
    ) {
        self.date = date
        self.kind = kind
        self.integration = integration
        self.recordKind = recordKind
        self.record = record
        self.remote = remote
        self.event = event
        self.message = message
        self.error = error
    }
}

/// A job that waits for a person, or for another job that does.
public struct DeadLetter: Hashable, Sendable, Identifiable {
    /// The job's id.
    public var id: String
    /// The integration's id.
    public var integration: String
    /// The host's event; nil for work that the library found itself.
    public var event: String?
    /// The host's record.
    public var record: HostReference?
    /// The kind of record.
    public var kind: RecordKind
    /// Since when.
    public var since: Date
    /// What happened and what to do.
    public var reason: IntegrationError
    /// The platform's records to choose from, if that is the question.
    public var candidates: [RemoteID]

    /// Creates a dead letter.
    ///
    /// Hosts receive them; this is for previews and tests.
    ///
    /// - Parameters:
    ///   - id: The job's id.
    ///   - integration: The integration's id.
    ///   - event: The host's event.
    ///   - record: The host's record.
    ///   - kind: The kind of record.
    ///   - since: Since when.
    ///   - reason: What happened and what to do.
    ///   - candidates: The platform's records to choose from.
    public init(
        id: String,
        integration: String,
        event: String?,
        record: HostReference?,
        kind: RecordKind,
        since: Date,
        reason: IntegrationError,
        candidates: [RemoteID]
    ) {
        self.id = id
        self.integration = integration
        self.event = event
        self.record = record
        self.kind = kind
        self.since = since
        self.reason = reason
        self.candidates = candidates
    }
}

/// Why an event or a record is as it is: its jobs' states and its log.
public struct SyncExplanation: Hashable, Sendable, CustomStringConvertible {
    /// What is the matter, in words, one sentence per job or fact.
    public var sentences: [String]
    /// The log entries about it, oldest first.
    public var entries: [SyncLogEntry]

    /// Creates an explanation.
    ///
    /// - Parameters:
    ///   - sentences: What is the matter.
    ///   - entries: The log entries about it.
    public init(sentences: [String], entries: [SyncLogEntry]) {
        self.sentences = sentences
        self.entries = entries
    }

    /// The sentences, a line each.
    public var description: String { sentences.joined(separator: "\n") }
}

/// How much is queued, sent and blocked in an integration, and how often each thing happened.
public struct IntegrationStatistics: Hashable, Sendable {
    /// Jobs that wait for their turn.
    public var queued: Int
    /// Jobs whose outcome is not known.
    public var sent: Int
    /// Jobs that wait for a person.
    public var blocked: Int
    /// What happened within the time that logs are kept, by kind of record.
    public var counts: [RecordKind: [IntegrationEvent.Kind: Int]]

    /// Creates statistics.
    ///
    /// Hosts receive them; this is for previews and tests.
    ///
    /// - Parameters:
    ///   - queued: Jobs that wait for their turn.
    ///   - sent: Jobs whose outcome is not known.
    ///   - blocked: Jobs that wait for a person.
    ///   - counts: What happened, by kind of record.
    public init(queued: Int, sent: Int, blocked: Int, counts: [RecordKind: [IntegrationEvent.Kind: Int]]) {
        self.queued = queued
        self.sent = sent
        self.blocked = blocked
        self.counts = counts
    }
}
