// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// What a record of a kind may hold, for the rules to write and to read back.
///
/// The values are ones that the platform stores unchanged. Samples of different numbers differ in their natural keys
/// and in at least one text.
public struct RecordSample: Sendable {
    /// The fields of a new record, by the platform's names.
    public var fields: [FieldName: FieldValue]
    /// Other values of some of these fields, for an edit.
    public var change: [FieldName: FieldValue]
    /// One of the fields that may be emptied; nil: none.
    public var clearable: FieldName?
    /// Values that the platform refuses; empty: none are known.
    public var refused: [FieldName: FieldValue]
    /// The relations that a record has, by the kind of the other record.
    public var relations: [RelationRole: RecordKind]

    /// Creates a sample.
    ///
    /// - Parameters:
    ///   - fields: The fields of a new record.
    ///   - change: Other values of some of these fields.
    ///   - clearable: One of the fields that may be emptied.
    ///   - refused: Values that the platform refuses.
    ///   - relations: The relations that a record has.
    public init(
        fields: [FieldName: FieldValue],
        change: [FieldName: FieldValue],
        clearable: FieldName? = nil,
        refused: [FieldName: FieldValue] = [:],
        relations: [RelationRole: RecordKind] = [:]
    ) {
        self.fields = fields
        self.change = change
        self.clearable = clearable
        self.refused = refused
        self.relations = relations
    }
}
