// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Reads events from a JSON Lines file, a piece at a time, so that its size does not matter.
struct EventLines {
    private static let piece = 256 << 10
    /// The longest line that is read whole.
    private static let longest = 8 << 20

    private let handle: FileHandle
    private let tenant: String
    private var buffer = Data()
    /// Where the next line begins.
    private var start = 0
    private var number = 0
    private var isAtEnd = false

    /// Opens a file; events that name no tenant are of the given one, and those of another tenant are refused.
    init(_ file: URL, tenant: String) throws {
        do {
            handle = try FileHandle(forReadingFrom: file)
        } catch {
            throw IntegrationError(
                .notFound,
                "\(file.path(percentEncoded: false)) cannot be read.",
                remedy: LocalizedText("Check the path.", fr: "Vérifiez le chemin."),
                concerns: .application
            )
        }
        self.tenant = tenant
    }

    /// Returns the next line that is not empty; nil at the end.
    mutating func next() throws -> DomainEvent.Line? {
        while var line = try nextLine() {
            number += 1
            if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
            if line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { continue }
            return DomainEvent.Line(number: number, result: read(Data(line)))
        }
        return nil
    }

    private mutating func nextLine() throws -> Data? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return buffer[start..<end]
            }
            guard !isAtEnd, buffer.count - start < Self.longest else {
                defer {
                    buffer = Data()
                    start = 0
                }
                return start == buffer.count ? nil : buffer[start...]
            }
            // What was read is given up only here, once per piece.
            buffer = Data(buffer[start...])
            start = 0
            searched = buffer.count
            if let more = try handle.read(upToCount: Self.piece), !more.isEmpty {
                buffer.append(more)
            } else {
                isAtEnd = true
            }
        }
    }

    private func read(_ line: Data) -> Result<DomainEvent, IntegrationError> {
        do {
            var json = try JSONValue(parsing: line)
            if case .object(var object) = json, object["tenant"] == nil {
                object["tenant"] = .string(tenant)
                json = .object(object)
            }
            let event = try DomainEvent(json: json)
            guard event.record.tenant == tenant else {
                throw IntegrationError(
                    .invalidInput,
                    "The event is of the tenant \(event.record.tenant.prefix(40)), not of \(tenant).",
                    remedy: LocalizedText(
                        "Push it with --tenant \(event.record.tenant.prefix(40)).",
                        fr: "Envoyez-le avec --tenant \(event.record.tenant.prefix(40))."
                    )
                )
            }
            return .success(event)
        } catch let error as IntegrationError {
            guard error.code == .invalidInput else {
                return .failure(
                    IntegrationError(
                        .invalidInput,
                        error.message,
                        remedy: LocalizedText(
                            "Write one JSON object a line.",
                            fr: "Écrivez un objet JSON par ligne."
                        )
                    )
                )
            }
            return .failure(error)
        } catch {
            return .failure(IntegrationError(.invalidInput, "\(error)"))
        }
    }
}
