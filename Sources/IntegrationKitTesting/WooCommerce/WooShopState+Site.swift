// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// What the API's root tells of the site, to anyone.
    var index: JSONValue {
        let zone = TimeZone(identifier: shop.timeZone) ?? .gmt
        return [
            "name": .string(shop.name), "description": "", "url": .string(site.home), "home": .string(site.home),
            "gmt_offset": .number(JSONNumber(Decimal(zone.secondsFromGMT(for: Date(milliseconds: 0))) / 3600)),
            "timezone_string": .string(shop.timeZone),
            "namespaces": ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc-telemetry", "wp/v2"],
            "authentication": [:], "routes": [:],
            "_links": ["help": [["href": "https://developer.wordpress.org/rest-api/"]]],
        ]
    }

    /// The schema of a resource, to anyone.
    func schema(of kind: WooKind) -> JSONValue {
        let writable = kind.fields.filter { !$0.isReadOnly }.map { field -> JSONObject.Member in
            var argument = field.schema.object ?? [:]
            argument["required"] = .bool(field.isRequired)
            return JSONObject.Member(field.name, .object(argument))
        }
        return [
            "namespace": "wc/v3", "methods": ["GET", "POST"],
            "endpoints": [
                ["methods": ["GET"], "args": [:]],
                ["methods": ["POST"], "args": .object(JSONObject(writable))],
            ],
            "schema": [
                "$schema": "http://json-schema.org/draft-04/schema#", "title": .string(kind.title), "type": "object",
                "properties": .object(WooField.properties(kind.fields)),
            ],
        ]
    }

    /// Answers `system_status`, `data` and `settings`.
    mutating func answerSite(_ rest: [String], _ request: WooRequest) throws -> WooReply {
        let isWriting = request.method == .put || request.method == .post || request.method == .patch
        try request.caller.require(
            isWriting ? "edit" : "view",
            isWriting
                ? "Sorry, you are not allowed to edit this resource." : "Sorry, you cannot list resources."
        )
        switch (rest, request.method) {
        case (["system_status"], .get): return .json(systemStatus)
        case (["data", "currencies", "current"], .get):
            return .json([
                "code": .string(shop.currency), "name": .string(shop.currency == "EUR" ? "Euro" : shop.currency),
                "symbol": .string(shop.currency == "EUR" ? "&euro;" : shop.currency),
            ])
        case (["settings"], .get):
            return .json([["id": "general", "label": "General", "description": "", "parent_id": ""]])
        case (["settings", "general"], .get): return .json([currencySetting])
        case (["settings", "general", "woocommerce_currency"], .get): return .json(currencySetting)
        case (["settings", "general", "woocommerce_currency"], _) where isWriting:
            if let value = request.text("value") { shop.currency = value }
            return .json(currencySetting)
        default: throw WooRefusal.noRoute
        }
    }

    private var currencySetting: JSONValue {
        [
            "id": "woocommerce_currency", "label": "Currency", "type": "select", "default": "USD",
            "value": .string(shop.currency), "options": ["EUR": "Euro", "USD": "United States (US) dollar"],
        ]
    }

    private var systemStatus: JSONValue {
        [
            "environment": [
                "home_url": .string(site.home), "site_url": .string(site.home),
                "store_id": .string(Hashing.sha256(Data(site.home.utf8)).prefix(16).hexadecimal),
                "version": .string(shop.version.text), "wp_version": .string(shop.wordPressVersion),
                "server_info": "nginx",
            ],
            "settings": [
                "currency": .string(shop.currency),
                "currency_symbol": .string(shop.currency == "EUR" ? "&euro;" : shop.currency),
                "number_of_decimals": 2, "HPOS_enabled": .bool(shop.usesOrderTables),
                "order_datastore": .string(
                    shop.usesOrderTables
                        ? "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
                        : "WC_Order_Data_Store_CPT"
                ),
            ],
        ]
    }

    /// The keys of products' own fields that are in use and not hidden.
    func customFieldNames(_ request: WooRequest) throws -> WooReply {
        try request.caller.require("view", "Sorry, you cannot list resources.")
        guard shop.version >= "9.0", request.isReading else { throw WooRefusal.noRoute }
        let part = request.text("search")?.lowercased() ?? ""
        let keys = Set(all(.product).flatMap { $0.meta.map(\.key) }).filter { key in
            !key.hasPrefix("_") && (part.isEmpty || key.lowercased().contains(part))
        }
        return .json(.strings(keys.sorted()))
    }
}
