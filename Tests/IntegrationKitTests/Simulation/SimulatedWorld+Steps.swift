// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting

@testable import IntegrationKit

extension SimulatedWorld {
    /// Lets one step happen.
    func carryOut(_ step: Step) async throws {
        tracks.hasFaults = tracks.hasFaults || step.isFault
        switch step {
        case .hostSaves(let tenant, let prospect, let fields, let n):
            await save(tenant, await prospectReference(tenant, prospect), fields, number(n))
        case .hostDeletes(let tenant, let prospect, let n):
            await deleteHere(tenant, await prospectReference(tenant, prospect), number(n))
        case .hostSharesAddress(let tenant, let prospect, let other, let n):
            await shareAddress(tenant, prospect, with: other, number(n))
        case .hostWritesNote(let tenant, let prospect, let n):
            await writeNote(tenant, await prospectReference(tenant, prospect), number(n))
        case .hostSavesDeal(let tenant, let deal, let prospect, let n):
            await saveDeal(tenant, deal, await prospectReference(tenant, prospect), number(n))
        case .hostSavesProduct(let tenant, let product, let n): await saveProduct(tenant, product, number(n))
        case .hostOrders(let tenant, let prospect, let product, let n):
            await order(tenant, await prospectReference(tenant, prospect), product, number(n))
        case .hostRefuses(let refuses):
            tracks.hasRefused = tracks.hasRefused || refuses
            await records.refuse { change in refuses && change.fields["city"] != nil ? Died() : nil }
        case .hostRepeats(let process, let place): await sayAgain(process, place)
        case .personCreates, .personEdits, .personClears, .personArchives, .personRestores, .personErases,
            .personMerges, .personEditsDeal:
            actAsPerson(step)
        case .shopperCreates, .shopperEdits, .shopperClears, .shopperErases, .shopperCreatesProduct,
            .shopperEditsProduct, .shopperTrashes, .shopperRestores:
            // The shop's own rules refuse some of what people try.
            try? actInShop(step)
        case .sync(let process): await sync(process)
        case .pull(let process, let tenant): await pull(process, tenant, sweep: false)
        case .sweep(let process, let tenant): await pull(process, tenant, sweep: true)
        case .wait(let milliseconds): await pass(.milliseconds(milliseconds))
        case .skew(let process, let seconds):
            skews[process] = Double(seconds)
            processes[process].fate.skew(by: Double(seconds))
        case .fault(let fault, let calls):
            platform.fail(calls, with: fault.fault)
            shop.fail(calls, with: fault.fault)
        case .faultsAtRandom(let percent):
            let faults = Step.PlatformFault.allCases.map(\.fault)
            platform.failAtRandom(rate: Double(percent) / 100, faults: faults)
            shop.failAtRandom(rate: Double(percent) / 100, faults: faults)
        case .faultsEnd: endFaults()
        case .storeFails(let process, let fault, let commit): processes[process].fate.failStore(fault, at: commit)
        case .trap(let process, let trap): try await living(process).fate.arm(trap)
        case .crash(let process): processes[process].fate.die()
        case .reopen: await reopen()
        case .webhooks(let process, let isReordered, let isDoubled):
            await deliverWebhooks(process, isReordered: isReordered, isDoubled: isDoubled)
        case .forgedWebhook(let process): await forgeWebhook(process)
        case .pause, .disable, .enable, .connectAgain, .connectOtherAccount, .changeMapping, .erase, .replayLetters:
            try await changeSettings(step)
        case .backUp: backup = await (store.copy(), taken)
        case .restore: try await restore()
        }
    }

    func endFaults() {
        platform.stopFailing()
        shop.stopFailing()
    }

    // MARK: - The host

    private func prospectReference(_ tenant: Int, _ prospect: Int) async -> HostReference {
        let name = tenants[tenant].name
        if prospect >= 4 {
            let made = await records.references.filter { $0.tenant == name && $0.kind == "prospect" && rows[$0] == nil }
            let sorted = made.sorted { $0.id < $1.id }
            if !sorted.isEmpty { return sorted[prospect % sorted.count] }
        }
        return HostReference(tenant: name, kind: "prospect", id: "p\(prospect % 4)")
    }

    /// The number of a new value: they rise with time, whatever steps were left out.
    func number(_ n: Int) -> Int {
        lastNumber = max(lastNumber + 1, n * 100)
        return lastNumber
    }

