// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What the tool itself remembers in its folder: the namespace, and which unusual addresses the person allowed.
struct ToolSettings: Codable, Hashable, Sendable {
    /// A host that may be called although it is private or speaks plain http.
    struct Host: Codable, Hashable, Sendable {
        var name: String
        var allowsHTTP: Bool
        var allowsPrivate: Bool
    }

    /// Names this installation for ever; part of the key by which platforms know the records.
    var namespace: String
    var hosts: [Host] = []

    static let fileName = "integrate.json"

    /// Reads the settings of a folder; nil: nothing was set up there.
    static func read(in folder: URL) throws -> ToolSettings? {
        let file = folder.appending(path: fileName)
        guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else { return nil }
        return try JSONDecoder().decode(ToolSettings.self, from: try Data(contentsOf: file))
    }

    func write(in folder: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try PrivateFile.write(try encoder.encode(self) + Data("\n".utf8), to: folder.appending(path: Self.fileName))
    }

    /// Allows a host more than it was allowed before.
    mutating func allow(_ host: Host) {
        guard host.allowsHTTP || host.allowsPrivate else { return }
        if let place = hosts.firstIndex(where: { $0.name == host.name }) {
            hosts[place].allowsHTTP = hosts[place].allowsHTTP || host.allowsHTTP
            hosts[place].allowsPrivate = hosts[place].allowsPrivate || host.allowsPrivate
        } else {
            hosts.append(host)
        }
    }

    var addressRules: AddressRules {
        AddressRules(
            allowedHosts: Set(hosts.filter(\.allowsPrivate).map(\.name)),
            plainHTTPHosts: Set(hosts.filter(\.allowsHTTP).map(\.name))
        )
    }
}
