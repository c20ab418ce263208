// SPDX-License-Identifier: Apache-2.0

/// The parameters of a stored transform.
struct TransformParameters {
    private let transform: FieldTransform

    init(_ transform: FieldTransform) {
        self.transform = transform
    }

    subscript(key: String) -> JSONValue? { transform.parameters[key] }

    func text(_ key: String) throws(TransformFailure) -> String {
        guard let text = self[key]?.string, !text.isEmpty else { throw invalid(key) }
        return text
    }

    func optionalText(_ key: String) throws(TransformFailure) -> String? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let text = value.string else { throw invalid(key) }
        return text
    }

    func texts(_ key: String) throws(TransformFailure) -> [String: String] {
        guard let object = self[key]?.object, object.count > 0 else { throw invalid(key) }
        var table: [String: String] = [:]
        for member in object.members {
            guard let text = member.value.string else { throw invalid(key) }
            table[member.key] = text
        }
        return table
    }

    func invalid(_ key: String) -> TransformFailure {
        TransformFailure(
            "The step \(transform.name) has no valid \(key).",
            remedy: LocalizedText(
                "Correct \(key) of the step \(transform.name) in the mapping.",
                fr: "Corrigez \(key) de l’étape \(transform.name) dans le mappage."
            )
        )
    }
}
