// SPDX-License-Identifier: Apache-2.0

/// What numbers stand under in a ``SortedIndex``.
protocol IndexKey: Comparable, Sendable {
    /// Orders two keys in one look: negative, zero or positive.
    func order(to other: Self) -> Int
}

extension Duration: IndexKey {
    func order(to other: Duration) -> Int {
        self < other ? -1 : (self == other ? 0 : 1)
    }
}

/// Numbers under keys, in the order of key and number, each pair at most once.
///
/// The entries stand in chunks of bounded size, so that an insertion in the midst of a million moves no more than one
/// chunk.
struct SortedIndex<Key: IndexKey>: Sendable {
    /// A number under a key.
    struct Entry: Equatable, Sendable {
        var key: Key
        var number: Int64
    }

    /// A place between two entries.
    struct Cut: Comparable, Sendable {
        let key: Key
        let number: Int64
        let isAfter: Bool

        /// The place before all entries of a key.
        static func before(_ key: Key) -> Cut { Cut(key: key, number: .min, isAfter: false) }
        /// The place after all entries of a key.
        static func after(_ key: Key) -> Cut { Cut(key: key, number: .max, isAfter: true) }
        /// The place right before an entry, whether or not it is there.
        static func before(_ key: Key, _ number: Int64) -> Cut { Cut(key: key, number: number, isAfter: false) }
        /// The place right after an entry, whether or not it is there.
        static func after(_ key: Key, _ number: Int64) -> Cut { Cut(key: key, number: number, isAfter: true) }

        static func < (left: Cut, right: Cut) -> Bool {
            if left.key != right.key { return left.key < right.key }
            if left.number != right.number { return left.number < right.number }
            return !left.isAfter && right.isAfter
        }

        /// Whether an entry stands before this place.
        func follows(_ entry: Entry) -> Bool {
            let order = entry.key.order(to: key)
            if order != 0 { return order < 0 }
            return entry.number < number || (entry.number == number && isAfter)
        }
    }

    /// A span of places, from one to another; nil is the end of the index.
    struct Span: Sendable {
        var from: Cut?
        var to: Cut?

        /// All entries of one key.
        static func key(_ key: Key) -> Span { Span(from: .before(key), to: .after(key)) }
    }

    private static var chunkSize: Int { 128 }
    private var chunks: [[Entry]] = []
    /// The number of entries.
    private(set) var count = 0

    /// Whether there is no entry.
    var isEmpty: Bool { count == 0 }

    /// The first entry.
    var first: Entry? { chunks.first?.first }

    /// Adds a number under a key, unless it is there.
    mutating func insert(_ key: Key, _ number: Int64) {
        let (place, offset) = position(of: .before(key, number))
        let entry = Entry(key: key, number: number)
        guard place < chunks.count else {
            // Behind the last entry: rising keys fill their chunks to the end.
            if let last = chunks.indices.last, chunks[last].count < Self.chunkSize {
                chunks[last].append(entry)
            } else {
                chunks.append([entry])
            }
            count += 1
            return
        }
        guard chunks[place][offset] != entry else { return }
        chunks[place].insert(entry, at: offset)
        count += 1
        if chunks[place].count > Self.chunkSize {
            let half = chunks[place].count / 2
            let upper = Array(chunks[place][half...])
            chunks[place].removeSubrange(half...)
            chunks.insert(upper, at: place + 1)
        }
    }

    /// Removes a number under a key, if it is there.
    mutating func remove(_ key: Key, _ number: Int64) {
        let (place, offset) = position(of: .before(key, number))
        guard place < chunks.count, chunks[place][offset] == Entry(key: key, number: number) else { return }
        chunks[place].remove(at: offset)
        count -= 1
        if chunks[place].isEmpty {
            chunks.remove(at: place)
        } else if place + 1 < chunks.count, chunks[place].count + chunks[place + 1].count <= Self.chunkSize / 2 {
            chunks[place].append(contentsOf: chunks[place + 1])
            chunks.remove(at: place + 1)
        }
    }

    /// Returns entries of a span, from its start or, descending, from its end.
    func entries(in span: Span, limit: Int, descending: Bool = false) -> [Entry] {
        let low = span.from.map(position) ?? (0, 0)
        var found: [Entry] = []
        if descending {
            let high = span.to.map(position) ?? (chunks.count, 0)
            guard low < high else { return found }
            var place = high.0
            while place >= low.0, found.count < limit {
                if place < chunks.count {
                    let chunk = chunks[place]
                    let end = place == high.0 ? high.1 : chunk.count
                    let start = place == low.0 ? low.1 : 0
                    found.append(contentsOf: chunk[start..<end].suffix(limit - found.count).reversed())
                }
                place -= 1
            }
        } else {
            // Most spans hold an entry or two: to walk to their end is less than to search for it.
            var (place, start) = low
            while place < chunks.count {
                for entry in chunks[place][start...] {
                    guard found.count < limit, span.to?.follows(entry) ?? true else { return found }
                    found.append(entry)
                }
                (place, start) = (place + 1, 0)
            }
        }
        return found
    }

    /// Counts the entries of a span from the sizes of the chunks.
    func count(in span: Span) -> Int {
        let low = span.from.map(position) ?? (0, 0)
        let high = span.to.map(position) ?? (chunks.count, 0)
        guard low < high else { return 0 }
        return chunks[low.0..<high.0].reduce(0) { $0 + $1.count } + high.1 - low.1
    }

    /// Returns the chunk and the offset of the first entry after a place, or the place behind the last chunk.
    private func position(of cut: Cut) -> (Int, Int) {
        // No chunk is empty.
        let place = chunks.firstPlace { !cut.follows($0[$0.count - 1]) }
        guard place < chunks.count else { return (place, 0) }
        return (place, chunks[place].firstPlace { !cut.follows($0) })
    }
}

extension Array {
    /// Returns the first place at which a condition holds that, once it holds, holds for all that follow.
    func firstPlace(where isBehind: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
