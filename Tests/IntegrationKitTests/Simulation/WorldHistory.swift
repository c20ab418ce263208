// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What a simulated world is made of and what happens in it: a value, so that it can be printed, replayed and shortened.
struct WorldHistory: Codable, Hashable, Sendable {
    /// Decides what the platform and the processes leave to chance.
    var seed: UInt64
    var tenants: [Tenant]
    var steps: [Step]

    /// One tenant of the host with an account of its own on HubSpot, and perhaps a shop.
    struct Tenant: Codable, Hashable, Sendable {
        var direction: SyncSettings.Direction = .bidirectional
        var conflicts: SyncSettings.ConflictPolicy = .platformWins
        var remoteDeletes: SyncSettings.DeletePolicy = .unlink
        var hostDeletes: SyncSettings.DeletePolicy = .carryOut
        /// Whether the account has a property for our key.
        var hasKeys = true
        /// How many seconds the platform's search may lag.
        var lag = 0
        /// How many calls the account allows in ten seconds; nil: any number.
        var burst: Int?
        /// What was agreed for the shop beside the account; nil: there is none.
        var shop: Shop?
    }
}

extension WorldHistory.Tenant {
    /// What was agreed for a tenant's shop.
    struct Shop: Codable, Hashable, Sendable {
        var direction: SyncSettings.Direction = .bidirectional
        var conflicts: SyncSettings.ConflictPolicy = .platformWins
        var remoteDeletes: SyncSettings.DeletePolicy = .carryOut
        var hostDeletes: SyncSettings.DeletePolicy = .carryOut
        /// Whether products and orders go there too.
        var sells: Bool?

        /// The same as for an account in which a customer's mail address alone tells whose it is.
        var plan: WorldHistory.Tenant {
            WorldHistory.Tenant(
                direction: direction,
                conflicts: conflicts,
                remoteDeletes: remoteDeletes,
                hostDeletes: hostDeletes,
                hasKeys: false,
                shop: self
            )
        }
    }
}

/// Fields of a prospect that are changed together.
struct Fields: OptionSet, Codable, Hashable, Sendable {
    var rawValue: Int
    static let firstName = Fields(rawValue: 1)
    static let city = Fields(rawValue: 2)
    static let jobTitle = Fields(rawValue: 4)
    static let email = Fields(rawValue: 8)

    /// The names on both sides.
    var names: [(host: FieldName, remote: String)] {
        var names: [(FieldName, String)] = []
        if contains(.firstName) { names.append(("first_name", "firstname")) }
        if contains(.city) { names.append(("city", "city")) }
        if contains(.jobTitle) { names.append(("job_title", "jobtitle")) }
        if contains(.email) { names.append(("email", "email")) }
        return names
    }
}

/// One thing that happens in a world.
///
/// A step means the same whatever steps before it are left out, and does nothing where it has no object.
enum Step: Codable, Hashable, Sendable {
    // MARK: The host; `n` is in every value that the step writes.
    case hostSaves(tenant: Int, prospect: Int, Fields, n: Int)
    case hostDeletes(tenant: Int, prospect: Int, n: Int)
    /// Gives a prospect the mail address that another one has.
    case hostSharesAddress(tenant: Int, prospect: Int, with: Int, n: Int)
    case hostWritesNote(tenant: Int, prospect: Int, n: Int)
    case hostSavesDeal(tenant: Int, deal: Int, prospect: Int, n: Int)
    case hostSavesProduct(tenant: Int, product: Int, n: Int)
    case hostOrders(tenant: Int, prospect: Int, product: Int, n: Int)
    case hostRefuses(Bool)
    /// Says once more what was taken already, as a host does that ended before it noted so; chosen by its place.
    case hostRepeats(process: Int, place: Int)

    // MARK: People on the platform; a record is chosen by its place.
    case personCreates(tenant: Int, n: Int)
    case personEdits(tenant: Int, place: Int, Fields, n: Int)
    case personClears(tenant: Int, place: Int, Fields)
    case personArchives(tenant: Int, place: Int)
    case personRestores(tenant: Int, place: Int)
    case personErases(tenant: Int, place: Int)
    case personMerges(tenant: Int, place: Int, into: Int)
    case personEditsDeal(tenant: Int, place: Int, n: Int)

