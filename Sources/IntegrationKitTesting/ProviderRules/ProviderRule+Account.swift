// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderRule {
    static let accountRules = [
        ProviderRule(
            "descriptor",
            "Kinds are described once, mappings and routes name such kinds, and what people read is in two languages."
        ) { trial in
            let descriptor = trial.provider.descriptor
            let kinds = descriptor.kinds.map(\.kind)
            try trial.expect(!kinds.isEmpty, "no kind is described")
            try trial.expect(Set(kinds).count == kinds.count, "a kind is described twice")
            for mapping in descriptor.mappings {
                try trial.expect(
                    kinds.contains(mapping.kind),
                    "a mapping names the unknown kind \(mapping.kind.rawValue)"
                )
            }
            for route in descriptor.routes {
                let kind = try trial.require(
                    descriptor.kind(route.kind),
                    "the kind \(route.kind.rawValue) of the route of \(route.event.rawValue)"
                )
                try trial.expect(
                    kind.canPush,
                    "\(route.event.rawValue) is written as \(route.kind.rawValue), which is read only"
                )
                try trial.expect(
                    descriptor.mappings.contains { $0.hostKind == route.event.hostKind && $0.kind == route.kind },
                    "no mapping says how \(route.event.rawValue) becomes a \(route.kind.rawValue)"
                )
                try trial.expect(
                    !kind.mayNotifyPeople.contains(route.action.operation) || route.needsConsent,
                    "\(route.event.rawValue) mails people and needs no consent"
                )
            }
            try trial.expect(!descriptor.signInMethods.isEmpty, "there is no way to sign in")
            var texts = [descriptor.summary] + descriptor.kinds.map(\.name)
            for method in descriptor.signInMethods {
                let fields = method.fields.map(\.id)
                try trial.expect(Set(fields).count == fields.count, "a field of the form \(method.id) is there twice")
                texts += [method.label] + method.fields.map(\.label)
            }
            for text in texts {
                try trial.expect(
                    text.texts["en"]?.isEmpty == false && text.texts["fr"]?.isEmpty == false,
                    "“\(text.text(in: "en"))\(text.texts["fr"] ?? "")” is not there in English and French"
                )
            }
        },
        ProviderRule("account-key", "A credential reaches the same account each time it is tested.") { trial in
            let first = try await trial.provider.verifyConnection(in: trial.blankSession)
            let second = try await trial.provider.verifyConnection(in: trial.session)
            try trial.expect(first.key == second.key, "the key was \(first.key.value), then \(second.key.value)")
            try trial.expect(first.key.platform == trial.provider.descriptor.id, "the key names another platform")
            try trial.expect(!first.key.value.isEmpty, "the key is empty")
            for secret in trial.secrets {
                try trial.expect(!first.key.value.contains(secret), "the key holds a secret")
            }
        },
        ProviderRule("wrong-credential", "A credential that the platform rejects asks for a new sign-in.") { trial in
            let error = try await trial.failure(of: "the test of a wrong credential") {
                _ = try await trial.provider.verifyConnection(in: trial.blankSession(with: trial.wrongCredential))
            }
            try trial.expect(
                error.code == .reauthorizationRequired,
                "a wrong credential gives \(error.code.rawValue)"
            )
        },
        ProviderRule("budgets", "Limits are declared once each, and what is spent names them.") { trial in
            let budgets = trial.provider.budgets(of: trial.account).map(\.id)
            try trial.expect(Set(budgets).count == budgets.count, "a budget is declared twice")
            let kinds = try trial.pushKinds()
            for kind in kinds {
                let write = try await trial.create(kind.kind)
                for spend in trial.provider.plan([write], for: trial.account).flatMap(\.spend) {
                    try trial.expect(
                        budgets.contains(spend.budget),
                        "a batch spends of \(spend.budget), which is not declared"
                    )
                }
                _ = try await trial.workOn(write)
            }
            for exchange in trial.wire.exchanges {
                let what = ProviderTrial.name(exchange.request)
                try trial.expect(budgets.isEmpty || !exchange.request.spend.isEmpty, "\(what) spends of no budget")
                for spend in exchange.request.spend {
                    try trial.expect(
                        budgets.contains(spend.budget),
                        "\(what) spends of \(spend.budget), which is not declared"
                    )
                }
                guard let response = exchange.response else { continue }
                for reading in trial.provider.readings(in: response, to: exchange.request) {
                    try trial.expect(
                        budgets.contains(reading.budget),
                        "an answer tells of \(reading.budget), which is not declared"
                    )
                }
            }
        },
    ]

    static let planRules = [
        ProviderRule("plan-whole", "A plan holds every write once, and no batch holds a record twice.") { trial in
            let writes = try await trial.mixedWrites()
            let batches = trial.provider.plan(writes, for: trial.account)
            let planned = batches.flatMap(\.writes)
            try trial.expect(planned.count == writes.count, "\(writes.count) writes became \(planned.count)")
            try trial.expect(Set(planned) == Set(writes), "the plan holds other writes than it was given")
            for batch in batches {
                try trial.expect(!batch.writes.isEmpty, "a batch is empty")
                let targets = batch.writes.compactMap(\.target)
                try trial.expect(Set(targets).count == targets.count, "\(trial.name(batch)) holds a record twice")
            }
            try trial.expect(trial.provider.plan([], for: trial.account).isEmpty, "nothing to write became a batch")
        },
        ProviderRule("plan-pure", "Equal writes give equal batches.") { trial in
            let writes = try await trial.mixedWrites()
            let first = trial.provider.plan(writes, for: trial.account)
            let second = trial.provider.plan(writes, for: trial.account)
            try trial.expect(first.map(\.writes) == second.map(\.writes), "the second plan batches otherwise")
            for (left, right) in zip(first, second) {
                try trial.expect(
                    left.spend == right.spend && left.safety == right.safety && left.exclusive == right.exclusive,
                    "the second plan says otherwise of \(trial.name(left))"
                )
            }
        },
        ProviderRule("plan-limits", "A full batch is one that the platform takes.") { trial in
            for kind in try trial.pushKinds() {
                let writes = try await trial.creates(kind.kind, 130)
                for batch in trial.provider.plan(writes, for: trial.account) {
                    for (write, outcome) in try await trial.pushOnce(batch) {
                        switch outcome {
                        case .applied, .pending: break
                        default:
                            throw RuleViolation(
                                rule: trial.rule,
                                "in a batch of \(batch.writes.count), \(trial.name(write)) was \(trial.name(outcome))"
                            )
                        }
                    }
                }
            }
        },
        ProviderRule("same-bytes", "Equal writes give equal bytes.") { trial in
            let writes = try await trial.mixedWrites()
            for batch in trial.provider.plan(writes, for: trial.account) {
                var sent: [[HTTPRequest]] = []
                for _ in 0..<2 {
                    trial.wire.clear()
                    trial.wire.spoilNext(.lostBefore)
                    _ = try await trial.pushOnce(batch)
                    trial.wire.stopSpoiling()
                    sent.append(trial.wire.exchanges.map(\.request))
                    trial.clock.advance(by: .seconds(61))
                }
                try trial.expect(sent[0] == sent[1], "\(trial.name(batch)) was sent with other bytes the second time")
            }
        },
    ]
}

