// SPDX-License-Identifier: Apache-2.0
import Foundation

extension FieldMapping {
    /// Checks that the mapping can work: its own logic, and each rule against the platform's fields.
    ///
    /// - Parameter descriptions: The platform's fields as the account has them; nil checks the mapping by itself.
    /// - Throws: One ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` that names every bad field,
    ///   what to do, and the nearest names where a field does not exist.
    public func validate(against descriptions: [FieldDescription]? = nil) throws {
        var problems = rules.compactMap(problemInItself) + doubled()
        if let descriptions {
            problems += rules.flatMap { problemsAgainst(descriptions, of: $0) }
        }
        guard problems.isEmpty else { throw IntegrationError(problems, of: self, concerns: .kind) }
    }

    private func problemInItself(_ rule: FieldRule) -> MappingProblem? {
        guard !rule.host.rawValue.isEmpty, !rule.remote.rawValue.isEmpty else {
            return problem(
                rule,
                "A field has no name.",
                LocalizedText("Choose a field on both sides.", fr: "Choisissez un champ des deux côtés.")
            )
        }
        do throws(TransformFailure) {
            for transform in rule.transforms { _ = try BuiltInTransform(transform) }
            return nil
        } catch {
            return MappingProblem(rule, error)
        }
    }

    /// Two rules on one field would overwrite each other at every exchange.
    private func doubled() -> [MappingProblem] {
        var remotes: Set<FieldName> = []
        var hosts: Set<FieldName> = []
        return rules.compactMap { rule in
            if !remotes.insert(rule.remote).inserted {
                return problem(
                    rule,
                    "Two rules name the platform's field \(rule.remote.rawValue).",
                    LocalizedText(
                        "Keep one rule for \(rule.remote.rawValue).",
                        fr: "Gardez une seule règle pour \(rule.remote.rawValue)."
                    )
                )
            }
            guard rule.isInbound, !hosts.insert(rule.host).inserted else { return nil }
            return problem(
                rule,
                "Two rules bring values to the host's field \(rule.host.rawValue).",
                LocalizedText(
                    "Let one rule for \(rule.host.rawValue) go both ways and the others to the platform alone.",
                    fr: "Pour \(rule.host.rawValue), gardez une seule règle dans les deux sens ; "
                        + "les autres vont vers la plateforme seulement."
                )
            )
        }
    }

    private func problemsAgainst(_ descriptions: [FieldDescription], of rule: FieldRule) -> [MappingProblem] {
        guard let description = descriptions.first(where: { $0.name == rule.remote }) else {
            let names = nearest(to: rule.remote, in: descriptions).map(\.rawValue).joined(separator: ", ")
            return [
                problem(
                    rule,
                    "The platform has no field \(rule.remote.rawValue)."
                        + (names.isEmpty ? "" : " The nearest: \(names)."),
                    LocalizedText(
                        names.isEmpty ? "Choose another field." : "Choose another field, such as \(names).",
                        fr: names.isEmpty
                            ? "Choisissez un autre champ." : "Choisissez un autre champ, par exemple \(names)."
                    )
                )
            ]
        }
        guard rule.isOutbound else { return [] }
        guard description.isWritable else {
            return [
                problem(
                    rule,
                    "The platform's field \(rule.remote.rawValue) can only be read.",
                    LocalizedText(
                        "Let the rule go from the platform alone, or choose another field.",
                        fr: "Limitez la règle au sens depuis la plateforme, ou choisissez un autre champ."
                    )
                )
            ]
        }
        return [problemWithType(rule, description), problemWithOptions(rule, description)].compactMap { $0 }
    }

    private func problemWithType(_ rule: FieldRule, _ description: FieldDescription) -> MappingProblem? {
        let compiled = CompiledRule(rule)
        var values: [FieldValue] = []
        do throws(TransformFailure) {
            let steps = try rule.transforms.map { transform throws(TransformFailure) in
                try BuiltInTransform(transform)
            }
            if let example = steps.last(where: { $0.example != nil })?.example { values.append(example) }
            if let fallback = rule.fallback {
                values.append(try compiled.outward(fallback, context: MappingContext(currency: "EUR")))
            }
        } catch {
            return rule.transforms.contains(where: { (try? BuiltInTransform($0)) == nil })
                ? nil : MappingProblem(rule, error)
        }
        guard !values.allSatisfy(description.type.accepts) else { return nil }
        return problem(
            rule,
            "The platform's field \(rule.remote.rawValue) is of the type \(description.type.rawValue).",
            LocalizedText(
                "Choose a field of another type, or change the steps and the fallback of the rule.",
                fr: "Choisissez un champ d’un autre type, ou modifiez les étapes et la valeur de repli de la règle."
            )
        )
    }

