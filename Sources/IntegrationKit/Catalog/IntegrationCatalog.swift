// SPDX-License-Identifier: Apache-2.0

/// The platforms that can be connected, as data for a settings screen.
///
/// ```swift
/// let catalog = try IntegrationCatalog([HubSpotProvider().descriptor, ShopifyProvider().descriptor])
/// for platform in catalog.platforms(in: .crm) { show(platform.name, platform.features.map(\.name)) }
/// ```
public struct IntegrationCatalog: Sendable {
    /// All platforms, in the order in which they were given.
    public let all: [PlatformDescriptor]
    private let places: [PlatformID: Int]

    /// Creates a catalogue.
    ///
    /// - Parameter descriptors: The platforms.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/conflict`` if a platform is given twice.
    public init(_ descriptors: [PlatformDescriptor]) throws {
        var places: [PlatformID: Int] = [:]
        for (place, descriptor) in descriptors.enumerated() {
            guard places.updateValue(place, forKey: descriptor.id) == nil else {
                throw IntegrationError(
                    .conflict,
                    "The platform \(descriptor.id.rawValue) is given twice.",
                    remedy: LocalizedText(
                        "Give each platform one provider.",
                        fr: "Donnez un seul fournisseur par plateforme."
                    ),
                    concerns: .application
                )
            }
        }
        all = descriptors
        self.places = places
    }

    /// The categories that have a platform, in the order of their first one.
    public var categories: [PlatformDescriptor.Category] {
        all.map(\.category).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// Returns the platforms of a category, in order.
    ///
    /// - Parameter category: The category.
    /// - Returns: The platforms.
    public func platforms(in category: PlatformDescriptor.Category) -> [PlatformDescriptor] {
        all.filter { $0.category == category }
    }

    /// Returns a platform.
    ///
    /// - Parameter platform: The platform's id.
    /// - Returns: The platform.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/notFound`` that names the known ones.
    public func descriptor(for platform: PlatformID) throws -> PlatformDescriptor {
        if let place = places[platform] { return all[place] }
        let known = all.map(\.id.rawValue).joined(separator: ", ")
        throw IntegrationError(
            .notFound,
            "There is no platform \(platform.rawValue.prefix(80)); there are: \(known).",
            remedy: LocalizedText("Choose one of \(known).", fr: "Choisissez parmi \(known)."),
            concerns: .application
        )
    }
}
