// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// One outward call of a write.
enum WooCommerceStep: Hashable, Sendable {
    /// Asks for products that an order's lines name: an unknown one would become an empty line without a word.
    case check(Int)
    /// Makes the record.
    case create
    /// Changes the record.
    case update
    /// Deletes the record, into the trash where there is one.
    case delete
    /// Deletes the record for good, since the shop has switched its trash off.
    case deleteForGood
    /// There is nothing to send.
    case nothing

    /// Reads where a write stands.
    init(of write: RecordWrite) {
        switch write.operation {
        case .delete:
            self = write.state?["step"]?.string == "force" ? .deleteForGood : .delete
        case .update:
            let hasCustomer = write.kind == .order && WooCommerceStep.customer(of: write) != nil
            self = write.changedFields.isEmpty && !hasCustomer ? .nothing : .update
        case .create:
            let done = write.state?["checked"]?.int64.map(Int.init) ?? 0
            self = done < WooCommerceCheck.all(of: write).count ? .check(done) : .create
        }
    }

    /// The customer that an order is related to.
    static func customer(of write: RecordWrite) -> String? {
        write.relations.lazy.compactMap { relation -> String? in
            guard case .remote(let id) = relation.target, id.kind == .customer else { return nil }
            return id.value
        }.first
    }

    /// The id of the record that a record is addressed through.
    static func parent(of write: RecordWrite) -> String? {
        if let parent = write.target?.parent { return parent }
        guard write.kind == .note || write.kind == .productVariation else { return nil }
        let kind: RecordKind = write.kind == .note ? .order : .product
        return write.relations.lazy.compactMap { relation -> String? in
            guard case .remote(let id) = relation.target, id.kind == kind else { return nil }
            return id.value
        }.first
    }
}

/// A question whether products that an order's lines name are there.
struct WooCommerceCheck: Hashable, Sendable {
    /// The list to ask.
    var path: String
    /// The filter: `sku` or `include`.
    var filter: String
    /// What must be there.
    var values: [String]

    /// The questions about a write; none for what is no order with lines.
    static func all(of write: RecordWrite) -> [WooCommerceCheck] {
        var names: [WooCommerceCheck] = []
        func add(_ path: String, _ filter: String, _ value: String) {
            if let place = names.firstIndex(where: { $0.path == path && $0.filter == filter && $0.values.count < 100 })
            {
                if !names[place].values.contains(value) { names[place].values.append(value) }
            } else {
                names.append(WooCommerceCheck(path: path, filter: filter, values: [value]))
            }
        }
        for line in WooCommerceLines.items(of: write) where line["id"]?.idText == nil {
            let product = WooCommerceLines.id(line["product_id"])
            let variation = WooCommerceLines.id(line["variation_id"])
            if let variation, let product {
                add("products/\(product)/variations", "include", variation)
            } else if let product {
                add("products", "include", product)
            } else if let sku = line["sku"]?.idText, !sku.isEmpty, !sku.contains(",") {
                // Older shops split a SKU at its commas; such a one is left to the shop.
                add("products", "sku", sku)
            }
        }
        return names
    }
}

extension WooCommerceProvider {
    /// How many records a batch holds at first: WooCommerce takes 100, but servers of shops run out of time.
    static let usualBatch = 25
    /// The most records that WooCommerce takes in a batch.
    static let largestBatch = 100
    /// A batch that is answered within so many seconds may be twice as large: shops give a call a minute.
    private static let quickAnswer = 5.0

