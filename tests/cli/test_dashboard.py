# SPDX-License-Identifier: Apache-2.0
"""test_dashboard.py - the live page: who gets what over HTTP, and what the browser then shows.

Rules: a page follows its study and the reader stays where he was; nothing is answered without a
token, on the loopback too; a head has 16 KiB and ten seconds, and hears of the first; another name
for our address, a wrong token, another path, a body, an overlong or malformed request get nothing;
a thousand connections that say nothing stop nobody; nothing is written.
"""
import http.client
import os
import re
import resource
import shutil
import socket
import threading
import time
import unittest

import browser
from cli_lab import Lab

TOKEN = "a-token-of_24-characters"


class Dashboard(Lab):
    def serve(self, path, *arguments):
        """Start it; returns the address that it printed."""
        child = self.start("dashboard", path, "--port", "0", *arguments)
        address = child.stdout.readline().strip()
        self.assertRegex(address, r"^http://", child.stderr.read() if not address else "")
        self.child, self.port = child, int(re.search(r":(\d+)/", address)[1])
        self.token = re.search(r"/\?token=([\w-]+)$", address)[1]
        return address

    signed = True  # requests carry the token

    def ask(self, path="/", method="GET", host=None, body=None, **headers):
        """(status, headers, text). A header `Sec_Fetch_Site` is sent as Sec-Fetch-Site."""
        if self.signed:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host or f"127.0.0.1:{self.port}")
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def head(self, path):
        """The bytes of a request's head."""
        return (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                f"Authorization: Bearer {self.token}\r\n").encode()

    def status(self, *arguments, **options):
        return self.ask(*arguments, **options)[0]

    def send(self, data):
        """What comes back for raw bytes; b"" when it hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plug:
            try:
                plug.sendall(data)
                plug.shutdown(socket.SHUT_WR)
                answer = b""
                while part := plug.recv(65536):
                    answer += part
                return answer
            except (ConnectionResetError, BrokenPipeError):
                return b""


class Answers(Dashboard):
    def setUp(self):
        super().setUp()
        self.run_toy("", "-q")

    def test_one_study(self):
        address = self.serve("toy")
        self.assertRegex(address, f"^http://127.0.0.1:{self.port}/[?]token=[0-9a-f]{{32}}$")
        status, headers, page = self.ask()
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertIn('id="live">true', page)
        document = self.ask("/document.json")[2]
        self.assertEqual(document, self.pbt("show", "toy", "--full", "--json").stdout)
        self.assertEqual(self.status(method="HEAD"), 200)

    def test_a_journal_stands_for_its_study(self):
        self.serve("toy/journal.db")
        self.assertIn('"study":"toy"', self.ask("/document.json")[2])

    def test_several_studies(self):
        os.mkdir(self.path("all"))
        hostile = "<b>%2e & 'x' \x1b"
        for name in ("one", hostile):
            shutil.copytree(self.path("toy"), self.path("all", name))
        os.mkdir(self.path("all", "no study"))
        self.serve("all")
        page = self.ask()[2]
        links = re.findall(r'href="([^"]+/)"', page)
        self.assertEqual(len(links), 2)
        self.assertNotIn("<b>", page)
        self.assertIn("&lt;b&gt;%2e &amp; &#39;x&#39; \\x1b", page)
        for link in links:
            self.assertIn('id="live">true', self.ask("/" + link)[2])
            self.assertIn('"study":"toy"', self.ask(f"/{link}document.json")[2])
        status, headers, _ = self.ask("/one")
        self.assertEqual((status, headers["Location"]), (303, "/one/"))
        shutil.copytree(self.path("toy"), self.path("all", "three"))
        self.assertEqual(self.status("/three/"), 404, "it is found when the list is asked for")
        self.assertIn("three/", self.ask()[2])
        self.assertEqual(self.status("/three/"), 200)

    def test_paths_lead_nowhere_else(self):
        self.serve("toy")
        for path in ("/journal.db", "/study.yaml", "/../toy/journal.db", "/..", "//", "/./", "/%2e",
                     "/document.json/", "/document.json%00", "/events/x", "*", "http://a/b",
                     "/logs/m0.log", "/%2e%2e/%2e%2e/etc/passwd"):
            self.assertEqual(self.status(path), 404, path)

    def test_another_name_for_our_address_is_refused(self):
        self.serve("toy")
        good = ["127.0.0.1", "localhost", "LocalHost", "[::1]"]
        bad = ["evil.example", "127.0.0.1.evil.example", "localhost.", "192.168.0.1", "127.0.0.2",
               "[::2]", "[::1", "", "[]"]
        for name in good:
            self.assertEqual(self.status(host=f"{name}:{self.port}"), 200, name)
        for name in bad:
            self.assertEqual(self.status(host=f"{name}:{self.port}"), 403, name)
        for host in ("127.0.0.1", "127.0.0.1:1", f"127.0.0.1:{self.port}:{self.port}",
                     f"127.0.0.1:{self.port}.evil.example"):
            self.assertEqual(self.status(host=host), 403, host)

    def test_another_site_may_link_but_not_ask(self):
        self.serve("toy")
        self.assertEqual(self.status(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors"), 403)
        self.assertEqual(self.status("/document.json", Sec_Fetch_Site="same-site"), 403)
        self.assertEqual(self.status(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"), 200)
        self.assertEqual(self.status("/document.json", Sec_Fetch_Site="same-origin"), 200)

    def test_it_only_looks(self):
        self.serve("toy")
        before = {(root, tuple(sorted(files))) for root, _, files in os.walk(self.path("toy"))}
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            self.assertEqual(self.status(method=method), 405, method)
        self.ask()
        self.ask("/document.json")
        self.assertEqual(
            {(root, tuple(sorted(files))) for root, _, files in os.walk(self.path("toy"))}, before)

    def test_what_is_malformed_or_too_long(self):
        self.serve("toy")
        host = self.head("/").split(b"\r\n", 1)[1]
        self.assertEqual(self.status("/" + "a" * 2000), 414)
        self.assertEqual(self.status(Cookie="a" * 9000), 200)
        self.assertEqual(self.status(Cookie="a" * 15000), 200)
        for size in (17000, 40000, 100000):
            status, _, text = self.ask(X="a" * size)
            self.assertEqual((status, text), (431, "the head of the request is above 16 KiB\n"))
        for raw in (b"GET / HTTP/1.1\r\n\r\n", b"\0\xff\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 50,
                    b"GET / HTTP/1.1\r\n" + host + b"Content-Length: x\r\n\r\n",
                    b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\n\r\nabcde",
                    b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
                    b"3\r\nabc\r\n0\r\n\r\n"):
            answer = self.send(raw)
            self.assertNotRegex(answer, rb"^HTTP/1\.1 2", raw)
        self.assertEqual(self.status(), 200)

    def test_ending_it(self):
        self.serve("toy")
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plug:
            plug.sendall(self.head("/events") + b"\r\n")
            self.assertIn(b"event-stream", plug.recv(4096))
            self.child.terminate()
            self.assertEqual(self.child.wait(20), 0)


class Tokens(Dashboard):
    signed = False

    def setUp(self):
        super().setUp()
        self.run_toy("", "-q")

    def test_a_token_is_asked_for(self):
        address = self.serve("toy", "--token", TOKEN)
        self.assertTrue(address.endswith(f"/?token={TOKEN}"))
        for path in ("/", "/document.json", "/events", "/nothing", "/?token=", "/?token=wrong",
                     f"/?token={TOKEN}x", f"/?token={TOKEN[:-1]}", f"/?tokens={TOKEN}"):
            self.assertEqual(self.status(path), 401, path)
        status, headers, _ = self.ask(f"/?token={TOKEN}")
        self.assertEqual((status, headers["Location"]), (303, "/"))
        cookie = headers["Set-Cookie"]
        self.assertRegex(cookie, "; HttpOnly; SameSite=Strict; Path=/$")
        name = cookie.split("=")[0]
        self.assertEqual(self.status(Cookie=f"a=1; {name}={TOKEN}; b"), 200)
        self.assertEqual(self.status("/document.json", Authorization=f"Bearer {TOKEN}"), 200)
        for wrong in (f"{name}={TOKEN}x", f"x{name}={TOKEN}", name, f"{name}=",
                      f"a={name}={TOKEN}"):
            self.assertEqual(self.status(Cookie=wrong), 401, wrong)
        self.assertEqual(self.status(Authorization=f"Basic {TOKEN}"), 401)
        self.assertEqual(self.status(f"/?token={TOKEN}", host=f"evil.example:{self.port}"), 403)

    def test_the_loopback_has_one_too(self):
        self.serve("toy")
        self.assertEqual(self.status(), 401)
        self.assertEqual(self.status("/document.json"), 401)
        self.assertEqual(self.status(Authorization=f"Bearer {self.token}"), 200)

    def test_a_token_of_ones_own_need_not_stand_on_the_command_line(self):
        self.write("token", TOKEN + "\nmore\n")
        self.serve("toy", "--token-file", "token")
        self.assertEqual(self.token, TOKEN)
        os.environ["PBT_DASHBOARD_TOKEN"] = TOKEN[::-1]
        self.addCleanup(os.environ.pop, "PBT_DASHBOARD_TOKEN")
        self.serve("toy")
        self.assertEqual(self.token, TOKEN[::-1])
        with open(f"/proc/{self.child.pid}/cmdline", "rb") as line:
            self.assertNotIn(TOKEN[::-1].encode(), line.read())

    def test_other_addresses_have_one_always(self):
        address = self.serve("toy", "--listen", "0.0.0.0")
        token = re.search(r"\?token=([0-9a-f]{32})$", address)[1]
        self.assertEqual(self.status(), 401)
        self.assertEqual(self.status(Authorization=f"Bearer {token}"), 200)
        self.assertEqual(self.status(Authorization=f"Bearer {token}",
                                     host=f"192.168.7.7:{self.port}"), 200)
        self.assertEqual(self.status(Authorization=f"Bearer {token}",
                                     host=f"evil.example:{self.port}"), 403)

    def test_wrong_usage(self):
        def refuses(what, *arguments):
            self.assertIn(what, self.pbt("dashboard", *arguments, code=2).stderr)
        refuses("16 to 128", "toy", "--token", "short")
        refuses("16 to 128", "toy", "--token", "has blanks and is long enough")
        refuses("cannot both", "toy", "--token", TOKEN, "--token-file", "token")
        refuses("could not read the token", "toy", "--token-file", "nothing")
        self.write("empty token", "")
        refuses("could not read the token", "toy", "--token-file", "empty token")
        refuses("no address", "toy", "--listen", "example.org")
        refuses("0 to 65535", "toy", "--port", "65536")
        refuses("no study", "nothing")
        os.mkdir(self.path("empty"))
        refuses("no study", "empty")

    def test_a_port_that_is_taken(self):
        self.serve("toy")
        taken = self.pbt("dashboard", "toy", "--port", str(self.port), code=3)
        self.assertIn("in use", taken.stderr)


class Crowds(Dashboard):
    def test_a_thousand_idle_connections_stop_nobody(self):
        """They are let in, say nothing, and are shown out; meanwhile others are answered."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2048:
            self.skipTest("too few descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.run_toy("", "-q")
        self.serve("toy")
        idle = [socket.create_connection(("127.0.0.1", self.port), timeout=60)
                for _ in range(1000)]
        try:
            for plug in idle[::2]:
                plug.sendall(b"GET / HTTP/1.1\r\nHost: ")  # half a request
            slow = threading.Thread(target=self.send_slowly, args=(idle[1],))
            slow.start()
            for _ in range(3):
                self.assertEqual(self.status("/document.json"), 200)
            for plug in idle[::100]:
                while plug.recv(4096):  # a complaint, or nothing: then the end
                    pass
            slow.join(60)
            self.assertFalse(slow.is_alive(), "a head may come for ever")
        finally:
            for plug in idle:
                plug.close()
        self.assertEqual(self.status(), 200)

    def send_slowly(self, plug):
        """A head that never ends, a byte now and then, until it is hung up on."""
        try:
            plug.sendall(self.head("/"))
            while True:
                plug.sendall(b"a")
                time.sleep(0.5)
        except OSError:
            pass

    def open_stream(self):
        plug = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        plug.sendall(self.head("/events") + b"\r\n")
        return plug, plug.recv(12)

    def test_streams_are_counted(self):
        self.run_toy("", "-q")
        self.serve("toy")
        streams = [self.open_stream() for _ in range(66)]
        heads = [head for _, head in streams]
        for plug, _ in streams:
            plug.close()
        self.assertEqual(heads.count(b"HTTP/1.1 200"), 64)
        self.assertEqual(heads.count(b"HTTP/1.1 503"), 2)

        def there_is_room():
            plug, head = self.open_stream()
            plug.close()
            return head == b"HTTP/1.1 200"
        self.wait_for(there_is_room)  # those that were closed are noticed


@unittest.skipUnless(browser.is_there(), "chromium or chromedriver is not installed")
class Live(Dashboard):
    def setUp(self):
        super().setUp()
        self.make_spec("fixed: {pause: 0.05}\n")
        self.start("run", "toy.yaml", "-q")
        self.wait_for_segments(4)
        self.page = browser.Browser()
        self.addCleanup(self.page.close)

    def points(self):
        return self.page.run("return plots.find((plot) => plot.host.closest('#scores')).marks")

    def light(self):
        return self.page.run("return document.getElementById('light').textContent")

    def test_the_page_gains_points_and_the_reader_stays(self):
        self.page.open_study(self.serve("toy", "--token", TOKEN))
        before = self.points()
        self.page.run("""
            const search = document.getElementById('search');
            search.value = 'member';
            search.dispatchEvent(new Event('input'));
            document.getElementById('colour').value = '0';
            document.getElementById('colour').dispatchEvent(new Event('change'));
            [...document.querySelectorAll('#schedule button')]
              .find((button) => button.textContent === 'CSV').click();
            const plot = plots.find((plot) => plot.host.closest('#scores'));
            plot.u.setScale('x', { min: 5, max: 15 });
            plots.find((plot) => plot.host.closest('#lineage')).options.choose(0);
            document.getElementById('lineage').scrollIntoView({ behavior: 'instant' });
            search.focus({ preventScroll: true });
            window.wasHere = document.getElementById('lineage').getBoundingClientRect().top;""")
        self.wait_for(lambda: self.points() > before + 4)
        self.assertEqual(self.page.run("""
            const plot = plots.find((plot) => plot.host.closest('#scores'));
            const top = document.getElementById('lineage').getBoundingClientRect().top;
            return [document.getElementById('search').value, document.activeElement.id,
              document.getElementById('colour').value, plot.u.scales.x.min, plot.u.scales.x.max,
              document.querySelector('#schedule pre').textContent.startsWith('from,to,'),
              document.getElementById('followed').textContent.startsWith('Followed: member 0'),
              Math.round(top - window.wasHere)]"""),
            ["member", "search", "0", 5, 15, True, True, 0])
        self.wait_for(lambda: "ended" in self.page.run(
            "return document.getElementById('subtitle').textContent"))
        segments = self.json("show", "toy")["counts"]["segments"]
        self.wait_for(lambda: self.page.run("return document.querySelector('#headline')"
                                            ".textContent").count(f"of {segments} segments") == 1)
        self.assertEqual(self.light(), "live")
        severe = [entry for entry in self.page.log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(severe, [])
        self.assertEqual({url.split("/")[2] for url in self.page.requests()
                          if url.startswith("http")}, {f"127.0.0.1:{self.port}"})
        self.assertNotIn("token", self.page.run("return location.href"))

    def test_marked_text_is_not_taken_away(self):
        self.page.open_study(self.serve("toy"))
        before = self.page.run("""
            getSelection().selectAllChildren(document.querySelector('#headline'));
            return plots.find((plot) => plot.host.closest('#scores')).marks""")
        self.wait_for_segments(int(self.json("show", "toy")["counts"]["segments"]) + 4)
        time.sleep(1)
        self.assertEqual(self.points(), before)
        self.page.run("getSelection().removeAllRanges()")
        self.wait_for(lambda: self.points() > before)

    def test_it_says_when_the_server_is_gone(self):
        self.page.open_study(self.serve("toy"))
        self.wait_for(lambda: self.light() == "live")
        self.child.terminate()
        self.child.wait(20)
        self.wait_for(lambda: "does not answer" in self.light())


if __name__ == "__main__":
    unittest.main()
