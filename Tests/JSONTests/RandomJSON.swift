/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Random JSON texts, and damaged ones.
struct RandomJSON {
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(state: seed)
    }

    mutating func document() -> [UInt8] {
        Array((space() + value(depth: 0) + space()).utf8)
    }

    /// Changes up to four places: a byte flipped, set to one that matters, removed, doubled, or the end cut off.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...Int.random(in: 0..<4, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[index] = pick(Array("{}[]\",:\\u0-+.eEtfn /\u{0}\u{1F}\u{7F}é".utf8))
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(bytes[index], at: index)
            case 4: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
            default: bytes.removeSubrange(index...)
            }
        }
        return bytes
    }

    private mutating func value(depth: Int) -> String {
        switch Int.random(in: 0..<(depth < 5 ? 10 : 6), using: &generator) {
        case 0: pick(["null", "true", "false"])
        case 1, 2: number()
        case 3, 4, 5: string()
        case 6, 7: "[" + list { $0.value(depth: depth + 1) } + "]"
        default: "{" + list { $0.string() + $0.space() + ":" + $0.space() + $0.value(depth: depth + 1) } + "}"
        }
    }

    private mutating func list(_ element: (inout RandomJSON) -> String) -> String {
        let count = Int.random(in: 0..<5, using: &generator)
        return space() + (0..<count).map { _ in element(&self) + space() }.joined(separator: "," + space())
    }

    private mutating func number() -> String {
        let integer = pick(["0", "7", "42", "1234567890", "9223372036854775807", "18446744073709551616"])
        let fraction = pick(["", "", ".0", ".5", ".125", ".00010"])
        return pick(["", "-"]) + integer + fraction + pick(["", "", "e0", "E1", "e+2", "e-3", "E15"])
    }

    private mutating func string() -> String {
        let parts = (0..<Int.random(in: 0..<6, using: &generator)).map { _ in
            pick(
                [
                    "a", "plain text", "é", "€", "😀", "\u{7F}", "/", "'", #"\""#, #"\\"#, #"\/"#, #"\n"#, #"\t"#,
                    #"\b"#,
                    #"\u0041"#, #"\u00e9"#, #"\uD83D\uDE00"#, #"\u20AC"#, #"\u001f"#,
                ])
        }
        return "\"" + parts.joined() + "\""
    }

    private mutating func space() -> String { pick(["", "", "", " ", "\n", "\t ", "\r\n"]) }

    private mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &generator)]
    }
}
