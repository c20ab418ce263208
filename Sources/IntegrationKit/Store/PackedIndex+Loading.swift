// SPDX-License-Identifier: Apache-2.0
import Foundation

extension PackedIndex {
    /// Entries that wait to be sorted in: their keys stand one behind the other in one run of bytes.
    struct Waiting: Sendable {
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
    struct Writer {
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
