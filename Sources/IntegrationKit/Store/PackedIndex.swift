// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers under keys in little memory: each key is kept as what it does not share with the one before it.
///
/// The entries stand in chunks of at most 64, each a run of bytes. Keys that begin alike, such as the ids of one
/// integration, cost a few bytes each, and an insertion writes one chunk anew.
struct PackedIndex: KeyIndex {
    fileprivate struct Chunk: Sendable {
        var bytes: [UInt8]
        var count: Int
    }

    /// An entry with its key as bytes.
    fileprivate struct Raw {
        var key: [UInt8]
        var number: Int64

        init(_ key: [UInt8], _ number: Int64) {
            self.key = key
            self.number = number
        }

        func order(to other: Raw) -> Int {
            let order = key.order(to: other.key)
            return order != 0 ? order : (number < other.number ? -1 : (number > other.number ? 1 : 0))
        }
    }

    private static let chunkSize = 64
    private var chunks: [Chunk] = []
    private var loading: [Raw]?
    private(set) var count = 0

    var isEmpty: Bool { count == 0 && loading?.isEmpty ?? true }

    mutating func insert(_ key: ByteKey, _ number: Int64) {
        if loading != nil {
            loading?.append(Raw(Array(key.text.utf8), number))
        } else {
            insert(Raw(Array(key.text.utf8), number))
        }
    }

    private mutating func insert(_ entry: Raw) {
        insert(entry, at: max(0, chunks.firstPlace { !$0.begins(atOrBefore: entry) } - 1))
    }

    /// Inserts an entry into the chunk in whose range it lies.
    private mutating func insert(_ entry: Raw, at place: Int) {
        guard !chunks.isEmpty else {
            chunks = [Chunk([entry][...])]
            count = 1
            return
        }
        if place == chunks.count - 1, chunks[place].count >= Self.chunkSize,
            chunks[place].offset(of: entry, isAfter: false) == chunks[place].count
        {
            // Behind the last entry: rising keys fill their chunks to the end.
            chunks.append(Chunk([entry][...]))
            count += 1
            return
        }
        guard chunks[place].insert(entry) else { return }
        count += 1
        guard chunks[place].count > Self.chunkSize else { return }
        let entries = chunks[place].entries()
        let half = entries.count / 2
        chunks[place] = Chunk(entries[..<half])
        chunks.insert(Chunk(entries[half...]), at: place + 1)
    }

    mutating func remove(_ key: ByteKey, _ number: Int64) {
        endLoading()
        let entry = Raw(Array(key.text.utf8), number)
        let place = max(0, chunks.firstPlace { !$0.begins(atOrBefore: entry) } - 1)
        guard place < chunks.count, chunks[place].remove(entry) else { return }
        count -= 1
        if chunks[place].count == 0 {
            chunks.remove(at: place)
        } else if place + 1 < chunks.count, chunks[place].count + chunks[place + 1].count <= Self.chunkSize / 2 {
            chunks[place] = Chunk((chunks[place].entries() + chunks[place + 1].entries())[...])
            chunks.remove(at: place + 1)
        }
    }

    func entries(in span: SortedIndex<ByteKey>.Span, limit: Int, descending: Bool) -> [Entry] {
        let low = span.from.map(position) ?? (0, 0)
        let high = span.to.map(position) ?? (chunks.count, 0)
        var found: [Entry] = []
        guard limit > 0, low < high else { return found }
        let places = low.0...min(high.0, chunks.count - 1)
        var place = descending ? places.upperBound : places.lowerBound
        while places.contains(place), found.count < limit {
            let start = place == low.0 ? low.1 : 0
            let end = place == high.0 ? high.1 : chunks[place].count
            let left = limit - found.count
            // Of a long chunk only the wanted end is made into entries.
            let length = min(max(0, end - start), left)
            let part = chunks[place].entries(descending ? end - length..<end : start..<start + length)
            let entries = part.map { Entry(key: ByteKey(String(decoding: $0.key, as: UTF8.self)), number: $0.number) }
            found.append(contentsOf: descending ? entries.reversed() : entries)
            place += descending ? -1 : 1
        }
        return found
    }

