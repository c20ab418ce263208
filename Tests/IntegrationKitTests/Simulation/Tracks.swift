// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// What truly happened, from the platforms' own histories and the host's own table.
struct Tracks {
    /// What happened in each account, by its name.
    var deeds: [String: [Deed]] = [:]
    /// How much of that was looked at.
    var seen: [String: Int] = [:]
    /// What a shop's records held when they were last looked at.
    var shown: [String: [String: String]] = [:]
    /// How much of what the host carried out was looked at.
    var applied = 0
    var creations: [String: Int] = [:]
    var removals: [String: Int] = [:]
    /// The mark that a record on the platform was made with.
    var births: [String: String] = [:]
    /// The host's id of the record that a record on the platform has values of.
    var owners: [String: String] = [:]
    /// The number of the host's last value that was written to a field.
    var written: [String: Int] = [:]
    /// A person's value that stands in a field, and the step in which it was written.
    var persons: [String: (value: String, step: Int)] = [:]
    /// What the host was told of, by field and value.
    var delivered: Set<String> = []
    /// The number of the person's last value that the host was told of.
    var told: [String: Int] = [:]
    /// The host's record that was made of one on the platform.
    var made: [String: String] = [:]
    /// Records that were merged, archived or removed on the platform: their values are nobody's in particular.
    var unsettled: Set<String> = []
    /// The host's record to which a person's value came first, by its mark.
    var homes: [String: String] = [:]
    /// Values that came to another record of the host than the one that they were about.
    var strayed: Set<String> = []
    /// When a person's value came to a field of the host, as a number among those of the host's own values.
    var arrived: [String: Int] = [:]
    /// What a note or an appointment is about.
    var related: [String: HostReference] = [:]
    /// The text of each note, by its event.
    var notes: [String: String] = [:]
    /// Records that were made by a call that arrived when its process was long gone.
    var landed: Set<String> = []
    /// Records of the host whose late bytes undid what a person had done.
    var overtaken: Set<String> = []
    /// Marks of records that people brought back.
    var broughtBack: Set<String> = []
    var deletedHere: Set<HostReference> = []
    var archivedByPeople: Set<String> = []
    var archivedByUs: Set<String> = []
    var dropped: Set<String> = []
    var droppedRecords: Set<HostReference> = []
    /// Records by whose mail address or title nobody finds them any more, since a person changed it.
    var readdressed: Set<String> = []
    var sharesAddresses = false
    var hasMerged = false
    var hasFaults = false
    var hasRefused = false
    var retellings = 0
    var hasErased: Set<String> = []

    /// Forgets what was counted for a tenant whose integration begins anew.
    mutating func forget(_ tenant: String) {
        deletedHere = deletedHere.filter { $0.tenant != tenant }
    }

    static let hostNames: [String: FieldName] = [
        "firstname": "first_name", "city": "city", "jobtitle": "job_title", "email": "email", "dealname": "title",
        "name": "name",
    ]
    static let remoteNames: [FieldName: String] = [
        "first_name": "firstname", "city": "city", "job_title": "jobtitle", "email": "email", "title": "dealname",
    ]
}

extension SimulatedWorld {
    /// Looks at everything that happened since the last look.
    ///
    /// - Parameter step: The number of the step that is over.
    func look(after step: Int) async {
        for tenant in tenants {
            for account in tenant.accounts {
                let known = tracks.deeds[account.name]?.count ?? 0
                tracks.deeds[account.name, default: []] += deeds(of: account, from: known, &tracks.shown)
                noteLandings(account, tenant)
            }
        }
        await lookAtHost()
        for index in tenants.indices {
            for account in tenants[index].accounts { lookAtPlatform(account, index, step) }
            lookAtForeignAccount(tenants[index])
        }
    }

    /// Bytes that were long on their way undo what a person did meanwhile: nothing can know of it.
    private func noteLandings(_ account: Account, _ tenant: Tenant) {
        let history = tracks.deeds[account.name] ?? []
        for deed in history[(tracks.seen[account.name] ?? 0)...] where isLanding(deed, account) {
            let isTouched = history.contains { !$0.isByAPI && $0.key == deed.key }
            let mark = deed.values.values.compactMap { Mark(in: $0) }.first
            let births = deed.values.values.compactMap { Mark(in: $0) }.filter { $0.writer == .birth }
            let isMadeAnew = births.contains { tracks.creations["\(account.name) \($0.text)"] != nil }
            guard isTouched || (deed.kind == .created && isMadeAnew) else { continue }
            tracks.unsettled.insert(deed.key)
            tracks.overtaken.insert("\(tenant.name) \(mark?.id ?? "")")
        }
    }

