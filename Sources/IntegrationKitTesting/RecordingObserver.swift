// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// An observer that remembers what it was told.
public final class RecordingObserver: IntegrationObserver {
    private let recorded = LockBox<[IntegrationEvent]>([])

    /// Creates an observer that has seen nothing.
    public init() {}

    /// Remembers an event.
    ///
    /// - Parameter event: What happened.
    public func observe(_ event: IntegrationEvent) {
        recorded.withLock { $0.append(event) }
    }

    /// All events, in the order in which they came.
    public var events: [IntegrationEvent] {
        recorded.withLock { $0 }
    }

    /// Returns the events of a kind.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - integration: The integration they are about; nil: any.
    /// - Returns: The events, in the order in which they came.
    public func events(_ kind: IntegrationEvent.Kind, of integration: String? = nil) -> [IntegrationEvent] {
        events.filter { $0.kind == kind && (integration == nil || $0.integration == integration) }
    }

    /// Counts the events of a kind.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - integration: The integration they are about; nil: any.
    /// - Returns: The number of events.
    public func count(_ kind: IntegrationEvent.Kind, of integration: String? = nil) -> Int {
        events(kind, of: integration).count
    }

    /// Forgets all events.
    public func removeAll() {
        recorded.withLock { $0 = [] }
    }
}
