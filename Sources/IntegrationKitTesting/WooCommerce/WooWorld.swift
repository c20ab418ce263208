// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// All simulated shops behind their lock.
struct WooWorld: Sendable {
    /// A call that was answered before it is carried out.
    struct Postponed: Sendable {
        var request: HTTPRequest
        var number: Int
        var due: Int64
    }

    let seed: UInt64
    var random: SimulationRandom
    var book = CallBook()
    var shops: [String: WooShopState] = [:]
    var postponed: [Postponed] = []

    init(seed: UInt64) {
        self.seed = seed
        random = SimulationRandom(seed: seed)
    }

    /// The home address of the shop that an address belongs to; the longest one counts.
    func home(of url: URL) -> String? {
        shops.keys.filter { shops[$0]?.site.covers(url) ?? false }.max { $0.utf8.count < $1.utf8.count }
    }

    mutating func begin(_ request: HTTPRequest, now: Int64) -> (number: Int, fault: PlatformFault?) {
        let state = home(of: request.url).flatMap { shops[$0] }
        let endpoint = state.map { WooCall(request, shop: $0.shop, directory: $0.site.directory).endpoint } ?? ""
        return book.begin(request, endpoint: endpoint, now: now, random: &random)
    }

    /// Carries a call out, or puts it off where PHP would not finish in time.
    mutating func perform(_ request: HTTPRequest, number: Int, now: Int64) -> HTTPResponse {
        guard let home = home(of: request.url), let shop = shops[home]?.shop else { return HTTPResponse(status: 404) }
        if let most = shop.batchSizeInTime, WooWorld.batchSize(request) > most {
            postponed.append(
                Postponed(request: request, number: number, due: now + shop.lateBatchDelay.inMilliseconds)
            )
            return refusal(504, headers: [:], of: request, now: now)
        }
        return answer(request, home: home, number: number, now: now)
    }

    /// Carries out what was put off until now.
    mutating func settle(now: Int64) {
        let due = postponed.filter { $0.due <= now }
        postponed.removeAll { $0.due <= now }
        for call in due.sorted(by: { ($0.due, $0.number) < ($1.due, $1.number) }) {
            guard let home = home(of: call.request.url) else { continue }
            _ = answer(call.request, home: home, number: call.number, now: call.due)
        }
    }

    private mutating func answer(_ request: HTTPRequest, home: String, number: Int, now: Int64) -> HTTPResponse {
        withShop(home) { $0.respond(to: request, number: number, now: now) } ?? HTTPResponse(status: 404)
    }

    /// Lends one shop without copying it; nil if there is none.
    mutating func withShop<Result>(_ home: String, _ body: (inout WooShopState) throws -> Result) rethrows -> Result? {
        guard var shop = shops.removeValue(forKey: WooSite.trimmed(home)) else { return nil }
        defer { shops[WooSite.trimmed(home)] = shop }
        return try body(&shop)
    }

    /// What the shop, or what stands before it, answers with a status that a test ordered.
    func refusal(_ status: Int, headers: HTTPHeaders, of request: HTTPRequest, now: Int64) -> HTTPResponse {
        guard let state = home(of: request.url).flatMap({ shops[$0] }) else { return HTTPResponse(status: status) }
        let call = WooCall(request, shop: state.shop, directory: state.site.directory)
        var reply: WooReply
        switch status {
        case 503: reply = WooShopState.maintenance(call)
        case 500: reply = WooShopState.scriptFailure(call)
        default: reply = .edge(status)
        }
        for field in headers.fields { reply.headers[field.name] = field.value }
        return state.response(reply, to: call, now: now)
    }

    private static func batchSize(_ request: HTTPRequest) -> Int {
        guard request.url.absoluteString.contains("/batch"), let body = request.body,
            let parsed = try? JSONValue(parsing: body)
        else { return 0 }
        return ["create", "update", "delete"].reduce(0) { $0 + (parsed[$1]?.array?.count ?? 0) }
    }
}

/// A shop's home address in its parts.
struct WooSite: Hashable, Codable, Sendable {
    var home: String
    var scheme: String
    var host: String
    var port: Int?
    /// The sub-directory with its leading slash; empty at the root.
    var directory: String
    var redirectingHosts: [String]

    init(_ shop: SimulatedWooCommerce.Shop) {
        home = WooSite.trimmed(shop.home)
        let components = URLComponents(string: home)
        scheme = components?.scheme ?? "https"
        host = components?.host?.lowercased() ?? ""
        port = components?.port
        directory = components?.percentEncodedPath ?? ""
        redirectingHosts = shop.redirectingHosts.map { $0.lowercased() }
    }

    static func trimmed(_ home: String) -> String { home.hasSuffix("/") ? String(home.dropLast()) : home }

    /// Whether an address belongs to the shop: its host under either scheme, its port, its directory.
    func covers(_ url: URL) -> Bool {
        let asked = url.host?.lowercased() ?? ""
        if redirectingHosts.contains(asked) { return true }
        guard asked == host else { return false }
        let defaults = [80, 443]
        let askedPort = url.port ?? (url.scheme == "http" ? 80 : 443)
        let ownPort = port ?? (scheme == "http" ? 80 : 443)
        guard askedPort == ownPort || (defaults.contains(askedPort) && defaults.contains(ownPort)) else { return false }
        let path = URLComponents(url: url, resolvingAgainstBaseURL: true)?.percentEncodedPath ?? ""
        return directory.isEmpty || path == directory || path.hasPrefix(directory + "/")
    }

    /// The home address with another scheme and a path behind it, as signatures name it.
    func address(_ scheme: String, path: String) -> String {
        var text = home
        if let end = text.range(of: "://") { text = scheme + text[end.lowerBound...] }
        return text + "/" + path.drop { $0 == "/" }
    }
}
