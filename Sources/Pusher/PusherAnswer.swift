import Time

/// What the answer to a trigger means for the events in it.
public enum PusherAnswer: Sendable, Hashable {
    /// Any 2xx.
    case delivered
    /// 400, 413, 422, and 4xx that are not named below: the same request will never be taken. Of a batch it says
    /// nothing of the single events.
    case refused(reason: String)
    /// 401, 403: the key, the clock or the quota. Events should wait until that is put right.
    case unauthorised(reason: String)
    /// 404: the server has no batches, or does not know the app.
    case unsupported
    /// 408, 425, 429, 5xx, and what no server of this API should answer, as redirections: try again, `after` so many seconds
    /// if the server says so.
    case retry(after: Int?)

    /// - Parameters:
    ///   - retryAfter: the header `Retry-After`, seconds or a date; at most a day counts.
    ///   - body: its beginning becomes the reason, without control characters.
    public init(status: Int, retryAfter: String? = nil, body: [UInt8] = []) {
        switch status {
        case 200..<300: self = .delivered
        case 401, 403: self = .unauthorised(reason: Self.reason(status, body))
        case 404: self = .unsupported
        case 408, 425, 429: self = .retry(after: Self.seconds(retryAfter))
        case 400..<500: self = .refused(reason: Self.reason(status, body))
        default: self = .retry(after: Self.seconds(retryAfter))
        }
    }

    private static func reason(_ status: Int, _ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self).unicodeScalars
        let words = text.split { $0.properties.generalCategory == .control || $0 == " " }
        return ([String(status)] + words.map { String($0) }).joined(separator: " ")
    }

    private static func seconds(_ text: String?) -> Int? {
        text.flatMap { RetryAfter.seconds($0) }.map { Int(min($0, 86_400)) }
    }
}
