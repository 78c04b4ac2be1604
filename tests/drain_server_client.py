#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients of drain-server: python3 drain_server_client.py PROGRAM

Every request must end in exactly one way: answered (200, with the hash of its
own number), refused (503), or not at all, since the connection was ended in good
order before any byte of an answer.  The server's last line must count the same.
No rule here depends on how long something takes; a server that does nothing for
a minute is killed.
"""
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys

PROGRAM = sys.argv[1]
SEED = int(os.environ.get("COQUEUE_TEST_SEED") or random.SystemRandom().getrandbits(32))
ROUNDS = 30 * int(os.environ.get("COQUEUE_TEST_SCALE") or 1)
CONNECTIONS, EACH = 50, 200
HEAVY = 200_000  # what is added to make a request take some 0.2 ms
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")

HASHES = [14695981039346656037]
for i in range(1, HEAVY + CONNECTIONS * EACH):
    HASHES.append((HASHES[-1] ^ i) * 1099511628211 % 2**64)


def request(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: here\r\n{fields}\r\n".encode()


def body(n):
    return b"%d %016x\n" % (n, HASHES[n])


class Wrong(Exception):
    pass


def demand(true, *what):
    if not true:
        raise Wrong(*what)


class Answer:
    """The first answer in data, if all of it is there: size bytes of it."""

    def __init__(self, data):
        self.size = 0
        head = HEAD.match(data)
        if not head:
            demand(b"\r\n\r\n" not in data, "no head of an answer", data)
            return
        length = re.search(rb"Content-Length: (\d+)\r\n", head[2])
        demand(length, "an answer without its length", head[0])
        end = head.end() + int(length[1])
        if len(data) < end:
            return
        self.size, self.status = end, int(head[1])
        self.body = bytes(data[head.end() : end])
        self.last = b"Connection: close\r\n" in head[2]
        demand(
            (self.status == 503) == (b"Retry-After: " in head[2]),
            "Retry-After",
            head[0],
        )


class Server:
    """A drain-server, and what it has printed."""

    def __init__(self, workers=2, capacity=16, seconds=600):
        self.process = subprocess.Popen(
            [PROGRAM, "0", str(workers), str(capacity), str(seconds)],
            stdout=subprocess.PIPE,
        )
        self.port = int(re.fullmatch(r"port (\d+)\n", self.line())[1])
        self.descriptors = self.count("fd")
        self.threads = self.count("task") - workers
        self.terms = 0

    def count(self, what):
        return len(os.listdir(f"/proc/{self.process.pid}/{what}"))

    def line(self):
        """The next that it prints, read no further, so that one can poll."""
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self.process.stdout.fileno(), 1)
            demand(byte, "the server has ended after", line)
            line += byte
        return line.decode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

    def term(self):
        self.terms += 1
        self.process.send_signal(signal.SIGTERM)

    def drain(self):
        self.term()
        self.draining()

    def draining(self):
        line = self.line()
        demand(line.startswith("draining"), line)

    def left_alone_with(self, idle):
        """All workers leave, and of its descriptors remain those that it began
        with, with the connection `idle` for the socket that it listened on."""
        poll = select.poll()
        poll.register(self.process.stdout, select.POLLIN)
        while (
            self.count("fd") != self.descriptors or self.count("task") != self.threads
        ):
            demand(not poll.poll(1), "the server did not wait for a client")
        idle.close()

    def end(self):
        """Its counts, once it has ended by itself."""
        last = re.fullmatch(
            r"(drained|cut short): accepted (\d+), answered (\d+), "
            r"refused (\d+), discarded (\d+)\n",
            self.line(),
        )
        status = self.process.wait()
        self.process.stdout.close()
        demand(status == 0, "exit status", status)
        accepted, answered, refused, discarded = map(int, last.groups()[1:])
        demand(accepted == answered + discarded, last[0])
        if self.terms < 2:
            demand(last[1] == "drained" and discarded == 0, last[0])
        return answered, refused, discarded


class Talk:
    """A connection that was accepted, to ask and be answered one by one."""

    def __init__(self, server):
        self.socket = server.connect()
        self.data = b""
        demand(self.ask("/nothing").status == 404, "/nothing")

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next; None at the end of the connection."""
        while not self.data or not Answer(self.data).size:
            data = self.socket.recv(65536)
            if not data:
                demand(not self.data, "a part of an answer", self.data)
                return None
            self.data += data
        answer = Answer(self.data)
        self.data = self.data[answer.size :]
        return answer

    def ask(self, path, fields=""):
        self.send(request(path, fields))
        return self.answer()

    def work(self, n):
        """Until it is not refused."""
        while True:
            answer = self.ask(f"/work/{n}")
            if answer.status != 503:
                demand(answer.status == 200 and answer.body == body(n), answer.body)
                return answer
            demand(not answer.last, "refused for ever")

    def close(self):
        self.socket.close()


