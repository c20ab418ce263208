// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// One record of an account.
struct HubSpotRecord: Codable, Sendable {
    let id: Int64
    let createdAt: Int64
    var updatedAt: Int64
    var archivedAt: Int64?
    /// What was set, without what the platform derives.
    var values: [String: String]
    /// The records that were merged into this one.
    var mergedIDs: [Int64] = []

    /// The value of a property as the API gives it; nil if it is empty.
    func value(of property: String) -> String? {
        switch property {
        case "hs_object_id", "hs_ticket_id": String(id)
        case "createdate", "hs_createdate": HubSpotTime.text(createdAt)
        case "lastmodifieddate", "hs_lastmodifieddate": HubSpotTime.text(updatedAt)
        case "hs_merged_object_ids", "hs_calculated_merged_vids":
            mergedIDs.isEmpty ? nil : mergedIDs.map(String.init).joined(separator: ";")
        case "hs_body_preview": values["hs_note_body"] ?? values["hs_call_body"] ?? values["hs_task_body"]
        case "hs_searchable_calculated_phone_number": values["phone"].map { $0.filter(\.isNumber) }
        case "hs_email_domain": values["email"].flatMap { $0.split(separator: "@").last.map(String.init) }
        default: values[property]
        }
    }
}

/// A moment and the record that changed then; ordered by moment, then by id.
struct HubSpotStamp: Comparable, Codable, Sendable {
    var moment: Int64
    var id: Int64

    static func < (left: HubSpotStamp, right: HubSpotStamp) -> Bool {
        left.moment != right.moment ? left.moment < right.moment : left.id < right.id
    }
}

extension Array where Element: Comparable {
    /// The place of the first element that is not less than a value, in a sorted array.
    func lowerBound(_ value: Element) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Inserts a value into a sorted array, unless it is there.
    mutating func insertSorted(_ value: Element) {
        let place = lowerBound(value)
        if place == count || self[place] != value { insert(value, at: place) }
    }

    /// Removes a value from a sorted array.
    mutating func removeSorted(_ value: Element) {
        let place = lowerBound(value)
        if place < count, self[place] == value { remove(at: place) }
    }
}
