// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// A simulated HubSpot as the bed on which ``ProviderRule`` checks a provider for HubSpot.
public struct HubSpotTestBed: ProviderTestBed {
    /// The provider under test.
    public let provider: any IntegrationProvider
    /// The simulated platform.
    public let platform: SimulatedHubSpot
    /// The clock that it lives by.
    public let clock = ManualClock()
    /// A private app's token.
    public let credential: Credential

    private let portalID: Int64 = 147_893_286

    /// Opens an account with a private app.
    ///
    /// - Parameters:
    ///   - provider: The provider under test.
    ///   - seed: Decides the platform's ids, orders and chances.
    ///   - searchLag: How long a write stays hidden from search.
    public init(
        provider: any IntegrationProvider,
        seed: UInt64 = 1,
        searchLag: ClosedRange<Duration> = .zero ... .zero
    ) {
        self.provider = provider
        platform = SimulatedHubSpot(seed: seed, time: clock.timeSource)
        var account = SimulatedHubSpot.Account(portalID: portalID)
        account.searchLag = searchLag
        platform.addAccount(account)
        let token = platform.issueToken(for: portalID)
        credential = Credential(method: "private-app", values: ["access_token": Secret(token)])
        platform.configureApp { app in
            app.subscriptions = [
                SimulatedHubSpot.Subscription("contact.creation", id: 1),
                SimulatedHubSpot.Subscription("contact.propertyChange", propertyName: "firstname", id: 2),
            ]
        }
    }

    /// The simulated platform.
    public var transport: any HTTPTransport { platform }

    /// Returns what a record may hold: contacts, companies, deals, notes, calls, tasks, tickets and products.
    public func sample(of kind: RecordKind, number: Int) -> RecordSample? {
        HubSpotTestBed.samples[kind]?(number)
    }

    // MARK: People

    /// Makes a record in the user interface, which proposes the first stage of a ticket.
    public func make(_ kind: RecordKind, _ fields: [FieldName: FieldValue]) throws -> RemoteID {
        var properties = try properties(fields)
        if kind == .ticket { properties.merge(["hs_pipeline": "0", "hs_pipeline_stage": "1"]) { typed, _ in typed } }
        return RemoteID(kind, try platform.create(kind.rawValue, in: portalID, properties))
    }

    /// Edits a record in the user interface.
    public func edit(_ id: RemoteID, _ fields: [FieldName: FieldValue]) throws {
        try platform.edit(id.kind.rawValue, id.value, in: portalID, try properties(fields))
    }

    /// Deletes a record in the user interface, which archives it.
    public func delete(_ id: RemoteID) throws {
        try platform.archive(id.kind.rawValue, id.value, in: portalID)
    }

    /// Merges two records in the user interface; activities and products are never merged.
    public func merge(_ loser: RemoteID, into winner: RemoteID) throws {
        guard [.contact, .company, .deal, .ticket].contains(loser.kind) else {
            throw UnsupportedHook("HubSpot merges no \(loser.kind.rawValue)")
        }
        try platform.merge(loser.kind.rawValue, loser.value, into: winner.value, in: portalID)
    }

    private func properties(_ fields: [FieldName: FieldValue]) throws -> [String: String] {
        var properties: [String: String] = [:]
        for (name, value) in fields {
            switch value {
            case .empty: properties[name.rawValue] = ""
            case .text(let text): properties[name.rawValue] = text
            case .instant(let date): properties[name.rawValue] = ISO8601.string(from: date)
            default: throw UnsupportedHook("the test bed types no \(value) into \(name.rawValue)")
            }
        }
        return properties
    }

    // MARK: Truth

    /// Counts by the key property.
    public func creations(of write: RecordWrite) -> Int {
        platform.creationCount(
            of: write.kind.rawValue,
            where: "integrationkit_key",
            is: write.externalKey,
            in: portalID
        )
    }

    /// Returns the contacts that a record is associated with.
    public func related(to id: RemoteID) -> Set<RemoteID> {
        let ids = platform.associations(of: id.kind.rawValue, id.value, to: "contact", in: portalID)
        return Set(ids.map { RemoteID(.contact, $0) })
    }

