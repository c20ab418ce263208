// SPDX-License-Identifier: Apache-2.0

/// Where each row stands in the files, by the row's number.
///
/// Rows come with rising numbers, so that a new one goes to the end; the slots stand in chunks, so that a removal moves
/// no more than one.
struct SlotTable: Sendable {
    /// Where a row stands.
    struct Slot: Sendable, Equatable {
        var number: Int64
        var revision: Int64
        var offset: Int64
        var file: UInt32
        var length: UInt32
    }

    private static let chunkSize = 512
    private var chunks: [[Slot]] = []
    /// The number of rows.
    private(set) var count = 0
    /// The bytes of their JSON.
    private(set) var bytes = 0

    /// The slot of a row.
    subscript(number: Int64) -> Slot? {
        let (chunk, offset) = position(of: number)
        guard chunk < chunks.count, offset < chunks[chunk].count else { return nil }
        let slot = chunks[chunk][offset]
        return slot.number == number ? slot : nil
    }

    /// Puts a slot, in place of the one of the same number.
    mutating func put(_ slot: Slot) {
        bytes += Int(slot.length)
        let (chunk, offset) = position(of: slot.number)
        guard chunk < chunks.count else {
            count += 1
            if let last = chunks.indices.last, chunks[last].count < Self.chunkSize {
                chunks[last].append(slot)
            } else {
                chunks.append([slot])
            }
            return
        }
        if chunks[chunk][offset].number == slot.number {
            bytes -= Int(chunks[chunk][offset].length)
            chunks[chunk][offset] = slot
            return
        }
        count += 1
        chunks[chunk].insert(slot, at: offset)
        if chunks[chunk].count > Self.chunkSize {
            let half = chunks[chunk].count / 2
            let upper = Array(chunks[chunk][half...])
            chunks[chunk].removeSubrange(half...)
            chunks.insert(upper, at: chunk + 1)
        }
    }

    /// Removes the slot of a row.
    mutating func remove(_ number: Int64) {
        let (chunk, offset) = position(of: number)
        guard chunk < chunks.count, offset < chunks[chunk].count, chunks[chunk][offset].number == number else { return }
        bytes -= Int(chunks[chunk].remove(at: offset).length)
        count -= 1
        if chunks[chunk].isEmpty { chunks.remove(at: chunk) }
    }

    /// Returns slots behind a number, in the order of numbers.
    func page(after number: Int64, limit: Int) -> [Slot] {
        var (chunk, offset) = position(of: number + 1)
        var found: [Slot] = []
        while chunk < chunks.count, found.count < limit {
            found.append(contentsOf: chunks[chunk][offset...].prefix(limit - found.count))
            (chunk, offset) = (chunk + 1, 0)
        }
        return found
    }

    /// Returns the place of the first slot whose number is not lower.
    private func position(of number: Int64) -> (Int, Int) {
        // New rows come with the highest number so far.
        if chunks.last?.last.map({ $0.number < number }) ?? true { return (chunks.count, 0) }
        let chunk = chunks.firstPlace { ($0.last?.number ?? .max) >= number }
        guard chunk < chunks.count else { return (chunk, 0) }
        return (chunk, chunks[chunk].firstPlace { $0.number >= number })
    }
}
