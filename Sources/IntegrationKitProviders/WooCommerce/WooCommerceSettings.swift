// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// The names of the settings.
enum WooCommerceSetting {
    /// The status of new orders.
    static let orderStatus = "order.status"
}

extension WooCommerceProvider: SettingsDescribing {
    /// Fetches the statuses that a new order may have, the shop's own included.
    public func fetchSettings(in session: ProviderSession) async throws -> [SettingDescription] {
        let schema = try await readSchema(of: .order, in: session)
        let statuses = (schema["status"]?["enum"]?.array ?? []).compactMap(\.string)
            .filter { !["auto-draft", "checkout-draft", "trash", "any"].contains($0) }
        return [
            SettingDescription(
                id: WooCommerceSetting.orderStatus,
                label: LocalizedText("Status of new orders", fr: "État des nouvelles commandes"),
                options: statuses.map { FieldDescription.Option($0, label: $0) },
                isRequired: true,
                // Other statuses count as paid, take the goods from stock or mail the customer.
                defaultValue: "pending"
            )
        ]
    }

    /// Reads the members of a kind's schema, which a shop tells of its own version and plugins.
    private func readSchema(of kind: RecordKind, in session: ProviderSession) async throws -> JSONObject {
        let requests = requests(for: session.account)
        let resource = try WooCommerceResource.of(kind)
        // What is addressed through another record has the same schema under each of them.
        let path = resource.list(under: resource.parentPath == nil ? nil : "0") ?? resource.path
        let answer = try await read(try requests.schema(path), in: session)
        return answer["schema"]?["properties"]?.object ?? JSONObject()
    }
}

extension WooCommerceProvider: FieldDescribing {
    /// Fetches the fields of a kind: those of the shop's schema, and the shop's own as recent records carry them.
    public func fetchFields(of kind: RecordKind, in session: ProviderSession) async throws -> [FieldDescription] {
        let schema = try await readSchema(of: kind, in: session)
        var fields: [FieldDescription] = []
        for member in schema.members where member.key != "meta_data" {
            let parts = member.value["properties"]?.object?.members ?? []
            if WooCommerceFields.objects.contains(member.key) {
                fields += parts.map {
                    WooCommerceProvider.field("\(member.key).\($0.key)", $0.value, of: kind)
                }
            } else {
                fields.append(WooCommerceProvider.field(member.key, member.value, of: kind))
            }
        }
        return fields + (try await readMeta(of: kind, in: session))
    }

    private static func field(_ name: String, _ schema: JSONValue, of kind: RecordKind) -> FieldDescription {
        let field = FieldName(name)
        let options = (schema["enum"]?.array ?? []).compactMap(\.idText)
        return FieldDescription(
            name: field,
            label: name.replacing("_", with: " ").replacing(".", with: ": "),
            type: type(of: field, schema, kind, hasOptions: !options.isEmpty),
            options: options.map { FieldDescription.Option($0, label: $0) },
            isRequired: kind == .customer && name == "email" || kind == .note && name == "note",
            isWritable: schema["readonly"]?.bool != true && WooCommerceFields.isWritable(field, in: kind),
            isUnique: kind == .customer && name == "email"
                || (kind == .product || kind == .productVariation) && name == "sku"
        )
    }

    private static func type(
        of name: FieldName,
        _ schema: JSONValue,
        _ kind: RecordKind,
        hasOptions: Bool
    ) -> FieldDescription.ValueType {
        switch WooCommerceFields.form(of: name, in: kind) {
        case .money: return .money
        case .textNumber, .number: return .number
        case .flag: return .flag
        case .instant: return .instant
        case .ids: return .options
        case .lines, .json: return .json
        case .text: break
        }
        switch schema["type"]?.string {
        case "object", "array": return .json
        default: return hasOptions ? .option : .text
        }
    }

    /// The keys of the shop's own fields on its newest records; those that begin with an underscore belong to programs.
    private func readMeta(of kind: RecordKind, in session: ProviderSession) async throws -> [FieldDescription] {
        guard kind == .customer || kind == .order || kind == .product else { return [] }
        let requests = requests(for: session.account)
        var query: [WooCommerceRequests.Parameter] = [("orderby", "id"), ("order", "desc"), ("per_page", "50")]
        if kind == .customer { query.append(("role", "all")) }
        query.append(("_fields", "id,meta_data"))
        let rows =
            try await read(try requests.get(try WooCommerceResource.of(kind).path, query), in: session).array ?? []
        let keys = Set(rows.flatMap { $0["meta_data"]?.array ?? [] }.compactMap { $0["key"]?.string })
        return keys.filter { !$0.isEmpty && !$0.hasPrefix("_") }.sorted().map { key in
            FieldDescription(
                name: FieldName(WooCommerceFields.metaPrefix + key),
                label: key,
                type: .text,
                isCustom: true
            )
        }
    }
}