    // MARK: Trouble

    /// Returns HubSpot's refusal by the limit of ten seconds.
    public func throttledAnswer(to request: HTTPRequest) -> HTTPResponse {
        let reply = HubSpotReply.fault(429)
        return HTTPResponse(
            status: reply.status,
            headers: reply.headers,
            body: reply.body?.data ?? Data()
        )
    }

    /// Uses up the calls of ten seconds.
    public func useUpLimits() {
        platform.spendLimits(SimulatedHubSpot.Limits().burst, of: portalID)
    }

    /// Does nothing: HubSpot's batches are always answered in another order.
    public func shuffleAnswers() {}

    // MARK: Webhooks

    /// The application's client secret.
    public var webhookSecret: Secret? { "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy" }
    /// HubSpot's five minutes.
    public var webhookAge: Duration? { .seconds(300) }

    /// Takes what waits for its delivery.
    public func takeDeliveries() -> [HTTPRequest] { platform.takeDeliveries() }

    /// Returns the next attempt.
    public func redelivery(of delivery: HTTPRequest) throws -> HTTPRequest {
        guard let next = platform.redelivery(of: delivery) else { throw UnsupportedHook("this is no delivery") }
        return next
    }

    // MARK: Samples

    private static let due = Date(timeIntervalSince1970: 1_767_225_600)

    private static let samples: [RecordKind: @Sendable (Int) -> RecordSample] = [
        .contact: { number in
            RecordSample(
                fields: [
                    "email": .text("person.\(number)@example.fr"), "firstname": .text("Ada \(number)"),
                    "lastname": "Lovelace", "city": .text("Nantes \(number)"),
                ],
                change: ["firstname": .text("Grace \(number)")],
                clearable: "lastname",
                refused: ["email": "this is no address"]
            )
        },
        .company: { number in
            RecordSample(
                fields: [
                    "name": .text("Company \(number)"), "domain": .text("company-\(number).example.fr"),
                    "city": .text("Nantes \(number)"),
                ],
                change: ["name": .text("Renamed \(number)")],
                clearable: "city",
                // HubSpot refuses a whole batch for one property that it does not know.
                refused: ["no_such_property": "anything"]
            )
        },
        .deal: { number in
            RecordSample(
                fields: ["dealname": .text("Deal \(number)"), "description": .text("About deal \(number)")],
                change: ["dealname": .text("Other deal \(number)")],
                clearable: "description",
                relations: [.contact: .contact]
            )
        },
        .note: { number in
            RecordSample(
                fields: ["hs_note_body": .text("Note \(number)"), "hs_timestamp": .instant(due)],
                change: ["hs_note_body": .text("Other note \(number)")],
                relations: [.contact: .contact]
            )
        },
        .call: { number in
            RecordSample(
                fields: [
                    "hs_call_title": .text("Call \(number)"), "hs_call_body": .text("Said \(number)"),
                    "hs_timestamp": .instant(due),
                ],
                change: ["hs_call_title": .text("Other call \(number)")],
                relations: [.contact: .contact]
            )
        },
        .task: { number in
            RecordSample(
                fields: [
                    "hs_task_subject": .text("Task \(number)"), "hs_task_body": .text("To do \(number)"),
                    "hs_timestamp": .instant(due),
                ],
                change: ["hs_task_subject": .text("Other task \(number)")],
                relations: [.contact: .contact]
            )
        },
        .ticket: { number in
            RecordSample(
                fields: ["subject": .text("Ticket \(number)"), "content": .text("Question \(number)")],
                change: ["subject": .text("Other ticket \(number)")],
                clearable: "content",
                relations: [.contact: .contact]
            )
        },
        .product: { number in
            RecordSample(
                fields: [
                    "name": .text("Product \(number)"), "hs_sku": .text("SKU-\(number)"),
                    "description": .text("Text \(number)"),
                ],
                change: ["name": .text("Other product \(number)")],
                clearable: "description"
            )
        },
    ]
}
