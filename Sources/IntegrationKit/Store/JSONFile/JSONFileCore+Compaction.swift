// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A snapshot in the making.
///
/// It copies, step by step, the rows whose line stands in a journal that it will replace. Rows that are put or deleted
/// meanwhile need no care: their later line stands in the new journal and wins when both are read.
struct Compaction: Sendable {
    fileprivate enum Stage: Sendable {
        case rows(after: Int64)
        case lanes(after: PageKey?)
        case move
        case cut
    }

    /// Where a copied row stands in the snapshot.
    fileprivate struct Copy: Sendable {
        var number: Int64
        var offset: Int64
    }

    fileprivate let number: Int
    fileprivate let file: any StoreFile
    fileprivate var stage: Stage
    fileprivate var end: Int
    fileprivate var unsynced = 0
    fileprivate var lanes = 0
    /// The copies, page by page: one array of all would be moved as it grows, and freed at once.
    fileprivate var copies: [[Copy]] = []
    fileprivate var rows = 0
    /// Replaced files, which have no name any more.
    fileprivate var removed: [any StoreFile] = []
    /// The bytes of the journals from the one that was begun with the snapshot on.
    fileprivate var journalBytesBefore: Int

    fileprivate var name: StoreFolder.FileName { .snapshot(number) }

    fileprivate mutating func note(_ new: [Copy]) {
        rows += new.count
        if let last = copies.indices.last, copies[last].count + new.count <= JSONFileCore.page {
            copies[last].append(contentsOf: new)
        } else {
            copies.append(new)
        }
    }
}

extension JSONFileCore {
    /// How much is copied before the snapshot is synced, so that its last sync has little to do.
    private static let syncEvery = 1 << 20
    fileprivate static let page = 256
    private static let stepBytes = 4 << 10
    private static let cutBytes = 8 << 20

    /// Whether the journals have grown so much that a snapshot is due.
    var needsCompaction: Bool {
        compaction == nil && journalBytes > max(options.compactionFloor, compactionFloor, slots.bytes / 2)
    }

    /// Copies a part of the rows, or begins a snapshot if one is due: what each commit pays for its lines.
    ///
    /// A failure leaves the store as it was; the next attempt waits until the journals have grown further.
    mutating func payForCompaction() {
        guard needsCompaction || compaction != nil else { return }
        // Four times what was written, so that a snapshot ends before the journals have doubled.
        _ = try? step(bytes: max(Self.stepBytes, 4 * lastGroupBytes))
    }

    /// Makes one step of a compaction that is due or under way.
    ///
    /// - Returns: Whether it is not done yet.
    @discardableResult
    mutating func step(bytes: Int = 1 << 18) throws -> Bool {
        do {
            if needsCompaction { try beginCompaction() }
            try compact(bytes: bytes)
        } catch {
            abandonCompaction()
            throw error
        }
        return compaction != nil
    }

    /// Begins a snapshot of all that the journals hold now.
    mutating func beginCompaction() throws {
        guard compaction == nil else { return }
        let before = journal.number
        let grown = journalBytes
        try startJournal()
        let name = StoreFolder.FileName.snapshot(before)
        let file = try folder.begin(name.text)
        compaction = Compaction(
            number: before,
            file: file,
            stage: .rows(after: .min),
            end: 0,
            journalBytesBefore: grown
        )
        try append(
            StoreLine.make { $0.append(text: "{\"ik\":1,\"store\":\"\(storeText)\",\"snapshot\":\(before)}") }
        )
    }

    /// Begins a snapshot, or takes up the one under way, and returns its number.
    mutating func startCompaction() throws -> Int {
        do {
            try beginCompaction()
        } catch {
            abandonCompaction()
            throw error
        }
        return compaction?.number ?? journal.number - 1
    }

    /// Whether nothing is left of the files that a snapshot replaces.
    func hasReplaced(upTo number: Int) throws -> Bool {
        try compaction?.number != number
            && folder.layer.names(in: folder.path).compactMap(StoreFolder.FileName.init)
                .allSatisfy { $0.id >= StoreFolder.FileName.snapshot(number).id }
    }

    private var storeText: String { identity.id.uuidString.lowercased() }

    /// Drops a snapshot that cannot be finished.
    mutating func abandonCompaction() {
        compactionFloor = journalBytes + options.compactionFloor
        guard let compaction else { return }
        closeCompaction()
        if files[compaction.name.id] != nil { return }
        // What cannot be removed now is removed when the store is opened.
        if (try? lock.isInPlace()) ?? false { _ = try? folder.abandon(compaction.name.text) }
    }

