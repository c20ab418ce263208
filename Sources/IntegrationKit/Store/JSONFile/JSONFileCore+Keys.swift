// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The tenants' wrapped keys, in the file `KEYS`, apart from the rows and rewritten as a whole.
extension JSONFileCore {
    /// The file's bytes: a line that counts the keys, then one line for each.
    static func keysFile(_ keys: [ByteKey: Data], store: UUID) -> [UInt8] {
        var bytes = StoreLine.make {
            $0.append(
                text: "{\"ik\":1,\"store\":\"\(store.uuidString.lowercased())\",\"keys\":\(keys.count)}"
            )
        }
        for (tenant, key) in keys.sorted(by: { $0.key < $1.key }) {
            bytes += StoreLine.make { line in
                line.append(text: "[")
                line.append(json: tenant.text)
                line.append(text: ",\"\(key.base64EncodedString())\"]")
            }
        }
        return bytes
    }

    /// Reads the file.
    mutating func readKeys() throws -> [ByteKey: Data] {
        let name = StoreFolder.keysName
        guard let file = try folder.layer.openFile(folder.path(of: name)) else {
            try lose(name, line: 1, bytes: 0..<0, "the file is missing")
            return [:]
        }
        defer { file.close() }
        let lossesBefore = losses?.count
        var reader = StoreLineReader(file, upTo: try file.size())
        var keys: [ByteKey: Data] = [:]
        var count: Int64?
        while let line = try nextLine(&reader, of: name) {
            try Self.read(line, of: name, in: folder) { cursor in
                if cursor.takeIf("{\"ik\":1,\"store\":") {
                    guard try cursor.uuid() == identity.id else {
                        throw IntegrationError.storeDamaged(folder.path(of: name), line: 1, "it is of another store")
                    }
                    try cursor.take(",\"keys\":")
                    count = try cursor.integer()
                    try cursor.take("}")
                    return
                }
                try cursor.take("[")
                let tenant = try cursor.string()
                try cursor.take(",")
                guard let key = Data(base64Encoded: try cursor.string()) else { throw JSONCursor.Malformed() }
                try cursor.take("]")
                keys[ByteKey(tenant)] = key
            }
        }
        if count != Int64(keys.count), losses?.count == lossesBefore {
            let end = reader.offset..<reader.offset
            try lose(name, line: reader.nextNumber, bytes: end, "its end is missing")
        }
        return keys
    }

    /// Puts a tenant's key, or drops it, and overwrites the file that held the old ones.
    mutating func setKey(_ key: Data?, for tenant: String) throws {
        try checkFolder()
        var keys = keys
        keys[ByteKey(tenant)] = key
        let old = try folder.open(StoreFolder.keysName)
        defer { old.close() }
        try folder.write(StoreFolder.keysName, Self.keysFile(keys, store: identity.id)).close()
        self.keys = keys
        try old.write([UInt8](repeating: 0, count: try old.size()), at: 0)
        try old.sync()
    }

    /// Puts a tenant's key in place of the one that the caller knows.
    mutating func replaceKey(_ old: Data?, with wrapped: Data, for tenant: String) throws -> Data {
        let current = keys[ByteKey(tenant)]
        guard current != old else {
            try setKey(wrapped, for: tenant)
            return wrapped
        }
        guard let current else {
            throw IntegrationError(.gone, "The key of the tenant was dropped.", concerns: .account)
        }
        return current
    }
}
