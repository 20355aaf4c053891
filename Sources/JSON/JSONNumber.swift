/// Numbers as RFC 8259 section 6 writes them.
enum JSONNumber {
    /// Checks a number that begins at `start`.
    /// - Returns: the offset after it.
    static func end(in input: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var position = start
        if input[position] == UInt8(ascii: "-") { position += 1 }
        let integer = position
        try skipDigits(input, &position)
        if input[integer] == UInt8(ascii: "0"), position > integer + 1 {
            throw JSONError(.invalidNumber, at: integer + 1)
        }
        if position < input.count, input[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits(input, &position)
        }
        if position < input.count, input[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < input.count, input[position] == UInt8(ascii: "+") || input[position] == UInt8(ascii: "-") {
                position += 1
            }
            try skipDigits(input, &position)
        }
        return position
    }

    private static func skipDigits(_ input: Span<UInt8>, _ position: inout Int) throws(JSONError) {
        let start = position
        while position < input.count, isDigit(input[position]) { position += 1 }
        if position == start {
            throw JSONError(position == input.count ? .unexpectedEnd : .invalidNumber, at: position)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// The value of a checked number if it is integral and fits: also of `2.0` and `1e3`, never rounded.
    static func int(_ text: ArraySlice<UInt8>) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        var value: Int64 = 0
        /// Zeros not multiplied in yet, as nothing but zeros may follow.
        var zeros = 0
        var fractionDigits = 0
        var isFraction = false
        var exponent = 0
        loop: for (index, byte) in zip(text.indices, text) {
            switch byte {
            case UInt8(ascii: "0"):
                zeros += 1
                fractionDigits += isFraction ? 1 : 0
            case UInt8(ascii: "1")...UInt8(ascii: "9"):
                guard let shifted = scaled(value, by: zeros + 1) else { return nil }
                let digit = Int64(byte - UInt8(ascii: "0"))
                let (sum, overflow) =
                    isNegative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
                if overflow { return nil }
                value = sum
                zeros = 0
                fractionDigits += isFraction ? 1 : 0
            case UInt8(ascii: "."):
                isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                exponent = saturatedInt(text[(index + 1)...])
                break loop
            default:
                break
            }
        }
        return scaled(value, by: zeros + exponent - fractionDigits)
    }

    /// value × 10^exponent, if that is an Int64.
    private static func scaled(_ value: Int64, by exponent: Int) -> Int64? {
        if value == 0 { return 0 }
        if exponent < 0 { return nil }
        var value = value
        for _ in 0..<min(exponent, 19) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            value = product
        }
        return value
    }

    /// A signed integer, held within bounds that no count of digits in a text reaches.
    private static func saturatedInt(_ text: ArraySlice<UInt8>) -> Int {
        var magnitude = 0
        for byte in text where isDigit(byte) {
            magnitude = min(magnitude * 10 + Int(byte - UInt8(ascii: "0")), 1 << 40)
        }
        return text.first == UInt8(ascii: "-") ? -magnitude : magnitude
    }
}
