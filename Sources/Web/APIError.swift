package import Datasets
package import HTTPServer
import JSON
import Store

/// An answer that is an error: `{"message", "code"}`, and `errors` where input is at fault (spec, section 2).
package struct APIError: Error, Sendable {
    package var status: Int
    package var code: String
    package var message: String
    /// What is wrong with each field.
    package var errors: [(field: String, reasons: [String])] = []
    package var headers: [(name: String, value: String)] = []
    /// More members of the body, as raw JSON.
    package var members: [(name: String, json: [UInt8])] = []

    package init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    package static let notFound = APIError(404, "not_found", "Not found.")
    static let serverError = APIError(500, "server_error", "Server Error")

    /// The service can do it later.
    package static func unavailable(_ code: String, _ message: String, retryAfter seconds: Int) -> APIError {
        var error = APIError(503, code, message)
        error.headers = [("Retry-After", String(seconds))]
        return error
    }

    /// Too many failures from one address.
    static func tooManyAttempts(retryAfter seconds: Int64) -> APIError {
        var error = APIError(429, "too_many_requests", "Too Many Attempts.")
        error.headers = [("Retry-After", String(seconds))]
        return error
    }

    /// Fields are at fault.
    package static func invalid(
        _ status: Int, _ code: String, _ errors: [(field: String, reasons: [String])]
    ) -> APIError {
        var error = APIError(Refusal(.invalid, code, errors))
        error.status = status
        return error
    }

    /// The one place that maps the product's refusals to statuses (spec, section 2).
    package init(_ refusal: Refusal) {
        let status: Int
        switch refusal.reason {
        case .unauthenticated:
            status = 401
            headers = [("WWW-Authenticate", "Bearer")]
        case .paymentRequired: status = 402
        case .forbidden: status = 403
        case .notFound: status = 404
        case .conflict: status = 409
        case .invalid: status = 400
        case .incomplete: status = 422
        case .rejectedUpstream: status = 502
        case .unavailable(let seconds):
            status = 503
            headers = [("Retry-After", String(seconds))]
        }
        (self.status, code, message) = (status, refusal.code, refusal.message)
        (errors, members) = (refusal.errors, refusal.members)
    }

    /// The answer to a client for any error; what is not meant for clients becomes 500, or 503 if the database is away.
    package init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let refusal as Refusal: self.init(refusal)
        case _ where DatabaseFault.passes(error):
            self = .unavailable("database_unavailable", "The database is not available.", retryAfter: 1)
        default: self = .serverError
        }
    }

    package var response: HTTPResponse {
        var json = JSONWriter()
        json.object { json in
            json.field("message", message)
            json.field("code", code)
            if !errors.isEmpty {
                json.key("errors")
                json.object { json in
                    for (field, reasons) in errors {
                        json.key(field)
                        json.array { json in for reason in reasons { json.value(reason) } }
                    }
                }
            }
            for (name, raw) in members { json.field(name, raw: raw) }
        }
        return HTTPResponse(
            status: status,
            headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store, private")] + headers,
            body: json.bytes)
    }
}
