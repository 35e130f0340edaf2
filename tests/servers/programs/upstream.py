"""upstream.py http|dns PORT - what the servers connect to, on 127.0.0.1 and so over IPv4 alone.

http answers every GET with `v6shim-upstream`; dns every question, over UDP and TCP, with the address 192.0.2.7.
"""
import http.server
import socketserver
import struct
import sys
import threading


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"v6shim-upstream")


def dns_answer(query):
    """RFC 1035, 4.1: the question as it came, and one A record for the name in it."""
    end = query.index(b"\0", 12) + 5
    header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
    record = struct.pack(">HHHIH4B", 0xC00C, 1, 1, 60, 4, 192, 0, 2, 7)
    return header + query[12:end] + record


class DnsDatagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, server = self.request
        server.sendto(dns_answer(data), self.client_address)


class DnsStream(socketserver.StreamRequestHandler):
    def handle(self):
        (length,) = struct.unpack(">H", self.rfile.read(2))
        answer = dns_answer(self.rfile.read(length))
        self.wfile.write(struct.pack(">H", len(answer)) + answer)


socketserver.TCPServer.allow_reuse_address = True
kind, address = sys.argv[1], ("127.0.0.1", int(sys.argv[2]))
if kind == "http":
    http.server.ThreadingHTTPServer(address, Page).serve_forever()
elif kind == "dns":
    # The TCP one is waited for: it comes last.
    udp = socketserver.UDPServer(address, DnsDatagram)
    threading.Thread(target=udp.serve_forever).start()
    socketserver.TCPServer(address, DnsStream).serve_forever()
else:
    sys.exit("upstream.py: neither http nor dns: " + kind)
