// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers under keys in little memory: each key is kept as what it does not share with the one before it.
///
/// The entries stand in chunks of at most 64, each a run of bytes. Keys that begin alike, such as the ids of one
/// integration, cost a few bytes each, and an insertion writes one chunk anew.
struct PackedIndex: KeyIndex {
    struct Chunk: Sendable {
        var bytes: [UInt8]
        var count: Int
    }

    /// An entry with its key as bytes.
    struct Raw {
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

    static let chunkSize = 64
    var chunks: [Chunk] = []
    var waiting = Waiting()
    var count = 0

    var isEmpty: Bool { count == 0 && waiting.items.isEmpty }

    mutating func insert(_ key: ByteKey, _ number: Int64) {
        endLoading()
        insert(Raw(Array(key.text.utf8), number))
    }

    mutating func insert(_ entry: Raw) {
        insert(entry, at: max(0, chunks.firstPlace { !$0.begins(atOrBefore: entry) } - 1))
    }

    /// Inserts an entry into the chunk in whose range it lies.
    mutating func insert(_ entry: Raw, at place: Int) {
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
