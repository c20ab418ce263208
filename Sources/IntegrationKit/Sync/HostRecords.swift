// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The host's own records, as the engine reads and changes them.
///
/// A host that only pushes needs none: its coordinator is created without.
public protocol HostRecords: Sendable {
    /// Returns the records as they are now. An absent reference is a record that is not there.
    ///
    /// - Parameter records: The records.
    /// - Returns: The records that are there.
    /// - Throws: Anything; the engine tries again later.
    func current(_ records: [HostReference]) async throws -> [HostReference: HostRecord]

    /// Carries changes made on a platform into the host's records.
    ///
    /// Idempotent by integration, remote id and version: the same change may come again after a crash. A create that
    /// comes again, of whatever version, sets the fields of the record made the first time and returns it. An update that
    /// comes again after the record was changed is a new one. Where ``InboundChange/expecting`` is given and the
    /// record's revision is another one, the answer is ``InboundOutcome/stale``.
    ///
    /// - Parameter changes: The changes, one per record.
    /// - Returns: One answer per change, in order.
    /// - Throws: Anything; nothing of the call is then taken as done and all of it comes again.
    func apply(_ changes: [InboundChange]) async throws -> [InboundOutcome]
}

/// A record of the host as it is now.
public struct HostRecord: Hashable, Sendable {
    /// The fields, by the host's names.
    public var fields: [FieldName: FieldValue]
    /// Names the state that `fields` show; nil if the host keeps none.
    public var revision: String?

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - fields: The fields.
    ///   - revision: Names the state that they show.
    public init(fields: [FieldName: FieldValue], revision: String? = nil) {
        self.fields = fields
        self.revision = revision
    }
}

/// A change made on a platform, for the host's records.
public struct InboundChange: Sendable {
    /// What to do.
    public enum Action: Sendable {
        /// Make a record; `host` proposes its id.
        case create
        /// Change the fields.
        case update
        /// Delete the record.
        case delete
        /// The platform merged the record into the partner of another one.
        case merge(into: HostReference)
        /// A person asked for their data or its deletion.
        case privacy(PrivacyRequest)
    }

    /// The integration that the change came through.
    public var integration: String
    /// What to do.
    public var action: Action
    /// The record on the platform.
    public var remote: RemoteID
    /// The platform's version of it.
    public var version: String?
    /// The host's record; for a create the kind and a proposed id, nil for a privacy request about nobody known.
    public var host: HostReference?
    /// The revision of the host's record that the merge saw; nil: any.
    public var expecting: String?
    /// The changed fields, by the host's names; absent = unchanged.
    public var fields: [FieldName: FieldValue]

    /// Creates a change.
    ///
    /// - Parameters:
    ///   - integration: The integration that the change came through.
    ///   - action: What to do.
    ///   - remote: The record on the platform.
    ///   - version: The platform's version of it.
    ///   - host: The host's record.
    ///   - expecting: The revision that the merge saw.
    ///   - fields: The changed fields.
    public init(
        integration: String,
        action: Action,
        remote: RemoteID,
        version: String? = nil,
        host: HostReference? = nil,
        expecting: String? = nil,
        fields: [FieldName: FieldValue] = [:]
    ) {
        self.integration = integration
        self.action = action
        self.remote = remote
        self.version = version
        self.host = host
        self.expecting = expecting
        self.fields = fields
    }
}

/// What the host did with an inbound change.
public enum InboundOutcome: Sendable {
    /// Done, on this record; its state afterwards where the host's rules change values, nil if as delivered.
    case applied(HostReference, stored: HostRecord?)
    /// The record changed since the merge looked at it: look again.
    case stale
    /// The host's own rules refuse the change.
    case refused(any Error)
}
