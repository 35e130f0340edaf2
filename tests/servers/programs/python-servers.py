"""python-servers.py http|asyncio|socketserver PORT six|both UPSTREAM

CPython's own servers, as their documentation has them. `both` is 0.0.0.0 first, then ::, in one process.
Each but http sends a line back; on the line `up` it is its own client first, over IPv4. http answers /cgi-bin/up
with what port UPSTREAM of 127.0.0.1 has.
"""
import asyncio
import http.server
import socket
import socketserver
import sys
import threading
import urllib.request

kind, port, families, upstream = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])


def ask_upstream():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        peer.sendall(b"v6shim\n")
        answer = client.makefile("rb").readline()
        peer.close()
        client.close()
        return answer


class Line(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline()
        self.wfile.write(ask_upstream() if line == b"up\n" else line)


class LineServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class LineServer6(LineServer):
    address_family = socket.AF_INET6


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"v6shim-page"
        if self.path == "/cgi-bin/up":
            with urllib.request.urlopen(f"http://127.0.0.1:{upstream}/") as answer:
                body = answer.read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


class PageServer(http.server.ThreadingHTTPServer):
    daemon_threads = True


class PageServer6(PageServer):
    """What `python -m http.server` runs: http.server.test's DualStackServer."""

    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return super().server_bind()


def serve_threads(ipv4, ipv6, handler):
    servers = [ipv4(("0.0.0.0", port), handler)] if families == "both" else []
    servers.append(ipv6(("::", port), handler))
    threads = [threading.Thread(target=s.serve_forever) for s in servers]
    for thread in threads:
        thread.start()


async def answer_line(reader, writer):
    line = await reader.readline()
    if line == b"up\n":
        server = await asyncio.start_server(say_v6shim, "127.0.0.1", 0)
        up, _ = await asyncio.open_connection(*server.sockets[0].getsockname())
        line = await up.readline()
        server.close()
    writer.write(line)
    await writer.drain()
    writer.close()


async def say_v6shim(_, writer):
    writer.write(b"v6shim\n")
    await writer.drain()
    writer.close()


async def serve_asyncio():
    host = None if families == "both" else "::"
    server = await asyncio.start_server(answer_line, host, port)
    await server.serve_forever()


if kind == "asyncio":
    asyncio.run(serve_asyncio())
elif kind == "socketserver":
    serve_threads(LineServer, LineServer6, Line)
else:
    serve_threads(PageServer, PageServer6, Page)
