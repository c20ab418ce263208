// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A provider under test, connected to its simulated platform, with short words for what the rules do to it.
struct ProviderTrial: Sendable {
    /// The rule that is checked.
    let rule: String
    let bed: any ProviderTestBed
    let wire: ProviderWire
    private let box: LockBox<ConnectedAccount>
    private let counter = LockBox(0)

    var provider: any IntegrationProvider { bed.provider }
    var clock: ManualClock { bed.clock }
    /// The account, with what was learned about it.
    var account: ConnectedAccount { box.withLock { $0 } }

    /// Connects the account: tests the credential and makes the fields that are missing, as the engine does.
    init(rule: String, bed: any ProviderTestBed) async throws {
        self.rule = rule
        self.bed = bed
        wire = ProviderWire(bed: bed)
        guard let baseURL = bed.baseURL else { throw RuleViolation(rule: rule, "the account has no address") }
        let blank = AccountKey(platform: bed.provider.descriptor.id, value: "")
        box = LockBox(
            ConnectedAccount(key: blank, profile: AccountProfile(baseURL: baseURL), settings: bed.settings)
        )
        let report = try await bed.provider.verifyConnection(in: session)
        take(report.profile, key: report.key)
        if let provider = bed.provider as? any AccountProvisioning {
            take(try await provider.provision(try await provider.fetchMissing(in: session), in: session))
        }
        wire.clear()
    }

    private func take(_ profile: AccountProfile, key: AccountKey? = nil) {
        box.withLock { account in
            account.key = key ?? account.key
            account.profile = profile
        }
    }

    // MARK: Sessions

    /// A session of the account.
    var session: ProviderSession { session(with: bed.credential) }

    func session(with credential: Credential) -> ProviderSession {
        session(account, with: credential)
    }

    /// A session whose account is not known yet.
    var blankSession: ProviderSession { blankSession(with: bed.credential) }

    func blankSession(with credential: Credential) -> ProviderSession {
        var blank = account
        blank.key.value = ""
        blank.profile = AccountProfile(baseURL: bed.baseURL ?? account.profile.baseURL)
        return session(blank, with: credential)
    }

    private func session(_ account: ConnectedAccount, with credential: Credential) -> ProviderSession {
        ProviderSession(
            account: account,
            now: { [clock] in clock.wall },
            send: { [wire] in try await wire.send($0, for: account, with: credential) },
            learn: { [box] fact, value in box.withLock { $0.profile.facts[fact] = value } }
        )
    }

    /// The credential with other secrets.
    var wrongCredential: Credential {
        var credential = bed.credential
        credential.values = credential.values.mapValues { _ in "not-the-secret-at-all" }
        return credential
    }

    // MARK: Expectations

    func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw RuleViolation(rule: rule, message()) }
    }

    /// Returns what is there, or fails.
    func require<Value>(_ value: Value?, _ what: @autoclosure () -> String) throws -> Value {
        guard let value else { throw RuleViolation(rule: rule, "\(what()) is missing") }
        return value
    }

    /// Runs something that must fail and returns its error.
    func failure(of what: String, _ body: () async throws -> Void) async throws -> IntegrationError {
        do {
            try await body()
        } catch let error as IntegrationError {
            return error
        }
        throw RuleViolation(rule: rule, "\(what) did not fail")
    }

    // MARK: Samples

    /// The kinds that meet a condition and have samples.
    func kinds(_ what: String, where condition: (KindDescription) -> Bool) throws -> [KindDescription] {
        let found = provider.descriptor.kinds.filter { condition($0) && bed.sample(of: $0.kind, number: 1) != nil }
        guard !found.isEmpty else { throw UnsupportedHook("no kind with samples \(what)") }
        return found
    }

    /// The kinds that are written.
    func pushKinds() throws -> [KindDescription] { try kinds("is written", where: \.canPush) }

    /// The kinds that are read.
    func pullKinds() throws -> [KindDescription] { try kinds("is read", where: \.canPull) }

    /// A number that was not used before.
    func nextNumber() -> Int {
        counter.withLock { number in
            number += 1
            return number
        }
    }

    func sample(_ kind: RecordKind, _ number: Int) throws -> RecordSample {
        try require(bed.sample(of: kind, number: number), "the sample \(number) of \(kind.rawValue)")
    }

    /// Makes a record as a person does.
    func make(_ kind: RecordKind) async throws -> RemoteID {
        try await bed.make(kind, try sample(kind, nextNumber()).fields)
    }

    /// Edits a record as a person does.
    func edit(_ id: RemoteID) async throws {
        try await bed.edit(id, try sample(id.kind, nextNumber()).change)
    }

    /// A write that makes a new record, with its relations.
    func create(_ kind: RecordKind) async throws -> RecordWrite {
        let number = nextNumber()
        let sample = try sample(kind, number)
        var relations: [Relation] = []
        for (role, other) in sample.relations.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            relations.append(Relation(role, .remote(try await make(other))))
        }
        return write(.create, kind, number, fields: sample.fields, relations: relations)
    }

    /// Writes that make new records.
    func creates(_ kind: RecordKind, _ count: Int) async throws -> [RecordWrite] {
        var writes: [RecordWrite] = []
        for _ in 0..<count { writes.append(try await create(kind)) }
        return writes
    }

    /// A write that changes a record to the sample's other values.
    func update(_ id: RemoteID, after create: RecordWrite) throws -> RecordWrite {
        let number = nextNumber()
        let change = try sample(id.kind, number).change
        var write = write(
            .update,
            id.kind,
            number,
            target: id,
            fields: create.fields.merging(change) { $1 },
            changed: Set(change.keys)
        )
        write.externalKey = create.externalKey
        return write
    }

    func delete(_ id: RemoteID, after create: RecordWrite) -> RecordWrite {
        var write = write(.delete, id.kind, nextNumber(), target: id, fields: [:])
        write.externalKey = create.externalKey
        return write
    }

    private func write(
        _ operation: RecordWrite.Operation,
        _ kind: RecordKind,
        _ number: Int,
        target: RemoteID? = nil,
        fields: [FieldName: FieldValue],
        changed: Set<FieldName>? = nil,
        relations: [Relation] = []
    ) -> RecordWrite {
        let description = provider.descriptor.kind(kind)
        let keys = Set((description?.naturalKeys ?? []) + (description?.matchFields ?? []))
        return RecordWrite(
            id: ProviderTrial.identifier(number),
            operation: operation,
            kind: kind,
            target: target,
            externalKey: ProviderTrial.key(number),
            naturalKeys: fields.filter { keys.contains($0.key) && $0.value != .empty },
            fields: fields,
            changed: changed,
            relations: relations
        )
    }

    private static func identifier(_ number: Int) -> UUID {
        let bytes = [UInt8](Hashing.sha256(Data("write \(number)".utf8)))
        return RandomSource { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }.uuid()
    }

    /// A key in the form of the library's own.
    private static func key(_ number: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
        let bytes = Hashing.sha256(Data("key \(number)".utf8)) + Hashing.sha256(Data("more \(number)".utf8))
        return "ik" + String(bytes.prefix(52).map { alphabet[Int($0 & 31)] })
    }
}
