// SPDX-License-Identifier: Apache-2.0
import Foundation

extension PackedIndex.Chunk {
    /// Writes entries: the length shared with the key before, the rest of the key, the step from the number before.
    init(_ entries: ArraySlice<PackedIndex.Raw>) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.key.count / 2 + 8 })
        var (key, number): ([UInt8], Int64) = ([], 0)
        for entry in entries {
            let shared = entry.key.sharedCount(with: key)
            bytes.append(shared: shared, key: entry.key[shared...], step: entry.number &- number)
            (key, number) = (entry.key, entry.number)
        }
        self.init(bytes: bytes.spliced(0..<0, []), count: entries.count)
    }

    /// Reads entries, all or some.
    func entries(_ wanted: Range<Int>? = nil) -> [PackedIndex.Raw] {
        let wanted = wanted ?? 0..<count
        var found: [PackedIndex.Raw] = []
        found.reserveCapacity(wanted.count)
        var walk = PackedIndex.Walk()
        for offset in 0..<min(wanted.upperBound, count) {
            walk.step(in: bytes)
            if offset >= wanted.lowerBound { found.append(PackedIndex.Raw(walk.key, walk.number)) }
        }
        return found
    }

    /// Returns how many entries stand before a place.
    func offset(of entry: PackedIndex.Raw, isAfter: Bool) -> Int {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var search = Search(entry)
            while search.offset < count {
                unsafe search.step(in: bytes)
                if isAfter ? search.order > 0 : search.order >= 0 { return search.offset - 1 }
            }
            return count
        }
    }

    /// Returns the number of an entry, if it stands under a key.
    func number(under key: [UInt8], at offset: Int) -> Int64? {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var search = Search(PackedIndex.Raw(key, .min))
            while search.offset <= offset { unsafe search.step(in: bytes) }
            return search.isSameKey ? search.number : nil
        }
    }

    /// Inserts an entry; returns whether it was not there.
    mutating func insert(_ entry: PackedIndex.Raw) -> Bool {
        let search = unsafe bytes.withUnsafeBufferPointer { bytes in
            var search = Search(entry)
            while search.offset < count, search.order < 0 { unsafe search.step(in: bytes) }
            return search
        }
        if search.offset > 0, search.order == 0 { return false }
        var middle: [UInt8] = []
        guard search.offset > 0, search.order > 0 else {
            middle.append(shared: search.match, key: entry.key[search.match...], step: entry.number &- search.number)
            bytes = bytes.spliced(search.end..<search.end, middle)
            count += 1
            return true
        }
        middle.append(
            shared: search.matchBefore,
            key: entry.key[search.matchBefore...],
            step: entry.number &- search.numberBefore
        )
        // The entry that follows shares with the new one at least what it shared with the one before.
        middle.append(
            shared: search.match,
            key: bytes[search.key.lowerBound + search.match - search.shared..<search.key.upperBound],
            step: search.number &- entry.number
        )
        bytes = bytes.spliced(search.start..<search.end, middle)
        count += 1
        return true
    }

    /// Removes an entry; returns whether it was there.
    mutating func remove(_ entry: PackedIndex.Raw) -> Bool {
        var search = unsafe bytes.withUnsafeBufferPointer { bytes in
            var search = Search(entry)
            while search.offset < count, search.order < 0 { unsafe search.step(in: bytes) }
            return search
        }
        guard search.offset > 0, search.order == 0 else { return false }
        let (start, shared, numberBefore) = (search.start, search.shared, search.numberBefore)
        var middle: [UInt8] = []
        if search.offset < count {
            unsafe bytes.withUnsafeBufferPointer { unsafe search.step(in: $0) }
            let common = min(shared, search.shared)
            middle.append(
                shared: common,
                key: entry.key[common..<search.shared] + bytes[search.key],
                step: search.number &- numberBefore
            )
        }
        bytes = bytes.spliced(start..<search.end, middle)
        count -= 1
        return true
    }

    func begins(before entry: PackedIndex.Raw) -> Bool {
        order(to: entry) < 0
    }

    func begins(atOrBefore entry: PackedIndex.Raw) -> Bool {
        order(to: entry) <= 0
    }

    /// Orders the first entry and another one.
    private func order(to entry: PackedIndex.Raw) -> Int {
        var place = 1
        let length = Int(unsafe bytes.withUnsafeBufferPointer { unsafe $0.variable(at: &place) })
        let order = bytes.order(of: place..<place + length, to: entry.key)
        guard order == 0 else { return order }
        place += length
        let step = unsafe bytes.withUnsafeBufferPointer { unsafe $0.variable(at: &place) }
        let number = Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
        return number < entry.number ? -1 : (number > entry.number ? 1 : 0)
    }
}

