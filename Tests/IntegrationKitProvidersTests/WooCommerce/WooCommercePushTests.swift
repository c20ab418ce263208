// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct WooCommercePushTests {
    private let provider = WooCommerceProvider()
    private let desk = Desk.shop
    private let base = "/wp-json/wc/v3"
    private static let order = Relation(.order, .remote(RemoteID(.order, "15")))
    private static let product = Relation(.product, .remote(RemoteID(.product, "10")))

    private func push(_ writes: [RecordWrite], as account: ConnectedAccount = .shop(), _ answer: HTTPResponse)
        async throws -> [WriteOutcome]
    {
        let session = desk.session(account) { _ in answer }
        return try await provider.push(WriteBatch(writes: writes, safety: .found), in: session)
    }

    private func key(_ letter: Character) -> String { RecordWrite.key(letter) }
    private func meta(_ letter: Character) -> String { #"{"key":"_integrationkit_key","value":"\#(key(letter))"}"# }

    // MARK: Plan

    @Test func `A hundred customers are four calls, and what cannot be batched goes alone`() {
        let writes = (0..<100).map { number in
            RecordWrite(
                id: UUID(),
                operation: .create,
                kind: .customer,
                externalKey: "ik\(number)",
                fields: ["email": .text("n\(number)@example.test")]
            )
        }
        #expect(provider.plan(writes, for: .shop()).map(\.writes.count) == [25, 25, 25, 25])
        #expect(provider.plan(writes, for: .shop(facts: ["batch.size": 12])).first?.writes.count == 12)
        let alone: [RecordWrite] = [
            .shop(.create, .note, "a", fields: ["note": "x"], relations: [Self.order]),
            .shop(.create, .note, "b", fields: ["note": "x"], relations: [Self.order]),
            .shop(.delete, .order, "c", target: RemoteID(.order, "1")),
            .shop(.delete, .order, "d", target: RemoteID(.order, "2")),
        ]
        #expect(provider.plan(alone, for: .shop()).map(\.writes.count) == [1, 1, 1, 1])
    }

    @Test func `Creates and updates of one list share a call; lists, promises and keys are kept apart`() {
        let writes: [RecordWrite] = [
            .shop(.create, .product, "a", fields: ["sku": "A", "name": "A"]),
            .shop(.update, .product, "b", target: RemoteID(.product, "3"), fields: ["name": "B"]),
            .shop(.create, .product, "c", fields: ["name": "no SKU"]),
            .shop(.create, .product, "d", fields: ["sku": "a", "name": "the same SKU"]),
            .shop(.create, .productVariation, "e", fields: ["sku": "V"], relations: [Self.product]),
            .shop(.create, .customer, "f", fields: ["email": "Ada@Example.test"]),
            .shop(.create, .customer, "g", fields: ["email": "ada@example.test"]),
        ]
        let batches = provider.plan(writes, for: .shop())
        #expect(batches.map { String($0.writes.compactMap(\.externalKey.last)) } == ["ab", "c", "d", "e", "f", "g"])
        #expect(
            batches.map(\.safety) == [
                .keyed(for: nil), .found, .keyed(for: nil), .keyed(for: nil), .found, .found,
            ]
        )
        #expect(batches[4].exclusive == ["email:ada@example.test", "key:\(key("f"))"])
        #expect(batches.allSatisfy { $0.spend == [Spend("parallel")] })
    }

    // MARK: Requests, whole

    @Test func `A new customer is exactly this request`() async throws {
        let write = RecordWrite.shop(
            .create,
            .customer,
            fields: [
                "email": "ada@example.test", "first_name": "Ada", "billing.company": "Acme", "billing.country": "DE",
                "meta.vat": "DE1", "billing.email": .empty,
            ]
        )
        let answer = HTTPResponse.shop(
            #"{"id":2,"email":"ada@example.test","date_modified_gmt":"2026-11-23T01:57:31","meta_data":[\#(meta("a"))]}"#,
            status: 201
        )
        let outcomes = try await push([write], answer)
        #expect(
            desk.lines == [
                #"POST \#(base)/customers {"billing":{"company":"Acme","country":"DE"},"email":"ada@example.test","#
                    + #""first_name":"Ada","meta_data":[{"key":"vat","value":"DE1"},\#(meta("a"))]}"#
            ]
        )
        let request = try #require(desk.requests.first)
        #expect(request.headers["Accept"] == "application/json")
        #expect(request.headers["Content-Type"] == "application/json")
        #expect(request.effect == .write)
        guard case .applied(let record) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(record.id == RemoteID(.customer, "2"))
        #expect(record.version == "2026-11-23T01:57:31")
        #expect(record.externalKey == key("a"))
    }

    @Test func `A batch writes amounts as texts and counts as numbers, since nothing checks them there`() async throws {
        let writes: [RecordWrite] = [
            .shop(
                .create,
                .product,
                "a",
                fields: [
                    "name": "Mug", "sku": "MUG-1",
                    "regular_price": .money(Decimal(string: "12.50") ?? 0, currency: "EUR"),
                    "stock_quantity": 5, "weight": .number(2), "categories": .options(["9", "11"]), "featured": true,
                ]
            ),
            .shop(.update, .product, "b", target: RemoteID(.product, "11"), fields: ["sale_price": .empty]),
        ]
        _ = try await push(writes, .shop("{}"))
        #expect(
            desk.lines == [
                #"POST \#(base)/products/batch {"create":[{"categories":[{"id":9},{"id":11}],"featured":true,"#
                    + #""name":"Mug","regular_price":"12.5","sku":"MUG-1","stock_quantity":5,"weight":"2","#
                    + #""manage_stock":true,"meta_data":[\#(meta("a"))]}],"update":[{"id":11,"sale_price":""}]}"#
            ]
        )
    }

    @Test func `An order asks for its products first, then carries our key twice and its amounts as texts`()
        async throws
    {
        let lines = try JSONValue(
            text: #"[{"sku":"MUG-1","quantity":2,"total":25.00},{"product_id":10,"quantity":1}]"#
        )
        var write = RecordWrite.shop(
            .create,
            .order,
            fields: ["line_items": .json(lines), "billing.email": "ada@example.test", "currency": "EUR"],
            relations: [Relation("customer", .remote(RemoteID(.customer, "2")))]
        )
        let account = ConnectedAccount.shop(settings: ["order.status": "on-hold"])
        var outcomes = try await push([write], as: account, .shop(#"[{"id":10,"sku":"mug-1"}]"#))
        #expect(outcomes.map(name) == [#"pending {"checked":1} -"#])
        write.state = ["checked": 1]
        outcomes = try await push([write], as: account, .shop(#"[{"id":10,"sku":"mug-1"}]"#))
        #expect(outcomes.map(name) == [#"pending {"checked":2} -"#])
        write.state = ["checked": 2]
        #expect(provider.plan([write], for: account).map(\.safety) == [.found])
        outcomes = try await push(
            [write],
            as: account,
            .shop(#"{"id":15,"currency":"EUR","created_via":"\#(key("a"))"}"#)
        )
        #expect(outcomes.map(name) == ["applied 15"])
        #expect(
            desk.lines == [
                "GET \(base)/products?sku=MUG-1&per_page=100&status=any&_fields=id,sku&_skip_cache=true",
                "GET \(base)/products?include=10&per_page=100&status=any&_fields=id,sku&_skip_cache=true",
                #"POST \#(base)/orders {"billing":{"email":"ada@example.test"},"currency":"EUR","line_items":"#
                    + #"[{"sku":"MUG-1","quantity":2,"total":"25.00"},{"product_id":10,"quantity":1}],"#
                    + #""created_via":"\#(key("a"))","status":"on-hold","customer_id":2,"meta_data":[\#(meta("a"))]}"#,
            ]
        )
    }

    @Test func `An order of a product that the shop does not have is refused before it is made`() async throws {
        let write = RecordWrite.shop(
            .create,
            .order,
            fields: ["line_items": .json([["sku": "NONE", "quantity": 1]])]
        )
        let outcomes = try await push([write], .shop("[]"))
        #expect(outcomes.map(name) == ["refused refused"])
        #expect(desk.requests.map(\.effect) == [.read])
    }

    @Test func `A note is private, ends with our marker, and goes to its order`() async throws {
        let write = RecordWrite.shop(
            .create,
            .note,
            fields: ["note": "Called: 3 min", "customer_note": true],
            relations: [Self.order]
        )
        let answer = HTTPResponse.shop(
            #"{"id":4,"note":"Called: 3 min\nref: \#(key("a"))","date_created_gmt":"2026-11-23T01:57:31"}"#,
            status: 201
        )
        let outcomes = try await push([write], answer)
        #expect(
            desk.lines == [
                #"POST \#(base)/orders/15/notes {"note":"Called: 3 min\nref: \#(key("a"))","customer_note":false,"#
                    + #""added_by_user":true}"#
            ]
        )
        guard case .applied(let record) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(record.id == RemoteID(.note, "4", parent: "15"))
        #expect(record.fields["note"] == "Called: 3 min")
        var agreed = write
        agreed.mayNotifyPeople = true
        _ = try await push([agreed], answer)
        #expect(desk.lines.last?.contains(#""customer_note":true"#) == true)
    }

    @Test func `A variation is written at its product, without what only products have`() async throws {
        let create = RecordWrite.shop(
            .create,
            .productVariation,
            fields: ["sku": "SH-S", "regular_price": "8.00"],
            relations: [Self.product]
        )
        _ = try await push([create], .shop(#"{"id":21,"sku":"SH-S","meta_data":[\#(meta("a"))]}"#, status: 201))
        let update = RecordWrite.shop(
            .update,
            .productVariation,
            target: RemoteID(.productVariation, "21", parent: "10"),
            fields: ["name": "Shirt, small", "regular_price": "9.00"]
        )
        let outcomes = try await push([update], .shop(#"{"id":21,"sku":"SH-S"}"#))
        #expect(
            desk.lines == [
                #"POST \#(base)/products/10/variations {"regular_price":"8.00","sku":"SH-S","meta_data":[\#(meta("a"))]}"#,
                #"PUT \#(base)/products/10/variations/21 {"regular_price":"9.00"}"#,
            ]
        )
        guard case .applied(let record) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(record.id == RemoteID(.productVariation, "21", parent: "10"))
    }

    @Test func `A delete goes to the trash where there is one, and for good where there is none`() async throws {
        _ = try await push([.shop(.delete, .order, target: RemoteID(.order, "15"))], .shop(#"{"id":15}"#))
        _ = try await push([.shop(.delete, .customer, target: RemoteID(.customer, "2"))], .shop(#"{"id":2}"#))
        _ = try await push(
            [.shop(.delete, .note, target: RemoteID(.note, "4", parent: "15"))],
            .shop(#"{"id":4}"#)
        )
        let off = try await push(
            [.shop(.delete, .product, target: RemoteID(.product, "9"))],
            .refusal(501, "woocommerce_rest_trash_not_supported")
        )
        #expect(off.map(name) == [#"pending {"step":"force"} -"#])
        let forced = RecordWrite.shop(.delete, .product, target: RemoteID(.product, "9"), state: ["step": "force"])
        #expect(try await push([forced], .shop(#"{"id":9}"#)).map(name) == ["applied 9"])
        #expect(
            desk.lines == [
                "DELETE \(base)/orders/15", "DELETE \(base)/customers/2?force=true",
                "DELETE \(base)/orders/15/notes/4?force=true", "DELETE \(base)/products/9",
                "DELETE \(base)/products/9?force=true",
            ]
        )
    }

    @Test func `A shop without pretty addresses carries the route in the query, with the text that old ones look for`()
        async throws
    {
        let account = ConnectedAccount.shop("https://shop.example/sub", facts: ["routes": "plain"])
        _ = try await push([.shop(.delete, .order, target: RemoteID(.order, "15"))], as: account, .shop("{}"))
        #expect(desk.lines == ["DELETE /sub/?rest_route=/wc/v3/orders/15&_p=wp-json/wc/"])
    }

    // MARK: What is refused before anything leaves

    @Test(
        arguments: [
            (RecordKind.customer, ["first_name": "Ada"], "email"),
            (.customer, ["email": "a@b.test", "role": "administrator"], "role"),
            (.product, ["regular_price": .money(3, currency: "USD")], "regular_price"),
            (.product, ["stock_quantity": "many"], "stock_quantity"),
            (.order, ["total": "12.00"], "total"),
            (.order, ["line_items": .json([["name": "Free text", "quantity": 1]])], "line_items"),
            (.order, ["line_items": "two mugs"], "line_items"),
        ] as [(RecordKind, [FieldName: FieldValue], String)]
    )
    func `A value without a form in WooCommerce is refused by name`(
        kind: RecordKind,
        fields: [FieldName: FieldValue],
        field: String
    ) async throws {
        let outcomes = try await push([.shop(.create, kind, fields: fields)], .shop("{}"))
        guard case .refused(let error) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(error.context.fields == [field])
        #expect(desk.requests.isEmpty)
    }

    @Test func `Lines without id are not added to an order a second time, and notes are not changed`() async throws {
        let order = RecordWrite.shop(
            .update,
            .order,
            target: RemoteID(.order, "15"),
            fields: ["line_items": .json([["sku": "MUG-1", "quantity": 1]])]
        )
        let note = RecordWrite.shop(.update, .note, target: RemoteID(.note, "4", parent: "15"), fields: ["note": "x"])
        #expect(try await push([order], .shop("{}")).map(name) == ["refused refused"])
        #expect(try await push([note], .shop("{}")).map(name) == ["refused unsupported"])
        #expect(desk.requests.isEmpty)
    }

    // MARK: Outcomes

    private static let customers: [RecordWrite] = [
        .shop(.create, .customer, "a", fields: ["email": "a@example.test"]),
        .shop(.create, .customer, "b", fields: ["email": "b@example.test"]),
        .shop(.update, .customer, "c", target: RemoteID(.customer, "7"), fields: ["first_name": "C"]),
        .shop(.update, .customer, "d", target: RemoteID(.customer, "8"), fields: ["first_name": "D"]),
    ]

    @Test func `Each item of a batch has its own outcome`() async throws {
        let outcomes = try await push(
            Self.customers,
            .shop(
                #"""
                {"create":[{"id":0,"error":{"code":"registration-error-email-exists","message":"x","data":{"status":400}}},
                {"id":31,"meta_data":[\#(meta("b"))]}],"update":[{"id":7,"first_name":"C"},
                {"id":8,"error":{"code":"woocommerce_rest_invalid_id","message":"x","data":{"status":400}}}]}
                """#
            )
        )
        #expect(outcomes.map(name) == ["exists []", "applied 31", "applied 7", "gone"])
    }

    @Test func `Entries out of order are known by what they name, and errors among them belong to nobody`() async throws
    {
        let outcomes = try await push(
            Self.customers,
            .shop(
                #"""
                {"create":[{"id":31,"meta_data":[\#(meta("b"))]},{"id":30,"meta_data":[\#(meta("a"))]}],
                "update":[{"id":8,"first_name":"D"},{"id":7,"error":{"code":"x","message":"","data":null}}]}
                """#
            )
        )
        #expect(outcomes.map(name) == ["applied 30", "applied 31", "unknown invalid-answer true", "applied 8"])
    }

    @Test func `A SKU that is held names its holder; one that is held unseen is told in words`() async throws {
        let write = RecordWrite.shop(.create, .product, fields: ["sku": "MUG-1", "name": "Mug"])
        let held = try await push(
            [write],
            .refusal(400, "product_invalid_sku", data: #","resource_id":10,"unique_sku":"MUG-1-1""#)
        )
        #expect(held.map(name) == ["exists [\"10\"]"])
        guard
            case .refused(let error) = try await push([write], .refusal(400, "woocommerce_rest_product_not_created"))[0]
        else {
            Issue.record("The SKU should be refused.")
            return
        }
        #expect(error.remedy.text(in: "en").contains("Trash"))
        let update = RecordWrite.shop(.update, .product, target: RemoteID(.product, "3"), fields: ["sku": "MUG-1"])
        let taken = try await push([update], .refusal(400, "product_invalid_sku", data: #","resource_id":10"#))
        #expect(taken.map(name) == ["refused conflict"])
    }

    @Test(arguments: [
        (400, "woocommerce_rest_customer_invalid_email", "refused conflict"),
        (404, "woocommerce_rest_invalid_id", "gone"), (400, "woocommerce_rest_invalid_id", "gone"),
        (410, "woocommerce_rest_already_trashed", "gone"), (404, "rest_no_route", "notAttempted not-found afterSetup"),
        (400, "rest_invalid_param", "refused refused"),
        (403, "woocommerce_rest_cannot_edit", "refused refused"),
        (500, "internal_server_error", "unknown unavailable true"),
        (429, "x", "notAttempted limited after(Optional(10.0 seconds))"),
    ])
    func `A refused update means what its code says`(status: Int, code: String, outcome: String) async throws {
        let write = RecordWrite.shop(
            .update,
            .customer,
            target: RemoteID(.customer, "7"),
            fields: ["email": "x@y.test"],
            mayNotifyPeople: true
        )
        #expect(try await push([write], .refusal(status, code)).map(name) == [outcome])
    }

    @Test func `A record that an update finds in the trash is gone`() async throws {
        let write = RecordWrite.shop(.update, .order, target: RemoteID(.order, "15"), fields: ["customer_note": "x"])
        #expect(try await push([write], .shop(#"{"id":15,"status":"trash"}"#)).map(name) == ["gone"])
    }

    @Test func `A shop that runs out of time may have made everything, and gets half as much from then on`()
        async throws
    {
        let outcomes = try await push(Self.customers, .shop("<html>", status: 504))
        #expect(Set(outcomes.map(name)) == ["unknown unavailable true"])
        #expect(desk.learned["batch.size"] == 2)
        let large = try await push(Self.customers, .refusal(413, "woocommerce_rest_request_entity_too_large"))
        #expect(Set(large.map(name)) == ["notAttempted refused smaller"])
    }

    @Test func `What cannot be told is unknown, and what surely did not leave is thrown`() async throws {
        #expect(try await push(Self.customers, .shop("{}")).allSatisfy { name($0) == "unknown invalid-answer true" })
        let broken = desk.session { _ in throw IntegrationError(.network, "Broken.", mayHaveHappened: true) }
        let batch = WriteBatch(writes: Self.customers, safety: .found)
        #expect(try await provider.push(batch, in: broken).map(name).allSatisfy { $0 == "unknown network true" })
        let away = desk.session { _ in throw IntegrationError(.network, "No way there.") }
        await #expect(throws: IntegrationError.self) { try await provider.push(batch, in: away) }
    }
}
