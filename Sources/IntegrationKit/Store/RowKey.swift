// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Makes row and index keys out of parts, so that no two lists of parts give one key and any tool can read them.
enum RowKey {
    /// Joins parts with `|`; a `|` or `%` inside a part is written as in a URL.
    static func join(_ parts: String...) -> String { join(parts) }

    static func join(_ parts: [String]) -> String {
        var key = ""
        for (place, part) in parts.enumerated() {
            if place > 0 { key += "|" }
            key += escaped(part)
        }
        return key
    }

    /// Takes a key apart into the parts that it was made of.
    static func parts(_ key: String) -> [String] {
        key.split(separator: "|", omittingEmptySubsequences: false).map {
            $0.replacingOccurrences(of: "%7C", with: "|").replacingOccurrences(of: "%25", with: "%")
        }
    }

    private static func escaped(_ part: String) -> String {
        // Keys are made for every row; nearly all parts stay as they are, and native strings show it at once.
        let isPlain = unsafe part.utf8.withContiguousStorageIfAvailable { bytes in
            unsafe !bytes.contains { $0 == 0x7c || $0 == 0x25 }
        }
        if isPlain == true { return part }
        return part.replacingOccurrences(of: "%", with: "%25").replacingOccurrences(of: "|", with: "%7C")
    }

    /// A time as text that sorts like the time.
    static func time(_ date: Date) -> String {
        let digits = String(max(0, date.milliseconds))
        return String(repeating: "0", count: max(0, 15 - digits.count)) + digits
    }

    /// A number as text that sorts like the number.
    static func number(_ value: Int32) -> String {
        let digits = String(max(0, value))
        return String(repeating: "0", count: max(0, 10 - digits.count)) + digits
    }
}

extension LaneID {
    /// The lane of a host's record.
    static func record(_ reference: HostReference, in integration: String) -> LaneID {
        LaneID(integration: integration, subject: RowKey.join("h", reference.kind, reference.id))
    }

    /// The lane of a platform's record that has no partner yet.
    static func remote(_ id: RemoteID, in integration: String) -> LaneID {
        LaneID(integration: integration, subject: RowKey.join("r", id.kind.rawValue, id.parent ?? "", id.value))
    }

    /// The lane of a stream.
    static func pull(_ stream: ChangeStream, in integration: String) -> LaneID {
        LaneID(integration: integration, subject: RowKey.join("pull", stream.id))
    }

    /// The stream whose lane this is; nil for other lanes.
    var streamID: String? {
        subject.hasPrefix("pull|")
            ? String(subject.dropFirst(5)).replacingOccurrences(of: "%7C", with: "|")
                .replacingOccurrences(of: "%25", with: "%") : nil
    }
}
