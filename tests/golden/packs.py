"""docs/FORMAT.md "Blobs, frames, packs and the index": from blob ids to plaintexts."""
import zstandard

from wire import (In, check_commitment, crc32c, mac, need, open_sealed, preamble, sha256, u32)

DATA, METADATA, INDEX = 1, 2, 3
MAGIC = {DATA: b"PDPD", METADATA: b"PDPM", INDEX: b"PDIX"}
DIRECTORY = 0xffffffff
FOOTER = b"PDPKEND\n"


def header_salt(body, kind, what):
    need(len(body) >= 64, f"{what}: too short")
    source = In(body[:64], what)
    need(crc32c(body[:60]) == int.from_bytes(body[60:64], "little"), f"{what}: a damaged header")
    preamble(source, MAGIC[kind])
    salt = source.raw(32)
    need(source.raw(8) == bytes(8), f"{what}: a header that is not zero")
    return salt


class Sealer:
    """Opens what is sealed in packs and index segments of one repository."""

    def __init__(self, repository, common):
        self.repository, self.common = repository, common

    def context(self, kind, domain, salt, slot, codec, length):
        return b"".join((b"\1\0\1\0", self.repository, bytes([kind]), domain.handle,
                         u32(domain.generation), salt, u32(slot), bytes([codec]), u32(length)))

    def frame(self, kind, domain, salt, slot, codec, length, sealed, what):
        key = mac(domain.data, b"frame", salt, u32(slot))
        return open_sealed(key, sealed, self.context(kind, domain, salt, slot, codec, length), what)

    def listing(self, kind, salt, sealed, what):
        """commitment ‖ sealed plaintext, as directories and index segments have it"""
        key = mac(self.common.meta, b"directory", salt)
        check_commitment(key, salt, sealed[:32], what)
        length = len(sealed) - 32 - 16
        context = self.context(kind, self.common, salt, DIRECTORY, 0, length)
        return In(open_sealed(key, sealed[32:], context, what), what)


class Frame:
    def __init__(self, pack, slot, offset, stored, codec, domain, base, blobs):
        self.pack, self.slot, self.offset, self.stored = pack, slot, offset, stored
        self.codec, self.domain, self.base, self.blobs = codec, domain, base, blobs
        self.plaintext_bytes = sum(length for _, length in blobs)


class Pack:
    """A pack whose name, header, parity and directory were checked."""

    def __init__(self, name, stored, sealer):
        self.name, self.sealer = name, sealer
        self.kind = {"d": DATA, "m": METADATA}[name.split("/")[1]]
        session, _, digest = name.split("/")[2].partition("-")
        self.session, self.hash = bytes.fromhex(session), bytes.fromhex(digest)
        self.body = strip_parity(stored, name)
        need(sha256(self.body) == self.hash, f"{name}: another SHA-256")
        self.salt = header_salt(self.body, self.kind, name)
        self._directory()

    def _directory(self):
        footer = In(self.body[-16:], self.name)
        size, complement = footer.u32(), footer.u32()
        need(size ^ complement == 0xffffffff and footer.raw(8) == FOOTER,
             f"{self.name}: no footer")
        start = len(self.body) - 16 - size
        plain = self.sealer.listing(self.kind, self.salt, self.body[start:-16], self.name)
        listed = In(plain.raw(plain.u32()), self.name)
        zeros = plain.raw(plain.left)
        need(not any(zeros), f"{self.name}: padding that is not zero")
        domains = [(listed.raw(16), listed.varint()) for _ in range(listed.count(17))]
        self.frames = []
        offset = 64
        for slot in range(listed.count(4)):
            stored, codec = listed.varint(), listed.u8()
            domain = domains[listed.varint()]
            base = listed.raw(32) if codec == 2 else None
            blobs = [(listed.raw(32), listed.varint()) for _ in range(listed.count(33))]
            self.frames.append(Frame(self, slot, offset, stored, codec, domain, base, blobs))
            offset += stored
        listed.end()
        need(offset == start, f"{self.name}: frames do not end where the directory begins")
        need(padded(len(self.body) - len(zeros)) == len(self.body), f"{self.name}: another padding")


