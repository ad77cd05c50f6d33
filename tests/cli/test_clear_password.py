# SPDX-License-Identifier: Apache-2.0
"""test_clear_password.py - a server that asks for the password in clear text does not get it.

Rule: whatever such a server says before, and however it cuts its messages, the password is not sent
on a connection that is not encrypted, and the command says why (docs/security.md).
"""
import os
import socket
import struct
import threading
import unittest

from cli_lab import Lab

SECRET = "topsecret"


def message(kind, body):
    return kind + struct.pack("!i", 4 + len(body)) + body


CLEAR = message(b"R", struct.pack("!i", 3))
SASL = message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0")

# What the server sends, piece by piece; it waits for an answer where None stands.
TALKS = {
    "at once": [CLEAR],
    "byte by byte": [CLEAR[i:i + 1] for i in range(len(CLEAR))],
    "behind another request": [SASL + CLEAR],
    "after another request": [SASL, None, CLEAR],
    "behind another request, in two": [SASL + CLEAR[:7], CLEAR[7:]],
    "before it lets anybody in": [CLEAR + message(b"R", struct.pack("!i", 0))],
}


class Server(threading.Thread):
    """Says what it is told to say to everybody who connects, and keeps what it hears."""

    def __init__(self, talk):
        super().__init__(daemon=True)
        self.talk, self.heard = talk, b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        try:
            while True:
                plug, _ = self.socket.accept()
                with plug:
                    plug.settimeout(10)
                    self.speak(plug)
        except OSError:
            pass  # it was closed: the end

    def speak(self, plug):
        try:
            while True:  # no TLS, and no GSSAPI
                size, code = struct.unpack("!ii", plug.recv(8, socket.MSG_WAITALL))
                plug.recv(size - 8, socket.MSG_WAITALL)
                if code not in (80877103, 80877104):
                    break
                plug.sendall(b"N")
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for part in self.talk:
                if part is None:
                    self.heard += plug.recv(4096)
                else:
                    plug.sendall(part)
            while heard := plug.recv(4096):
                self.heard += heard
        except (OSError, struct.error):
            pass


class Clear(Lab):
    def test_the_password_is_not_sent(self):
        for name, talk in TALKS.items():
            with self.subTest(talk=name):
                server = Server(talk)
                self.addCleanup(server.socket.close)
                os.makedirs(self.path("toy"), exist_ok=True)
                self.write("toy/journal.url",
                           f"postgresql://victim@127.0.0.1:{server.port}/db#toy\n")
                done = self.pbt("show", "toy", code=2, timeout=60,
                                env={**os.environ, "PGPASSWORD": SECRET, "PBT_PATIENCE": "1"})
                if "kind of journal" in done.stderr:
                    self.skipTest("built without PostgreSQL")
                self.assertIn("asks for the password in clear text", done.stderr)
                self.assertNotIn(SECRET.encode(), server.heard)


if __name__ == "__main__":
    unittest.main()
