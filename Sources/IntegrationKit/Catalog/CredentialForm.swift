// SPDX-License-Identifier: Apache-2.0
import Foundation

extension PlatformDescriptor {
    /// The key of a form under which it may name its sign-in method, by ``SignInMethod/id``.
    public static let methodKey = "method"

    /// Checks a filled-in form against the platform's sign-in methods.
    ///
    /// - Parameter form: The values by the names of the fields, and perhaps the method under ``methodKey``.
    /// - Returns: The credential, its method being the one named or the first whose required fields are all there.
    /// - Throws: One ``IntegrationError`` that names every bad field and no value.
    public func validate(_ form: [String: String]) throws -> Credential {
        try signInMethod(for: form).validate(form.filter { $0.key != PlatformDescriptor.methodKey })
    }

    /// Returns the sign-in method of a filled-in form.
    ///
    /// - Parameter form: The values by the names of the fields, and perhaps the method under ``methodKey``.
    /// - Returns: The method named; else the first whose required fields are all there; else the one to offer.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` if there is no such method.
    public func signInMethod(for form: [String: String]) throws -> SignInMethod {
        let named = form[PlatformDescriptor.methodKey].map(FormField.trimmed) ?? ""
        let filled = Set(form.filter { !FormField.trimmed($0.value).isEmpty }.keys)
        let fitting = signInMethods.first { method in
            named.isEmpty
                ? method.fields.allSatisfy { !$0.isRequired || filled.contains($0.id) }
                    && filled.subtracting(method.fields.map(\.id)).isEmpty
                : method.id == named
        }
        if let method = fitting ?? (named.isEmpty ? signInMethods.first : nil) { return method }
        let known = signInMethods.map(\.id).joined(separator: ", ")
        throw IntegrationError(
            .invalidInput,
            "\(name) has no such sign-in method; it has: \(known).",
            remedy: LocalizedText("Choose one of \(known).", fr: "Choisissez parmi \(known)."),
            concerns: .account,
            context: IntegrationError.Context(platform: id.rawValue, fields: [PlatformDescriptor.methodKey])
        )
    }
}

extension SignInMethod {
    /// Checks a filled-in form and makes a credential of it.
    ///
    /// Space around a value is dropped, since people paste it along; an address is brought to `https`.
    ///
    /// - Parameter form: The values by the names of the fields.
    /// - Returns: The credential; fields left empty are not in it.
    /// - Throws: One ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` that names every bad field
    ///   and no value.
    public func validate(_ form: [String: String]) throws -> Credential {
        var values: [String: Secret] = [:]
        var faults: [FormFault] = []
        for field in fields {
            let text = FormField.trimmed(form[field.id] ?? "")
            if text.isEmpty {
                if field.isRequired { faults.append(.missing(field)) }
                continue
            }
            switch field.checked(text) {
            case .success(let value): values[field.id] = Secret(value)
            case .failure(let fault): faults.append(fault)
            }
        }
        let unknown = Set(form.keys).subtracting(fields.map(\.id)).sorted()
        faults += unknown.map { FormFault.unknown($0, known: fields.map(\.id)) }
        guard faults.isEmpty else {
            throw IntegrationError(
                .invalidInput,
                "The form is not filled in right: " + faults.map { "\($0.field) \($0.reason)" }.joined(separator: ", ")
                    + ".",
                remedy: LocalizedText(
                    faults.map { $0.remedy.text(in: "en") }.joined(separator: " "),
                    fr: faults.map { $0.remedy.text(in: "fr") }.joined(separator: " ")
                ),
                concerns: .account,
                context: IntegrationError.Context(fields: faults.map(\.field))
            )
        }
        return Credential(method: id, values: values)
    }
}

/// What is wrong with a field of a form.
private struct FormFault: Error {
    let field: String
    let reason: String
    let remedy: LocalizedText

    static func missing(_ field: FormField) -> FormFault {
        FormFault(field, "is missing", "Fill in “\(field.title("en"))”.", fr: "Renseignez « \(field.title("fr")) ».")
    }

