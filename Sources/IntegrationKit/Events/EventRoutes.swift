// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Which routes an event takes through one integration, and why it does not take the others.
struct EventRoutes: Sendable {
    /// What was decided about an event.
    struct Decision: Hashable, Sendable {
        /// The routes that it takes.
        var routes: [EventRoute] = []
        /// Why it takes no other: one sentence each, for the log.
        var reasons: [String] = []
    }

    private let descriptor: PlatformDescriptor
    private let settings: SyncSettings
    private let access: [RecordKind: KindAccess]
    private let byEvent: [EventKind: [EventRoute]]

    /// Prepares the routes of an integration: the host's own in place of the platform's where there are any.
    ///
    /// - Parameters:
    ///   - descriptor: The platform.
    ///   - settings: The integration's settings.
    ///   - access: What the credential may do with each kind, as far as is known.
    init(descriptor: PlatformDescriptor, settings: SyncSettings, access: [RecordKind: KindAccess] = [:]) {
        self.descriptor = descriptor
        self.settings = settings
        self.access = access
        byEvent = Dictionary(grouping: settings.routes ?? descriptor.routes, by: \.event)
    }

    /// Decides about an event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - integration: The integration's id.
    /// - Returns: The routes, and the reasons against the others.
    func decide(_ event: DomainEvent, for integration: String) -> Decision {
        if let reason = reasonAgainstAll(event, for: integration) { return Decision(reasons: [reason]) }
        let routes = byEvent[event.kind] ?? []
        guard !routes.isEmpty else {
            return Decision(reasons: ["No route of \(descriptor.name) takes the event \(event.kind.rawValue)."])
        }
        return routes.reduce(into: Decision()) { decision, route in
            if let reason = reason(against: route, for: event) {
                decision.reasons.append(reason)
            } else {
                decision.routes.append(route)
            }
        }
    }

    private func reasonAgainstAll(_ event: DomainEvent, for integration: String) -> String? {
        switch event.audience {
        case .only(let ids) where !ids.contains(integration):
            return "The event names its audience, and the integration is not part of it."
        case .all where event.origin?.integration == integration:
            return "The event came from the integration itself."
        default:
            return settings.direction == .pull ? "The integration only pulls." : nil
        }
    }

    private func reason(against route: EventRoute, for event: DomainEvent) -> String? {
        let kind = route.kind.rawValue
        guard let description = descriptor.kind(route.kind) else {
            return "\(descriptor.name) has no \(kind) here."
        }
        if let kinds = settings.kinds, !kinds.contains(route.kind) {
            return "The settings leave out \(kind)."
        }
        guard description.canPush, route.action != .delete || description.canDelete else {
            return "\(descriptor.name) lets nobody \(route.action == .delete ? "delete" : "write") a \(kind) here."
        }
        let named = Set(event.related.map(\.kind))
        if route.action == .create,
            let owner = route.relations.first(where: {
                $0.isRequired && $0.listing == nil && !named.contains($0.hostKind)
            })
        {
            return "The event names no \(owner.hostKind), which a \(kind) in \(descriptor.name) belongs to."
        }
        if [.denied, .read].contains(access[route.kind]) {
            return "The account's sign-in may not write \(kind)."
        }
        if route.needsConsent || description.mayNotifyPeople.contains(route.action.operation), !settings.mayNotifyPeople
        {
            return "\(descriptor.name) mails people when a \(kind) is written, and the host has not agreed to that."
        }
        return nil
    }
}
