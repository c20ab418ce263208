// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderTrial {
    /// Plans writes of which no two share anything, and returns the one batch that the first of them stands in.
    func batch(_ writes: [RecordWrite]) throws -> WriteBatch {
        try require(provider.plan(writes, for: account).first, "a batch of the plan")
    }

    /// Pushes one batch and checks that each write has its outcome.
    func pushOnce(_ batch: WriteBatch) async throws -> [(write: RecordWrite, outcome: WriteOutcome)] {
        let outcomes = try await provider.push(batch, in: session)
        try expect(
            outcomes.count == batch.writes.count,
            "\(batch.writes.count) writes of \(name(batch)) have \(outcomes.count) outcomes"
        )
        return Array(zip(batch.writes, outcomes)).map { (write: $0, outcome: $1) }
    }

    /// Pushes writes to their ends as the engine does: step after step, and smaller or alone where that is advised.
    ///
    /// - Parameter writes: The writes.
    /// - Returns: The last outcome of each write, by its id.
    /// - Throws: What the provider throws, and `RuleViolation` if there is no end.
    func deliver(_ writes: [RecordWrite]) async throws -> [UUID: WriteOutcome] {
        var ends: [UUID: WriteOutcome] = [:]
        var open = [writes]
        var calls = 0
        while let part = open.popLast() {
            for batch in provider.plan(part, for: account) {
                calls += 1
                try expect(calls < 50 + 20 * writes.count, "\(name(batch)) does not come to an end")
                var smaller: [RecordWrite] = []
                var alone: [RecordWrite] = []
                for (write, outcome) in try await pushOnce(batch) {
                    switch outcome {
                    case .pending(let state, _, let after):
                        clock.advance(by: after)
                        var next = write
                        next.state = state
                        open.append([next])
                    case .notAttempted(let error):
                        clock.advance(by: error.advisedWait)
                        if case .alone = error.retry { alone.append(write) } else { smaller.append(write) }
                    default: ends[write.id] = outcome
                    }
                }
                open += alone.map { [$0] }
                let half = (smaller.count + 1) / 2
                for part in [smaller.prefix(half), smaller.dropFirst(half)] where !part.isEmpty {
                    open.append(Array(part))
                }
            }
        }
        return ends
    }

    /// Makes a record by the provider and returns its id.
    func deliver(_ write: RecordWrite) async throws -> RemoteID {
        let outcome = try require(try await deliver([write])[write.id], "the outcome of \(name(write))")
        return try applied(outcome, of: write)
    }

    /// Returns the id of the record that a write was applied to.
    func applied(_ outcome: WriteOutcome?, of write: RecordWrite) throws -> RemoteID {
        guard case .applied(let record) = outcome else {
            throw RuleViolation(rule: rule, "\(name(write)) was not applied but \(name(outcome))")
        }
        return record.id
    }

    /// Looks writes up and waits as long as it is too early to say.
    func lookUp(_ writes: [RecordWrite]) async throws -> [LookupResult] {
        for _ in 0..<10 {
            let results = try await provider.lookUp(writes, in: session)
            try expect(results.count == writes.count, "\(writes.count) look-ups have \(results.count) results")
            let waits = results.compactMap { if case .tooEarly(let wait) = $0 { wait } else { nil } }
            guard let wait = waits.max() else { return results }
            clock.advance(by: max(wait, .seconds(1)))
        }
        throw RuleViolation(rule: rule, "the look-up says for ever that it is too early")
    }

    /// Fetches records and checks that each id has its result.
    func fetch(_ ids: [RemoteID], fields: [FieldName] = []) async throws -> [FetchResult] {
        let results = try await provider.fetchRecords(ids, fields: fields, in: session)
        try expect(results.count == ids.count, "\(ids.count) ids have \(results.count) results")
        return results
    }

    /// Fetches one record that must be there.
    func record(_ id: RemoteID, fields: [FieldName]) async throws -> RemoteRecord {
        let result = try await fetch([id], fields: fields).first
        guard case .found(let record) = result else {
            throw RuleViolation(rule: rule, "\(name(id)) was not found but \(name(result))")
        }
        return record
    }

    /// Checks that a record holds values.
    func expect(_ record: RemoteRecord, holds fields: [FieldName: FieldValue]) throws {
        for (field, value) in fields.sorted(by: { $0.key < $1.key }) {
            let found = record.fields[field]
            try expect(
                found == value,
                "\(name(record.id)) holds \(found.map { "\($0)" } ?? "nothing") in \(field.rawValue), not \(value)"
            )
        }
    }

    // MARK: Names

    func name(_ batch: WriteBatch) -> String {
        let operations = Set(batch.writes.map(\.operation.rawValue)).sorted().joined(separator: " and ")
        return "a batch that is to \(operations) \(batch.writes.first?.kind.rawValue ?? "nothing")"
    }

    func name(_ write: RecordWrite) -> String { "the \(write.operation.rawValue) of a \(write.kind.rawValue)" }

    func name(_ id: RemoteID) -> String { "the \(id.kind.rawValue) \(id.value)" }

    func name(_ outcome: WriteOutcome?) -> String {
        switch outcome {
        case .applied(let record): "applied to \(name(record.id))"
        case .exists(let ids): "held by \(ids.map(\.value))"
        case .moved(let ids): "moved to \(ids.map(\.value))"
        case .gone: "gone"
        case .pending: "pending"
        case .notAttempted(let error): "not attempted (\(error))"
        case .refused(let error): "refused (\(error))"
        case .unknown(let error): "unknown (\(error))"
        case nil: "forgotten"
        }
    }

    func name(_ result: LookupResult) -> String {
        switch result {
        case .found(let record, let isOurs): "found as \(name(record.id)) by \(isOurs ? "our key" : "a natural key")"
        case .several(let ids): "found as \(ids.map(\.value))"
        case .absent: "absent"
        case .tooEarly: "too early"
        case .undecidable(let why): "undecidable (\(why))"
        }
    }

    func name(_ result: FetchResult?) -> String {
        switch result {
        case .found(let record): "found as \(name(record.id))"
        case .gone(let id): "gone as \(name(id))"
        case .moved(let id, let others): "moved from \(id.value) to \(others.map(\.value))"
        case .hidden(let id, let error): "hidden as \(name(id)) (\(error))"
        case nil: "forgotten"
        }
    }
}

extension IntegrationError {
    /// How long the error asks to wait.
    fileprivate var advisedWait: Duration {
        if case .after(let wait) = retry { wait ?? .seconds(1) } else { .zero }
    }
}

extension WriteOutcome {
    /// The error, where there is one.
    var error: IntegrationError? {
        switch self {
        case .notAttempted(let error), .refused(let error), .unknown(let error): error
        case .applied, .exists, .moved, .gone, .pending: nil
        }
    }
}

extension FetchResult {
    /// The id that the result is about.
    var id: RemoteID {
        switch self {
        case .found(let record): record.id
        case .gone(let id), .moved(let id, _), .hidden(let id, _): id
        }
    }
}
