// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    /// Tells the host what people asked for under a privacy law, before anything else is done with their records.
    ///
    /// - Parameter works: Lanes under lease.
    /// - Returns: The lanes that may be worked on; a request that the host refuses waits for a person.
    /// - Throws: ``IntegrationError`` if the host cannot be reached; the requests come again.
    func passOnPrivacy(_ works: [LaneWork]) async throws -> [LaneWork] {
        var asked: [(work: LaneWork, job: Row<SyncJob>, change: InboundChange)] = []
        for work in works {
            guard let (job, _) = work.jobs.first(where: { $0.0.record.privacy != nil && $0.0.record.state == .queued }),
                let request = job.record.privacy, let remote = job.record.remote
            else { continue }
            let change = InboundChange(
                integration: integration.id,
                action: .privacy(request),
                remote: remote,
                version: "privacy \(request.requestedAt?.milliseconds ?? 0)",
                host: job.record.record
            )
            asked.append((work, job, change))
        }
        guard let host, !asked.isEmpty else { return works }
        let outcomes = try await apply(asked.map(\.change), to: host)
        var stopped: [LaneCommit] = []
        for ((work, job, _), outcome) in zip(asked, outcomes) {
            guard case .refused(let error) = outcome else { continue }
            let refusal = IntegrationError(
                .refused,
                "The host refused a privacy request (\(type(of: error))).",
                remedy: LocalizedText(
                    "Do by hand what the person asked for, then drop this.",
                    fr: "Traitez la demande à la main, puis abandonnez cette tâche."
                )
            )
            stopped.append(try block(work, job, refusal, at: core.now()))
        }
        try await commit(stopped)
        let lanes = Set(stopped.map(\.work.lane))
        return works.filter { !lanes.contains($0.lane) }
    }
}
