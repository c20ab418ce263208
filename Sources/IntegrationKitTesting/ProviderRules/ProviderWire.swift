// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The way between a provider and its simulated platform: paces and signs requests, writes down what passes, and spoils
/// the answers that a rule wants spoilt.
final class ProviderWire: Sendable {
    /// What happens to one request.
    enum Fault: Sendable {
        /// Nothing leaves, and the error says so.
        case notConnected
        /// The connection breaks before the platform acts; the error cannot know that.
        case lostBefore
        /// The connection breaks after the platform acted.
        case lostAfter
        /// An answer instead of the platform's, which does nothing.
        case answer(@Sendable (HTTPRequest) -> HTTPResponse)
        /// A page of HTML with status 200 in place of the answer; the platform acted.
        case html
        /// The first half of the answer; the platform acted.
        case truncated
    }

    /// A request with its answer.
    struct Exchange: Sendable {
        /// The request as the provider made it.
        var request: HTTPRequest
        /// The request as it left.
        var signed: HTTPRequest
        /// The platform's answer; nil if there was none or it was spoilt.
        var response: HTTPResponse?
    }

    private struct State: Sendable {
        var exchanges: [Exchange] = []
        var faults: [Fault] = []
        var number = 0
    }

    private let bed: any ProviderTestBed
    private let state = LockBox(State())

    init(bed: any ProviderTestBed) {
        self.bed = bed
    }

    /// What passed so far.
    var exchanges: [Exchange] { state.withLock { $0.exchanges } }

    /// Forgets what passed.
    func clear() {
        state.withLock { $0.exchanges = [] }
    }

    /// Spoils the next request.
    func spoilNext(_ fault: Fault) {
        state.withLock { $0.faults.append(fault) }
    }

    /// Forgets faults that no request has met.
    func stopSpoiling() {
        state.withLock { $0.faults = [] }
    }

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - request: The request as the provider made it.
    ///   - account: The account.
    ///   - credential: The credential.
    /// - Returns: The answer.
    /// - Throws: `IntegrationError` if there is none.
    func send(
        _ request: HTTPRequest,
        for account: ConnectedAccount,
        with credential: Credential
    ) async throws -> HTTPResponse {
        pace(request, bed.provider.budgets(of: account))
        let (number, fault) = state.withLock { state in
            state.number += 1
            return (state.number, state.faults.isEmpty ? nil : state.faults.removeFirst())
        }
        var signed = request
        if request.carriesCredential {
            let context = SigningContext(account: account, now: bed.clock.wall, nonce: "nonce-\(number)")
            try bed.provider.authorize(&signed, with: credential, in: context)
        }
        // A bed whose account has no certificate allows that one host, as a host application would.
        let isPlain = bed.baseURL?.scheme == "http"
        let allowed = isPlain ? [bed.baseURL?.host(percentEncoded: false)].compactMap(\.self) : []
        try AddressRules(plainHTTPHosts: Set(allowed)).check(signed.url)
        let place = state.withLock { state in
            state.exchanges.append(Exchange(request: request, signed: signed))
            return state.exchanges.count - 1
        }
        switch fault {
        case .notConnected: throw ProviderWire.broken(mayHaveHappened: false)
        case .lostBefore: throw ProviderWire.broken(mayHaveHappened: true)
        case .answer(let make): return make(request)
        case .lostAfter, .html, .truncated, nil: break
        }
        let context = OperationContext(
            platform: bed.provider.descriptor.id,
            integration: "trial",
            operation: request.effect.rawValue
        )
        var response = try await bed.transport.send(signed, context: context)
        switch fault {
        case .lostAfter: throw ProviderWire.broken(mayHaveHappened: true)
        case .html: return ProviderWire.html(status: 200)
        case .truncated: response.body = response.body.prefix(response.body.count / 2)
        default:
            state.withLock { [response] state in
                if state.exchanges.indices.contains(place) { state.exchanges[place].response = response }
            }
        }
        return response
    }

    /// A page of a proxy or a firewall.
    static func html(status: Int) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: ["Content-Type": "text/html; charset=UTF-8"],
            body: Data("<!DOCTYPE html><html><body><h1>One moment please</h1></body></html>".utf8)
        )
    }

    private static func broken(mayHaveHappened: Bool) -> IntegrationError {
        IntegrationError(
            .network,
            "The connection broke.",
            retry: .after(nil),
            concerns: .account,
            mayHaveHappened: mayHaveHappened
        )
    }

    /// Lets as much time pass as the budgets ask for between two such calls, as the engine would wait.
    private func pace(_ request: HTTPRequest, _ budgets: [Budget]) {
        let waits = request.spend.compactMap { spend -> Double? in
            switch budgets.first(where: { $0.id == spend.budget })?.rule {
            case .window(let limit, let span): span.inSeconds / Double(max(limit, 1)) * Double(spend.amount)
            case .bucket(_, let refill): Double(spend.amount) / max(refill, 0.001)
            case .quota, .inFlight, nil: nil
            }
        }
        if let wait = waits.max(), wait > 0 { bed.clock.advance(by: .milliseconds(Int64((wait * 1000).rounded(.up)))) }
    }
}
