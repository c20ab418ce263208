// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

extension HTTPResponse {
    /// An answer with a fixture as its body.
    static func fixture(_ name: String, status: Int = 200, headers: HTTPHeaders = [:]) throws -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: try fixtureData(name))
    }

    /// An answer with a JSON body.
    static func json(_ value: JSONValue, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, body: value.data)
    }
}

/// Reads a fixture's bytes.
func fixtureData(_ name: String) throws -> Data {
    guard let folder = Bundle.module.resourceURL else { throw CocoaError(.fileNoSuchFile) }
    return try Data(contentsOf: folder.appendingPathComponent("Fixtures/HubSpot/\(name).json"))
}

extension ConnectedAccount {
    /// A portal with the given kinds keyed by our property.
    static func portal(
        keyed kinds: [RecordKind] = [],
        currencies: [String] = ["USD"],
        timeZone: String = "US/Eastern",
        settings: [String: JSONValue] = [:],
        facts: [String: JSONValue] = [:]
    ) -> ConnectedAccount {
        var slots: [RecordKind: KeySlot] = [:]
        for kind in kinds {
            slots[kind] = KeySlot(field: "integrationkit_key", safety: .keyed(for: nil), settle: .seconds(60))
        }
        return ConnectedAccount(
            key: AccountKey(platform: .hubSpot, value: "147893286"),
            profile: AccountProfile(
                baseURL: HubSpotProvider.publicAddress,
                timeZone: timeZone,
                currencies: currencies,
                keySlots: slots,
                facts: facts
            ),
            settings: settings
        )
    }
}

extension RecordWrite {
    /// A write whose id and key are told apart by a letter, a to z.
    static func sample(
        _ operation: Operation,
        _ kind: RecordKind,
        _ letter: Character = "a",
        target: String? = nil,
        fields: [FieldName: FieldValue] = [:],
        changed: Set<FieldName>? = nil,
        contact: String? = nil,
        firstSentAt: Date? = nil,
        state: JSONValue? = nil
    ) -> RecordWrite {
        let number = (letter.asciiValue ?? 97) - 96
        return RecordWrite(
            id: UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number)),
            operation: operation,
            kind: kind,
            target: target.map { RemoteID(kind, $0) },
            externalKey: key(letter),
            naturalKeys: fields["email"].map { ["email": $0] } ?? [:],
            fields: fields,
            changed: changed,
            relations: contact.map { [Relation(.contact, .remote(RemoteID(.contact, $0)))] } ?? [],
            firstSentAt: firstSentAt,
            state: state
        )
    }

    /// Our key with a letter.
    static func key(_ letter: Character) -> String { "ik" + String(repeating: letter, count: 52) }
}

/// A short name of an outcome, to compare it.
func name(_ outcome: WriteOutcome) -> String {
    switch outcome {
    case .applied(let record): "applied \(record.id.value)"
    case .exists(let ids): "exists \(ids.map(\.value))"
    case .moved(let ids): "moved \(ids.map(\.value))"
    case .gone: "gone"
    case .pending(let state, let made, _): "pending \(state.text) \(made?.id.value ?? "-")"
    case .notAttempted(let error): "notAttempted \(error.code.rawValue) \(error.retry)"
    case .refused(let error): "refused \(error.code.rawValue)"
    case .unknown(let error): "unknown \(error.code.rawValue) \(error.mayHaveHappened)"
    }
}
