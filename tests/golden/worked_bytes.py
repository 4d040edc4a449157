"""The worked bytes of docs/FORMAT.md, made anew from its words by Python alone.

Each of made() is what the page must say somewhere, blanks and backticks left out.
"""
import os
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wire import crc32c, mac, sha256, u32

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/FORMAT.md")
MASK = (1 << 64) - 1


def page():
    with open(PAGE, encoding="utf-8") as file:
        return re.sub(r"[`\s]", "", file.read())


def made():
    yield from chunks()
    yield from pack()
    yield from keys()
    yield from shard()
    yield from small_things()


def counting(first, count):
    return bytes(range(first, first + count))


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def u16(value):
    return value.to_bytes(2, "little")


def sealed(key, plain, context):
    return AESGCM(key).encrypt(bytes(12), plain, context)


def preamble(magic):
    return magic + u16(1) + u16(1) + u32(0) * 3


class Domain:
    """The keys of a domain: K_x."""

    def __init__(self, repository, handle, generation, secret):
        self.repository, self.handle, self.generation = repository, handle, generation
        for name in ("data", "id", "meta"):
            setattr(self, name, mac(secret, f"perdure1/{name}".encode(), repository, handle,
                                    u32(generation)))


def gear_table(key):
    table = []
    for j in range(64):
        row = mac(key, b"perdure1/gear", bytes([j]))
        table += [int.from_bytes(row[at:at + 8], "little") for at in range(0, 32, 8)]
    return table


def first_cut(data, gear, least, usual_log, most):
    """H(n) by its own sum at `least`, then rolled on: what is shifted out of 64 bits is gone."""
    value = sum(gear[data[least - 1 - i]] << i for i in range(64)) & MASK
    for n in range(least, min(most, len(data))):
        if value < 1 << (64 - usual_log + (-2 if n < 1 << usual_log else 2)):
            return n
        value = ((value << 1) + gear[data[n]]) & MASK
    return min(most, len(data))


def chunks():
    gear = gear_table(b"\x2a" * 32)
    yield f"gear[0]={gear[0]},gear[255]={gear[255]}."
    x, data = 1, bytearray()
    for _ in range(5_300_000):
        x = (x * 6364136223846793005 + 1442695040888963407) & MASK
        data.append(x >> 56)
    lengths = []
    for _ in range(4):
        lengths.append(first_cut(data, gear, 256 << 10, 20, 4 << 20))
        del data[:lengths[-1]]
    yield f"have{','.join(map(str, lengths))},…bytes"


def pack():
    domain = Domain(b"\x11" * 16, b"\x22" * 16, 7, b"\x33" * 32)
    salt = counting(0, 32)

    def context(slot, length):
        return (u16(1) + u16(1) + domain.repository + b"\1" + domain.handle +
                u32(domain.generation) + salt + u32(slot) + b"\0" + u32(length))

    header = preamble(b"PDPD") + salt + bytes(8)
    header += u32(crc32c(header))
    yield f"|header|{header[:20].hex()}salt{header[52:].hex()}|"
    blob_id = mac(domain.id, b"hello")
    yield f"|blobid|{blob_id.hex()}|"
    key = mac(domain.data, b"frame", salt, u32(0))
    yield f"|keyofslot0|{key.hex()}|"
    frame = sealed(key, b"hello", context(0, 5))
    yield f"|frame0,at{len(header)}|{frame.hex()}|"
    before = varint(len(frame)) + b"\0" + varint(0) + varint(1)
    content = varint(1) + domain.handle + varint(7) + varint(1) + before + blob_id + varint(5)
    yield f"|list|01handle0701{before.hex()}blobid05|"
    directory_key = mac(domain.meta, b"directory", salt)
    commitment = mac(directory_key, b"commit", salt)
    yield f"|commitment,at{len(header + frame)}|{commitment.hex()}|"
    bare = len(header + frame) + 32 + 4 + len(content) + 16 + 16
    log = bare.bit_length() - 1
    step = min(max(1 << (log - log.bit_length()), 4 << 10), 256 << 10)
    plain = u32(len(content)) + content + bytes(-bare % step)
    directory = commitment + sealed(directory_key, plain, context(0xffffffff, len(plain)))
    footer = u32(len(directory)) + u32(len(directory) ^ 0xffffffff) + b"PDPKEND\n"
    body = header + frame + directory + footer
    yield f"|footer,at{len(body) - 16}|{footer.hex()}|"
    yield f"|body|{len(body)}bytes,SHA-256{sha256(body).hex()}|"
    suffix = parity(body)
    yield f"|paritysuffix|{len(suffix)}bytes,SHA-256{sha256(suffix).hex()}|"