    private func lookAtHost() async {
        let all = await records.applied
        for change in all[tracks.applied...] {
            guard let index = tenants.firstIndex(where: { $0.name == change.host?.tenant }) else { continue }
            let tenant = tenants[index]
            let account = tenant.accounts.first { $0.integration == change.integration } ?? tenant.hubSpot
            let key = "\(account.name) \(change.remote.kind.rawValue) \(change.remote.value)"
            let host = change.host?.id ?? ""
            let isPlain =
                !account.isReborn && !tracks.unsettled.contains(key) && !tracks.sharesAddresses
                && change.host.map { !tracks.deletedHere.contains($0) } ?? true && !isUnrecognizable(key, account)
            if case .create = change.action {
                let first = tracks.made[key] ?? host
                tracks.made[key] = first
                if isPlain {
                    evidence.expect(first == host, .madeOnceHere, "\(key) became \(first) and \(host)")
                }
                // Our key tells it, also where the store knows nothing of it any more.
                if isPlain || isOursByKey(key, account) {
                    evidence.expect(tracks.births[key] == nil, .madeOnceHere, "\(key) is ours and became \(host)")
                }
            }
            if case .delete = change.action {
                let isGone = shown(change.remote, in: account)?.isArchived ?? true
                evidence.expect(
                    isGone || tracks.unsettled.contains(key),
                    .deletionsHold,
                    "\(host) was deleted, and \(key) is there"
                )
            }
            for (name, value) in change.fields {
                guard case .text(let text) = value else { continue }
                tracks.delivered.insert("\(key) \(name.rawValue) \(text.lowercased())")
                guard let mark = Mark(in: text) else { continue }
                let isBack = tracks.homes[mark.text] == host
                guard isPlain else { continue }
                if mark.writer == account.people {
                    let field = "\(key) \(name.rawValue)"
                    evidence.expect(
                        mark.number >= tracks.told[field] ?? 0,
                        .noStepBack,
                        "\(field): \(text) after \(tracks.told[field] ?? 0)"
                    )
                    tracks.told[field] = mark.number
                } else {
                    let isEcho = mark.isHosts ? mark.id == host : isBack
                    evidence.expect(!isEcho, .noEcho, "\(key): \(name.rawValue) \(text) came to \(host)")
                }
            }
        }
        tracks.applied = all.count
    }

    private func isOursByKey(_ key: String, _ account: Account) -> Bool {
        account.plan.hasKeys && !tracks.unsettled.contains(key) && !tracks.landed.contains(key)
    }

    private func lookAtForeignAccount(_ tenant: Tenant) {
        let effects = platform.history(of: tenant.portal + 100)
        evidence.expect(effects.isEmpty, .rightAccount, "\(effects.first.map { "\($0)" } ?? "")")
    }

    private func lookAtPlatform(_ account: Account, _ index: Int, _ step: Int) {
        let history = tracks.deeds[account.name] ?? []
        for deed in history[(tracks.seen[account.name] ?? 0)...] {
            let key = deed.key
            switch deed.kind {
            case .created:
                noteCreation(deed, account)
                if let buyer = deed.buyer { noteRelation(deed, account.person.rawValue, buyer, account, index) }
            case .archived, .erased: noteRemoval(deed, account)
            case .merged(let winner):
                noteRemoval(deed, account)
                tracks.hasMerged = true
                tracks.unsettled.insert("\(account.name) \(account.person.rawValue) \(winner)")
            case .associated(let type, let id): noteRelation(deed, type, id, account, index)
            case .restored:
                tracks.unsettled.insert(key)
                if let birth = tracks.births[key] { tracks.broughtBack.insert(birth) }
            case .updated, .other: break
            }
            for (name, value) in deed.values { note(value, in: name, deed, account, index, step) }
        }
        tracks.seen[account.name] = history.count
    }

    /// Whether every answer has arrived so far, and every clock was right.
    private var isCalm: Bool { !tracks.hasFaults }

    /// Whether the deed is of a call that arrived when its process was long gone.
    private func isLanding(_ deed: Deed, _ account: Account) -> Bool {
        guard let call = deed.call else { return false }
        return air.landings.withLock { $0.contains(Landing(isShop: account.isShop, call: call)) }
    }

    private func noteCreation(_ deed: Deed, _ account: Account) {
        let key = deed.key
        let texts = [deed.values["lastname"], deed.values["description"], deed.values["hs_note_body"]]
        guard deed.isByAPI, let mark = texts.compactMap({ $0 }).compactMap({ Mark(in: $0) }).first else { return }
        tracks.births[key] = mark.text
        if isLanding(deed, account) { tracks.landed.insert(key) }
        let birth = "\(account.name) \(mark.text)"
        tracks.creations[birth, default: 0] += 1
        // Where the account takes no key, nothing tells a new connection what an earlier one wrote.
        // Bytes that were long on their way made anew what a person had removed.
        if (tracks.removals[birth] ?? 0) > 0, tracks.landed.contains(where: { tracks.births[$0] == mark.text }) {
            return
        }
        let isHidden = tracks.births.contains { $0.value == mark.text && isUnrecognizable($0.key, account) }
        if isHidden || tracks.strayed.contains(mark.text) || (account.isReborn && !account.plan.hasKeys) { return }
        evidence.expect(
            tracks.creations[birth, default: 0] <= 1 + (tracks.removals[birth] ?? 0),
            .createdOnce,
            "\(mark.text) was created \(tracks.creations[birth, default: 0]) times, last as \(key)"
        )
    }

