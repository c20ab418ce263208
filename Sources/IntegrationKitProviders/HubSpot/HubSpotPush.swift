// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// One outward call of a write, most of which need one alone.
///
/// HubSpot's upsert takes no associations and its `lifecyclestage` only moves forward, so a write may go on with steps:
/// each is a call of its own, repeats without harm, and is named by the state that the engine keeps.
struct HubSpotStep: Hashable, Sendable {
    enum Verb: String, Sendable {
        /// Makes records; carries their associations.
        case create
        /// Makes records, or finds them by our key; carries no associations.
        case upsert
        /// Changes records.
        case update
        /// Archives records.
        case archive
        /// Empties `lifecyclestage`, which refuses to go back.
        case clearStage = "clear-stage"
        /// Sets the emptied `lifecyclestage`.
        case setStage = "set-stage"
        /// Associates records.
        case associate
        /// There is nothing to send.
        case nothing
    }

    /// What the call does.
    var verb: Verb
    /// The kinds that are still to be associated; the call does the first.
    var targets: [RecordKind] = []

    /// Reads where a write stands.
    init(of write: RecordWrite, in account: ConnectedAccount) {
        if let state = write.state?["step"]?.string.flatMap({ Verb(rawValue: $0) }) {
            verb = state
            targets = write.state?["targets"]?.array?.compactMap(\.string).map { RecordKind(rawValue: $0) } ?? []
            return
        }
        switch write.operation {
        case .delete:
            verb = .archive
        case .create:
            verb = account.profile.keySlots[write.kind]?.field == nil ? .create : .upsert
            if verb == .upsert { targets = HubSpotStep.targets(of: write) }
        case .update:
            targets = HubSpotStep.targets(of: write)
            verb = write.changedFields.isEmpty ? (targets.isEmpty ? .nothing : .associate) : .update
        }
    }

    private init(_ verb: Verb, targets: [RecordKind]) {
        self.verb = verb
        self.targets = targets
    }

    /// The step after this one; nil: the write is done.
    ///
    /// - Parameter isStageRefused: Whether the answer shows another `lifecyclestage` than the one that was sent.
    /// - Returns: The next step.
    func next(isStageRefused: Bool) -> HubSpotStep? {
        switch verb {
        case .update, .upsert:
            if isStageRefused { return HubSpotStep(.clearStage, targets: targets) }
            return targets.isEmpty ? nil : HubSpotStep(.associate, targets: targets)
        case .clearStage: return HubSpotStep(.setStage, targets: targets)
        case .setStage: return targets.isEmpty ? nil : HubSpotStep(.associate, targets: targets)
        case .associate:
            let rest = Array(targets.dropFirst())
            return rest.isEmpty ? nil : HubSpotStep(.associate, targets: rest)
        case .create, .archive, .nothing: return nil
        }
    }

    /// What the engine hands back with the write.
    func state(of id: String) -> JSONValue {
        [
            "step": .string(verb.rawValue),
            "id": .string(id),
            "targets": .array(targets.map { .string($0.rawValue) }),
        ]
    }

    private static func targets(of write: RecordWrite) -> [RecordKind] {
        var kinds: [RecordKind] = []
        for relation in write.relations {
            guard case .remote(let id) = relation.target, !kinds.contains(id.kind) else { continue }
            kinds.append(id.kind)
        }
        return kinds
    }
}

extension HubSpotProvider {
    /// The most records of one call.
    static let batchSize = 100

