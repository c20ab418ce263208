// SPDX-License-Identifier: Apache-2.0

/// Why a value cannot take a step; it names neither the field, which the mapper knows, nor the value.
struct TransformFailure: Error, Hashable {
    var message: String
    var remedy: LocalizedText

    init(_ message: String, remedy: LocalizedText) {
        self.message = message
        self.remedy = remedy
    }

    static func wrongForm(_ step: String, expects form: String, formInFrench: String) -> TransformFailure {
        TransformFailure(
            "The step \(step) expects \(form).",
            remedy: LocalizedText(
                "Send \(form), or take the step \(step) out of the mapping.",
                fr: "Envoyez \(formInFrench), ou retirez l’étape \(step) du mappage."
            )
        )
    }
}
