// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "IntegrationKit",
    platforms: [.macOS(.v13), .iOS(.v16)],
    products: [
        .library(name: "IntegrationKit", targets: ["IntegrationKit"]),
        .library(name: "IntegrationKitProviders", targets: ["IntegrationKitProviders"]),
        .library(name: "IntegrationKitTesting", targets: ["IntegrationKitTesting"]),
    ],
    targets: [
        .target(name: "IntegrationKit", swiftSettings: strict),
        .target(name: "IntegrationKitProviders", dependencies: ["IntegrationKit"], swiftSettings: strict),
        .target(name: "IntegrationKitTesting", dependencies: ["IntegrationKit"], swiftSettings: strict),
        .testTarget(
            name: "IntegrationKitTests",
            dependencies: ["IntegrationKit", "IntegrationKitProviders", "IntegrationKitTesting"],
            resources: [.copy("Vectors")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "IntegrationKitProvidersTests",
            dependencies: ["IntegrationKit", "IntegrationKitProviders", "IntegrationKitTesting"],
            resources: [.copy("Fixtures")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "IntegrationKitTestingTests",
            dependencies: ["IntegrationKit", "IntegrationKitProviders", "IntegrationKitTesting"],
            swiftSettings: strict
        ),
    ]
)
