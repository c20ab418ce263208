// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A request as the simulated platform reads it: its area, version, remaining path and query.
struct HubSpotCall: Sendable {
    /// A version segment of a path.
    struct Version: Hashable, Sendable {
        var text: String

        /// Whether the segment is a version at all: `v3`, `2026-09`, `2026-09-beta`.
        init?(_ text: String) {
            let isLegacy = text == "v1" || text == "v2" || text == "v3" || text == "v4"
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            let isDated =
                parts.count >= 2 && parts[0].count == 4 && parts[1].count == 2 && Int(parts[0]) != nil
                && Int(parts[1]) != nil && (parts.count == 2 || (parts.count == 3 && parts[2] == "beta"))
            guard isLegacy || isDated else { return nil }
            self.text = text
        }

        /// Whether the version is a date.
        var isDated: Bool { text.first != "v" }

        /// Whether admins' rules bind API writes and date input is normalised with a warning.
        var isStrict: Bool { isDated && text.prefix(7) >= "2026-09" }
    }

    var method: HTTPMethod
    var url: URL
    var headers: HTTPHeaders
    var body: Data
    /// The part of the API, such as `objects`, `associations` or `oauth`.
    var area: String
    var version: Version
    /// What follows area and version, decoded.
    var rest: [String]
    var query: [String: [String]]

    /// Reads a request; nil if the path is none of the API's.
    init?(_ request: HTTPRequest) {
        guard let components = URLComponents(url: request.url, resolvingAgainstBaseURL: true) else { return nil }
        let segments = components.percentEncodedPath.split(separator: "/").map {
            String($0).removingPercentEncoding ?? String($0)
        }
        guard segments.count >= 2 else { return nil }
        if segments[0] == "crm", segments.count >= 3 {
            if let version = Version(segments[1]) {
                (self.version, area, rest) = (version, segments[2], Array(segments.dropFirst(3)))
            } else if let version = Version(segments[2]) {
                (self.version, area, rest) = (version, segments[1], Array(segments.dropFirst(3)))
            } else {
                return nil
            }
        } else if let version = Version(segments[1]) {
            (self.version, area, rest) = (version, segments[0], Array(segments.dropFirst(2)))
        } else {
            return nil
        }
        method = request.method
        url = request.url
        headers = request.headers
        body = request.body ?? Data()
        query = HubSpotCall.pairs(components.percentEncodedQuery ?? "")
    }

    /// Reads `a=b&c=d`, with `+` for a space.
    static func pairs(_ text: String) -> [String: [String]] {
        var values: [String: [String]] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                let spaced = $0.replacingOccurrences(of: "+", with: " ")
                return spaced.removingPercentEncoding ?? spaced
            }
            values[parts[0], default: []].append(parts.count > 1 ? parts[1] : "")
        }
        return values
    }

    /// The first value of a query parameter.
    func parameter(_ name: String) -> String? { query[name]?.first }

    /// The values of a query parameter that is a list: repeated, or joined by commas.
    func list(_ name: String) -> [String]? {
        query[name].map { $0.flatMap { $0.split(separator: ",").map(String.init) } }
    }

    /// The endpoint with the changing parts of its path replaced, such as `POST objects/contacts/batch/upsert`.
    var endpoint: String {
        let named = rest.enumerated().map { place, part in
            let isName = part.allSatisfy { $0.isLetter || $0 == "_" || $0 == "-" } || (place == 0 && area != "owners")
            return isName ? part : "{id}"
        }
        return "\(method.rawValue) " + ([area] + named).joined(separator: "/")
    }

    /// The body as JSON.
    func json() throws -> JSONValue {
        do {
            return try JSONValue(parsing: body)
        } catch {
            throw HubSpotRefusal(.plainError(400, "Invalid input JSON on line 1, column 1: the body is not JSON"))
        }
    }
}
