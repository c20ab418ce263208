// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// The simulated Meadow as the bed on which the rules check the provider.
struct MeadowTestBed: ProviderTestBed {
    let clock = ManualClock()
    let meadow: SimulatedMeadow
    let provider: any IntegrationProvider = MeadowProvider()
    let credential = Credential(method: "api-key", values: ["api_key": "meadow-secret-key"])
    let webhookSecret: Secret? = "meadow-webhook-secret"
    let webhookAge: Duration? = .seconds(300)

    var transport: any HTTPTransport { meadow }

    init() {
        meadow = SimulatedMeadow(
            time: clock.timeSource,
            apiKey: "meadow-secret-key",
            webhookSecret: "meadow-webhook-secret"
        )
    }

    func sample(of kind: RecordKind, number: Int) -> RecordSample? {
        if kind == .note {
            return RecordSample(
                fields: ["text": .text("Note \(number)")],
                change: ["text": .text("Other note \(number)")],
                clearable: "text",
                relations: [.contact: .contact]
            )
        }
        return RecordSample(
            fields: [
                "email": .text("person.\(number)@example.fr"), "first_name": .text("Ada \(number)"),
                "phone": .text("+33 1 \(number)"),
            ],
            change: ["first_name": .text("Grace \(number)")],
            clearable: "phone",
            refused: ["email": "nowhere"]
        )
    }

    func make(_ kind: RecordKind, _ fields: [FieldName: FieldValue]) async throws -> RemoteID {
        RemoteID(kind, try await meadow.make(MeadowProvider.collection(of: kind), try values(fields)))
    }

    func edit(_ id: RemoteID, _ fields: [FieldName: FieldValue]) async throws {
        try await meadow.edit(MeadowProvider.collection(of: id.kind), id.value, try values(fields))
    }

    func delete(_ id: RemoteID) async throws {
        try await meadow.remove(MeadowProvider.collection(of: id.kind), id.value)
    }

    func merge(_ loser: RemoteID, into winner: RemoteID) async throws {
        try await meadow.merge(MeadowProvider.collection(of: loser.kind), loser.value, into: winner.value)
    }

    func creations(of write: RecordWrite) async -> Int { await meadow.creations[write.externalKey] ?? 0 }

    func related(to id: RemoteID) async -> Set<RemoteID> {
        Set([await meadow.person(of: id.value)].compactMap { $0 }.map { RemoteID(.contact, $0) })
    }

    func useUpLimits() async { await meadow.useUpLimits() }

    func shuffleAnswers() async { await meadow.shuffle() }

    func takeDeliveries() async -> [HTTPRequest] { await meadow.takeDeliveries() }

    func redelivery(of delivery: HTTPRequest) async -> HTTPRequest { await meadow.deliver(delivery.body ?? Data()) }

    private func values(_ fields: [FieldName: FieldValue]) throws -> [String: String?] {
        var values: [String: String?] = [:]
        for (name, value) in fields {
            let json = try MeadowProvider().json(value, of: name)
            values.updateValue(json.string, forKey: name.rawValue)
        }
        return values
    }
}
