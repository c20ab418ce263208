// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderRule {
    static let refusalRules = [
        ProviderRule("innocents", "A record that the platform refuses takes no other one down with it.") { trial in
            var checked = false
            for kind in try trial.pushKinds() {
                let refused = try trial.sample(kind.kind, 1).refused
                guard !refused.isEmpty else { continue }
                checked = true
                let creates = try await trial.creates(kind.kind, 9)
                try await trial.expectInnocence(in: creates, refusing: refused)
                guard kind.canUpdate else { continue }
                let made = try await trial.creates(kind.kind, 9)
                let outcomes = try await trial.deliver(made)
                let updates = try made.map { try trial.update(try trial.applied(outcomes[$0.id], of: $0), after: $0) }
                try await trial.expectInnocence(in: updates, refusing: refused)
            }
            if !checked { throw UnsupportedHook("no sample has values that the platform refuses") }
        },
        ProviderRule("throttled", "A call too many had no effect, and the error names the budget that refused it.") {
            trial in
            let budgets = trial.provider.budgets(of: trial.account).map(\.id)
            for kind in try trial.pushKinds() {
                let batch = try trial.batch([try await trial.create(kind.kind)])
                trial.wire.spoilNext(.answer { [bed = trial.bed] in bed.throttledAnswer(to: $0) })
                try trial.expectLimited(try await trial.pushOnce(batch), budgets)
                trial.wire.stopSpoiling()
            }
        },
        ProviderRule("throttled-by-others", "Where another program uses up the limits, writes wait without effect.") {
            trial in
            let budgets = trial.provider.budgets(of: trial.account).map(\.id)
            let kind = try trial.require(try trial.pushKinds().first, "a kind")
            let write = try await trial.create(kind.kind)
            try await trial.bed.useUpLimits()
            try trial.expectLimited(try await trial.pushOnce(try trial.batch([write])), budgets)
            try trial.expect(try await trial.bed.creations(of: write) == 0, "the throttled write made a record")
        },
        ProviderRule("no-false-success", "An answer that is no answer is never a success.") { trial in
            let gateway = ProviderWire.Fault.answer { _ in ProviderWire.html(status: 502) }
            for kind in try trial.pushKinds() {
                for fault in [gateway, .html, .truncated] {
                    try await trial.expectUnknown(try trial.batch([try await trial.create(kind.kind)]), fault)
                }
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                for read in [gateway, .html, .truncated] {
                    trial.wire.spoilNext(read)
                    do {
                        let result = try await trial.fetch([id]).first
                        throw RuleViolation(rule: trial.rule, "a fetch without an answer says \(trial.name(result))")
                    } catch is IntegrationError {
                        trial.wire.stopSpoiling()
                    }
                }
            }
        },
        ProviderRule("success", "A trustworthy success is no failure.") { trial in
            for kind in try trial.pushKinds() { _ = try await trial.workOn(try await trial.create(kind.kind)) }
            for exchange in trial.wire.exchanges {
                guard let response = exchange.response, response.isSuccess else { continue }
                if let error = trial.provider.failure(in: response, to: exchange.request) {
                    throw RuleViolation(
                        rule: trial.rule,
                        "\(ProviderTrial.name(exchange.request)) succeeded and failed: \(error)"
                    )
                }
            }
        },
        ProviderRule("discreet", "No error holds a secret or the content of a record.") { trial in
            var errors: [IntegrationError] = []
            var contents = trial.secrets
            errors.append(
                try await trial.failure(of: "the test of a wrong credential") {
                    _ = try await trial.provider.verifyConnection(in: trial.blankSession(with: trial.wrongCredential))
                }
            )
            for kind in try trial.pushKinds() {
                var refused = try await trial.create(kind.kind)
                refused.fields.merge(try trial.sample(kind.kind, 1).refused) { $1 }
                contents += refused.fields.values.compactMap { value in
                    if case .text(let text) = value, text.count >= 6 { text } else { nil }
                }
                let faults: [ProviderWire.Fault?] = [
                    nil, .html, .truncated, .answer { [bed = trial.bed] in bed.throttledAnswer(to: $0) },
                ]
                for fault in faults {
                    if let fault { trial.wire.spoilNext(fault) }
                    errors += try await trial.pushOnce(try trial.batch([refused])).compactMap(\.outcome.error)
                    trial.wire.stopSpoiling()
                }
            }
            for error in errors {
                let text = "\(error)" + String(decoding: try JSONEncoder().encode(error), as: UTF8.self)
                for content in contents {
                    try trial.expect(!text.contains(content), "the error \(error.code.rawValue) holds what it must not")
                }
            }
        },
    ]

    static let wireRules = [
        ProviderRule("effects", "Requests that change something say so, and look-ups, fetches and lists only read.") {
            trial in
            for kind in try trial.pushKinds() {
                let write = try await trial.create(kind.kind)
                let id = try await trial.deliver(write)
                try trial.expectEffect(.write, "a push of a \(kind.kind.rawValue)")
                _ = try await trial.lookUp([write])
                _ = try await trial.fetch([id])
                try trial.expectEffect(.read, "a look-up or fetch of a \(kind.kind.rawValue)")
                for stream in trial.provider.streams(for: kind.kind, of: trial.account) {
                    let query = ChangeQuery(from: trial.clock.wall.addingTimeInterval(-60), until: trial.clock.wall)
                    _ = try await trial.provider.changes(in: stream, matching: query, in: trial.session)
                    try trial.expectEffect(.read, "a page of \(stream.id)")
                }
            }
            _ = try await trial.provider.verifyConnection(in: trial.session)
            try trial.expectEffect(.read, "the test of the connection")
        },
        ProviderRule("unsigned", "A request carries the credential only once it is signed.") { trial in
            for kind in try trial.pushKinds() { _ = try await trial.workOn(try await trial.create(kind.kind)) }
            for exchange in trial.wire.exchanges {
                let request = exchange.request
                let what = ProviderTrial.name(request)
                for secret in trial.secrets {
                    try trial.expect(
                        !ProviderTrial.text(of: request).contains(secret),
                        "\(what) holds a secret before it is signed"
                    )
                    try trial.expect(
                        request.carriesCredential || !ProviderTrial.text(of: exchange.signed).contains(secret),
                        "\(what) is to carry no credential and does"
                    )
                }
            }
        },
    ]
}

