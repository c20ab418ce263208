// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let webhook = Command(
        name: "webhook",
        summary: "Verifies a webhook that was stored as it came, and brings in what it tells of.",
        arguments: [
            Argument(
                name: "FILE",
                help: "The raw request: request line, header fields, an empty line, the body's exact bytes."
            )
        ],
        options: [
            Option(
                name: "from",
                value: "PLATFORM",
                help: "Who sent it; may be left out where one platform is connected."
            ),
            Option(
                name: "url",
                value: "URL",
                help: "The public address that was called; https, the Host field and the request line by default. "
                    + "Signatures cover it."
            ),
            Option(
                name: "received",
                value: "TIME",
                help: "When it came, such as 2026-11-25T10:00:00Z; now by default. Platforms sign the time, and an old "
                    + "delivery is refused."
            ),
            Option(name: "no-sync", value: nil, help: "Only takes it; the next push or pull brings it in."),
        ],
        notes: [
            "The secret is INTEGRATE_PLATFORM_WEBHOOK_SECRET in the environment, such as "
                + "INTEGRATE_HUBSPOT_WEBHOOK_SECRET, or is asked for without echo where there is none."
        ],
        examples: [
            Example(
                line: "integrate webhook delivery.http --from hubspot --url https://hooks.example/hubspot",
                words: "Exit code 1 if the signature does not hold; a delivery that came before is ignored."
            )
        ],
        run: { try await $0.webhook() }
    )
}

extension CommandContext {
    fileprivate func webhook() async throws -> ExitCode {
        let file = surroundings.file(arguments.argument(0) ?? "")
        let request = try RawRequest.read(try Data(contentsOf: file), publicURL: publicURL())
        let received = try arguments.value("received").map { text in
            guard let date = ISO8601.date(from: text) else {
                throw arguments.misuse("--received is a time such as 2026-11-25T10:00:00Z")
            }
            return date
        }
        let settings = try settings()
        let key = try masterKey.load(making: nil)
        let platform = try await sender(settings, key)
        let secrets = try await webhookSecret(of: platform).map { [platform: $0] } ?? [:]
        return try await withWorkspace(settings, key: key, platformSecrets: secrets) { workspace in
            var manager = workspace.manager
            if let received {
                var time = surroundings.time
                time.now = { received }
                manager = try await self.manager(settings, key, workspace.store, secrets, time: time)
            }
            let receipt = await WebhookInbox(manager).receive(request, from: platform)
            if let error = receipt.error { throw error }
            var result: SyncLoop.Result?
            if receipt.accepted > 0, !arguments.has("no-sync") {
                var loop = try SyncLoop(workspace, self, .push)
                result = try await loop.run()
            }
            var lines = [
                "Genuine. \(receipt.accepted.counted("event")) taken, \(receipt.ignored.grouped) known or about nothing here."
            ]
            lines += receipt.privacy.map { notice in
                let record = notice.record.map { "\($0.kind)/\($0.id)" } ?? "nobody known here"
                return "! A person's request to \(notice.request.action.rawValue), about \(record): act on it."
            }
            lines += result.map(report) ?? []
            var object = result?.json ?? [:]
            object["accepted"] = receipt.accepted.json
            object["ignored"] = receipt.ignored.json
            object["privacyRequests"] = receipt.privacy.count.json
            console.result(.object(object), lines.joined(separator: "\n"))
            return result?.exitCode(isPartly: !receipt.privacy.isEmpty) ?? (receipt.privacy.isEmpty ? .done : .partly)
        }
    }

    private func publicURL() throws -> URL? {
        guard let text = arguments.value("url") else { return nil }
        guard let url = URL(string: text), url.host() != nil else {
            throw arguments.misuse("--url is the address that was called, such as https://hooks.example/hubspot")
        }
        return url
    }

    /// Who sent the delivery: who is named, else the only connected platform.
    private func sender(_ settings: ToolSettings, _ key: Data) async throws -> PlatformID {
        if let name = arguments.value("from") {
            return try catalog().descriptor(for: PlatformID(rawValue: name.lowercased())).id
        }
        let platforms = try await withWorkspace(settings, key: key) { workspace in
            Set(try await workspace.integrations(nil).map(\.platform))
        }
        guard platforms.count == 1, let only = platforms.first else {
            throw arguments.misuse("say who sent it: --from PLATFORM")
        }
        return only
    }

    /// The secret of a platform's webhooks; nil: those that the library ordered itself have one that is stored.
    private func webhookSecret(of platform: PlatformID) async throws -> Secret? {
        let variable = CommandContext.variable(platform, "webhook_secret")
        if let value = surroundings.environment[variable], !value.isEmpty { return Secret(value) }
        let provider = surroundings.providers.first { $0.descriptor.id == platform }
        guard !(provider is any WebhookSubscribing) else { return nil }
        guard let prompt = surroundings.prompt else {
            throw IntegrationError(
                .invalidInput,
                "The secret of the webhook is needed, and there is nobody to ask.",
                remedy: LocalizedText(
                    "Set \(variable) in the environment.",
                    fr: "Définissez \(variable) dans l’environnement."
                ),
                concerns: .application
            )
        }
        guard let secret = await prompt.askSecretly("Secret of the webhook: ") else { throw CancellationError() }
        return Secret(secret.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}

/// An HTTP request as it was stored from the wire.
enum RawRequest {
    /// Reads a request; the body stays as its bytes are.
    ///
    /// Without a public address the one that was called is https, the `Host` field and the request line's target.
    static func read(_ data: Data, publicURL: URL?) throws -> HTTPRequest {
        var rest = data[...]
        func line() throws -> String {
            guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { throw invalid("it has no empty line") }
            var line = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            return String(decoding: line, as: UTF8.self)
        }
        let parts = try line().split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[2].hasPrefix("HTTP/"), !parts[0].isEmpty else {
            throw invalid("its first line is not like POST /path HTTP/1.1")
        }
        var headers = HTTPHeaders()
        while true {
            let field = try line()
            if field.isEmpty { break }
            guard let colon = field.firstIndex(of: ":"), colon != field.startIndex else {
                throw invalid("a header field has no name")
            }
            let value = field[field.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers.fields.append(HTTPHeaders.Field(String(field[..<colon]), value))
        }
        let target = parts[1]
        let derived = target.contains("://") ? target : "https://" + (headers["Host"] ?? "") + target
        guard let url = publicURL ?? URL(string: derived), url.host()?.isEmpty == false else {
            throw invalid("it names no host; give --url")
        }
        var body = Data(rest)
        // A tool that stores requests may end the file with a line end of its own.
        if let length = headers["Content-Length"].flatMap(Int.init), length < body.count { body = body.prefix(length) }
        return HTTPRequest(HTTPMethod(rawValue: parts[0]), url, headers: headers, body: body)
    }

    private static func invalid(_ reason: String) -> IntegrationError {
        IntegrationError(
            .invalidInput,
            "The file is no stored request: \(reason).",
            remedy: LocalizedText(
                "Store the request as it came: request line, header fields, an empty line, the body.",
                fr: "Enregistrez la requête telle quelle : ligne de requête, en-têtes, ligne vide, corps."
            ),
            concerns: .application
        )
    }
}
