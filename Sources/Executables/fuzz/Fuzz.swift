import Fuzz
import Glibc

/// What libFuzzer calls, in a build with `--sanitize=fuzzer -Xswiftc -DFUZZING` (`make fuzz`); `FUZZ_TARGET` names the
/// target. In other builds the program gives a target the files that its arguments name.
#if FUZZING
    private let target: FuzzTarget = {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) }
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else { exit(2) }
        return target
    }()

    /// One input.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        target.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    }
#else
    @main struct Replay {
        static func main() {
            let words = CommandLine.arguments.dropFirst()
            guard let target = FuzzTarget.all.first(where: { $0.name == words.first }) else {
                print("fuzz TARGET FILE...: one of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
                exit(2)
            }
            for path in words.dropFirst() {
                guard let file = fopen(path, "rb") else {
                    print("\(path): cannot be read")
                    exit(1)
                }
                var bytes = [UInt8](repeating: 0, count: 1 << 20)
                bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
                fclose(file)
                print(path)
                target.check(bytes)
            }
        }
    }
#endif
