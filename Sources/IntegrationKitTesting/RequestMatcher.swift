// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// Tells whether a request is the one that a script expects.
public struct RequestMatcher: Sendable {
    /// What a request's body must be.
    public enum Body: Sendable {
        /// Anything.
        case any
        /// Nothing.
        case none
        /// This text, byte for byte.
        case text(String)
        /// JSON of this meaning; the order of keys and white space do not matter, numbers count by their text.
        case json(String)
    }

    /// What is expected, in words.
    public var description: String
    private let check: @Sendable (HTTPRequest) -> String?

    /// Creates a matcher from a function.
    ///
    /// - Parameters:
    ///   - description: What is expected, in words.
    ///   - mismatch: Says how a request differs from what is expected; nil: it does not.
    public init(_ description: String, mismatch: @escaping @Sendable (HTTPRequest) -> String?) {
        self.description = description
        check = mismatch
    }

    /// Says how a request differs from what is expected; nil if it does not.
    ///
    /// - Parameter request: The request.
    /// - Returns: The difference, in words.
    public func mismatch(_ request: HTTPRequest) -> String? {
        check(request)
    }

    /// Expects a method and an address, and what else is named.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - url: The whole address with its query.
    ///   - headers: Header fields that must be there with these values; others may be there too.
    ///   - body: What the body must be.
    /// - Returns: The matcher.
    public static func request(
        _ method: HTTPMethod,
        _ url: String,
        headers: HTTPHeaders = [:],
        body: Body = .any
    ) -> RequestMatcher {
        RequestMatcher("\(method.rawValue) \(url)") { request in
            if let line = lineMismatch(request, method: method, url: url) { return line }
            for field in headers.fields {
                let found = request.headers.values(for: field.name)
                if !found.contains(field.value) {
                    return "expected the header \(field.name): \(field.value), found \(found)"
                }
            }
            return bodyMismatch(request.body, expected: body)
        }
    }

    /// Expects a request that is equal on the wire: method, address, all header fields in any order, body bytes.
    ///
    /// - Parameter golden: The request.
    /// - Returns: The matcher.
    public static func golden(_ golden: HTTPRequest) -> RequestMatcher {
        RequestMatcher("\(golden.method.rawValue) \(golden.url.absoluteString)") { request in
            if let line = lineMismatch(request, method: golden.method, url: golden.url.absoluteString) { return line }
            let expected = sortedFields(golden)
            let found = sortedFields(request)
            if expected != found { return "expected the header fields \(expected), found \(found)" }
            let wanted = golden.body ?? Data()
            guard wanted != request.body ?? Data() else { return nil }
            return "expected the body \(shown(wanted)), found \(shown(request.body))"
        }
    }

    private static func lineMismatch(_ request: HTTPRequest, method: HTTPMethod, url: String) -> String? {
        guard request.method == method, request.url.absoluteString == url else {
            return "expected \(method.rawValue) \(url), found \(request.method.rawValue) \(request.url.absoluteString)"
        }
        return nil
    }

    private static func sortedFields(_ request: HTTPRequest) -> [String] {
        request.headers.fields.map { "\($0.name.lowercased()): \($0.value)" }.sorted()
    }

    private static func bodyMismatch(_ body: Data?, expected: Body) -> String? {
        let found = body ?? Data()
        switch expected {
        case .any: return nil
        case .none: return found.isEmpty ? nil : "expected no body, found \(shown(body))"
        case .text(let text): return found == Data(text.utf8) ? nil : "expected the body \(text), found \(shown(body))"
        case .json(let text):
            do {
                let same = try sorted(JSONValue(parsing: Data(text.utf8))) == sorted(JSONValue(parsing: found))
                return same ? nil : "expected the JSON \(text), found \(shown(body))"
            } catch {
                return "cannot compare the JSON \(text) with \(shown(body)): \(error)"
            }
        }
    }

    /// The value with all keys sorted.
    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let values): .array(values.map(sorted))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { .init($0.key, sorted($0.value)) }.sorted { $0.key < $1.key }
                )
            )
        default: value
        }
    }

    private static func shown(_ body: Data?) -> String {
        guard let body, !body.isEmpty else { return "nothing" }
        return String(data: body, encoding: .utf8) ?? "\(body.count) bytes that are no text"
    }
}
