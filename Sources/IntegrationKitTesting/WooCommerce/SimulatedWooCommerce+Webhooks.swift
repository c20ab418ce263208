// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension SimulatedWooCommerce {
    /// How many jobs wait in a shop's queue.
    public func pendingJobCount(in home: String) -> Int {
        withWorld { world, _ in world.withShop(home) { $0.jobs.count } ?? 0 }
    }

    /// Runs the jobs of a shop's queue that are due, one after the other, and counts which deliveries failed.
    ///
    /// - Parameters:
    ///   - home: The shop.
    ///   - limit: The most jobs of this run; the shop runs 25 at once.
    ///   - receiver: Receives a delivery and returns the status it answers; nil: there was no answer.
    /// - Returns: The deliveries in order.
    @discardableResult
    public func runJobs(
        in home: String,
        limit: Int = 25,
        receiver: @Sendable (HTTPRequest) async -> Int?
    ) async -> [HTTPRequest] {
        var sent: [HTTPRequest] = []
        for _ in 0..<limit {
            guard let (job, request) = nextDelivery(in: home) else { break }
            var status: Int?
            if let request {
                sent.append(request)
                status = await receiver(request)
            }
            finish(job, in: home, status: status)
        }
        return sent
    }

    /// Takes all deliveries of a shop that are due, as a receiver that accepts them.
    ///
    /// - Parameter home: The shop.
    /// - Returns: The deliveries in order, pings among them.
    public func takeDeliveries(in home: String) -> [HTTPRequest] {
        var sent: [HTTPRequest] = []
        while let (job, request) = nextDelivery(in: home) {
            if let request { sent.append(request) }
            finish(job, in: home, status: request == nil ? nil : 200)
        }
        return sent
    }

    /// Lets an action of PHP happen, for webhooks with the topic `action.` and its name.
    ///
    /// - Parameters:
    ///   - action: The action's name, such as `woocommerce_payment_complete`.
    ///   - argument: Its first argument.
    ///   - home: The shop.
    public func fireAction(_ action: String, argument: Int64, in home: String) {
        withWorld { world, now in _ = world.withShop(home) { $0.fire(action, argument: argument, now) } }
    }

    private func nextDelivery(in home: String) -> (job: WooJob, request: HTTPRequest?)? {
        withWorld { world, now in world.withShop(home) { $0.nextDelivery(now: now) } ?? nil }
    }

    private func finish(_ job: WooJob, in home: String, status: Int?) {
        withWorld { world, now in _ = world.withShop(home) { $0.finish(job, status: status, now: now) } }
    }
}
