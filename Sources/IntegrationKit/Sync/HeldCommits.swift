// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What is known but could not be committed because the store failed: it is committed before anything new is sent.
final class HeldCommits: Sendable {
    /// One commit that waits.
    enum Commit: Sendable {
        /// What became of writes. The id makes a commit whose outcome the store did not know repeatable.
        case outcomes(LaneWorker, [LaneCommit], id: UUID)
        /// Lanes to give back.
        case releases(Changes)
    }
    private let commits = LockBox<[Commit]>([])

    /// Keeps a commit for later.
    func hold(_ commit: Commit) {
        commits.withLock { $0.append(commit) }
    }

    /// Commits all that waits, oldest first; what fails is kept.
    ///
    /// - Throws: What the store throws.
    func settle(in core: EngineCore) async throws {
        while let next = commits.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            do {
                switch next {
                case .outcomes(let worker, let lanes, let id): _ = try await worker.settle(lanes, id: id)
                case .releases(let changes): try await core.commit(changes)
                }
            } catch {
                commits.withLock { $0.insert(next, at: 0) }
                throw error
            }
        }
    }
}
