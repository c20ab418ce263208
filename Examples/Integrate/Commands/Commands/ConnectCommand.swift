// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let connect = Command(
        name: "connect",
        summary: "Connects an account: asks for what the platform needs, tests it and stores it sealed.",
        arguments: [Argument(name: "PLATFORM", help: "One of `integrate catalogue`.")],
        options: [
            Option(name: "name", value: "NAME", help: "What you call it; the platform's name by default."),
            Option(
                name: "base-url",
                value: "URL",
                help: "Another address than the platform's own: a shop, a sandbox, a proxy, a test."
            ),
            Option(
                name: "allow-http",
                value: nil,
                help: "Lets the host of --base-url be called without encryption. Remembered for this host."
            ),
            Option(
                name: "allow-private",
                value: nil,
                help:
                    "Lets the host of --base-url be one of this machine or a private network. Remembered for this host."
            ),
            Option(name: "method", value: "ID", help: "The sign-in method, where there are several."),
            Option(
                name: "field",
                value: "NAME=VALUE",
                help: "A field of the form that is no secret.",
                isRepeated: true
            ),
            Option(
                name: "direction",
                value: "push|pull|both",
                help: "In which direction records travel; both by default."
            ),
            Option(
                name: "notify-people",
                value: nil,
                help: "Agrees to writes at which the platform mails people, such as a shop that greets a new customer. "
                    + "Without it those are left out."
            ),
            Option(
                name: "no-provision",
                value: nil,
                help: "Makes no fields on the platform, such as the one that holds your records' keys."
            ),
            Option(name: "again", value: "INTEGRATION", help: "Signs in anew to an account that is connected already."),
            Option(
                name: "namespace",
                value: "NAME",
                help: "At the first connection of a store: part of the key by which platforms know your records, for "
                    + "ever. A random one by default."
            ),
        ],
        notes: [
            "Secrets are asked for without echo, or taken from the environment; `integrate catalogue PLATFORM` names the "
                + "variables. They are never arguments: other users see those, and shells write them down.",
            "Where there is no master key yet, one is made in a file beside the folder; `integrate key` tells more.",
        ],
        examples: [
            Example(line: "integrate connect hubspot", words: "Asks for the access token."),
            Example(
                line: "INTEGRATE_HUBSPOT_ACCESS_TOKEN=… integrate connect hubspot --name Sales",
                words: "Asks nothing; for scripts."
            ),
            Example(
                line: "integrate connect woocommerce --base-url http://shop.local:8080 --allow-http --allow-private",
                words: "A shop on your own network, without a certificate."
            ),
            Example(
                line: "integrate connect hubspot --again Sales",
                words: "A new token for the same account; links and mappings stay."
            ),
        ],
        run: { try await $0.connect() }
    )
}

extension CommandContext {
    fileprivate func connect() async throws -> ExitCode {
        let name = arguments.argument(0) ?? ""
        let platform = try catalog().descriptor(for: PlatformID(rawValue: name.lowercased()))
        let baseURL = try baseURL()
        let direction = try direction()
        let form = try await form(of: platform, baseURL: baseURL)
        let old = try ToolSettings.read(in: folder)
        var settings =
            old ?? ToolSettings(namespace: arguments.value("namespace") ?? "integrate-\(hexadecimal(4))")
        if old != nil, let namespace = arguments.value("namespace"), namespace != settings.namespace {
            throw arguments.misuse("the store has the namespace \(settings.namespace) for ever")
        }
        if let host = baseURL?.host(percentEncoded: false) {
            settings.allow(
                ToolSettings.Host(
                    name: host.lowercased(),
                    allowsHTTP: arguments.has("allow-http"),
                    allowsPrivate: arguments.has("allow-private")
                )
            )
        }
        try PrivateFile.makeFolder(folder)
        let isNewKey = !masterKey.isThere
        let key = try masterKey.load(making: old == nil ? surroundings.random : nil)
        if isNewKey {
            console.note(
                "Made a master key in \(masterKey.file.path(percentEncoded: false)); integrate key tells more."
            )
        }
        // Before the connection: a kill in between must not leave an account whose address is not allowed.
        try settings.write(in: folder)
        do {
            return try await withWorkspace(settings, key: key) { workspace in
                if let again = arguments.value("again") {
                    let integration = try await workspace.integration(again)
                    return connected(try await workspace.manager.reconnect(integration.id, form: form))
                }
                let wanted = SyncSettings(
                    direction: direction,
                    frequency: .manual,
                    routes: platform.routesWithDeletions,
                    mayNotifyPeople: arguments.has("notify-people")
                )
                return connected(
                    try await workspace.manager.connect(
                        platform.id,
                        for: tenant,
                        name: arguments.value("name") ?? platform.name,
                        form: form,
                        settings: wanted,
                        baseURL: baseURL,
                        provisions: !arguments.has("no-provision")
                    )
                )
            }
        } catch {
            try (old ?? ToolSettings(namespace: settings.namespace)).write(in: folder)
            if (error as? IntegrationError)?.code == .addressNotAllowed,
                !arguments.has("allow-http") || !arguments.has("allow-private")
            {
                console.note(
                    "If this is meant: --base-url with --allow-http (no encryption), --allow-private (own network)."
                )
            }
            throw error
        }
    }

    private func connected(_ integration: Integration) -> ExitCode {
        var lines = ["Connected \(integration.name): \(integration.id), account \(integration.account.value)."]
        for (kind, access) in integration.access.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where access == .denied || access == .read {
            lines.append("  \(kind.rawValue): the sign-in may \(access == .read ? "only read" : "do nothing").")
        }
        switch integration.need {
        case .setup: lines.append("It needs a choice of yours: integrate settings \(integration.id)")
        case .reauthorization: lines.append("It needs another sign-in.")
        case nil: lines.append("Next: integrate push events.jsonl, integrate pull")
        }
        console.result(integration.json, lines.joined(separator: "\n"))
        return .done
    }

