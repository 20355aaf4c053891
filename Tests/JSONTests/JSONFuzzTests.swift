import Foundation
import JSON
import Testing

/// Random documents, whole and damaged: nothing traps, and Foundation agrees on what they mean.
@Suite(.timeLimit(.minutes(10))) struct JSONFuzzTests {
    /// Fixed seeds, and one that is new at each run; a failure names its seed.
    private static let seeds = [1, 2, 3, UInt64.random(in: 4...(.max))]

    @Test(arguments: seeds)
    func agreesWithFoundation(_ seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        for _ in 0..<400 {
            let bytes = random.document()
            let root = try JSONDocument(parsing: bytes).root
            let expected = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            #expect(isEqual(root, expected), "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test(arguments: seeds)
    func rejectsWhatFoundationRejects(_ seed: UInt64) {
        var random = RandomJSON(seed: seed)
        var accepted = 0
        for _ in 0..<2000 {
            let bytes = random.damaged(random.document())
            let result = Result { try JSONDocument(parsing: bytes).root }
            let root = try? result.get()
            if let root {
                accepted += 1
                visit(root)
            }
            if foundationIsComparable(bytes), !isTrailingComma(bytes, result), root.map(hasModestNumbers) ?? true {
                let expected = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
                #expect((root != nil) == (expected != nil), "\(String(decoding: bytes, as: UTF8.self)) \(bytes)")
            }
        }
        #expect((100..<1900).contains(accepted))
    }

    @Test(arguments: seeds)
    func survivesNoise(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        let alphabet = Array(#"{}[]",:\u0dD8e1.-tn "#.utf8) + [0, 0x80, 0xC3, 0xE2, 0xF0, 0xFF]
        var accepted = 0
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            do {
                let root = try JSONDocument(parsing: bytes).root
                accepted += 1
                visit(root)
                #expect((try? JSONDocument(parsing: Array(root.raw)))?.root.kind == root.kind, "\(bytes)")
            } catch {
                #expect((0...bytes.count).contains(error.offset), "\(bytes)")
            }
        }
        #expect((1..<2500).contains(accepted))
    }

    /// Foundation takes other encodings too, which it recognises by NUL or a byte order mark.
    private func foundationIsComparable(_ bytes: [UInt8]) -> Bool {
        !bytes.contains(0) && ![0xEF, 0xFE, 0xFF].contains(bytes.first)
    }

    /// Foundation takes `[1,]`.
    private func isTrailingComma(_ bytes: [UInt8], _ result: Result<JSONView, any Error>) -> Bool {
        guard case .failure(let error as JSONError) = result, error.offset < bytes.count else { return false }
        let before = bytes[..<error.offset].last { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        return before == UInt8(ascii: ",") && bytes[error.offset] == UInt8(ascii: "]")
    }

    /// Foundation refuses numbers that no double holds.
    private func hasModestNumbers(_ view: JSONView) -> Bool {
        switch view.kind {
        case .number: view.double.map { $0 == 0 || (1e-200...1e200).contains(abs($0)) } ?? false
        case .array: view.elements.allSatisfy(hasModestNumbers)
        case .object: view.members.allSatisfy { hasModestNumbers($0.value) }
        default: true
        }
    }

    /// Reads every value in every way.
    private func visit(_ view: JSONView) {
        #expect(!view.raw.isEmpty)
        _ = (view.bool, view.int, view.double, view.string)
        view.elements.forEach(visit)
        for (name, value) in view.members {
            #expect(view[name] != nil)
            visit(value)
        }
    }

    private func isEqual(_ view: JSONView, _ expected: Any) -> Bool {
        switch view.kind {
        case .null: return expected is NSNull
        case .bool: return (expected as? NSNumber)?.boolValue == view.bool
        case .number:
            // Foundation goes through a decimal type, and rounds twice.
            guard let expected = (expected as? NSNumber)?.doubleValue, let value = view.double else { return false }
            return abs(expected - value) <= abs(value) * 1e-15
        case .string: return expected as? String == view.string
        case .array:
            guard let expected = expected as? [Any], expected.count == view.elements.count else { return false }
            return zip(view.elements, expected).allSatisfy(isEqual)
        case .object:
            guard let expected = expected as? [String: Any], Set(view.members.map(\.name)) == Set(expected.keys) else {
                return false
            }
            return expected.allSatisfy { name, value in view[name].map { isEqual($0, value) } ?? false }
        }
    }
}
