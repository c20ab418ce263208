// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Files that only their owner can read.
enum PrivateFile {
    /// Writes a file as a whole: after a crash the old one is there or the new one.
    static func write(_ data: Data, to file: URL) throws {
        let handle = try open(temporary(file), O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC)
        try handle.write(contentsOf: data)
        try replace(file, by: handle)
    }

    /// Writes a file as a whole, piece by piece.
    static func write(to file: URL, _ body: (FileHandle) async throws -> Void) async throws {
        let handle = try open(temporary(file), O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC)
        try await body(handle)
        try replace(file, by: handle)
    }

    private static func temporary(_ file: URL) -> String { file.path(percentEncoded: false) + ".new" }

    private static func replace(_ file: URL, by handle: FileHandle) throws {
        try handle.synchronize()
        try handle.close()
        let path = file.path(percentEncoded: false)
        guard unsafe rename(temporary(file), path) == 0 else { throw failure(path) }
        try syncFolder(of: file)
    }

    /// Opens a file to write at its end, making it if it is not there.
    static func appending(to file: URL) throws -> FileHandle {
        let path = file.path(percentEncoded: false)
        let isNew = !FileManager.default.fileExists(atPath: path)
        let handle = try open(path, O_RDWR | O_CLOEXEC | O_CREAT)
        if isNew { try syncFolder(of: file) }
        try handle.seekToEnd()
        return handle
    }

    /// Makes a folder that only its owner can enter; one that is there keeps its rights.
    static func makeFolder(_ folder: URL) throws {
        guard !FileManager.default.fileExists(atPath: folder.path(percentEncoded: false)) else { return }
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    private static func open(_ path: String, _ flags: Int32) throws -> FileHandle {
        let descriptor = unsafe Foundation.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    private static func syncFolder(of file: URL) throws {
        let path = file.deletingLastPathComponent().path(percentEncoded: false)
        let descriptor = unsafe Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> CocoaError {
        CocoaError(
            .fileWriteUnknown,
            userInfo: [
                NSFilePathErrorKey: path,
                NSUnderlyingErrorKey: NSError(domain: NSPOSIXErrorDomain, code: Int(errno)),
            ]
        )
    }
}
