// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The way of every request of one integration: the host's middlewares, observe, retry, budget, authorize, deadline,
/// transport; outermost first.
///
/// Returns every answer and throws where there is none. Each attempt takes its budgets and is signed anew.
struct HTTPPipeline: Sendable {
    var provider: any IntegrationProvider
    var account: ConnectedAccount
    var tenant: String?
    /// The integration's id; nil while it is being connected.
    var integration: String?
    /// The host's application at the platform, by ``ApplicationCredentials/id``.
    var application: String?
    /// The part of each limit that is left to the customer's other tools.
    var reserve = 0.2
    var addresses = AddressRules()
    /// Returns the credential; given one that the platform rejected, another if there is one.
    var credential: @Sendable (_ rejecting: Credential?) async throws -> Credential
    var transport: any HTTPTransport
    var middlewares: [any HTTPMiddleware] = []
    var observe: @Sendable (IntegrationEvent) -> Void = { _ in }
    var time = TimeSource.system
    var random = RandomSource.system
    var keeper: BudgetKeeper
    /// Takes budgets that other processes share; nil: the keeper alone decides.
    var take: (@Sendable (_ spend: [Spend], _ party: BudgetParty) async throws -> BudgetAnswer)?
    var clock: ServerClock

    private static let maximumRepeats = 2
    private static let longestDelay = Duration.seconds(2)

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - request: The request, not yet signed.
    ///   - context: For whom and under which limits.
    /// - Returns: The answer, whatever it says.
    /// - Throws: ``IntegrationError`` if there is none; `CancellationError`.
    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        var next: HTTPNext = { try await observed($0, $1) }
        for middleware in middlewares.reversed() {
            next = { [next] in try await middleware.intercept($0, context: $1, next: next) }
        }
        return try await next(request, context)
    }

    /// The one event of a request, however often it was tried.
    ///
    /// The path is left out: it may name a person.
    private func observed(_ request: HTTPRequest, _ context: OperationContext) async throws -> HTTPResponse {
        let start = time.elapsed()
        func report(_ outcome: String, _ error: IntegrationError?) {
            var event = IntegrationEvent(
                .request,
                date: time.now(),
                tenant: tenant,
                integration: integration,
                platform: context.platform,
                duration: time.elapsed() - start,
                error: error,
                message: "\(context.operation): \(request.method.rawValue) \(request.url.host() ?? "-"): \(outcome)"
            )
            event.operation = context.operation
            observe(event)
        }
        do {
            let response = try await retried(request, context)
            report("\(response.status)", provider.failure(in: response, to: request))
            return response
        } catch let error as IntegrationError {
            report(error.code.rawValue, error)
            throw error
        } catch {
            report("cancelled", nil)
            throw error
        }
    }

    /// Repeats reads, and only reads: a write is repeated by whoever knows what became of it.
    private func retried(_ request: HTTPRequest, _ context: OperationContext) async throws -> HTTPResponse {
        var repeats = 0
        while true {
            let delay: Duration
            do {
                let response = try await authorized(request, context)
                guard let failure = provider.failure(in: response, to: request),
                    context.repeatsReads, let advised = repeatDelay(after: failure, of: request, repeats)
                else { return response }
                delay = advised
            } catch let error as IntegrationError {
                guard error.code == .network, context.repeatsReads,
                    let advised = repeatDelay(after: error, of: request, repeats)
                else {
                    throw error
                }
                delay = advised
            }
            repeats += 1
            try await time.sleep(delay)
        }
    }

    /// How long to wait before a read is sent again; nil: it is not.
    private func repeatDelay(after failure: IntegrationError, of request: HTTPRequest, _ repeats: Int) -> Duration? {
        guard request.effect == .read, repeats < Self.maximumRepeats,
            [.network, .unavailable, .timedOut].contains(failure.code), case .after(let advised) = failure.retry
        else { return nil }
        guard let advised else { return .milliseconds(200) * (repeats + 1) * random.fraction() }
        return advised <= Self.longestDelay ? advised : nil
    }

    /// Asks once for another credential where the platform rejects the one that was used, unless the provider itself
    /// judges what its form of sign-in is worth.
    ///
    /// The credential comes before the budget, so that nothing is held while a token is renewed.
    private func authorized(_ request: HTTPRequest, _ context: OperationContext) async throws -> HTTPResponse {
        guard request.carriesCredential else { return try await budgeted(request, context, nil) }
        let used = try await credential(nil)
        let response = try await budgeted(request, context, used)
        guard request.signInForm == nil, let failure = provider.failure(in: response, to: request),
            failure.code == .reauthorizationRequired
        else { return response }
        let fresh: Credential
        do {
            fresh = try await credential(used)
        } catch var error as IntegrationError {
            // Why there is no other credential says more than the refusal; what became of the request stays the same.
            error.mayHaveHappened = failure.mayHaveHappened
            throw error
        }
        guard fresh != used, request.effect == .read else { return response }
        return try await budgeted(request, context, fresh)
    }

    /// Takes what the request spends, and learns from the answer what remains.
    private func budgeted(
        _ request: HTTPRequest,
        _ context: OperationContext,
        _ credential: Credential?
    ) async throws -> HTTPResponse {
        let party = BudgetParty(
            platform: context.platform,
            application: application,
            account: account.key,
            credential: integration ?? "",
            budgets: provider.budgets(of: account),
            reserve: reserve
        )
        let reservation: BudgetReservation
        if let taken = context.reservation {
            reservation = taken
        } else {
            reservation = try await reserve(request.spend, for: party)
        }
        do {
            let response = try await signed(request, context, credential)
            keeper.finish(reservation, readings: readings(in: response, to: request), for: party)
            learnRefusal(in: response, to: request, for: party)
            return response
        } catch let error as IntegrationError where !error.mayHaveHappened && error.code != .timedOut {
            keeper.giveBack(reservation)
            throw error
        } catch {
            keeper.finish(reservation, for: party)
            throw error
        }
    }

    private func reserve(_ spend: [Spend], for party: BudgetParty) async throws -> BudgetReservation {
        let answer = if let take { try await take(spend, party) } else { try keeper.take(spend, for: party) }
        switch answer {
        case .granted(let reservation):
            return reservation
        case .wait(let wait, let budget):
            throw IntegrationError(
                .limited,
                "The budget \(budget) of \(party.platform.rawValue) is used up for now.",
                remedy: LocalizedText(
                    "Nothing to do: it goes on as soon as the platform allows.",
                    fr: "Rien à faire : la suite viendra dès que la plateforme le permettra."
                ),
                retry: .after(wait),
                concerns: .account,
                budget: budget
            )
        }
    }

    private func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] {
        provider.readings(in: response, to: request).map { reading in
            var reading = reading
            reading.resetsAt = reading.resetsAt.map(clock.wallDate)
            return reading
        }
    }

    private func learnRefusal(in response: HTTPResponse, to request: HTTPRequest, for party: BudgetParty) {
        guard let failure = provider.failure(in: response, to: request),
            failure.code == .limited || failure.budget != nil
        else { return }
        var wait: Duration?
        if case .after(let advised) = failure.retry { wait = advised }
        // A refusal that names no budget may stand for any that the request spent of.
        let budgets = failure.budget.map { [$0] } ?? request.spend.map(\.budget)
        for budget in budgets {
            let record = request.spend.first { $0.budget == budget }?.record
            keeper.refused(budget: budget, record: record, retryAfter: wait, for: party)
        }
    }

    private func signed(
        _ request: HTTPRequest,
        _ context: OperationContext,
        _ credential: Credential?
    ) async throws -> HTTPResponse {
        var signed = request
        if let credential {
            let nonce = random.bytes(16).map { byte in String(UInt16(byte) | 0x100, radix: 16).dropFirst() }.joined()
            let signing = SigningContext(account: account, now: clock.now(), nonce: nonce)
            try provider.authorize(&signed, with: credential, in: signing)
        }
        try addresses.check(signed.url)
        return try await bounded(signed, context)
    }

    private static func checkWindow(of context: OperationContext, by time: TimeSource) throws {
        guard context.sendWindow?.isOpen(by: time) ?? true else {
            throw IntegrationError(
                .tooLate,
                "The moment until which \(context.operation) might leave has passed.",
                remedy: LocalizedText(
                    "Nothing to do: it will be tried again.",
                    fr: "Rien à faire : un nouvel essai suivra."
                ),
                retry: .after(nil)
            )
        }
    }

    /// Refuses what comes too late, and ends what takes too long.
    private func bounded(_ request: HTTPRequest, _ context: OperationContext) async throws -> HTTPResponse {
        try Task.checkCancellation()
        let sent = time.elapsed()
        let response = try await withThrowingTaskGroup(of: HTTPResponse?.self) { group in
            defer { group.cancelAll() }
            group.addTask { [transport, time] in
                // Here, since the task may have had to wait for a thread.
                try Self.checkWindow(of: context, by: time)
                return try await transport.send(request, context: context)
            }
            group.addTask { [time] in
                try await time.sleep(context.timeout)
                return nil
            }
            return try await group.next() ?? nil
        }
        guard let response else {
            throw IntegrationError(
                .timedOut,
                "\(request.url.host() ?? "The platform") did not answer within \(context.timeout).",
                remedy: LocalizedText(
                    "Nothing to do: it will be tried again. If it goes on, check the platform's status.",
                    fr: "Rien à faire : un nouvel essai suivra. Si cela persiste, vérifiez l'état de la plateforme."
                ),
                retry: .after(nil),
                concerns: .account,
                mayHaveHappened: request.effect == .write
            )
        }
        clock.learn(from: response, sent: sent, received: time.elapsed())
        return response
    }
}
