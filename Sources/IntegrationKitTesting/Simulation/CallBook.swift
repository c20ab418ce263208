// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// A point within a call of a simulated platform at which a test may step in.
public struct CallStep: Sendable {
    /// Where in the call.
    public enum Moment: Hashable, Sendable {
        /// The request arrived; nothing has happened yet.
        case received
        /// The platform did what it does; the caller has no answer yet.
        case performed
    }

    /// Where in the call.
    public var moment: Moment
    /// The request.
    public var request: HTTPRequest
}

/// A call that arrived at a simulated platform.
public struct LoggedCall: Hashable, Sendable {
    /// The endpoint with ids left out, such as `POST objects/contacts/batch/upsert`.
    public var endpoint: String
    /// The path.
    public var path: String
    /// When it arrived, in milliseconds since 1970.
    public var time: Int64
    /// The status that was answered; nil if there was no answer.
    public var status: Int?
}

/// The calls that a simulated platform got, and how the next ones go wrong.
struct CallBook: Sendable {
    private struct Order: Sendable {
        var remaining: Int
        var pattern: CallPattern
        var fault: PlatformFault
    }

    private struct Chance: Sendable {
        var rate: Double
        var pattern: CallPattern
        var faults: [PlatformFault]
    }

    private(set) var calls: [LoggedCall] = []
    var hook: (@Sendable (CallStep) async throws -> Void)?
    private var orders: [Order] = []
    private var chance: Chance?

    /// Lets the next matching calls go wrong; earlier orders come first.
    mutating func fail(_ count: Int, _ pattern: CallPattern, with fault: PlatformFault) {
        orders.append(Order(remaining: count, pattern: pattern, fault: fault))
    }

    /// Lets matching calls go wrong at random; a rate of 0 ends it.
    mutating func failAtRandom(rate: Double, faults: [PlatformFault], _ pattern: CallPattern) {
        chance = rate > 0 ? Chance(rate: rate, pattern: pattern, faults: faults) : nil
    }

    /// Ends all faults.
    mutating func stopFailing() {
        orders = []
        chance = nil
    }

    /// Counts a call and decides how it goes wrong, if it does.
    mutating func begin(
        _ request: HTTPRequest,
        endpoint: String,
        now: Int64,
        random: inout SimulationRandom
    ) -> (number: Int, fault: PlatformFault?) {
        calls.append(LoggedCall(endpoint: endpoint, path: request.url.path, time: now, status: nil))
        if let place = orders.firstIndex(where: { $0.pattern.matches(request) }) {
            let fault = orders[place].fault
            orders[place].remaining -= 1
            if orders[place].remaining <= 0 { orders.remove(at: place) }
            return (calls.count, fault)
        }
        if let chance, chance.pattern.matches(request), !chance.faults.isEmpty, random.fraction() < chance.rate {
            return (calls.count, chance.faults[random.below(chance.faults.count)])
        }
        return (calls.count, nil)
    }

    /// Notes what a call was answered.
    mutating func end(_ number: Int, status: Int) {
        calls[number - 1].status = status
    }
}

/// A simulated platform's chances, which follow from its seed.
struct SimulationRandom: Codable, Sendable {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func next() -> UInt64 { generator.next() }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var result = elements
        for place in result.indices.dropFirst().reversed() { result.swapAt(place, below(place + 1)) }
        return result
    }

    /// Digits of the base 16, in lower case.
    mutating func hexadecimal(_ count: Int) -> String {
        var text = ""
        while text.count < count {
            let digits = String(next(), radix: 16)
            text += String(repeating: "0", count: 16 - digits.count) + digits
        }
        return String(text.prefix(count))
    }

    /// An identifier in the form of a UUID.
    mutating func identifier() -> String {
        let text = hexadecimal(32)
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        return parts.map { String(text.dropFirst($0.0).prefix($0.1 - $0.0)) }.joined(separator: "-")
    }
}
