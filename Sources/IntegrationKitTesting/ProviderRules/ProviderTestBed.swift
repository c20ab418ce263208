// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// What the rules need to check a provider: the provider, a simulated platform, and hands on that platform.
///
/// The simulated platform answers requests in memory and lives by the bed's clock. The rules themselves lose and spoil
/// answers on their way; the bed does what only the platform can: people's edits, and counting.
/// A hook that is left out makes the rules that need it be skipped, with the reason.
///
/// ```swift
/// @Test(arguments: ProviderRule.all) func obeys(rule: ProviderRule) async throws {
///     try await rule.check(MeadowTestBed())
/// }
/// ```
public protocol ProviderTestBed: Sendable {
    /// The provider under test.
    var provider: any IntegrationProvider { get }
    /// The simulated platform.
    var transport: any HTTPTransport { get }
    /// The clock that the simulated platform lives by.
    var clock: ManualClock { get }
    /// A credential that the simulated platform accepts.
    var credential: Credential { get }
    /// The address of the account; by default the descriptor's.
    var baseURL: URL? { get }
    /// The choices made for the account; by default none.
    var settings: [String: JSONValue] { get }

    /// Returns what a record of a kind may hold.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - number: Which sample; different numbers give different natural keys.
    /// - Returns: The sample; nil: the kind is not checked.
    func sample(of kind: RecordKind, number: Int) -> RecordSample?

    // MARK: What people do on the platform

    /// Makes a record, as a person does.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - fields: Its fields.
    /// - Returns: The record's id.
    /// - Throws: Anything, if the platform refuses.
    func make(_ kind: RecordKind, _ fields: [FieldName: FieldValue]) async throws -> RemoteID

    /// Changes a record, as a person does.
    ///
    /// - Parameters:
    ///   - id: The record.
    ///   - fields: The fields to change.
    /// - Throws: Anything, if the platform refuses.
    func edit(_ id: RemoteID, _ fields: [FieldName: FieldValue]) async throws

    /// Deletes a record, as a person does.
    ///
    /// - Parameter id: The record.
    /// - Throws: Anything, if the platform refuses.
    func delete(_ id: RemoteID) async throws

    /// Merges two records, as a person does. Optional.
    ///
    /// - Parameters:
    ///   - loser: The record that disappears.
    ///   - winner: The record that stays.
    /// - Throws: ``UnsupportedHook`` by default.
    func merge(_ loser: RemoteID, into winner: RemoteID) async throws

    // MARK: What truly happened

    /// Counts how often the platform made a record for a write, whatever it answered.
    ///
    /// - Parameter write: The write; its external key, or else its natural keys, name the record.
    /// - Returns: How often.
    /// - Throws: Anything.
    func creations(of write: RecordWrite) async throws -> Int

    /// Returns the records that a record is related to. Optional.
    ///
    /// - Parameter id: The record.
    /// - Returns: The other records.
    /// - Throws: ``UnsupportedHook`` by default.
    func related(to id: RemoteID) async throws -> Set<RemoteID>

    // MARK: Trouble

    /// Returns the platform's refusal of one call too many; by default a bare 429.
    ///
    /// - Parameter request: What was asked.
    /// - Returns: The refusal.
    func throttledAnswer(to request: HTTPRequest) -> HTTPResponse

    /// Lets another program use up the limits of the account. Optional.
    ///
    /// - Throws: ``UnsupportedHook`` by default.
    func useUpLimits() async throws

    /// Lets the platform answer the items of one call in another order than they were sent in. Optional.
    ///
    /// - Throws: ``UnsupportedHook`` by default.
    func shuffleAnswers() async throws

    // MARK: Webhooks

    /// The secret that deliveries are signed with; nil (the default): the platform simulates no webhooks.
    var webhookSecret: Secret? { get }

    /// The age from which on a delivery is refused; nil (the default): the platform does not date deliveries.
    var webhookAge: Duration? { get }

    /// Takes the deliveries of what happened since the last call, signed. Optional.
    ///
    /// - Returns: The deliveries in order.
    /// - Throws: ``UnsupportedHook`` by default.
    func takeDeliveries() async throws -> [HTTPRequest]

    /// Returns the next attempt of a delivery that failed. Optional.
    ///
    /// - Parameter delivery: The delivery that failed.
    /// - Returns: The next attempt.
    /// - Throws: ``UnsupportedHook`` by default.
    func redelivery(of delivery: HTTPRequest) async throws -> HTTPRequest
}

extension ProviderTestBed {
    /// The descriptor's address.
    public var baseURL: URL? { provider.descriptor.baseURL }
    /// No choices.
    public var settings: [String: JSONValue] { [:] }
    /// No secret.
    public var webhookSecret: Secret? { nil }
    /// No limit of age.
    public var webhookAge: Duration? { nil }

    /// Throws ``UnsupportedHook``.
    public func merge(_ loser: RemoteID, into winner: RemoteID) async throws {
        throw UnsupportedHook("the test bed merges no records")
    }

    /// Throws ``UnsupportedHook``.
    public func related(to id: RemoteID) async throws -> Set<RemoteID> {
        throw UnsupportedHook("the test bed tells no relations")
    }

    /// Returns a bare 429.
    public func throttledAnswer(to request: HTTPRequest) -> HTTPResponse {
        HTTPResponse(status: 429, headers: ["Retry-After": "2"])
    }

    /// Throws ``UnsupportedHook``.
    public func useUpLimits() async throws {
        throw UnsupportedHook("the test bed has no other program that uses up the limits")
    }

    /// Throws ``UnsupportedHook``.
    public func shuffleAnswers() async throws {
        throw UnsupportedHook("the test bed answers in the order of the request")
    }

    /// Throws ``UnsupportedHook``.
    public func takeDeliveries() async throws -> [HTTPRequest] {
        throw UnsupportedHook("the test bed delivers no webhooks")
    }

    /// Throws ``UnsupportedHook``.
    public func redelivery(of delivery: HTTPRequest) async throws -> HTTPRequest {
        throw UnsupportedHook("the test bed delivers nothing twice")
    }
}