    /// Goes on with the snapshot for about so many bytes; afterwards ``compaction`` is nil if it is done.
    mutating func compact(bytes budget: Int) throws {
        guard let end = compaction?.end else { return }
        let stop = end + budget
        // Pages that copy nothing must not make a step long either.
        var pages = max(budget / (64 * Self.page), 1)
        while let stage = compaction?.stage, compaction?.end ?? stop < stop, pages > 0 {
            pages -= 1
            switch stage {
            case .rows(let last): try copyRows(after: last, limit: min(max(budget / 512, 8), Self.page))
            case .lanes(let last): try copyLanes(after: last)
            case .move: try moveRows()
            case .cut: return cutRemoved()
            }
        }
    }

    private mutating func copyRows(after last: Int64, limit: Int) throws {
        guard let name = compaction?.name, let place = compaction?.end else { return }
        let page = slots.page(after: last, limit: limit)
        guard let end = page.last else {
            compaction?.stage = .lanes(after: nil)
            return
        }
        var lines: [UInt8] = []
        var copies: [Compaction.Copy] = []
        for slot in page where slot.file < name.id {
            let start = lines.count
            StoreLine.begin(in: &lines)
            copies.append(Compaction.Copy(number: slot.number, offset: Int64(place + lines.count)))
            lines.append(contentsOf: try bytes(of: slot))
            StoreLine.end(in: &lines, from: start)
        }
        try append(lines)
        compaction?.note(copies)
        compaction?.stage = .rows(after: end.number)
    }

    private mutating func copyLanes(after last: PageKey?) throws {
        let page = lanes.page(after: last, limit: Self.page)
        guard let end = page.last else { return try finishSnapshot() }
        let now = clock.age
        let kept = page.lanes.compactMap { lanes.kept($0, at: now) }
        try append(
            StoreLine.make { bytes in
                bytes.append(text: "{\"lane\":[")
                for (place, lane) in kept.enumerated() {
                    if place > 0 { bytes.append(text: ",") }
                    lane.append(to: &bytes)
                }
                bytes.append(text: "]}")
            }
        )
        compaction?.lanes += kept.count
        compaction?.stage = .lanes(after: end)
    }

    private mutating func append(_ lines: [UInt8]) throws {
        guard let compaction, !lines.isEmpty else { return }
        try compaction.file.write(lines, at: compaction.end)
        self.compaction?.end += lines.count
        self.compaction?.unsynced += lines.count
        if compaction.unsynced + lines.count >= Self.syncEvery {
            try compaction.file.sync()
            self.compaction?.unsynced = 0
        }
    }

    private mutating func finishSnapshot() throws {
        guard let compaction else { return }
        try append(
            StoreLine.make {
                $0.append(text: "{\"rows\":\(compaction.rows),\"lanes\":\(compaction.lanes)}")
            }
        )
        try checkFolder()
        try folder.finish(compaction.name.text, compaction.file)
        files[compaction.name.id] = compaction.file
        self.compaction?.stage = .move
    }

    /// Lets slots point into the finished snapshot, and at the end removes what it replaces.
    private mutating func moveRows() throws {
        guard let name = compaction?.name, let copies = compaction?.copies.popLast() else {
            return try removeReplaced()
        }
        for copy in copies {
            guard var slot = slots[copy.number], slot.file < name.id else { continue }
            slot.file = name.id
            slot.offset = copy.offset
            slots.put(slot)
        }
    }

    private mutating func removeReplaced() throws {
        guard let name = compaction?.name else { return }
        try checkFolder()
        for file in try folder.layer.names(in: folder.path).compactMap(StoreFolder.FileName.init)
        where file.id < name.id {
            try folder.remove(file)
        }
        try folder.layer.syncFolder(folder.path)
        journalBytes -= compaction?.journalBytesBefore ?? 0
        compactionFloor = 0
        compaction?.removed = files.filter { $0.key < name.id }.map(\.value)
        files = files.filter { $0.key >= name.id }
        compaction?.stage = .cut
    }

    /// Cuts a piece off a replaced file: to free a large one at once would hold up the commits.
    private mutating func cutRemoved() {
        guard let file = compaction?.removed.last else {
            compaction = nil
            return
        }
        do {
            let size = try file.size()
            if size > Self.cutBytes { return try file.truncate(to: size - Self.cutBytes) }
        } catch {
            // It has no name: closing it frees the rest.
        }
        file.close()
        compaction?.removed.removeLast()
    }

    /// Drops what a compaction holds, finished or not.
    mutating func closeCompaction() {
        guard let compaction else { return }
        self.compaction = nil
        for file in compaction.removed { file.close() }
        if files[compaction.name.id] == nil, compaction.removed.isEmpty { compaction.file.close() }
    }
}
