// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// One promise of ``TenantKeyStore``, and how to check it.
///
/// ```swift
/// @Test(arguments: TenantKeyRule.all) func obeys(rule: TenantKeyRule) async throws {
///     try await rule.check { MyStore() }
/// }
/// ```
public struct TenantKeyRule: Sendable, CustomStringConvertible {
    /// Names the rule.
    public let id: String
    /// The promise.
    public let sentence: String
    private let body: @Sendable (any TenantKeyStore, TenantKeyRule) async throws -> Void

    private init(
        _ id: String,
        _ sentence: String,
        _ body: @escaping @Sendable (any TenantKeyStore, TenantKeyRule) async throws -> Void
    ) {
        self.id = id
        self.sentence = sentence
        self.body = body
    }

    /// The id and the sentence.
    public var description: String { "\(id): \(sentence)" }

    /// Checks the rule against a new store.
    ///
    /// - Parameter make: Creates an empty store.
    /// - Throws: ``RuleViolation`` if the store breaks the rule, and whatever the store throws.
    public func check(_ make: @Sendable () async throws -> any TenantKeyStore) async throws {
        try await body(try await make(), self)
    }

    private func expect(_ found: Data?, is expected: Data?, _ what: String) throws {
        let shown = [expected, found].map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "none" }
        guard found == expected else {
            throw RuleViolation(rule: id, "\(what): expected \(shown[0]), found \(shown[1])")
        }
    }

    private static let first = Data("first".utf8)
    private static let second = Data("second".utf8)

    /// All rules.
    public static let all = [
        TenantKeyRule("key-put", "A tenant has no key until one is put, and then that one.") { store, rule in
            try rule.expect(try await store.wrappedKey(for: "a"), is: nil, "before")
            try rule.expect(try await store.replace(nil, with: first, for: "a"), is: first, "the answer")
            try rule.expect(try await store.wrappedKey(for: "a"), is: first, "after")
        },
        TenantKeyRule("key-replaced", "A key takes the place of the one that the caller knows.") { store, rule in
            _ = try await store.replace(nil, with: first, for: "a")
            try rule.expect(try await store.replace(first, with: second, for: "a"), is: second, "the answer")
            try rule.expect(try await store.wrappedKey(for: "a"), is: second, "after")
        },
        TenantKeyRule("key-stands", "Who knows another key than the one that stands gets that one and changes nothing.")
        {
            store,
            rule in
            _ = try await store.replace(nil, with: first, for: "a")
            for known in [nil, second] {
                try rule.expect(
                    try await store.replace(known, with: Data("third".utf8), for: "a"),
                    is: first,
                    "the answer"
                )
                try rule.expect(try await store.wrappedKey(for: "a"), is: first, "after")
            }
        },
        TenantKeyRule("key-race", "Of callers that race to put a first key, all learn the one that stands.") {
            store,
            rule in
            let answers = try await withThrowingTaskGroup(of: Data.self) { group in
                for number in 0..<16 {
                    group.addTask { try await store.replace(nil, with: Data("key \(number)".utf8), for: "a") }
                }
                return try await group.reduce(into: [Data]()) { $0.append($1) }
            }
            let standing = try await store.wrappedKey(for: "a")
            for answer in answers { try rule.expect(answer, is: standing, "an answer") }
        },
        TenantKeyRule("key-dropped", "A dropped key is gone, and a replacement of it puts none in its place.") {
            store,
            rule in
            _ = try await store.replace(nil, with: first, for: "a")
            try await store.dropKey(for: "a")
            try rule.expect(try await store.wrappedKey(for: "a"), is: nil, "after the drop")
            do {
                _ = try await store.replace(first, with: second, for: "a")
                throw RuleViolation(rule: rule.id, "the replacement of a dropped key was not refused")
            } catch StoreFailure.refused {
                try rule.expect(try await store.wrappedKey(for: "a"), is: nil, "after the replacement")
            }
            try await store.dropKey(for: "a")
        },
        TenantKeyRule("key-apart", "Tenants' keys are apart, their names compared by their bytes.") { store, rule in
            let tenants = ["a", "b", "\u{E9}", "e\u{301}"]
            for tenant in tenants {
                let key = Data("key of \(Array(tenant.utf8))".utf8)
                try rule.expect(try await store.replace(nil, with: key, for: tenant), is: key, "the answer")
            }
            try await store.dropKey(for: "a")
            try rule.expect(try await store.wrappedKey(for: "a"), is: nil, "the key dropped")
            for tenant in tenants.dropFirst() {
                let key = Data("key of \(Array(tenant.utf8))".utf8)
                try rule.expect(try await store.wrappedKey(for: tenant), is: key, "the key of another tenant")
            }
        },
    ]
}
