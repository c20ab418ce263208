// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// Answers a request, whatever becomes of it.
    mutating func respond(to request: HTTPRequest, number: Int, now: Int64) -> HTTPResponse {
        let call = WooCall(request, shop: shop, directory: site.directory)
        if let host = request.url.host?.lowercased(), host != site.host {
            var reply = WooReply.html(301, "301 Moved Permanently")
            reply.headers["Location"] = site.home + call.rawPath + (call.rawQuery.isEmpty ? "" : "?" + call.rawQuery)
            return response(reply, to: call, now: now)
        }
        if shop.isInMaintenance { return response(WooShopState.maintenance(call), to: call, now: now) }
        if shop.isDatabaseDown { return response(WooShopState.databaseFailure(call), to: call, now: now) }
        guard let route = call.route else { return response(page(call), to: call, now: now) }
        if let kept = keptAnswer(to: call, now: now) { return kept }
        var reply: WooReply
        do {
            let turn = WooTurn(milliseconds: now, source: .api(call: number))
            reply = try answer(call, route: route, turn: turn)
            if call.method == .get || call.method == .head { reply = filtered(reply, call) }
        } catch let refusal as WooRefusal {
            reply = .json(refusal.json, status: refusal.status)
        } catch {
            reply = WooShopState.scriptFailure(call)
        }
        let finished = response(reply, to: call, now: now)
        return keeping(finished, to: call, now: now)
    }

    /// Turns a reply into bytes, with the fields that every answer has.
    func response(_ reply: WooReply, to call: WooCall, now: Int64) -> HTTPResponse {
        var headers: HTTPHeaders = [
            "Date": HTTPDate.text(Date(milliseconds: clock(now))), "Server": "nginx",
        ]
        var body: Data
        switch reply.body {
        case .html(let text):
            headers["Content-Type"] = "text/html; charset=UTF-8"
            body = Data(text.utf8)
        case .json(let value):
            headers["Content-Type"] = "application/json; charset=UTF-8"
            body = Data(shop.noise.utf8) + PHP.json(value)
        }
        if call.route != nil || reply.status == 200 {
            headers.fields.append(HTTPHeaders.Field("Link", "<\(restRoot)>; rel=\"https://api.w.org/\""))
        }
        headers.fields += reply.headers.fields
        if call.wireMethod == .head { body = Data() }
        return HTTPResponse(status: reply.status, headers: headers, body: body)
    }

    /// The address of the API.
    var restRoot: String {
        switch shop.permalinks {
        case .pretty: "\(site.home)/wp-json/"
        case .index: "\(site.home)/index.php/wp-json/"
        case .plain: "\(site.home)/index.php?rest_route=/"
        }
    }

    /// The address of a route.
    func restAddress(_ route: String) -> String {
        restRoot + (route.hasPrefix("/") ? String(route.dropFirst()) : route)
    }

    /// A page of the site; what is not there is told as HTML.
    private func page(_ call: WooCall) -> WooReply {
        let path = call.rawPath.dropFirst(site.directory.count)
        return path.isEmpty || path == "/" || path == "/index.php"
            ? .html(200, shop.name) : .html(404, "Page not found")
    }

    // MARK: Failures of the whole site

    static func maintenance(_ call: WooCall) -> WooReply {
        failure(
            503,
            "Briefly unavailable for scheduled maintenance. Check back in a minute.",
            headers: ["Retry-After": "600"],
            call
        )
    }

    static func databaseFailure(_ call: WooCall) -> WooReply {
        failure(500, "Error establishing a database connection", headers: [:], call)
    }

    static func scriptFailure(_ call: WooCall) -> WooReply {
        guard call.wantsJSON else { return .html(500, "There has been a critical error on this website.") }
        let refusal = WooRefusal(
            500,
            "internal_server_error",
            "<p>There has been a critical error on this website.</p>"
        )
        return .json(refusal.json, status: 500)
    }

    private static func failure(_ status: Int, _ message: String, headers: HTTPHeaders, _ call: WooCall) -> WooReply {
        var reply = WooReply.html(status, message)
        if call.wantsJSON {
            reply = .json(
                [
                    "code": "wp_die", "message": .string(message), "data": ["status": .integer(status)],
                    "additional_errors": [],
                ],
                status: status
            )
        }
        reply.headers = headers
        return reply
    }

    // MARK: Kept answers

    /// What an answer is kept under: the address and who asks.
    private static func name(of call: WooCall) -> String {
        "\(call.rawPath)?\(call.rawQuery) \(call.headers["Authorization"] ?? "")"
    }

    private func isKept(_ call: WooCall) -> Bool {
        shop.answersKept != nil && shop.version >= "10.5" && call.method == .get
            && call.route?.dropFirst(2).first == "products"
    }

    private func keptAnswer(to call: WooCall, now: Int64) -> HTTPResponse? {
        guard isKept(call), call.query["_skip_cache"] == nil,
            let kept = keptAnswers[WooShopState.name(of: call)], kept.until > now
        else { return nil }
        var headers = kept.headers
        headers["X-WC-Cache"] = "HIT"
        if let tag = call.headers["If-None-Match"], tag == headers["ETag"] {
            return HTTPResponse(status: 304, headers: headers)
        }
        return HTTPResponse(status: 200, headers: headers, body: kept.body)
    }

    private mutating func keeping(_ response: HTTPResponse, to call: WooCall, now: Int64) -> HTTPResponse {
        guard isKept(call), response.status == 200, let duration = shop.answersKept else { return response }
        var response = response
        guard call.query["_skip_cache"] == nil else {
            response.headers["X-WC-Cache"] = "SKIP"
            return response
        }
        response.headers["ETag"] = "\"\(Hashing.sha256(response.body).prefix(16).hexadecimal)\""
        response.headers["Cache-Control"] = "private, must-revalidate, max-age=\(duration.components.seconds)"
        keptAnswers[WooShopState.name(of: call)] = KeptAnswer(
            body: response.body,
            headers: response.headers,
            until: now + duration.inMilliseconds
        )
        response.headers["X-WC-Cache"] = "MISS"
        return response
    }

    // MARK: _fields

    /// Leaves the members that `_fields` names; a single record keeps its links.
    private func filtered(_ reply: WooReply, _ call: WooCall) -> WooReply {
        guard let wanted = call.query["_fields"].flatMap(WooField.items), case .json(let body) = reply.body,
            reply.status < 400
        else { return reply }
        let paths = wanted.compactMap(\.string).map {
            $0.trimmingCharacters(in: .whitespaces).split(separator: ".").map(String.init)
        }
        var reply = reply
        switch body {
        case .array(let items): reply.body = .json(.array(items.map { WooShopState.kept($0, paths) }))
        default:
            var kept = WooShopState.kept(body, paths).object ?? [:]
            if let links = body["_links"] { kept["_links"] = links }
            reply.body = .json(.object(kept))
        }
        return reply
    }

    private static func kept(_ value: JSONValue, _ paths: [[String]]) -> JSONValue {
        guard let object = value.object else { return value }
        var result = JSONObject()
        for member in object.members {
            let inner = paths.filter { $0.first == member.key }.map { Array($0.dropFirst()) }
            guard !inner.isEmpty else { continue }
            result[member.key] = inner.contains([]) ? member.value : kept(member.value, inner)
        }
        return .object(result)
    }
}