    func count(in span: SortedIndex<ByteKey>.Span) -> Int {
        let low = span.from.map(position) ?? (0, 0)
        let high = span.to.map(position) ?? (chunks.count, 0)
        guard low < high else { return 0 }
        return chunks[low.0..<high.0].reduce(0) { $0 + $1.count } + high.1 - low.1
    }

    /// Returns the chunk and the offset of the first entry after a place, possibly behind the chunk's last.
    private func position(of cut: SortedIndex<ByteKey>.Cut) -> (Int, Int) {
        let entry = Raw(Array(cut.key.text.utf8), cut.number)
        let place = max(
            0,
            chunks.firstPlace { cut.isAfter ? !$0.begins(atOrBefore: entry) : !$0.begins(before: entry) } - 1
        )
        guard place < chunks.count else { return (chunks.count, 0) }
        return (place, chunks[place].offset(of: entry, isAfter: cut.isAfter))
    }
}

// MARK: - Loading

extension PackedIndex {
    /// Lets insertions wait, so that many are sorted in at once.
    ///
    /// Until ``endLoading()`` the index does not answer for them.
    mutating func beginLoading() {
        loading = loading ?? []
    }

    /// Sorts in what was inserted meanwhile.
    mutating func endLoading() {
        guard var entries = loading else { return }
        loading = nil
        guard !entries.isEmpty else { return }
        entries.sort { $0.order(to: $1) < 0 }
        // What lies behind the last entry needs no search: rising keys make up most of a store.
        let last = chunks.popLast()?.entries() ?? []
        let split = last.last.map { last in entries.firstPlace { last.order(to: $0) < 0 } } ?? 0
        var tail = last
        for entry in entries[split...] where tail.last.map({ $0.order(to: entry) != 0 }) ?? true { tail.append(entry) }
        count += tail.count - last.count
        for start in stride(from: 0, to: tail.count, by: Self.chunkSize) {
            chunks.append(Chunk(tail[start..<min(start + Self.chunkSize, tail.count)]))
        }
        var place = 0
        for entry in entries[..<split] {
            while place + 1 < chunks.count, chunks[place + 1].begins(atOrBefore: entry) { place += 1 }
            insert(entry, at: place)
        }
    }
}

// MARK: - The bytes of a chunk

