// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A string that is compared by its UTF-8 bytes.
///
/// Swift compares strings by canonical equivalence: an é of one scalar equals an é of two. For a store these are two
/// keys, as they are for the hosts and platforms that they come from.
struct ByteKey: Hashable, IndexKey {
    /// The string.
    let text: String

    /// Wraps a string.
    init(_ text: String) {
        self.text = text
    }

    static func < (left: ByteKey, right: ByteKey) -> Bool {
        left.order(to: right) < 0
    }

    func order(to other: ByteKey) -> Int {
        text.compareBytes(to: other.text)
    }

    // The synthesized hash stands: strings of equal bytes have equal hashes.
    static func == (left: ByteKey, right: ByteKey) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }
}

extension String {
    /// Whether two strings have the same UTF-8 bytes.
    func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && compareBytes(to: other) == 0
    }

    /// Orders two strings by their UTF-8 bytes: negative, zero or positive, as `memcmp` does.
    func compareBytes(to other: String) -> Int {
        // Every search in an index ends here; native strings are contiguous, so the slow way is for bridged ones.
        let fast = unsafe utf8.withContiguousStorageIfAvailable { mine in
            unsafe other.utf8.withContiguousStorageIfAvailable { theirs -> Int in
                let common = min(mine.count, theirs.count)
                guard common > 0, let a = mine.baseAddress, let b = theirs.baseAddress else {
                    return mine.count - theirs.count
                }
                let order = unsafe memcmp(a, b, common)
                return order == 0 ? mine.count - theirs.count : Int(order)
            }
        }
        if let fast, let fast { return fast }
        if utf8.elementsEqual(other.utf8) { return 0 }
        return utf8.lexicographicallyPrecedes(other.utf8) ? -1 : 1
    }
}

extension RowID {
    /// Compares ids by their UTF-8 bytes.
    public static func == (left: RowID, right: RowID) -> Bool {
        left.key.hasSameBytes(as: right.key) && left.type.hasSameBytes(as: right.type)
    }
}

extension LaneID {
    /// Compares ids by their UTF-8 bytes.
    public static func == (left: LaneID, right: LaneID) -> Bool {
        left.subject.hasSameBytes(as: right.subject) && left.integration.hasSameBytes(as: right.integration)
    }
}

extension IndexEntry {
    /// Compares entries by their UTF-8 bytes.
    public static func == (left: IndexEntry, right: IndexEntry) -> Bool {
        left.isUnique == right.isUnique && left.key.hasSameBytes(as: right.key)
            && left.name.hasSameBytes(as: right.name)
    }
}
