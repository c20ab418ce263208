// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LaneWorker {
    func merge(_ plans: [Plan]) async throws -> [Plan] {
        var current: [HostReference: HostRecord] = [:]
        let read = plans.filter { $0.remote != nil }
        if integration.delivers, let host, !read.isEmpty {
            current = try await asking(host) { try await host.current(read.map(\.host)) }
        }
        var result: [Plan] = []
        var commits: [LaneCommit] = []
        for var plan in plans {
            guard plan.fold.outcome != .delete else {
                result.append(plan)
                continue
            }
            guard plan.link.isLinked else {
                result.append(plan)
                continue
            }
            let record = current[plan.host]
            plan.hostRevision = record?.revision
            let merged = merge(plan, current: record)
            if !merged.problems.isEmpty, plan.fold.outcome == .save {
                let error = IntegrationError(merged.problems, of: plan.mapper.mapping, concerns: .record)
                commits.append(try block(plan, error))
                continue
            }
            if !merged.asked.isEmpty, plan.fold.outcome == .read, try await isAskedAlready(plan.host) {
                var commit = LaneCommit(plan.work)
                try finish(plan.fold.jobs, .unchanged, "", in: &commit)
                commit.dueAfter = plan.work.hasMore(than: plan.fold.jobs) ? .zero : nil
                commits.append(commit)
                continue
            }
            if !merged.asked.isEmpty {
                commits.append(try block(plan, conflict(merged.asked)))
                continue
            }
            plan.merged = merged
            plan.empties = merged.empties(record)
            result.append(plan)
        }
        try await commit(commits)
        return result
    }

    func merge(_ plan: Plan, current: HostRecord?) -> FieldMerge.Result {
        var words = (current?.fields ?? [:]).mapValues { HostWord(value: $0) }
        words.merge(plan.fold.words) { _, queued in queued }
        let ledger = Ledger(keys: integration.keys, link: plan.linkKey)
        return FieldMerge(ledger: ledger, mapper: plan.mapper).merge(
            FieldMerge.Input(
                tags: plan.link.tags,
                delivering: plan.link.delivering ?? [],
                host: words,
                current: current?.fields ?? [:],
                superseded: plan.fold.superseded,
                remote: plan.remote,
                policy: integration.settings.conflictPolicy,
                delivers: integration.delivers && host != nil,
                writes: integration.pushes,
                skew: integration.skew
            )
        )
    }

    /// Calls the host; what it throws is its own trouble and never the record's.
    func asking<Answer: Sendable>(_ host: any HostRecords, _ call: () async throws -> Answer) async throws -> Answer {
        do {
            return try await call()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw IntegrationError(
                .hostFailed,
                "The host's records could not be reached (\(type(of: error))).",
                remedy: LocalizedText(
                    "Check the host's database.",
                    fr: "Vérifiez la base de données de l’application."
                ),
                retry: .after(.seconds(10)),
                concerns: .application
            )
        }
    }

    /// Stops a plan's job.
    ///
    /// One that would make its record keeps the lane closed.
    func block(
        _ plan: Plan,
        _ error: IntegrationError,
        need: String? = nil,
        candidates: [RemoteID] = []
    ) throws -> LaneCommit {
        try block(
            plan.work,
            plan.head,
            error,
            need: need,
            candidates: candidates,
            holdsLane: plan.fold.outcome == .save && !plan.link.isLinked,
            at: core.now()
        )
    }

    private func conflict(_ fields: [FieldName]) -> IntegrationError {
        IntegrationError(
            .conflict,
            "Both sides changed \(fields.map(\.rawValue).joined(separator: ", ")).",
            remedy: LocalizedText(
                "Choose a value on one side, then replay.",
                fr: "Choisissez une valeur d’un côté, puis relancez."
            ),
            context: .init(fields: fields.map(\.rawValue))
        )
    }
}
