// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Keeps rows, lanes and tenants' keys in the files of one folder: durable, fast, readable with any text tool.
///
/// What a commit acknowledged is there after a crash at any moment; what it did not acknowledge is there as a whole or
/// not at all. Commits that wait together share one sync. Memory holds indexes, not rows, so that a million rows fit
/// into a small process. One process at a time can use a folder.
///
/// ```swift
/// let store = try JSONFileIntegrationStore(directory: folder)
/// let manager = try await IntegrationManager(
///     providers: [.hubSpot], store: store, keyring: keyring, namespace: "my-app-production")
/// ```
///
/// Its work is done on a queue of its own: a sync blocks neither an actor nor the threads that tasks run on.
public final class JSONFileIntegrationStore: Sendable {
    /// What can be set about a store.
    public struct Options: Sendable {
        /// The size of the journals, in bytes, below which no compaction begins.
        public var compactionFloor: Int

        /// Creates options.
        ///
        /// - Parameter compactionFloor: The size of the journals, in bytes, below which no compaction begins.
        public init(compactionFloor: Int = 16 << 20) {
            self.compactionFloor = compactionFloor
        }
    }

    private enum Status: Sendable {
        case open(JSONFileCore)
        case suspended
        case closed
    }

    private struct Waiting: Sendable {
        var work: JSONFileCore.Work
        var bytes: Int
        var continuation: CheckedContinuation<Result<Void, StoreFailure>, Never>
    }

    private static let groupCommits = 1000
    private static let groupBytes = 1 << 20

    private let folder: StoreFolder
    private let options: Options
    private let time: TimeSource
    private let queue = DispatchQueue(label: "IntegrationKit.JSONFileIntegrationStore", qos: .userInitiated)
    private let status: LockBox<Status>
    private let waiting = LockBox<[Waiting]>([])

    /// Opens the store in a folder, or makes one there.
    ///
    /// - Parameters:
    ///   - directory: The folder; it is made if it is not there, its parents too.
    ///   - options: What can be set.
    ///   - time: The clocks.
    /// - Throws: ``IntegrationError`` if another opener has the store, if the folder cannot be used, or if a file is
    ///   damaged in a way that no crash leaves behind.
    public convenience init(directory: URL, options: Options = Options(), time: TimeSource = .system) throws {
        try self.init(path: directory.path, layer: POSIXFileLayer(), options: options, time: time)
    }

    init(path: String, layer: any FileLayer, options: Options, time: TimeSource) throws {
        folder = StoreFolder(path: path, layer: layer)
        self.options = options
        self.time = time
        status = LockBox(.open(try Self.load(folder, options, time)))
    }

    deinit {
        status.withLock { Self.end(&$0, as: .closed) }
    }

    private static func load(_ folder: StoreFolder, _ options: Options, _ time: TimeSource) throws -> JSONFileCore {
        do {
            return try JSONFileCore.open(folder: folder, options: options, time: time)
        } catch {
            throw IntegrationError.fileFailed(error)
        }
    }

    private static func end(_ status: inout Status, as end: Status) {
        guard case .open(var core) = status else {
            if case .closed = end { status = .closed }
            return
        }
        status = end
        core.close()
    }

    /// Runs work on the queue.
    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (inout JSONFileCore) throws -> Value
    ) async throws -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, any Error>, Never>) in
            queue.async { continuation.resume(returning: Result { try self.withCore(body) }) }
        }
        do {
            return try result.get()
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw StoreFailure.refused(IntegrationError.fileFailed(error))
        }
    }

    private func withCore<Value>(_ body: (inout JSONFileCore) throws -> Value) throws -> Value {
        try status.withLock { status in
            switch status {
            case .open(var core):
                // Nobody else may hold the value meanwhile, or each change would copy it.
                status = .closed
                defer { status = .open(core) }
                return try body(&core)
            case .suspended: throw IntegrationError.storeClosed(folder.path, isSuspended: true)
            case .closed: throw IntegrationError.storeClosed(folder.path, isSuspended: false)
            }
        }
    }
}

// MARK: - Opening and closing

extension JSONFileIntegrationStore {
    /// Ends what is being committed and gives the folder back.
    ///
    /// Later calls throw; closing twice does no harm.
    public func close() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.flushAll()
                self.status.withLock { Self.end(&$0, as: .closed) }
                continuation.resume()
            }
        }
    }

    /// Gives the folder's lock back until ``resume()``, as an app must before it is suspended.
    ///
    /// Leases end, as they do when the store is closed.
    public func suspend() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.flushAll()
                self.status.withLock { Self.end(&$0, as: .suspended) }
                continuation.resume()
            }
        }
    }

    /// Takes the lock again and reads what is there.
    ///
    /// - Throws: ``IntegrationError`` as when the store is opened, and if it was closed.
    public func resume() async throws {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Void, any Error>, Never>) in
            queue.async {
                continuation.resume(
                    returning: Result {
                        try self.status.withLock { status in
                            switch status {
                            case .open: return
                            case .closed: throw IntegrationError.storeClosed(self.folder.path, isSuspended: false)
                            case .suspended:
                                status = .open(try Self.load(self.folder, self.options, self.time))
                            }
                        }
                    }
                )
            }
        }
        try result.get()
    }

    /// Names the store's life between two repairs: it changes when a repair drops something.
    ///
    /// - Returns: The name.
    /// - Throws: ``StoreFailure/refused(_:)``.
    public func epoch() async throws -> UUID {
        try await run { $0.identity.epoch }
    }
}

