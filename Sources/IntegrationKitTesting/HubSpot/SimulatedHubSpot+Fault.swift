// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension SimulatedHubSpot {
    /// A way in which a call goes wrong.
    public typealias Fault = PlatformFault
    /// Which calls are meant.
    public typealias CallPattern = IntegrationKitTesting.CallPattern

    /// Lets the next matching calls go wrong; orders for the same calls are carried out in the order they were given.
    ///
    /// - Parameters:
    ///   - count: How many calls.
    ///   - pattern: Which calls.
    ///   - fault: How.
    public func fail(_ count: Int = 1, _ pattern: CallPattern = .any, with fault: Fault) {
        withBook { $0.fail(count, pattern, with: fault) }
    }

    /// Lets matching calls go wrong at random from now on; a rate of 0 ends it.
    ///
    /// - Parameters:
    ///   - rate: The share of calls, from 0 to 1.
    ///   - faults: The faults to draw from.
    ///   - pattern: Which calls.
    public func failAtRandom(rate: Double, faults: [Fault], _ pattern: CallPattern = .any) {
        withBook { $0.failAtRandom(rate: rate, faults: faults, pattern) }
    }

    /// Ends all faults that were ordered.
    public func stopFailing() {
        withBook { $0.stopFailing() }
    }
}

extension PlatformFault {
    /// An answer 477 of HubSpot: the account moves to another data centre and is back after some seconds.
    public static func moving(retryAfter seconds: Int) -> PlatformFault { .refusal(477, retryAfter: seconds) }
}

extension HubSpotReply {
    /// What the platform or the network before it answers with a status.
    static func fault(_ status: Int) -> HubSpotReply {
        switch status {
        case 429:
            return .limited(
                policy: "TEN_SECONDLY_ROLLING",
                named: "ten_secondly_rolling",
                group: "publicapi:private_app-api-calls-ten-secondly",
                headers: [:]
            )
        case 423: return .plainError(423, "The object is currently locked. Try again later.")
        case 477: return .plainError(477, "This account is being moved to another data hosting location.")
        case 503: return .error(503, "SERVICE_UNAVAILABLE", "Service unavailable")
        case 500: return .error(500, "INTERNAL_ERROR", "internal error")
        default:
            return HubSpotReply(
                status: status,
                body: nil,
                headers: ["Content-Type": "text/html; charset=UTF-8"],
                raw:
                    "<!DOCTYPE html><html><head><title>\(status)</title></head><body>error code: \(status)</body></html>"
            )
        }
    }
}
