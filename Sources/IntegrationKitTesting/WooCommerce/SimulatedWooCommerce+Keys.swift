// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

extension SimulatedWooCommerce {
    /// Issues a key to a user; user 1 is the administrator of every shop.
    ///
    /// - Parameters:
    ///   - home: The shop.
    ///   - permission: What it may do.
    ///   - userID: The user whose rights it has.
    /// - Returns: The key.
    /// - Throws: `IntegrationError` if there is no such shop.
    public func issueKey(
        in home: String,
        permission: Permission = .readWrite,
        for userID: Int64 = 1
    ) throws -> Key {
        try act(on: "customer", in: home) { state, _, _ in state.issueKey(permission, for: userID) }
    }

    /// Gives a shop a key with known texts.
    public func addKey(_ key: Key, in home: String) throws {
        try act(on: "customer", in: home) { state, _, _ in state.keys.append(key) }
    }

    /// Revokes a key.
    public func revokeKey(_ id: Int64, in home: String) {
        withWorld { world, _ in _ = world.withShop(home) { $0.keys.removeAll { $0.id == id } } }
    }

    /// Adds a user of the site who is no customer, such as a shop manager.
    ///
    /// - Parameters:
    ///   - login: The name to sign in with.
    ///   - role: The role: `administrator`, `shop_manager`, `editor`.
    ///   - home: The shop.
    /// - Returns: The user's id.
    /// - Throws: `IntegrationError` if there is no such shop.
    public func addUser(_ login: String, role: String, in home: String) throws -> Int64 {
        try act(on: "customer", in: home) { state, _, _ in
            let id = state.nextID(of: .customer)
            state.users[id] = WooShopState.User(id: id, login: login, role: role)
            return id
        }
    }

    /// Gives a user another role.
    public func setRole(_ role: String, of userID: Int64, in home: String) {
        withWorld { world, _ in _ = world.withShop(home) { $0.users[userID]?.role = role } }
    }

    /// Issues an application password of WordPress to a user.
    ///
    /// - Parameters:
    ///   - userID: The user.
    ///   - home: The shop.
    /// - Returns: The user's name and the password, for Basic authentication.
    /// - Throws: `IntegrationError` if there is no such shop or user.
    public func issueApplicationPassword(
        for userID: Int64 = 1,
        in home: String
    ) throws -> (user: String, password: String) {
        try act(on: "customer", in: home) { state, _, _ in
            guard let user = state.users[userID] else { throw WooShopState.unknown(.customer, status: 404) }
            let password = state.random.hexadecimal(24)
            state.users[userID]?.applicationPasswords.insert(password)
            return (user.login, password)
        }
    }

    /// What a person sees of the page that grants keys.
    public struct GrantPage: Hashable, Sendable {
        /// The status of the page.
        public var status: Int
        /// Where the browser is sent in the end; nil: the page shows an error.
        public var redirect: URL?
        /// The error that the page shows.
        public var error: String?
    }

    /// Opens the page that grants keys, as the shop's administrator, and decides.
    ///
    /// - Parameters:
    ///   - url: The address of the page, with its query.
    ///   - isApproved: Whether the person approves.
    ///   - userID: Who is signed in.
    ///   - callback: Receives what the shop posts to the callback address, and returns the status it answers; nil: none.
    /// - Returns: What the person sees.
    public func visitGrantPage(
        _ url: URL,
        isApproved: Bool = true,
        as userID: Int64 = 1,
        callback: @Sendable (HTTPRequest) async -> Int?
    ) async -> GrantPage {
        let query = PHP.parameters(URLComponents(url: url, resolvingAgainstBaseURL: true)?.percentEncodedQuery ?? "")
        func refused(_ message: String) -> GrantPage {
            GrantPage(status: 401, redirect: nil, error: "Error: \(message)")
        }
        for name in ["app_name", "user_id", "return_url", "callback_url", "scope"] {
            if (query[name]?.string ?? "").isEmpty { return refused("Missing parameter \(name).") }
        }
        guard let scope = query["scope"]?.string.flatMap(Permission.init(rawValue:)) else {
            return refused("Invalid scope")
        }
        let returnURL = query["return_url"]?.string ?? ""
        guard returnURL.contains("://") else { return refused("The return_url is not a valid URL") }
        guard let target = query["callback_url"]?.string.flatMap({ URL(string: $0) }), target.scheme == "https" else {
            return refused("The callback_url needs to be over SSL")
        }
        let state = query["user_id"]?.string ?? ""
        func back(_ isGranted: Bool) -> URL? {
            let mark = returnURL.contains("?") ? "&" : "?"
            return URL(string: "\(returnURL)\(mark)success=\(isGranted ? 1 : 0)&user_id=\(PHP.encoded(state))")
        }
        guard isApproved else { return GrantPage(status: 302, redirect: back(false), error: nil) }
        let home = box.withLock { $0.home(of: url) } ?? ""
        guard box.withLock({ $0.shops[home]?.users[userID]?.managesShop ?? false }) else {
            return refused("You do not have permissions to access this page!")
        }
        guard let key = try? issueKey(in: home, permission: scope, for: userID) else {
            return GrantPage(status: 404, redirect: nil, error: "Page not found")
        }
        let body: JSONValue = [
            "key_id": .integer(key.id), "user_id": .string(state), "consumer_key": .string(key.consumerKey),
            "consumer_secret": .string(key.consumerSecret), "key_permissions": .string(scope.rawValue),
        ]
        let version = box.withLock { $0.shops[home]?.shop.wordPressVersion ?? "" }
        let request = HTTPRequest(
            .post,
            target,
            headers: [
                "Content-Type": "application/json;charset=UTF-8", "User-Agent": "WordPress/\(version); \(home)",
            ],
            body: PHP.json(body)
        )
        let status = WooShopState.isSafe(target) ? await callback(request) : nil
        guard status == 200 else {
            revokeKey(key.id, in: home)
            return refused("An error occurred in the request and at the time were unable to send the consumer data")
        }
        return GrantPage(status: 302, redirect: back(true), error: nil)
    }
}

extension WooShopState {
    mutating func issueKey(_ permission: SimulatedWooCommerce.Permission, for userID: Int64) -> SimulatedWooCommerce.Key
    {
        let key = SimulatedWooCommerce.Key(
            id: nextID("key"),
            consumerKey: "ck_" + random.hexadecimal(40),
            consumerSecret: "cs_" + random.hexadecimal(40),
            permission: permission,
            userID: userID
        )
        keys.append(key)
        return key
    }
}
