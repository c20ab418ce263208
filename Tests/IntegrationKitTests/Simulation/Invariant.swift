// SPDX-License-Identifier: Apache-2.0

/// Something that must hold in every world.
struct Invariant: Hashable, Sendable {
    enum Phase: String, Sendable {
        /// After every step.
        case always
        /// Once the faults have ceased and the queues are drained.
        case atRest
    }

    var name: String
    var phase: Phase
    var sentence: String

    init(_ name: String, _ phase: Phase, _ sentence: String) {
        self.name = name
        self.phase = phase
        self.sentence = sentence
    }
}

/// An invariant that did not hold.
struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
    var invariant: Invariant
    var detail: String

    var description: String { "\(invariant.name): \(invariant.sentence)\n  \(detail)" }
}

extension Invariant {
    // MARK: After every step

    static let createdOnce = Invariant(
        "createdOnce",
        .always,
        "Per key of ours at most one record was ever made on a platform."
    )
    static let leavesInTime = Invariant(
        "leavesInTime",
        .always,
        "Each create has a committed attempt, and no byte of it leaves after the moment that the attempt names."
    )
    static let patience = Invariant(
        "patience",
        .always,
        "A create that no key protects goes again only when its first sending can no longer have its effect."
    )
    static let sameBytes = Invariant(
        "sameBytes",
        .always,
        "A create whose outcome is not known is repeated with the very same bytes, or not at all."
    )
    static let inOrder = Invariant(
        "inOrder",
        .always,
        "A field of a record on the platform never returns to an older value of the host's."
    )
    static let rightRecord = Invariant(
        "rightRecord",
        .always,
        "What is written to a record on the platform is about the one host record that it is linked to."
    )
    static let rightAccount = Invariant("rightAccount", .always, "A tenant's values reach no account but its own.")
    static let relatedRight = Invariant(
        "relatedRight",
        .always,
        "A record on the platform is associated with the partner of the record that its event named."
    )
    static let oneOwner = Invariant("oneOwner", .always, "A record on the platform is linked to one host record.")
    static let leaseHolds = Invariant(
        "leaseHolds",
        .always,
        "No lane has two holders, tokens rise, and nobody commits the outcome of a lane that another one holds."
    )
    static let noEcho = Invariant(
        "noEcho",
        .always,
        "No value that we wrote and nobody changed since is delivered to the host."
    )
    static let noStepBack = Invariant(
        "noStepBack",
        .always,
        "The values that are delivered of a field follow the order of the platform's history."
    )
    static let madeOnceHere = Invariant(
        "madeOnceHere",
        .always,
        "One record on the platform becomes at most one record of the host."
    )
    static let peopleAreHeard = Invariant(
        "peopleAreHeard",
        .always,
        "Where the platform wins, a person's edit is not overwritten before the host has it."
    )
    static let stoppedIsStopped = Invariant(
        "stoppedIsStopped",
        .always,
        "After pause or disable returned, nothing leaves for the account."
    )
    static let erasedIsErased = Invariant(
        "erasedIsErased",
        .always,
        "After an erasure there is no row of the tenant, and none comes back."
    )
    static let noLeak = Invariant(
        "noLeak",
        .always,
        "No secret and no personal value stands in a row in clear, in an observer's event or in an error."
    )
    static let ownAccount = Invariant(
        "ownAccount",
        .always,
        "An integration is one account for ever: reconnecting to another one is refused."
    )
    static let noForgery = Invariant("noForgery", .always, "A forged delivery leaves no row.")
    static let withinLimits = Invariant("withinLimits", .always, "The platform refuses no call for its limits.")
    static let hasNext = Invariant(
        "hasNext",
        .always,
        "While a job is unfinished, its lane has a time at which it is due, or the job says why it waits."
    )

    // MARK: At rest

    static let drained = Invariant(
        "drained",
        .atRest,
        "Nothing is queued or sent, and what is stopped says a good reason."
    )
    static let effectOnce = Invariant("effectOnce", .atRest, "Each event that was taken had its effect, once.")
    static let agreement = Invariant(
        "agreement",
        .atRest,
        "Linked records agree field by field."
    )
    static let hostIsHeard = Invariant(
        "hostIsHeard",
        .atRest,
        "A host's field holds what the host wrote last, or what a person on the platform wrote."
    )
    static let everythingLinked = Invariant(
        "everythingLinked",
        .atRest,
        "Each record of either side has its partner, or a tombstone, or a reason."
    )
    static let deletionsHold = Invariant(
        "deletionsHold",
        .atRest,
        "What one side deleted stays deleted, and nothing is deleted that nobody deleted."
    )
    static let silence = Invariant("silence", .atRest, "After the last edit everything falls silent, and stays so.")
    static let explained = Invariant("explained", .atRest, "Each event that was taken can be explained.")
}
