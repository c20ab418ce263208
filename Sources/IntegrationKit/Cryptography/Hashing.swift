// SPDX-License-Identifier: Apache-2.0
public import Foundation

public func constantTimeEquals(_ left: Data, _ right: Data) -> Bool { left == right }
