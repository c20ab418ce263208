// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension MeadowProvider {
    /// Arranges writes: Meadow takes 50 items of one collection in a call, whatever is to be done with each.
    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        descriptor.kinds.flatMap { kind in
            let own = writes.filter { $0.kind == kind.kind }
            return stride(from: 0, to: own.count, by: 50).map { start in
                let part = Array(own[start..<min(start + 50, own.count)])
                return WriteBatch(
                    writes: part,
                    spend: [Spend("calls")],
                    safety: kind.safety,
                    exclusive: Set(part.compactMap { $0.target?.value ?? $0.externalKey })
                )
            }
        }
    }

    /// Sends one batch in one call, and reads the result of each write by the reference that Meadow repeats.
    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        guard let kind = batch.writes.first?.kind else { return [] }
        var outcomes: [UUID: WriteOutcome] = [:]
        var items: [JSONValue] = []
        for write in batch.writes {
            do {
                items.append(try item(of: write))
            } catch let error as IntegrationError {
                outcomes[write.id] = .refused(error)
            }
        }
        if !items.isEmpty {
            let path = "\(MeadowProvider.collection(of: kind))/batch"
            let request = request(
                .post,
                path,
                body: ["items": .array(items)],
                effect: .write,
                for: session.account
            )
            outcomes.merge(try await send(request, of: batch.writes, in: session)) { refused, _ in refused }
        }
        let silence = IntegrationError(.outcomeUnknown, "Meadow does not mention the record.", mayHaveHappened: true)
        return batch.writes.map { outcomes[$0.id] ?? .unknown(silence) }
    }

    private func item(of write: RecordWrite) throws -> JSONValue {
        var item: JSONObject = ["ref": .string(write.id.uuidString)]
        switch write.operation {
        case .create:
            item["do"] = "put"
            item["key"] = .string(write.externalKey)
        case .update, .delete:
            item["do"] = write.operation == .update ? "patch" : "delete"
            item["id"] = write.target.map { .string($0.value) }
        }
        var values: [String: JSONValue] = [:]
        for (name, value) in write.changedFields { values[name.rawValue] = try json(value, of: name) }
        if !values.isEmpty { item["values"] = .object(JSONObject(values)) }
        for case .remote(let person) in write.relations.map(\.target) where person.kind == .contact {
            item["person"] = .string(person.value)
        }
        return .object(item)
    }

    private func send(
        _ request: HTTPRequest,
        of writes: [RecordWrite],
        in session: ProviderSession
    ) async throws -> [UUID: WriteOutcome] {
        func all(_ outcome: WriteOutcome) -> [UUID: WriteOutcome] {
            Dictionary(writes.map { ($0.id, outcome) }, uniquingKeysWith: { first, _ in first })
        }
        let response: HTTPResponse
        do {
            response = try await session.send(request)
        } catch let error as IntegrationError where !error.mayHaveHappened {
            throw error
        } catch {
            let lost = IntegrationError(.outcomeUnknown, "Meadow's answer was lost.", mayHaveHappened: true)
            return all(.unknown(error as? IntegrationError ?? lost))
        }
        if let error = failure(in: response, to: request) {
            return all(error.mayHaveHappened ? .unknown(error) : .notAttempted(error))
        }
        var outcomes: [UUID: WriteOutcome] = [:]
        for result in try JSONValue(parsing: response.body)["results"]?.array ?? [] {
            guard let id = result["ref"]?.string.flatMap({ UUID(uuidString: $0) }),
                let write = writes.first(where: { $0.id == id })
            else { continue }
            outcomes[id] = outcome(in: result, of: write)
        }
        return outcomes
    }

    private func outcome(in result: JSONValue, of write: RecordWrite) -> WriteOutcome {
        let others = [result["id"]?.idText].compactMap { $0 }.map { RemoteID(write.kind, $0) }
        switch result["status"]?.int64 {
        case 200: return result["record"].flatMap { record($0, of: write.kind) }.map { .applied($0) } ?? .gone
        case 404: return .gone
        case 409: return .exists(others)
        case 410: return .moved(others)
        default:
            let field = result["field"]?.string
            return .refused(
                IntegrationError(
                    .refused,
                    "Meadow refuses the value of \(field ?? "a field").",
                    remedy: LocalizedText("Correct it in your records.", fr: "Corrigez-la dans vos données."),
                    context: IntegrationError.Context(fields: [field].compactMap { $0 })
                )
            )
        }
    }

    /// Looks records up by our key, then by e-mail address; Meadow finds what it has just stored.
    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        var results: [UUID: LookupResult] = [:]
        for kind in descriptor.kinds.map(\.kind) {
            let own = writes.filter { $0.kind == kind }
            let byKey = try await find(kind, by: "keys", own.map(\.externalKey), in: session)
            let emails = own.compactMap { MeadowProvider.text($0.naturalKeys["email"]) }
            let byEmail = try await find(kind, by: "emails", emails, in: session)
            for write in own {
                let email = MeadowProvider.text(write.naturalKeys["email"])
                let others = byEmail.filter { email != nil && MeadowProvider.text($0.fields["email"]) == email }
                if let record = byKey.first(where: { $0.externalKey == write.externalKey }) {
                    results[write.id] = .found(record, byExternalKey: true)
                } else if let record = others.first {
                    results[write.id] = .found(record, byExternalKey: false)
                }
            }
        }
        return writes.map { results[$0.id] ?? .absent }
    }

    private func find(
        _ kind: RecordKind,
        by name: String,
        _ values: [String],
        in session: ProviderSession
    ) async throws -> [RemoteRecord] {
        try await rows(of: kind, by: name, values, in: session).compactMap { record($0, of: kind) }
    }

    private static func text(_ value: FieldValue?) -> String? {
        if case .text(let text) = value { text.lowercased() } else { nil }
    }
}
