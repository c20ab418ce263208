// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct HubSpotAccountTests {
    private let provider = HubSpotProvider()
    private let desk = Desk.hubSpot

    @Test func `The catalogue takes the provider by its short name`() throws {
        let providers: [any IntegrationProvider] = [.hubSpot]
        let descriptor = try #require(providers.first?.descriptor)
        #expect(descriptor.id == .hubSpot)
        #expect(descriptor.signInMethods.first?.fields.map(\.id) == ["access_token"])
        #expect(descriptor.kinds.map(\.kind) == [.contact, .company, .deal, .note, .call, .task, .ticket, .product])
        for mapping in descriptor.mappings { try mapping.validate() }
        for route in descriptor.routes {
            let hostKind = route.event.hostKind
            #expect(descriptor.mappings.contains { $0.hostKind == hostKind && $0.kind == route.kind }, "\(hostKind)")
        }
        for kind in descriptor.kinds { #expect(!kind.name.text(in: "fr").isEmpty) }
    }

    @Test func `Every request is signed with the bearer token`() throws {
        var request = HTTPRequest(.get, HubSpotProvider.publicAddress)
        let context = SigningContext(account: .portal(), now: Date(timeIntervalSince1970: 0), nonce: "n")
        try provider.authorize(
            &request,
            with: Credential(method: "private-app", values: ["access_token": "pat-na1-x"]),
            in: context
        )
        #expect(request.headers["authorization"] == "Bearer pat-na1-x")
        #expect(throws: IntegrationError.self) {
            try provider.authorize(&request, with: Credential(method: "private-app", values: [:]), in: context)
        }
    }

    @Test func `The test of a connection tells the portal, its rights and its key properties`() async throws {
        let session = desk.session { request in
            switch request.url.path {
            case "/account-info/2026-09/details":
                return try .fixture(
                    "account-details-ok",
                    headers: [
                        "x-hubspot-ratelimit-max": "110", "x-hubspot-ratelimit-interval-milliseconds": "10000",
                    ]
                )
            case "/crm/objects/2026-09/tickets":
                return try .fixture("error-403-scopes", status: 403)
            case "/crm/properties/2026-09/deals":
                return .json(["results": [["name": "integrationkit_key", "hasUniqueValue": true]]])
            case "/crm/properties/2026-09/companies":
                return .json(["results": [["name": "integrationkit_key", "hasUniqueValue": false]]])
            default:
                return .json(["results": []])
            }
        }
        let report = try await provider.verifyConnection(in: session)
        #expect(report.key == AccountKey(platform: .hubSpot, value: "147893286"))
        #expect(report.name == "HubSpot 147893286")
        #expect(!report.isSandbox)
        #expect(report.profile.timeZone == "US/Eastern")
        #expect(report.profile.currencies == ["USD"])
        #expect(report.access[.ticket] == .denied)
        #expect(report.access[.contact] == .unproven)
        #expect(report.warnings.map(\.code) == [.forbidden])
        #expect(report.profile.keySlots[.deal]?.safety == .keyed(for: nil))
        #expect(report.profile.keySlots[.company]?.safety == .uncertain)
        #expect(report.profile.keySlots[.contact]?.safety == .found)
        #expect(report.profile.keySlots[.note]?.safety == .marked)
        #expect(desk.learned["burst.maximum"] == 110)
        #expect(desk.requests.allSatisfy { $0.effect == .read })
    }

    @Test func `A token that reaches nothing is said at once`() async throws {
        let session = desk.session { _ in try .fixture("error-401-missing", status: 401) }
        let error = await #expect(throws: IntegrationError.self) { try await provider.verifyConnection(in: session) }
        #expect(error?.code == .reauthorizationRequired)
        #expect(desk.requests.count == 1)
    }

    /// A portal in which one kind's key property can be made, one exists and one is refused.
    private func provisioned(_ made: LockBox<Set<String>>) -> @Sendable (HTTPRequest) throws -> HTTPResponse {
        { request in
            let kind = request.url.lastPathComponent
            if request.method == .post {
                switch kind {
                case "notes": return try .fixture("error-403-scopes", status: 403)
                case "deals":
                    _ = made.withLock { $0.insert(kind) }
                    return try .fixture("property-exists", status: 409)
                default:
                    _ = made.withLock { $0.insert(kind) }
                    return try .fixture("property-created", status: 201)
                }
            }
            guard ["companies", "deals", "notes"].contains(kind) else {
                return try .fixture("error-403-scopes", status: 403)
            }
            let leading = ["companies": "name", "deals": "dealname", "notes": "hs_note_body"][kind] ?? ""
            var results: [JSONValue] = [["name": .string(leading), "groupName": .string("\(kind)_group")]]
            if made.withLock({ $0.contains(kind) }) {
                results.append(["name": "integrationkit_key", "hasUniqueValue": true])
            }
            return .json(["results": .array(results)])
        }
    }

    @Test func `What is missing is shown, made once, and what is refused weakens the promise`() async throws {
        let made = LockBox<Set<String>>([])
        let session = desk.session(answer: provisioned(made))
        let plan = try await provider.fetchMissing(in: session)
        #expect(plan.steps.map(\.kind) == [.company, .deal, .note])
        #expect(desk.requests.allSatisfy { $0.method == .get })

        let profile = try await provider.provision(plan, in: session)
        #expect(profile.keySlots[.company]?.field == "integrationkit_key")
        #expect(profile.keySlots[.deal]?.field == "integrationkit_key")
        #expect(profile.keySlots[.note]?.field == nil)
        #expect(profile.keySlots[.note]?.safety == .marked)
        #expect(profile.facts["key.refused.note"] == true)
        let creation = try #require(desk.requests.first { $0.method == .post })
        #expect(creation.url.absoluteString == "https://api.hubapi.com/crm/properties/2026-09/companies")
        #expect(
            String(decoding: creation.body ?? Data(), as: UTF8.self)
                == #"{"name":"integrationkit_key","label":"IntegrationKit key","type":"string","fieldType":"text","#
                + #""groupName":"companies_group","hasUniqueValue":true}"#
        )

        var account = ConnectedAccount.portal()
        account.profile = profile
        let later = Desk.hubSpot
        let again = later.session(account, answer: provisioned(made))
        #expect(try await provider.fetchMissing(in: again).steps.isEmpty)
        _ = try await provider.provision(plan, in: again)
        #expect(later.requests.filter { $0.method == .post }.map(\.url.lastPathComponent) == ["notes"])
    }

    @Test func `A trouble that passes does not weaken the promise`() async throws {
        let session = desk.session { request in
            request.method == .post
                ? HTTPResponse(status: 503) : .json(["results": [["name": "dealname", "groupName": "g"]]])
        }
        let step = ProvisioningPlan.Step(kind: .deal, field: "integrationkit_key", reason: LocalizedText("x"))
        await #expect(throws: IntegrationError.self) {
            try await provider.provision(ProvisioningPlan(steps: [step]), in: session)
        }
    }

    @Test func `The settings are the account's pipelines, stages and owners`() async throws {
        let session = desk.session { request in
            switch request.url.path {
            case "/crm/pipelines/2026-09/deals": try .fixture("pipelines-deals")
            case "/crm/owners/2026-09": try .fixture("owners-page")
            default: try .fixture("error-403-scopes", status: 403)
            }
        }
        let settings = try await provider.fetchSettings(in: session)
        #expect(settings.map(\.id) == ["deal.pipeline", "deal.stage", "owner"])
        #expect(settings[0].options.map(\.value) == ["default", "77"])
        #expect(settings[0].defaultValue == "default")
        #expect(settings[1].options.map(\.value) == ["appointmentscheduled", "closedwon", "7701"])
        #expect(settings[1].options.first?.label == "Sales Pipeline: Appointment scheduled")
        #expect(settings[1].defaultValue == "appointmentscheduled")
        #expect(settings[1].dependsOn == "deal.pipeline")
        #expect(settings[2].options.map(\.label) == ["Ada Lovelace", "queue@example.com"])
    }

    @Test func `Fields tell what may be written`() async throws {
        let session = desk.session { _ in try .fixture("properties-companies") }
        let fields = try await provider.fetchFields(of: .company, in: session)
        #expect(fields.map(\.name) == ["name", "industry", "days_open", "tags"])
        #expect(fields.map(\.isWritable) == [true, true, false, true])
        #expect(fields.map(\.type) == [.text, .option, .number, .options])
        #expect(fields.map(\.isCustom) == [false, false, false, true])
        #expect(fields[1].options.map(\.value) == ["COMPUTER_SOFTWARE"])
    }
}
