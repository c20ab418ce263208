// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What a simulated shop answers, before it is turned into bytes.
struct WooReply: Sendable {
    enum Body: Sendable {
        case json(JSONValue)
        case html(String)
    }

    var status = 200
    var headers: HTTPHeaders = [:]
    var body: Body

    static func json(_ body: JSONValue, status: Int = 200) -> WooReply {
        WooReply(status: status, body: .json(body))
    }

    /// A page of the site, its server or what stands before it.
    static func html(_ status: Int, _ title: String) -> WooReply {
        WooReply(
            status: status,
            body: .html(
                "<!DOCTYPE html><html><head><title>\(title)</title></head><body><h1>\(title)</h1></body></html>"
            )
        )
    }

    /// What a server, a firewall or a content network answers with a status.
    static func edge(_ status: Int) -> WooReply {
        let titles = [
            403: "403 Forbidden", 413: "413 Request Entity Too Large", 429: "429 Too Many Requests",
            502: "502 Bad Gateway", 504: "504 Gateway Time-out",
        ]
        return html(status, titles[status] ?? "Error \(status)")
    }
}

/// An error of the API, which ends the handling of a call or of one item of a batch.
///
/// The codes were seen of a live shop or stand in WooCommerce's source; those inside `details` are WordPress's own.
struct WooRefusal: Error {
    var status: Int
    var code: String
    var message: String
    var data: JSONObject

    init(_ status: Int, _ code: String, _ message: String, data: JSONObject = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.data = data
        self.data["status"] = .integer(status)
    }

    /// `code`, `message` and `data`.
    var json: JSONValue { ["code": .string(code), "message": .string(message), "data": .object(data)] }

    static let noRoute = WooRefusal(
        404,
        "rest_no_route",
        "No route was found matching the URL and request method."
    )

    /// A parameter that breaks its schema.
    static func invalid(_ problems: [WooProblem]) -> WooRefusal {
        var params = JSONObject()
        var details = JSONObject()
        for problem in problems {
            params[problem.parameter] = .string(problem.message)
            details[problem.parameter] = [
                "code": .string(problem.code), "message": .string(problem.message), "data": .null,
            ]
        }
        return WooRefusal(
            400,
            "rest_invalid_param",
            "Invalid parameter(s): \(params.keys.joined(separator: ", "))",
            data: ["status": 400, "params": .object(params), "details": .object(details)]
        )
    }

    static func missing(_ names: [String]) -> WooRefusal {
        WooRefusal(
            400,
            "rest_missing_callback_param",
            "Missing parameter(s): \(names.joined(separator: ", "))",
            data: ["status": 400, "params": .strings(names)]
        )
    }
}

/// Why one parameter was refused.
struct WooProblem: Hashable, Sendable {
    /// The top-level parameter.
    var parameter: String
    var code: String
    var message: String
}