    // MARK: People in the shop
    case shopperCreates(tenant: Int, n: Int)
    case shopperEdits(tenant: Int, place: Int, Fields, n: Int)
    case shopperClears(tenant: Int, place: Int, Fields)
    case shopperErases(tenant: Int, place: Int)
    case shopperCreatesProduct(tenant: Int, n: Int)
    case shopperEditsProduct(tenant: Int, place: Int, n: Int)
    /// Puts a product or an order into the trash, or takes it out of there.
    case shopperTrashes(tenant: Int, place: Int, isOrder: Bool)
    case shopperRestores(tenant: Int, place: Int, isOrder: Bool)

    // MARK: Work and time
    case sync(process: Int)
    case pull(process: Int, tenant: Int)
    case sweep(process: Int, tenant: Int)
    case wait(milliseconds: Int)
    case skew(process: Int, seconds: Int)

    // MARK: Faults
    case fault(PlatformFault, calls: Int)
    case faultsAtRandom(percent: Int)
    case faultsEnd
    case storeFails(process: Int, StoreFault, commit: Int)
    case trap(process: Int, Trap)
    case crash(process: Int)
    /// All processes end, and the store is opened again: nobody knows who held what.
    case reopen

    // MARK: Webhooks
    case webhooks(process: Int, isReordered: Bool, isDoubled: Bool)
    case forgedWebhook(process: Int)

    // MARK: The host's settings screen
    case pause(process: Int, tenant: Int)
    case disable(process: Int, tenant: Int)
    case enable(process: Int, tenant: Int)
    case connectAgain(process: Int, tenant: Int)
    case connectOtherAccount(process: Int, tenant: Int)
    case changeMapping(process: Int, tenant: Int, isShort: Bool)
    case erase(process: Int, tenant: Int)
    case replayLetters(process: Int, tenant: Int)
    case backUp
    case restore

    /// How a call goes wrong.
    enum PlatformFault: String, Codable, CaseIterable, Sendable {
        case noConnection, lostAnswerBefore, lostAnswerAfter, timeout, timeoutAfterEffect
        case unavailable, badGatewayAfterEffect, limited, locked, truncated, html
    }
    /// How a commit goes wrong.
    enum StoreFault: String, Codable, CaseIterable, Sendable {
        case refused, unknownLost, unknownDone
    }
    /// Something that happens to a process in the middle of its work.
    struct Trap: Codable, Hashable, Sendable {
        enum Place: String, Codable, CaseIterable, Sendable {
            /// A write is about to leave.
            case sending
            /// The platform carried a write out, and nobody has its answer yet.
            case sent
            /// An answer to a read is there, and nothing was done with it.
            case read
            case committing, committed
        }
        var place: Place
        /// Which time at that place from now on, from 1.
        var count: Int
        var event: Event

        enum Event: Codable, Hashable, Sendable {
            /// The process ends; bytes that were about to leave arrive so much later, or not at all.
            case death(arrivesAfter: Int?)
            /// The process stands still for so many milliseconds while the other one works or not, perhaps on what the
            /// host has just said of a prospect; from 4 on, of a note about it too.
            case freeze(milliseconds: Int, othersWork: Bool, hostSaves: Int?)
        }
    }
}

extension WorldHistory {
    /// The history as lines: its world first, then one step each.
    var lines: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        func line(_ value: some Encodable) -> String {
            (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        return ([line(WorldHistory(seed: seed, tenants: tenants, steps: []))] + steps.map { line($0) })
            .joined(separator: "\n")
    }

    /// Reads what ``lines`` wrote.
    init(lines: String) throws {
        let texts = lines.split(separator: "\n").map { Data($0.utf8) }
        let decoder = JSONDecoder()
        guard let first = texts.first else { throw CocoaError(.fileReadCorruptFile) }
        self = try decoder.decode(WorldHistory.self, from: first)
        steps = try texts.dropFirst().map { try decoder.decode(Step.self, from: $0) }
    }
}
