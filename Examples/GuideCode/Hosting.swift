// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

func serve(_ coordinator: SyncCoordinator, listen: @escaping @Sendable () async throws -> Void) async throws {
    // snippet: server
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await listen() }  // your HTTP server
        group.addTask {
            try await coordinator.run { report in
                for problem in report.problems { print(problem) }
            }
        }
        try await group.next()
        group.cancelAll()
    }
    // end
}

// snippet: background
/// Works for as long as the system lets an app work in the background.
///
/// - Returns: When to ask for the next turn.
func syncInBackground(_ coordinator: SyncCoordinator) async throws -> Date {
    let report = try await coordinator.syncOnce(until: .now + .seconds(25))
    let wait = max(report.nextDue ?? .seconds(3600), .seconds(900))
    return Date(timeIntervalSinceNow: Double(wait.components.seconds))
}
// end

#if os(iOS)
    import BackgroundTasks
    import SwiftUI

    struct SyncScene<Content: Scene>: Scene {
        let content: Content
        let coordinator: SyncCoordinator

        // snippet: background-scene
        var body: some Scene {
            content.backgroundTask(.appRefresh("fr.example.sync")) {
                let next = try? await syncInBackground(coordinator)
                let request = BGAppRefreshTaskRequest(identifier: "fr.example.sync")
                request.earliestBeginDate = next
                try? BGTaskScheduler.shared.submit(request)
            }
        }
        // end
    }
#endif

func commandLine(_ coordinator: SyncCoordinator) async throws -> Int32 {
    // snippet: command-line
    let report = try await coordinator.syncOnce(until: .now + .seconds(600))
    print(report)
    return report.problems.isEmpty ? 0 : 1
    // end
}
