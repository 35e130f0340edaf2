"""activated.py - what systemd-socket-activate starts: it takes its listeners from descriptor 3 on, as
sd_listen_fds(3) has it, asks for V6ONLY 0 like a server that knows no better, and sends a line back."""
import os
import socket
import socketserver
import threading


class Line(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline())


for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
    listener = socket.socket(fileno=fd)
    server = socketserver.ThreadingTCPServer(("", 0), Line, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    listener.listen(5)
    threading.Thread(target=server.serve_forever).start()
