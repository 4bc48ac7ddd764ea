#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes what listens at this machine's loopback reachable in another network.

Usage: forward.py ADDRESS PORT TO_PORT STATE OUTSIDE

While the file STATE says "busy", requests are answered with 503 and connections broken. OUTSIDE: a path of the network
namespace with TO_PORT; ADDRESS and PORT are in that in which this runs.
"""

import ctypes
import os
import socket
import sys
import threading
from pathlib import Path

BLOCK = 1 << 16
BODY = b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
DRAIN_SECONDS = 5
CLONE_NEWNET = 0x40000000


def is_busy(state):
    return Path(state).read_text() == "busy"


def refuse(near):
    """Reads the request's head, answers, and lets the client find that out."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = near.recv(BLOCK)
        if not data:
            return
        head += data
    near.sendall(BUSY + BODY)
    near.shutdown(socket.SHUT_WR)
    near.settimeout(DRAIN_SECONDS)
    while near.recv(BLOCK):
        pass


def copy(source, to, state):
    """Until one end has had enough, or it is busy: then the connection breaks."""
    try:
        while data := source.recv(BLOCK):
            if is_busy(state):
                break
            to.sendall(data)
    except OSError:
        pass
    for end in (source, to):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(near, port, state):
    with near:
        try:
            if is_busy(state):
                refuse(near)
                return
            with socket.create_connection(("127.0.0.1", port)) as far:
                back = threading.Thread(target=copy, args=(far, near, state), daemon=True)
                back.start()
                copy(near, far, state)
                back.join()
        except OSError:
            pass


def main():
    """A socket stays in the network in which it was made: one is made there, the others outside."""
    address, port, to_port, state, outside = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    listener = socket.create_server((address, port))
    with open(outside, encoding="ascii") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
            sys.exit("forward: cannot leave the network: %s" % os.strerror(ctypes.get_errno()))
    while True:
        near, _ = listener.accept()
        threading.Thread(target=serve, args=(near, to_port, state), daemon=True).start()


if __name__ == "__main__":
    main()
