// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// What truly happened, from the platform's own history and the host's own table.
struct Tracks {
    /// How much of each account's history was looked at.
    var seen: [Int64: Int] = [:]
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
        for tenant in tenants { noteLandings(tenant) }
        await lookAtHost()
        for index in tenants.indices {
            lookAtPlatform(tenants[index], index, step)
            lookAtForeignAccount(tenants[index])
        }
    }

    /// Bytes that were long on their way undo what a person did meanwhile: nothing can know of it.
    private func noteLandings(_ tenant: Tenant) {
        let history = platform.history(of: tenant.portal)
        for effect in history[(tracks.seen[tenant.portal] ?? 0)...] where isLanding(effect) {
            let isTouched = history.contains { $0.source == .person && $0.objectID == effect.objectID }
            let mark = effect.values.values.compactMap { Mark(in: $0) }.first
            let births = effect.values.values.compactMap { Mark(in: $0) }.filter { $0.writer == .birth }
            let isMadeAnew = births.contains { tracks.creations["\(tenant.portal) \($0.text)"] != nil }
            guard isTouched || (effect.kind == .created && isMadeAnew) else { continue }
            let key = "\(tenant.portal) \(effect.objectType) \(effect.objectID)"
            tracks.unsettled.insert(key)
            tracks.overtaken.insert("\(tenant.name) \(mark?.id ?? "")")
        }
    }

    private func lookAtHost() async {
        let all = await records.applied
        for change in all[tracks.applied...] {
            guard let index = tenants.firstIndex(where: { $0.name == change.host?.tenant }) else { continue }
            let tenant = tenants[index]
            let type = change.remote.kind == .deal ? "deal" : "contact"
            let key = "\(tenant.portal) \(type) \(change.remote.value)"
            let host = change.host?.id ?? ""
            let isPlain =
                !tenant.isReborn && !tracks.unsettled.contains(key) && !tracks.sharesAddresses
                && change.host.map { !tracks.deletedHere.contains($0) } ?? true && !isUnrecognizable(key, tenant)
            if case .create = change.action {
                let first = tracks.made[key] ?? host
                tracks.made[key] = first
                if isPlain {
                    evidence.expect(first == host, .madeOnceHere, "\(key) became \(first) and \(host)")
                }
                // Our key tells it, also where the store knows nothing of it any more.
                if isPlain || isOursByKey(key, tenant) {
                    evidence.expect(tracks.births[key] == nil, .madeOnceHere, "\(key) is ours and became \(host)")
                }
            }
            if case .delete = change.action {
                let isGone = platform.record(type + "s", change.remote.value, in: tenant.portal)?.isArchived ?? true
                evidence.expect(
                    isGone || tracks.unsettled.contains(key),
                    .deletionsHold,
                    "\(host) was deleted, and \(key) is there"
                )
            }
            for (name, value) in change.fields {
                guard case .text(let text) = value else { continue }
                tracks.delivered.insert("\(key) \(name.rawValue) \(text.lowercased())")
                guard let mark = Mark(in: text), isPlain else { continue }
                switch mark.writer {
                case .host, .birth:
                    evidence.expect(mark.id != host, .noEcho, "\(key): \(name.rawValue) \(text) came to \(host)")
                case .person:
                    let field = "\(key) \(name.rawValue)"
                    evidence.expect(
                        mark.number >= tracks.told[field] ?? 0,
                        .noStepBack,
                        "\(field): \(text) after \(tracks.told[field] ?? 0)"
                    )
                    tracks.told[field] = mark.number
                }
            }
        }
        tracks.applied = all.count
    }

    private func isOursByKey(_ key: String, _ tenant: Tenant) -> Bool {
        tenant.plan.hasKeys && !tracks.unsettled.contains(key) && !tracks.landed.contains(key)
    }

    private func lookAtForeignAccount(_ tenant: Tenant) {
        let effects = platform.history(of: tenant.portal + 100)
        evidence.expect(effects.isEmpty, .rightAccount, "\(effects.first.map { "\($0)" } ?? "")")
    }

    private func lookAtPlatform(_ tenant: Tenant, _ index: Int, _ step: Int) {
        let history = platform.history(of: tenant.portal)
        for effect in history[(tracks.seen[tenant.portal] ?? 0)...] {
            let key = "\(tenant.portal) \(effect.objectType) \(effect.objectID)"
            switch effect.kind {
            case .created: noteCreation(effect, key, tenant)
            case .archived, .erased: noteRemoval(effect, key)
            case .merged(let winner):
                noteRemoval(effect, key)
                tracks.hasMerged = true
                tracks.unsettled.insert("\(tenant.portal) \(effect.objectType) \(winner)")
            case .associated(let type, let id): noteRelation(effect, key, type, id, tenant, index)
            case .restored:
                tracks.unsettled.insert(key)
                if let birth = tracks.births[key] { tracks.broughtBack.insert(birth) }
            case .updated, .dissociated, .propertyCreated: break
            }
            for (name, value) in effect.values { note(value, in: name, effect, key, tenant, index, step) }
        }
        tracks.seen[tenant.portal] = history.count
    }

    /// Whether every answer has arrived so far, and every clock was right.
    private var isCalm: Bool { !tracks.hasFaults }

    private func isByAPI(_ effect: SimulatedHubSpot.Effect) -> Bool {
        if case .api = effect.source { true } else { false }
    }

    /// Whether the effect is of a call that arrived when its process was long gone.
    private func isLanding(_ effect: SimulatedHubSpot.Effect) -> Bool {
        guard case .api(let call) = effect.source else { return false }
        return air.landings.withLock { $0.contains(call) }
    }

    private func noteCreation(_ effect: SimulatedHubSpot.Effect, _ key: String, _ tenant: Tenant) {
        let texts = [effect.values["lastname"], effect.values["description"], effect.values["hs_note_body"]]
        guard isByAPI(effect), let mark = texts.compactMap({ $0 }).compactMap({ Mark(in: $0) }).first else { return }
        tracks.births[key] = mark.text
        if isLanding(effect) { tracks.landed.insert(key) }
        let birth = "\(tenant.portal) \(mark.text)"
        tracks.creations[birth, default: 0] += 1
        // Where the account takes no key, nothing tells a new connection what an earlier one wrote.
        // Bytes that were long on their way made anew what a person had removed.
        if (tracks.removals[birth] ?? 0) > 0, tracks.landed.contains(where: { tracks.births[$0] == mark.text }) {
            return
        }
        let isHidden = tracks.births.contains { $0.value == mark.text && isUnrecognizable($0.key, tenant) }
        if isHidden || (tenant.isReborn && !tenant.plan.hasKeys) { return }
        evidence.expect(
            tracks.creations[birth, default: 0] <= 1 + (tracks.removals[birth] ?? 0),
            .createdOnce,
            "\(mark.text) was created \(tracks.creations[birth, default: 0]) times, last as \(key)"
        )
    }

    /// Whether a person took away what alone tells that a record is ours.
    func isUnrecognizable(_ key: String, _ tenant: Tenant) -> Bool {
        !tenant.plan.hasKeys && (tracks.readdressed.contains(key) || tracks.hasMerged)
    }

    private func noteRemoval(_ effect: SimulatedHubSpot.Effect, _ key: String) {
        tracks.unsettled.insert(key)
        evidence.forgetUnknown()
        if isByAPI(effect) { tracks.archivedByUs.insert(key) } else { tracks.archivedByPeople.insert(key) }
        if let birth = tracks.births[key] { tracks.removals["\(effect.portalID) \(birth)", default: 0] += 1 }
    }

    private func noteRelation(
        _ effect: SimulatedHubSpot.Effect,
        _ key: String,
        _ type: String,
        _ id: String,
        _ tenant: Tenant,
        _ index: Int
    ) {
        guard isByAPI(effect), let birth = tracks.births[key], let mark = Mark(in: birth), type.hasPrefix("contact")
        else { return }
        let contact = "\(tenant.portal) contact \(id)"
        guard let wanted = tracks.related["\(index) \(mark.id)"], let owner = tracks.owners[contact],
            !tracks.unsettled.contains(contact), !tracks.sharesAddresses
        else { return }
        evidence.expect(owner == wanted.id, .relatedRight, "\(birth) is with \(contact) of \(owner), not \(wanted.id)")
    }

    private func note(
        _ value: String,
        in name: String,
        _ effect: SimulatedHubSpot.Effect,
        _ key: String,
        _ tenant: Tenant,
        _ index: Int,
        _ step: Int
    ) {
        guard name != "integrationkit_key" else { return }
        let field = "\(key) \(name)"
        let mark = Mark(in: value)
        if !isByAPI(effect) {
            if name == "email" || name == "dealname" { tracks.readdressed.insert(key) }
            tracks.persons[field] = (value, step)
            return
        }
        if let before = tracks.persons[field], before.value != value, !before.value.isEmpty,
            before.value.lowercased() != value.lowercased()
        {
            checkHeard(before, by: value, field, name, key, effect, tenant, step)
        }
        let isOverPerson = tracks.persons[field].map { $0.value.lowercased() != value.lowercased() } ?? false
        tracks.persons[field] = nil
        guard let mark, name != "hs_note_body", !tracks.sharesAddresses else { return }
        evidence.expect(mark.tenant == index, .rightAccount, "\(field) = \(value)")
        guard mark.writer != .person else { return }
        if let owner = tracks.owners[key], !tracks.unsettled.contains(key), !tenant.isReborn {
            evidence.expect(owner == mark.id, .rightRecord, "\(field) = \(value), and the record is \(owner)'s")
        }
        if name != "associated" { tracks.owners[key] = mark.id }
        guard !isLanding(effect), !tenant.isReborn, !tracks.unsettled.contains(key) else { return }
        if isOverPerson, isCalm, effect.values["lastname"] == nil {
            evidence.expect(
                mark.number > tracks.written[field] ?? 0,
                .peopleAreHeard,
                "\(field) = \(value) was written once more, over a person's edit"
            )
        }
        evidence.expect(
            mark.number >= tracks.written[field] ?? 0,
            .inOrder,
            "\(field) = \(value) after \(tracks.written[field] ?? 0)"
        )
        tracks.written[field] = max(mark.number, tracks.written[field] ?? 0)
    }

    private func checkHeard(
        _ before: (value: String, step: Int),
        by value: String,
        _ field: String,
        _ name: String,
        _ key: String,
        _ effect: SimulatedHubSpot.Effect,
        _ tenant: Tenant,
        _ step: Int
    ) {
        guard tenant.plan.conflicts == .platformWins, tenant.plan.direction == .bidirectional, !tenant.isReborn,
            !tenant.isMappingChanged, !tracks.hasRefused, !tracks.unsettled.contains(key), !tracks.sharesAddresses,
            !isLanding(effect), before.step < step, let host = Tracks.hostNames[name]
        else { return }
        evidence.expect(
            tracks.delivered.contains("\(key) \(host.rawValue) \(before.value.lowercased())"),
            .peopleAreHeard,
            "\(field): \(before.value) of step \(before.step) was overwritten by \(value)"
        )
    }
}
