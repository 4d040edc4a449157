"""The smallest parts of docs/FORMAT.md: numbers, three copies, preambles, seals."""
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Damage(Exception):
    """What does not follow the format; the text names the object."""


def need(claim, what):
    if not claim:
        raise Damage(what)


class In:
    """Reads a byte string from its beginning; refuses what docs/FORMAT.md tells to refuse."""

    def __init__(self, data, what):
        self.data, self.at, self.what = bytes(data), 0, what

    @property
    def left(self):
        return len(self.data) - self.at

    def raw(self, size):
        need(size <= self.left, f"{self.what}: a length past the end")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size, signed=False):
        return int.from_bytes(self.raw(size), "little", signed=signed)

    def u8(self):
        return self.number(1)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                need(byte or shift == 7, f"{self.what}: a varint that is not minimal")
                need(value < 1 << 64, f"{self.what}: a varint beyond 64 bits")
                return value

    def zigzag(self):
        return unzigzag(self.varint())

    def count(self, item_bytes=1):
        count = self.varint()
        need(count * item_bytes <= self.left, f"{self.what}: a count that cannot be")
        return count

    def bytes(self):
        return self.raw(self.varint())

    def text(self):
        return self.bytes().decode()

    def time(self):
        return (self.number(8, signed=True), self.u32())

    def end(self):
        need(self.left == 0, f"{self.what}: {self.left} bytes too many")


def unzigzag(value):
    return value >> 1 ^ -(value & 1)


def u32(value):
    return value.to_bytes(4, "little")


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def open_sealed(key, sealed, context, what):
    try:
        return AESGCM(key).decrypt(bytes(12), sealed, context)
    except InvalidTag:
        raise Damage(f"{what}: the seal does not open") from None


def check_commitment(key, salt, found, what):
    need(hmac.compare_digest(mac(key, b"commit", salt), found), f"{what}: another commitment")


def three_copies(data, what):
    """The body that all three copies hold, or the one copy of a large body; a golden repository has
    no damage to forgive."""
    if data[:4] == b"PD1P":
        return _one_copy(data, what)
    need(len(data) % 3 == 0 and data[:len(data) // 3] * 3 == data, f"{what}: the copies differ")
    copy = In(data[:len(data) // 3], what)
    need(copy.raw(4) == b"PD3C", f"{what}: not three copies")
    length, digest = copy.u32(), copy.raw(32)
    body = copy.raw(length)
    copy.end()
    need(sha256(body) == digest, f"{what}: another SHA-256")
    return body


def _one_copy(data, what):
    copy = In(data, what)
    copy.raw(4)
    length, digest = copy.u32(), copy.raw(32)
    body = copy.raw(length)
    need(length > 32 << 10 and data[copy.at:copy.at + 8] == b"PDPARITY", f"{what}: no parity")
    need(sha256(body) == digest, f"{what}: another SHA-256")
    return body


def preamble(source, magic):
    need(source.raw(4) == magic, f"{source.what}: not a {magic.decode()}")
    need((source.number(2), source.number(2)) == (1, 1), f"{source.what}: a newer format")
    source.raw(8)
    need(source.u32() == 0, f"{source.what}: a newer feature")


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xff]
    return value ^ 0xffffffff
