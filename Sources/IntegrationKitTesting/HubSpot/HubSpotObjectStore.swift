// SPDX-License-Identifier: Apache-2.0

/// The records of one type in one account: the primary store and the search index that follows it.
struct HubSpotObjectStore: Codable, Sendable {
    private(set) var records: [Int64: HubSpotRecord] = [:]
    /// Ids of records that are not archived, ascending.
    private(set) var liveIDs: [Int64] = []
    /// Ids of archived records, ascending.
    private(set) var archivedIDs: [Int64] = []
    /// Losers of merges, with the record that they became part of.
    private(set) var redirects: [Int64: Int64] = [:]
    /// Which live record holds a value, by property.
    private var holders: [String: [String: Int64]] = [:]
    private(set) var index = HubSpotSearchIndex()

    /// Properties whose values are unique, in the spelling of ``keys(of:)``.
    var uniqueProperties: Set<String>

    init(uniqueProperties: Set<String>) {
        self.uniqueProperties = uniqueProperties
    }

    /// The record that holds a value of a unique property.
    func holder(of value: String, in property: String) -> Int64? {
        holders[property]?[HubSpotObjectStore.key(value, of: property)]
    }

    /// Puts a record in, or replaces it; the search index follows at a moment.
    mutating func save(_ record: HubSpotRecord, searchableAt moment: Int64) {
        if let former = records[record.id], former.archivedAt == nil { release(former) }
        records[record.id] = record
        if record.archivedAt == nil {
            hold(record)
            insertLive(record.id)
            archivedIDs.removeSorted(record.id)
            index.schedule(record.id, at: moment)
        } else {
            liveIDs.removeSorted(record.id)
            archivedIDs.insertSorted(record.id)
            index.remove(record.id)
        }
    }

    /// Removes a record for good; with a winner, its id leads there from now on.
    mutating func remove(_ id: Int64, inFavorOf winner: Int64? = nil) {
        guard let record = records.removeValue(forKey: id) else { return }
        if record.archivedAt == nil { release(record) }
        liveIDs.removeSorted(id)
        archivedIDs.removeSorted(id)
        index.remove(id)
        guard let winner else { return }
        redirects[id] = winner
        for loser in record.mergedIDs { redirects[loser] = winner }
    }

    /// Makes the search index show what is due.
    mutating func refreshIndex(now: Int64) {
        for id in index.takeDue(now: now) {
            if let record = records[id], record.archivedAt == nil { index.put(record) }
        }
    }

    /// Begins to check a property that has become unique.
    mutating func addUniqueProperty(_ property: String) {
        uniqueProperties.insert(property)
        for id in liveIDs {
            guard let value = records[id]?.values[property] else { continue }
            holders[property, default: [:]][HubSpotObjectStore.key(value, of: property)] = id
        }
    }

    /// The unique values of a record: pairs of property and key.
    ///
    /// A contact's further addresses count as its address.
    func keys(of values: [String: String]) -> [(property: String, key: String)] {
        uniqueProperties.flatMap { property -> [(property: String, key: String)] in
            var found = values[property].map { [(property, HubSpotObjectStore.key($0, of: property))] } ?? []
            if property == "email", let more = values["hs_additional_emails"] {
                found += more.split(separator: ";").map { ("email", $0.lowercased()) }
            }
            return found
        }
    }

    private static func key(_ value: String, of property: String) -> String {
        property == "email" ? value.lowercased() : value
    }

    private mutating func hold(_ record: HubSpotRecord) {
        for (property, key) in keys(of: record.values) { holders[property, default: [:]][key] = record.id }
    }

    private mutating func release(_ record: HubSpotRecord) {
        for (property, key) in keys(of: record.values) where holders[property]?[key] == record.id {
            holders[property]?[key] = nil
        }
    }

    private mutating func insertLive(_ id: Int64) {
        if let last = liveIDs.last, last < id { liveIDs.append(id) } else { liveIDs.insertSorted(id) }
    }
}

/// What the search endpoint sees: copies of records, some time after they were written.
struct HubSpotSearchIndex: Codable, Sendable {
    private(set) var documents: [Int64: HubSpotRecord] = [:]
    private(set) var byModification: [HubSpotStamp] = []
    private(set) var ids: [Int64] = []
    private var due: [HubSpotStamp] = []

    /// Lets a record be taken over at a moment.
    mutating func schedule(_ id: Int64, at moment: Int64) {
        let stamp = HubSpotStamp(moment: moment, id: id)
        if let last = due.last, last > stamp { due.insertSorted(stamp) } else if due.last != stamp { due.append(stamp) }
    }

    /// Takes out the ids that are due.
    mutating func takeDue(now: Int64) -> [Int64] {
        let count = due.lowerBound(HubSpotStamp(moment: now + 1, id: .min))
        guard count > 0 else { return [] }
        let ids = due.prefix(count).map(\.id)
        due.removeFirst(count)
        return ids
    }

    /// Shows a record as it is now.
    mutating func put(_ record: HubSpotRecord) {
        if let former = documents[record.id] {
            byModification.removeSorted(HubSpotStamp(moment: former.updatedAt, id: record.id))
        } else if let last = ids.last, last > record.id {
            ids.insertSorted(record.id)
        } else {
            ids.append(record.id)
        }
        documents[record.id] = record
        let stamp = HubSpotStamp(moment: record.updatedAt, id: record.id)
        if let last = byModification.last, last > stamp {
            byModification.insertSorted(stamp)
        } else {
            byModification.append(stamp)
        }
    }

    /// Shows a record no more.
    mutating func remove(_ id: Int64) {
        guard let former = documents.removeValue(forKey: id) else { return }
        byModification.removeSorted(HubSpotStamp(moment: former.updatedAt, id: id))
        ids.removeSorted(id)
    }
}