    func save(_ tenant: Int, _ reference: HostReference, _ mask: Fields, _ n: Int, by process: Int? = nil) async {
        speaker = process
        defer { speaker = nil }
        guard !tenants[tenant].isErased else { return }
        var fields: [FieldName: FieldValue] = [:]
        for (name, _) in mask.names where name != "email" {
            fields[name] = .text(Mark(.host, tenant, reference.id, n).text)
        }
        if mask.contains(.email) { fields["email"] = .text(Mark(.host, tenant, reference.id, n).address) }
        let isNew = await records.record(reference) == nil
        if isNew {
            let birth = Mark(.birth, tenant, reference.id, n).text
            fields["email"] = .text(Mark(.host, tenant, reference.id, n).address)
            fields["last_name"] = .text(birth)
            rows[reference] = HostRow(
                reference: reference,
                birth: birth,
                births: (rows[reference]?.births ?? 0) + 1
            )
        }
        await tell(isNew ? .prospectCreated : .prospectUpdated, tenant, reference, fields, n)
    }

    private func tell(
        _ kind: EventKind,
        _ tenant: Int,
        _ reference: HostReference,
        _ fields: [FieldName: FieldValue],
        related: [RelatedRecord] = [],
        _ n: Int
    ) async {
        await records.edit(reference, fields)
        var row = rows[reference] ?? HostRow(reference: reference, birth: "", births: 0)
        row.isDeleted = false
        for (name, value) in fields { row.written[name] = value }
        rows[reference] = row
        await say(kind, reference, tenant, n: n, fields, related: related)
    }

    private func deleteHere(_ tenant: Int, _ reference: HostReference, _ n: Int) async {
        guard !tenants[tenant].isErased, await records.record(reference) != nil else { return }
        await records.delete(reference)
        rows[reference]?.isDeleted = true
        rows[reference]?.written = [:]
        tracks.deletedHere.insert(reference)
        await say(.prospectDeleted, reference, tenant, n: n, [:])
    }

    private func shareAddress(_ tenant: Int, _ prospect: Int, with other: Int, _ n: Int) async {
        let name = tenants[tenant].name
        let reference = HostReference(tenant: name, kind: "prospect", id: "p\(prospect)")
        let source = HostReference(tenant: name, kind: "prospect", id: "p\(other)")
        guard !tenants[tenant].isErased, prospect != other, await records.record(reference) != nil,
            let address = await records.record(source)?.fields["email"]
        else { return }
        tracks.sharesAddresses = true
        evidence.doubt()
        await tell(.prospectUpdated, tenant, reference, ["email": address], n)
    }

    func writeNote(_ tenant: Int, _ prospect: HostReference, _ n: Int, by process: Int? = nil) async {
        speaker = process
        defer { speaker = nil }
        guard !tenants[tenant].isErased, await records.record(prospect) != nil else { return }
        let reference = HostReference(tenant: prospect.tenant, kind: "document", id: "d\(n)")
        let birth = Mark(.birth, tenant, reference.id, n).text
        tracks.related["\(tenant) \(reference.id)"] = prospect
        tracks.notes["e\(n)"] = birth
        await say(
            .documentSent,
            reference,
            tenant,
            n: n,
            ["text": .text(birth), "sent_at": .instant(Date(timeIntervalSince1970: 1_800_000_000))],
            related: [RelatedRecord("prospect", prospect.id)]
        )
    }

    private func saveDeal(_ tenant: Int, _ deal: Int, _ prospect: HostReference, _ n: Int) async {
        guard !tenants[tenant].isErased else { return }
        let reference = HostReference(tenant: prospect.tenant, kind: "appointment", id: "a\(deal)")
        let title = Mark(.host, tenant, reference.id, n).text
        if await records.record(reference) != nil {
            await tell(.appointmentUpdated, tenant, reference, ["title": .text(title)], n)
            return
        }
        guard await records.record(prospect) != nil else { return }
        let birth = Mark(.birth, tenant, reference.id, n).text
        rows[reference] = HostRow(reference: reference, birth: birth, births: (rows[reference]?.births ?? 0) + 1)
        tracks.related["\(tenant) \(reference.id)"] = prospect
        await tell(
            .appointmentCreated,
            tenant,
            reference,
            ["title": .text(title), "description": .text(birth)],
            related: [RelatedRecord("prospect", prospect.id)],
            n
        )
    }

