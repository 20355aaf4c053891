import Foundation
import Integrator

exit(
    await CommandLineTool(environment: .process(), reread: { .process() })
        .run(Array(CommandLine.arguments.dropFirst())))
