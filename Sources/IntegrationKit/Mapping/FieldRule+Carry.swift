// SPDX-License-Identifier: Apache-2.0

extension FieldRule {
    /// Names the pair of values that the rule keeps equal: the same in every process and version.
    ///
    /// What two sides agreed on is remembered per rule. A rule with other fields or other steps compares other values
    /// and is another rule; direction, fallback and necessity change nothing about what is equal to what.
    public var id: UInt32 {
        let steps = transforms.map { step in
            CanonicalText.joined([step.name, CanonicalText.json(.object(JSONObject(step.parameters)))])
        }
        return CanonicalText.hash(CanonicalText.joined([host.rawValue, remote.rawValue] + steps))
    }
}

/// A rule made ready to carry many values: its steps are read once.
struct CompiledRule: Sendable {
    /// The rule.
    let rule: FieldRule
    /// The rule's id.
    let id: UInt32
    private let steps: Result<[(name: String, step: BuiltInTransform)], TransformFailure>

    /// Reads the steps of a rule; one that cannot be read fails each value, with its own reason.
    init(_ rule: FieldRule) {
        self.rule = rule
        id = rule.id
        steps = Result { () throws(TransformFailure) in
            try rule.transforms.map { transform throws(TransformFailure) in
                (transform.name, try BuiltInTransform(transform))
            }
        }
    }

    /// Carries a value of the host through the steps to the platform's form.
    func outward(_ value: FieldValue, context: MappingContext) throws(TransformFailure) -> FieldValue {
        var value = value
        for (name, step) in try steps.get() where !value.isEquivalent(to: .empty) {
            value = try step.apply(value, name: name, context: context)
        }
        return value
    }

    /// Carries a value of the platform back through the steps to the host's form.
    func homeward(_ value: FieldValue, context: MappingContext) throws(TransformFailure) -> FieldValue {
        var value = value
        for (name, step) in try steps.get().reversed() where !value.isEquivalent(to: .empty) {
            value = try step.revert(value, name: name, context: context)
        }
        return value
    }
}
