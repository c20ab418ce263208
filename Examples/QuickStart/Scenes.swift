// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// The lines of a file of events, and what became of those that hold one.
struct Intake: Sendable {
    var events: [DomainEvent] = []
    var malformed: [(number: Int, error: IntegrationError)] = []
    var receipts: [EnqueueReceipt.Line] = []

    var lineCount: Int { events.count + malformed.count }
    var known: [String] { receipts.filter { !$0.known.isEmpty }.map(\.event) }
    var skipped: [(event: String, reason: String)] {
        receipts.flatMap { line in line.skipped.values.map { (line.event, $0) } }
    }
    /// The events that are on their way to HubSpot.
    var queued: Set<String> { Set(receipts.filter { !$0.queued.isEmpty }.map(\.event)) }

    init(lines: Data) {
        for line in DomainEvent.read(lines: lines) {
            switch line.result {
            case .success(let event): events.append(event)
            case .failure(let error): malformed.append((line.number, error))
            }
        }
    }
}

extension World {
    /// Connects the company's HubSpot account. Some of its contacts were typed in there long before.
    func connect(knownTo events: [DomainEvent]) async throws -> Integration {
        let known = events.filter { $0.kind == .prospectCreated }.compactMap { event -> (String, DomainEvent)? in
            guard case .text(let email) = event.fields["email"], event.fields["company"] != nil else { return nil }
            return (email, event)
        }
        for (place, (email, _)) in known.filter({ $0.0.contains(".example") }).enumerated() where place % 9 == 4 {
            try hubSpot.create(
                "contact", in: World.portal, ["email": email.lowercased(), "website": "https://typed-in-by.hand.example"])
        }
        clock.advance(by: .seconds(3600))
        return try await manager.connect(
            .hubSpot,
            for: World.tenant,
            name: "Mon HubSpot",
            form: ["access_token": hubSpot.issueToken(for: World.portal)],
            settings: SyncSettings(frequency: .manual, remoteDeletePolicy: .carryOut)
        )
    }

    /// Lets the company's own records be as its events tell, then queues the events.
    func take(_ intake: inout Intake) async throws {
        let inTime = intake.events.enumerated().sorted { left, right in
            let dates = (left.element.occurredAt ?? .distantPast, right.element.occurredAt ?? .distantPast)
            return dates.0 == dates.1 ? left.offset < right.offset : dates.0 < dates.1
        }
        for (_, event) in inTime {
            for related in event.related where !related.fields.isEmpty {
                let reference = HostReference(tenant: World.tenant, kind: related.kind, id: related.id)
                if await host.record(reference) == nil { await host.edit(reference, related.fields) }
            }
            await host.edit(event.record, event.fields)
        }
        intake.receipts = try await coordinator.enqueue(intake.events).lines
    }

    /// Lets one answer get lost after HubSpot has acted, and one call meet the limit.
    func stirUpTrouble() {
        let upserts = SimulatedHubSpot.CallPattern(method: .post, path: "batch/upsert")
        hubSpot.fail(1, upserts, with: .lostAnswerAfter)
        hubSpot.fail(1, upserts, with: .status(429))
    }
}

/// What people do in HubSpot, and in the company at the same time.
struct Deeds: Sendable {
    var inHubSpot: [String] = []
    var inCompany: [String] = []
}

extension World {
    /// Lets people edit, create, merge and delete records in HubSpot, while the company edits one of them too.
    func letPeopleWork() async throws -> Deeds {
        var deeds = Deeds()
        let contact = try partner("prospect", "p-002")
        try hubSpot.edit(
            "contact", contact, in: World.portal, ["jobtitle": "Présidente d’honneur", "hs_lead_status": "CONNECTED"])
        deeds.inHubSpot.append("edited the contact of p-002: job title, lead status")
        let contested = try partner("prospect", "p-004")
        try hubSpot.edit("contact", contested, in: World.portal, ["city": "Concarneau", "zip": "29900"])
        deeds.inHubSpot.append("edited the contact of p-004: city, postal code")
        let deal = try partner("appointment", "rdv-001")
        try hubSpot.edit("deal", deal, in: World.portal, ["dealstage": "closedwon"])
        deeds.inHubSpot.append("moved the deal of rdv-001 to Closed Won")
        for (name, surname) in [("Gwenaëlle", "Ploërmel"), ("Thaïs", "Aïnhoa")] {
            let email = "\(surname.lowercased().applyingASCII).\(name.lowercased().applyingASCII)@salon-habitat.example"
            try hubSpot.create(
                "contact", in: World.portal, ["email": email, "firstname": name, "lastname": surname])
        }
        deeds.inHubSpot.append("created two contacts met at a fair")
        try hubSpot.merge(
            "contact", try partner("prospect", "p-047"), into: try partner("prospect", "p-048"), in: World.portal)
        deeds.inHubSpot.append("merged the contact of p-047 into that of p-048")
        try hubSpot.archive("contact", try partner("prospect", "p-045"), in: World.portal)
        deeds.inHubSpot.append("deleted the contact of p-045")

        clock.advance(by: .seconds(20))
        let words: [FieldName: FieldValue] = ["city": "Douarnenez", "company": "Crêperie du Vieux Port & Fils"]
        let edited = HostReference(tenant: World.tenant, kind: "prospect", id: "p-004")
        await host.edit(edited, words)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectUpdated, id: "evt-conflict", of: "p-004", for: World.tenant, fields: words,
                occurredAt: clock.wall)
        )
        deeds.inCompany.append("edited p-004: city (a conflict, HubSpot wins by its settings), company (no conflict)")
        return deeds
    }

    /// The id of a record's partner in HubSpot, as the observer was told.
    func partner(_ kind: String, _ id: String) throws -> String {
        let reference = HostReference(tenant: World.tenant, kind: kind, id: id)
        guard let remote = observer.events.last(where: { $0.record == reference && $0.remote != nil })?.remote else {
            throw IntegrationError(.notFound, "\(kind) \(id) has no partner in HubSpot.")
        }
        return remote.value
    }
}

/// What became of the webhooks.
struct Mail: Sendable {
    var deliveries = 0
    var accepted = 0
    var ignored = 0
    var forged: IntegrationError?
    var forgedStatus = 0
    var repeated = 0
}

extension World {
    /// Receives what HubSpot sent, one delivery twice, and one that somebody forged.
    func receiveWebhooks() async -> Mail {
        var mail = Mail()
        let deliveries = hubSpot.takeDeliveries()
        for delivery in deliveries {
            let receipt = await inbox.receive(delivery, from: .hubSpot)
            mail.deliveries += 1
            mail.accepted += receipt.accepted
            mail.ignored += receipt.ignored
        }
        guard let last = deliveries.last else { return mail }
        mail.repeated = await inbox.receive(last, from: .hubSpot).ignored
        var forged = last
        forged.body = Data(String(decoding: last.body ?? Data(), as: UTF8.self).replacing("creation", with: "deletion").utf8)
        let receipt = await inbox.receive(forged, from: .hubSpot)
        mail.forged = receipt.error
        mail.forgedStatus = receipt.response.status
        return mail
    }
}

extension String {
    /// The text without accents, for an e-mail address.
    fileprivate var applyingASCII: String {
        folding(options: .diacriticInsensitive, locale: nil)
    }
}
