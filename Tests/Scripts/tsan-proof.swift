// Proves that Tests/Scripts/tsan-mutex.c hides nothing: what a contended Mutex guards is no race, and what it does not guard is one,
// beside it and in the same threads. Run without arguments it must be clean, with one it must be reported.
import Synchronization

final class Guarded: Sendable {
    let numbers = Mutex<[Int]>([])
}

final class Unguarded: @unchecked Sendable {
    var number = 0
}

let guarded = Guarded()
let unguarded = Unguarded()
let isRacy = CommandLine.arguments.count > 1

await withTaskGroup(of: Void.self) { group in
    for _ in 0..<8 {
        group.addTask {
            for number in 0..<20_000 {
                guarded.numbers.withLock { $0 = $0.count > 100 ? [] : $0 + [number] }
                if isRacy { unguarded.number += 1 }
            }
        }
    }
}
