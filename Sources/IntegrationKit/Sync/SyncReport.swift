// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a piece of work did, and when to call again.
public struct SyncReport: Sendable, CustomStringConvertible {
    /// What happened to records of one kind in one integration.
    public struct Line: Hashable, Sendable {
        /// The integration's id.
        public var integration: String
        /// The integration's name.
        public var name: String
        /// The kind.
        public var kind: RecordKind
        /// How often each thing happened.
        public var counts: [IntegrationEvent.Kind: Int]

        /// Creates a line.
        ///
        /// - Parameters:
        ///   - integration: The integration's id.
        ///   - name: The integration's name.
        ///   - kind: The kind.
        ///   - counts: How often each thing happened.
        public init(integration: String, name: String, kind: RecordKind, counts: [IntegrationEvent.Kind: Int]) {
            self.integration = integration
            self.name = name
            self.kind = kind
            self.counts = counts
        }
    }

    /// What happened, by integration and kind.
    public var lines: [Line]
    /// Calls to platforms by integration.
    public var calls: [String: Int]
    /// How long until there is work again; nil: only when the host or a platform says so.
    public var nextDue: Duration?
    /// What held work up, one error per incident.
    public var problems: [IntegrationError]

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - lines: What happened.
    ///   - calls: Calls to platforms.
    ///   - nextDue: How long until there is work again.
    ///   - problems: What held work up.
    public init(
        lines: [Line] = [],
        calls: [String: Int] = [:],
        nextDue: Duration? = nil,
        problems: [IntegrationError] = []
    ) {
        self.lines = lines
        self.calls = calls
        self.nextDue = nextDue
        self.problems = problems
    }

    /// Returns how often something happened, in all.
    public func count(_ kind: IntegrationEvent.Kind) -> Int {
        lines.reduce(0) { $0 + ($1.counts[kind] ?? 0) }
    }

    /// What happened in words, such as `Mon HubSpot: 1 call created, 2 contact created`.
    public var description: String {
        var texts: [String] = []
        for (name, lines) in Dictionary(grouping: lines, by: \.name).sorted(by: { $0.key < $1.key }) {
            let parts = lines.sorted { $0.kind.rawValue < $1.kind.rawValue }.flatMap { line in
                line.counts.filter { $0.value > 0 }.sorted { $0.key.rawValue < $1.key.rawValue }
                    .map { "\($0.value) \(line.kind.rawValue) \($0.key.rawValue)" }
            }
            if !parts.isEmpty { texts.append("\(name): " + parts.joined(separator: ", ")) }
        }
        texts += problems.map(\.description)
        if texts.isEmpty { texts.append("Nothing to do") }
        if let nextDue { texts.append("next work in \(Int(nextDue.inSeconds.rounded(.up))) s") }
        return texts.joined(separator: "; ")
    }
}

/// Collects what a round does, from all its tasks.
final class SyncTally: Sendable {
    private struct State {
        var counts: [String: [RecordKind: [IntegrationEvent.Kind: Int]]] = [:]
        var names: [String: String] = [:]
        var problems: [IntegrationError] = []
    }
    private let state = LockBox(State())

    func add(_ kind: IntegrationEvent.Kind, _ recordKind: RecordKind, of integration: LoadedIntegration) {
        let core = integration.core
        core.meter.count(kind, recordKind, integration.id, integration.tenant, core.now())
        state.withLock {
            $0.counts[integration.id, default: [:]][recordKind, default: [:]][kind, default: 0] += 1
            $0.names[integration.id] = integration.record.name
        }
    }

    /// Adds an incident, once.
    ///
    /// To wait for one's turn within the platform's limits is none.
    func add(_ problem: IntegrationError) {
        if problem.code == .limited, problem.context.status == nil { return }
        state.withLock { state in
            let isKnown = state.problems.contains { $0.code == problem.code && $0.message == problem.message }
            if !isKnown, state.problems.count < 100 { state.problems.append(problem) }
        }
    }

    func report(calls: [String: Int], nextDue: Duration?) -> SyncReport {
        state.withLock { state in
            SyncReport(
                lines: state.counts.flatMap { id, kinds in
                    kinds.map {
                        SyncReport.Line(integration: id, name: state.names[id] ?? id, kind: $0.key, counts: $0.value)
                    }
                },
                calls: calls,
                nextDue: nextDue,
                problems: state.problems
            )
        }
    }
}
