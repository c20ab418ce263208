// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// The place that a sealed value belongs to: copied to another, it does not open.
package struct SealContext: Hashable, Sendable {
    /// The tenant.
    package var tenant: String
    /// The integration; nil: none.
    package var integration: String?
    /// The type of the row.
    package var recordType: String
    /// The key of the row.
    package var recordKey: String
    /// What the value is: `credential` or `row`.
    ///
    /// Each purpose has keys of its own.
    package var purpose: String

    /// Creates a place.
    package init(tenant: String, integration: String?, recordType: String, recordKey: String, purpose: String) {
        self.tenant = tenant
        self.integration = integration
        self.recordType = recordType
        self.recordKey = recordKey
        self.purpose = purpose
    }

    /// The place as bytes; each part has its length in front, so that no two places give the same bytes.
    package var associatedData: Data {
        var bytes = [SealContext.format]
        bytes.reserveCapacity(256)
        for part in [tenant, integration, recordType, recordKey, purpose] {
            let length = UInt64(part.map { $0.utf8.count + 1 } ?? 0)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            if let part { bytes.append(contentsOf: part.utf8) }
        }
        return Data(bytes)
    }

    private static let format: UInt8 = 1
}
