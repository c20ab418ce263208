// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension JSONFileIntegrationStore {
    /// Tells what a repair would drop; changes nothing.
    ///
    /// - Parameter directory: The store's folder; nobody may have it open.
    /// - Returns: What is lost.
    /// - Throws: ``IntegrationError`` if the store is in use, or so damaged that nothing says whose files these are.
    public static func examine(directory: URL) throws -> RepairReport {
        try repair(directory, copy: nil, layer: POSIXFileLayer())
    }

    /// Drops what cannot be read, and only that, after all files were copied.
    ///
    /// The store gets a new epoch, since a dropped line may have said that something was sent: the next
    /// ``IntegrationManager`` on it looks on the platform before it sends a create that was queued before.
    ///
    /// - Parameters:
    ///   - directory: The store's folder; nobody may have it open.
    ///   - copy: Where to copy the files to; the folder must not exist.
    /// - Returns: What was dropped.
    /// - Throws: ``IntegrationError`` as ``examine(directory:)``, and if the files cannot be copied or written.
    @discardableResult
    public static func repair(directory: URL, copyingTo copy: URL) throws -> RepairReport {
        try repair(directory, copy: copy, layer: POSIXFileLayer())
    }

    private static func repair(_ directory: URL, copy: URL?, layer: any FileLayer) throws -> RepairReport {
        do {
            let folder = StoreFolder(path: directory.path, layer: layer)
            var core = try JSONFileCore.open(folder: folder, options: Options(), time: .system, isRepair: true)
            defer { core.close() }
            var report = RepairReport(losses: core.losses ?? [], rows: core.slots.count)
            guard let copy, !report.losses.isEmpty else { return report }
            try FileManager.default.copyItem(at: directory, to: copy)
            report.copy = copy
            try core.writeRepaired()
            return report
        } catch {
            throw IntegrationError.fileFailed(error)
        }
    }
}

extension JSONFileCore {
    /// A moment for a store that lost the line with its last one: late enough that no lane waits for ever.
    func estimatedMoment(_ time: TimeSource) -> StoreClock.Moment {
        var (age, place) = (Int64(0), PageKey?.none)
        while let page = Optional(lanes.page(after: place, limit: 1000)), let last = page.last {
            for lane in page.lanes { age = max(age, lanes.kept(lane, at: .zero)?.due?.wholeMilliseconds ?? 0) }
            place = last
        }
        let wall = time.now().milliseconds
        return StoreClock.Moment(date: wall, age: age, wall: wall)
    }

    /// Writes what could be read into new files, in place of the damaged ones.
    mutating func writeRepaired() throws {
        losses = nil
        // The number of the last put may have stood in a lost line; none may be given twice.
        var last = Int64.min
        while let page = Optional(slots.page(after: last, limit: 1000)), let end = page.last {
            state.number = page.reduce(state.number) { max($0, $1.revision) }
            last = end.number
        }
        // First of all, so that a repair that is broken off cannot be taken for a store that lost nothing.
        identity.epoch = RandomSource.system.uuid()
        try folder.write(StoreFolder.storeName, identity.line).close()
        try folder.write(StoreFolder.keysName, Self.keysFile(keys, store: identity.id)).close()
        try beginCompaction()
        while try step() {}
    }
}
