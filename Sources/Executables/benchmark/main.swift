import Benchmark
import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
exit(await arguments.first == "soak" ? Soak.run(Array(arguments.dropFirst())) : Benchmark.run(arguments))
