// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

/// For each provider rule the providers that break it, as real ones do.
enum ProviderDefects {
    typealias Defect = BrokenProvider.Defect

    /// A defect by the rule that it breaks.
    struct Entry: Sendable, CustomStringConvertible {
        var rule: String
        var name: String
        var make: @Sendable () -> Defect
        var description: String { "\(rule): \(name)" }

        init(_ rule: String, _ name: String, _ make: @escaping @Sendable () -> Defect) {
            self.rule = rule
            self.name = name
            self.make = make
        }
    }

    static let all = account + plan + push + lost + refusals + fetch + streams + webhooks

    /// Something that is not the same twice.
    private static func counter() -> @Sendable () -> Int {
        let count = LockBox(0)
        return {
            count.withLock { count in
                count += 1; return count
            }
        }
    }

    private static let error = IntegrationError(.refused, "It broke.")

    private static let account: [Entry] = [
        Entry("descriptor", "no French") { Defect(descriptor: { $0.summary.texts["fr"] = nil }) },
        Entry("descriptor", "a kind twice") { Defect(descriptor: { $0.kinds += $0.kinds.prefix(1) }) },
        Entry("descriptor", "a route to nowhere") {
            Defect(descriptor: { $0.routes.append(EventRoute(.documentSent, .create, "letter")) })
        },
        Entry("descriptor", "a route without mapping") {
            Defect(descriptor: { $0.mappings.removeAll { $0.kind == .call } })
        },
        Entry("account-key", "a key per call") {
            let next = counter()
            return Defect(verify: { base, session in
                var report = try await base.verifyConnection(in: session)
                report.key.value = "\(next())"
                return report
            })
        },
        Entry("wrong-credential", "taken for an outage") {
            Defect(verify: { base, session in
                do {
                    return try await base.verifyConnection(in: session)
                } catch var error as IntegrationError {
                    error.code = .unavailable
                    throw error
                }
            })
        },
        Entry("budgets", "a spend of no budget") { Defect(request: { $0.spend.append(Spend("other")) }) },
        Entry("budgets", "nothing spent") { Defect(request: { $0.spend = [] }) },
        Entry("budgets", "a reading of no budget") {
            Defect(readings: { $0.append(BudgetReading("other", remaining: 3)) })
        },
        Entry("budgets", "a budget twice") { Defect(budgets: { $0 += $0.prefix(1) }) },
    ]

    private static let plan: [Entry] = [
        Entry("plan-whole", "the last write left out") {
            Defect(plan: { if let last = $0.indices.last { $0[last].writes.removeLast() } })
        },
        Entry("plan-whole", "a write twice") { Defect(plan: { $0 += $0.prefix(1) }) },
        Entry("plan-pure", "another order each time") {
            let next = counter()
            return Defect(plan: { if next().isMultiple(of: 2) { $0.reverse() } })
        },
        Entry("plan-limits", "batches that are too large") {
            Defect(plan: { batches in
                guard let first = batches.first, batches.count > 1 else { return }
                var whole = first
                whole.writes = batches.flatMap(\.writes)
                batches = [whole]
            })
        },
        Entry("same-bytes", "a random header") {
            let next = counter()
            return Defect(request: { $0.headers["X-Request"] = "\(next())" })
        },
    ]

