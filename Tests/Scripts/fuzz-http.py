"""Framing faults against the service, directly and behind nginx: nothing may hang, crash, or be read as two requests by one
of them and as one by the other.

Each case is one message, sound or broken in one or more places, with a whole request inside its body or behind its fault
whose X-Request-Id tells if it was taken for one. It is sent in pieces; then the client stops sending and reads to the end.
Between nginx and the service the answers are counted: one for each request that nginx has sent.
Usage: fuzz-http.py PORT COUNT SEED [PROXY_PORT RELAY_PORT]
"""
import os
import random
import re
import socket
import sys
import threading
import time

PATIENCE = 15
HIDDEN = b"hidden-request"


def request(identity, method=b"GET", path=b"/health/live", fields=b"", body=b""):
    return (method + b" " + path + b" HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + identity + b"\r\n" + fields + b"\r\n" + body)


SMUGGLED = request(HIDDEN)
# Where a fault is put in: any of these, at any place of the header or of the chunks.
BYTES = [b"\n", b"\r", b"\0", b" ", b"\t", b"\r\n", b"\n\n", b"\r\r\n", b":", b",", b";", b"\x0b", b"\x7f", b"\xff", b"0", b"-"]
LENGTH_FIELDS = [
    b"Content-Length: %d", b"Content-Length:%d", b"content-length: %d", b"Content-Length: %d ", b"Content-Length : %d",
    b"Content-Length: +%d", b"Content-Length: 0%d", b"Content-Length: %d, %d", b"Content-Length: %d\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-Length: %d", b"Content-Length: %d\nX: y", b"Content-Length: %d\0", b" Content-Length: %d",
    b"X: y\r\n Content-Length: %d", b"Content-Length: %d\r\nTransfer-Encoding: chunked",
    b"Content-Length: 0x%d", b"Content-Length: -%d", b"Content-Length: %d\x0b", b"Content_Length: %d",
]
CHUNKED_FIELDS = [
    b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked", b"Transfer-Encoding:chunked", b"Transfer-Encoding: chunked ",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Transfer-Encoding: \"chunked\"",
    b"X: y\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\0", b"Transfer-Encoding: identity",
]


def chunks(random, data):
    """Chunked coding of the data, at times broken."""
    end = lambda: random.choice([b"\r\n"] * 12 + [b"\n", b"\r", b"\n\r", b" \r\n", b"\r\n\r\n", b""])
    size = lambda n: random.choice([b"%x"] * 10 + [b"%X", b"0%x", b"%x;a=b", b"%x ;a", b" %x", b"+%x", b"0x%x", b"%x;\"\r\n\""]) % n
    coded = b""
    while data:
        part = data[: random.randint(1, len(data))]
        coded += size(len(part)) + end() + part + end()
        data = data[len(part) :]
    return coded + size(0) + end() + random.choice([b""] * 6 + [b"X: t\r\n", b"Content-Length: 9\r\n"]) + end()


def message(random, identity):
    kind = random.randrange(10)
    path = random.choice([b"/broadcasting/auth", b"/webhooks/tv-python", b"/health/live", b"/api/v1/none"])
    method = random.choice([b"POST", b"POST", b"POST", b"GET", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"post"])
    body = random.choice([SMUGGLED, b"x" * random.randint(0, 40) + SMUGGLED, b"\r\n" + SMUGGLED, b"0\r\n\r\n" + SMUGGLED])
    if kind < 4:
        field = random.choice(LENGTH_FIELDS[:2] * 6 + LENGTH_FIELDS)
        length = random.choice([len(body)] * 5 + [0, 1, len(body) - 1])
        whole = request(identity, method, path, field.replace(b"%d", b"%d" % length) + b"\r\n", body)
        # A body that is longer than told has a request behind it, by right.
        if length != len(body):
            whole = whole.replace(HIDDEN, b"rightful-" + identity)
    elif kind < 8:
        field = random.choice(CHUNKED_FIELDS[:3] * 6 + CHUNKED_FIELDS)
        whole = request(identity, method, path, field + b"\r\n", chunks(random, body))
    elif kind == 8:
        count = random.choice([1, 50, 200, 280, 330, 600, 2000])
        piece = random.choice([b"&a=%d", b"&%d", b"&"])
        query = b"?" + b"".join(piece.replace(b"%d", b"%d" % n) for n in range(count))
        fields = random.choice([b"", b"X: y\r\n", b"a: b\r\n", b"abc: \t \r\n"]) * random.choice([1, 20, 200, 900])
        whole = request(identity, b"GET", path + (query if random.random() < 0.7 else b""), fields)
    else:
        whole = os.urandom(random.randint(1, 60)) + request(identity)
    for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
        place = random.randrange(max(1, whole.find(b"\r\n\r\n") + 4))
        fault = random.choice(BYTES)
        whole = whole[:place] + fault + whole[place + random.choice([0, 0, len(fault)]) :]
    return whole


class Fault(Exception):
    pass


class Relay(threading.Thread):
    """Between nginx and the service. nginx marks each of its requests, and sends the next one after the answer."""

    MARK = b"X-Proxy-Mark: 7d1c0f"

    def __init__(self, port, target, faults):
        super().__init__(daemon=True)
        self.target, self.faults, self.requests = target, faults, 0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)

    def run(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.serve, args=(client, server), daemon=True).start()

    def serve(self, client, server):
        sent, answer = [], []

        def upstream():
            self.copy(client, server, sent)

        thread = threading.Thread(target=upstream, daemon=True)
        thread.start()
        self.copy(server, client, answer)
        thread.join()
        client.close()
        server.close()
        sent, answer = b"".join(sent), b"".join(answer)
        requests, answers = sent.count(self.MARK), count_answers(answer)
        self.requests += requests
        if answers > requests:
            self.faults.append(f"{requests} requests of nginx, {answers} answers: {sent!r} gave {answer!r}")

    @staticmethod
    def copy(source, target, kept):
        try:
            while part := source.recv(65536):
                kept.append(part)
                target.sendall(part)
        except OSError:
            pass
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def count_answers(stream):
    count = 0
    while stream:
        head, mark, stream = stream.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d\d\d)", head)
        if not mark or not status:
            break
        if status[1] == b"100":
            continue
        count += 1
        length = re.search(rb"(?i)\r\nContent-Length: *(\d+)", head)
        stream = stream[int(length[1]) if length else 0 :]
    return count