    private func saveProduct(_ tenant: Int, _ product: Int, _ n: Int) async {
        guard !tenants[tenant].isErased else { return }
        let reference = HostReference(tenant: tenants[tenant].name, kind: "product", id: "g\(product)")
        var fields: [FieldName: FieldValue] = ["name": .text(Mark(.host, tenant, reference.id, n).text)]
        if await records.record(reference) == nil {
            let birth = Mark(.birth, tenant, reference.id, n).text
            rows[reference] = HostRow(reference: reference, birth: birth, births: (rows[reference]?.births ?? 0) + 1)
            fields["description"] = .text(birth)
            fields["sku"] = .text(birth)
        }
        await tell(.productUpdated, tenant, reference, fields, n)
    }

    /// A prospect buys a product, or something that has no name.
    private func order(_ tenant: Int, _ prospect: HostReference, _ product: Int, _ n: Int) async {
        guard !tenants[tenant].isErased, await records.record(prospect) != nil else { return }
        let reference = HostReference(tenant: prospect.tenant, kind: "order", id: "o\(n)")
        let birth = Mark(.birth, tenant, reference.id, n).text
        var fields: [FieldName: FieldValue] = ["note": .text(birth)]
        let bought = HostReference(tenant: prospect.tenant, kind: "product", id: "g\(product)")
        if case .text(let sku)? = await records.record(bought)?.fields["sku"] {
            fields["items"] = .json([["sku": .string(sku), "quantity": 1]])
        }
        rows[reference] = HostRow(reference: reference, birth: birth)
        tracks.related["\(tenant) \(reference.id)"] = prospect
        tracks.notes["e\(n)"] = birth
        await tell(.orderCreated, tenant, reference, fields, related: [RelatedRecord("prospect", prospect.id)], n)
    }

    /// Says an event once more that was taken.
    private func sayAgain(_ number: Int, _ place: Int) async {
        let known = taken.values.sorted { $0.event.id < $1.event.id }.filter { !tenants[$0.tenant].isErased }
        guard !known.isEmpty, let process = try? await living(number) else { return }
        _ = try? await process.coordinator.enqueue(known[place % known.count].event)
    }

    /// Tells all records of a tenant again, as a host does when a platform was connected anew.
    func tellAgain(_ tenant: Int, only reference: HostReference? = nil) async {
        if reference == nil {
            // An account that still takes nothing asks for it once more.
            for place in tenants[tenant].accounts.indices { tenants[tenant].accounts[place].needsResync = false }
        }
        let all = await rows.values.filter { $0.reference.tenant == tenants[tenant].name } + othersRows(tenant)
        // What others belong to goes first.
        let sorted = all.sorted { ($0.reference.kind, $0.reference.id) > ($1.reference.kind, $1.reference.id) }
        for row in sorted where reference == nil || reference == row.reference {
            tracks.retellings += 1
            let n = number(100_000 + tracks.retellings)
            if let record = await records.record(row.reference) {
                let kind = Self.telling[row.reference.kind] ?? .appointmentCreated
                let prospect = tracks.related["\(tenant) \(row.reference.id)"]
                if let prospect, await records.record(prospect) == nil { continue }
                await say(
                    kind,
                    row.reference,
                    tenant,
                    n: n,
                    record.fields,
                    related: prospect.map { [RelatedRecord("prospect", $0.id)] } ?? []
                )
            } else if row.isDeleted, row.reference.kind == "prospect" {
                await say(.prospectDeleted, row.reference, tenant, n: n, [:])
            }
        }
    }

    /// Says once more the records that came from the platform, as a host does once a store that was brought back has seen
    /// them again.
    func tellMadeAgain(_ tenant: Int) async {
        for reference in await records.references where reference.tenant == tenants[tenant].name {
            guard rows[reference] == nil, let record = await records.record(reference) else { continue }
            tracks.retellings += 1
            let n = number(100_000 + tracks.retellings)
            let kinds: [String: EventKind] = ["prospect": .prospectUpdated, "appointment": .appointmentUpdated]
            guard let kind = kinds[reference.kind] ?? Self.telling[reference.kind] else { continue }
            await say(kind, reference, tenant, n: n, record.fields)
        }
    }

    /// The events by which a host tells a whole record.
    private static let telling: [String: EventKind] = [
        "prospect": .prospectCreated, "product": .productUpdated, "order": .orderCreated,
    ]

    /// The prospects that one of several platforms made here, or removed: the host tells the other one of them too.
    private func othersRows(_ tenant: Int) async -> [HostRow] {
        guard tenants[tenant].accounts.count > 1 else { return [] }
        let name = tenants[tenant].name
        let there = await records.references.filter { $0.tenant == name && $0.kind == "prospect" && rows[$0] == nil }
        let gone = tracks.deletedHere.filter { $0.tenant == name && rows[$0] == nil && !there.contains($0) }
        return there.map { HostRow(reference: $0, birth: "") }
            + gone.map { HostRow(reference: $0, birth: "", isDeleted: true) }
    }

