// SPDX-License-Identifier: Apache-2.0

/// What a mapping would do to sample records, rule by rule and both ways; nothing is sent.
///
/// A mapping editor shows it beside the rules, so that a mistake is seen before the first record travels.
public struct MappingPreview: Hashable, Sendable {
    /// What one rule does to one sample.
    public struct Line: Hashable, Sendable {
        /// The rule.
        public var rule: FieldRule
        /// The host's value: the sample outbound, the result inbound; nil if there is none.
        public var hostValue: FieldValue?
        /// The platform's value: the result outbound, the sample inbound; nil if there is none.
        public var remoteValue: FieldValue?
        /// What the far side's value becomes when it travels back; nil if it does not.
        public var returnedValue: FieldValue?
        /// What is wrong; empty if the value can be carried.
        public var problems: [MappingProblem]

        /// Creates a line.
        ///
        /// - Parameters:
        ///   - rule: The rule.
        ///   - hostValue: The host's value.
        ///   - remoteValue: The platform's value.
        ///   - returnedValue: What the far side's value becomes when it travels back.
        ///   - problems: What is wrong.
        public init(
            rule: FieldRule,
            hostValue: FieldValue? = nil,
            remoteValue: FieldValue? = nil,
            returnedValue: FieldValue? = nil,
            problems: [MappingProblem] = []
        ) {
            self.rule = rule
            self.hostValue = hostValue
            self.remoteValue = remoteValue
            self.returnedValue = returnedValue
            self.problems = problems
        }
    }

    /// What would be sent of the host's sample, one line per outbound rule.
    public var outbound: [Line]
    /// What would be brought home of the platform's sample, one line per inbound rule.
    public var inbound: [Line]

    /// Previews a mapping.
    ///
    /// - Parameters:
    ///   - mapping: The mapping.
    ///   - host: The host's sample, as for a record that is made; nil: no outbound lines.
    ///   - remote: The platform's sample; nil: no inbound lines.
    ///   - context: The account's time zone and currency.
    public init(
        of mapping: FieldMapping,
        host: [FieldName: FieldValue]? = nil,
        remote: [FieldName: FieldValue]? = nil,
        context: MappingContext = MappingContext()
    ) {
        outbound = mapping.rules.filter { $0.isOutbound && host != nil }.map { rule in
            let mapper = FieldMapper(mapping: mapping.with(rule), context: context)
            let sent = mapper.tryOutbound(host ?? [:], creating: true)
            let value = sent.mapped[rule.remote]
            let back = mapper.inbound(value.map { [rule.remote: $0.value] } ?? [:])
            return Line(
                rule: rule,
                hostValue: value?.source ?? host?[rule.host],
                remoteValue: value?.value,
                returnedValue: back.mapped[rule.host]?.value,
                problems: sent.problems + back.problems
            )
        }
        inbound = mapping.rules.filter { $0.isInbound && remote != nil }.map { rule in
            let mapper = FieldMapper(mapping: mapping.with(rule), context: context)
            let brought = mapper.inbound(remote ?? [:])
            let value = brought.mapped[rule.host]
            let back = mapper.tryOutbound(value.map { [rule.host: $0.value] } ?? [:], creating: false)
            return Line(
                rule: rule,
                hostValue: value?.value,
                remoteValue: remote?[rule.remote],
                returnedValue: back.mapped[rule.remote]?.value,
                problems: brought.problems + back.problems
            )
        }
    }
}

extension FieldMapping {
    fileprivate func with(_ rule: FieldRule) -> FieldMapping {
        FieldMapping(hostKind: hostKind, kind: kind, rules: [rule])
    }
}
