import Signatures
import Testing

@Suite(.timeLimit(.minutes(10))) struct DigestTests {
    @Test func hashes() {
        // FIPS 180-4, the examples of NIST.
        #expect(
            Digest.hex(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Digest.hex(Digest.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func comparesBytes() {
        #expect(Digest.constantTimeEqual([], []))
        #expect(Digest.constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!Digest.constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!Digest.constantTimeEqual([1, 2, 3], [1, 2]))
        #expect(!Digest.constantTimeEqual([1, 2], [1, 2, 3]))
    }

    @Test func makesRandomBytes() {
        #expect(Digest.randomBytes(0).isEmpty)
        #expect(Digest.randomBytes(33).count == 33)
        #expect(Digest.randomBytes(16) != Digest.randomBytes(16))
    }

    @Test func readsAndWritesHex() {
        #expect(Digest.hex([0x00, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
        #expect(Digest.bytes(hex: "000fA0Ff") == [0x00, 0x0F, 0xA0, 0xFF])
        #expect(Digest.bytes(hex: "") == [])
        for text in ["0", "0g", "g0", "+1", " 1", "0x", "é", "12\0", "1:"] { #expect(Digest.bytes(hex: text) == nil) }
    }

    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func readsAndWritesBase64(_ plain: String, _ encoded: String) {
        #expect(Digest.base64(Array(plain.utf8)) == encoded)
        #expect(Digest.bytes(base64: encoded) == Array(plain.utf8))
        #expect(Digest.bytes(base64: encoded.filter { $0 != "=" }) == Array(plain.utf8))
    }

    @Test func readsAllBase64Digits() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Digest.bytes(base64: Digest.base64(bytes)) == bytes)
        #expect(Digest.base64([0xFB, 0xFF, 0xBF]) == "+/+/")
    }

    @Test(arguments: [
        "Z", "Zg=", "Zg===", "Zm9v=", "Zm9v==", "=", "====", "Zg==Zg==", "Z=g=", "Zm9-", "Zm9_", "Zm 9", "Zm9v\n",
        " Zm9v",
        "Zm9*", "Zm9é", "Zm9\0", "Zm9vY",
    ])
    func refusesOtherBase64(_ text: String) {
        #expect(Digest.bytes(base64: text) == nil)
    }

    @Test func makesUUIDs() {
        // The time of RFC 9562, appendix A.6.
        let uuid = UUIDv7.make(milliseconds: 0x017F_22E2_79B0)
        #expect(uuid.wholeMatch(of: /017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        #expect(uuid != UUIDv7.make(milliseconds: 0x017F_22E2_79B0))
        #expect(UUIDv7.make(milliseconds: -1).hasPrefix("ffffffff-ffff-7"))
        let made = (0..<200).map { _ in Array(UUIDv7.make(milliseconds: 0)) }
        // Every digit that is not fixed varies.
        for index in 14..<36 where ![14, 18, 23].contains(index) { #expect(Set(made.map { $0[index] }).count > 1) }
    }
}