    // MARK: - The settings screen

    private func changeSettings(_ step: Step) async throws {
        switch step {
        case .pause(let process, let tenant): await stop(process, tenant) { try await $0.pause($1) }
        case .disable(let process, let tenant): await stop(process, tenant) { try await $0.disable($1) }
        case .enable(let process, let tenant): await enable(process, tenant)
        case .connectAgain(let process, let tenant): await connectAgain(process, tenant)
        case .connectOtherAccount(let process, let tenant):
            let process = try await living(process)
            guard !tenants[tenant].isErased else { return }
            let token = platform.issueToken(for: tenants[tenant].portal + 100)
            evidence.keepSecret(token)
            let isRefused: Bool
            do {
                _ = try await process.manager.reconnect(
                    tenants[tenant].hubSpot.integration,
                    form: ["access_token": token]
                )
                isRefused = false
            } catch {
                isRefused = true
            }
            evidence.expect(isRefused, .ownAccount, tenants[tenant].name)
        case .changeMapping(let process, let tenant, let isShort):
            await changeMapping(process, tenant, isShort: isShort)
        case .erase(let process, let tenant): await erase(process, tenant)
        case .replayLetters(let process, let tenant): await replayLetters(process, tenant)
        default: break
        }
    }

    private func stop(_ number: Int, _ tenant: Int, _ stop: (IntegrationManager, String) async throws -> Void) async {
        guard !tenants[tenant].isErased, let process = try? await living(number) else { return }
        for account in tenants[tenant].accounts {
            do {
                try await stop(process.manager, account.integration)
                evidence.stop(account.token)
            } catch {
                // It did not return: nothing is promised.
            }
        }
    }

    func enable(_ number: Int, _ tenant: Int) async {
        guard !tenants[tenant].isErased, let process = try? await living(number) else { return }
        for account in tenants[tenant].accounts {
            evidence.allow(account.token)
            try? await process.manager.enable(account.integration)
        }
    }

    private func connectAgain(_ number: Int, _ tenant: Int) async {
        guard !tenants[tenant].isErased else { return }
        let old = tenants[tenant].hubSpot.integration
        for _ in 0..<20 {
            guard let manager = try? await living(number).manager else { return }
            do {
                try await manager.delete(old)
                break
            } catch let error as IntegrationError where error.code == .notFound {
                break
            } catch {
                await pass(.seconds(1))
            }
        }
        evidence.allow(tenants[tenant].hubSpot.token)
        tenants[tenant].hubSpot.isReborn = true
        doubtWhoseIsWhose(tenant)
        tracks.forget(tenants[tenant].name)
        evidence.forget(tenants[tenant].hubSpot.token)
        taken = taken.filter { $0.value.tenant != tenant }
        for _ in 0..<20 {
            if let made = try? await connect(tenants[tenant]) {
                tenants[tenant].hubSpot.integration = made
                break
            }
            // It may have been connected although nobody heard of it.
            if let made = try? await living(0).manager.integrations(of: tenants[tenant].name)
                .last(where: { $0.platform == .hubSpot })
            {
                integrations.append(made.id)
                tenants[tenant].hubSpot.integration = made.id
                break
            }
            await pass(.seconds(30))
            if processes[0].fate.isDead { _ = try? await living(0) }
            endFaults()
        }
        await tellAgain(tenant)
    }

    /// What an earlier life of an integration brought is brought once more as new records, which have the mail
    /// addresses of the old ones: to a second platform they are two.
    private func doubtWhoseIsWhose(_ tenant: Int) {
        guard tenants[tenant].accounts.count > 1 else { return }
        tracks.sharesAddresses = true
        evidence.doubt()
    }

    private func changeMapping(_ number: Int, _ tenant: Int, isShort: Bool) async {
        guard !tenants[tenant].isErased, let process = try? await living(number),
            var mapping = try? await process.manager.mappings(of: tenants[tenant].hubSpot.integration)
                .first(where: { $0.hostKind == "prospect" })
        else { return }
        tenants[tenant].hubSpot.isMappingChanged = true
        // The settings screen asks the account for its fields, whatever the state.
        let token = tenants[tenant].hubSpot.token
        let isStopped = evidence.isStopped(token)
        evidence.allow(token)
        mapping.rules.removeAll { $0.host == "job_title" }
        if !isShort { mapping.rules.append(FieldRule("job_title", "jobtitle")) }
        try? await process.manager.setMapping(mapping, of: tenants[tenant].hubSpot.integration)
        if isStopped { evidence.stop(token) }
    }

