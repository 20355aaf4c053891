import CCrypto

/// HMAC-SHA256 (RFC 2104) with one key, whose schedule is computed once.
///
/// Unchecked, as a C pointer is not known to be Sendable: after `init` the context is only ever read, by
/// `EVP_MAC_CTX_dup`, which takes it as const and may be called from any thread, and `deinit` runs once.
package final class HMACKey: @unchecked Sendable {
    private let context: OpaquePointer

    /// Computes the schedule of a key of any length.
    package init(_ key: [UInt8]) {
        // What fails here is a lack of memory or a broken OpenSSL, never a matter of the key.
        let algorithm = EVP_MAC_fetch(nil, OSSL_MAC_NAME_HMAC, nil)
        defer { EVP_MAC_free(algorithm) }
        guard let context = EVP_MAC_CTX_new(algorithm) else { preconditionFailure("OpenSSL has no HMAC") }
        // A parameter points to its name and its value: both must live until it has been read.
        let result = OSSL_MAC_PARAM_DIGEST.withCString { name in
            var digest = Array("SHA256".utf8CString)
            return digest.withUnsafeMutableBufferPointer { digest in
                var parameters = [
                    OSSL_PARAM_construct_utf8_string(name, digest.baseAddress, 0), OSSL_PARAM_construct_end(),
                ]
                return EVP_MAC_init(context, key, key.count, &parameters)
            }
        }
        precondition(result == 1, "OpenSSL has no HMAC-SHA256")
        self.context = context
    }

    deinit {
        EVP_MAC_CTX_free(context)
    }

    /// The 32 bytes of the code over both parts, one after the other.
    package func authenticate(_ head: [UInt8], _ body: [UInt8]) -> [UInt8] {
        let copy = EVP_MAC_CTX_dup(context)
        defer { EVP_MAC_CTX_free(copy) }
        return [UInt8](unsafeUninitializedCapacity: 32) { code, count in
            let isDone =
                EVP_MAC_update(copy, head, head.count) == 1 && EVP_MAC_update(copy, body, body.count) == 1
                && EVP_MAC_final(copy, code.baseAddress, &count, code.count) == 1
            precondition(isDone && count == 32, "OpenSSL failed at HMAC-SHA256")
        }
    }
}