extension ProviderTrial {
    /// Gives one of the writes values that the platform refuses, and checks that it alone is refused.
    func expectInnocence(in writes: [RecordWrite], refusing refused: [FieldName: FieldValue]) async throws {
        var writes = writes
        let guilty = writes.count / 2
        writes[guilty].fields.merge(refused) { $1 }
        writes[guilty].changed.formUnion(refused.keys)
        let outcomes = try await deliver(writes)
        for (place, write) in writes.enumerated() {
            switch outcomes[write.id] {
            case .refused where place == guilty: break
            case .applied where place != guilty: break
            case let outcome:
                let who = place == guilty ? "the guilty one" : "an innocent one"
                throw RuleViolation(rule: rule, "\(name(write)), \(who), was \(name(outcome))")
            }
        }
    }

    /// Checks that all writes wait for a declared budget.
    func expectLimited(_ outcomes: [(write: RecordWrite, outcome: WriteOutcome)], _ budgets: [String]) throws {
        for (write, outcome) in outcomes {
            guard case .notAttempted(let error) = outcome, error.code == .limited else {
                throw RuleViolation(rule: rule, "\(name(write)), throttled, was \(name(outcome))")
            }
            try expect(
                error.budget.map(budgets.contains) ?? false,
                "the error of a throttled write names \(error.budget ?? "no budget"), not one of \(budgets)"
            )
        }
    }

    /// Checks what the requests since the last check say of themselves, and forgets them.
    func expectEffect(_ effect: HTTPRequest.Effect, _ what: String) throws {
        for exchange in wire.exchanges {
            // A push may ask before it acts, as long as that is said of the question.
            if effect == .write, [.get, .head, .options].contains(exchange.request.method) {
                try expect(exchange.request.effect == .read, "\(what) asks by what it calls a write")
                continue
            }
            try expect(
                exchange.request.effect == effect,
                "\(what) sent \(ProviderTrial.name(exchange.request)) as a \(exchange.request.effect.rawValue)"
            )
        }
        wire.clear()
    }

    static func name(_ request: HTTPRequest) -> String { "\(request.method.rawValue) \(request.url.path)" }

    static func text(of request: HTTPRequest) -> String {
        let headers = request.headers.fields.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
        return "\(request.url.absoluteString)\n\(headers)\n\(String(decoding: request.body ?? Data(), as: UTF8.self))"
    }
}