class Client:
    """A connection with up to `window` requests under way."""

    def __init__(self, server, numbers, window):
        self.server, self.numbers, self.window = server, numbers, window
        self.sent = self.ended = self.served = self.refused = 0
        self.data = bytearray()
        self.last = False
        try:
            self.socket = server.connect()
        except ConnectionError:
            demand(server.terms, "no connection")
            self.socket = None

    def send(self):
        n = min(self.window - (self.sent - self.ended), len(self.numbers) - self.sent)
        if n > 0 and not self.last:
            more = self.numbers[self.sent : self.sent + n]
            self.sent += n
            try:
                self.socket.sendall(b"".join(request(f"/work/{i}") for i in more))
            except ConnectionError:
                self.reset()
        elif self.sent == self.ended == len(self.numbers):
            self.close()

    def reset(self):
        # Of those that were not accepted yet as the server stopped listening.
        demand(self.server.terms and self.ended == 0, "reset after", self.ended)
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def receive(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return self.reset()
        if not data:
            demand(self.server.terms, "the server has closed a connection")
            demand(not self.data, "a part of an answer", bytes(self.data))
            return self.close()
        self.data += data
        while self.data:
            answer = Answer(self.data)
            if not answer.size:
                return
            demand(not self.last, "an answer after the last")
            demand(self.ended < self.sent, "an answer to no request", answer.body)
            if answer.status == 503:
                demand(answer.body == b"", answer.body)
                self.refused += 1
            else:
                n = self.numbers[self.ended]
                demand(answer.status == 200, answer.status)
                demand(answer.body == body(n), n, "was answered", answer.body)
                self.served += 1
            self.ended += 1
            self.last = answer.last
            demand(self.server.terms or not self.last, "the last, but why?")
            del self.data[: answer.size]
        self.send()


def one_round(chance, server, heavy, second):
    """CONNECTIONS x EACH requests, SIGTERM after some of their answers, and
    another one some answers after the server has told that it drains."""
    total = CONNECTIONS * EACH
    first = int(total * chance.random() ** 4) - 1  # -1: before anybody connects
    if heavy:
        first //= 10
    idle = Talk(server)
    if first < 0:
        server.term()
    numbers = list(range(total))
    chance.shuffle(numbers)
    clients = [
        Client(
            server,
            [heavy + n for n in numbers[i * EACH : (i + 1) * EACH]],
            chance.choice((1, 1, 2, 8)),
        )
        for i in range(CONNECTIONS)
    ]
    poll = select.epoll()
    by_fd = {}
    for client in clients:
        if client.socket:
            by_fd[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
            client.send()
    poll.register(server.process.stdout, select.EPOLLIN)
    ended = 0
    told = None
    while any(client.socket for client in by_fd.values()):
        for fd, _ in poll.poll():
            if fd == server.process.stdout.fileno():
                server.draining()
                told = ended
                poll.unregister(fd)
                continue
            client = by_fd[fd]
            before = client.ended
            client.receive()
            ended += client.ended - before
            if ended > first and not server.terms:
                server.term()
        if second is not None and told is not None and ended >= told + second:
            server.term()
            second = None
    if not server.terms:
        server.term()
    if told is None:
        server.draining()
    if second is not None:
        server.term()
    server.left_alone_with(idle)
    answered, refused, discarded = server.end()
    served = sum(client.served for client in clients)
    turned_away = sum(client.refused for client in clients)
    demand(served == answered, "clients got", served, "of", answered)
    demand(
        turned_away == refused + discarded,
        f"clients were refused {turned_away}, not {refused} + {discarded}",
    )
    return served, turned_away, sum(c.sent - c.ended for c in clients), discarded


def rounds():
    chance = random.Random(SEED)
    totals = [0, 0, 0, 0]
    for i in range(ROUNDS):
        signal.alarm(60)
        server = Server(
            workers=chance.randint(1, 4), capacity=chance.choice((0, 1, 16, 64))
        )
        try:
            heavy, second = 0, None
            if i % 3 == 2:
                heavy, second = HEAVY, int(chance.random() ** 4 * 50)
            counts = one_round(chance, server, heavy, second)
        except Wrong as wrong:
            raise Wrong(f"round {i}:", *wrong.args)
        finally:
            server.process.kill()
        totals = [sum(pair) for pair in zip(totals, counts)]
    print(
        f"{ROUNDS} rounds: {totals[0]} answered, {totals[1]} refused "
        f"({totals[3]} of them discarded), {totals[2]} cut off in good order"
    )
    demand(totals[0] and totals[1], "no round has come that far")


def requests_well_made(server):
    talk = Talk(server)
    for byte in request("/work/7"):
        talk.send(bytes([byte]))
    demand(talk.answer().body == body(7), "byte by byte")
    for path in ("/", "/work/", "/work/-1", "/work/+1", "/work/1x", "/work/9999999999"):
        answer = talk.ask(path)
        demand(answer.status == 404 and not answer.last, path, answer.status)
    demand(talk.ask("/work/8", "Connection: Close\r\n").last, "asked to close")
    demand(talk.answer() is None, "the end")
    talk = Talk(server)
    talk.send(b"GET /work/9 HTTP/1.0\r\n\r\n")
    demand(talk.answer().body == body(9) and talk.answer() is None, "HTTP/1.0")


def pipelined(server):
    talk = Talk(server)
    talk.send(b"".join(request(f"/work/{n * 37 % 1000}") for n in range(1000)))
    talk.socket.shutdown(socket.SHUT_WR)
    for n in range(1000):
        demand(talk.answer().body == body(n * 37 % 1000), "in order:", n)
    demand(talk.answer() is None, "the end")


def malformed(server):
    get, host = b"GET / HTTP/1.1\r\n", b"Host: here\r\n"
    for data, status in (
        (b"hello\r\n", 400),
        (b"\r\n", 400),
        (b"GET  / HTTP/1.1\r\n" + host, 400),
        (b"GET / HTTP/2.0\r\n" + host, 400),
        (b"GET /\r\n" + host, 400),
        (get, 400),
        (get + host + b"no colon\r\n", 400),
        (get + host + b" folded: 1\r\n", 400),
        (get + host + b"Space : 1\r\n", 400),
        (get + host + b"Bare: \n1\r\n", 400),
        (get + host + b"\0Content-Length: 5\r\n", 400),
        (get + host + b"Content-Length: 5\r\n", 400),
        (get + host + b"transfer-encoding: chunked\r\n", 400),
        (get + host + b"Long: " + b"x" * 9000, 431),
    ):
        talk = Talk(server)
        # What follows is dropped, also after the end; nothing is reset.
        talk.send(data + b"\r\n" + 500 * request("/work/1"))
        answer = talk.answer()
        demand(answer, "no answer to", data)
        demand(answer.status == status and answer.last, data, vars(answer))
        demand(talk.answer() is None, "the end", data)
        for _ in range(10):
            talk.send(request("/work/1"))
        talk.close()


def slow_reader(server):
    """One pipelines, and reads nothing, until no more can be sent: others are
    served meanwhile, and it, too, when it reads."""
    slow, other = Talk(server), Talk(server)
    piece, sent, stuck = request("/nothing"), 0, 0
    rest = b""
    slow.socket.setblocking(False)
    while stuck < 100:
        other.work(stuck)
        try:
            while True:
                rest = rest or piece * 100
                rest = rest[slow.socket.send(rest) :]
                sent += 100 if not rest else 0
                stuck = 0
        except BlockingIOError:
            stuck += 1
    slow.socket.setblocking(True)
    slow.socket.settimeout(None)
    return slow, sent


def slow_readers(server):
    slow, sent = slow_reader(server)
    for _ in range(sent):
        answer = slow.answer()
        demand(answer.status == 404, "to who reads late")
    slow.close()


def rude(server):
    """Clients that reset their connections, whatever is under way."""
    for n in range(200):
        talk = Talk(server)
        talk.send(request(f"/work/{HEAVY}") * (n % 3))
        if n % 2:
            talk.socket.shutdown(socket.SHUT_WR)
        talk.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        talk.close()
    Talk(server).work(1)


def behave(*scenarios):
    server = Server()
    try:
        for scenario in scenarios:
            signal.alarm(60)
            scenario(server)
            print(f"{scenario.__name__}: ok")
        server.drain()
        server.end()
    finally:
        server.process.kill()


def longer_and_longer(scenario, capacity):
    """Until the work lasts so long that it happens what the scenario wants."""
    for n in (10**6, 10**7, 10**8, 10**9 - 1):
        signal.alarm(120)
        server = Server(workers=1, capacity=capacity)
        try:
            if scenario(server, n):
                print(f"{scenario.__name__}: ok")
                return
        finally:
            server.process.kill()
    raise Wrong(f"{scenario.__name__} has not happened")


def full(server, n):
    """A queue with room for one: who finds it full is refused, and served later
    on the same connection."""
    busy = [Talk(server) for _ in range(4)]
    for talk in busy:
        talk.send(request(f"/work/{n}"))
    answers = [(talk, talk.answer()) for talk in busy]
    refused = [talk for talk, answer in answers if answer.status == 503]
    for talk, answer in answers:
        demand(answer and answer.status in (200, 503), "no answer")
        demand(not answer.last, "refused for ever")
        talk.work(5)
    server.drain()
    for talk in busy:
        demand(talk.answer() is None, "the end")
        talk.close()
    counted = server.end()
    demand(counted[1] >= len(refused), counted)
    return len(refused) > 0


def drained(server, n):
    """Requests that were accepted are answered after SIGTERM, and told that this
    was the last answer."""
    talks = [Talk(server) for _ in range(8)]
    for talk in talks:
        talk.send(request(f"/work/{n}"))
    server.drain()
    after = 0
    for talk in talks:
        answer = talk.answer()
        demand(answer and answer.status in (200, 503), "no answer")
        after += answer.last and answer.status == 200
        demand(talk.answer() is None, "the end")
        talk.close()
    server.end()
    return after > 1


def cut_short(server, n):
    """A second SIGTERM discards what waits, and tells each so."""
    talks = [Talk(server) for _ in range(8)]
    for talk in talks:
        talk.send(request(f"/work/{n}"))
    server.drain()
    server.term()
    statuses = []
    for talk in talks:
        answer = talk.answer()
        demand(answer, "no answer")
        statuses.append(answer.status)
        demand(talk.answer() is None, "the end")
        talk.close()
    answered, refused, discarded = server.end()
    demand(statuses.count(200) == answered, statuses, answered)
    demand(statuses.count(503) == refused + discarded, statuses)
    return discarded > 0


def never_reads():
    """The server does not wait for ever for a client that reads nothing."""
    signal.alarm(60)
    server = Server(seconds=1)
    try:
        slow, _ = slow_reader(server)
        server.drain()
        server.end()
        slow.close()
    finally:
        server.process.kill()
    print("never_reads: ok")


def give_up(*_):
    raise Wrong("nothing happens")


def main():
    signal.signal(signal.SIGALRM, give_up)
    print(f"COQUEUE_TEST_SEED={SEED}")
    try:
        behave(requests_well_made, pipelined, malformed, slow_readers, rude)
        longer_and_longer(full, 1)
        longer_and_longer(drained, 64)
        longer_and_longer(cut_short, 64)
        never_reads()
        rounds()
    except Wrong as wrong:
        print("WRONG:", *wrong.args)
        return 1
    return 0


sys.exit(main())
