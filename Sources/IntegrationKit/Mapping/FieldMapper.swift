// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value on the far side of a rule, with where it came from.
struct MappedValue: Hashable, Sendable {
    /// The rule that carried it.
    var rule: FieldRule
    /// The rule's id.
    var ruleID: UInt32
    /// The value before the rule: the host's outbound, the platform's inbound.
    var source: FieldValue
    /// The value behind the rule.
    var value: FieldValue
    /// Whether the rule's fallback stood in for a value that nobody told.
    var isFallback = false
}

/// What became of a record's fields: the values by their names on the far side, and what could not be carried.
struct MappedFields: Hashable, Sendable {
    /// The values, each with its rule: by the platform's names outbound, by the host's inbound.
    var mapped: [FieldName: MappedValue] = [:]
    /// The fields that could not be carried.
    var problems: [MappingProblem] = []

    /// The values alone.
    var values: [FieldName: FieldValue] { mapped.mapValues(\.value) }
}

/// Carries the fields of records between a host and a platform by a mapping.
final class FieldMapper: Sendable {
    /// The mapping.
    let mapping: FieldMapping
    /// What the steps need to know of the account.
    let context: MappingContext
    /// The mapping's rules, made ready.
    let rules: [CompiledRule]
    /// The platform's fields that a read must ask for, in order: outbound ones too, since a write looks first.
    let remoteFields: [FieldName]

    /// Creates a mapper.
    init(mapping: FieldMapping, context: MappingContext = MappingContext()) {
        self.mapping = mapping
        self.context = context
        rules = mapping.rules.map(CompiledRule.init)
        remoteFields = Set(mapping.rules.map(\.remote)).sorted()
    }

    /// Carries what a host tells to the platform's names.
    ///
    /// - Parameters:
    ///   - fields: The host's fields; an absent name is not told, an empty value clears the platform's.
    ///   - creating: Whether the record is made: fallbacks and required fields count, and there is nothing to clear.
    /// - Returns: The values by the platform's names.
    /// - Throws: One ``IntegrationError`` that names every bad field with its remedy.
    func outbound(_ fields: [FieldName: FieldValue], creating: Bool) throws -> MappedFields {
        let result = tryOutbound(fields, creating: creating)
        guard result.problems.isEmpty else {
            throw IntegrationError(result.problems, of: mapping, concerns: .record)
        }
        return result
    }

    /// Carries what a host tells to the platform's names and names what could not be carried beside it.
    func tryOutbound(_ fields: [FieldName: FieldValue], creating: Bool) -> MappedFields {
        var result = MappedFields()
        for compiled in rules where compiled.rule.isOutbound {
            let rule = compiled.rule
            do throws(TransformFailure) {
                let value = try outbound(compiled, told: fields[rule.host], creating: creating)
                if let value { result.mapped[rule.remote] = value }
            } catch {
                result.problems.append(MappingProblem(rule, error))
            }
        }
        return result
    }

    /// Carries what a platform shows to the host's names; a field that cannot be carried never holds up the rest.
    ///
    /// - Parameter fields: The platform's fields; an absent name is not told.
    /// - Returns: The values by the host's names, and what could not be carried.
    func inbound(_ fields: [FieldName: FieldValue]) -> MappedFields {
        var result = MappedFields()
        for compiled in rules where compiled.rule.isInbound {
            let rule = compiled.rule
            guard let source = fields[rule.remote] else { continue }
            do throws(TransformFailure) {
                let value = try compiled.homeward(source, context: context)
                result.mapped[rule.host] = MappedValue(rule: rule, ruleID: compiled.id, source: source, value: value)
            } catch {
                result.problems.append(MappingProblem(rule, error))
            }
        }
        return result
    }

    private func outbound(
        _ compiled: CompiledRule,
        told: FieldValue?,
        creating: Bool
    ) throws(TransformFailure) -> MappedValue? {
        let rule = compiled.rule
        let isTold = told.map { !$0.isEquivalent(to: .empty) } ?? false
        let isFallback = creating && !isTold && rule.fallback != nil
        if let source = isFallback ? rule.fallback : told {
            let value = try compiled.outward(source, context: context)
            // A new record has nothing to clear.
            if !creating || !value.isEquivalent(to: .empty) {
                return MappedValue(
                    rule: rule,
                    ruleID: compiled.id,
                    source: source,
                    value: value,
                    isFallback: isFallback
                )
            }
        }
        guard creating, rule.isRequired else { return nil }
        throw TransformFailure(
            "The field is required and has no value.",
            remedy: LocalizedText(
                "Fill in \(rule.host.rawValue), or give the mapping a fallback for it.",
                fr: "Renseignez \(rule.host.rawValue), ou donnez une valeur de repli dans le mappage."
            )
        )
    }
}
