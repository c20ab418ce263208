// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Credential {
    /// The credential as bytes to be sealed; dates are kept to the millisecond.
    ///
    /// Written by hand: a `Secret` that could be encoded would end up in somebody's log.
    var sealable: Data {
        var object: JSONObject = ["method": .string(method)]
        object["values"] = .object(
            JSONObject(values.mapValues { secret in secret.withExposedValue { JSONValue.string($0) } })
        )
        object["expiresAt"] = expiresAt.map { .number(JSONNumber($0.milliseconds)) }
        object["refreshExpiresAt"] = refreshExpiresAt.map { .number(JSONNumber($0.milliseconds)) }
        object["application"] = application.map { .string($0) }
        return JSONValue.object(object).data
    }

    /// Creates a credential from bytes that were sealed.
    ///
    /// - Parameter data: What ``sealable`` gave.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/unreadableSecret`` if it is nothing of the kind.
    init(sealable data: Data) throws {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: data)
        } catch {
            throw IntegrationError.unreadable("The opened credential is not in a known form.")
        }
        guard let method = json["method"]?.string, let members = json["values"]?.object?.members else {
            throw IntegrationError.unreadable("The opened credential is not in a known form.")
        }
        var values: [String: Secret] = [:]
        for member in members {
            guard let value = member.value.string else {
                throw IntegrationError.unreadable("The opened credential is not in a known form.")
            }
            values[member.key] = Secret(value)
        }
        self.init(
            method: method,
            values: values,
            expiresAt: json["expiresAt"]?.int64.map { Date(milliseconds: $0) },
            refreshExpiresAt: json["refreshExpiresAt"]?.int64.map { Date(milliseconds: $0) },
            application: json["application"]?.string
        )
    }
}
