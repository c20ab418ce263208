// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value behind a lock, for synchronous state shared between tasks.
///
/// The one place of the package that is `@unchecked Sendable`: `Mutex` would raise the floor to macOS 15 and iOS 18.
package final class LockBox<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    /// Boxes a value.
    package init(_ value: Value) {
        self.value = value
    }

    /// Reads or changes the value while no one else can.
    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
