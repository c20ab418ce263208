// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct MergeTests {
    typealias Policy = SyncSettings.ConflictPolicy
    typealias Direction = FieldRule.Direction

    private static let keys = TenantKeys(dataKey: Data(repeating: 3, count: 32), factory: .chaChaPoly)
    private static let ledger = Ledger(keys: keys, link: "link")

    private static func merge(
        _ rule: FieldRule = FieldRule("name", "title"),
        base: FieldTag?,
        host: HostWord?,
        remote: FieldValue?,
        modifiedAt: Date? = nil,
        policy: Policy = .platformWins,
        delivers: Bool = true,
        writes: Bool = true
    ) -> FieldMerge.Result {
        let mapper = FieldMapper(mapping: FieldMapping(hostKind: "prospect", kind: .contact, rules: [rule]))
        return FieldMerge(ledger: ledger, mapper: mapper).merge(
            FieldMerge.Input(
                tags: base.map { [$0] } ?? [],
                host: host.map { [rule.host: $0] } ?? [:],
                remote: remote.map {
                    RemoteRecord(id: RemoteID(.contact, "1"), modifiedAt: modifiedAt, fields: [rule.remote: $0])
                },
                policy: policy,
                delivers: delivers,
                writes: writes
            )
        )
    }

    private static func tag(_ rule: FieldRule, _ host: FieldValue, _ remote: FieldValue, confirmed: Bool) -> FieldTag {
        FieldTag(
            rule: rule.id,
            host: ledger.tag(rule.id, host),
            remote: confirmed ? ledger.tag(rule.id, remote) : ledger.looseTag(rule.id, host),
            confirmed: confirmed
        )
    }

    // MARK: - The table

    enum Base: CaseIterable, Sendable { case none, sent, read }

    /// One cell: the base is "Ada" here and "ada" there, since the platform lowers case.
    @Test(arguments: [Policy.platformWins, .hostWins, .newestWins, .ask], [Direction.both, .outbound, .inbound])
    func everyCellOfTheTableIsDecided(policy: Policy, direction: Direction) throws {
        let rule = FieldRule("name", "title", direction: direction)
        for base in Base.allCases {
            for (hostNew, remoteNew) in [(false, false), (false, true), (true, false), (true, true)] {
                for hostIsLater in [false, true] {
                    for (delivers, writes) in [(true, true), (true, false), (false, true)] {
                        let old = base == .none ? nil : Self.tag(rule, "Ada", "ada", confirmed: base == .read)
                        let word = HostWord(value: hostNew ? "Berta" : "Ada", job: 7, at: hostIsLater ? 2000 : 1000)
                        let result = Self.merge(
                            rule,
                            base: old,
                            host: hostNew || base != .none ? word : nil,
                            remote: remoteNew ? "cleo" : base == .none ? .empty : "ada",
                            modifiedAt: Date(milliseconds: 1500),
                            policy: policy,
                            delivers: delivers,
                            writes: writes
                        )
                        let goesOut = direction != .inbound && writes
                        let comesIn = direction != .outbound && delivers
                        var write = hostNew && goesOut
                        var deliver = remoteNew && comesIn
                        var asks = false
                        if write, deliver {
                            switch policy {
                            case .platformWins: write = false
                            case .hostWins: deliver = false
                            case .newestWins: if hostIsLater { deliver = false } else { write = false }
                            case .ask:
                                (write, deliver) = (false, false)
                                asks = true
                            }
                        }
                        let cell: Comment =
                            "base \(base), host \(hostNew), remote \(remoteNew), later \(hostIsLater), \(delivers) \(writes)"
                        #expect(result.write == (write ? ["title": "Berta"] : [:]), cell)
                        #expect(result.deliver == (deliver ? ["name": "cleo"] : [:]), cell)
                        #expect(result.asked == (asks ? ["name"] : []), cell)
                        if base == .sent, !remoteNew, !hostNew {
                            #expect(result.tags[rule.id]?.confirmed == true, cell)
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [Policy.platformWins, .hostWins, .newestWins, .ask])
    func equalNewValuesAreAgreement(policy: Policy) {
        let rule = FieldRule("name", "title")
        for base in [
            nil, Self.tag(rule, "Ada", "ada", confirmed: true), Self.tag(rule, "Ada", "ada", confirmed: false),
        ] {
            let result = Self.merge(
                rule,
                base: base,
                host: HostWord(value: "Berta", job: 7),
                remote: "berta",
                policy: policy
            )
            #expect(result.write.isEmpty && result.deliver.isEmpty && result.conflicts.isEmpty)
            let again = Self.merge(
                rule,
                base: result.tags[rule.id],
                host: HostWord(value: "Berta", job: 7),
                remote: "berta",
                policy: policy
            )
            #expect(again.write.isEmpty && again.deliver.isEmpty)
        }
    }

    @Test(arguments: [FieldValue.empty, .text(""), .options([])])
    func anEmptySideHasNoSayAtFirstContact(nothing: FieldValue) {
        for policy in [Policy.platformWins, .hostWins, .newestWins, .ask] {
            let out = Self.merge(base: nil, host: HostWord(value: "Ada", job: 7), remote: nothing, policy: policy)
            #expect(out.write == ["title": "Ada"] && out.deliver.isEmpty && out.asked.isEmpty, "\(policy)")
            let home = Self.merge(base: nil, host: HostWord(value: nothing, job: 7), remote: "Ada", policy: policy)
            #expect(home.deliver == ["name": "Ada"] && home.write.isEmpty && home.asked.isEmpty, "\(policy)")
        }
    }

    @Test func aHostsValueWithoutAnEventIsNotWrittenByItself() {
        let rule = FieldRule("name", "title")
        let base = Self.tag(rule, "Ada", "ada", confirmed: true)
        let result = Self.merge(rule, base: base, host: HostWord(value: "Berta"), remote: "ada")
        #expect(result.write.isEmpty && result.deliver.isEmpty)
    }

    @Test func aFieldThatThePlatformDoesNotTellIsNotEmptied() {
        let rule = FieldRule("name", "title")
        let result = Self.merge(rule, base: Self.tag(rule, "Ada", "ada", confirmed: true), host: nil, remote: nil)
        #expect(result.deliver.isEmpty)
        let cleared = Self.merge(rule, base: Self.tag(rule, "Ada", "ada", confirmed: true), host: nil, remote: .empty)
        #expect(cleared.deliver == ["name": .empty])
    }

    @Test func anOlderWordOfTheHostIsNoNews() {
        let rule = FieldRule("name", "title")
        var base = Self.tag(rule, "Ada", "ada", confirmed: true)
        base.event = 9
        #expect(Self.merge(rule, base: base, host: HostWord(value: "Old", job: 7), remote: "ada").write.isEmpty)
        base.event = 0
        base.at = 5000
        var late = HostWord(value: "Old", job: 7, at: 4000)
        late.isLate = true
        #expect(Self.merge(rule, base: base, host: late, remote: "ada").write.isEmpty)
        // Said at once, it is news, whatever the host's clock showed.
        late.isLate = nil
        #expect(!Self.merge(rule, base: base, host: late, remote: "ada").write.isEmpty)
    }

    // MARK: - Random histories

    /// One field on two sides; the platform stores it in its own manner and may answer without saying how.
    private struct Field {
        static let rule = FieldRule("name", "title")
        let normalise: @Sendable (String) -> String
        var host = ""
        var remote = ""
        var tag: FieldTag?
        var queue: [HostWord] = []
        var jobs: Int64 = 0
        var writes = 0
        var deliveries = 0
        var lastHost = 0
        var lastRemote = 0

        /// Reads, merges and carries both ways, as a lane does.
        mutating func work(_ policy: Policy, at now: Int, confirms: Bool) {
            let word = queue.last ?? HostWord(value: .text(host))
            let merged = MergeTests.merge(
                Self.rule,
                base: tag,
                host: word,
                remote: remote.isEmpty ? .empty : .text(remote),
                modifiedAt: Date(milliseconds: Int64(lastRemote)),
                policy: policy
            )
            guard merged.asked.isEmpty else { return }
            tag = merged.tags[Self.rule.id]
            if case .text(let value)? = merged.deliver["name"] {
                host = value
                deliveries += 1
            }
            if case .text(let value)? = merged.write["title"] {
                writes += 1
                remote = normalise(value)
                lastRemote = now
                tag = FieldTag(
                    rule: Self.rule.id,
                    host: MergeTests.ledger.tag(Self.rule.id, word.value),
                    remote: confirms
                        ? MergeTests.ledger.tag(Self.rule.id, .text(remote))
                        : MergeTests.ledger.looseTag(Self.rule.id, .text(value)),
                    confirmed: confirms,
                    event: word.job,
                    at: word.at
                )
            }
            queue = []
        }
    }

    @Test(arguments: [Policy.platformWins, .hostWins, .newestWins])
    func randomEditsOnTwoSidesThatNormaliseComeToRest(policy: Policy) throws {
        let manners: [@Sendable (String) -> String] = [
            { $0 }, { $0.lowercased() }, { $0.trimmingCharacters(in: .whitespaces) }, { String($0.prefix(4)) },
        ]
        let values = ["Ada", "ADA", " ada ", "Berta", "+33 6 12", "Cleopatra", "cleo", "Éva"]
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var field = Field(normalise: manners[Int(seed % 4)])
            var now = 1000
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                now += 10
                let value = values[Int.random(in: 0..<values.count, using: &random)]
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    field.host = value
                    field.jobs += 1
                    field.lastHost = now
                    field.queue.append(HostWord(value: .text(value), job: field.jobs, at: Int64(now)))
                case 1:
                    field.remote = field.normalise(value)
                    field.lastRemote = now
                default: field.work(policy, at: now, confirms: Bool.random(using: &random))
                }
            }
            field.writes = 0
            field.deliveries = 0
            for round in 0..<6 { field.work(policy, at: now + 10 * round, confirms: round % 2 == 0) }
            let (writes, deliveries) = (field.writes, field.deliveries)
            try #require(writes <= 2 && deliveries <= 2, "seed \(seed): \(writes) writes, \(deliveries) deliveries")
            for round in 6..<20 { field.work(policy, at: now + 10 * round, confirms: true) }
            try #require(field.writes == writes && field.deliveries == deliveries, "seed \(seed) never comes to rest")
            let carried = FieldValue.text(field.normalise(field.host))
            try #require(
                carried.isLooselyEquivalent(to: .text(field.remote)),
                "seed \(seed): host \(field.host), platform \(field.remote)"
            )
        }
    }
}
