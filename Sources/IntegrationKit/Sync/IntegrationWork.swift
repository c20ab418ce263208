// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One integration's share of a round: its state decides what may be done, then each lane's work is done.
struct IntegrationWork: Sendable {
    let core: EngineCore
    let host: (any HostRecords)?
    let id: String
    let claimedAt: Duration
    let sendsUntil: Duration
    let tally: SyncTally

    func run(_ lanes: [ClaimedLane]) async throws {
        guard let integration = try await LoadedIntegration.load(id, in: core) else {
            core.gate(id, for: .seconds(300))
            try await release(lanes, after: .seconds(300))
            return
        }
        if let pause = pause(of: integration) {
            core.gate(id, for: pause)
            try await release(lanes, after: pause)
            return
        }
        let worker = LaneWorker(integration: integration, host: host, tally: tally, sendsUntil: sendsUntil)
        var lanes = lanes
        if integration.status.breaker.isProbing(at: core.now()), lanes.count > 1 {
            try await release(Array(lanes[1...]), after: .seconds(1))
            lanes = [lanes[0]]
        }
        let records = lanes.filter { $0.lease.lane.streamID == nil }
        let pulls = lanes.filter { $0.lease.lane.streamID != nil }
        let works = try records.map { try LaneWork($0, claimedAt: claimedAt, keys: integration.keys) }
        if integration.pushes {
            try await worker.run(works)
        } else {
            // What waits to go out stays; what comes in does not wait for it.
            let inbound = works.map { work in
                var work = work
                work.jobs.removeAll { $0.0.record.action != .refetch }
                return work
            }.filter { !$0.jobs.isEmpty }
            let reading = Set(inbound.map(\.lane))
            try await worker.release(works.filter { !reading.contains($0.lane) }, after: .seconds(3600))
            try await worker.run(inbound)
        }
        for lane in pulls { try await pull(lane, integration, worker) }
        try await integration.keepLearned()
    }

    /// How long an integration that may not work now is left alone.
    private func pause(of integration: LoadedIntegration) -> Duration? {
        switch integration.fence.state {
        case .enabled: break
        case .paused: return .seconds(60)
        case .disabled: return .seconds(300)
        case .draining, .erased: return .seconds(60)
        }
        if integration.status.need != nil { return .seconds(60) }
        if integration.status.breaker.isOpen(at: core.now()), let until = integration.status.breaker.openUntil {
            return max(until.duration(since: core.now()), .seconds(1))
        }
        return nil
    }

    private func pull(_ lane: ClaimedLane, _ integration: LoadedIntegration, _ worker: LaneWorker) async throws {
        let work = try LaneWork(lane, claimedAt: claimedAt, keys: integration.keys)
        guard host != nil, integration.delivers,
            let stream = integration.streams.first(where: { $0.id == lane.lease.lane.streamID }),
            stream.kinds.contains(where: { integration.status.suspended[$0] == nil })
        else {
            try await worker.release([work], after: .seconds(3600))
            return
        }
        try await StreamWorker(
            worker: worker,
            stream: stream,
            work: work,
            interval: integration.settings.frequency.interval
        ).run()
    }

    private func release(_ lanes: [ClaimedLane], after: Duration) async throws {
        try await core.commit(
            Changes(
                id: core.random.uuid(),
                releases: lanes.map { LaneRelease($0.lease, seenTail: $0.tail, dueAfter: after) }
            )
        )
    }
}