    private static let push: [Entry] = [
        Entry("outcomes", "by place") { .outcomes { outcomes, _ in outcomes.reverse() } },
        Entry("outcomes", "one missing") {
            .outcomes { outcomes, _ in if outcomes.count > 1 { outcomes.removeLast() } }
        },
        Entry("outcomes-shuffled", "by place") { .outcomes { outcomes, _ in outcomes.reverse() } },
        Entry("one-call", "a look before") {
            Defect(push: { base, batch, session in
                _ = try await base.lookUp(batch.writes, in: session)
                return try await base.push(batch, in: session)
            })
        },
        Entry("update", "the whole record sent") { Defect(write: { $0.changed = Set($0.fields.keys) }) },
        Entry("clear", "empty values left out") {
            Defect(write: { $0.fields = $0.fields.filter { $0.value != .empty } })
        },
        Entry("clear", "empty values not told") {
            .fetched { record, _ in record.fields = record.fields.filter { $0.value != .empty } }
        },
        Entry("relations", "left out") { Defect(write: { $0.relations = [] }) },
        Entry("delete", "only said") {
            Defect(push: { base, batch, session in
                guard batch.writes.first?.operation == .delete else { return try await base.push(batch, in: session) }
                return batch.writes.map { .applied(RemoteRecord(id: $0.target ?? RemoteID($0.kind, ""))) }
            })
        },
        Entry("gone", "taken for done") {
            .outcome { outcome, write in
                if case .gone = outcome {
                    .applied(RemoteRecord(id: write.target ?? RemoteID(write.kind, "")))
                } else {
                    outcome
                }
            }
        },
    ]

    private static let lost: [Entry] = [
        Entry("lost-after", "taken for nothing") {
            .outcome { outcome, _ in if case .unknown(let error) = outcome { .notAttempted(error) } else { outcome } }
        },
        Entry("lost-after", "nothing found") {
            Defect(lookUp: { results, _ in results = results.map { _ in .absent } })
        },
        Entry("lost-after", "thrown") {
            Defect(push: { base, batch, session in
                let outcomes = try await base.push(batch, in: session)
                if case .unknown(let error) = outcomes.first { throw error }
                return outcomes
            })
        },
        Entry("lost-before", "taken for done") {
            .outcome { outcome, write in
                if case .unknown = outcome { .applied(RemoteRecord(id: RemoteID(write.kind, "1"))) } else { outcome }
            }
        },
        Entry("lost-before", "undecided") {
            Defect(lookUp: { results, _ in results = results.map { _ in .undecidable("no idea") } })
        },
        Entry("not-connected", "taken for unknown") {
            Defect(push: { base, batch, session in
                do {
                    return try await base.push(batch, in: session)
                } catch let error as IntegrationError {
                    return batch.writes.map { _ in .unknown(error) }
                }
            })
        },
        Entry("absent", "somebody else found") {
            Defect(lookUp: { results, _ in
                let found = results.first { if case .found = $0 { true } else { false } }
                if let found { results = results.map { _ in found } }
            })
        },
        Entry("absent", "results out of order") { Defect(lookUp: { results, _ in results.reverse() }) },
        Entry("keyed", "another key each time") {
            let next = counter()
            return Defect(write: { $0.externalKey += "\(next())" })
        },
    ]

    private static let refusals: [Entry] = [
        Entry("innocents", "all refused") {
            .outcomes { outcomes, _ in
                let refusal = outcomes.first { if case .refused = $0 { true } else { false } }
                if let refusal { outcomes = outcomes.map { _ in refusal } }
            }
        },
        Entry("innocents", "refused with the batch") {
            .outcome { outcome, _ in if case .notAttempted(let error) = outcome { .refused(error) } else { outcome } }
        },
        Entry("innocents", "the same batch for ever") {
            .outcome { outcome, _ in
                if case .refused(var error) = outcome {
                    error.retry = .smaller
                    return .notAttempted(error)
                }
                return outcome
            }
        },
        Entry("throttled", "no budget named") {
            .outcome { outcome, _ in
                guard case .notAttempted(var error) = outcome else { return outcome }
                error.budget = nil
                return .notAttempted(error)
            }
        },
        Entry("throttled", "taken for unknown") {
            .outcome { outcome, _ in if case .notAttempted(let error) = outcome { .unknown(error) } else { outcome } }
        },
        Entry("throttled-by-others", "refused") {
            .outcome { outcome, _ in if case .notAttempted(let error) = outcome { .refused(error) } else { outcome } }
        },
        Entry("no-false-success", "done") {
            .outcome { outcome, write in
                if case .unknown = outcome { .applied(RemoteRecord(id: RemoteID(write.kind, "1"))) } else { outcome }
            }
        },
        Entry("success", "every answer a failure") { Defect(failure: { $0.status == 200 ? error : nil }) },
        Entry("discreet", "the record in the message") {
            .outcome { outcome, write in
                guard var error = error(in: outcome) else { return outcome }
                error.message += " \(write.fields)"
                return .refused(error)
            }
        },
        Entry("effects", "a write as a read") { Defect(request: { $0.effect = .read }) },
        Entry("effects", "a search as a write") {
            Defect(request: { if $0.url.path.hasSuffix("search") { $0.effect = .write } })
        },
        Entry("unsigned", "the token in a header") {
            let token = LockBox<Secret?>(nil)
            return Defect(
                request: { request in
                    token.withLock { $0?.withExposedValue { request.headers["X-Token"] = $0 } }
                },
                authorize: { credential in token.withLock { $0 = credential["access_token"] } }
            )
        },
        Entry("unsigned", "signed although it is not to be") { Defect(request: { $0.carriesCredential = false }) },
    ]

