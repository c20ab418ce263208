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
        guard !chunks.isEmpty else {
            chunks = [Chunk([entry][...])]
            count = 1
            return
        }
        let place = max(0, chunks.firstPlace { !$0.begins(atOrBefore: entry) } - 1)
        var entries = chunks[place].entries()
        let offset = entries.firstPlace { $0.order(to: entry) >= 0 }
        guard offset == entries.count || entries[offset].order(to: entry) != 0 else { return }
        count += 1
        if offset == entries.count, offset >= Self.chunkSize, place == chunks.count - 1 {
            // Behind the last entry: rising keys fill their chunks to the end.
            chunks.append(Chunk([entry][...]))
            return
        }
        entries.insert(entry, at: offset)
        if entries.count <= Self.chunkSize {
            chunks[place] = Chunk(entries[...])
        } else {
            let half = entries.count / 2
            chunks[place] = Chunk(entries[..<half])
            chunks.insert(Chunk(entries[half...]), at: place + 1)
        }
    }

    mutating func remove(_ key: ByteKey, _ number: Int64) {
        endLoading()
        let entry = Raw(Array(key.text.utf8), number)
        let place = max(0, chunks.firstPlace { !$0.begins(atOrBefore: entry) } - 1)
        guard place < chunks.count else { return }
        var entries = chunks[place].entries()
        let offset = entries.firstPlace { $0.order(to: entry) >= 0 }
        guard offset < entries.count, entries[offset].order(to: entry) == 0 else { return }
        entries.remove(at: offset)
        count -= 1
        if entries.isEmpty {
            chunks.remove(at: place)
        } else if place + 1 < chunks.count, entries.count + chunks[place + 1].count <= Self.chunkSize / 2 {
            entries += chunks[place + 1].entries()
            chunks.remove(at: place + 1)
            chunks[place] = Chunk(entries[...])
        } else {
            chunks[place] = Chunk(entries[...])
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
        var merged: [Chunk] = []
        merged.reserveCapacity(chunks.count + entries.count / 48)
        var next = 0
        for place in chunks.indices {
            let first = next
            if place + 1 < chunks.count {
                while next < entries.count, !chunks[place + 1].begins(atOrBefore: entries[next]) { next += 1 }
            } else {
                next = entries.count
            }
            if first == next {
                merged.append(chunks[place])
            } else {
                Self.append(Self.merge(chunks[place].entries(), entries[first..<next]), to: &merged)
            }
        }
        if chunks.isEmpty { Self.append(Self.merge([], entries[...]), to: &merged) }
        chunks = merged
        count = chunks.reduce(0) { $0 + $1.count }
    }

    private static func merge(_ left: [Raw], _ right: ArraySlice<Raw>) -> [Raw] {
        var merged: [Raw] = []
        merged.reserveCapacity(left.count + right.count)
        var (i, j) = (0, right.startIndex)
        while i < left.count || j < right.endIndex {
            let takesLeft = j == right.endIndex || (i < left.count && left[i].order(to: right[j]) <= 0)
            let entry = takesLeft ? left[i] : right[j]
            if takesLeft { i += 1 } else { j += 1 }
            if let last = merged.last, last.order(to: entry) == 0 { continue }
            merged.append(entry)
        }
        return merged
    }

    private static func append(_ entries: [Raw], to chunks: inout [Chunk]) {
        let parts = (entries.count + chunkSize - 1) / chunkSize
        for part in 0..<parts {
            chunks.append(Chunk(entries[entries.count * part / parts..<entries.count * (part + 1) / parts]))
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
            bytes.append(variable: UInt64(shared))
            bytes.append(variable: UInt64(entry.key.count - shared))
            bytes.append(contentsOf: entry.key[shared...])
            let step = entry.number &- number
            bytes.append(variable: UInt64(bitPattern: step << 1 ^ step >> 63))
            (key, number) = (entry.key, entry.number)
        }
        // A copy of the exact size: what is reserved above is a guess.
        var exact: [UInt8] = []
        exact.reserveCapacity(bytes.count)
        exact.append(contentsOf: bytes)
        self.init(bytes: exact, count: entries.count)
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
        var walk = Walk()
        for offset in 0..<count {
            walk.step(in: bytes)
            var order = walk.key.order(to: entry.key)
            if order == 0 { order = walk.number < entry.number ? -1 : (walk.number > entry.number ? 1 : 0) }
            if isAfter ? order > 0 : order >= 0 { return offset }
        }
        return count
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
