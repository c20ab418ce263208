// SPDX-License-Identifier: Apache-2.0
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct ProviderRuleTests {
    @Test func `Each rule has an id of its own and a provider that breaks it`() {
        let ids = ProviderRule.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(Set(ids) == Set(ProviderDefects.all.map(\.rule)))
    }

    @Test(arguments: ProviderDefects.all)
    func `A rule catches the provider that breaks it`(entry: ProviderDefects.Entry) async throws {
        let rule = try #require(ProviderRule.all.first { $0.id == entry.rule })
        let bed = HubSpotTestBed(provider: BrokenProvider(entry.make()))
        let violation = await #expect(throws: RuleViolation.self) { try await rule.check(bed) }
        #expect(violation?.rule == rule.id)
    }

    @Test(arguments: ProviderRule.all)
    func `Nothing breaks where there is no defect`(rule: ProviderRule) async throws {
        let bed = HubSpotTestBed(provider: BrokenProvider(ProviderDefects.cursors { $0 }))
        #expect(
            try await rule.check(bed)
                == (rule.id.hasPrefix("window") ? .skipped("no stream is read by windows") : .passed)
        )
    }

    @Test func `A hook that is missing skips the rule and says why`() async throws {
        var skipped: [String: String] = [:]
        for rule in ProviderRule.all {
            let bed = BareTestBed(base: HubSpotTestBed(provider: HubSpotProvider()))
            if case .skipped(let reason) = try await rule.check(bed) { skipped[rule.id] = reason }
        }
        #expect(skipped["merged"] == "the test bed merges no records")
        #expect(skipped["relations"] == "no sample has relations")
        #expect(skipped["innocents"] == "no sample has values that the platform refuses")
        #expect(
            Set(skipped.keys) == [
                "clear", "cursor", "innocents", "merged", "outcomes-shuffled", "relations", "throttled-by-others",
                "webhook", "webhook-forged", "webhook-keys", "webhook-stale",
            ]
        )
    }
}

/// A bed with the required hooks alone, and contacts alone.
private struct BareTestBed: ProviderTestBed {
    let base: HubSpotTestBed

    var provider: any IntegrationProvider { base.provider }
    var transport: any HTTPTransport { base.transport }
    var clock: ManualClock { base.clock }
    var credential: Credential { base.credential }

    func sample(of kind: RecordKind, number: Int) -> RecordSample? {
        guard kind == .contact, var sample = base.sample(of: kind, number: number) else { return nil }
        sample.clearable = nil
        sample.refused = [:]
        return sample
    }

    func make(_ kind: RecordKind, _ fields: [FieldName: FieldValue]) throws -> RemoteID { try base.make(kind, fields) }
    func edit(_ id: RemoteID, _ fields: [FieldName: FieldValue]) throws { try base.edit(id, fields) }
    func delete(_ id: RemoteID) throws { try base.delete(id) }
    func creations(of write: RecordWrite) -> Int { base.creations(of: write) }
    func throttledAnswer(to request: HTTPRequest) -> HTTPResponse { base.throttledAnswer(to: request) }
}
