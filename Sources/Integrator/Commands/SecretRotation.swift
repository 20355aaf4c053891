import Foundation
import HTTPClient
import MySQL
import Signatures
import TVPython
import Time
import Web

/// Gives the webhooks another secret without refusing one meanwhile: the new secret is accepted everywhere before it is
/// registered, and the old one until nothing signed by it can come any more.
struct SecretRotation {
    /// What was done, and what is left to do.
    struct Report {
        var file: String?
        /// How many secrets are accepted now.
        var accepted: Int
        var isRegistered = false
        /// Process ids of the instances that have taken the secrets.
        var instances: [Int32] = []
        var isDone = true
        var lines: [String] = []
    }

    /// How long an instance may take to read its secrets again.
    private static let patience: Duration = .seconds(5)

    let environment: Environment
    let secrets: [WebhookSecret]
    let registration: CallbackRegistration
    let client: HTTPClient

    /// The first step: a new secret, accepted, then registered.
    func start(registers: Bool) async throws -> Report {
        let new = WebhookSecret.generate()
        guard let file = environment.file(of: "TV_WEBHOOK_SECRETS") else { return byHand(new) }
        let all = [new] + secrets
        try SecretsFile(path: file).write(all)
        var report = Report(file: file, accepted: all.count)
        report.lines.append("wrote \(file): the new secret first, \(secrets.count) before it still accepted")
        guard await reload(file, new, isTaken: true, &report) else {
            report.lines.append("NOT registered. Webhooks are signed by the old secret, which is accepted as before.")
            report.lines.append("When all instances have read the file: integrator callbacks sync")
            report.isDone = false
            return report
        }
        guard registers else {
            report.lines.append("not registered: --prepare. Bring the file to the other machines and reload the")
            report.lines.append("instances there (SIGHUP), then: integrator callbacks sync")
            return report
        }
        registration.use(new)
        switch await registration.sync() {
        case .success:
            report.isRegistered = true
            report.lines.append("registered the new secret at the TV Python API")
            report.lines.append(
                "the old one stays accepted. When no retry signed by it can come: "
                    + "integrator callbacks rotate-secret --finish")
        case .rejected(let refusal):
            report.isDone = false
            report.lines.append("NOT registered: the TV Python API answered \(refusal.status): \(refusal)")
            report.lines.append("Both secrets are accepted, nothing is refused. Then: integrator callbacks sync")
        case .unavailable(let failure):
            report.isDone = false
            report.lines.append("NOT registered: the TV Python API is not available: \(failure)")
            report.lines.append("Both secrets are accepted, nothing is refused. Later: integrator callbacks sync")
        }
        return report
    }

    /// The last step: only the first secret is accepted from now on.
    func finish() async throws -> Report {
        guard let file = environment.file(of: "TV_WEBHOOK_SECRETS") else {
            var report = Report(accepted: secrets.count)
            report.lines.append("TV_WEBHOOK_SECRETS is no file: remove all but the first from it, and reload (SIGHUP)")
            report.isDone = secrets.count == 1
            return report
        }
        var report = Report(file: file, accepted: 1)
        if secrets.count > 1 { try SecretsFile(path: file).write([secrets[0]]) }
        report.lines.append("\(file) holds one secret; \(secrets.count - 1) removed")
        // The last of those removed is refused once the file has been read.
        report.isDone = await reload(file, secrets[secrets.count - 1], isTaken: secrets.count == 1, &report)
        return report
    }

    private func byHand(_ new: WebhookSecret) -> Report {
        var report = Report(accepted: secrets.count)
        report.lines = [
            "TV_WEBHOOK_SECRETS is not read from a file (TV_WEBHOOK_SECRETS_FILE), so nothing has been changed.",
            "A new secret: \(new.text)",
            "1. Put it before the old ones in TV_WEBHOOK_SECRETS of each instance, with a space between them.",
            "2. In .env: send each instance SIGHUP. In the process's own environment: restart each.",
            "3. integrator callbacks sync",
            "4. When no retry signed by the old secret can come: remove it, and SIGHUP or restart again.",
        ]
        return report
    }

    /// Has the instances of this machine read the file, and sees that each now takes, or refuses, what a secret signs.
    /// - Returns: whether all do.
    private func reload(_ file: String, _ secret: WebhookSecret, isTaken: Bool, _ report: inout Report) async -> Bool {
        let instances = RunningInstance.all(readingSecretsFrom: file)
        if instances.isEmpty { report.lines.append("no instance on this machine uses the file") }
        var all = true
        for instance in instances {
            kill(instance.pid, SIGHUP)
            if await shows(instance, secret, isTaken: isTaken) {
                report.instances.append(instance.pid)
                report.lines.append(
                    "the instance with pid \(instance.pid) has read it, and \(isTaken ? "accepts" : "refuses") the secret"
                )
            } else {
                all = false
                report.lines.append("the instance with pid \(instance.pid) has not read it: see its log")
            }
        }
        return all
    }

    /// Tries with a webhook of a type that nobody knows: where it is taken it is stored once, and ignored.
    private func shows(_ instance: RunningInstance, _ secret: WebhookSecret, isTaken: Bool) async -> Bool {
        let id = "secret_check_" + UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000)
        let body = Array(#"{"type":"integrator.secret_check"}"#.utf8)
        let expected = isTaken ? [200] : [401, 429]
        let deadline = ContinuousClock.now + Self.patience
        repeat {
            let webhook = SignedWebhook(id: id, body: body, secret: secret)
            if let answer = try? await webhook.post(to: instance.url + WebhookEndpoint.path, client),
                expected.contains(answer.status)
            {
                return true
            }
            try? await Task.sleep(for: .milliseconds(150))
        } while ContinuousClock.now < deadline
        return false
    }
}

/// The file that `TV_WEBHOOK_SECRETS_FILE` names.
struct SecretsFile {
    struct WriteError: Error, CustomStringConvertible {
        let description: String
    }

    let path: String

    /// Replaces the file as a whole: whoever reads it sees the old secrets or the new ones. Owner and mode stay.
    func write(_ secrets: [WebhookSecret]) throws(WriteError) {
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let new = real + ".new-\(getpid())"
        var old = stat()
        guard stat(real, &old) == 0 else { throw fault("cannot be read") }
        let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw fault("no file can be made beside it") }
        defer { close(descriptor) }
        let bytes = Array((secrets.map(\.text).joined(separator: " ") + "\n").utf8)
        guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count,
            fchmod(descriptor, old.st_mode & 0o777) == 0,
            fchown(descriptor, old.st_uid, old.st_gid) == 0 || errno == EPERM,
            fsync(descriptor) == 0, rename(new, real) == 0
        else {
            let error = fault("cannot be written")
            unlink(new)
            throw error
        }
    }

    private func fault(_ text: String) -> WriteError {
        WriteError(description: "\(path): \(text): \(String(cString: strerror(errno)))")
    }
}