def padded(length):
    e = length.bit_length() - 1
    step = 1 << min(max(e - e.bit_length(), 12), 18)
    return -(-length // step) * step


def _field():
    exp, value = [], 1
    for _ in range(255):
        exp.append(value)
        value = value << 1 ^ (0x11d if value & 0x80 else 0)
    return exp


_EXP = _field()
_LOG = {value: power for power, value in enumerate(_EXP)}


def inverse(value):
    return _EXP[-_LOG[value] % 255]


def times(factor):
    """A table that multiplies bytes by `factor`, for bytes.translate."""
    return bytes([0] + [_EXP[(_LOG[factor] + _LOG[value]) % 255] for value in range(1, 256)])


def strip_parity(stored, what):
    """The body; a parity suffix is computed anew and compared in full."""
    tail = In(stored[-32:], what)
    if len(stored) < 64 or tail.raw(8) != b"PDPARITY":
        return stored
    head = stored[-32:]
    need(crc32c(head[:28]) == int.from_bytes(head[28:], "little"), f"{what}: a damaged parity head")
    need(tail.u32() == 1, f"{what}: a newer parity")
    size, length = tail.u32(), tail.u64()
    need(tail.u32() == 0, f"{what}: a parity head that is not zero")
    body = stored[:length]
    need(size == min(4096, -(-length // 64) * 64), f"{what}: another size of sectors")
    need(parity_suffix(body, size, head) == stored[length:], f"{what}: another parity or body")
    return body


def parity_suffix(body, size, head):
    sectors = [body[at:at + size] for at in range(0, len(body), size)]
    stripes = max(1, -(-len(sectors) // 64))
    rows = []
    for row in range(3):
        for stripe in range(stripes):
            total = 0
            for place, sector in enumerate(sectors[stripe::stripes]):
                table = times(inverse(64 + row ^ place))
                total ^= int.from_bytes(sector.ljust(size, b"\0").translate(table), "little")
            rows.append(total.to_bytes(size, "little"))
    table = head + body[:64].ljust(64, b"\0") + b"".join(
        u32(crc32c(sector)) for sector in sectors + rows)
    table += u32(crc32c(table)) + head
    return table + b"".join(rows) + table


class Blobs:
    """All packs of a repository; blobs by id, each checked against its id."""

    def __init__(self, objects, keyring):
        self.keyring, self.sealer = keyring, Sealer(keyring.repository, keyring.common)
        self.packs = {}
        for name in sorted(objects):
            if name.startswith("pack/"):
                pack = Pack(name, objects[name], self.sealer)
                self.packs[pack.hash] = pack
        self.frames = {}
        for pack in self.packs.values():
            for frame in pack.frames:
                for blob, _ in frame.blobs:
                    self.frames.setdefault(blob, frame)
        self.cache = {}
        self.deltas = 0
        self._check_index(objects)

    def _check_index(self, objects):
        """The segments that count list exactly what the directories say."""
        superseded, segments = set(), {}
        for name in sorted(objects):
            if name.startswith("index/"):
                digest = bytes.fromhex(name.partition("/")[2])
                need(sha256(objects[name]) == digest, f"{name}: another SHA-256")
                gone, packs = self._segment(objects[name], name)
                superseded |= gone
                segments[digest] = packs
        listed = {}
        for digest, packs in segments.items():
            if digest not in superseded:
                listed.update(packs)
        for digest, pack in self.packs.items():
            frames = [(frame.stored, frame.codec, [(blob[:16], length)
                                                   for blob, length in frame.blobs])
                      for frame in pack.frames]
            says = (pack.salt, pack.session, pack.kind, len(pack.body), frames)
            need(listed.get(digest) == says, f"{pack.name}: the index says something else")

    def _segment(self, data, what):
        salt = header_salt(data, INDEX, what)
        source = self.sealer.listing(INDEX, salt, data[64:], what)
        gone = {source.raw(32) for _ in range(source.count(32))}
        packs = {}
        for _ in range(source.count(83)):
            digest, salt, session, kind = (source.raw(32), source.raw(32), source.raw(16),
                                           source.u8())
            size = source.varint()
            frames = []
            for _ in range(source.count(3)):
                stored, codec = source.varint(), source.u8()
                frames.append((stored, codec, [(source.raw(16), source.varint())
                                               for _ in range(source.count(17))]))
            packs[digest] = (salt, session, kind, size, frames)
        source.end()
        return gone, packs

    def read_frame(self, frame):
        """id → plaintext of all blobs of a frame."""
        pack, what = frame.pack, f"{frame.pack.name} frame {frame.slot}"
        handle, generation = frame.domain
        domain = self.keyring.domains[handle]
        need(domain.generation == generation, f"{what}: of another generation")
        sealed = pack.body[frame.offset:frame.offset + frame.stored]
        stored = self.sealer.frame(pack.kind, domain, pack.salt, frame.slot, frame.codec,
                                   frame.plaintext_bytes, sealed, what)
        plain = self._decode(frame, stored, what)
        need(len(plain) == frame.plaintext_bytes, f"{what}: another length")
        source, found = In(plain, what), {}
        for blob, length in frame.blobs:
            found[blob] = source.raw(length)
            need(mac(domain.id, found[blob]) == blob, f"{what}: blob {blob.hex()} has another id")
        source.end()
        return found

    def _decode(self, frame, stored, what):
        if frame.codec == 0:
            return stored
        parameters = zstandard.get_frame_parameters(stored)
        need(parameters.content_size == frame.plaintext_bytes and parameters.dict_id == 0
             and parameters.window_size <= max(1 << 23, frame.plaintext_bytes),
             f"{what}: a zstd frame of another kind")
        prefix = None
        if frame.codec == 2:
            self.deltas += 1
            base = self.frames[frame.base]
            need(len(frame.blobs) == 1 and base.codec != 2 and base.domain == frame.domain,
                 f"{what}: a base that may not be one")
            prefix = zstandard.ZstdCompressionDict(self.get(frame.base),
                                                   dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        return zstandard.ZstdDecompressor(dict_data=prefix).decompress(stored)

    def get(self, blob):
        frame = self.frames.get(blob)
        need(frame, f"blob {blob.hex()} lies in no pack")
        if blob not in self.cache:
            self.cache.update(self.read_frame(frame))
        return self.cache[blob]

    def read_everything(self):
        for pack in self.packs.values():
            for frame in pack.frames:
                self.cache.update(self.read_frame(frame))
