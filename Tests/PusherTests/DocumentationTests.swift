import Foundation
import Pusher
import Testing

/// The examples of the documentation, run; and compared with the page, so that they stay what is shown.
@Suite(.timeLimit(.minutes(10))) struct DocumentationTests {
    @Test func theExamplesRun() throws {
        // example
        let api = PusherAPI(
            credentials: PusherCredentials(appID: "3", key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8"),
            endpoint: PusherEndpoint(cluster: "eu"))
        let event = PusherEvent(name: "dataset.completed", channels: ["private-group.7"], data: #"{"id":42}"#)
        let request = try api.trigger(event, now: 1_353_088_179)
        // end
        #expect(request.method == "POST")
        #expect(request.url.hasPrefix("https://api-eu.pusher.com/apps/3/events?auth_key=278d425bdf160c739803&"))
        // example
        let authorizer = ChannelAuthorizer(
            credentials: PusherCredentials(appID: "3", key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8"))
        let auth = try authorizer.authorize(socketID: "1234.1234", channel: "private-foobar")
        // end
        // The example of Pusher's documentation of authorisation.
        #expect(auth == "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4")
    }

    @Test func theExamplesAreThoseShown() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Sources/Pusher/Pusher.docc/Pusher.md"), encoding: .utf8)
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        let shown = page.components(separatedBy: "```swift\n").dropFirst().map { part in
            (part.components(separatedBy: "```").first ?? "").filter { !$0.isWhitespace }
        }
        let run = source.components(separatedBy: "// example\n").dropFirst().map { part in
            (part.components(separatedBy: "// end").first ?? "").filter { !$0.isWhitespace }
        }
        #expect(shown.count == 2)
        #expect(shown == Array(run.prefix(2)))
    }
}