def exchange(port, pieces):
    """Sends in pieces, stops sending, reads to the end."""
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    begin = time.monotonic()
    try:
        try:
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = b""
        while True:
            try:
                part = client.recv(65536)
            except socket.timeout:
                raise Fault(f"no end after {PATIENCE} s; sent: {pieces!r}; came: {answer[-300:]!r}")
            except ConnectionError:
                return answer
            if not part:
                return answer
            answer += part
            if time.monotonic() - begin > 2 * PATIENCE:
                raise Fault("answers without end")
    finally:
        client.close()


def identities(answer):
    return re.findall(rb"(?im)^X-Request-Id: *([^\r\n]+)\r\n", answer)


def try_one(port, random, number, is_proxied):
    identity = b"case-%d-%d" % (port, number)
    data = message(random, identity)
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice([0, 0, 0, 1, 3])))
    pieces = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
    answer = exchange(port, pieces)
    if is_proxied and (b" 502 " in answer or b" 504 " in answer):
        raise Fault(f"nginx had no answer to {data!r}")
    if HIDDEN in answer:
        return data, answer
    if is_proxied and number % 10 == 0:
        # An answer that nobody asked for would be given to somebody else.
        canary = b"canary-%d" % number
        seen = identities(exchange(port, [request(canary, fields=b"Connection: close\r\n")]))
        if seen != [canary]:
            raise Fault(f"asked as {canary!r}, answered as {seen!r} after {data!r}")
    return None


def strict_end(data):
    """How many bytes a strict reader takes for the first request; None if it refuses it."""
    head, mark, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if not mark or any(b"\n" in line or b"\r" in line or b"\0" in line for line in lines):
        return None
    if not re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]", lines[0]):
        return None
    fields = []
    for line in lines[1:]:
        found = re.fullmatch(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)", line, re.S)
        if not found:
            return None
        fields.append((found[1].lower(), found[2].strip(b" \t")))
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    taken = len(head) + 4
    if codings:
        if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
            return None
        return taken  # After a chunked body nothing is taken, whatever it is: see below.
    if lengths:
        if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
            return None
        taken += int(lengths[0])
    return taken


def is_rightful(data):
    """Whether a strict reader sees the hidden request as one, or would, had it not been told to close."""
    while data:
        data = data.lstrip(b"\r\n")
        # What stands before it may make another method of it.
        if re.match(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]*" + re.escape(SMUGGLED), data):
            return True
        end = strict_end(data)
        if end is None or re.search(rb"(?i)\r\ntransfer-encoding:", data[: data.find(b"\r\n\r\n") + 4]):
            return False
        data = data[end:]
    return False


def run(port, count, seed, is_proxied, faults):
    source = random.Random(seed)
    for number in range(count):
        state = source.getstate()
        try:
            found = try_one(port, source, number, is_proxied)
            # nginx takes a chunked body to its end, and what follows is a request by right.
            if found and not is_proxied and not is_rightful(found[0]):
                raise Fault(f"a hidden request was taken: {found[0]!r} gave {found[1]!r}")
        except (Fault, OSError) as fault:
            faults.append(f"port {port}, case {number} of seed {seed}: {fault!r}")
            if len(faults) > 20:
                return


def main():
    port, count, seed = (int(text) for text in sys.argv[1:4])
    ports = [(port, False)] + [(int(text), True) for text in sys.argv[4:5]]
    faults, threads, begin = [], [], time.monotonic()
    relay = None
    if len(ports) > 1:
        relay = Relay(int(sys.argv[5]), port, faults)
        relay.start()
    for number, (target, is_proxied) in enumerate(ports):
        for half in range(4):
            share = count // len(ports) // 4
            arguments = (target, share, seed * 100 + number * 10 + half, is_proxied, faults)
            threads.append(threading.Thread(target=run, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fault in faults:
        print(fault)
    if relay:
        print(f"fuzz-http: nginx made {relay.requests} requests of its share")
    print(f"fuzz-http: {count} requests, {len(faults)} faults, {time.monotonic() - begin:.0f} s, seed {seed}")
    sys.exit(1 if faults else 0)


main()
