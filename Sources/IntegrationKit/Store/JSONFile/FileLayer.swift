// SPDX-License-Identifier: Apache-2.0

/// What the store asks of a file system: the real one, or one that a test lets fail.
protocol FileLayer: Sendable {
    /// Makes a folder durably if it is not there, and shuts everybody but its owner out.
    func makeFolder(_ path: String) throws
    /// Returns the names in a folder.
    func names(in folder: String) throws -> [String]
    /// Opens a file for reading and writing; nil if there is none.
    func openFile(_ path: String) throws -> (any StoreFile)?
    /// Makes an empty file that only its owner can read, in place of one that is there.
    func makeFile(_ path: String) throws -> any StoreFile
    /// Gives a file a new name, in place of one that has it.
    func rename(_ path: String, to newPath: String) throws
    /// Removes a file.
    func remove(_ path: String) throws
    /// Makes the names in a folder durable.
    func syncFolder(_ path: String) throws
    /// Takes the lock of a store, writing who has it into its file.
    func lock(_ path: String) throws -> any StoreLock
}

/// An open file.
protocol StoreFile: Sendable {
    /// Reads bytes; fewer at the end of the file.
    func read(at offset: Int, count: Int) throws -> [UInt8]
    /// Writes bytes.
    func write(_ bytes: [UInt8], at offset: Int) throws
    /// Cuts the file off.
    func truncate(to size: Int) throws
    /// Makes what was written durable.
    func sync() throws
    /// The file's size.
    func size() throws -> Int
    /// Whether the file still has a name in a folder.
    func isLinked() throws -> Bool
    /// Closes the file.
    func close()
}

/// A lock that is held.
protocol StoreLock: Sendable {
    /// Whether the lock's file still stands where it was taken: a folder that was removed or moved took it along.
    func isInPlace() throws -> Bool
    /// Gives the lock back.
    func unlock()
}

/// Why a lock was not given.
struct LockHeld: Error {
    /// What its holder wrote into the lock's file.
    var holder: String
}

/// A call of the file system that failed.
struct FileFailure: Error {
    /// The call, such as `write`.
    var call: String
    /// The file's path.
    var path: String
    /// The system's number for the reason.
    var code: Int32
    /// The reason in words.
    var reason: String
}
