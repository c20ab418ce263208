// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

extension HubSpotProvider: SettingsDescribing {
    /// Fetches the pipelines and stages for new deals and tickets, and who owns new records.
    public func fetchSettings(in session: ProviderSession) async throws -> [SettingDescription] {
        var settings: [SettingDescription] = []
        if let pipelines = try await readPipelines(of: .deal, in: session) {
            settings += HubSpotProvider.settings(
                pipelines,
                ids: (HubSpotDefaults.dealPipeline, HubSpotDefaults.dealStage),
                labels: (
                    LocalizedText("Pipeline of new deals", fr: "Pipeline des nouvelles transactions"),
                    LocalizedText("Stage of new deals", fr: "Étape des nouvelles transactions")
                )
            )
        }
        if let pipelines = try await readPipelines(of: .ticket, in: session) {
            settings += HubSpotProvider.settings(
                pipelines,
                ids: (HubSpotDefaults.ticketPipeline, HubSpotDefaults.ticketStage),
                labels: (
                    LocalizedText("Pipeline of new tickets", fr: "Pipeline des nouveaux tickets"),
                    LocalizedText("Stage of new tickets", fr: "Étape des nouveaux tickets")
                )
            )
        }
        if let owners = try await readOwners(in: session) {
            settings.append(
                SettingDescription(
                    id: HubSpotDefaults.owner,
                    label: LocalizedText("Owner of new records", fr: "Propriétaire des nouvelles fiches"),
                    options: owners
                )
            )
        }
        return settings
    }

    private struct Pipeline {
        var id: String
        var label: String
        var stages: [(id: String, label: String, isClosed: Bool)]
    }

    /// Nil if the credential may not see them.
    private func readPipelines(of kind: RecordKind, in session: ProviderSession) async throws -> [Pipeline]? {
        let requests = requests(for: session.account)
        let request = try requests.get(requests.pipelines(try HubSpotObject.of(kind)))
        do {
            let answer = try await read(request, in: session)
            return HubSpotProvider.inOrder(answer["results"]).map { entry in
                Pipeline(
                    id: entry["id"]?.idText ?? "",
                    label: entry["label"]?.string ?? "",
                    stages: HubSpotProvider.inOrder(entry["stages"]).map { stage in
                        (
                            stage["id"]?.idText ?? "",
                            stage["label"]?.string ?? "",
                            stage["metadata"]?["isClosed"]?.string == "true"
                        )
                    }
                )
            }
        } catch let error as IntegrationError where error.code == .forbidden {
            return nil
        }
    }

    private static func inOrder(_ list: JSONValue?) -> [JSONValue] {
        (list?.array ?? []).filter { $0["archived"]?.bool != true && $0["id"]?.idText != nil }
            .sorted { ($0["displayOrder"]?.int64 ?? 0) < ($1["displayOrder"]?.int64 ?? 0) }
    }

    private static func settings(
        _ pipelines: [Pipeline],
        ids: (pipeline: String, stage: String),
        labels: (pipeline: LocalizedText, stage: LocalizedText)
    ) -> [SettingDescription] {
        let usual = pipelines.first { $0.id == "default" || $0.id == "0" } ?? pipelines.first
        let firstOpen = usual?.stages.first { !$0.isClosed }
        return [
            SettingDescription(
                id: ids.pipeline,
                label: labels.pipeline,
                options: pipelines.map { FieldDescription.Option($0.id, label: $0.label) },
                isRequired: true,
                defaultValue: usual.map { .string($0.id) }
            ),
            SettingDescription(
                id: ids.stage,
                label: labels.stage,
                options: pipelines.flatMap { pipeline in
                    pipeline.stages.map { FieldDescription.Option($0.id, label: "\(pipeline.label): \($0.label)") }
                },
                isRequired: true,
                defaultValue: firstOpen.map { .string($0.id) },
                dependsOn: ids.pipeline
            ),
        ]
    }

    /// Nil if the credential may not see them.
    private func readOwners(in session: ProviderSession) async throws -> [FieldDescription.Option]? {
        let requests = requests(for: session.account)
        var owners: [FieldDescription.Option] = []
        var after: String?
        do {
            repeat {
                var query: [(name: String, value: String)] = [("limit", "100")]
                if let after { query.append(("after", after)) }
                let answer = try await read(try requests.get(requests.owners, query: query), in: session)
                for entry in answer["results"]?.array ?? [] {
                    guard let id = entry["id"]?.idText else { continue }
                    let name = [entry["firstName"]?.string, entry["lastName"]?.string].compactMap { $0 }
                        .filter { !$0.isEmpty }.joined(separator: " ")
                    let label = name.isEmpty ? entry["email"]?.string ?? id : name
                    owners.append(FieldDescription.Option(id, label: label))
                }
                after = answer["paging"]?["next"]?["after"]?.idText
            } while after != nil
        } catch let error as IntegrationError where error.code == .forbidden {
            return nil
        }
        return owners
    }
}

extension HubSpotProvider: FieldDescribing {
    /// Fetches the properties of a kind, our own left out.
    public func fetchFields(of kind: RecordKind, in session: ProviderSession) async throws -> [FieldDescription] {
        let requests = requests(for: session.account)
        let object = try HubSpotObject.of(kind)
        let request = try requests.get(requests.properties(object), query: [("archived", "false")])
        let answer = try await read(request, in: session)
        return (answer["results"]?.array ?? []).compactMap(HubSpotProvider.field)
            .filter { $0.name != HubSpotProvider.keyProperty }
    }

    private static func field(_ json: JSONValue) -> FieldDescription? {
        guard let name = json["name"]?.string else { return nil }
        let fieldType = json["fieldType"]?.string ?? ""
        // Some calculated properties claim to be writable; their field type tells.
        let isWritable =
            json["modificationMetadata"]?["readOnlyValue"]?.bool != true && json["calculated"]?.bool != true
            && !fieldType.hasPrefix("calculation") && json["hidden"]?.bool != true
        let options = (json["options"]?.array ?? []).filter { $0["hidden"]?.bool != true }
        return FieldDescription(
            name: FieldName(name),
            label: json["label"]?.string ?? name,
            type: valueType(json["type"]?.string ?? "", fieldType: fieldType, name: name),
            options: options.compactMap { option in
                option["value"]?.string.map { FieldDescription.Option($0, label: option["label"]?.string ?? $0) }
            },
            isWritable: isWritable,
            isCustom: json["hubspotDefined"]?.bool != true,
            isUnique: json["hasUniqueValue"]?.bool ?? false
        )
    }

    private static func valueType(_ type: String, fieldType: String, name: String) -> FieldDescription.ValueType {
        switch type {
        case "number" where name == "amount" || name == "price": .money
        case "number" where name == "hs_call_duration": .seconds
        case "number": .number
        case "bool": .flag
        case "date": .day
        case "datetime": .instant
        case "enumeration": fieldType == "checkbox" ? .options : .option
        case "json", "object_coordinates": .json
        default: .text
        }
    }
}
