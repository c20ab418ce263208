// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A store whose medium keeps what was deleted until it is written anew, and that a repair can set back.
///
/// A store on a database needs none of this. Where a store conforms, an erasure ends with ``compact()`` and its receipt
/// says when that was done, and a new ``epoch()`` makes the engine look on a platform before it repeats a create.
public protocol MaintainedStore: IntegrationStore {
    /// Writes the store anew without what was deleted.
    ///
    /// What was deleted before the call stands nowhere on the medium, as far as the store can reach it, when it returns.
    ///
    /// - Throws: ``StoreFailure/refused(_:)``.
    func compact() async throws

    /// Names the store's life: another name means that acknowledged commits may be missing.
    ///
    /// - Returns: The name.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func epoch() async throws -> UUID
}
