// SPDX-License-Identifier: Apache-2.0

/// One record as the end of an association.
struct HubSpotEnd: Hashable, Codable, Sendable {
    /// The object type id.
    var type: String
    var id: Int64
}

/// A kind of association in one direction.
struct HubSpotLinkKind: Hashable, Codable, Sendable {
    var category = "HUBSPOT_DEFINED"
    var typeID: Int
}

/// An association that is to be made.
struct HubSpotLink: Hashable, Sendable {
    var to: HubSpotEnd
    var kind: HubSpotLinkKind
}

/// A kind of association with its direction, its label and its counterpart.
struct HubSpotAssociationDefinition: Hashable, Sendable {
    var from: String
    var to: String
    var kind: HubSpotLinkKind
    /// The kind in the other direction.
    var reverse: HubSpotLinkKind
    var label: String?

    /// The definitions that every account has, in both directions.
    static let standard: [HubSpotAssociationDefinition] = {
        let contact = HubSpotObjectType.contact
        let company = HubSpotObjectType.company
        let deal = HubSpotObjectType.deal
        let ticket = HubSpotObjectType.ticket
        let pairs: [(HubSpotObjectType, HubSpotObjectType, Int, Int, String?)] = [
            (contact, contact, 449, 449, nil), (contact, company, 279, 280, nil), (contact, company, 1, 2, "Primary"),
            (contact, deal, 4, 3, nil), (contact, ticket, 15, 16, nil), (company, company, 450, 450, nil),
            (company, deal, 342, 341, nil), (company, deal, 6, 5, "Primary"), (company, ticket, 340, 339, nil),
            (company, ticket, 25, 26, "Primary"), (deal, ticket, 27, 28, nil),
            (.note, contact, 202, 201, nil), (.note, company, 190, 189, nil), (.note, deal, 214, 213, nil),
            (.note, ticket, 228, 227, nil), (.call, contact, 194, 193, nil), (.call, company, 182, 181, nil),
            (.call, deal, 206, 205, nil), (.call, ticket, 220, 219, nil), (.task, contact, 204, 203, nil),
            (.task, company, 192, 191, nil), (.task, deal, 216, 215, nil), (.task, ticket, 230, 229, nil),
            (.meeting, contact, 200, 199, nil), (.meeting, company, 188, 187, nil), (.meeting, deal, 212, 211, nil),
            (.meeting, ticket, 226, 225, nil), (.order, contact, 507, 508, nil), (.order, company, 509, 510, nil),
            (.order, deal, 512, 511, nil), (.order, ticket, 525, 526, nil), (deal, .lineItem, 19, 20, nil),
            (.order, .lineItem, 513, 514, nil), (.lead, contact, 578, 579, "Primary"), (.lead, contact, 608, 609, nil),
            (.lead, company, 610, 611, nil), (.lead, .note, 854, 855, nil), (.lead, .call, 596, 597, nil),
            (.lead, .task, 646, 647, nil),
        ]
        return pairs.flatMap { from, to, typeID, reverseID, label in
            bothWays(from, to, HubSpotLinkKind(typeID: typeID), HubSpotLinkKind(typeID: reverseID), label)
        }
    }()

    /// A definition and its counterpart; one alone if it is its own.
    static func bothWays(
        _ from: HubSpotObjectType,
        _ to: HubSpotObjectType,
        _ kind: HubSpotLinkKind,
        _ reverse: HubSpotLinkKind,
        _ label: String?
    ) -> [HubSpotAssociationDefinition] {
        let there = HubSpotAssociationDefinition(from: from.id, to: to.id, kind: kind, reverse: reverse, label: label)
        let back = HubSpotAssociationDefinition(from: to.id, to: from.id, kind: reverse, reverse: kind, label: label)
        return there == back ? [there] : [there, back]
    }
}

/// Which records of an account are associated, each association kept in both directions.
struct HubSpotAssociationBook: Codable, Sendable {
    private struct Key: Hashable, Codable, Sendable {
        var from: HubSpotEnd
        var toType: String
    }

    private struct Entry: Codable, Sendable {
        var id: Int64
        var kinds: [HubSpotLinkKind]
    }

    private var entries: [Key: [Entry]] = [:]

    /// The records that one is associated with, in order of their ids, with the kinds.
    func links(from end: HubSpotEnd, toType: String) -> [(id: Int64, kinds: [HubSpotLinkKind])] {
        (entries[Key(from: end, toType: toType)] ?? []).map { ($0.id, $0.kinds) }.sorted { $0.id < $1.id }
    }

    /// Adds a kind in both directions.
    ///
    /// - Returns: Whether it was not there before.
    mutating func add(_ kind: HubSpotLinkKind, reverse: HubSpotLinkKind, from: HubSpotEnd, to: HubSpotEnd) -> Bool {
        let isNew = insert(kind, from: from, to: to)
        _ = insert(reverse, from: to, to: from)
        return isNew
    }

    /// Removes kinds between two records, in both directions; nil removes all.
    mutating func remove(_ kinds: [HubSpotAssociationDefinition]?, from: HubSpotEnd, to: HubSpotEnd) -> Bool {
        let had = delete(kinds?.map(\.kind), from: from, to: to)
        _ = delete(kinds?.map(\.reverse), from: to, to: from)
        return had
    }

    /// Removes all of a record.
    mutating func removeAll(of end: HubSpotEnd) {
        for type in HubSpotObjectType.all {
            for link in links(from: end, toType: type.id) {
                _ = remove(nil, from: end, to: HubSpotEnd(type: type.id, id: link.id))
            }
        }
    }

    /// Gives all of one record to another.
    mutating func move(from old: HubSpotEnd, to new: HubSpotEnd) {
        for type in HubSpotObjectType.all {
            for link in links(from: old, toType: type.id) {
                let other = HubSpotEnd(type: type.id, id: link.id)
                let back = links(from: other, toType: old.type).first { $0.id == old.id }?.kinds ?? []
                _ = remove(nil, from: old, to: other)
                guard other != new else { continue }
                for kind in link.kinds { _ = insert(kind, from: new, to: other) }
                for kind in back { _ = insert(kind, from: other, to: new) }
            }
        }
    }

    private mutating func insert(_ kind: HubSpotLinkKind, from: HubSpotEnd, to: HubSpotEnd) -> Bool {
        let key = Key(from: from, toType: to.type)
        guard let place = entries[key]?.firstIndex(where: { $0.id == to.id }) else {
            entries[key, default: []].append(Entry(id: to.id, kinds: [kind]))
            return true
        }
        guard entries[key]?[place].kinds.contains(kind) == false else { return false }
        entries[key]?[place].kinds.append(kind)
        return true
    }

    private mutating func delete(_ kinds: [HubSpotLinkKind]?, from: HubSpotEnd, to: HubSpotEnd) -> Bool {
        let key = Key(from: from, toType: to.type)
        guard let place = entries[key]?.firstIndex(where: { $0.id == to.id }) else { return false }
        if let kinds {
            entries[key]?[place].kinds.removeAll { kinds.contains($0) }
            if entries[key]?[place].kinds.isEmpty == true { entries[key]?.remove(at: place) }
        } else {
            entries[key]?.remove(at: place)
        }
        return true
    }
}
