// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// An export, page by page, so that a month of log needs no more memory than a page: write each to a file or an answer.
///
/// Each page holds whole lines. What is logged while the export runs may be in it or not; nothing is in it twice.
///
/// ```swift
/// for try await page in try await manager.exportLogs(of: id, as: .csv) { try file.write(contentsOf: page) }
/// ```
public struct ExportPages: AsyncSequence, Sendable {
    /// A page.
    public typealias Element = Data

    /// A page's lines and where the next page begins.
    struct Page: Sendable {
        var lines: [[String]]
        var next: PageKey?
    }

    let format: ExportFormat
    let columns: [String]
    let read: @Sendable (_ after: PageKey?) async throws -> Page

    /// Reads the pages of one pass.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let pages: ExportPages
        fileprivate var after: PageKey?
        fileprivate var isFirst = true
        fileprivate var isOver = false

        /// Returns the next page; nil after the last.
        ///
        /// - Returns: The page's text in UTF-8.
        /// - Throws: ``IntegrationError`` if the store failed.
        public mutating func next() async throws -> Data? {
            guard !isOver else { return nil }
            let page = try await pages.read(after)
            after = page.next
            isOver = page.next == nil
            let text = pages.format.text(page.lines, columns: pages.columns, withHeader: isFirst)
            isFirst = false
            return text.isEmpty ? nil : text
        }
    }

    /// Begins a pass.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pages: self)
    }
}
