// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting

@testable import IntegrationKit

extension SyncJob {
    fileprivate var isQueued: Bool {
        if case .queued = state { true } else { false }
    }
}

extension SimulatedWorld {
    /// Lets the faults cease and works until everything that can be done is done; then looks at what has become of it.
    ///
    /// - Parameter days: How long the silence afterwards must last.
    /// - Throws: What the work throws.
    func comeToRest(days: Int) async throws {
        endFaults()
        await records.refuse { _ in nil }
        skews = [0, 0]
        for process in processes {
            process.fate.disarm()
            process.fate.failStore(nil)
            process.fate.skew(by: 0)
        }
        // What is in the air arrives, and leases of processes that are no more run out.
        await pass(.seconds(130))
        for index in tenants.indices { await enable(index % 2, index) }
        for index in tenants.indices where !tenants[index].isErased {
            if tenants[index].accounts.contains(where: \.needsResync) { await tellAgain(index) }
            for account in tenants[index].accounts { try? await living(0).manager.markResynced(account.integration) }
        }
        try await drain()
        await pass(.seconds(3700))
        try await drain()
        await look(after: .max)
        // What was changed arrives by reading what was changed; only what is gone or hidden needs whole lists.
        for index in tenants.indices where !tenants[index].isErased {
            for account in tenants[index].accounts {
                await checkEdits(account, Set(unfinished(account).compactMap(\.record.record)))
            }
        }
        for index in tenants.indices { await pull(0, index, sweep: true) }
        try await drain()
        for index in tenants.indices where tenants[index].isReborn && !tenants[index].isErased {
            await tellMadeAgain(index)
        }
        try await drain()
        for _ in 0..<2 {
            for index in tenants.indices { await replayLetters(0, index) }
            try await drain()
        }
        for index in tenants.indices { await pull(0, index, sweep: true) }
        try await drain()
        await look(after: .max)
        await checkRest()
        try await keepSilence(days: days)
    }

    func pull(_ number: Int, _ tenant: Int, sweep: Bool) async {
        guard !tenants[tenant].isErased, let process = try? await living(number) else { return }
        for account in tenants[tenant].accounts {
            try? await process.coordinator.pull(account.integration, sweep: sweep)
        }
        await sync(number)
    }

    /// Works until no job is unfinished that is not stopped.
    private func drain() async throws {
        var passed = Duration.zero
        while passed < .seconds(86_400), evidence.violation == nil {
            var due = Duration.seconds(1800)
            for number in 0..<2 {
                if let report = await sync(number), let next = report.nextDue { due = min(due, next) }
            }
            if outbox.isEmpty, due > .seconds(5), try await isDrained() { return }
            let step = max(due, .milliseconds(200))
            await pass(step)
            passed += step
        }
    }

    private func isDrained() async throws -> Bool {
        for account in tenants.filter({ !$0.isErased }).flatMap(\.accounts) {
            // Until a probe was answered, what changed on the platform is not read.
            let status = try await store.record(IntegrationStatus.self, account.integration)?.record
            if status?.breaker.openUntil != nil { return false }
            let keys = ["queued", "sent"].map { RowKey.join(account.integration, $0) }
            guard await store.count(matching: RowQuery("job.state", keys: keys), upTo: 1) > 0 else { continue }
            let jobs = await unfinished(account)
            let closed = closedLanes(jobs)
            let isWorking = jobs.contains { job in
                if case .blocked = job.record.state { false } else { !closed.contains(job.record.lane) }
            }
            if isWorking { return false }
        }
        return true
    }

    // MARK: - What must hold now

    private func checkRest() async {
        evidence.expect(outbox.isEmpty, .drained, "\(outbox.count) events are not taken")
        for index in tenants.indices where !tenants[index].isErased {
            for account in tenants[index].accounts { await checkRest(account, index) }
        }
        for index in tenants.indices where tenants[index].isErased { await checkErased(index) }
    }

    private func checkRest(_ account: Account, _ index: Int) async {
        let jobs = await unfinished(account)
        let closed = closedLanes(jobs)
        for job in jobs where !closed.contains(job.record.lane) || !job.record.isQueued {
            guard case .blocked(let reason) = job.record.state else {
                evidence.report(.drained, "\(job.id.key): \(job.record.state)")
                continue
            }
            evidence.expect(
                isGood(reason, account),
                .drained,
                "\(job.id.key): \(reason.error.code) \(reason.error.message)"
            )
        }
        let stopped = Set(jobs.compactMap(\.record.record))
        await checkEvents(account, index, stopped)
        await checkLinks(account, stopped)
        await checkPartners(account, index, stopped)
        await checkWords(index, stopped)
        await checkDeletions(account, tenants[index], stopped)
    }