def product(a, b):
    """In GF(2^8) with polynomial 0x11d."""
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = a << 1 ^ (0x11d if a & 0x80 else 0)
        b >>= 1
    return out


def parity(body):
    size = min(4096, -(-len(body) // 64) * 64)
    sectors = [body[at:at + size] for at in range(0, len(body), size)]
    stripes = max(1, -(-len(sectors) // 64))
    rows = []
    for p in range(3):
        for stripe in range(stripes):
            row = bytes(size)
            for place, sector in enumerate(sectors[stripe::stripes]):
                factor = next(f for f in range(256) if product(f, 64 + p ^ place) == 1)
                table = bytes(product(factor, value) for value in range(256))
                row = bytes(a ^ b for a, b in zip(row, sector.ljust(size, b"\0").translate(table)))
            rows.append(row)
    head = b"PDPARITY" + u32(1) + u32(size) + len(body).to_bytes(8, "little") + u32(0)
    head += u32(crc32c(head))
    table = head + body[:64].ljust(64, b"\0")
    table += b"".join(u32(crc32c(one)) for one in sectors + rows)
    table += u32(crc32c(table)) + head
    return table + b"".join(rows) + table


def example():
    return Domain(counting(0xa0, 16), counting(0xb0, 16), 1, counting(0, 32))


def example_token():
    return mac(counting(0x20, 32), varint(3), b"app", b"person-7")


def keys():
    domain, salt = example(), counting(0x60, 16)
    yield (f"K_data{domain.data.hex()}K_id{domain.id.hex()}K_meta{domain.meta.hex()}"
           f"id(\"perdure\"){mac(domain.id, b'perdure').hex()}"
           f"framekey{mac(domain.data, b'frame', counting(0x40, 32), u32(7)).hex()}"
           f"token{example_token().hex()}")
    slot_key = HKDF(hashes.SHA256(), 32, salt, b"perdure1/slot/key-file").derive(
        b"a key file of more than 16 bytes")
    yield (f"slotkey{slot_key.hex()}commitment{mac(slot_key, b'commit', salt).hex()}"
           f"wrapping{mac(slot_key, b'wrap', salt).hex()}=HMAC")


def shard():
    domain, salt, key = example(), counting(0x40, 32), counting(0xc0, 32)
    commitment = mac(key, b"commit", salt)
    header = preamble(b"PDKS") + domain.repository + salt + commitment
    entry = domain.handle + u32(1) + counting(0, 32) + example_token()
    tombstone = counting(0xd0, 16) + (2).to_bytes(8, "little") + \
        (1800000000).to_bytes(8, "little")
    plain = varint(1) + entry + varint(1) + tombstone
    whole = header + sealed(mac(key, b"shard", salt), plain, header)
    yield f"theshardisnamed{sha256(whole).hex()}andbegins(header,{len(header)}bytes)"
    yield f"{preamble(b'PDKS').hex()}a0…af40…5f{commitment.hex()}."


def small_things():
    copy = b"PD3C" + u32(7) + sha256(b"perdure") + b"perdure"
    yield f"\"perdure\"isthreetimes{copy.hex()}"
    tombstone = 3 * (4 + 4 + 32 + len(b"PDTS") + 8)
    yield f"Tombstone:body\"PDTS\"‖i64seconds({tombstone}bytesasanobject"
    yield f"null,-2,\"hi\"={(bytes([0, 1, 3, 3]) + varint(2) + b'hi').hex()}."
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    bits, groups = int.from_bytes(counting(0, 20), "big"), []
    for group in range(8):
        word = "".join(alphabet[bits >> (155 - 20 * group - 5 * i) & 31] for i in range(4))
        check = sha256(b"perdure1/phrase" + bytes([group]) + word.encode())[0] & 31
        groups.append(word + alphabet[check])
    yield f"0001…13is{'-'.join(groups)}."
