// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// The comparison of what we believe with what truly happened on the platforms.
struct Verification: Sendable {
    /// What was checked, in words, with its numbers.
    var checks: [String] = []
    /// What is wrong; empty: nothing.
    var faults: [String] = []
    /// Events that are still on their way, with the reason.
    var waiting: [(integration: Integration, event: String, why: String)] = []
    /// Events that wait for a person.
    var deadLetters: [DeadLetter] = []
}

extension World {
    /// Compares all sides.
    func verify(_ intake: Intake, _ hubSpot: Integration, _ shop: Integration) async throws -> Verification {
        var result = Verification()
        try await account(for: intake, hubSpot, &result)
        checkDuplicates(hubSpot, &result)
        try await compareFields(hubSpot, &result)
        try await account(for: intake, shop, &result)
        try await verifyShop(shop, &result)
        return result
    }

    /// Every event must have been done, refused with a reason, or be waiting for one.
    private func account(for intake: Intake, _ integration: Integration, _ result: inout Verification) async throws {
        let ends: Set<IntegrationEvent.Kind> = [
            .created, .updated, .adopted, .unchanged, .covered, .deleted, .refused,
        ]
        let letters = try await manager.deadLetters(of: integration.id, limit: 1000)
        result.deadLetters += letters
        let own = observer.events.filter { $0.integration == integration.id }
        var settled = Set(own.filter { ends.contains($0.kind) }.compactMap(\.event))
        settled.formUnion(letters.compactMap(\.event))
        let queued = intake.queued(for: integration).union(memory.waiting[integration.id] ?? [])
        let waiting = queued.subtracting(settled).sorted()
        for event in waiting {
            let why = try await manager.why(event: event, of: World.tenant)
            let sentence = why.sentences.last { $0.contains(integration.id) } ?? why.sentences.last
            result.waiting.append((integration, event, sentence ?? "unknown"))
        }
        let statistics = try await manager.statistics(of: integration.id)
        if statistics.queued + statistics.sent != waiting.count {
            result.faults.append(
                "\(statistics.queued + statistics.sent) jobs are queued for \(integration.name), but \(waiting.count) events wait."
            )
        }
        result.checks.append(
            "\(queued.count - waiting.count) of \(queued.count) events queued for \(integration.name) came to an end, "
                + "the others say why not"
        )
    }

    /// No record of ours may have been created twice, whatever became of the answers.
    private func checkDuplicates(_ integration: Integration, _ result: inout Verification) {
        let creations = hubSpot.history(of: World.portal).filter { effect in
            if case .api = effect.source { effect.kind == .created } else { false }
        }
        let keys = creations.map { "\($0.objectType) \($0.values["integrationkit_key"] ?? "without a key")" }
        let times = keys.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
        for (key, times) in times where times > 1 {
            result.faults.append("\(key) was created \(times) times.")
        }
        let emails = hubSpot.records("contact", in: World.portal).compactMap { $0.properties["email"] }
        if Set(emails).count != emails.count { result.faults.append("Two contacts hold one e-mail address.") }
        let told = observer.count(.created, of: integration.id)
        result.checks.append(
            "\(creations.count) records were created in HubSpot through us, each once; \(told) were reported as created in this run"
        )
    }

    /// Each linked record must show the same values on both sides.
    private func compareFields(_ integration: Integration, _ result: inout Verification) async throws {
        let mappings = try await manager.mappings(of: integration.id)
        let parted = await parted()
        let stopped = Set(result.deadLetters.compactMap(\.record))
        var compared = (records: 0, values: 0)
        for (reference, remote) in partners(in: integration).sorted(by: { $0.key.id < $1.key.id })
        where !parted.contains(reference) && !stopped.contains(reference) {
            guard let own = await host.record(reference),
                let mapping = mappings.first(where: { $0.hostKind == reference.kind && $0.kind == remote.kind })
            else { continue }
            guard let theirs = hubSpot.record(remote.kind.rawValue, remote.value, in: World.portal), !theirs.isArchived
            else {
                result.faults.append("\(reference.kind) \(reference.id) is not in HubSpot.")
                continue
            }
            compared.records += 1
            for line in MappingPreview(of: mapping, host: own.fields).outbound {
                guard let value = line.remoteValue else { continue }
                compared.values += 1
                let text = theirs.properties[line.rule.remote.rawValue] ?? ""
                guard !agrees(value, text) else { continue }
                result.faults.append("\(reference.kind) \(reference.id): \(line.rule.remote.rawValue) differs.")
            }
        }
        result.checks.append("\(compared.records) linked records agree, \(compared.values) values compared one by one")
    }

    private func agrees(_ value: FieldValue, _ text: String) -> Bool {
        switch value {
        case .empty: text.isEmpty
        case .text(let own): own == text || own.lowercased() == text  // HubSpot keeps addresses in small letters.
        case .money(let amount, _): Decimal(string: text) == amount
        case .seconds(let seconds): text == String(seconds * 1000)
        case .instant(let date): moments(text).contains(date)
        default: false
        }
    }

    /// Reads a moment with or without a fraction of a second, as HubSpot takes and writes both.
    private func moments(_ text: String) -> [Date] {
        [true, false].compactMap { try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: $0)) }
    }
}
