// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

/// The HubSpot provider with something broken in it.
struct BrokenProvider: AccountProvisioning, WebhookReceiving {
    /// What is broken; each part stands in for a requirement, and nil leaves it whole.
    struct Defect: Sendable {
        typealias Base = HubSpotProvider

        var descriptor: (@Sendable (inout PlatformDescriptor) -> Void)?
        /// Changes requests on their way out.
        var request: (@Sendable (inout HTTPRequest) -> Void)?
        var authorize: (@Sendable (Credential) -> Void)?
        var failure: (@Sendable (HTTPResponse) -> IntegrationError?)?
        var budgets: (@Sendable (inout [Budget]) -> Void)?
        var readings: (@Sendable (inout [BudgetReading]) -> Void)?
        var verify: (@Sendable (Base, ProviderSession) async throws -> ConnectionReport)?
        var plan: (@Sendable (inout [WriteBatch]) -> Void)?
        /// Changes writes before they are pushed.
        var write: (@Sendable (inout RecordWrite) -> Void)?
        var push: (@Sendable (Base, WriteBatch, ProviderSession) async throws -> [WriteOutcome])?
        var lookUp: (@Sendable (inout [LookupResult], [RecordWrite]) -> Void)?
        var streams: (@Sendable (inout [ChangeStream]) -> Void)?
        var changes: (@Sendable (Base, ChangeStream, ChangeQuery, ProviderSession) async throws -> ChangePage)?
        var fetch: (@Sendable (inout [FetchResult], [FieldName]) -> Void)?
        var events: (@Sendable (Base, HTTPRequest, [Secret], Date) throws -> [WebhookEvent])?
    }

    private let base = HubSpotProvider()
    private let defect: Defect

    init(_ defect: Defect) {
        self.defect = defect
    }

    var descriptor: PlatformDescriptor {
        var descriptor = base.descriptor
        defect.descriptor?(&descriptor)
        return descriptor
    }

    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) throws {
        defect.authorize?(credential)
        try base.authorize(&request, with: credential, in: context)
    }

    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        defect.failure?(response) ?? base.failure(in: response, to: request)
    }

    func budgets(of account: ConnectedAccount) -> [Budget] {
        var budgets = base.budgets(of: account)
        defect.budgets?(&budgets)
        return budgets
    }

    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] {
        var readings = base.readings(in: response, to: request)
        defect.readings?(&readings)
        return readings
    }

    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        if let verify = defect.verify { return try await verify(base, altered(session)) }
        return try await base.verifyConnection(in: altered(session))
    }

    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        var batches = base.plan(writes, for: account)
        defect.plan?(&batches)
        return batches
    }

    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        var batch = batch
        if let write = defect.write { for place in batch.writes.indices { write(&batch.writes[place]) } }
        if let push = defect.push { return try await push(base, batch, altered(session)) }
        return try await base.push(batch, in: altered(session))
    }

    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        var results = try await base.lookUp(writes, in: altered(session))
        defect.lookUp?(&results, writes)
        return results
    }

    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] {
        var streams = base.streams(for: kind, of: account)
        defect.streams?(&streams)
        return streams
    }

    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        if let changes = defect.changes { return try await changes(base, stream, query, altered(session)) }
        return try await base.changes(in: stream, matching: query, in: altered(session))
    }

    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws
        -> [FetchResult]
    {
        var results = try await base.fetchRecords(ids, fields: fields, in: altered(session))
        defect.fetch?(&results, fields)
        return results
    }

    func fetchMissing(in session: ProviderSession) async throws -> ProvisioningPlan {
        try await base.fetchMissing(in: session)
    }

    func provision(_ plan: ProvisioningPlan, in session: ProviderSession) async throws -> AccountProfile {
        try await base.provision(plan, in: session)
    }

    func address(of delivery: HTTPRequest) throws -> WebhookAddress { try base.address(of: delivery) }

    func events(in delivery: HTTPRequest, verifiedWith secrets: [Secret], now: Date) throws -> [WebhookEvent] {
        try defect.events?(base, delivery, secrets, now) ?? base.events(in: delivery, verifiedWith: secrets, now: now)
    }

    func reply(accepted: Bool) -> HTTPResponse { base.reply(accepted: accepted) }

    private func altered(_ session: ProviderSession) -> ProviderSession {
        guard let change = defect.request else { return session }
        var altered = session
        altered.send = { request in
            var request = request
            change(&request)
            return try await session.send(request)
        }
        return altered
    }
}

extension BrokenProvider.Defect {
    /// Tells other outcomes than the true ones.
    static func outcomes(_ change: @escaping @Sendable (inout [WriteOutcome], [RecordWrite]) -> Void) -> Self {
        Self(push: { base, batch, session in
            var outcomes = try await base.push(batch, in: session)
            change(&outcomes, batch.writes)
            return outcomes
        })
    }

    /// Tells another outcome than each true one.
    static func outcome(_ change: @escaping @Sendable (WriteOutcome, RecordWrite) -> WriteOutcome) -> Self {
        outcomes { outcomes, writes in outcomes = zip(outcomes, writes).map(change) }
    }

    /// Shows other pages than the true ones.
    static func page(_ change: @escaping @Sendable (inout ChangePage, ChangeStream, ChangeQuery) -> Void) -> Self {
        Self(changes: { base, stream, query, session in
            var page = try await base.changes(in: stream, matching: query, in: session)
            change(&page, stream, query)
            return page
        })
    }

    /// Changes each record that a fetch found.
    static func fetched(_ change: @escaping @Sendable (inout RemoteRecord, [FieldName]) -> Void) -> Self {
        Self(fetch: { results, fields in
            results = results.map { result in
                guard case .found(var record) = result else { return result }
                change(&record, fields)
                return .found(record)
            }
        })
    }
}
