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
    private var waiting = Waiting()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 && waiting.items.isEmpty }

    mutating func insert(_ key: ByteKey, _ number: Int64) {
        endLoading()
        insert(Raw(Array(key.text.utf8), number))
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

    func first(under key: ByteKey) -> Int64? {
        let key = Array(key.text.utf8)
        var (place, offset) = position(of: Raw(key, .min), isAfter: false)
        guard place < chunks.count else { return nil }
        if offset == chunks[place].count { (place, offset) = (place + 1, 0) }
        guard place < chunks.count else { return nil }
        return chunks[place].number(under: key, at: offset)
    }

    func last(under key: ByteKey) -> Int64? {
        let key = Array(key.text.utf8)
        let (place, offset) = position(of: Raw(key, .max), isAfter: true)
        // The search ends in the chunk whose first entry stands before, so that the one before stands in it too.
        guard place < chunks.count, offset > 0 else { return nil }
        return chunks[place].number(under: key, at: offset - 1)
    }

    func count(in span: SortedIndex<ByteKey>.Span) -> Int {
        let low = span.from.map(position) ?? (0, 0)
        let high = span.to.map(position) ?? (chunks.count, 0)
        guard low < high else { return 0 }
        return chunks[low.0..<high.0].reduce(0) { $0 + $1.count } + high.1 - low.1
    }

    /// Returns the chunk and the offset of the first entry after a place, possibly behind the chunk's last.
    private func position(of cut: SortedIndex<ByteKey>.Cut) -> (Int, Int) {
        position(of: Raw(Array(cut.key.text.utf8), cut.number), isAfter: cut.isAfter)
    }

    private func position(of entry: Raw, isAfter: Bool) -> (Int, Int) {
        let place = max(
            0,
            chunks.firstPlace { isAfter ? !$0.begins(atOrBefore: entry) : !$0.begins(before: entry) } - 1
        )
        guard place < chunks.count else { return (chunks.count, 0) }
        return (place, chunks[place].offset(of: entry, isAfter: isAfter))
    }
}

// MARK: - Loading

extension PackedIndex {
    /// Entries that wait to be sorted in: their keys stand one behind the other in one run of bytes.
    fileprivate struct Waiting: Sendable {
        struct Item: Sendable {
            var number: Int64
            /// The eight bytes of the key behind what all keys share; set when the items are sorted.
            var head: UInt64 = 0
            var start: UInt32
            var length: UInt32
        }

        var keys: [UInt8] = []
        var items: [Item] = []
    }

    /// Lets an insertion wait, so that many are sorted in at once.
    ///
    /// Until ``endLoading()`` the index does not answer for it.
    mutating func load(_ key: ArraySlice<UInt8>, _ number: Int64) {
        waiting.items.append(
            Waiting.Item(number: number, start: UInt32(waiting.keys.count), length: UInt32(key.count))
        )
        waiting.keys.append(contentsOf: key)
        // What waits stays small beside what stands, and all that stands is written anew only now and then.
        if waiting.items.count >= max(1 << 14, count / 2) || waiting.keys.count >= 1 << 30 { endLoading() }
    }

    /// Sorts in what was loaded.
    mutating func endLoading() {
        guard !waiting.items.isEmpty else { return }
        var entries = waiting
        waiting = Waiting()
        if entries.items.count < chunks.count / 8 {
            for item in entries.items { insert(Raw(entries.key(of: item), item.number)) }
        } else {
            entries.sort()
            merge(entries)
        }
    }

    private mutating func merge(_ entries: Waiting) {
        var writer = Writer()
        var next = 0
        let old = chunks
        chunks = []
        for (place, chunk) in old.enumerated() {
            let end =
                place + 1 < old.count ? entries.places(from: next, before: old[place + 1]) : entries.items.count
            guard next < end else {
                writer.append(chunk)
                continue
            }
            var walk = Walk()
            for _ in 0..<chunk.count {
                walk.step(in: chunk.bytes)
                while next < end, entries.isBefore(next, walk.key, walk.number) {
                    entries.write(next, to: &writer)
                    next += 1
                }
                unsafe walk.key.withUnsafeBufferPointer { unsafe writer.append($0, walk.number) }
            }
            while next < end {
                entries.write(next, to: &writer)
                next += 1
            }
        }
        while next < entries.items.count {
            entries.write(next, to: &writer)
            next += 1
        }
        writer.endChunk()
        (chunks, count) = (writer.chunks, writer.total)
    }

