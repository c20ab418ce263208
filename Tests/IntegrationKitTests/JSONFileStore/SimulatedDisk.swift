// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting

@testable import IntegrationKit

/// A disk in memory that fails or stops when it is told to, and forgets at a crash what was not synced.
final class SimulatedDisk: FileLayer {
    /// What happens at an operation.
    enum Fault: Sendable {
        /// The operation fails, perhaps half done; the disk goes on.
        case fail(Int32)
        /// The power fails: this operation may be half done, and none follows.
        case stop
    }

    struct Stopped: Error {}

    private struct Inode: Sendable {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// The sectors that the next sync makes durable.
        var dirty: Set<Int> = []
    }

    private struct State: Sendable {
        var inodes: [Int: Inode] = [:]
        var names: [String: Int] = [:]
        /// The names as they were after each change since the folder was synced, first those that are durable.
        var history: [[String: Int]] = [[:]]
        var folders: Set<String> = []
        var isLocked = false
        var lastInode = 0
        var operations: [String] = []
        var faults: [Int: Fault] = [:]
        var aimed: (fault: Fault, prefix: String, after: Int)?
        var isStopped = false
        var isReadOnly = false
        var capacity = Int.max
        var generator: SeededGenerator
    }

    let sector: Int
    private let state: LockBox<State>

    init(seed: UInt64 = 1, sector: Int = 16) {
        self.sector = sector
        state = LockBox(State(generator: SeededGenerator(seed: seed)))
    }

    private init(_ state: State, sector: Int) {
        self.sector = sector
        self.state = LockBox(state)
    }

    // MARK: What a test does to it

    /// The calls that changed something so far.
    var operations: [String] { state.withLock { $0.operations } }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Lets an operation, counted from 0, fail or stop.
    func plan(_ fault: Fault, at operation: Int) {
        state.withLock { $0.faults[operation] = fault }
    }

    /// Lets the next operations fail or stop.
    func planNext(_ fault: Fault, count: Int = 1) {
        state.withLock { state in
            for offset in 0..<count { state.faults[state.operations.count + offset] = fault }
        }
    }

    /// Lets one operation on the files of a kind fail, after so many that succeed.
    func planNext(_ fault: Fault, on prefix: String, after count: Int) {
        state.withLock { $0.aimed = (fault, prefix, count) }
    }

    /// Lets every write beyond so many bytes fail, until it is called again.
    func setCapacity(_ bytes: Int) { state.withLock { $0.capacity = bytes } }

    /// The bytes that all files hold.
    var used: Int { state.withLock { state in state.inodes.values.reduce(0) { $0 + $1.bytes.count } } }

    func setReadOnly(_ isReadOnly: Bool) { state.withLock { $0.isReadOnly = isReadOnly } }

    func contents(of path: String) -> [UInt8]? {
        state.withLock { state in state.names[path].flatMap { state.inodes[$0]?.bytes } }
    }

    func set(_ bytes: [UInt8], at path: String) {
        state.withLock { state in
            guard let inode = state.names[path] else { return }
            state.inodes[inode] = Inode(bytes: bytes, durable: bytes)
        }
    }

    var paths: [String] { state.withLock { $0.names.keys.sorted() } }

    /// Another disk with what this one holds, all of it durable, unlocked.
    func copy() -> SimulatedDisk {
        state.withLock { state in
            var copy = state
            for (number, inode) in copy.inodes {
                copy.inodes[number] = Inode(bytes: inode.bytes, durable: inode.bytes)
            }
            copy.history = [copy.names]
            copy.operations = []
            copy.faults = [:]
            copy.isStopped = false
            copy.isLocked = false
            return SimulatedDisk(copy, sector: sector)
        }
    }

