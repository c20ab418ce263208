// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The file system of the machine.
struct POSIXFileLayer: FileLayer {
    /// The locks of this process: where `flock` is a lock of the whole process, it would be given twice.
    private static let locked = LockBox<Set<Inode>>([])

    fileprivate struct Inode: Hashable, Sendable {
        var device: UInt64
        var number: UInt64

        init(_ status: stat) {
            device = UInt64(truncatingIfNeeded: status.st_dev)
            number = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    func makeFolder(_ path: String) throws {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        var missing: [URL] = []
        var place = url
        while unsafe access(place.path, F_OK) != 0, errno == ENOENT, place.path != "/" {
            missing.append(place)
            place.deleteLastPathComponent()
        }
        for folder in missing.reversed() {
            if unsafe mkdir(folder.path, folder == url ? 0o700 : 0o777) != 0, errno != EEXIST {
                try check(-1, "mkdir", folder.path)
            }
            // A name that only memory knows would take all that was acknowledged below it along.
            try syncFolder(folder.deletingLastPathComponent().path)
        }
        // A folder that its owner made read-only stays so: the store then says that it cannot write.
        var status = stat()
        try unsafe check(stat(path, &status), "stat", path)
        if status.st_mode & 0o077 != 0 { try unsafe check(chmod(path, status.st_mode & 0o700), "chmod", path) }
        try url.keepOnThisDevice()
    }

    func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    func openFile(_ path: String) throws -> (any StoreFile)? {
        let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        return POSIXFile(try check(descriptor, "open", path), path)
    }

    func makeFile(_ path: String) throws -> any StoreFile {
        POSIXFile(try unsafe check(open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC, 0o600), "open", path), path)
    }

    func rename(_ path: String, to newPath: String) throws {
        try unsafe check(Foundation.rename(path, newPath), "rename", path)
    }

    func remove(_ path: String) throws {
        if unsafe unlink(path) != 0, errno != ENOENT { try check(-1, "unlink", path) }
    }

    func syncFolder(_ path: String) throws {
        let folder = POSIXFile(try unsafe check(open(path, O_RDONLY | O_CLOEXEC), "open", path), path)
        defer { folder.close() }
        #if canImport(Darwin)
            try folder.sync()
        #else
            try check(fsync(folder.descriptor), "fsync", path)
        #endif
    }

    func lock(_ path: String) throws -> any StoreLock {
        let file = POSIXFile(try unsafe check(open(path, O_RDWR | O_CLOEXEC | O_CREAT, 0o600), "open", path), path)
        do {
            let inode = try file.inode()
            guard Self.locked.withLock({ $0.insert(inode).inserted }) else { throw LockHeld(holder: try file.text()) }
            do {
                while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
                    if errno == EINTR { continue }
                    if errno == EWOULDBLOCK { throw LockHeld(holder: try file.text()) }
                    try check(-1, "flock", path)
                }
                try file.truncate(to: 0)
                let holder = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
                try file.write(Array(holder.utf8), at: 0)
            } catch {
                Self.locked.withLock { _ = $0.remove(inode) }
                throw error
            }
            return Lock(file: file, inode: inode)
        } catch {
            file.close()
            throw error
        }
    }

    private struct Lock: StoreLock {
        let file: POSIXFile
        let inode: Inode

        func isInPlace() throws -> Bool {
            var status = stat()
            if unsafe stat(file.path, &status) != 0 {
                if errno == ENOENT || errno == ENOTDIR { return false }
                try check(-1, "stat", file.path)
            }
            return Inode(status) == inode
        }

        func unlock() {
            // The file stays: a name that is removed lets two openers lock two files. Closing releases the lock.
            file.close()
            POSIXFileLayer.locked.withLock { _ = $0.remove(inode) }
        }
    }
}

/// A file of the machine, open until it is closed.
private struct POSIXFile: StoreFile {
    let descriptor: Int32
    let path: String

    init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    func read(at offset: Int, count: Int) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count, let start = buffer.baseAddress {
                let got = unsafe pread(descriptor, start + done, count - done, off_t(offset + done))
                if got < 0, errno == EINTR { continue }
                try check(Int32(clamping: got), "read", path)
                if got == 0 { break }
                done += got
            }
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws {
        try unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < bytes.count, let start = buffer.baseAddress {
                let put = unsafe pwrite(descriptor, start + done, bytes.count - done, off_t(offset + done))
                if put < 0, errno == EINTR { continue }
                try check(Int32(clamping: put), "write", path)
                done += put
            }
        }
    }

    func truncate(to size: Int) throws {
        try check(ftruncate(descriptor, off_t(size)), "truncate", path)
    }

    func sync() throws {
        #if canImport(Darwin)
            // `fsync` leaves the bytes in the drive's cache there.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
            try check(fsync(descriptor), "fsync", path)
        #else
            try check(fdatasync(descriptor), "fdatasync", path)
        #endif
    }

    func size() throws -> Int {
        Int(try status().st_size)
    }

    func isLinked() throws -> Bool {
        try status().st_nlink > 0
    }

    func inode() throws -> POSIXFileLayer.Inode {
        POSIXFileLayer.Inode(try status())
    }

    func text() throws -> String {
        String(decoding: try read(at: 0, count: 200), as: UTF8.self)
    }

    func close() {
        // Nothing is written behind: what had to be durable was synced, and that call tells of failures.
        _ = Foundation.close(descriptor)
    }

    private func status() throws -> stat {
        var status = stat()
        try unsafe check(fstat(descriptor, &status), "fstat", path)
        return status
    }
}

@discardableResult
private func check(_ result: Int32, _ call: String, _ path: String) throws -> Int32 {
    guard result < 0 else { return result }
    let code = errno
    throw FileFailure(call: call, path: path, code: code, reason: unsafe String(cString: strerror(code)))
}

extension URL {
    /// Keeps the folder out of device backups, since a copy on another device would send again what was sent, and
    /// readable while the device is locked, since work goes on in the background.
    fileprivate func keepOnThisDevice() throws {
        #if os(iOS) || os(tvOS) || os(watchOS) || os(visionOS)
            try FileManager.default.setAttributes(
                [.protectionKey: FileProtectionType.completeUntilFirstUserAuthentication],
                ofItemAtPath: path
            )
        #endif
        #if canImport(Darwin)
            var url = self
            var values = URLResourceValues()
            values.isExcludedFromBackup = true
            try url.setResourceValues(values)
        #endif
    }
}
