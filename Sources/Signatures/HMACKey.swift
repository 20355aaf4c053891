import CCrypto
import Synchronization

/// HMAC-SHA256 (RFC 2104) with one key, whose schedule is computed once. Callable from any thread.
package final class HMACKey: Sendable {
    /// Proof of `@unchecked Sendable`: OpenSSL ties a context to no thread, only to one use at a time. The pointer is made and
    /// freed here, cannot be copied out of `context`, and is used under its lock alone.
    private struct Context: ~Copyable, @unchecked Sendable {
        let pointer: OpaquePointer

        deinit { EVP_MAC_CTX_free(pointer) }
    }

    private let context: Mutex<Context>

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
        self.context = Mutex(Context(pointer: context))
    }

    /// The 32 bytes of the code over both parts, one after the other.
    package func authenticate(_ head: [UInt8], _ body: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { code, count in
            let isDone = context.withLock { context in
                // Without a key it begins again with the one it has.
                EVP_MAC_init(context.pointer, nil, 0, nil) == 1
                    && EVP_MAC_update(context.pointer, head, head.count) == 1
                    && EVP_MAC_update(context.pointer, body, body.count) == 1
                    && EVP_MAC_final(context.pointer, code.baseAddress, &count, code.count) == 1
            }
            precondition(isDone && count == 32, "OpenSSL failed at HMAC-SHA256")
        }
    }
}
