// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Our key of a host's record on a platform.
enum ExternalKey {
    /// Makes the key of one incarnation of a host's record.
    ///
    /// It depends on nothing that is made at connection, so that connecting again finds what was written before.
    ///
    /// - Parameters:
    ///   - reference: The host's record.
    ///   - incarnation: How often the record was made again under its id.
    ///   - namespace: The host's namespace.
    /// - Returns: `ik` and 52 characters of `[a-z2-7]`.
    static func make(of reference: HostReference, incarnation: Int, namespace: String) -> String {
        var input: [UInt8] = []
        for part in [namespace, reference.tenant, reference.kind, reference.id, String(incarnation)] {
            input.append(contentsOf: Data(withBigEndian: UInt32(part.utf8.count)))
            input.append(contentsOf: part.utf8)
        }
        return "ik" + Hashing.sha256(Data(input)).base32
    }
}

extension Data {
    /// The four bytes of a number, most significant first.
    init(withBigEndian value: UInt32) {
        self.init([
            UInt8(truncatingIfNeeded: value >> 24), UInt8(truncatingIfNeeded: value >> 16),
            UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value),
        ])
    }
}