extension ProviderTrial {
    /// The credential's secrets.
    var secrets: [String] {
        bed.credential.values.values.map { $0.withExposedValue { $0 } }.filter { $0.count >= 6 }
    }

    /// Creates, updates and deletes of all kinds.
    func mixedWrites() async throws -> [RecordWrite] {
        var writes: [RecordWrite] = []
        for kind in try pushKinds() {
            let made = try await creates(kind.kind, 3)
            writes += try await creates(kind.kind, 12)
            let ids = try await deliver(made)
            for (place, write) in made.enumerated() {
                let id = try applied(ids[write.id], of: write)
                if place == 0, kind.canDelete {
                    writes.append(delete(id, after: write))
                } else if kind.canUpdate {
                    writes.append(try update(id, after: write))
                }
            }
        }
        wire.clear()
        return writes
    }

    /// Makes, looks up, changes, fetches and reads a record, and returns its id.
    func workOn(_ write: RecordWrite) async throws -> RemoteID {
        _ = try await provider.verifyConnection(in: session)
        let id = try await deliver(write)
        if provider.descriptor.kind(write.kind)?.canUpdate ?? false {
            _ = try await deliver(try update(id, after: write))
        }
        _ = try await lookUp([write])
        _ = try await fetch([id], fields: write.fields.keys.sorted())
        for stream in provider.streams(for: write.kind, of: account) {
            let query = ChangeQuery(
                fields: write.fields.keys.sorted(),
                from: stream.mode == .window ? clock.wall.addingTimeInterval(-60) : nil,
                until: stream.mode == .window ? clock.wall : nil
            )
            _ = try await provider.changes(in: stream, matching: query, in: session)
        }
        return id
    }
}