    /// What the host deleted is gone on the platform, where the policy says so.
    private func checkDeletions(_ account: Account, _ tenant: Tenant, _ stopped: Set<HostReference>) async {
        guard account.plan.hostDeletes == .carryOut, !account.isReborn, !tracks.sharesAddresses, !tracks.hasMerged
        else { return }
        let there = shown(account.person, in: account).compactMap { $0.properties["lastname"] }
        for (reference, row) in rows where row.isDeleted && reference.tenant == tenant.name && !row.birth.isEmpty {
            if stopped.contains(reference) || tracks.droppedRecords.contains(reference) { continue }
            if tracks.strayed.contains(row.birth) { continue }
            if await records.record(reference) != nil || tracks.broughtBack.contains(row.birth) { continue }
            let isOutOfReach = tracks.births.contains { key, birth in
                birth == row.birth && (tracks.landed.contains(key) || isUnrecognizable(key, account))
            }
            if isOutOfReach { continue }
            evidence.expect(!there.contains(row.birth), .deletionsHold, "\(reference.id) \(row.birth) is still there")
        }
    }

    /// The lanes that wait for a person.
    private func closedLanes(_ jobs: [Row<SyncJob>]) -> Set<LaneID> {
        Set(
            jobs.filter { job in
                if case .blocked(let reason) = job.record.state { reason.holdsLane } else { false }
            }.map(\.record.lane)
        )
    }

    private func unfinished(_ account: Account) async -> [Row<SyncJob>] {
        let keys = ["queued", "sent", "blocked"].map { RowKey.join(account.integration, $0) }
        return (try? await store.records(SyncJob.self, matching: RowQuery("job.state", keys: keys))) ?? []
    }

    /// Whether a job may wait for a person for this reason in this world.
    private func isGood(_ reason: BlockReason, _ account: Account) -> Bool {
        switch reason.error.code {
        case .conflict:
            account.plan.conflicts == .ask || tracks.sharesAddresses || !tracks.unsettled.isEmpty || account.isReborn
        case .ambiguous: tracks.sharesAddresses || !tracks.unsettled.isEmpty
        case .outcomeUnknown: !account.plan.hasKeys || account.isReborn
        case .refused:
            reason.need != nil || tracks.hasRefused || tracks.sharesAddresses || !tracks.unsettled.isEmpty
        default: false
        }
    }

    private func checkEvents(_ account: Account, _ index: Int, _ stopped: Set<HostReference>) async {
        guard let process = try? await living(0) else { return }
        let effect: EventKind = account.isShop ? .orderCreated : .documentSent
        for (id, saying) in taken where saying.tenant == index {
            let why = try? await process.manager.why(event: id, of: tenants[index].name)
            evidence.expect(why?.sentences.isEmpty == false, .explained, id)
            guard saying.event.kind == effect, let text = tracks.notes[id], !tracks.dropped.contains(id),
                !account.isReborn
            else { continue }
            let count = tracks.creations["\(account.name) \(text)"] ?? 0
            let prospect = tracks.related["\(index) \(saying.event.record.id)"]
            let isLost = prospect.map { stopped.contains($0) || tracks.deletedHere.contains($0) } ?? false
            if isLost || stopped.contains(saying.event.record) || !tracks.archivedByPeople.isEmpty { continue }
            evidence.expect(count == 1, .effectOnce, "\(id) \(text) was written \(count) times")
        }
    }

    private func links(_ account: Account) async -> [Row<RecordLink>] {
        let prefix = account.integration
        return
            (try? await store.records(
                RecordLink.self,
                matching: RowQuery("link.key", range: "\(prefix)|"..<"\(prefix)|\u{10FFFF}")
            )) ?? []
    }

    /// Linked records agree, and no two links name one record.
    private func checkLinks(_ account: Account, _ stopped: Set<HostReference>) async {
        var owners: [RemoteID: HostReference] = [:]
        for link in await links(account) where link.record.isLinked {
            guard let host = link.record.host, let remote = link.record.remote else { continue }
            evidence.expect(owners[remote] == nil, .oneOwner, "\(remote): \(host) and \(owners[remote]?.id ?? "")")
            owners[remote] = host
            guard remote.kind != .note, !stopped.contains(host) else { continue }
            guard let record = await records.record(host) else {
                evidence.report(.deletionsHold, "\(host) is gone and still linked to \(remote)")
                continue
            }
            guard account.plan.direction == .bidirectional else { continue }
            guard let shown = shown(remote, in: account), !shown.isArchived else {
                evidence.report(.deletionsHold, "\(remote) is gone and still linked to \(host)")
                continue
            }
            compare(record, shown, host, remote, account)
        }
    }

    /// A person's edit of a linked record is there without a sweep.
    private func checkEdits(_ account: Account, _ stopped: Set<HostReference>) async {
        guard account.plan.direction == .bidirectional, !account.isReborn, !account.isMappingChanged,
            !tracks.hasRefused
        else { return }
        for link in await links(account) where link.record.isLinked {
            guard let host = link.record.host, let remote = link.record.remote, remote.kind != .note,
                !stopped.contains(host), let record = await records.record(host),
                let shown = shown(remote, in: account), !shown.isArchived,
                !tracks.unsettled.contains("\(account.name) \(remote.kind.rawValue) \(remote.value)")
            else { continue }
            compare(record, shown, host, remote, account)
        }
    }

