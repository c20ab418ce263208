// SPDX-License-Identifier: Apache-2.0
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct HubSpotProviderRuleTests {
    @Test(arguments: ProviderRule.all)
    func `The HubSpot provider keeps the promise`(rule: ProviderRule) async throws {
        let outcome = try await rule.check(HubSpotTestBed(provider: HubSpotProvider()))
        let expected: RuleOutcome = rule.id == "cursor" ? .skipped("no stream has a cursor") : .passed
        #expect(outcome == expected)
    }
}
