// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// The provider and a simulated portal, without the engine between them.
private struct HubSpotPair: Sendable {
    static let portal: Int64 = 147_893_286

    let provider = HubSpotProvider()
    let clock = ManualClock()
    let platform: SimulatedHubSpot
    let token: String

    init(currencies: [String] = ["USD"]) {
        platform = SimulatedHubSpot(seed: 1, time: clock.timeSource)
        var account = SimulatedHubSpot.Account(portalID: HubSpotPair.portal)
        account.limits = .none
        account.currency = currencies[0]
        account.additionalCurrencies = Array(currencies.dropFirst())
        platform.addAccount(account)
        token = platform.issueToken(for: HubSpotPair.portal)
    }

    func session(_ account: ConnectedAccount) -> ProviderSession {
        let time = clock.timeSource
        return ProviderSession(account: account, now: time.now) { [provider, platform, token] request in
            var request = request
            try provider.authorize(
                &request,
                with: Credential(method: "private-app", values: ["access_token": Secret(token)]),
                in: SigningContext(account: account, now: time.now(), nonce: "n")
            )
            return try await platform.send(request, context: OperationContext(platform: .hubSpot, operation: "test"))
        }
    }

    /// Connects and provisions.
    func connect(provisioned: Bool = true) async throws -> ConnectedAccount {
        let profile = AccountProfile(baseURL: HubSpotProvider.publicAddress)
        let unknown = ConnectedAccount(key: AccountKey(platform: .hubSpot, value: ""), profile: profile)
        let report = try await provider.verifyConnection(in: session(unknown))
        var account = ConnectedAccount(key: report.key, profile: report.profile)
        guard provisioned else { return account }
        let plan = try await provider.fetchMissing(in: session(account))
        account.profile = try await provider.provision(plan, in: session(account))
        return account
    }

    /// Pushes writes until none of them is pending.
    func push(_ writes: [RecordWrite], as account: ConnectedAccount) async throws -> [UUID: WriteOutcome] {
        var open = writes
        var outcomes: [UUID: WriteOutcome] = [:]
        while !open.isEmpty {
            var next: [RecordWrite] = []
            for batch in provider.plan(open, for: account) {
                let found = try await provider.push(batch, in: session(account))
                for (write, outcome) in zip(batch.writes, found) {
                    outcomes[write.id] = outcome
                    if case .pending(let state, _, _) = outcome {
                        var write = write
                        write.state = state
                        next.append(write)
                    }
                }
            }
            open = next
        }
        return outcomes
    }

    func pushOne(_ write: RecordWrite, as account: ConnectedAccount) async throws -> RemoteID {
        guard case .applied(let record) = try await push([write], as: account)[write.id] else {
            throw IntegrationError(.conflict, "The write was not applied.")
        }
        return record.id
    }
}

@Suite struct HubSpotSimulationTests {
    private let pair = HubSpotPair()
    private let provider = HubSpotProvider()
    private static let ada: [FieldName: FieldValue] = ["email": "ada@example.com", "firstname": "Ada"]

    @Test func `A connected portal is known, and takes our key where it may`() async throws {
        let account = try await pair.connect()
        #expect(account.key.value == "147893286")
        for kind in [RecordKind.contact, .company, .deal, .ticket, .product] {
            #expect(account.profile.keySlots[kind]?.safety == .keyed(for: nil), "\(kind.rawValue)")
        }
        let settings = try await provider.fetchSettings(in: pair.session(account))
        #expect(settings.contains { $0.id == "deal.stage" && $0.defaultValue == "appointmentscheduled" })
        #expect(try await provider.fetchMissing(in: pair.session(account)).steps.isEmpty)
    }

    @Test func `A create whose answer was lost is repeated without a second record`() async throws {
        let account = try await pair.connect()
        let write = RecordWrite.sample(.create, .contact, fields: Self.ada)
        pair.platform.fail(with: .lostAnswerAfter)
        let lost = try await pair.push([write], as: account)
        guard case .unknown = lost[write.id] else {
            Issue.record("\(lost)")
            return
        }
        let found = try await provider.lookUp([write], in: pair.session(account))
        let id = try await pair.pushOne(write, as: account)
        guard case .found(let record, true) = found[0] else {
            Issue.record("\(found)")
            return
        }
        #expect(record.id == id)
        #expect(pair.platform.records("contacts", in: HubSpotPair.portal).count == 1)
    }

