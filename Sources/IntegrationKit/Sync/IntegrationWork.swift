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
        do {
            if let endpoint = LaneID.endpoint(ofIntegration: id) {
                try await HookWork(
                    core: core,
                    endpoint: endpoint,
                    claimedAt: claimedAt,
                    sendsUntil: sendsUntil
                ).run(lanes)
            } else {
                try await work(on: lanes)
            }
        } catch {
            // The lanes are given back as soon as the store works, so that they do not look like a crash loop.
            core.held.hold(.releases(releasing(lanes, after: .seconds(1))))
            throw error
        }
    }

    private func work(on lanes: [ClaimedLane]) async throws {
        guard let integration = try await LoadedIntegration.load(id, in: core) else {
            let isGone = try await core.store.record(Fence.self, id) == nil
            if !isGone { core.gate(id, for: .seconds(300)) }
            try await core.commit(releasing(lanes, after: isGone ? nil : .seconds(300)))
            return
        }
        if let pause = pause(of: integration) {
            core.gate(id, for: pause)
            try await core.commit(releasing(lanes, after: pause))
            return
        }
        let worker = LaneWorker(integration: integration, host: host, tally: tally, sendsUntil: sendsUntil)
        guard integration.status.breaker.isProbing(at: core.storeNow()) else {
            try await work(on: lanes, worker)
            return
        }
        // One lane finds out whether the platform answers again, in one process.
        try await core.commit(releasing(Array(lanes[1...]), after: .seconds(1)))
        guard try await takeProbe(integration) else {
            try await core.commit(releasing([lanes[0]], after: .seconds(1)))
            return
        }
        let calls = core.calls.withLock { $0[id] ?? 0 }
        try await work(on: [lanes[0]], worker)
        if core.calls.withLock({ $0[id] ?? 0 }) == calls { try await passProbe(integration) }
    }

    private func work(on lanes: [ClaimedLane], _ worker: LaneWorker) async throws {
        let integration = worker.integration
        let records = lanes.filter { $0.lease.lane.streamID == nil && !$0.lease.lane.isAudit }
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
        try await worker.audit(lanes.filter(\.lease.lane.isAudit))
        for lane in pulls {
            if let pause = core.closedFor(id) {
                try await core.commit(releasing([lane], after: pause))
            } else {
                try await pull(lane, integration, worker)
            }
        }
        if integration.answered.withLock({ $0 }) { try await worker.noteSuccess() }
        try await worker.settleIncidents()
        try await integration.keepLearned()
    }

    /// Takes the one probe that goes out while the platform does not answer; others wait until it must have ended.
    private func takeProbe(_ integration: LoadedIntegration) async throws -> Bool {
        var isOurs = false
        let now = core.storeNow()
        let ends = now.advanced(by: core.options.sendWindow + core.options.requestTimeout)
        try await core.updateStatus(of: id, tenant: integration.tenant) {
            isOurs = $0.breaker.isProbing(at: now)
            if isOurs { $0.breaker.openUntil = ends }
        }
        return isOurs
    }

    /// Lets another lane probe: this one had nothing to ask.
    private func passProbe(_ integration: LoadedIntegration) async throws {
        let now = core.storeNow()
        try await core.updateStatus(of: id, tenant: integration.tenant) {
            if $0.breaker.openUntil != nil { $0.breaker.openUntil = now }
        }
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
        if integration.status.breaker.isOpen(at: core.storeNow()), let until = integration.status.breaker.openUntil {
            return max(until.duration(since: core.storeNow()), .seconds(1))
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

    private func releasing(_ lanes: [ClaimedLane], after: Duration?) -> Changes {
        Changes(
            id: core.random.uuid(),
            releases: lanes.map { LaneRelease($0.lease, seenTail: $0.tail, dueAfter: after) }
        )
    }
}
