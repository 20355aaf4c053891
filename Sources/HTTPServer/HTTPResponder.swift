/// The way to answer one request, once, from any thread, in the handler or later. If it is dropped without an answer the
/// client gets 500.
public final class HTTPResponder: Sendable {
    private let exchange: Exchange
    private let request: UInt64
    private let core: ServerCore

    init(exchange: Exchange, core: ServerCore) {
        self.exchange = exchange
        self.request = exchange.begin()
        self.core = core
    }

    /// Sends the response. The first call wins, others do nothing; so does one for a client that has gone.
    public func respond(_ response: HTTPResponse) {
        if exchange.isPending(request), let prepared = core.prepare(response) {
            core.hold(response.body.count, exchange)
            exchange.answer(request, prepared)
        }
    }

    /// Answers 101 with these headers (`Upgrade` among them; `Connection: Upgrade` is added) and hands the socket over.
    ///
    /// `body` is called on the server's event thread once the 101 has been sent, and must not block: the socket is to
    /// be read and written by a thread of the caller's own. It is not called if the client has gone.
    public func upgrade(
        headers: [(name: String, value: String)], _ body: @escaping @Sendable (HTTPUpgradedConnection) -> Void
    ) {
        let handler = UpgradeHandler(sockets: core.upgradedSockets, body: body)
        if exchange.isPending(request),
            let prepared = PreparedResponse(upgradeHeaders: headers, handler: handler) ?? core.prepareError(500)
        {
            exchange.answer(request, prepared)
        }
    }

    deinit {
        if exchange.isPending(request), let prepared = core.prepareError(500) {
            exchange.answer(request, prepared)
        }
    }
}