    static func unknown(_ name: String, known: [String]) -> FormFault {
        let list = known.joined(separator: ", ")
        return FormFault(
            field: String(name.prefix(40)),
            reason: "is no field of the form",
            remedy: LocalizedText("The form has: \(list).", fr: "Le formulaire contient : \(list).")
        )
    }

    init(field: String, reason: String, remedy: LocalizedText) {
        self.field = field
        self.reason = reason
        self.remedy = remedy
    }

    init(_ field: FormField, _ reason: String, _ english: String, fr french: String) {
        let help = { (language: String) in
            let text = field.help.text(in: language)
            return text.isEmpty ? "" : " " + text
        }
        self.init(
            field: field.id,
            reason: reason,
            remedy: LocalizedText(english + help("en"), fr: french + help("fr"))
        )
    }
}

extension FormField {
    /// The most bytes that a value may have; no key or token comes near it.
    private static let most = 16_384

    /// Drops space, line ends and the invisible characters that are copied along with a token.
    static func trimmed(_ text: String) -> String {
        let invisible: Set<Unicode.Scalar> = ["\u{FEFF}", "\u{200B}", "\u{200C}", "\u{200D}", "\u{2060}"]
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace || invisible.contains(scalar) }
        let scalars = text.unicodeScalars.drop(while: isSpace)
        let tail = scalars.reversed().prefix(while: isSpace).count
        return String(String.UnicodeScalarView(scalars.dropLast(tail)))
    }

    fileprivate func title(_ language: String) -> String {
        let title = label.text(in: language)
        return title.isEmpty ? id : title
    }

    fileprivate func checked(_ text: String) -> Result<String, FormFault> {
        guard text.utf8.count <= FormField.most,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            return .failure(
                FormFault(
                    self,
                    "is too long or spans several lines",
                    "Paste “\(title("en"))” alone, on one line.",
                    fr: "Collez « \(title("fr")) » seul, sur une ligne."
                )
            )
        }
        let value: String
        switch kind {
        case .url:
            guard let url = FormField.address(text) else {
                return .failure(
                    FormFault(
                        self,
                        "is no https address",
                        "Enter “\(title("en"))” as an address that begins with https:// and holds no password.",
                        fr: "Saisissez « \(title("fr")) » comme une adresse en https://, sans mot de passe."
                    )
                )
            }
            value = url
        case .choice(let options):
            guard options.contains(where: { $0.value == text }) else {
                let list = options.map(\.value).joined(separator: ", ")
                return .failure(
                    FormFault(
                        self,
                        "is none of the choices",
                        "Choose “\(title("en"))” among: \(list).",
                        fr: "Choisissez « \(title("fr")) » parmi : \(list)."
                    )
                )
            }
            value = text
        case .text, .secret: value = text
        }
        guard matchesPattern(value) else {
            return .failure(
                FormFault(
                    self,
                    "has not the expected form",
                    "Check “\(title("en"))”\(placeholder.map { ": it looks like \($0)" } ?? "").",
                    fr: "Vérifiez « \(title("fr")) »\(placeholder.map { " : cela ressemble à \($0)" } ?? "")."
                )
            )
        }
        return .success(value)
    }

    /// A pattern that is none matches nothing: a value must never pass unchecked.
    private func matchesPattern(_ value: String) -> Bool {
        guard let pattern else { return true }
        guard let expression = try? NSRegularExpression(pattern: "^(?:\(pattern))\\z") else { return false }
        let whole = NSRange(value.startIndex..., in: value)
        return expression.firstMatch(in: value, range: whole)?.range == whole
    }

    /// Brings an address to `https://host/path`, without a slash at its end; nil if it cannot be called.
    private static func address(_ text: String) -> String? {
        let full = text.contains("://") ? text : "https://" + text
        guard var parts = URLComponents(string: full), parts.scheme?.lowercased() == "https",
            parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil,
            let host = parts.host?.lowercased(), !host.isEmpty, host.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x25 })
        else { return nil }
        parts.scheme = "https"
        parts.host = host
        while parts.path.hasSuffix("/") { parts.path.removeLast() }
        return parts.string
    }
}
