import Foundation
import Integrator

exit(await CommandLineTool(environment: .process()).run(Array(CommandLine.arguments.dropFirst())))
