// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What stands in every value of a simulation: who wrote it, about what, and when.
struct Mark: Hashable, Sendable {
    enum Writer: String, Sendable {
        case host = "h"
        case person = "p"
        /// A person in a shop.
        case shopper = "s"
        /// The host, when it made the record.
        case birth = "b"
    }

    var writer: Writer
    var tenant: Int
    /// The host's id of the record; nothing in particular for a person's.
    var id: String
    /// Rises with time.
    var number: Int

    /// Whether the host wrote it.
    var isHosts: Bool { writer == .host || writer == .birth }

    init(_ writer: Writer, _ tenant: Int, _ id: String, _ number: Int) {
        self.writer = writer
        self.tenant = tenant
        self.id = id
        self.number = number
    }

    /// Finds the mark in a value, whatever stands around it.
    init?(in value: String) {
        let text = value.lowercased()
        guard let start = text.range(of: "qx.")?.upperBound else { return nil }
        let parts = text[start...].prefix { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" }
            .split(separator: ".")
        guard parts.count >= 4, let writer = Writer(rawValue: String(parts[0])), let tenant = Int(parts[1]),
            let number = Int(parts[3])
        else { return nil }
        self.init(writer, tenant, String(parts[2]), number)
    }

    var text: String { "qx.\(writer.rawValue).\(tenant).\(id).\(number)" }
    /// As an address that the platform writes in another form.
    var address: String { "Qx.\(writer.rawValue).\(tenant).\(id).\(number)@Example.FR" }
}
