import JSON
import Text

/// A request to the HTTP API, signed. Valid for ten minutes, so make a new one for each attempt.
public struct PusherRequest: Sendable {
    /// `POST` or `GET`.
    public var method: String
    /// The path and the signed query.
    public var path: String
    /// The path at the endpoint.
    public var url: String
    /// Exactly these bytes are signed; of type `application/json` if there are any.
    public var body: [UInt8]
}

/// Makes requests to the Pusher Channels HTTP API 1.0. Sends nothing.
public struct PusherAPI: Sendable {
    private let credentials: PusherCredentials
    private let endpoint: PusherEndpoint

    /// An app at an endpoint.
    public init(credentials: PusherCredentials, endpoint: PusherEndpoint) {
        self.credentials = credentials
        self.endpoint = endpoint
    }

    /// One event to all of its channels: `POST /apps/{id}/events`.
    /// - Parameter now: seconds since 1970.
    public func trigger(_ event: PusherEvent, now: Int64) throws(PusherError) -> PusherRequest {
        try event.check()
        var json = JSONWriter()
        json.object { json in
            json.field("name", event.name)
            json.key("channels")
            json.array { json in event.channels.forEach { json.value($0) } }
            json.field("data", event.data)
            if let socketID = event.socketID { json.field("socket_id", socketID) }
        }
        return request("POST", "/events", body: json.bytes, now: now)
    }

    /// Several events at once: `POST /apps/{id}/batch_events`, with an entry for each channel of each event.
    /// - Parameters:
    ///   - limit: the most entries that the server takes.
    ///   - now: seconds since 1970.
    public func triggerBatch(
        _ events: [PusherEvent], limit: Int = PusherLimits.batchEntries, now: Int64
    ) throws(PusherError) -> PusherRequest {
        guard !events.isEmpty else { throw .noEvents }
        for event in events { try event.check() }
        let count = events.reduce(0) { $0 + $1.channels.count }
        guard count <= limit else { throw .tooManyEntries(count) }
        var json = JSONWriter()
        json.object { json in
            json.key("batch")
            json.array { json in events.forEach { Self.append($0, to: &json) } }
        }
        return request("POST", "/batch_events", body: json.bytes, now: now)
    }

    /// A question: `GET /apps/{id}...`.
    /// - Parameters:
    ///   - path: what follows the app's id, `/channels` for example.
    ///   - query: not escaped, and without those that sign.
    public func get(_ path: String, query: [(name: String, value: String)] = [], now: Int64) -> PusherRequest {
        request("GET", path, query: query, body: [], now: now)
    }

    /// Divides events into runs to send one after another: each with no more entries and bytes than the server takes,
    /// unless it is one event that is too large alone. The order stays; no event is divided.
    ///
    /// A run of one event is best sent by ``trigger(_:now:)``, which sends its data once for all of its channels.
    /// - Parameter maximumBytes: of a whole HTTP request with its headers, as Reverb counts (10,000 there by default).
    /// - Returns: the runs, as ranges of the indices of `events`.
    public func batches(
        of events: [PusherEvent], maximumEntries: Int = PusherLimits.batchEntries, maximumBytes: Int
    ) -> [Range<Int>] {
        // As a rule there is room enough whatever the escapes: then nothing has to be rendered to be measured.
        let isRoomy = events.reduce(0) { $0 + Self.longestEntries(of: $1) } <= maximumBytes / 2
        var overhead = 0
        if !isRoomy {
            let frame = request("POST", "/batch_events", body: Array(#"{"batch":[]}"#.utf8), now: .max)
            overhead = frame.url.utf8.count + frame.body.count + Self.headerBytes
        }
        var batches: [Range<Int>] = []
        var entries = 0
        var bytes = overhead
        for (index, event) in events.enumerated() {
            var size = 0
            if !isRoomy {
                var json = JSONWriter()
                json.array { Self.append(event, to: &$0) }
                // The entries, the commas between them and one before them: two brackets less, one comma more.
                size = json.bytes.count - 1
            }
            if let last = batches.last, entries + event.channels.count <= maximumEntries, bytes + size <= maximumBytes {
                batches[batches.count - 1] = last.lowerBound..<index + 1
            } else {
                batches.append(index..<index + 1)
                entries = 0
                bytes = overhead
            }
            entries += event.channels.count
            bytes += size
        }
        return batches
    }

    /// No entry is longer: a byte takes six as an escape, and member names and the socket's id have room in what is added.
    private static func longestEntries(of event: PusherEvent) -> Int {
        event.channels.reduce(0) { $0 + 6 * (event.name.utf8.count + event.data.utf8.count + $1.utf8.count) + 512 }
    }

    /// Room for the request line but its path, and for the headers of an HTTP client.
    private static let headerBytes = 400

    private static func append(_ event: PusherEvent, to json: inout JSONWriter) {
        // Escaped once for all channels.
        var data = JSONWriter()
        data.value(event.data)
        for channel in event.channels {
            json.object { json in
                json.field("channel", channel)
                json.field("name", event.name)
                json.field("data", raw: data.bytes)
                if let socketID = event.socketID { json.field("socket_id", socketID) }
            }
        }
    }

    private func request(
        _ method: String, _ path: String, query: [(name: String, value: String)] = [], body: [UInt8], now: Int64
    ) -> PusherRequest {
        let path = "/apps/\(credentials.appID)\(path)"
        var query = query
        query.append(("auth_key", credentials.key))
        query.append(("auth_timestamp", String(now)))
        query.append(("auth_version", "1.0"))
        // Reverb refuses a digest of nothing.
        if !body.isEmpty { query.append(("body_md5", PusherSignature.md5(body))) }
        let text = PusherSignature.canonical(method, path, query)
        query.append(("auth_signature", PusherSignature.hmac(text, key: credentials.hmac)))
        var target = path
        for (name, value) in query {
            target += target.utf8.count == path.utf8.count ? "?" : "&"
            target += PercentCoding.encode(name, keeping: ",")
            target += "="
            target += PercentCoding.encode(value, keeping: ",")
        }
        return PusherRequest(method: method, path: target, url: endpoint.url(target), body: body)
    }
}