    /// The disk after the power came back: of what was not synced, some sectors, sizes and names are there.
    func afterCrash(seed: UInt64) -> SimulatedDisk {
        var generator = SeededGenerator(seed: seed)
        let survivals: [Double] = [0, 0.5, 0.9, 1]
        let survival = survivals[Int.random(in: 0..<4, using: &generator)]
        return state.withLock { state in
            var after = state
            after.names = state.history.randomElement(using: &generator) ?? [:]
            for (number, inode) in state.inodes.sorted(by: { $0.key < $1.key }) {
                var bytes = inode.durable
                let sizes = min(inode.bytes.count, bytes.count)...max(inode.bytes.count, bytes.count)
                // Often the size is wholly the old one or wholly the new one.
                let size = [
                    sizes.lowerBound, sizes.upperBound, Int.random(in: sizes, using: &generator),
                ][Int.random(in: 0..<3, using: &generator)]
                if size < bytes.count { bytes.removeSubrange(size...) }
                bytes += [UInt8](repeating: 0, count: size - bytes.count)
                for sector in inode.dirty.sorted() where Double.random(in: 0..<1, using: &generator) < survival {
                    let end = min((sector + 1) * self.sector, size, inode.bytes.count)
                    for place in min(sector * self.sector, end)..<end {
                        bytes[place] = inode.bytes[place]
                    }
                }
                after.inodes[number] = Inode(bytes: bytes, durable: bytes)
            }
            after.history = [after.names]
            after.operations = []
            after.faults = [:]
            after.isStopped = false
            after.isLocked = false
            after.generator = generator
            return SimulatedDisk(after, sector: sector)
        }
    }

    // MARK: Operations

    /// Counts an operation and lets it fail or stop; `half` does a part of it.
    private func step(
        _ call: String,
        _ path: String,
        half: (inout State) -> Void = { _ in },
        _ body: (inout State) throws -> Void
    ) throws {
        try state.withLock { state in
            if state.isStopped { throw Stopped() }
            let number = state.operations.count
            let name = path.split(separator: "/").last ?? ""
            state.operations.append("\(call) \(name)")
            if let aimed = state.aimed, name.hasPrefix(aimed.prefix) {
                state.aimed = aimed.after > 0 ? (aimed.fault, aimed.prefix, aimed.after - 1) : nil
                if aimed.after == 0 { state.faults[number] = aimed.fault }
            }
            if state.isReadOnly { throw Self.failure(call, path, EROFS) }
            switch state.faults[number] {
            case nil: try body(&state)
            case .fail(let code):
                half(&state)
                throw Self.failure(call, path, code)
            case .stop:
                if Bool.random(using: &state.generator) { try body(&state) } else { half(&state) }
                state.isStopped = true
                throw Stopped()
            }
        }
    }

    private static func failure(_ call: String, _ path: String, _ code: Int32) -> FileFailure {
        FileFailure(call: call, path: path, code: code, reason: "simulated")
    }

    private static func change(_ state: inout State, _ body: (inout [String: Int]) -> Void) {
        body(&state.names)
        state.history.append(state.names)
    }

    func makeFolder(_ path: String) throws {
        try step("mkdir", path) { $0.folders.insert(path) }
    }

    func names(in folder: String) throws -> [String] {
        try state.withLock { state in
            guard state.folders.contains(folder) else { throw Self.failure("open", folder, ENOENT) }
            return state.names.keys.filter { $0.hasPrefix(folder + "/") }.map { String($0.dropFirst(folder.count + 1)) }
        }
    }

    func openFile(_ path: String) throws -> (any StoreFile)? {
        state.withLock { $0.names[path] }.map { File(disk: self, inode: $0, path: path) }
    }

    func makeFile(_ path: String) throws -> any StoreFile {
        try step("create", path) { state in
            guard state.folders.contains(where: { path.hasPrefix($0 + "/") }) else {
                throw Self.failure("open", path, ENOENT)
            }
            state.lastInode += 1
            let inode = state.lastInode
            state.inodes[inode] = Inode()
            Self.change(&state) { $0[path] = inode }
        }
        guard let file = try openFile(path) else { throw Self.failure("open", path, ENOENT) }
        return file
    }

    func rename(_ path: String, to newPath: String) throws {
        try step("rename", path) { state in
            guard let inode = state.names[path] else { throw Self.failure("rename", path, ENOENT) }
            Self.change(&state) { names in
                names[path] = nil
                names[newPath] = inode
            }
        }
    }