    @Test func `A deal and a note belong to their contact, by key or by marker`() async throws {
        for provisioned in [true, false] {
            let pair = HubSpotPair()
            let account = try await pair.connect(provisioned: provisioned)
            let contact = try await pair.pushOne(.sample(.create, .contact, fields: Self.ada), as: account)
            let deal = RecordWrite.sample(
                .create,
                .deal,
                "b",
                fields: ["dealname": "Viewing", "amount": .money(10, currency: "USD")],
                contact: contact.value
            )
            let note = RecordWrite.sample(
                .create,
                .note,
                "c",
                fields: ["hs_note_body": "Sent", "hs_timestamp": .instant(pair.clock.timeSource.now())],
                contact: contact.value
            )
            let dealID = try await pair.pushOne(deal, as: account)
            let noteID = try await pair.pushOne(note, as: account)
            let portal = HubSpotPair.portal
            #expect(
                pair.platform.associations(of: "deals", dealID.value, to: "contacts", in: portal) == [contact.value]
            )
            #expect(
                pair.platform.associations(of: "notes", noteID.value, to: "contacts", in: portal) == [contact.value]
            )
            let stored = pair.platform.record("deals", dealID.value, in: portal)?.properties
            #expect(stored?["dealstage"] == "appointmentscheduled")
            let fetched = try await provider.fetchRecords(
                [noteID, dealID],
                fields: ["hs_note_body", "amount"],
                in: pair.session(account)
            )
            guard case .found(let noteRead) = fetched[0], case .found(let dealRead) = fetched[1] else {
                Issue.record("\(fetched)")
                return
            }
            #expect(noteRead.fields["hs_note_body"] == "Sent")
            #expect(noteRead.externalKey == note.externalKey)
            #expect(dealRead.fields["amount"] == .money(10, currency: "USD"))
            let found = try await provider.lookUp([note], in: pair.session(account))
            guard case .found(let again, true) = found[0] else {
                Issue.record("\(found)")
                return
            }
            #expect(again.id == noteID)
        }
    }

    @Test func `A bad record does not stop the others of its batch for long`() async throws {
        let account = try await pair.connect()
        var writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "a@example.com"]),
            .sample(.create, .contact, "b", fields: ["email": "b@example.com", "nothing_like_it": "x"]),
        ]
        let together = try await pair.push(writes, as: account)
        // Either each says its own, or both go again in smaller calls; the good one is never given up.
        switch together[writes[0].id] {
        case .applied: break
        case .notAttempted(let error): #expect(error.retry == .smaller)
        default: Issue.record("\(together)")
        }
        guard case .refused(let error) = try await pair.push([writes[1]], as: account)[writes[1].id] else {
            Issue.record("The record should be refused.")
            return
        }
        #expect(error.context.fields == ["nothing_like_it"])
        writes.removeLast()
        _ = try await pair.pushOne(writes[0], as: account)
    }

    @Test func `An address that somebody holds is said with its holder`() async throws {
        let account = try await pair.connect()
        let holder = try pair.platform.create("contacts", in: HubSpotPair.portal, ["email": "ada@example.com"])
        let write = RecordWrite.sample(.create, .contact, fields: Self.ada)
        guard case .exists(let ids) = try await pair.push([write], as: account)[write.id] else {
            Issue.record("The address should be held.")
            return
        }
        #expect(ids.isEmpty || ids.map(\.value) == [holder])
        guard case .found(let record, false) = try await provider.lookUp([write], in: pair.session(account))[0] else {
            Issue.record("The holder should be found by its address.")
            return
        }
        #expect(record.id.value == holder)
    }

    @Test func `A lifecycle stage goes back`() async throws {
        let account = try await pair.connect()
        let id = try pair.platform.create("contacts", in: HubSpotPair.portal, ["lifecyclestage": "customer"])
        let write = RecordWrite.sample(.update, .contact, target: id, fields: ["lifecyclestage": "lead"])
        _ = try await pair.pushOne(write, as: account)
        #expect(pair.platform.record("contacts", id, in: HubSpotPair.portal)?.properties["lifecyclestage"] == "lead")
    }

    @Test func `Changes, deletions and merges are all seen`() async throws {
        let account = try await pair.connect()
        let session = pair.session(account)
        let portal = HubSpotPair.portal
        var ids: [String] = []
        for number in 0..<250 {
            ids.append(try pair.platform.create("contacts", in: portal, ["email": "n\(number)@example.com"]))
            if number % 100 == 0 { pair.clock.advance(by: .milliseconds(1)) }
        }
        pair.clock.advance(by: .seconds(7_200))
        let streams = provider.streams(for: .contact, of: account)
        var seen: Set<String> = []
        var query = ChangeQuery(fields: ["email"], until: session.now())
        repeat {
            let page = try await provider.changes(in: streams[0], matching: query, in: session)
            for case .updated(let record) in page.changes { seen.insert(record.id.value) }
            query.page = page.next
        } while query.page != nil
        #expect(Set(ids).symmetricDifference(seen).isEmpty)

        try pair.platform.archive("contacts", ids[0], in: portal)
        try pair.platform.merge("contacts", ids[1], into: ids[2], in: portal)
        let archived = try await provider.changes(in: streams[2], matching: ChangeQuery(), in: session)
        #expect(archived.changes.contains { if case .deleted(let id, _) = $0 { id.value == ids[0] } else { false } })
        let wanted = ids.prefix(3).map { RemoteID(.contact, $0) }
        let fetched = try await provider.fetchRecords(wanted, fields: ["email"], in: session)
        guard case .gone = fetched[0], case .moved(_, let winners) = fetched[1], case .found(let winner) = fetched[2]
        else {
            Issue.record("\(fetched)")
            return
        }
        #expect(winners.map(\.value) == [ids[2]])
        #expect(winner.formerIDs.map(\.value).contains(ids[1]))
        let update = RecordWrite.sample(.update, .contact, target: ids[1], fields: ["firstname": "A"])
        guard case .gone = try await pair.push([update], as: account)[update.id] else {
            Issue.record("A batch does not know the loser of a merge.")
            return
        }
    }

    @Test func `Webhooks of the portal are verified and lead to its records`() async throws {
        pair.platform.configureApp { app in
            app.subscriptions = [SimulatedHubSpot.Subscription("contact.creation")]
        }
        let id = try pair.platform.create("contacts", in: HubSpotPair.portal, ["email": "w@example.com"])
        let deliveries = pair.platform.takeDeliveries()
        let delivery = try #require(deliveries.first)
        let now = pair.clock.timeSource.now()
        let events = try provider.events(
            in: delivery,
            verifiedWith: ["yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"],
            now: now
        )
        guard case .hint(let record) = events.first?.subject else {
            Issue.record("\(events)")
            return
        }
        #expect(record == RemoteID(.contact, id))
        #expect(events.first?.account == AccountKey(platform: .hubSpot, value: "147893286"))
    }
}
