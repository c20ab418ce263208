// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The key that everything secret in the store is sealed with: from the environment, else from a file beside the folder.
struct MasterKey: Sendable {
    static let variable = "INTEGRATE_KEY"

    /// Where the key comes from.
    enum Source: Sendable {
        case environment
        case file
    }

    let file: URL
    private let text: String?

    init(beside folder: URL, environment: [String: String]) {
        let path = folder.path(percentEncoded: false)
        file = URL(filePath: (path.hasSuffix("/") ? String(path.dropLast()) : path) + ".key")
        text = environment[MasterKey.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    var source: Source { text == nil ? .file : .environment }

    var isThere: Bool {
        text != nil || FileManager.default.fileExists(atPath: file.path(percentEncoded: false))
    }

    /// Returns the key; where there is none, `making` makes a file with one, and without it that is an error.
    func load(making random: RandomSource?) throws -> Data {
        if let text { return try decode(text, from: MasterKey.variable) }
        let path = file.path(percentEncoded: false)
        if FileManager.default.fileExists(atPath: path) {
            return try decode(String(decoding: try Data(contentsOf: file), as: UTF8.self), from: path)
        }
        guard let random else {
            throw IntegrationError(
                .unreadableSecret,
                "The master key is not there: neither \(MasterKey.variable) is set nor is there a file \(path).",
                remedy: LocalizedText(
                    "Set \(MasterKey.variable), or put the key file back. Without the key no stored sign-in can be read: "
                        + "then start with a new --store folder and connect again.",
                    fr: "Définissez \(MasterKey.variable) ou remettez le fichier de clé. Sans la clé, aucune connexion "
                        + "enregistrée n’est lisible : repartez alors d’un nouveau dossier --store et reconnectez."
                ),
                concerns: .application
            )
        }
        let key = random.bytes(32)
        try PrivateFile.makeFolder(file.deletingLastPathComponent())
        try PrivateFile.write(Data((key.base64EncodedString() + "\n").utf8), to: file)
        return key
    }

    /// Whether others than the owner may read the key file.
    var isExposed: Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file.path(percentEncoded: false))
        return ((attributes?[.posixPermissions] as? Int) ?? 0) & 0o077 != 0
    }

    private func decode(_ text: String, from source: String) throws -> Data {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if let key = MasterKey.hexadecimal(text) ?? Data(base64Encoded: text), key.count == 32 { return key }
        throw IntegrationError(
            .invalidInput,
            "\(source) holds no key of 32 bytes.",
            remedy: LocalizedText(
                "Use a key as `openssl rand -base64 32` or `openssl rand -hex 32` prints it.",
                fr: "Utilisez une clé telle que l’affiche `openssl rand -base64 32` ou `openssl rand -hex 32`."
            ),
            concerns: .application
        )
    }

    private static func hexadecimal(_ text: String) -> Data? {
        guard text.utf8.count == 64 else { return nil }
        var bytes: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return Data(bytes)
    }
}
