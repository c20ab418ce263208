// SPDX-License-Identifier: Apache-2.0

/// Why a field cannot be carried over, and what a person can do about it.
///
/// It holds no content of a record.
public struct MappingProblem: Hashable, Sendable {
    /// The host's field.
    public var host: FieldName
    /// The platform's field.
    public var remote: FieldName
    /// What is wrong, for a developer or a log.
    public var message: String
    /// What a person can do about it.
    public var remedy: LocalizedText

    /// Creates a problem.
    ///
    /// - Parameters:
    ///   - host: The host's field.
    ///   - remote: The platform's field.
    ///   - message: What is wrong.
    ///   - remedy: What a person can do about it.
    public init(host: FieldName, remote: FieldName, message: String, remedy: LocalizedText) {
        self.host = host
        self.remote = remote
        self.message = message
        self.remedy = remedy
    }

    init(_ rule: FieldRule, _ failure: TransformFailure) {
        self.init(host: rule.host, remote: rule.remote, message: failure.message, remedy: failure.remedy)
    }
}

extension IntegrationError {
    /// Puts problems of several fields into one error that names each field with its remedy.
    init(_ problems: [MappingProblem], of mapping: FieldMapping, concerns: Concern) {
        let remedies = { (language: String, rule: (MappingProblem) -> String) in
            problems.map { "\(rule($0)): \($0.remedy.text(in: language))" }.joined(separator: " ")
        }
        let name = { (problem: MappingProblem) in "\(problem.host.rawValue) → \(problem.remote.rawValue)" }
        self.init(
            .invalidInput,
            "The mapping \(mapping.hostKind) → \(mapping.kind.rawValue) does not hold: "
                + problems.map { "\(name($0)): \($0.message)" }.joined(separator: " "),
            remedy: LocalizedText(remedies("en", name), fr: remedies("fr", name)),
            retry: .afterSetup,
            concerns: concerns,
            context: Context(fields: problems.map(\.host.rawValue))
        )
    }
}
