// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// The names of a shop's limits.
enum WooCommerceBudget {
    /// Calls at the same time: WooCommerce counts none, but a shop has a handful of workers for all its visitors.
    static let parallel = "parallel"
}

extension WooCommerceProvider {
    /// Returns the one limit that we set ourselves: four calls at a time.
    public func budgets(of account: ConnectedAccount) -> [Budget] {
        [Budget(id: WooCommerceBudget.parallel, scope: .account, rule: .inFlight(4))]
    }

    /// Returns nothing: no answer of WooCommerce tells of limits.
    public func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] { [] }
}
