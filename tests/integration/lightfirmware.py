# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightFirmware: EFI firmware for light guests (Debian's ovmf), also one that knows whose kernels are signed."""

import base64
import os
import re
import struct
import subprocess
import uuid
from pathlib import Path

import machine

OVMF = "/usr/share/ovmf/OVMF.fd"
CODE, VARIABLES = (Path("/usr/share/OVMF") / name for name in ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"))

# MdeModulePkg/Include/Guid/VariableFormat.h of EDK II: a store of authenticated variables, and one of them in it.
STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
STORE_HEADER_BYTES = 28
VARIABLE_HEADER = struct.Struct("<HBBIQ16sIII16s")
VARIABLE_START, VARIABLE_ADDED = 0x55AA, 0x3F
ATTRIBUTES = 0x27  # kept, for the boot and the running system, authenticated by its time
# "Secure Boot and Driver Signing" of the UEFI specification
DATABASE = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
CERT_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")

PE_SECURITY_DIRECTORY = 4


def missing():
    """Why there is none; None if there is."""
    return None if os.path.exists(OVMF) else "the package 'ovmf' is not installed"


def plain():
    """Options of qemu."""
    return ("-bios", OVMF)


def knowing(cert, path):
    """Options of qemu for a machine that trusts @cert (DER); its variables are in the file @path."""
    path.write_bytes(with_variable(VARIABLES.read_bytes(), "db", signature_list(cert)))
    return ("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=%s" % CODE,
            "-drive", "if=pflash,unit=1,format=raw,file=%s" % path)


def signer(kernel):
    """The certificate (DER) of whoever signed this file."""
    data = kernel.read_bytes()
    (pe,) = struct.unpack_from("<I", data, 0x3C)
    offset, size = struct.unpack_from("<II", data, pe + 24 + 112 + 8 * PE_SECURITY_DIRECTORY)
    if size == 0:
        raise machine.BedError("'%s' is not signed" % kernel)
    signature = data[offset + 8:offset + size]
    text = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=signature, stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    pem = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.S)[1]
    return base64.b64decode(pem)


def signature_list(cert):
    owner = bytes(16)
    return CERT_X509.bytes_le + struct.pack("<III", 28 + 16 + len(cert), 0, 16 + len(cert)) + owner + cert


def with_variable(flash, name, data):
    """One more, behind those that are there."""
    flash = bytearray(flash)
    at = flash.index(STORE.bytes_le) + STORE_HEADER_BYTES
    while struct.unpack_from("<H", flash, at)[0] == VARIABLE_START:
        header = VARIABLE_HEADER.unpack_from(flash, at)
        at = -(-(at + VARIABLE_HEADER.size + header[7] + header[8]) // 4) * 4
    encoded = (name + "\0").encode("utf-16-le")
    time = struct.pack("<HBBBBBBIhBB", 2020, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    variable = VARIABLE_HEADER.pack(VARIABLE_START, VARIABLE_ADDED, 0, ATTRIBUTES, 0, time, 0, len(encoded), len(data),
                                    DATABASE.bytes_le) + encoded + data
    flash[at:at + len(variable)] = variable
    return bytes(flash)
