// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A limit of a platform.
public struct Budget: Hashable, Sendable {
    /// Who shares the limit.
    public enum Scope: String, Hashable, Sendable {
        /// All accounts of the host's application.
        case application
        /// Everything that calls this account.
        case account
        /// The host's application in this account.
        case accountOfApplication
        /// One credential.
        case credential
        /// One record.
        case record
    }
    /// How the limit counts.
    public enum Rule: Hashable, Sendable {
        /// So many in any span of this length.
        case window(Int, per: Duration)
        /// A bucket of this size that refills steadily.
        case bucket(Int, refillPerSecond: Double)
        /// So many until a moment; nil where the platform does not tell when it starts anew.
        case quota(Int, resetsAt: Date?)
        /// So many at the same time.
        case inFlight(Int)
    }

    /// The budget's name, unique within the platform.
    public var id: String
    /// Who shares it.
    public var scope: Scope
    /// How it counts.
    public var rule: Rule

    /// Creates a budget.
    ///
    /// - Parameters:
    ///   - id: The budget's name.
    ///   - scope: Who shares it.
    ///   - rule: How it counts.
    public init(id: String, scope: Scope, rule: Rule) {
        self.id = id
        self.scope = scope
        self.rule = rule
    }
}

/// What a call takes of a budget.
public struct Spend: Hashable, Sendable {
    /// The budget's name.
    public var budget: String
    /// How much.
    public var amount: Int
    /// The record, for a budget per record.
    public var record: RemoteID?

    /// Creates a spend.
    ///
    /// - Parameters:
    ///   - budget: The budget's name.
    ///   - amount: How much.
    ///   - record: The record, for a budget per record.
    public init(_ budget: String, amount: Int = 1, record: RemoteID? = nil) {
        self.budget = budget
        self.amount = amount
        self.record = record
    }
}

/// What an answer tells about a budget.
public struct BudgetReading: Hashable, Sendable {
    /// The budget's name.
    public var budget: String
    /// The limit.
    public var limit: Int?
    /// What remains.
    public var remaining: Int?
    /// When it starts anew, by the platform's clock.
    public var resetsAt: Date?
    /// What this call used.
    public var used: Int?

    /// Creates a reading.
    ///
    /// - Parameters:
    ///   - budget: The budget's name.
    ///   - limit: The limit.
    ///   - remaining: What remains.
    ///   - resetsAt: When it starts anew.
    ///   - used: What this call used.
    public init(_ budget: String, limit: Int? = nil, remaining: Int? = nil, resetsAt: Date? = nil, used: Int? = nil) {
        self.budget = budget
        self.limit = limit
        self.remaining = remaining
        self.resetsAt = resetsAt
        self.used = used
    }
}