    private func erase(_ number: Int, _ tenant: Int) async {
        guard !tenants[tenant].isErased, let process = try? await living(number) else { return }
        outbox.removeAll { $0.tenant == tenant }
        tenants[tenant].isErased = true
        taken = taken.filter { $0.value.tenant != tenant }
        for _ in 0..<20 {
            if (try? await process.manager.erase(tenant: tenants[tenant].name)) != nil {
                evidence.erase(tenants[tenant].name)
                for account in tenants[tenant].accounts { evidence.stop(account.token) }
                break
            }
            if process.fate.isDead { return await eraseLater(number, tenant) }
        }
        backup = nil
        await checkErased(tenant)
    }

    private func eraseLater(_ number: Int, _ tenant: Int) async {
        tenants[tenant].isErased = false
        await erase(number, tenant)
    }

    func checkErased(_ tenant: Int) async {
        for index in ["job.state", "record", "integration.all", "log.integration", "lane", "link.key"] {
            let left = await store.rows(matching: RowQuery(index)).filter {
                $0.content.tenant == tenants[tenant].name
            }
            evidence.expect(left.isEmpty, .erasedIsErased, "\(index): \(left.first.map { "\($0.content.id)" } ?? "")")
        }
    }

    /// A person looks at each letter, and on the platform, before replaying or dropping it.
    func replayLetters(_ number: Int, _ tenant: Int) async {
        guard !tenants[tenant].isErased, let process = try? await living(number) else { return }
        for account in tenants[tenant].accounts {
            for letter in (try? await process.manager.deadLetters(of: account.integration)) ?? [] {
                if letter.reason.code == .outcomeUnknown, isThere(letter, account) {
                    tracks.dropped.insert(letter.event ?? "")
                    if let record = letter.record { tracks.droppedRecords.insert(record) }
                    try? await process.manager.drop(letter.id)
                } else if letter.reason.code == .invalidInput, let record = letter.record {
                    // A change of one field does not make a record of which the platform knows nothing.
                    try? await process.manager.drop(letter.id)
                    await tellAgain(tenant, only: record)
                } else {
                    try? await process.manager.replay(letter.id)
                }
            }
        }
    }

    private func isThere(_ letter: DeadLetter, _ account: Account) -> Bool {
        guard let record = letter.record else { return false }
        let birth = rows[record]?.birth ?? letter.event.flatMap { tracks.notes[$0] } ?? "?"
        let kinds: [RecordKind] = account.isShop ? [.customer, .product, .order] : [.contact, .deal, .note]
        return kinds.contains { kind in
            shown(kind, in: account).contains { $0.properties.values.contains { $0.contains(birth) } }
        }
    }

    private func reopen() async {
        for process in processes { process.fate.die() }
        store = await store.copy()
        evidence.reopen()
    }

    private func restore() async throws {
        guard let backup else { return }
        for process in processes { process.fate.die() }
        store = await backup.store.copy()
        taken = backup.taken
        evidence.restore()
        for tenant in tenants.indices {
            for place in tenants[tenant].accounts.indices {
                tenants[tenant].accounts[place].isReborn = true
                tenants[tenant].accounts[place].needsResync = true
            }
            doubtWhoseIsWhose(tenant)
        }
        let process = try await living(0)
        try await process.manager.adoptRestoredStore()
        processes[1].fate.die()
    }
}

extension Step {
    fileprivate var isFault: Bool {
        switch self {
        case .fault, .faultsAtRandom, .storeFails, .trap, .crash, .reopen, .restore, .skew: true
        default: false
        }
    }
}

extension Step.PlatformFault {
    var fault: SimulatedHubSpot.Fault {
        switch self {
        case .noConnection: .noConnection
        case .lostAnswerBefore: .lostAnswerBefore
        case .lostAnswerAfter: .lostAnswerAfter
        case .timeout: .timeout
        case .timeoutAfterEffect: .timeoutAfterEffect
        case .unavailable: .status(503)
        case .badGatewayAfterEffect: .statusAfterEffect(502)
        case .limited: .status(429)
        case .locked: .status(423)
        case .truncated: .truncatedBody
        case .html: .html
        }
    }
}
