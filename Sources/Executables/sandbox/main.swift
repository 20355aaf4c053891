import Glibc
import Sandbox

exit(await SandboxCommand.run(Array(CommandLine.arguments.dropFirst())))
