import MySQL

/// A literal ends where it should, whatever is in it, and the server reads from it what was put in. The reading is done
/// here as the server's lexer does it (backslash escapes on, utf8mb4: no byte of a multi-byte character is ASCII).
func checkSQL(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let sql: SQL = "\(text),\(bytes),\(identifier: text);"
    var rest = sql.bytes[...]
    precondition(quoted(&rest) == Array(text.utf8), "a string changes on the way")
    precondition(rest.popFirst() == UInt8(ascii: ","), "a string ends elsewhere")
    precondition(hexadecimal(&rest) == bytes, "bytes change on the way")
    precondition(rest.popFirst() == UInt8(ascii: ","), "bytes end elsewhere")
    precondition(identifier(&rest) == Array(text.utf8), "an identifier changes on the way")
    precondition(rest.elementsEqual(";".utf8), "an identifier ends elsewhere")
    precondition(!sql.description.contains(text) || text.utf8.count < 2 || "…".contains(text), "a value can be logged")
}

private func quoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    guard rest.popFirst() == UInt8(ascii: "'") else { return nil }
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "'"):
            guard rest.first == byte else { return value }
            rest.removeFirst()
            value.append(byte)
        case UInt8(ascii: "\\"):
            guard let escaped = rest.popFirst() else { return nil }
            switch escaped {
            case UInt8(ascii: "0"): value.append(0)
            case UInt8(ascii: "b"): value.append(8)
            case UInt8(ascii: "n"): value.append(10)
            case UInt8(ascii: "r"): value.append(13)
            case UInt8(ascii: "t"): value.append(9)
            case UInt8(ascii: "Z"): value.append(26)
            default: value.append(escaped)
            }
        default: value.append(byte)
        }
    }
    return nil
}

private func hexadecimal(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    guard rest.popFirst() == UInt8(ascii: "x"), rest.popFirst() == UInt8(ascii: "'"),
        let end = rest.firstIndex(of: UInt8(ascii: "'"))
    else { return nil }
    let digits = String(decoding: rest[..<end], as: UTF8.self)
    rest = rest[(end + 1)...]
    var value: [UInt8] = []
    var utf8 = digits.utf8[...]
    while !utf8.isEmpty {
        guard utf8.count >= 2, let byte = UInt8(String(utf8.prefix(2))!, radix: 16) else { return nil }
        value.append(byte)
        utf8 = utf8.dropFirst(2)
    }
    return value
}

private func identifier(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    guard rest.popFirst() == UInt8(ascii: "`") else { return nil }
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "`") {
            guard rest.first == byte else { return value }
            rest.removeFirst()
        }
        value.append(byte)
    }
    return nil
}