// MARK: - Maintenance

extension JSONFileIntegrationStore {
    /// Goes on with a compaction if one is due or under way; commits go between its steps.
    ///
    /// Nobody has to call it: commits pay for compactions too. A host that has idle moments spares its commits the cost.
    ///
    /// - Parameter budget: How long to go on.
    /// - Returns: Whether there is nothing left to do.
    /// - Throws: ``StoreFailure/refused(_:)``.
    @discardableResult
    public func maintain(budget: Duration) async throws -> Bool {
        let start = time.elapsed()
        repeat {
            let isDone = try await run { core in
                guard core.needsCompaction || core.compaction != nil else { return true }
                try core.step()
                return false
            }
            if isDone { return true }
        } while time.elapsed() - start < budget
        return false
    }

    /// Writes the store anew without what was deleted; commits go between the steps.
    ///
    /// What was deleted before the call stands in no file of the folder when it returns.
    ///
    /// - Throws: ``StoreFailure/refused(_:)``.
    public func compact() async throws {
        // One that is under way may have copied what was deleted since.
        while try await run({ try $0.step() }) {}
        var isDone = false
        while !isDone {
            let number = try await run { try $0.startCompaction() }
            while try await run({ try $0.step() }) {}
            // A step that a commit paid for may have failed, and dropped the snapshot without a word.
            isDone = try await run { try $0.hasReplaced(upTo: number) }
        }
    }
}

// MARK: - Commits

extension JSONFileIntegrationStore {
    private func submit(_ work: JSONFileCore.Work) async -> Result<Void, StoreFailure> {
        let bytes = work.changes.puts.reduce(0) { $0 + $1.body.count }
        return await withCheckedContinuation { continuation in
            waiting.withLock { $0.append(Waiting(work: work, bytes: bytes, continuation: continuation)) }
            queue.async { self.flush() }
        }
    }

    private func flushAll() {
        while flush() {}
    }

    /// Commits what waits, up to the size of a group.
    @discardableResult
    private func flush() -> Bool {
        let group = waiting.withLock { waiting in
            var (count, bytes) = (0, 0)
            while count < min(waiting.count, Self.groupCommits), bytes < Self.groupBytes {
                bytes += waiting[count].bytes
                count += 1
            }
            let group = Array(waiting.prefix(count))
            waiting.removeFirst(count)
            return group
        }
        guard !group.isEmpty else { return false }
        let results: [Result<Void, StoreFailure>]
        do {
            results = try withCore { $0.commit(group.map(\.work)) }
        } catch {
            results = group.map { _ in .failure(.refused(IntegrationError.fileFailed(error))) }
        }
        for (entry, result) in zip(group, results) { entry.continuation.resume(returning: result) }
        // Only now: nobody who was answered waits for it. It fails alone if the store was closed.
        _ = try? withCore { $0.payForCompaction() }
        return true
    }
}

extension JSONFileIntegrationStore: IntegrationStore {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
        try await run { try $0.rows(ids) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func rows(matching query: RowQuery) async throws -> [StoredRow] {
        try await run { try $0.rows(matching: query) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        try await run { $0.index.count(matching: query, upTo: limit) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func commit(_ changes: Changes) async throws {
        try await submit(JSONFileCore.Work(changes: changes)).get()
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer {
        try await run { try $0.claim(claim) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        try await run { $0.renew(leases, for: duration) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func purge(_ scope: PurgeScope, limit: Int) async throws -> Int {
        let works = try await run { try $0.purge(scope, limit: limit) }
        for work in works { try await submit(work).get() }
        return works.reduce(0) { $0 + $1.changes.deletes.count }
    }
}

extension JSONFileIntegrationStore: MaintainedStore {}

extension JSONFileIntegrationStore: TenantKeyStore {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func wrappedKey(for tenant: String) async throws -> Data? {
        try await run { $0.keys[ByteKey(tenant)] }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func replace(_ old: Data?, with wrapped: Data, for tenant: String) async throws -> Data {
        try await run { try $0.replaceKey(old, with: wrapped, for: tenant) }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func dropKey(for tenant: String) async throws {
        try await run { core in
            if core.keys[ByteKey(tenant)] != nil { try core.setKey(nil, for: tenant) }
        }
    }
}
