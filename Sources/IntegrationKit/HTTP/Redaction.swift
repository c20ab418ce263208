// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Takes secrets out of traffic by the names they go under.
///
/// In doubt it takes out more.
enum Redaction {
    static let placeholder = "REDACTED"

    private static let parts = [
        "token", "secret", "password", "passwd", "signature", "hmac", "hapikey", "apikey", "assertion", "authorization",
        "cookie", "credential", "privatekey", "consumerkey", "oauth", "sessionid", "jwt",
    ]
    /// Names that hide a secret in a query or form, where JSON uses them for harmless things.
    private static let queryNames: Set<String> = ["code", "sig", "key", "state", "auth", "pass", "pwd"]

    static func isSecret(_ name: String, inQuery: Bool = false) -> Bool {
        let folded = name.lowercased().filter { $0.isLetter || $0.isNumber }
        return parts.contains { folded.contains($0) } || (inQuery && queryNames.contains(folded))
    }

    /// The address without user, password, secret query values, and without what follows a path segment named so.
    static func url(_ url: URL) -> String {
        guard var components = URLComponents(url: url, resolvingAgainstBaseURL: false) else { return placeholder }
        components.user = nil
        components.password = nil
        components.fragment = nil
        components.percentEncodedQueryItems = components.percentEncodedQueryItems?.map { item in
            let name = item.name.removingPercentEncoding ?? item.name
            return isSecret(name, inQuery: true) ? URLQueryItem(name: item.name, value: placeholder) : item
        }
        var isAfterSecret = false
        let segments = components.percentEncodedPath.split(separator: "/", omittingEmptySubsequences: false)
        components.percentEncodedPath = segments.map { segment in
            defer { isAfterSecret = isSecret(String(segment)) }
            return isAfterSecret && !segment.isEmpty ? placeholder : String(segment)
        }.joined(separator: "/")
        return components.string ?? placeholder
    }

    static func json(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements):
            return .array(elements.map(json))
        case .object(let object):
            return .object(
                JSONObject(
                    object.members.map { member in
                        let isHidden = isSecret(member.key) && !member.value.isNull
                        return JSONObject.Member(member.key, isHidden ? .string(placeholder) : json(member.value))
                    }
                )
            )
        case .null, .bool, .number, .string:
            return value
        }
    }

    /// A form's text with its secret values replaced.
    static func form(_ text: String) -> String {
        text.split(separator: "&", omittingEmptySubsequences: false).map { pair in
            guard let equals = pair.firstIndex(of: "=") else { return String(pair) }
            let name = String(pair[..<equals])
            let plain = name.replacing("+", with: " ").removingPercentEncoding ?? name
            return isSecret(plain, inQuery: true) ? "\(name)=\(placeholder)" : String(pair)
        }.joined(separator: "&")
    }

    /// Another text; nil where it speaks of something secret, since what it says about it cannot be told apart.
    static func plain(_ text: String) -> String? {
        isSecret(text) ? nil : text
    }
}