    /// Arranges writes: one call takes up to 100 records of one kind and one verb, none of them twice.
    public func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        struct Group: Hashable {
            var kind: RecordKind
            var verb: HubSpotStep.Verb
            var target: RecordKind?
            var safety: CreateSafety
        }
        var batches: [(group: Group, batch: WriteBatch)] = []
        for write in writes {
            let step = HubSpotStep(of: write, in: account)
            let group = Group(
                kind: write.kind,
                verb: step.verb,
                target: step.verb == .associate ? step.targets.first : nil,
                safety: safety(of: write, step: step, in: account)
            )
            let names = exclusiveNames(of: write)
            let place = batches.firstIndex {
                $0.group == group && $0.batch.writes.count < HubSpotProvider.batchSize
                    && $0.batch.exclusive.isDisjoint(with: names)
            }
            if let place {
                batches[place].batch.writes.append(write)
                batches[place].batch.exclusive.formUnion(names)
            } else {
                let own = group.verb == .associate ? HubSpotBudget.associations : HubSpotBudget.burst
                let spend = group.verb == .nothing ? [] : [Spend(own), Spend(HubSpotBudget.daily)]
                batches.append(
                    (group, WriteBatch(writes: [write], spend: spend, safety: group.safety, exclusive: names))
                )
            }
        }
        return batches.map(\.batch)
    }

    /// Sends one batch in one call.
    public func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        guard let first = batch.writes.first else { return [] }
        let object = try HubSpotObject.of(first.kind)
        let call = HubSpotCall(
            object: object,
            step: HubSpotStep(of: first, in: session.account),
            payloads: HubSpotPayloads(account: session.account)
        )
        var outcomes: [WriteOutcome?] = Array(repeating: nil, count: batch.writes.count)
        var sent: [(place: Int, write: RecordWrite)] = []
        var inputs: [JSONValue] = []
        for (place, write) in batch.writes.enumerated() {
            do {
                if call.step.verb == .nothing {
                    outcomes[place] = .applied(RemoteRecord(id: write.target ?? RemoteID(write.kind, "")))
                } else {
                    inputs += try call.inputs(of: write)
                    sent.append((place, write))
                }
            } catch let error as IntegrationError {
                outcomes[place] = .refused(error)
            }
        }
        if !sent.isEmpty {
            let request = try call.request(inputs, by: requests(for: session.account))
            let found = try await send(request, of: call, for: sent.map(\.write), in: session)
            for (place, outcome) in zip(sent.map(\.place), found) { outcomes[place] = outcome }
        }
        return outcomes.map { $0 ?? .notAttempted(HubSpotCall.unanswered(mayHaveHappened: false)) }
    }

    private func send(
        _ request: HTTPRequest,
        of call: HubSpotCall,
        for writes: [RecordWrite],
        in session: ProviderSession
    ) async throws -> [WriteOutcome] {
        let response: HTTPResponse
        do {
            response = try await session.send(request)
        } catch let error as IntegrationError {
            guard error.mayHaveHappened else { throw error }
            return writes.map { _ in .unknown(error) }
        } catch {
            // Cancelled, or an error of a transport that does not say: bytes may have left.
            return writes.map { _ in .unknown(HubSpotCall.unanswered(mayHaveHappened: true)) }
        }
        if let error = failure(in: response, to: request, account: session.account, now: session.now()) {
            return call.outcomes(of: error, body: HubSpotFailure(response), for: writes)
        }
        guard response.status != 204 else { return writes.map { call.done($0) } }
        guard let answer = try? JSONValue(parsing: response.body) else {
            return writes.map { _ in .unknown(HubSpotCall.unanswered(mayHaveHappened: true)) }
        }
        return call.outcomes(in: answer, for: writes) { refusal($0, in: response) }
    }

    private func safety(of write: RecordWrite, step: HubSpotStep, in account: ConnectedAccount) -> CreateSafety {
        guard step.verb == .create else { return .keyed(for: nil) }
        if write.kind == .contact { return HubSpotProvider.email(of: write) == nil ? .uncertain : .found }
        let isMarked = (try? HubSpotObject.of(write.kind).markedBody) != nil
        return isMarked && HubSpotProvider.anchor(of: write) != nil ? .marked : .uncertain
    }

    /// A call must not hold a record, a key or an e-mail address twice, nor two calls at the same time.
    private func exclusiveNames(of write: RecordWrite) -> Set<String> {
        var names: Set<String> = []
        let id = write.target?.value ?? write.state?["id"]?.string
        if let id { names.insert("\(write.kind.rawValue):\(id)") }
        if write.operation == .create { names.insert("key:\(write.externalKey)") }
        if write.kind == .contact, let email = HubSpotProvider.email(of: write) { names.insert("email:\(email)") }
        return names
    }

    /// The e-mail address that a write gives to a contact, as HubSpot compares it.
    static func email(of write: RecordWrite) -> String? {
        let value = write.naturalKeys["email"] ?? (write.operation == .create ? write.fields["email"] : nil)
        guard case .text(let text) = value, !text.isEmpty else { return nil }
        return text.trimmingCharacters(in: .whitespaces).lowercased()
    }

    /// The record by whose associations a marked record is found again.
    static func anchor(of write: RecordWrite) -> RemoteID? {
        let targets = write.relations.compactMap { relation -> RemoteID? in
            guard case .remote(let id) = relation.target else { return nil }
            return HubSpotObject.associationType(from: write.kind, to: id.kind) == nil ? nil : id
        }
        return targets.first { $0.kind == .contact } ?? targets.first
    }
}
