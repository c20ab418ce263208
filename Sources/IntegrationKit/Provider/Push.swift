// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// One change that the engine wants on the platform; frozen once it is sent.
///
/// A later change of the same record is a new write behind it.
public struct RecordWrite: Hashable, Codable, Sendable, Identifiable {
    /// What is to be done.
    public enum Operation: String, Codable, Sendable {
        /// Make the record.
        case create
        /// Change the record named by `target`.
        case update
        /// Delete the record named by `target`, in the form that can be undone where there is one.
        case delete
    }

    /// Names this write and all repeats of it: the idempotency key.
    public var id: UUID
    /// What is to be done.
    public var operation: Operation
    /// The kind.
    public var kind: RecordKind
    /// The record to change or delete; nil for a create.
    public var target: RemoteID?
    /// Our key of the host's record: `ik` and 52 characters of `[a-z2-7]`.
    public var externalKey: String
    /// The values of the kind's natural keys, such as the e-mail address.
    public var naturalKeys: [FieldName: FieldValue]
    /// All mapped fields, by the platform's names.
    public var fields: [FieldName: FieldValue]
    /// The fields that are to change; for a create all of them.
    public var changed: Set<FieldName>
    /// The fields as read just before; empty if the engine did not look.
    public var base: [FieldName: FieldValue]
    /// The platform's version as read just before.
    public var baseVersion: String?
    /// The relations to make, resolved to records of the platform.
    public var relations: [Relation]
    /// Whether the host agreed that the write may send mail to people.
    public var mayNotifyPeople: Bool
    /// When the write was first sent, by the store's clock; nil before.
    public var firstSentAt: Date?
    /// What ``WriteOutcome/pending(_:made:after:)`` handed back.
    public var state: JSONValue?

    /// Creates a write.
    ///
    /// - Parameters:
    ///   - id: Names this write and all repeats of it.
    ///   - operation: What is to be done.
    ///   - kind: The kind.
    ///   - target: The record to change or delete.
    ///   - externalKey: Our key of the host's record.
    ///   - naturalKeys: The values of the kind's natural keys.
    ///   - fields: All mapped fields, by the platform's names.
    ///   - changed: The fields that are to change; nil: all.
    ///   - base: The fields as read just before.
    ///   - baseVersion: The platform's version as read just before.
    ///   - relations: The relations to make.
    ///   - mayNotifyPeople: Whether the write may send mail to people.
    ///   - firstSentAt: When the write was first sent.
    ///   - state: What a pending outcome handed back.
    public init(
        id: UUID,
        operation: Operation,
        kind: RecordKind,
        target: RemoteID? = nil,
        externalKey: String,
        naturalKeys: [FieldName: FieldValue] = [:],
        fields: [FieldName: FieldValue] = [:],
        changed: Set<FieldName>? = nil,
        base: [FieldName: FieldValue] = [:],
        baseVersion: String? = nil,
        relations: [Relation] = [],
        mayNotifyPeople: Bool = false,
        firstSentAt: Date? = nil,
        state: JSONValue? = nil
    ) {
        self.id = id
        self.operation = operation
        self.kind = kind
        self.target = target
        self.externalKey = externalKey
        self.naturalKeys = naturalKeys
        self.fields = fields
        self.changed = changed ?? Set(fields.keys)
        self.base = base
        self.baseVersion = baseVersion
        self.relations = relations
        self.mayNotifyPeople = mayNotifyPeople
        self.firstSentAt = firstSentAt
        self.state = state
    }

    /// The fields that are to change, with their values.
    public var changedFields: [FieldName: FieldValue] {
        fields.filter { changed.contains($0.key) }
    }
}

/// Writes that leave in one outward call.
public struct WriteBatch: Sendable {
    /// The writes.
    ///
    /// Equal writes give equal bytes.
    public var writes: [RecordWrite]
    /// What the call spends of the platform's budgets.
    public var spend: [Spend]
    /// What the batch's creates can promise if the answer is lost; updates and deletes by id repeat freely.
    public var safety: CreateSafety
    /// What the batch must hold alone, such as `email:ada@example.fr`: no two batches in flight share a name.
    public var exclusive: Set<String>

    /// Creates a batch.
    ///
    /// - Parameters:
    ///   - writes: The writes.
    ///   - spend: What the call spends.
    ///   - safety: What the batch's creates can promise.
    ///   - exclusive: What the batch must hold alone.
    public init(writes: [RecordWrite], spend: [Spend] = [], safety: CreateSafety, exclusive: Set<String> = []) {
        self.writes = writes
        self.spend = spend
        self.safety = safety
        self.exclusive = exclusive
    }
}

/// What a create whose answer was lost can promise.
public enum CreateSafety: Codable, Hashable, Sendable {
    /// The platform refuses or merges the second one: the same write may go again, for a time or (nil) for ever.
    case keyed(for: Duration?)
    /// A consistent look-up by key finds what was made.
    case found
    /// A look-up finds our marker in the record's text.
    case marked
    /// There is no certain way; a lost answer waits for a person.
    case uncertain
}

/// What became of one write.
public enum WriteOutcome: Sendable {
    /// Done; the fields as stored, if the platform told. Another id than the target's makes the link follow.
    case applied(RemoteRecord)
    /// Refused because these records hold the key. The engine links, updates or refuses, by its policy.
    case exists([RemoteID])
    /// The record was merged or converted into these.
    case moved([RemoteID])
    /// The record is not there any more.
    case gone
    /// Accepted as a job, or one of several steps is done: push the write again with this state, not before `after`.
    case pending(JSONValue, made: RemoteRecord?, after: Duration)
    /// Surely without effect: throttled, rolled back, the whole batch refused. Again, smaller or alone.
    case notAttempted(IntegrationError)
    /// The platform refused this record.
    case refused(IntegrationError)
    /// An effect is possible; nobody can say.
    case unknown(IntegrationError)
}

/// What a look-up by all keys of a write found.
public enum LookupResult: Sendable {
    /// One record; whether it carries our external key or only a natural key.
    case found(RemoteRecord, byExternalKey: Bool)
    /// Several records; only a person can choose.
    case several([RemoteID])
    /// None, read from the primary store or after its lag was waited out.
    case absent
    /// Too early to say; ask again after this duration.
    case tooEarly(Duration)
    /// The platform gives no way to say, for this reason.
    case undecidable(String)
}
