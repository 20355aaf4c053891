import HTTPServer
import JSON
import Operations

/// The callback at the TV Python API.
extension OperatorAPI {
    func addCallback(to router: inout Router) {
        read("/callback", &router) { _, _ in
            let details = try await tools.callback()
            return Self.object { details.write(to: &$0) }
        }
        act("/callback/sync", &router) { _, holder in
            try await tools.desk.recorded("callbacks sync", "", by: holder.name) {
                try await tools.sync()
                return ((), 1, "registered")
            }
            return Self.object { $0.field("count", 1) }
        }
        act("/callback/rotate", &router) { body, holder in
            guard let step = body?["step"]?.string.flatMap(OperatorTools.RotationStep.init) else {
                throw APIError.invalid(
                    400, "invalid_parameters", [("step", ["The step must be prepare, register or finish."])])
            }
            let (lines, isDone) = try await tools.desk.recorded(
                "callbacks rotate-secret", step.rawValue, by: holder.name
            ) {
                let report = try await tools.rotate(step)
                return (report, report.isDone ? 1 : 0, report.isDone ? "done" : "not done")
            }
            return Self.object { json in
                json.field("is_done", isDone)
                json.key("notes")
                json.array { json in for line in lines { json.value(line) } }
            }
        }
        act("/callback/test", &router) { _, holder in
            let answer = try await tools.desk.recorded("webhooks test", "", by: holder.name) {
                let answer = try await tools.testWebhook()
                return (answer, 1, answer)
            }
            return Self.object { $0.field("answer", answer) }
        }
    }
}