    private func hexadecimal(_ count: Int) -> String {
        surroundings.random.bytes(count).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private func direction() throws -> SyncSettings.Direction {
        switch arguments.value("direction") {
        case nil, "both": .bidirectional
        case "push": .push
        case "pull": .pull
        default: throw arguments.misuse("--direction is push, pull or both")
        }
    }

    private func baseURL() throws -> URL? {
        guard let text = arguments.value("base-url") else {
            for option in ["allow-http", "allow-private"] where arguments.has(option) {
                throw arguments.misuse("--\(option) is about the host of --base-url")
            }
            return nil
        }
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
            url.host() != nil
        else { throw arguments.misuse("--base-url is an address such as https://shop.example") }
        return url
    }

    /// Fills the form of a sign-in method from options, the environment and answers.
    private func form(of platform: PlatformDescriptor, baseURL: URL?) async throws -> [String: String] {
        let method = try platform.signInMethod(
            for: arguments.value("method").map { [PlatformDescriptor.methodKey: $0] } ?? [:]
        )
        guard method.flow == .form else {
            throw IntegrationError(
                .unsupported,
                "The tool cannot sign in by \(method.label.text(in: "en")).",
                remedy: LocalizedText(
                    "Choose another --method; integrate catalogue \(platform.id.rawValue) shows them.",
                    fr: "Choisissez une autre --method ; integrate catalogue \(platform.id.rawValue) les montre."
                ),
                concerns: .application
            )
        }
        var form = [PlatformDescriptor.methodKey: method.id]
        for pair in arguments.values("field") {
            guard let place = pair.firstIndex(of: "=") else { throw arguments.misuse("--field is NAME=VALUE") }
            let name = String(pair[..<place])
            guard let field = method.fields.first(where: { $0.id == name }) else {
                let known = method.fields.filter { $0.kind != .secret }.map(\.id).joined(separator: ", ")
                throw arguments.misuse("the form has no field \(name.prefix(40)); it has \(known)")
            }
            guard field.kind != .secret else {
                let variable = CommandContext.variable(platform.id, name)
                throw arguments.misuse("\(name) is a secret: set \(variable), or leave it out and type it when asked")
            }
            form[name] = String(pair[pair.index(after: place)...])
        }
        for field in method.fields where form[field.id] == nil {
            form[field.id] = try await answer(for: field, of: platform, baseURL: baseURL)
        }
        for field in method.fields where field.kind == .url && form[field.id]?.lowercased().hasPrefix("http://") == true
        {
            throw arguments.misuse("an address without encryption is given as --base-url, with --allow-http")
        }
        return form
    }

    private func answer(for field: FormField, of platform: PlatformDescriptor, baseURL: URL?) async throws -> String? {
        let variable = CommandContext.variable(platform.id, field.id)
        if let value = surroundings.environment[variable], !value.isEmpty { return value }
        if field.kind == .url, let baseURL {
            // The address that is called is --base-url itself; the form wants one that begins with https.
            var parts = URLComponents(url: baseURL, resolvingAgainstBaseURL: false)
            parts?.scheme = "https"
            return parts?.string
        }
        guard let prompt = surroundings.prompt else {
            guard field.isRequired else { return nil }
            throw IntegrationError(
                .invalidInput,
                "\(platform.name) needs \(field.id), and there is nobody to ask.",
                remedy: LocalizedText(
                    "Set \(variable) in the environment, or run the command in a terminal.",
                    fr: "Définissez \(variable) dans l’environnement, ou lancez la commande dans un terminal."
                ),
                concerns: .account
            )
        }
        let help = field.help.text(in: language)
        if !help.isEmpty { console.note(Help.wrapped(help, indent: 2).joined(separator: "\n")) }
        let label = field.label.text(in: language)
        var hint = field.placeholder.map { " [\($0)]" } ?? ""
        if case .choice(let options) = field.kind { hint = " [\(options.map(\.value).joined(separator: "|"))]" }
        let question = "\(label)\(hint): "
        let answer = field.kind == .secret ? await prompt.askSecretly(question) : await prompt.ask(question)
        guard let answer else { throw CancellationError() }
        return answer
    }
}

extension PlatformDescriptor {
    /// The platform's routes, and one for the deletion of each kind of record that they write; the delete policy says
    /// what becomes of it.
    var routesWithDeletions: [EventRoute] {
        var routes = routes
        for route in self.routes where route.action != .delete {
            let event = EventKind(rawValue: route.event.hostKind + ".deleted")
            guard kind(route.kind)?.canDelete == true,
                !routes.contains(where: { $0.event == event && $0.kind == route.kind })
            else { continue }
            routes.append(EventRoute(event, .delete, route.kind))
        }
        return routes
    }
}

extension Integration {
    var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id), "name": .string(name), "platform": .string(platform.rawValue),
            "account": .string(account.value), "state": .string(state.rawValue),
        ]
        if let need { object["need"] = .string(need.rawValue) }
        if let lastSync { object["lastSync"] = .string(ISO8601.string(from: lastSync)) }
        if let lastError { object["lastError"] = lastError.json(in: "en") }
        object["needsResync"] = .bool(needsResync)
        object["suspendedKinds"] = .object(
            JSONObject(
                suspendedKinds.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                    JSONObject.Member($0.key.rawValue, .string($0.value))
                }
            )
        )
        object["access"] = .object(
            JSONObject(
                access.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                    JSONObject.Member($0.key.rawValue, .string($0.value.rawValue))
                }
            )
        )
        return .object(object)
    }
}