    private static func error(in outcome: WriteOutcome) -> IntegrationError? {
        switch outcome {
        case .notAttempted(let error), .refused(let error), .unknown(let error): error
        default: nil
        }
    }

    private static let fetch: [Entry] = [
        Entry("fetch", "in the platform's order") { Defect(fetch: { results, _ in results.reverse() }) },
        Entry("fetch", "left out") {
            Defect(fetch: { results, _ in results.removeAll { if case .gone = $0 { true } else { false } } })
        },
        Entry("fetch", "gone taken for hidden") {
            Defect(fetch: { results, _ in
                results = results.map { if case .gone(let id) = $0 { .hidden(id, error) } else { $0 } }
            })
        },
        Entry("read-back", "texts changed") {
            .fetched { record, _ in
                for (name, value) in record.fields {
                    if case .text(let text) = value { record.fields[name] = .text(text.uppercased()) }
                }
            }
        },
        Entry("version", "always the same") { .fetched { record, _ in record.version = "1" } },
        Entry("not-told", "told as empty") {
            .fetched { record, fields in
                for name in fields where record.fields[name] == nil { record.fields[name] = .empty }
            }
        },
        Entry("merged", "taken for deleted") {
            Defect(fetch: { results, _ in
                results = results.map { if case .moved(let id, _) = $0 { .gone(id) } else { $0 } }
            })
        },
    ]

    private static let streams: [Entry] = [
        Entry("streams", "another name each time") {
            let next = counter()
            return Defect(streams: { for place in $0.indices { $0[place].id += "\(next())" } })
        },
        Entry("streams", "one name for all") {
            Defect(streams: { for place in $0.indices { $0[place].id = "changes" } })
        },
        Entry("streams", "none") { Defect(streams: { $0 = [] }) },
        Entry("window", "the first page alone") {
            .page { page, stream, _ in
                guard stream.mode == .window else { return }
                page.next = nil
                page.isComplete = true
            }
        },
        Entry("window", "one record per date") {
            .page { page, _, _ in
                var dates: Set<Date?> = []
                page.changes.removeAll { change in
                    guard case .updated(let record) = change else { return false }
                    return !dates.insert(record.modifiedAt).inserted
                }
            }
        },
        Entry("window", "the same page for ever") {
            .page { page, stream, _ in
                guard stream.mode == .window else { return }
                page.next = ["after": 1]
                page.isComplete = false
            }
        },
        Entry("window-edges", "the lower bound left out") {
            Defect(changes: { base, stream, query, session in
                var query = query
                query.from = query.from?.addingTimeInterval(0.001)
                return try await base.changes(in: stream, matching: query, in: session)
            })
        },
        Entry("moving-pages", "rows counted") { Defect(changes: countedPage) },
        Entry("scan", "the last page left out") {
            .page { page, stream, _ in if stream.mode == .scan, page.isComplete { page.changes = [] } }
        },
        Entry("cursor", "a position that goes too far") { cursors { $0.addingTimeInterval(60) } },
        Entry("cursor", "a position that stands still") { cursors { _ in .distantPast } },
        Entry("records-whole", "ids alone") {
            .page { page, _, _ in
                page.changes = page.changes.map { change in
                    guard case .updated(var record) = change else { return change }
                    record.fields = [:]
                    return .updated(record)
                }
            }
        },
        Entry("deletions", "left out") {
            .page { page, _, _ in page.changes.removeAll { if case .deleted = $0 { true } else { false } } }
        },
    ]

