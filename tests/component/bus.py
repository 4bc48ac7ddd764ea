# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of the D-Bus protocol as PID 1 speaks on its private socket: calls come, answers and signals go."""

import struct

CALL, REPLY, ERROR, SIGNAL = 1, 2, 3, 4
FIELD_PATH, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR, FIELD_SERIAL, FIELD_SIGNATURE = 1, 2, 3, 4, 5, 8
GUID = b"0123456789abcdef0123456789abcdef"
ALIGN = {"y": 1, "g": 1, "v": 1, "u": 4, "s": 4, "o": 4, "(": 8}


class Writer:
    def __init__(self):
        self.data = bytearray()

    def align(self, n):
        self.data += bytes(-len(self.data) % n)

    def put(self, kind, value):
        """@kind: one basic type, or "v" with @value (signature, values)."""
        self.align(ALIGN[kind])
        if kind == "u":
            self.data += struct.pack("<I", value)
        elif kind in "so":
            self.data += struct.pack("<I", len(value.encode())) + value.encode() + b"\0"
        elif kind == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":
            self.put("g", value[0])
            self.put_all(value[0], value[1])

    def put_all(self, signature, values):
        if signature.startswith("("):
            self.align(8)
            signature = signature[1:-1]
        for kind, value in zip(signature, values):
            self.put(kind, value)


def message(kind, serial, fields, signature="", values=()):
    body = Writer()
    body.put_all(signature, values)
    if signature:
        fields = [*fields, (FIELD_SIGNATURE, "g", signature)]
    array = Writer()
    for code, field_kind, value in fields:
        array.align(8)
        array.data.append(code)
        array.put("v", (field_kind, (value,)))
    head = struct.pack("<cBBBIII", b"l", kind, 1, 1, len(body.data), serial, len(array.data)) + array.data
    return head + bytes(-len(head) % 8) + body.data


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def align(self, n):
        self.at += -self.at % n

    def get(self, kind):
        self.align(ALIGN[kind])
        if kind == "u":
            self.at += 4
            return struct.unpack_from("<I", self.data, self.at - 4)[0]
        if kind == "v":
            return self.get(self.get("g"))
        if kind == "y":
            self.at += 1
            return self.data[self.at - 1]
        size = self.get("u") if kind in "so" else self.get("y")
        self.at += size + 1
        return self.data[self.at - size - 1:self.at - 1].decode()


class Call:
    """A message that came in."""

    def __init__(self, data, size_of_fields):
        self.serial, = struct.unpack_from("<I", data, 8)
        self.wants_answer = not data[2] & 1
        self.kind, fields, reader = data[1], {}, Reader(data, 16)
        while reader.at < 16 + size_of_fields:
            reader.align(8)
            code = reader.get("y")
            fields[code] = reader.get("v")
        self.path, self.member = fields.get(FIELD_PATH), fields.get(FIELD_MEMBER)
        reader.align(8)
        self.values = [reader.get(kind) for kind in fields.get(FIELD_SIGNATURE, "")]


class Connection:
    """One client. @answer(call) gives (signature, values), or None for a call that is not known."""

    def __init__(self, sock, answer):
        self.sock, self.answer = sock, answer
        self.data, self.began, self.serial = b"", False, 0
        self.closed = False

    def fileno(self):
        return self.sock.fileno()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.closed = True

    def on_readable(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        self.closed = self.closed or not data
        self.data += data
        while not self.began and b"\r\n" in self.data:
            line, self.data = self.data.split(b"\r\n", 1)
            self.on_line(line.lstrip(b"\0"))
        while self.began and self.on_message():
            pass

    def on_line(self, line):
        if line == b"AUTH EXTERNAL":
            self.send(b"DATA\r\n")
        elif line.startswith((b"AUTH EXTERNAL", b"DATA")):
            self.send(b"OK " + GUID + b"\r\n")
        elif line == b"NEGOTIATE_UNIX_FD":
            self.send(b"AGREE_UNIX_FD\r\n")
        elif line == b"BEGIN":
            self.began = True
        else:
            self.send(b"ERROR\r\n")

    def on_message(self):
        if len(self.data) < 16:
            return False
        n_body, _, n_fields = struct.unpack_from("<III", self.data, 4)
        size = 16 + n_fields + -n_fields % 8 + n_body
        if len(self.data) < size:
            return False
        call = Call(self.data[:size], n_fields)
        self.data = self.data[size:]
        if call.kind == CALL:
            self.reply(call)
        return True

    def reply(self, call):
        answer = self.answer(call)
        if not call.wants_answer:
            return
        self.serial += 1
        fields = [(FIELD_SERIAL, "u", call.serial)]
        if answer is None:
            fields.append((FIELD_ERROR, "s", "org.freedesktop.DBus.Error.UnknownMethod"))
            self.send(message(ERROR, self.serial, fields))
        else:
            self.send(message(REPLY, self.serial, fields, *answer))

    def signal(self, path, interface, member, signature, values):
        self.serial += 1
        self.send(message(SIGNAL, self.serial, [(FIELD_PATH, "o", path), (FIELD_INTERFACE, "s", interface),
                                                (FIELD_MEMBER, "s", member)], signature, values))
