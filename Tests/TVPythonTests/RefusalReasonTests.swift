import Testing

@testable import TVPython

@Suite(.timeLimit(.minutes(10))) struct RefusalReasonTests {
    private func text(_ body: String) -> String { RefusalReason(status: 422, body: Array(body.utf8)).text }

    @Test(arguments: [
        // FastAPI
        (#"{"detail":"Not allowed"}"#, "Not allowed"),
        (
            #"{"detail":[{"loc":["body","queries",2],"msg":"String is too long"}]}"#,
            "body.queries.2: String is too long"
        ),
        (
            #"{"detail":[{"type":"missing","loc":["body","name"],"msg":"Field required","input":{"callback":"gb-console"}},"#
                + #"{"loc":["body"],"msg":"b","ctx":{"error":"no"}}]}"#, "body.name: Field required; body: b"
        ),
        (#"{"detail":{"code":"x","message":"Too many"}}"#, "Too many"),
        // Plain members
        (#"{"message":"No","error":"Unprocessable","status":422,"path":"/dataset/create"}"#, "No"),
        (#"{"error":"No"}"#, "No"), (#"{"error":{"code":7,"message":"No"}}"#, "No"),
        (#"{"error":{"errors":[{"message":"a"},{"message":"b"}]}}"#, "a; b"),
        (#"{"error":"invalid_request","error_description":"The name is empty"}"#, "The name is empty"),
        (#"{"error":true,"message":"No"}"#, "No"), (#"{"message":"","error":"No"}"#, "No"),
        // RFC 9457 and 7807
        (#"{"type":"about:blank","title":"Bad","status":422,"detail":"Worse","instance":"/x"}"#, "Bad: Worse"),
        (#"{"title":"Bad"}"#, "Bad"), (#"{"title":"Bad","detail":"Bad name"}"#, "Bad name"),
        (
            ##"{"title":"Invalid","errors":[{"detail":"must be positive","pointer":"#/queries/2"}]}"##,
            "Invalid; queries.2: must be positive"
        ),
        (
            #"{"title":"Invalid","invalid-params":[{"name":"age","reason":"must be positive"}]}"#,
            "Invalid; age: must be positive"
        ),
        // JSON:API
        (#"{"errors":[{"title":"Bad","detail":"no","source":{"pointer":"/data/name"}}]}"#, "data.name: Bad: no"),
        // Django REST framework
        (#"{"queries":["Too long.","Too many."]}"#, "queries: Too long.; queries: Too many."),
        (#"{"name":["Blank."],"slug":["Blank."],"type":["Blank."]}"#, "name: Blank.; slug: Blank.; type: Blank."),
        (#"{"non_field_errors":["No."],"name":["Blank."]}"#, "No.; name: Blank."),
        (
            #"{"products":[{},{"sku":["Blank."]}],"wishlist":{"slug":["No."]}}"#,
            "products.1.sku: Blank.; wishlist.slug: No."
        ),
        // Laravel
        (
            #"{"message":"The name is short. (and 1 more error)","errors":{"name":["The name is short."],"q":["No q."]}}"#,
            "The name is short. (and 1 more error); q: No q."
        ),
        // Lists and texts
        (#"["a","b"]"#, "a; b"), (#""no""#, "no"), ("no \n\n such\tthing", "no such thing"),
        (#"{"errors":["a",{"field":"f","message":"b"}]}"#, "a; f: b"),
        (#"{"issues":[{"path":["queries",2],"message":"long"}]}"#, "queries.2: long"),
    ])
    func isFound(body: String, reason: String) {
        #expect(text(body) == reason)
    }

    @Test(arguments: [
        "", " ", "{}", "[]", "null", "17", "true", #"{"status":422}"#, #"{"detail":[]}"#, #"{"message":" "}"#,
        "<html><body>Bad Gateway</body></html>", "\n  <!DOCTYPE html>", "<?xml version='1.0'?>", "a\0b",
    ])
    func whatSaysNothing(body: String) {
        #expect(text(body) == "status 422")
    }

    @Test func isBoundedAndClean() {
        #expect(RefusalReason(status: 400, body: [0x1F, 0x8B, 0xFF]).text == "status 400")
        #expect(text(#"{"message":"a\u0000\u001b[31mb\u202ec\u2028d\r\ne"}"#) == "a [31mb c d e")
        for body in [String(repeating: "é", count: 5000), #"{"message":"\#(String(repeating: "é", count: 5000))"}"#] {
            let long = text(body)
            #expect(long == String(repeating: "é", count: 499) + "…")
        }
        let many = "[" + (0..<1000).map { #""reason \#($0)""# }.joined(separator: ",") + "]"
        #expect(text(many).hasSuffix("reason 9; and 90 more"))
        let deep = String(repeating: #"{"error":"#, count: 30) + #""x""# + String(repeating: "}", count: 30)
        #expect(text(deep) == "status 422")
    }

    @Test(arguments: [
        (#"{"message":"The callback gb-console is not registered."}"#, true),
        (#"{"message":"No Webhook known"}"#, true),
        (#"{"message":"Not found","code":"callback_missing"}"#, true),
        (#"{"error":{"code":"CALLBACK","message":"Not found"}}"#, true), ("unknown callback", true),
        ("No receiver gb-console", true),
        (#"{"detail":[{"loc":["body","callback"],"msg":"unknown"}]}"#, true),
        (#"{"detail":[{"loc":["body","name"],"msg":"no","input":{"callback":"gb-console"}}]}"#, false),
        (#"{"message":"The name is taken"}"#, false), ("", false),
    ])
    func namesTheCallback(body: String, isNamed: Bool) {
        #expect(RefusalReason(status: 422, body: Array(body.utf8)).namesCallback == isNamed)
    }
}
