// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension HubSpotProvider {
    /// Finds out which portal a token reaches, what it may do there with each kind, and where our key goes.
    public func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        let requests = requests(for: session.account)
        let request = try requests.get(requests.accountDetails)
        let response = try await session.send(request)
        if let error = failure(in: response, to: request, account: session.account, now: session.now()) { throw error }
        let details = try JSONValue(parsing: response.body)
        guard let portal = details["portalId"]?.idText else {
            throw IntegrationError(
                .invalidAnswer,
                "HubSpot's account details name no portal.",
                retry: .after(nil),
                concerns: .account
            )
        }
        var profile = AccountProfile(
            baseURL: session.account.profile.baseURL,
            timeZone: details["timeZone"]?.string ?? "UTC",
            currencies: HubSpotProvider.currencies(in: details),
            facts: session.account.profile.facts.merging(limits(in: response.headers)) { _, new in new }
        )
        if let domain = details["uiDomain"]?.string { profile.facts["ui.domain"] = .string(domain) }
        let (access, warnings) = try await probeAccess(in: session)
        let readable = HubSpotObject.all.filter { access[$0.kind] != .denied }
        profile.keySlots = HubSpotProvider.keySlots(given: try await readDefinitions(of: readable, in: session))
        for (fact, value) in profile.facts { session.learn(fact, value) }
        return ConnectionReport(
            key: AccountKey(platform: .hubSpot, value: portal),
            name: details["portalName"]?.string ?? "HubSpot \(portal)",
            isSandbox: ["SANDBOX", "DEVELOPER_TEST"].contains(details["accountType"]?.string),
            profile: profile,
            access: access,
            warnings: warnings
        )
    }

    private static func currencies(in details: JSONValue) -> [String] {
        let own = [details["companyCurrency"]?.string].compactMap { $0 }
        return own + (details["additionalCurrencies"]?.array ?? []).compactMap(\.string).filter { !own.contains($0) }
    }

    /// Lists one record of each kind; whether a kind may be written shows only by writing.
    private func probeAccess(in session: ProviderSession) async throws
        -> (access: [RecordKind: KindAccess], warnings: [IntegrationError])
    {
        let requests = requests(for: session.account)
        var access: [RecordKind: KindAccess] = [:]
        var warnings: [IntegrationError] = []
        for object in HubSpotObject.all {
            do {
                _ = try await read(try requests.get(requests.objects(object), query: [("limit", "1")]), in: session)
                access[object.kind] = .unproven
            } catch var error as IntegrationError where error.code == .forbidden && error.concerns == .kind {
                error.message = "\(object.kind.rawValue): \(error.message)"
                access[object.kind] = .denied
                warnings.append(error)
            }
        }
        return (access, warnings)
    }
}