    /// Whether a person took away what alone tells that a record is ours.
    func isUnrecognizable(_ key: String, _ account: Account) -> Bool {
        !account.plan.hasKeys && (tracks.readdressed.contains(key) || tracks.hasMerged)
    }

    private func noteRemoval(_ deed: Deed, _ account: Account) {
        tracks.unsettled.insert(deed.key)
        evidence.forgetUnknown()
        if deed.isByAPI { tracks.archivedByUs.insert(deed.key) } else { tracks.archivedByPeople.insert(deed.key) }
        if let birth = tracks.births[deed.key] { tracks.removals["\(account.name) \(birth)", default: 0] += 1 }
    }

    private func noteRelation(_ deed: Deed, _ type: String, _ id: String, _ account: Account, _ index: Int) {
        guard deed.isByAPI, let birth = tracks.births[deed.key], let mark = Mark(in: birth),
            type.hasPrefix(account.person.rawValue)
        else { return }
        let contact = "\(account.name) \(account.person.rawValue) \(id)"
        guard let wanted = tracks.related["\(index) \(mark.id)"], let owner = tracks.owners[contact],
            !tracks.unsettled.contains(contact), !tracks.sharesAddresses
        else { return }
        evidence.expect(owner == wanted.id, .relatedRight, "\(birth) is with \(contact) of \(owner), not \(wanted.id)")
    }

    private func note(
        _ value: String,
        in name: String,
        _ deed: Deed,
        _ account: Account,
        _ index: Int,
        _ step: Int
    ) {
        guard name != "integrationkit_key" else { return }
        let key = deed.key
        let field = "\(key) \(name)"
        let mark = Mark(in: value)
        if !deed.isByAPI {
            if name == "email" || name == "dealname" { tracks.readdressed.insert(key) }
            tracks.persons[field] = (value, step)
            return
        }
        if let before = tracks.persons[field], before.value != value, !before.value.isEmpty,
            before.value.lowercased() != value.lowercased()
        {
            checkHeard(before, by: value, field, name, deed, account, step)
        }
        let isOverPerson = tracks.persons[field].map { $0.value.lowercased() != value.lowercased() } ?? false
        tracks.persons[field] = nil
        guard let mark, name != "hs_note_body", !tracks.sharesAddresses else { return }
        evidence.expect(mark.tenant == index, .rightAccount, "\(field) = \(value)")
        guard mark.writer != account.people, !tracks.strayed.contains(mark.text),
            let from = mark.isHosts ? mark.id : tracks.homes[mark.text]
        else { return }
        if let owner = tracks.owners[key], !tracks.unsettled.contains(key), !account.isReborn {
            evidence.expect(owner == from, .rightRecord, "\(field) = \(value), and the record is \(owner)'s")
        }
        if name != "associated" { tracks.owners[key] = from }
        guard !isLanding(deed, account), !account.isReborn, !tracks.unsettled.contains(key),
            let number = rank(of: mark, from, name, tenants[index])
        else { return }
        if isOverPerson, isCalm, deed.values["lastname"] == nil {
            evidence.expect(
                number > tracks.written[field] ?? 0,
                .peopleAreHeard,
                "\(field) = \(value) was written once more, over a person's edit"
            )
        }
        evidence.expect(
            number >= tracks.written[field] ?? 0,
            .inOrder,
            "\(field) = \(value) after \(tracks.written[field] ?? 0)"
        )
        tracks.written[field] = max(number, tracks.written[field] ?? 0)
    }

    /// When a value was said here last: by the host, or by a platform that brought it here.
    private func rank(of mark: Mark, _ host: String, _ name: String, _ tenant: Tenant) -> Int? {
        let field = Tracks.hostNames[name]?.rawValue ?? "last_name"
        let arrived = tracks.arrived["\(tenant.name) \(host) \(field) \(mark.text)"]
        return [mark.isHosts ? mark.number : nil, arrived].compactMap(\.self).max()
    }

    private func checkHeard(
        _ before: (value: String, step: Int),
        by value: String,
        _ field: String,
        _ name: String,
        _ deed: Deed,
        _ account: Account,
        _ step: Int
    ) {
        let key = deed.key
        guard account.plan.conflicts == .platformWins, account.plan.direction == .bidirectional, !account.isReborn,
            !account.isMappingChanged, !tracks.hasRefused, !tracks.unsettled.contains(key), !tracks.sharesAddresses,
            !isLanding(deed, account), before.step < step, let host = Tracks.hostNames[name]
        else { return }
        evidence.expect(
            tracks.delivered.contains("\(key) \(host.rawValue) \(before.value.lowercased())"),
            .peopleAreHeard,
            "\(field): \(before.value) of step \(before.step) was overwritten by \(value)"
        )
    }
}