    /// Writes entries that come in their order, each once, into chunks.
    fileprivate struct Writer {
        var chunks: [Chunk] = []
        var total = 0
        private var bytes: [UInt8] = []
        private var count = 0
        private var key: [UInt8] = []
        private var number: Int64 = 0

        /// Appends a chunk as it is.
        mutating func append(_ chunk: Chunk) {
            endChunk()
            chunks.append(chunk)
            total += chunk.count
        }

        mutating func append(_ new: UnsafeBufferPointer<UInt8>, _ newNumber: Int64) {
            var shared = 0
            if count > 0 {
                let common = min(key.count, new.count)
                while unsafe shared < common && key[shared] == new[shared] { shared += 1 }
                if shared == key.count, shared == new.count, number == newNumber { return }
                if count == PackedIndex.chunkSize {
                    endChunk()
                    shared = 0
                }
            }
            let rest = unsafe UnsafeBufferPointer(rebasing: new[shared...])
            bytes.append(variable: UInt64(shared))
            bytes.append(variable: UInt64(rest.count))
            unsafe bytes.append(contentsOf: rest)
            let step = newNumber &- (count > 0 ? number : 0)
            bytes.append(variable: UInt64(bitPattern: step << 1 ^ step >> 63))
            key.removeLast(key.count - shared)
            unsafe key.append(contentsOf: rest)
            number = newNumber
            count += 1
        }

        mutating func endChunk() {
            guard count > 0 else { return }
            chunks.append(Chunk(bytes: bytes.spliced(0..<0, []), count: count))
            total += count
            bytes.removeAll(keepingCapacity: true)
            key.removeAll(keepingCapacity: true)
            count = 0
        }
    }
}

extension PackedIndex.Waiting {
    func key(of item: Item) -> [UInt8] {
        Array(keys[Int(item.start)..<Int(item.start) + Int(item.length)])
    }

    /// Sorts the items by key and number.
    mutating func sort() {
        guard let first = items.first else { return }
        unsafe keys.withUnsafeBufferPointer { keys in
            var shared = Int(first.length)
            for item in items {
                let common = min(shared, Int(item.length))
                let (a, b) = (Int(first.start), Int(item.start))
                shared = 0
                while unsafe shared < common && keys[a + shared] == keys[b + shared] { shared += 1 }
            }
            for place in items.indices {
                var head: UInt64 = 0
                let start = Int(items[place].start)
                for offset in shared..<shared + 8 {
                    let byte = unsafe offset < items[place].length ? keys[start + offset] : 0
                    head = head << 8 | UInt64(byte)
                }
                items[place].head = head
            }
            items.sort { left, right in
                if left.head != right.head { return left.head < right.head }
                let order = unsafe Self.compare(keys, left, right)
                return order == 0 ? left.number < right.number : order < 0
            }
        }
    }

    private static func compare(_ keys: UnsafeBufferPointer<UInt8>, _ left: Item, _ right: Item) -> Int {
        guard let start = keys.baseAddress else { return 0 }
        let common = Int(min(left.length, right.length))
        let order = unsafe memcmp(start + Int(left.start), start + Int(right.start), common)
        return order != 0 ? Int(order) : Int(left.length) - Int(right.length)
    }

    /// Whether an item stands before an entry.
    func isBefore(_ place: Int, _ key: [UInt8], _ number: Int64) -> Bool {
        let item = items[place]
        let start = Int(item.start)
        let order = keys.order(of: start..<start + Int(item.length), to: key)
        return order == 0 ? item.number < number : order < 0
    }

    /// Returns the place of the first item that does not stand before a chunk.
    func places(from first: Int, before chunk: PackedIndex.Chunk) -> Int {
        var (low, high) = (first, items.count)
        // Most chunks get few items: the search widens from the first one.
        var width = 1
        while low < high {
            let middle = min(low + width - 1, low + (high - low) / 2)
            if chunk.begins(atOrBefore: PackedIndex.Raw(key(of: items[middle]), items[middle].number)) {
                high = middle
            } else {
                low = middle + 1
                width *= 2
            }
        }
        return low
    }

    func write(_ place: Int, to writer: inout PackedIndex.Writer) {
        let item = items[place]
        let start = Int(item.start)
        unsafe keys.withUnsafeBufferPointer { keys in
            unsafe writer.append(UnsafeBufferPointer(rebasing: keys[start..<start + Int(item.length)]), item.number)
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
    fileprivate func number(under key: [UInt8], at offset: Int) -> Int64? {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var search = Search(PackedIndex.Raw(key, .min))
            while search.offset <= offset { unsafe search.step(in: bytes) }
            return search.isSameKey ? search.number : nil
        }
    }

    /// Inserts an entry; returns whether it was not there.
    fileprivate mutating func insert(_ entry: PackedIndex.Raw) -> Bool {
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
    fileprivate mutating func remove(_ entry: PackedIndex.Raw) -> Bool {
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

    fileprivate func begins(before entry: PackedIndex.Raw) -> Bool {
        order(to: entry) < 0
    }

    fileprivate func begins(atOrBefore entry: PackedIndex.Raw) -> Bool {
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

/// Goes through a chunk entry by entry.
private struct Walk {
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
}

extension UnsafeBufferPointer<UInt8> {
    /// Reads a number that ``Array/append(variable:)`` wrote.
    @inline(__always)
    fileprivate func variable(at place: inout Int) -> UInt64 {
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