    private func compare(
        _ record: HostRecord,
        _ shown: Shown,
        _ host: HostReference,
        _ remote: RemoteID,
        _ account: Account
    ) {
        // Without keys, a store of yesterday cannot tell what is whose.
        if !account.plan.hasKeys, account.isReborn || !tracks.broughtBack.isEmpty { return }
        for (remoteName, hostName) in account.fields {
            if hostName == "job_title", account.isMappingChanged { continue }
            let there = shown.properties[remoteName] ?? ""
            var here = ""
            if case .text(let text)? = record.fields[hostName] { here = text }
            evidence.expect(
                here.lowercased() == there.lowercased(),
                .agreement,
                "\(host.id) \(hostName.rawValue): \(here) here, \(there) on \(remote)"
            )
        }
    }

    /// Each record has its partner.
    private func checkPartners(_ account: Account, _ index: Int, _ stopped: Set<HostReference>) async {
        let tenant = tenants[index]
        let all = await links(account)
        let byHost = Dictionary(
            all.compactMap { link in link.record.host.map { ($0, link.record) } },
            uniquingKeysWith: { first, _ in first }
        )
        for reference in await records.references where reference.tenant == tenant.name {
            guard ["prospect", "appointment", "product", "order"].contains(reference.kind),
                account.takes(reference.kind),
                !stopped.contains(reference),
                !tracks.droppedRecords.contains(reference)
            else { continue }
            if reference.kind == "appointment", let needed = tracks.related["\(index) \(reference.id)"] {
                let isThere = await records.record(needed) != nil
                if stopped.contains(needed) || !isThere || tracks.deletedHere.contains(needed) { continue }
            }
            // Made by a change whose record a person removed before anybody noted whose it is.
            if rows[reference] == nil, account.isReborn || !tracks.archivedByPeople.isEmpty { continue }
            let state = byHost[reference]?.state
            evidence.expect(
                state == .linked || state == .merged || (state == .deletedByRemote && !tracks.archivedByPeople.isEmpty),
                .everythingLinked,
                "\(reference.id) is \(state?.rawValue ?? "not linked") in \(account.name)"
            )
        }
        guard account.plan.direction == .bidirectional else { return }
        let remotes = Set(
            all.flatMap { [$0.record.remote].compactMap(\.self) + $0.record.formerIDs + ($0.record.parted ?? []) }
        )
        for remote in account.mirrored.flatMap({ kind in shown(kind, in: account).map { RemoteID(kind, $0.id) } }) {
            if account.isReborn || !stopped.isEmpty || !tracks.droppedRecords.isEmpty { continue }
            let key = "\(account.name) \(remote.kind.rawValue) \(remote.value)"
            // Bytes that were long on their way made anew what a person had removed; or a person took away what alone
            // tells that it is ours, and it was made once more.
            if tracks.landed.contains(key) || (tracks.births[key] != nil && isUnrecognizable(key, account)) { continue }
            evidence.expect(remotes.contains(remote), .everythingLinked, "\(remote) has no partner")
        }
    }

    /// Each host field holds what its host or a person wrote last.
    private func checkWords(_ index: Int, _ stopped: Set<HostReference>) async {
        let tenant = tenants[index]
        for (reference, row) in rows where reference.tenant == tenant.name && !row.isDeleted {
            guard !tracks.overtaken.contains("\(tenant.name) \(reference.id)"),
                let record = await records.record(reference)
            else { continue }
            for (name, value) in row.written {
                guard case .text(let said) = value, case .text(let text)? = record.fields[name],
                    said.lowercased() != text.lowercased()
                else {
                    continue
                }
                guard let mark = Mark(in: text), mark.isHosts, !tracks.sharesAddresses, !tenant.isReborn,
                    !tracks.hasMerged
                else { continue }
                evidence.report(.hostIsHeard, "\(reference.id) \(name.rawValue): said \(said), holds \(text)")
            }
        }
    }

    // MARK: - Silence

    /// What we wrote in each account.
    private func writes() -> [[Deed]] {
        var scratch: [String: [String: String]] = [:]
        return tenants.flatMap(\.accounts).map { account in
            deeds(of: account, from: 0, &scratch).filter(\.isWrite)
        }
    }

    private func keepSilence(days: Int) async throws {
        func counts() async -> [Int] { [await records.applied.count] + writes().map(\.count) }
        let before = await counts()
        for _ in 0..<(days * 2) {
            await pass(.seconds(43_200))
            for number in 0..<2 { await sync(number) }
        }
        let after = await counts()
        let late = await records.applied[before[0]...].map { "\($0.action) \($0.remote.value) \($0.fields)" }
        let written = zip(writes(), before.dropFirst()).map { deeds, count in
            deeds[count...].map { "\($0.kind) \($0.key) \($0.values)" }
        }
        evidence.expect(before == after, .silence, "delivered \(late), written \(written)")
    }
}
