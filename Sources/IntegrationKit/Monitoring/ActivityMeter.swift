// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What an integration did on one day (UTC), as it is kept.
struct ActivityRecord: StoredRecord {
    static let type = "activity"
    var counts: [RecordKind: [String: Int]] = [:]
    var calls = 0
    var failedCalls = 0
    /// How long the platform took, by what was done, such as `push contact`.
    var latency: [String: Histogram] = [:]
    /// How long events waited until they were carried out.
    var lag: [RecordKind: Histogram] = [:]
    /// How long changes on the platform waited until the host had them.
    var inboundLag: [RecordKind: Histogram]?

    mutating func merge(_ other: ActivityRecord) {
        for (kind, counts) in other.counts { self.counts[kind, default: [:]].merge(counts, uniquingKeysWith: +) }
        calls += other.calls
        failedCalls += other.failedCalls
        for (operation, histogram) in other.latency { latency[operation, default: Histogram()].merge(histogram) }
        for (kind, histogram) in other.lag { lag[kind, default: Histogram()].merge(histogram) }
        for (kind, histogram) in other.inboundLag ?? [:] {
            inboundLag = inboundLag ?? [:]
            inboundLag?[kind, default: Histogram()].merge(histogram)
        }
    }

    static func key(_ integration: String, _ day: String) -> String { RowKey.join(integration, day) }
}

/// Counts what happens in memory, and adds it to the day's rows at most once a minute: never a commit for one job.
///
/// A process that is killed loses the counts of its last minute, and no record.
final class ActivityMeter: Sendable {
    struct Key: Hashable, Sendable {
        var integration: String
        var tenant: String
        var day: String
    }
    private struct State {
        var days: [Key: ActivityRecord] = [:]
        var flushedAt: Duration?
    }
    private let state = LockBox(State())

    private static let flushEvery = Duration.seconds(60)
    private static let mostOperations = 64

    func count(
        _ happening: IntegrationEvent.Kind,
        _ kind: RecordKind,
        _ integration: String,
        _ tenant: String,
        _ at: Date
    ) {
        change(integration, tenant, at) { $0.counts[kind, default: [:]][happening.rawValue, default: 0] += 1 }
    }

    /// Counts how long what an event tells of had waited.
    func lag(of event: IntegrationEvent, in integration: LoadedIntegration) {
        guard let lag = event.lag, let kind = event.recordKind else { return }
        change(integration.id, integration.tenant, event.date) { day in
            guard event.kind == .delivered else {
                day.lag[kind, default: Histogram()].add(lag)
                return
            }
            day.inboundLag = day.inboundLag ?? [:]
            day.inboundLag?[kind, default: Histogram()].add(lag)
        }
    }

    /// Counts a call to a platform.
    func call(_ event: IntegrationEvent) {
        guard event.kind == .request, let integration = event.integration, let tenant = event.tenant else { return }
        change(integration, tenant, event.date) { day in
            day.calls += 1
            if event.error != nil { day.failedCalls += 1 }
            guard let duration = event.duration else { return }
            var operation = event.operation ?? ""
            if day.latency[operation] == nil, day.latency.count >= ActivityMeter.mostOperations { operation = "other" }
            day.latency[operation, default: Histogram()].add(duration)
        }
    }

    private func change(_ integration: String, _ tenant: String, _ at: Date, _ change: (inout ActivityRecord) -> Void) {
        let key = Key(integration: integration, tenant: tenant, day: ISO8601.day(of: at, in: .gmt))
        state.withLock { change(&$0.days[key, default: ActivityRecord()]) }
    }

    /// What is not in the rows yet.
    func pending(_ integration: String) -> [String: ActivityRecord] {
        state.withLock { state in
            Dictionary(
                state.days.filter { $0.key.integration == integration }.map { ($0.key.day, $0.value) },
                uniquingKeysWith: { first, _ in first }
            )
        }
    }

    /// Adds what was counted to the rows, if the last time is long enough ago.
    func flush(_ core: EngineCore) async throws {
        let now = core.time.elapsed()
        let days = state.withLock { state -> [Key: ActivityRecord] in
            if let last = state.flushedAt, now - last < ActivityMeter.flushEvery { return [:] }
            guard !state.days.isEmpty else { return [:] }
            state.flushedAt = now
            defer { state.days = [:] }
            return state.days
        }
        var left = days
        do {
            for (key, day) in days {
                try await add(day, key, core)
                left[key] = nil
            }
        } catch {
            state.withLock { state in
                for (key, day) in left { state.days[key, default: ActivityRecord()].merge(day) }
            }
            throw error
        }
    }

    /// Adds to a day's row, whoever else adds to it; what an integration did that was deleted is forgotten.
    private func add(_ day: ActivityRecord, _ key: Key, _ core: EngineCore) async throws {
        let rowKey = ActivityRecord.key(key.integration, key.day)
        for _ in 0..<8 {
            guard let fence = try await core.store.record(Fence.self, key.integration), fence.record.state != .erased
            else { return }
            let row = try await core.store.record(ActivityRecord.self, rowKey)
            var sum = row?.record ?? ActivityRecord()
            sum.merge(day)
            let content = try sum.content(
                key: rowKey,
                tenant: key.tenant,
                integration: key.integration,
                indexes: [IndexEntry("activity.integration", rowKey)],
                keep: core.options.activityRetention
            )
            do {
                try await core.commit(
                    Changes(
                        id: core.random.uuid(),
                        requires: [
                            .revision(fence.id, fence.revision),
                            row.map { .revision($0.id, $0.revision) } ?? .absent(content.id),
                        ],
                        puts: [content]
                    )
                )
                return
            } catch StoreFailure.conflict {
                continue
            }
        }
        throw EngineCore.storeError(nil)
    }
}
