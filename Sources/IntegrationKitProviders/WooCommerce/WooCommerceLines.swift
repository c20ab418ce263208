// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension RelationRole {
    /// What a line of an order sells.
    static let wooCommerceLine = RelationRole(rawValue: "line-item")
}

/// The lines of an order that sell products.
enum WooCommerceLines {
    /// The lines as a write names them; empty for what is no order.
    static func items(of write: RecordWrite) -> [JSONValue] {
        guard write.kind == .order, case .json(let json) = write.fields["line_items"] else { return [] }
        return (json.array ?? []).map { resolved($0, in: write) }
    }

    /// Names a new line's product by its id where the host's product of that SKU is linked.
    ///
    /// The id still holds after somebody changed the SKU in the shop.
    static func resolved(_ line: JSONValue, in write: RecordWrite) -> JSONValue {
        guard var members = line.object, id(line["id"]) == nil, id(line["product_id"]) == nil,
            id(line["variation_id"]) == nil, let sku = line["sku"]?.idText?.lowercased(),
            let product = product(ofSKU: sku, in: write)
        else { return line }
        members["sku"] = nil
        for (name, value) in [("product_id", product.parent ?? product.value), ("variation_id", product.value)] {
            guard name == "product_id" || product.kind == .productVariation else { continue }
            members[name] = Int64(value).map { .number(JSONNumber($0)) }
        }
        return .object(members)
    }

    /// An id that a line gives; 0 and an empty text are none.
    static func id(_ json: JSONValue?) -> String? {
        json?.idText.flatMap { $0 == "0" || $0.isEmpty ? nil : $0 }
    }

    private static func product(ofSKU sku: String, in write: RecordWrite) -> RemoteID? {
        for relation in write.relations where relation.role == .wooCommerceLine {
            guard relation.listedAs?.lowercased() == sku, case .remote(let id) = relation.target else { continue }
            if id.kind == .product || id.parent != nil { return id }
        }
        return nil
    }
}