extension PackedIndex.Chunk {
    /// Writes entries: the length shared with the key before, the rest of the key, the step from the number before.
    fileprivate init(_ entries: ArraySlice<PackedIndex.Raw>) {
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
    fileprivate func entries(_ wanted: Range<Int>? = nil) -> [PackedIndex.Raw] {
        let wanted = wanted ?? 0..<count
        var found: [PackedIndex.Raw] = []
        found.reserveCapacity(wanted.count)
        var walk = Walk()
        for offset in 0..<min(wanted.upperBound, count) {
            walk.step(in: bytes)
            if offset >= wanted.lowerBound { found.append(PackedIndex.Raw(walk.key, walk.number)) }
        }
        return found
    }

    /// Returns how many entries stand before a place.
    fileprivate func offset(of entry: PackedIndex.Raw, isAfter: Bool) -> Int {
        var search = Search(entry)
        while search.offset < count {
            search.step(in: bytes)
            if isAfter ? search.order > 0 : search.order >= 0 { return search.offset - 1 }
        }
        return count
    }

    /// Inserts an entry; returns whether it was not there.
    fileprivate mutating func insert(_ entry: PackedIndex.Raw) -> Bool {
        var search = Search(entry)
        while search.offset < count, search.order < 0 { search.step(in: bytes) }
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
    fileprivate mutating func remove(_ entry: PackedIndex.Raw) -> Bool {
        var search = Search(entry)
        while search.offset < count, search.order < 0 { search.step(in: bytes) }
        guard search.offset > 0, search.order == 0 else { return false }
        let (start, shared, numberBefore) = (search.start, search.shared, search.numberBefore)
        var middle: [UInt8] = []
        if search.offset < count {
            search.step(in: bytes)
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

    fileprivate func begins(before entry: PackedIndex.Raw) -> Bool {
        order(to: entry) < 0
    }

    fileprivate func begins(atOrBefore entry: PackedIndex.Raw) -> Bool {
        order(to: entry) <= 0
    }

    /// Orders the first entry and another one.
    private func order(to entry: PackedIndex.Raw) -> Int {
        var place = 1
        let length = Int(bytes.variable(at: &place))
        let order = bytes.order(of: place..<place + length, to: entry.key)
        guard order == 0 else { return order }
        place += length
        let step = bytes.variable(at: &place)
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

    init(_ entry: PackedIndex.Raw) {
        self.entry = entry
    }

    mutating func step(in bytes: [UInt8]) {
        (matchBefore, numberBefore) = (match, number)
        start = end
        shared = Int(bytes.variable(at: &end))
        let length = Int(bytes.variable(at: &end))
        key = end..<end + length
        end += length
        let step = bytes.variable(at: &end)
        number &+= Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
        offset += 1
        if shared > match { return }
        if shared < match {
            (order, match) = (1, shared)
            return
        }
        let common = min(length, entry.key.count - match)
        var same = 0
        while same < common, bytes[key.lowerBound + same] == entry.key[match + same] { same += 1 }
        if same < common {
            order = bytes[key.lowerBound + same] < entry.key[match + same] ? -1 : 1
        } else if shared + length != entry.key.count {
            order = shared + length < entry.key.count ? -1 : 1
        } else {
            order = number < entry.number ? -1 : (number > entry.number ? 1 : 0)
        }
        match += same
    }
}

/// Goes through a chunk entry by entry.
private struct Walk {
    var place = 0
    var key: [UInt8] = []
    var number: Int64 = 0

    mutating func step(in bytes: [UInt8]) {
        let shared = Int(bytes.variable(at: &place))
        let length = Int(bytes.variable(at: &place))
        key.removeLast(key.count - shared)
        key.append(contentsOf: bytes[place..<place + length])
        place += length
        let step = bytes.variable(at: &place)
        number &+= Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
    }
}

extension [UInt8] {
    /// Orders two runs of bytes as `memcmp` does, the shorter of equal beginnings first.
    fileprivate func order(to other: [UInt8]) -> Int {
        order(of: 0..<count, to: other)
    }

    fileprivate func order(of range: Range<Int>, to other: [UInt8]) -> Int {
        let order = unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs -> Int in
                let common = Swift.min(range.count, theirs.count)
                guard common > 0, let a = mine.baseAddress, let b = theirs.baseAddress else { return 0 }
                return unsafe Int(memcmp(a + range.lowerBound, b, common))
            }
        }
        return order != 0 ? order : range.count - other.count
    }

    fileprivate func sharedCount(with other: [UInt8]) -> Int {
        let common = Swift.min(count, other.count)
        var shared = 0
        while shared < common, self[shared] == other[shared] { shared += 1 }
        return shared
    }

    /// A copy of the exact size with some bytes replaced.
    fileprivate func spliced(_ range: Range<Int>, _ middle: [UInt8]) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(count - range.count + middle.count)
        copy.append(contentsOf: self[..<range.lowerBound])
        copy.append(contentsOf: middle)
        copy.append(contentsOf: self[range.upperBound...])
        return copy
    }

    /// Appends an entry of a chunk.
    fileprivate mutating func append(shared: Int, key: ArraySlice<UInt8>, step: Int64) {
        append(variable: UInt64(shared))
        append(variable: UInt64(key.count))
        append(contentsOf: key)
        append(variable: UInt64(bitPattern: step << 1 ^ step >> 63))
    }

    /// Appends a number in as few bytes as it needs, seven bits in each.
    fileprivate mutating func append(variable value: UInt64) {
        var value = value
        while value >= 0x80 {
            append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        append(UInt8(truncatingIfNeeded: value))
    }

    fileprivate func variable(at place: inout Int) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = self[place]
            place += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
}
