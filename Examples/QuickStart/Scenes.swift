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
    /// The events that no integration takes.
    var skipped: [(event: String, reasons: [String])] {
        receipts.filter { $0.queued.isEmpty && $0.known.isEmpty }.map { ($0.event, $0.skipped.values.sorted()) }
    }
    /// The events that are on their way to a platform.
    var queued: Set<String> { Set(receipts.filter { !$0.queued.isEmpty }.map(\.event)) }

    /// The events that are on their way to one integration.
    func queued(for integration: Integration) -> Set<String> {
        Set(receipts.filter { $0.queued.contains(integration.id) }.map(\.event))
    }

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
    /// Connects the company's HubSpot account, in which some of its contacts were typed in long before; in a later run
    /// it is connected already.
    func connect(knownTo events: [DomainEvent]) async throws -> Integration {
        let connected = try await manager.integrations(of: World.tenant)
        if let integration = connected.first(where: { $0.platform == .hubSpot }) {
            clock.advance(by: .seconds(3600))
            return integration
        }
        let known = events.filter { $0.kind == .prospectCreated }.compactMap { event -> (String, DomainEvent)? in
            guard case .text(let email) = event.fields["email"], event.fields["company"] != nil else { return nil }
            return (email, event)
        }
        for (place, (email, _)) in known.filter({ $0.0.contains(".example") }).enumerated() where place % 9 == 4 {
            try hubSpot.create(
                "contact",
                in: World.portal,
                ["email": email.lowercased(), "website": "https://typed-in-by.hand.example"]
            )
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

    /// Queues the events, and lets the company's own records be as the new ones among them tell.
    func take(_ intake: inout Intake) async throws {
        intake.receipts = try await coordinator.enqueue(intake.events).lines
        let new = zip(intake.events, intake.receipts).filter { $0.1.known.isEmpty }.map(\.0)
        let inTime = new.enumerated().sorted { left, right in
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
    }

    /// Lets one answer of each platform get lost after it has acted, and one call meet HubSpot's limit.
    func stirUpTrouble() {
        let upserts = SimulatedHubSpot.CallPattern(method: .post, path: "batch/upsert")
        hubSpot.fail(1, upserts, with: .lostAnswerAfter)
        hubSpot.fail(1, upserts, with: .status(429))
        let orders = SimulatedWooCommerce.CallPattern(method: .post, path: "orders")
        shop.fail(1, orders, with: .lostAnswerAfter)
    }
}

/// What people do on the platforms, and in the company at the same time.
struct Deeds: Sendable {
    var inHubSpot: [String] = []
    var inShop: [String] = []
    var inCompany: [String] = []
}

extension World {
    /// Lets people go on where an earlier run ended: records that it made are edited on both sides.
    func letPeopleGoOn(_ integration: Integration) async throws -> Deeds {
        var deeds = Deeds()
        let run = memory.run
        if let contact = partner("prospect", "p-002", integration) {
            try hubSpot.edit("contact", contact, in: World.portal, ["jobtitle": "Présidente d’honneur, visite \(run)"])
            deeds.inHubSpot.append("edited the contact of p-002, which an earlier run made: job title")
        }
        let visitor = [
            "email": "visite-\(run)@salon-habitat.example", "firstname": "Maïwenn", "lastname": "Visite \(run)",
        ]
        try hubSpot.create("contact", in: World.portal, visitor)
        deeds.inHubSpot.append("created a contact")
        clock.advance(by: .seconds(20))
        let edited = HostReference(tenant: World.tenant, kind: "prospect", id: "p-004")
        guard await host.record(edited) != nil else { return deeds }
        let words: [FieldName: FieldValue] = ["company": .text("Crêperie du Vieux Port, visite \(run)")]
        await host.edit(edited, words)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectUpdated,
                id: "evt-run-\(run)",
                of: edited.id,
                for: World.tenant,
                fields: words,
                occurredAt: clock.wall
            )
        )
        deeds.inCompany.append("edited p-004: company")
        return deeds
    }

    /// Lets people edit, create, merge and delete records in HubSpot, while the company edits one of them too.
    ///
    /// What a file of events does not tell of is left alone.
    func letPeopleWork(_ integration: Integration) async throws -> Deeds {
        var deeds = Deeds()
        func edit(_ type: String, of kind: String, _ id: String, _ values: [String: String], _ what: String) throws {
            guard let remote = partner(kind, id, integration) else { return }
            try hubSpot.edit(type, remote, in: World.portal, values)
            deeds.inHubSpot.append("edited the \(type) of \(id): \(what)")
        }
        let honours = ["jobtitle": "Présidente d’honneur", "hs_lead_status": "CONNECTED"]
        try edit("contact", of: "prospect", "p-002", honours, "job title, lead status")
        try edit("contact", of: "prospect", "p-004", ["city": "Concarneau", "zip": "29900"], "city, postal code")
        try edit("deal", of: "appointment", "rdv-001", ["dealstage": "closedwon"], "moved to Closed Won")
        for (first, last, email) in [("Gwenaëlle", "Ploërmel", "g.ploermel"), ("Thaïs", "Aïnhoa", "t.ainhoa")] {
            let values = ["email": "\(email)@salon-habitat.example", "firstname": first, "lastname": last]
            try hubSpot.create("contact", in: World.portal, values)
        }
        deeds.inHubSpot.append("created two contacts met at a fair")
        if let loser = partner("prospect", "p-047", integration),
            let winner = partner("prospect", "p-048", integration)
        {
            try hubSpot.merge("contact", loser, into: winner, in: World.portal)
            deeds.inHubSpot.append("merged the contact of p-047 into that of p-048")
        }
        if let contact = partner("prospect", "p-045", integration) {
            try hubSpot.archive("contact", contact, in: World.portal)
            deeds.inHubSpot.append("deleted the contact of p-045")
        }

        clock.advance(by: .seconds(20))
        let edited = HostReference(tenant: World.tenant, kind: "prospect", id: "p-004")
        guard await host.record(edited) != nil else { return deeds }
        let words: [FieldName: FieldValue] = ["city": "Douarnenez", "company": "Crêperie du Vieux Port & Fils"]
        await host.edit(edited, words)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectUpdated,
                id: "evt-conflict",
                of: edited.id,
                for: World.tenant,
                fields: words,
                occurredAt: clock.wall
            )
        )
        deeds.inCompany.append("edited p-004: city (a conflict, HubSpot wins by its settings), company (no conflict)")
        return deeds
    }

    /// The id of a record's partner in HubSpot, nil if it has none.
    private func partner(_ kind: String, _ id: String, _ integration: Integration) -> String? {
        partners(in: integration)[HostReference(tenant: World.tenant, kind: kind, id: id)]?.value
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
        forged.body = Data(
            String(decoding: last.body ?? Data(), as: UTF8.self).replacing("creation", with: "deletion").utf8
        )
        let receipt = await inbox.receive(forged, from: .hubSpot)
        mail.forged = receipt.error
        mail.forgedStatus = receipt.response.status
        return mail
    }
}
