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
    /// The store gets a new epoch: a dropped line may have said that something was sent. After a repair that dropped
    /// something, call ``IntegrationManager/adoptRestoredStore()``, so that the engine looks before it makes records.
    ///
    /// - Parameters:
    ///   - directory: The store's folder; nobody may have it open.
    ///   - copy: Where to copy the files to; the folder must not exist.
    /// - Returns: What was dropped.
    /// - Throws: ``IntegrationError`` as ``examine(directory:)``, and if the files cannot be copied or written.
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
    /// Writes what could be read into new files, in place of the damaged ones.
    fileprivate mutating func writeRepaired() throws {
        losses = nil
        // The number of the last put may have stood in a lost line; none may be given twice.
        var last = Int64.min
        while let page = Optional(slots.page(after: last, limit: 1000)), let end = page.last {
            state.number = page.reduce(state.number) { max($0, $1.revision) }
            last = end.number
        }
        identity.epoch = RandomSource.system.uuid()
        try folder.write(StoreFolder.keysName, Self.keysFile(keys, store: identity.id)).close()
        try beginCompaction()
        while try step() {}
        try folder.write(StoreFolder.storeName, identity.line).close()
    }
}