    /// Reads all of a list and shows the rows from a counted place on: what moves forward in between shifts the rest.
    @Sendable private static func countedPage(
        base: HubSpotProvider,
        stream: ChangeStream,
        query: ChangeQuery,
        session: ProviderSession
    ) async throws -> ChangePage {
        var whole = query
        (whole.page, whole.limit) = (nil, 100)
        var changes: [RecordChange] = []
        while true {
            let page = try await base.changes(in: stream, matching: whole, in: session)
            changes += page.changes
            whole.page = page.next
            if page.isComplete { break }
        }
        let start = query.page?["skip"]?.int64.map(Int.init) ?? 0
        let end = min(start + query.limit, changes.count)
        return ChangePage(
            changes: Array(changes[min(start, end)..<end]),
            next: end < changes.count ? ["skip": .number(JSONNumber(end))] : nil
        )
    }

    /// Presents windows as cursor streams whose position is a date.
    ///
    /// - Parameter position: Makes the position of the date through which a list was read.
    /// - Returns: The provider's defect.
    static func cursors(_ position: @escaping @Sendable (Date) -> Date) -> Defect {
        Defect(
            streams: { streams in
                for place in streams.indices where streams[place].mode == .window {
                    streams[place].mode = .cursor
                    streams[place].lag = .zero
                }
            },
            changes: { base, stream, query, session in
                var query = query
                let start = query.position?["from"]?.int64.map { Date(timeIntervalSince1970: Double($0) / 1000) }
                if stream.mode == .cursor { query.from = start ?? .init(timeIntervalSince1970: 1_200_000_000) }
                var page = try await base.changes(in: stream, matching: query, in: session)
                if stream.mode == .cursor, page.isComplete {
                    let date = max(position(session.now()).timeIntervalSince1970, 1_200_000_000)
                    page.position = ["from": .number(JSONNumber(Int64(date * 1000)))]
                }
                return page
            }
        )
    }

    private static let webhooks: [Entry] = [
        Entry("webhook", "the newest secret alone") {
            Defect(events: { base, delivery, secrets, now in
                try base.events(in: delivery, verifiedWith: Array(secrets.prefix(1)), now: now)
            })
        },
        Entry("webhook", "another account") {
            .events { events, _ in for place in events.indices { events[place].account?.value = "1" } }
        },
        Entry("webhook-forged", "nothing verified") {
            Defect(events: { base, delivery, secrets, now in
                do {
                    return try base.events(in: delivery, verifiedWith: secrets, now: now)
                } catch let error as IntegrationError where error.code == .deliveryRejected {
                    return []
                }
            })
        },
        Entry("webhook-stale", "the delivery's own date believed") {
            Defect(events: { base, delivery, secrets, now in
                let sent = delivery.headers["X-HubSpot-Request-Timestamp"].flatMap { Double($0) }
                let date = sent.map { Date(timeIntervalSince1970: $0 / 1000) } ?? now
                return try base.events(in: delivery, verifiedWith: secrets, now: date)
            })
        },
        Entry("webhook-keys", "one for all") {
            .events { events, _ in for place in events.indices { events[place].deduplicationKey = "key" } }
        },
        Entry("webhook-keys", "the date of the attempt") {
            .events { events, now in
                for place in events.indices { events[place].deduplicationKey += "\(now)" }
            }
        },
    ]
}

extension BrokenProvider.Defect {
    fileprivate static func events(_ change: @escaping @Sendable (inout [WebhookEvent], Date) -> Void) -> Self {
        Self(events: { base, delivery, secrets, now in
            var events = try base.events(in: delivery, verifiedWith: secrets, now: now)
            change(&events, now)
            return events
        })
    }
}
