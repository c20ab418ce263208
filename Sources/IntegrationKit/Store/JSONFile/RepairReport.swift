// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What a repair of a file store drops, or would drop.
public struct RepairReport: Hashable, Sendable {
    /// Lines that cannot be read.
    public struct Loss: Hashable, Sendable {
        /// The file.
        public var file: String
        /// The line at which the damage begins, from 1.
        public var line: Int
        /// The byte at which the damage begins, from 0.
        public var offset: Int
        /// How many bytes are lost; 0: the file ends too early.
        public var bytes: Int
    }

    /// What is lost, in the order of the files; empty: nothing is damaged.
    public var losses: [Loss]
    /// How many rows could be read.
    public var rows: Int
    /// The folder with the files as they were; nil if nothing was changed.
    public var copy: URL?
}
