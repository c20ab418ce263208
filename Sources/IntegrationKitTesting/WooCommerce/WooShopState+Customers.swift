// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    func role(of record: WooRecord) -> String { record.text("role") }

    /// Whether an e-mail address belongs to a user whom a creation at this moment can see.
    private func holder(of email: String, except id: Int64?, _ turn: WooTurn) -> WooRecord? {
        let wanted = email.lowercased()
        return (records[.customer] ?? [:]).values.first { other in
            other.id != id && other.text("email").lowercased() == wanted
                && !(shop.creationsRace && other.createdAtMilliseconds == turn.milliseconds)
        }
    }

    private func hasLogin(_ login: String, _ turn: WooTurn) -> Bool {
        users.values.contains { user in
            let isRacing =
                shop.creationsRace && record(.customer, user.id)?.createdAtMilliseconds == turn.milliseconds
            return user.login.lowercased() == login.lowercased() && !isRacing
        }
    }

    mutating func createCustomer(_ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        let email = members["email"]?.string ?? ""
        guard !email.isEmpty else {
            throw WooRefusal(400, "registration-error-invalid-email", "Please provide a valid email address.")
        }
        guard WooField.isEmail(email) else {
            throw WooRefusal(400, "customer_invalid_email", "Invalid email address")
        }
        guard holder(of: email, except: nil, turn) == nil else {
            throw WooRefusal(
                400,
                "registration-error-email-exists",
                "An account is already registered with your email address. Please log in or use a different email "
                    + "address."
            )
        }
        var login = members["username"]?.string ?? ""
        if login.isEmpty {
            login = derivedLogin(from: email, turn)
        } else if hasLogin(login, turn) {
            throw WooRefusal(
                400,
                "registration-error-username-exists",
                "An account is already registered with that username. Please choose another."
            )
        }
        if !shop.generatesPasswords, (members["password"]?.string ?? "").isEmpty {
            throw WooRefusal(
                400,
                "registration-error-missing-password",
                "Please create a password for your account."
            )
        }
        let id = nextID(of: .customer)
        var record = WooRecord(id: id, kind: .customer, createdAt: turn.now, modifiedAt: turn.now)
        record.createdAtMilliseconds = turn.milliseconds
        record.values = initialValues(of: .customer)
        merge(members, into: &record, except: ["password"])
        record.values["username"] = .string(login)
        record.values["role"] = "customer"
        record.values["password"] = nil
        merge(meta: members["meta_data"], into: &record.meta)
        users[id] = User(id: id, login: login, role: "customer")
        save(record)
        if shop.mailsNewAccounts { mail(.newAccount, to: email, turn) }
        note(.created, record, turn)
        return record
    }

    /// The part before the `@`, with a number where that is taken.
    private mutating func derivedLogin(from email: String, _ turn: WooTurn) -> String {
        let parts = email.split(separator: "@").map(String.init)
        let common = ["sales", "hello", "mail", "contact", "info"]
        let base = common.contains(parts[0]) && parts.count > 1 ? parts[1] : parts[0]
        let clean = base.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber || " _.-@".contains($0)) }
        var login = clean
        while hasLogin(login, turn) {
            let number = String(random.below(10_000))
            login = clean + "-" + String(repeating: "0", count: 4 - number.count) + number
        }
        return login
    }

    mutating func updateCustomer(
        _ found: WooRecord,
        _ members: JSONObject,
        _ turn: WooTurn
    ) throws -> WooRecord {
        var record = found
        if let email = members["email"]?.string {
            guard WooField.isEmail(email), holder(of: email, except: record.id, turn) == nil else {
                throw WooRefusal(400, "woocommerce_rest_customer_invalid_email", "Email address is invalid.")
            }
        }
        if let login = members["username"]?.string, login != record.text("username") {
            throw WooRefusal(400, "woocommerce_rest_customer_invalid_argument", "Username isn't editable.")
        }
        merge(members, into: &record, except: ["password"])
        merge(meta: members["meta_data"], into: &record.meta)
        if record.text("email") != found.text("email") || !(members["password"]?.string ?? "").isEmpty {
            mail(.accountChanged, to: found.text("email"), turn)
        }
        record.modifiedAt = turn.now
        save(record)
        note(.updated, record, turn)
        return record
    }

    // MARK: Coupons

    mutating func createCoupon(_ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = WooRecord(id: nextID(of: .coupon), kind: .coupon, createdAt: turn.now, modifiedAt: turn.now)
        record.status = "publish"
        record.values = initialValues(of: .coupon)
        try take(members, into: &record)
        save(record)
        note(.created, record, turn)
        return record
    }

    mutating func updateCoupon(_ found: WooRecord, _ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = found
        try take(members, into: &record)
        record.modifiedAt = turn.now
        save(record)
        note(.updated, record, turn)
        return record
    }

    private mutating func take(_ members: JSONObject, into record: inout WooRecord) throws {
        merge(members, into: &record)
        let code = record.text("code").lowercased()
        record.values["code"] = .string(code)
        if all(.coupon).contains(where: { $0.id != record.id && $0.text("code") == code }) {
            throw WooRefusal(
                400,
                "woocommerce_rest_coupon_code_already_exists",
                "The coupon code already exists"
            )
        }
        merge(meta: members["meta_data"], into: &record.meta)
    }
}