    private func problemWithOptions(_ rule: FieldRule, _ description: FieldDescription) -> MappingProblem? {
        guard !description.options.isEmpty, [.option, .options].contains(description.type) else { return nil }
        let known = Set(description.options.map(\.value))
        var sent: [String] = []
        if let last = rule.transforms.last, let options = (try? BuiltInTransform(last))?.allowedOptions {
            sent = options
        }
        if let fallback = rule.fallback,
            let value = try? CompiledRule(rule).outward(fallback, context: MappingContext(currency: "EUR"))
        {
            sent += value.optionValues
        }
        let unknown = Set(sent).subtracting(known).sorted()
        guard !unknown.isEmpty else { return nil }
        let allowed = description.options.map(\.value).prefix(30).joined(separator: ", ")
        let missing = unknown.joined(separator: ", ")
        return problem(
            rule,
            "The platform's field \(rule.remote.rawValue) has no option \(missing); it has \(allowed).",
            LocalizedText(
                "Replace \(missing) by one of \(allowed).",
                fr: "Remplacez \(missing) par l’une de ces valeurs : \(allowed)."
            )
        )
    }

    private func problem(_ rule: FieldRule, _ message: String, _ remedy: LocalizedText) -> MappingProblem {
        MappingProblem(host: rule.host, remote: rule.remote, message: message, remedy: remedy)
    }

    /// Returns up to three names that a person may have meant, by spelling or by label.
    private func nearest(to name: FieldName, in descriptions: [FieldDescription]) -> [FieldName] {
        let sought = Self.plain(name.rawValue)
        let ranked = descriptions.map { description in
            let texts = [Self.plain(description.name.rawValue), Self.plain(description.label)]
            let distance = texts.map { text in
                let isPart = min(text.count, sought.count) >= 3 && (text.contains(sought) || sought.contains(text))
                return isPart ? 1 : Self.distance(text, sought)
            }
            return (name: description.name, distance: distance.min() ?? .max)
        }
        let limit = max(2, sought.count / 3)
        return ranked.filter { $0.distance <= limit }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3).map(\.name)
    }

    private static func plain(_ text: String) -> [Character] {
        text.folding(options: [.diacriticInsensitive, .caseInsensitive], locale: nil)
            .filter { $0.isLetter || $0.isNumber }
            .map { $0 }
    }

    /// Counts the insertions, removals and replacements that turn one text into the other.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}

extension FieldDescription.ValueType {
    /// Whether a field of the type takes a value of this form; types that this version does not know take all.
    func accepts(_ value: FieldValue) -> Bool {
        switch (self, value) {
        case (_, .empty): true
        case (.text, .labelled), (.text, .text), (.text, .number), (.text, .flag), (.text, .day), (.text, .seconds):
            true
        case (.text, .options(let values)): values.count == 1
        case (.text, _): false
        case (.flag, .flag): true
        case (.number, .number), (.number, .seconds): true
        case (.money, .money), (.money, .number): true
        case (.day, .day): true
        case (.instant, .instant): true
        case (.seconds, .seconds), (.seconds, .number): true
        case (.option, .text): true
        case (.option, .options(let values)): values.count == 1
        case (.options, .text), (.options, .options): true
        case (.record, .record), (.record, .text): true
        case (.flag, _), (.number, _), (.money, _), (.day, _), (.instant, _), (.seconds, _), (.option, _),
            (.options, _), (.record, _):
            false
        default: true
        }
    }
}

extension FieldValue {
    fileprivate var optionValues: [String] {
        switch self {
        case .text(let value): [value]
        case .options(let values): values
        default: []
        }
    }
}