/// Looks for the place of an entry in a chunk without putting its keys together.
///
/// Keys rise. One that shares more with its predecessor than the predecessor shares with the key looked for stands on
/// the same side of it; one that shares less has gone past it; only one that shares as much has to be compared.
private struct Search {
    let entry: PackedIndex.Raw
    /// How many entries were gone through.
    var offset = 0
    /// How the last of them is ordered to the entry looked for.
    var order = -1
    /// How many bytes its key has in common with the one looked for; and the key before it.
    var (match, matchBefore) = (0, 0)
    /// Its number; and the number before it.
    var (number, numberBefore): (Int64, Int64) = (0, 0)
    /// Where it begins and ends.
    var (start, end) = (0, 0)
    /// How much of its key it shares with the key before it.
    var shared = 0
    /// Where the rest of its key stands.
    var key = 0..<0
    /// Whether its key is the one looked for.
    var isSameKey: Bool { match == entry.key.count && shared + key.count == match }

    init(_ entry: PackedIndex.Raw) {
        self.entry = entry
    }

    @inline(__always)
    mutating func step(in bytes: UnsafeBufferPointer<UInt8>) {
        (matchBefore, numberBefore) = (match, number)
        start = end
        shared = Int(unsafe bytes.variable(at: &end))
        let length = Int(unsafe bytes.variable(at: &end))
        key = end..<end + length
        end += length
        let step = unsafe bytes.variable(at: &end)
        number &+= Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
        offset += 1
        if shared > match { return }
        if shared < match {
            (order, match) = (1, shared)
            return
        }
        let common = min(length, entry.key.count - match)
        var same = 0
        while unsafe same < common && bytes[key.lowerBound + same] == entry.key[match + same] { same += 1 }
        if same < common {
            order = unsafe bytes[key.lowerBound + same] < entry.key[match + same] ? -1 : 1
        } else if shared + length != entry.key.count {
            order = shared + length < entry.key.count ? -1 : 1
        } else {
            order = number < entry.number ? -1 : (number > entry.number ? 1 : 0)
        }
        match += same
    }
}

extension PackedIndex {
    /// Goes through a chunk entry by entry.
    struct Walk {
        var place = 0
        var key: [UInt8] = []
        var number: Int64 = 0

        mutating func step(in bytes: [UInt8]) {
            unsafe bytes.withUnsafeBufferPointer { bytes in
                let shared = Int(unsafe bytes.variable(at: &place))
                let length = Int(unsafe bytes.variable(at: &place))
                key.removeLast(key.count - shared)
                unsafe key.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[place..<place + length]))
                place += length
                let step = unsafe bytes.variable(at: &place)
                number &+= Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
            }
        }
    }
}

extension [UInt8] {
    /// Orders two runs of bytes as `memcmp` does, the shorter of equal beginnings first.
    func order(to other: [UInt8]) -> Int {
        order(of: 0..<count, to: other)
    }

    func order(of range: Range<Int>, to other: [UInt8]) -> Int {
        let order = unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs -> Int in
                let common = Swift.min(range.count, theirs.count)
                guard common > 0, let a = mine.baseAddress, let b = theirs.baseAddress else { return 0 }
                return unsafe Int(memcmp(a + range.lowerBound, b, common))
            }
        }
        return order != 0 ? order : range.count - other.count
    }

    func sharedCount(with other: [UInt8]) -> Int {
        let common = Swift.min(count, other.count)
        var shared = 0
        while shared < common, self[shared] == other[shared] { shared += 1 }
        return shared
    }

    /// A copy of the exact size with some bytes replaced.
    func spliced(_ range: Range<Int>, _ middle: [UInt8]) -> [UInt8] {
        let size = count - range.count + middle.count
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { copy, done in
            unsafe withUnsafeBufferPointer { bytes in
                done = unsafe copy.update(fromContentsOf: bytes[..<range.lowerBound])
                done = unsafe copy[done...].update(fromContentsOf: middle)
                done = unsafe copy[done...].update(fromContentsOf: bytes[range.upperBound...])
            }
        }
    }

    /// Appends an entry of a chunk.
    mutating func append(shared: Int, key: ArraySlice<UInt8>, step: Int64) {
        append(variable: UInt64(shared))
        append(variable: UInt64(key.count))
        append(contentsOf: key)
        append(variable: UInt64(bitPattern: step << 1 ^ step >> 63))
    }

    /// Appends a number in as few bytes as it needs, seven bits in each.
    mutating func append(variable value: UInt64) {
        var value = value
        while value >= 0x80 {
            append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        append(UInt8(truncatingIfNeeded: value))
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Reads a number that ``Array/append(variable:)`` wrote.
    @inline(__always)
    func variable(at place: inout Int) -> UInt64 {
        let first = unsafe self[place]
        place += 1
        if first < 0x80 { return UInt64(first) }
        var value = UInt64(first & 0x7f)
        var shift: UInt64 = 7
        while true {
            let byte = unsafe self[place]
            place += 1
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
}
