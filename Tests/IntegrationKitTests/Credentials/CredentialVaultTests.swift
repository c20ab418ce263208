// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct CredentialVaultTests {
    private let store = TestKeyStore()
    private let elapsed = LockBox(Duration.zero)
    private let place = SealContext(
        tenant: "acme",
        integration: "i1",
        recordType: "credential",
        recordKey: "i1",
        purpose: "credential"
    )
    private let message = Data("token".utf8)

    private func masterKey(_ byte: UInt8) -> Data { Data(repeating: byte, count: 32) }

    private func vault(_ current: UInt8 = 1, older: [UInt8] = []) throws -> CredentialVault {
        var time = TimeSource.system
        time.elapsed = { [elapsed] in elapsed.withLock { $0 } }
        let keyring = try Keyring(current: masterKey(current), older: older.map(masterKey))
        return CredentialVault(keys: store, wrapping: keyring, time: time)
    }

    @Test func makesOneKeyUnderConcurrentFirstUse() async throws {
        let (first, second) = (try vault(), try vault())
        let sealed = try await withThrowingTaskGroup(of: Data.self) { [place, message] group in
            for number in 0..<100 {
                group.addTask {
                    try await (number % 2 == 0 ? first : second).keys(for: "acme").seal(message, in: place)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sealed.count == 100)
        let keys = try await vault().keys(for: "acme")
        for sealed in sealed { #expect(try keys.open(sealed, in: place) == message) }
        // Two vaults, so at most two attempts to create.
        #expect(await store.replacements <= 2)
        #expect(await store.reads <= 3)
        #expect(await store.wrapped.count == 1)
    }

    @Test func takesTheKeyOfAFasterProcess() async throws {
        let other = try vault()
        await store.beforeNextReplace { store in
            _ = store
            _ = try? await other.keys(for: "acme")
        }
        let sealed = try await vault().keys(for: "acme").seal(message, in: place)
        #expect(try await other.keys(for: "acme").open(sealed, in: place) == message)
    }

    @Test func createsNothingForAReader() async throws {
        let vault = try vault()
        #expect(try await vault.existingKeys(for: "acme") == nil)
        #expect(await store.wrapped.isEmpty)
        _ = try await vault.keys(for: "acme")
        #expect(try await vault.existingKeys(for: "acme") != nil)
    }

    @Test func asksTheStoreAgainAfterAMinute() async throws {
        let vault = try vault()
        _ = try await vault.keys(for: "acme")
        let reads = await store.reads
        elapsed.withLock { $0 = .seconds(59) }
        _ = try await vault.keys(for: "acme")
        #expect(await store.reads == reads)
        elapsed.withLock { $0 = .seconds(60) }
        await store.put(nil, for: "acme")
        #expect(try await vault.existingKeys(for: "acme") == nil)
        #expect(await store.reads == reads + 1)
    }

    @Test func rotationWrapsAnewAndOldSealsStillOpen() async throws {
        let sealed = try await vault(1).keys(for: "acme").seal(message, in: place)
        let rotating = try vault(2, older: [1])
        #expect(try await rotating.keys(for: "acme").open(sealed, in: place) == message)
        #expect(try await rotating.rewrap(tenant: "acme"))
        #expect(try await rotating.rewrap(tenant: "acme") == false)
        #expect(try await rotating.rewrap(tenant: "nobody") == false)
        #expect(try await vault(2).keys(for: "acme").open(sealed, in: place) == message)
    }

    @Test func twoRotationsAtOnceLeaveOneGoodKey() async throws {
        let sealed = try await vault(1).keys(for: "acme").seal(message, in: place)
        let other = try vault(2, older: [1])
        await store.beforeNextReplace { _ in _ = try? await other.rewrap(tenant: "acme") }
        #expect(try await vault(2, older: [1]).rewrap(tenant: "acme") == false)
        #expect(try await vault(2).keys(for: "acme").open(sealed, in: place) == message)
    }

    @Test func aRetiredMasterKeyIsNamedAndTheTenantsKeyIsKept() async throws {
        _ = try await vault(1).keys(for: "acme")
        let before = await store.wrapped
        let error = try await #require(throws: IntegrationError.self) { try await vault(2).keys(for: "acme") }
        #expect(error.code == .unreadableSecret)
        let id = try ChaChaPolyCipher(key: masterKey(1), purpose: "wrap").keyID.prefix(4).hexadecimal
        #expect(error.message.contains(id))
        #expect(error.remedy.text(in: "fr") != error.remedy.text(in: "en"))
        await #expect(throws: IntegrationError.self) { try await vault(2).rewrap(tenant: "acme") }
        #expect(await store.wrapped == before)
    }

    @Test func aDroppedTenantIsUnreadableForEver() async throws {
        let vault = try vault()
        let sealed = try await vault.keys(for: "acme").seal(message, in: place)
        let wrapped = try #require(await store.wrapped["acme"])
        try await vault.drop(tenant: "acme")
        #expect(try await vault.existingKeys(for: "acme") == nil)
        let error = try await #require(throws: IntegrationError.self) {
            try await vault.keys(for: "acme").open(sealed, in: place)
        }
        #expect(error.code == .unreadableSecret)
        // Only because the key is gone: with it, the value would open.
        await store.put(wrapped, for: "acme")
        await vault.forget(tenant: "acme")
        #expect(try await vault.keys(for: "acme").open(sealed, in: place) == message)
    }

    @Test func aKeyWrappedForAnotherTenantIsRefused() async throws {
        _ = try await vault().keys(for: "acme")
        await store.put(store.wrapped["acme"], for: "evil")
        let error = try await #require(throws: IntegrationError.self) { try await vault().keys(for: "evil") }
        #expect(error.code == .unreadableSecret)
    }

    @Test func aFailureOfTheStoreIsToldAndNotRemembered() async throws {
        let vault = try vault()
        await store.fail(1)
        await #expect(throws: StoreFailure.self) { try await vault.keys(for: "acme") }
        _ = try await vault.keys(for: "acme")
        await store.fail(1)
        await vault.forget(tenant: "acme")
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<10 { group.addTask { (try? await vault.keys(for: "acme")) != nil } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(false))
        #expect(try await vault.existingKeys(for: "acme") != nil)
    }

    @Test func aCancelledCallerSpoilsNothingForTheOthers() async throws {
        let vault = try vault()
        let cancelled = Task { try await vault.keys(for: "acme") }
        cancelled.cancel()
        _ = try await vault.keys(for: "acme")
        _ = await cancelled.result
        #expect(await store.wrapped.count == 1)
    }

    @Test(arguments: [
        SealContext(
            tenant: "evil",
            integration: "i1",
            recordType: "credential",
            recordKey: "i1",
            purpose: "credential"
        ),
        SealContext(
            tenant: "acme",
            integration: "i2",
            recordType: "credential",
            recordKey: "i1",
            purpose: "credential"
        ),
        SealContext(tenant: "acme", integration: nil, recordType: "credential", recordKey: "i1", purpose: "credential"),
        SealContext(tenant: "acme", integration: "i1", recordType: "job", recordKey: "i1", purpose: "credential"),
        SealContext(
            tenant: "acme",
            integration: "i1",
            recordType: "credential",
            recordKey: "i2",
            purpose: "credential"
        ),
        SealContext(tenant: "acme", integration: "i1", recordType: "credential", recordKey: "i1", purpose: "row"),
        SealContext(
            tenant: "acmei1",
            integration: "",
            recordType: "credential",
            recordKey: "i1",
            purpose: "credential"
        ),
    ])
    func aValueCopiedElsewhereDoesNotOpen(other: SealContext) async throws {
        let keys = try await vault().keys(for: "acme")
        let sealed = try keys.seal(message, in: place)
        #expect(try keys.open(sealed, in: place) == message)
        let error = try #require(throws: IntegrationError.self) { try keys.open(sealed, in: other) }
        #expect(error.code == .unreadableSecret)
    }

    @Test func anotherTenantsKeyOpensNothingEvenAtTheRightPlace() async throws {
        let vault = try vault()
        let (acme, other) = (try await vault.keys(for: "acme"), try await vault.keys(for: "other"))
        let sealed = try acme.seal(message, in: place)
        let error = try #require(throws: IntegrationError.self) { try other.open(sealed, in: place) }
        #expect(error.code == .unreadableSecret)
        #expect(error.message.contains("another key"))
        #expect(try acme.open(sealed, in: place) == message)
    }

    @Test func noTwoPlacesGiveTheSameBytes() {
        func place(_ tenant: String, _ integration: String?, _ key: String) -> Data {
            SealContext(tenant: tenant, integration: integration, recordType: "t", recordKey: key, purpose: "p")
                .associatedData
        }
        let all = [
            place("a", nil, "b"), place("a", "", "b"), place("ab", nil, ""), place("", nil, "ab"), place("", "a", "b"),
            place("a", "b", ""), place("\u{0}a", nil, "b"),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test func tagsDependOnTenantPurposeAndData() async throws {
        let vault = try vault()
        let (acme, other) = (try await vault.keys(for: "acme"), try await vault.keys(for: "other"))
        let mail = Data("a@b.example".utf8)
        #expect(acme.tag("ledger", mail) == acme.tag("ledger", mail))
        #expect(acme.tag("ledger", mail) != acme.tag("natural-key", mail))
        #expect(acme.tag("ledger", mail) != acme.tag("ledger", Data("a@c.example".utf8)))
        #expect(acme.tag("ledger", mail) != other.tag("ledger", mail))
        #expect(acme.digest("digest", mail).count == 16)
        #expect(acme.digest("digest", mail) != other.digest("digest", mail))
        // The same after a restart.
        #expect(try await self.vault().keys(for: "acme").tag("ledger", mail) == acme.tag("ledger", mail))
    }

    @Test func aHostsCipherIsUsedAndItsErrorsAreNotQuoted() async throws {
        struct Leaky: Error, CustomStringConvertible { var description = "plaintext 4711" }
        struct HostCipher: CredentialCipher {
            func seal(_ plaintext: Data, authenticating data: Data) throws -> Data { Data("host".utf8) + plaintext }
            func open(_ sealed: Data, authenticating data: Data) throws -> Data { throw Leaky() }
        }
        let vault = CredentialVault(
            keys: store,
            wrapping: try Keyring(current: masterKey(1)),
            ciphers: CipherFactory { _, _ in HostCipher() }
        )
        let keys = try await vault.keys(for: "acme")
        #expect(try keys.seal(message, in: place) == Data("hosttoken".utf8))
        let error = try #require(throws: IntegrationError.self) { try keys.open(message, in: place) }
        #expect(error.code == .unreadableSecret)
        #expect(!String(describing: error).contains("4711"))
    }
}