    /// Arranges writes: creates and updates of one list share calls, everything else goes alone.
    public func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        struct Open {
            var list: String?
            var safety: CreateSafety?
            var batch: WriteBatch
        }
        let size = WooCommerceProvider.batchSize(account.profile)
        var open: [Open] = []
        for write in writes {
            let step = WooCommerceStep(of: write)
            let list = WooCommerceProvider.batchList(of: write, step)
            let safety = step == .create ? WooCommerceProvider.safety(of: write) : nil
            let names = WooCommerceProvider.exclusiveNames(of: write)
            let place = open.firstIndex {
                list != nil && $0.list == list && $0.batch.writes.count < size
                    && ($0.safety == nil || safety == nil || $0.safety == safety)
                    && $0.batch.exclusive.isDisjoint(with: names)
            }
            if let place {
                open[place].batch.writes.append(write)
                open[place].batch.exclusive.formUnion(names)
                if let safety {
                    open[place].safety = safety
                    open[place].batch.safety = safety
                }
            } else {
                let spend = step == .nothing ? [] : [Spend(WooCommerceBudget.parallel)]
                let batch = WriteBatch(
                    writes: [write],
                    spend: spend,
                    safety: safety ?? (step.isCheck ? WooCommerceProvider.safety(of: write) : .keyed(for: nil)),
                    exclusive: names
                )
                open.append(Open(list: list, safety: safety, batch: batch))
            }
        }
        return open.map(\.batch)
    }

    /// Sends one batch in one call.
    public func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        guard let first = batch.writes.first else { return [] }
        let call = WooCommerceCall(
            resource: try WooCommerceResource.of(first.kind),
            payloads: WooCommercePayloads(account: session.account),
            requests: requests(for: session.account)
        )
        var outcomes: [WriteOutcome?] = Array(repeating: nil, count: batch.writes.count)
        var sent: [(place: Int, item: WooCommerceCall.Item)] = []
        for (place, write) in batch.writes.enumerated() {
            do {
                let step = WooCommerceStep(of: write)
                if step == .nothing {
                    outcomes[place] = .applied(RemoteRecord(id: write.target ?? RemoteID(write.kind, "")))
                } else {
                    sent.append((place, try call.item(for: write, step)))
                }
            } catch let error as IntegrationError {
                outcomes[place] = .refused(error)
            }
        }
        if !sent.isEmpty {
            let found = try await send(sent.map(\.item), of: call, in: session)
            for (place, outcome) in zip(sent.map(\.place), found) { outcomes[place] = outcome }
        }
        return outcomes.map { $0 ?? .notAttempted(WooCommerceCall.unanswered(mayHaveHappened: false)) }
    }

    private func send(_ items: [WooCommerceCall.Item], of call: WooCommerceCall, in session: ProviderSession)
        async throws -> [WriteOutcome]
    {
        let request = try call.request(for: items)
        let before = session.now()
        let response: HTTPResponse
        do {
            response = try await session.send(request)
        } catch let error as IntegrationError {
            if error.code == .timedOut { shrink(items.count, in: session) }
            guard error.mayHaveHappened else { throw error }
            return items.map { _ in .unknown(error) }
        } catch {
            // Cancelled, or an error of a transport that does not say: bytes may have left.
            return items.map { _ in .unknown(WooCommerceCall.unanswered(mayHaveHappened: true)) }
        }
        if WooCommerceProvider.isOverloaded(response.status) { shrink(items.count, in: session) }
        guard let error = failure(in: response, to: request) else {
            guard let answer = try? WooCommerceBody.json(of: response) else {
                return items.map { _ in .unknown(WooCommerceCall.unanswered(mayHaveHappened: true)) }
            }
            grow(items.count, after: session.now().timeIntervalSince(before), in: session)
            return call.outcomes(in: answer, for: items) { refusal($0, status: $0.status ?? response.status) }
        }
        if response.status == 401, case .signed = call.requests.signIn,
            WooCommerceSignIn.hasMoved(from: before, to: session.now())
        {
            return items.map { _ in .notAttempted(WooCommerceProvider.wrongClock) }
        }
        return call.outcomes(of: error, body: WooCommerceFailure(response), for: items)
    }

    /// How many records a batch may hold in a shop, by what it has shown.
    private static func batchSize(_ profile: AccountProfile) -> Int {
        let size = profile.facts[WooCommerceFact.batchSize]?.int64.map(Int.init) ?? usualBatch
        let most = profile.facts[WooCommerceFact.largestBatch]?.int64.map(Int.init) ?? largestBatch
        return max(min(size, most, largestBatch), 1)
    }

    /// A shop that runs out of time gets half as many records from now on, and no more until the connection is tested again.
    private func shrink(_ count: Int, in session: ProviderSession) {
        guard count > 1 else { return }
        let half = JSONValue.number(JSONNumber(max(1, count / 2)))
        session.learn(WooCommerceFact.batchSize, half)
        session.learn(WooCommerceFact.largestBatch, half)
    }

    /// A shop that answers a full batch quickly gets twice as many records from now on.
    private func grow(_ count: Int, after seconds: Double, in session: ProviderSession) {
        let size = WooCommerceProvider.batchSize(session.account.profile)
        guard count >= size, size < WooCommerceProvider.largestBatch, seconds < WooCommerceProvider.quickAnswer else {
            return
        }
        session.learn(
            WooCommerceFact.batchSize,
            .number(JSONNumber(min(size * 2, WooCommerceProvider.largestBatch)))
        )
    }

    private static let wrongClock = error(
        .unavailable,
        "The request was signed by a clock that differs from the shop’s; the next one goes by the shop’s.",
        remedy: LocalizedText(
            "Nothing to do: it will be tried again. Set this server’s clock if it goes on.",
            fr: "Rien à faire : un nouvel essai suivra. Réglez l’horloge de ce serveur si cela persiste."
        ),
        retry: .after(.seconds(1))
    )

    // MARK: What a write is

    /// The list whose batch call takes a write; nil: it goes alone.
    private static func batchList(of write: RecordWrite, _ step: WooCommerceStep) -> String? {
        guard step == .create || step == .update, write.kind != .note,
            let resource = try? WooCommerceResource.of(write.kind)
        else { return nil }
        return resource.list(under: WooCommerceStep.parent(of: write))
    }

    /// What a create can promise: WooCommerce refuses a second SKU; a second order or customer it makes.
    static func safety(of write: RecordWrite) -> CreateSafety {
        switch write.kind {
        case .customer: email(of: write) == nil ? .uncertain : .found
        case .order: .found
        case .product, .productVariation: sku(of: write) == nil ? .found : .keyed(for: nil)
        case .note: WooCommerceStep.parent(of: write) == nil ? .uncertain : .marked
        default: .uncertain
        }
    }

    /// A call must not hold a record, a key, an e-mail address or a SKU twice, nor two calls at the same time.
    ///
    /// WooCommerce makes two customers of two creates with one e-mail address that arrive together.
    private static func exclusiveNames(of write: RecordWrite) -> Set<String> {
        var names: Set<String> = []
        if let target = write.target { names.insert("\(target.kind.rawValue):\(target.value)") }
        if write.operation == .create { names.insert("key:\(write.externalKey)") }
        if let email = email(of: write) { names.insert("email:\(email)") }
        if let sku = sku(of: write) { names.insert("sku:\(sku.lowercased())") }
        return names
    }

    /// The e-mail address that a write gives to a customer, as WooCommerce compares it.
    static func email(of write: RecordWrite) -> String? {
        guard write.kind == .customer else { return nil }
        return text(write.naturalKeys["email"] ?? (write.operation == .create ? write.fields["email"] : nil))?
            .lowercased()
    }

    /// The SKU that a write gives to a product or variation.
    static func sku(of write: RecordWrite) -> String? {
        guard write.kind == .product || write.kind == .productVariation else { return nil }
        return text(write.naturalKeys["sku"] ?? (write.operation == .create ? write.fields["sku"] : nil))
    }

    private static func text(_ value: FieldValue?) -> String? {
        switch value {
        case .text(let text):
            let trimmed = text.trimmingCharacters(in: .whitespaces)
            return trimmed.isEmpty ? nil : trimmed
        case .number(let number): return number.description
        default: return nil
        }
    }
}

extension WooCommerceStep {
    /// Whether the step only asks.
    var isCheck: Bool { if case .check = self { true } else { false } }
}
