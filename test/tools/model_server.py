# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A file server on the loopback interface that goes wrong in the ways that servers do."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import re
import threading

LIMIT_S = 30.0   # nothing here waits longer


def ranged(request, content):
    """Send the file, from the byte that was asked for."""
    first = request.first_byte()
    if first is None:
        whole(request, content)
    elif first >= len(content):
        request.answer(416, b'', {'Content-Range': f'bytes */{len(content)}'})
    else:
        request.answer(206, content[first:], {
            'Content-Range': f'bytes {first}-{len(content) - 1}/{len(content)}'})


def whole(request, content):
    """Send all of the file, whatever part was asked for."""
    request.answer(200, content)


def no_length(request, content):
    """Send the file and close; nothing says how long it is."""
    request.answer(200, content, length=None)


def cut(after):
    """Send as much, then close the connection."""
    def behave(request, content):
        first = request.first_byte() or 0
        code, how = (206, {'Content-Range': f'bytes {first}-{len(content) - 1}/{len(content)}'}) \
            if first else (200, {})
        request.answer(code, content[first:first + after], how, length=len(content) - first)

    return behave


def stalls(after, go_on):
    """Send as much, then nothing until an event."""
    def behave(request, content):
        request.answer(200, content[:after], length=len(content))
        request.wfile.flush()
        go_on.wait(LIMIT_S)
        request.wfile.write(content[after:])

    return behave


def sends(other):
    """Send another content, as a whole."""
    return lambda request, content: request.answer(200, other)


def status(code):
    """Refuse."""
    return lambda request, content: request.answer(code, b'<html>no</html>')


def redirect(to):
    """Send the client elsewhere, as a release does."""
    return lambda request, content: request.answer(302, b'', {'Location': to})


def web_page(length=True):
    """Send what a network does that wants one to sign in."""
    page = b'<!DOCTYPE html><html>Welcome to our hotel</html>'
    return lambda request, content: request.answer(
        200, page, {'Content-Type': 'text/html'}, length=len(page) if length else None)


class _Request(BaseHTTPRequestHandler):

    def do_GET(self):
        server = self.server.owner
        with server.lock:
            server.requests.append((self.path, self.headers.get('Range')))
            behave = server.plan.pop(0) if server.plan else ranged
        try:
            behave(self, server.content)
        except (BrokenPipeError, ConnectionResetError):   # the client has ended
            pass
        self.close_connection = True

    def first_byte(self):
        """Return the byte from which on the client wants the file; None for all."""
        found = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        return int(found[1]) if found else None

    def answer(self, code, body, headers=None, length=0):
        """Answer; a length of 0 stands for that of the body, None for not saying it."""
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length is not None:
            self.send_header('Content-Length', str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class ModelServer:
    """
    Serve one content under every path.

    :ivar plan: how the next requests are answered; ``ranged`` when it is used up.
    :ivar requests: what was asked for: path and Range.
    """

    def __init__(self, content):
        self.content = content
        self.plan = []
        self.requests = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(('127.0.0.1', 0), _Request)
        self._server.owner = self
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join(LIMIT_S)
        self._server.server_close()

    @property
    def ranges(self):
        """Return which parts were asked for."""
        return [part for _, part in self.requests]