    func remove(_ path: String) throws {
        try step("remove", path) { state in Self.change(&state) { $0[path] = nil } }
    }

    func syncFolder(_ path: String) throws {
        try step("sync", path) { state in
            guard state.folders.contains(path) else { throw Self.failure("open", path, ENOENT) }
            state.history = [state.names]
        }
    }

    func lock(_ path: String) throws -> any StoreLock {
        try state.withLock { state in
            if state.isReadOnly { throw Self.failure("open", path, EACCES) }
            if state.isLocked { throw LockHeld(holder: "process 1 on simulated") }
            state.isLocked = true
        }
        return Lock(disk: self)
    }

    private struct Lock: StoreLock {
        let disk: SimulatedDisk
        func isInPlace() throws -> Bool { true }
        func unlock() { disk.state.withLock { $0.isLocked = false } }
    }

    private struct File: StoreFile {
        let disk: SimulatedDisk
        let inode: Int
        let path: String

        private func inode<Value>(_ body: (Inode) throws -> Value) throws -> Value {
            try disk.state.withLock { state in
                if state.isStopped { throw Stopped() }
                guard let inode = state.inodes[inode] else { throw failure("read", path, EIO) }
                return try body(inode)
            }
        }

        func read(at offset: Int, count: Int) throws -> [UInt8] {
            try inode { Array($0.bytes.dropFirst(offset).prefix(count)) }
        }

        func write(_ bytes: [UInt8], at offset: Int) throws {
            let write = { (state: inout State, count: Int) in
                guard var inode = state.inodes[inode] else { return }
                let end = offset + count
                if inode.bytes.count < end {
                    inode.bytes += [UInt8](repeating: 0, count: end - inode.bytes.count)
                }
                inode.bytes.replaceSubrange(offset..<end, with: bytes[..<count])
                if count > 0 {
                    for sector in offset / disk.sector...(end - 1) / disk.sector { inode.dirty.insert(sector) }
                }
                state.inodes[self.inode] = inode
            }
            try disk.step("write", path) { state in
                write(&state, Int.random(in: 0...bytes.count, using: &state.generator))
            } _: { state in
                let used = state.inodes.values.reduce(0) { $0 + $1.bytes.count }
                let size = state.inodes[inode]?.bytes.count ?? 0
                let grown = max(0, offset + bytes.count - size)
                guard used + grown <= state.capacity else {
                    write(&state, max(0, min(bytes.count, bytes.count - grown)))
                    throw failure("write", path, ENOSPC)
                }
                write(&state, bytes.count)
            }
        }

        func truncate(to size: Int) throws {
            try disk.step("truncate", path) { state in
                guard let old = state.inodes[inode]?.bytes, old.count > size else { return }
                state.inodes[inode]?.bytes = Array(old[..<size])
            }
        }

        func sync() throws {
            let sync = { (state: inout State, survival: Double) in
                guard var inode = state.inodes[inode] else { return }
                let size = inode.bytes.count
                if inode.durable.count > size { inode.durable.removeSubrange(size...) }
                inode.durable += [UInt8](repeating: 0, count: size - inode.durable.count)
                for sector in inode.dirty.sorted()
                where Double.random(in: 0..<1, using: &state.generator) < survival {
                    let end = min((sector + 1) * disk.sector, size)
                    for place in min(sector * disk.sector, end)..<end {
                        inode.durable[place] = inode.bytes[place]
                    }
                }
                inode.dirty = []
                state.inodes[self.inode] = inode
            }
            // After a sync that failed the system takes the lost pages for clean, and the next one succeeds.
            try disk.step("sync", path) {
                sync(&$0, 0.5)
            } _: {
                sync(&$0, 1)
            }
        }

        func size() throws -> Int { try inode { $0.bytes.count } }

        func isLinked() throws -> Bool {
            try disk.state.withLock { state in
                if state.isStopped { throw Stopped() }
                return state.names.values.contains(inode)
            }
        }

        func close() {}
    }
}
