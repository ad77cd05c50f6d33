# SPDX-License-Identifier: Apache-2.0
"""cutting_proxy.py - a proxy before a database server that cuts connections in the middle of what
they say, as drawn from a seed.

Requests are counted; each of them that matters (it holds the word that was given) is cut with some
probability, in one of the ways of WAYS. Connections to a server that is away are closed at once.
"""

import random
import selectors
import socket
import threading
import time

WAYS = ("before", "half", "after", "late")
# before   it never arrives
# half     half of it arrives, and then the end of the connection
# after    it is executed, its answer never arrives
# late     it arrives a while after the client was told that the connection has ended


class Proxy:

    def __init__(self, port, word, seed):
        self.server_port, self.word, self.seed = port, word, seed
        self.share = 0.0  # of the requests that are cut
        self.cuts = dict.fromkeys(WAYS, 0)
        self.seen = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept_all, daemon=True).start()

    def stop(self):
        self.listener.close()

    def accept_all(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.server_port)) as behind:
                self.pass_on(client, behind)
        except OSError:
            pass  # an end of it was closed

    def pass_on(self, client, behind):
        with selectors.DefaultSelector() as ends:
            ends.register(client, selectors.EVENT_READ, behind)
            ends.register(behind, selectors.EVENT_READ, client)
            while True:
                for key, _ in ends.select():
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        return
                    way = self.draw(data) if key.fileobj is client else None
                    if way is not None:
                        self.cut(way, client, behind, data)
                        return
                    key.data.sendall(data)

    def draw(self, data):
        """The way in which this request is cut, or None."""
        if self.word not in data:
            return None
        with self.lock:
            self.seen += 1
            dice = random.Random(f"{self.seed} {self.seen}")
            if dice.random() >= self.share:
                return None
            way = dice.choice(WAYS)
            self.cuts[way] += 1
            return way

    def cut(self, way, client, behind, data):
        if way == "half":
            behind.sendall(data[:len(data) // 2])
        elif way == "after":
            behind.sendall(data)
            behind.settimeout(5)
            behind.recv(1)
        elif way == "late":
            client.shutdown(socket.SHUT_RDWR)
            time.sleep(0.3)
            behind.sendall(data)
            time.sleep(0.05)
