// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The tool's folder, opened: the store, the records and the engine on both.
struct Workspace: Sendable {
    let folder: URL
    let tenant: String
    let store: JSONFileIntegrationStore
    let manager: IntegrationManager
    let records: RecordsFile
    let coordinator: SyncCoordinator

    static func storeFolder(in folder: URL) -> URL { folder.appending(path: "store", directoryHint: .isDirectory) }

    /// Returns the integration that a person means: by its id, its name or its platform; nil: the only one.
    func integration(_ text: String?) async throws -> Integration {
        let all = try await manager.integrations(of: tenant)
        guard !all.isEmpty else { throw Workspace.nothingConnected }
        let known = all.map { "\($0.name) (\($0.id))" }.joined(separator: ", ")
        guard let text else {
            guard all.count == 1 else {
                throw UsageError(message: "which integration? There are: \(known)")
            }
            return all[0]
        }
        if let exact = all.first(where: { $0.id == text }) { return exact }
        for matches in [
            all.filter { $0.name.lowercased() == text.lowercased() },
            all.filter { $0.platform.rawValue == text.lowercased() },
            all.filter { $0.id.hasPrefix(text) && text.count >= 6 },
        ] where !matches.isEmpty {
            guard matches.count == 1 else {
                throw UsageError(message: "“\(text)” names several: \(matches.map(\.id).joined(separator: ", "))")
            }
            return matches[0]
        }
        throw IntegrationError(
            .notFound,
            "There is no integration “\(text.prefix(80))”; there are: \(known).",
            remedy: LocalizedText(
                "Name one by its id, its name or its platform.",
                fr: "Nommez-en une par son identifiant, son nom ou sa plateforme."
            ),
            concerns: .account
        )
    }

    /// The integrations that a command is about: the one that is named, else all.
    func integrations(_ text: String?) async throws -> [Integration] {
        if let text { return [try await integration(text)] }
        let all = try await manager.integrations(of: tenant)
        guard !all.isEmpty else { throw Workspace.nothingConnected }
        return all
    }

    static let nothingConnected = IntegrationError(
        .notFound,
        "Nothing is connected yet.",
        remedy: LocalizedText(
            "Run `integrate catalogue`, then `integrate connect PLATFORM`.",
            fr: "Lancez `integrate catalogue`, puis `integrate connect PLATEFORME`."
        ),
        concerns: .account
    )
}

/// What a command has at hand.
struct CommandContext: Sendable {
    let arguments: ParsedArguments
    let surroundings: Surroundings
    let console: Console

    init(_ arguments: ParsedArguments, _ surroundings: Surroundings, _ console: Console) {
        self.arguments = arguments
        self.surroundings = surroundings
        self.console = console
    }

    var tenant: String { arguments.value("tenant") ?? "default" }

    var language: String { surroundings.language }

    var folder: URL {
        arguments.value("store").map(surroundings.file)
            ?? surroundings.home.appending(path: ".integrate", directoryHint: .isDirectory)
    }

    var masterKey: MasterKey { MasterKey(beside: folder, environment: surroundings.environment) }

    /// The settings of the folder; an error if nothing was set up there.
    func settings() throws -> ToolSettings {
        guard let settings = try ToolSettings.read(in: folder) else { throw Workspace.nothingConnected }
        return settings
    }

    /// Opens the folder that was set up before, runs the body and closes everything again.
    func withWorkspace<Result>(
        platformSecrets: [PlatformID: Secret] = [:],
        _ body: (Workspace) async throws -> Result
    ) async throws -> Result {
        let settings = try settings()
        let key = try masterKey.load(making: nil)
        return try await withWorkspace(settings, key: key, platformSecrets: platformSecrets, body)
    }

    /// Opens the folder with settings that need not be stored yet.
    func withWorkspace<Result>(
        _ settings: ToolSettings,
        key: Data,
        platformSecrets: [PlatformID: Secret] = [:],
        _ body: (Workspace) async throws -> Result
    ) async throws -> Result {
        if masterKey.source == .file, masterKey.isExposed {
            let path = masterKey.file.path(percentEncoded: false)
            console.note("Others can read the master key: run chmod 600 \(path).")
        }
        let archive = arguments.value("har").map(surroundings.file)
        let recorder = archive.map { _ in HTTPArchiveRecorder(time: surroundings.time) }
        let store = try JSONFileIntegrationStore(
            directory: Workspace.storeFolder(in: folder),
            time: surroundings.time
        )
        let records = RecordsFile(
            arguments.value("records").map(surroundings.file) ?? folder.appending(path: "records.jsonl"),
            tenant: tenant
        )
        let outcome: Swift.Result<Result, any Error>
        do {
            let manager = try await manager(settings, key, store, platformSecrets, recorder)
            let workspace = Workspace(
                folder: folder,
                tenant: tenant,
                store: store,
                manager: manager,
                records: records,
                coordinator: SyncCoordinator(manager, host: records)
            )
            outcome = .success(try await body(workspace))
        } catch {
            outcome = .failure(error)
        }
        await store.close()
        do {
            try await records.tidy()
            if let archive, let recorder { try PrivateFile.write(recorder.archive(), to: archive) }
        } catch {
            // What went wrong first matters more.
            if case .failure = outcome { console.note("\(error)") } else { throw error }
        }
        return try outcome.get()
    }

    func manager(
        _ settings: ToolSettings,
        _ key: Data,
        _ store: JSONFileIntegrationStore,
        _ platformSecrets: [PlatformID: Secret] = [:],
        _ recorder: HTTPArchiveRecorder? = nil,
        time: TimeSource? = nil
    ) async throws -> IntegrationManager {
        var options = EngineOptions()
        options.addressRules = settings.addressRules
        return try await IntegrationManager(
            providers: surroundings.providers,
            store: store,
            keyring: try Keyring(current: key),
            namespace: settings.namespace,
            applications: platformSecrets.mapValues { [CommandContext.application($0)] },
            transport: surroundings.transport,
            middlewares: recorder.map { [$0] } ?? [],
            options: options,
            time: time ?? surroundings.time,
            random: surroundings.random
        )
    }

    /// An application that is there for its secret alone: the tool sends nobody to a sign-in page.
    private static func application(_ secret: Secret) -> ApplicationCredentials {
        ApplicationCredentials(clientID: "", secrets: [secret], redirectURL: URL(filePath: "/"))
    }

    /// The name of the environment's variable for a secret of a platform.
    static func variable(_ platform: PlatformID, _ field: String) -> String {
        "INTEGRATE_\(platform.rawValue)_\(field)".uppercased().map {
            $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_"
        }
        .reduce(into: "") { $0.append($1) }
    }

    /// Asks whether to go on; without a terminal only `--yes` answers.
    func confirm(_ question: String) async throws -> Bool {
        if arguments.has("yes") { return true }
        guard let prompt = surroundings.prompt else {
            throw arguments.misuse("there is nobody to ask; give --yes to go on")
        }
        let answer = await prompt.ask(question + " [y/N] ")?.lowercased() ?? ""
        return ["y", "yes", "o", "oui"].contains(answer.trimmingCharacters(in: .whitespaces))
    }
}
