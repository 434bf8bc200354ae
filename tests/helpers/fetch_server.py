"""A server that misbehaves in every way that a test of downloads asks for."""

import os
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from flow.downloads.transfer import Policy

DATA = np.random.default_rng(1).bytes(200_000)
FAST = Policy(
    retries=4, connect_seconds=2, read_seconds=0.25, backoff_seconds=0.002, backoff_max=1
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        site = self.server.site
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        site.starts.append(start)
        site.requests.append(dict(self.headers))
        behave = site.plan.pop(0) if site.plan else serve
        with suppress(ConnectionError):
            behave(self, site)

    def begin(self, status, length, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, data):
        self.wfile.write(data)
        self.server.site.sent += len(data)


class Site:
    """A file on a server, and how the next requests for it are answered."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/file"
        self.data, self.etag, self.plan = DATA, '"one"', []
        self.starts, self.requests, self.sent = [], [], 0
        self.over = threading.Event()

    def reply(self, handler, data=None):
        """Status, headers and body of a well-behaved answer."""
        data = self.data if data is None else data
        start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        if not start or handler.headers.get("If-Range", self.etag) != self.etag:
            return 200, {"ETag": self.etag}, data
        rest = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return 206, {"ETag": self.etag, "Content_Range": rest}, data[start:]


def serve(handler, site):
    status, headers, body = site.reply(handler)
    handler.begin(status, len(body), **headers)
    handler.send(body)


def cut(count):
    def behave(handler, site):
        status, headers, body = site.reply(handler)
        handler.begin(status, len(body), **headers)
        handler.send(body[:count])
        handler.close_connection = True

    return behave


def reset(count):
    def behave(handler, site):
        if count:
            status, headers, body = site.reply(handler)
            handler.begin(status, len(body), **headers)
            handler.send(body[:count])
        linger = struct.pack("ii", 1, 0)  # closing sends RST
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(handler.connection.detach())  # the handler's files would keep it open
        handler.close_connection = True

    return behave


def stall(count):
    def behave(handler, site):
        status, headers, body = site.reply(handler)
        handler.begin(status, len(body), **headers)
        handler.send(body[:count])
        site.over.wait(10)
        handler.close_connection = True

    return behave


def trickle(handler, site):
    status, headers, body = site.reply(handler)
    handler.begin(status, len(body), **headers)
    for at in range(100):
        handler.send(body[at : at + 1])
        if site.over.wait(0.05):
            break
    handler.close_connection = True


def error(status, **headers):
    return lambda handler, _: handler.begin(status, 0, **headers)


def ignore_range(handler, site):
    handler.begin(200, len(site.data), ETag=site.etag)
    handler.send(site.data)


def wrong_byte(handler, site):
    status, headers, body = site.reply(handler)
    body = bytearray(body)
    body[len(body) // 2] ^= 1
    handler.begin(status, len(body), **headers)
    handler.send(bytes(body))


def lengthless(body):
    def behave(handler, site):
        handler.begin(200, None, Connection="close")
        handler.send(body)
        handler.close_connection = True

    return behave


def chunked(whole=True):
    def behave(handler, site):
        handler.begin(200, None, Transfer_Encoding="chunked", ETag=site.etag)
        for at in range(0, len(site.data), 30_000):
            piece = site.data[at : at + 30_000]
            handler.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if at > 60_000 and not whole:
                handler.close_connection = True
                return
        handler.send(b"0\r\n\r\n")

    return behave


def cached(folder, name="group/thing.bin"):
    return folder / ".cache" / name


def nothing_left(folder, name="group/thing.bin"):
    place = cached(folder, name)
    part = place.with_name(f"{place.name}.part")
    return not any(p.exists() for p in (folder / name, place, part))


@contextmanager
def running():
    """The site of a server that runs meanwhile."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.site = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.site
    server.site.over.set()
    server.shutdown()
    thread.join()
    server.server_close()
