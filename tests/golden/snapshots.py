"""docs/FORMAT.md "Entries, trees, rows and snapshots": what a repository says its sources were."""
import struct

from cryptography.exceptions import InvalidSignature

from wire import (In, Damage, check_commitment, mac, need, open_sealed, preamble, sha256,
                  three_copies, unzigzag)

FOLDER, FILE, SYMLINK = 1, 2, 3
MEDIA = 0xffffffff
NUMBERS = {1: "mode", 2: "uid", 3: "gid", 6: "mtime_s", 7: "mtime_ns", 8: "ctime_s", 9: "ctime_ns",
           10: "size", 11: "device", 12: "inode", 13: "links", 14: "rdev", 15: "flags"}
STRINGS = {4: "user", 5: "group", 16: "target", 17: "same_as", 18: "xattrs", 19: "extents"}


def read_value(source):
    kind = source.u8()
    need(kind <= 4, f"{source.what}: a value of an unknown type")
    if kind == 0:
        return None
    if kind == 1:
        return source.zigzag()
    if kind == 2:
        return struct.unpack("<d", source.raw(8))[0]
    return source.text() if kind == 3 else source.bytes()


def read_entry(source):
    body = In(source.bytes(), source.what)
    entry = {"kind": body.u8(), "name": body.bytes()}
    last = 0
    while body.left:
        number, wire = divmod(body.varint(), 2)
        need(number > last, f"{body.what}: fields out of order")
        last = number
        value = body.bytes() if wire else body.varint()
        need(value and not (number == 13 and value == 1), f"{body.what}: a default was written")
        entry[(STRINGS if wire else NUMBERS).get(number, number)] = value
    for name in ("mtime_s", "ctime_s"):
        entry[name] = unzigzag(entry.get(name, 0))
    return entry


def extents(entry):
    source, found = In(entry["extents"], "extents"), []
    while source.left:
        found.append((source.varint(), source.varint()))
    return found


def spread(entry, content):
    """The bytes of a file, holes included."""
    if "extents" not in entry:
        return content
    source, out = In(content, "a sparse file"), bytearray()
    for gap, length in extents(entry):
        out += bytes(gap) + source.raw(length)
    source.end()
    return bytes(out.ljust(entry["size"], b"\0"))


class BlobList:
    def __init__(self, source):
        self.length, self.depth = source.varint(), source.u8()
        self.ids = [source.raw(32) for _ in range(source.count(32))]
        need(self.depth <= 6, f"{source.what}: a list too deep")

    def read(self, blobs):
        ids = self.ids
        for _ in range(self.depth):
            below = b"".join(blobs.get(blob) for blob in ids)
            ids = [below[at:at + 32] for at in range(0, len(below), 32)]
        joined = b"".join(blobs.get(blob) for blob in ids)
        need(len(joined) == self.length, "a list with another length")
        return joined

    def records(self, blobs, what):
        stream = In(self.read(blobs), what)
        while stream.left:
            yield In(stream.bytes(), what)


class Source:
    def __init__(self, source):
        self.name, self.type, self.location = source.text(), source.text(), source.text()
        self.rows, self.started = source.u8(), source.time()
        self.root, self.schema = BlobList(source), BlobList(source)
        self.options = {source.text(): source.text() for _ in range(source.count(2))}
        self.digest = (source.raw(32), source.varint(), source.varint())
        (self.items, self.bytes_read, self.bytes_total, self.subjects,
         self.unchanged) = (source.varint() for _ in range(5))
        self.problems_total = source.varint()
        self.problems = [(source.text(), source.text()) for _ in range(source.count(2))]

    # ---- trees

    def tree(self, blobs):
        """path → (entry, bytes of a file or None), the root left out."""
        roots = list(self.root.records(blobs, self.name))
        need(len(roots) == 1, f"{self.name}: not one root")
        root = read_entry(roots[0])
        need(root["kind"] == FOLDER and root["name"] == b"", f"{self.name}: an odd root")
        found = {}
        self._folder("", BlobList(roots[0]), blobs, found)
        return found

    def _folder(self, path, stream, blobs, found):
        last = b""
        for record in stream.records(blobs, f"{self.name}:{path}"):
            entry = read_entry(record)
            name = entry["name"]
            need(name > last and b"/" not in name and name not in (b".", b".."),
                 f"{self.name}:{path}: names out of order")
            last = name
            below = path + name.decode("utf-8", "surrogateescape")
            content = None
            if entry["kind"] == FOLDER:
                found[below] = (entry, None)
                self._folder(below + "/", BlobList(record), blobs, found)
            elif entry["kind"] == FILE and "same_as" not in entry:
                content = spread(entry, BlobList(record).read(blobs))
                need(len(content) == entry.get("size", 0), f"{self.name}:{below}: another size")
            found[below] = (entry, content)
            record.end()

    # ---- rows

    def read_schema(self, blobs):
        record, = self.schema.records(blobs, f"{self.name} schema")
        need(record.varint() == 1, f"{record.what}: a newer version")
        schema = {"engine": record.text(),
                  "settings": {record.text(): record.text() for _ in range(record.count(2))},
                  "objects": [tuple(record.text() for _ in range(4))
                              for _ in range(record.count(4))],
                  "tables": [self._table(record) for _ in range(record.count(4))]}
        record.end()
        return schema

    @staticmethod
    def _table(record):
        return {"name": record.text(), "flags": record.u8(),
                "columns": [(record.text(), record.text(), record.u8())
                            for _ in range(record.count(3))],
                "primary_key": [record.text() for _ in range(record.count())]}

    def roster(self, blobs):
        """(handle, flags, tag, id, base) of every blob of a database."""
        handle = generation = None
        for record in self.root.records(blobs, f"{self.name} roster"):
            flags = record.u8()
            need(flags < 64 and flags & 3 in (1, 2), f"{record.what}: unknown flags")
            if flags & 4:
                last, handle, generation = handle, record.raw(16), record.varint()
                need(last is None or last <= handle, f"{record.what}: handles out of order")
            tag = record.u64() if flags & 8 else None
            yield (handle, generation, flags, tag, record.raw(32),
                   record.raw(32) if flags & 16 else None)
            record.end()

    def read_rows(self, blobs):
        """(handle, table, key, payload) of every row; media rows with their entry and bytes."""
        for handle, generation, flags, tag, blob, base in self.roster(blobs):
            domain = blobs.keyring.domains[handle]
            frame = blobs.frames[blob]
            need(frame.domain == (handle, generation), f"{self.name}: a blob of another domain")
            need(base is None or (frame.codec, frame.base) == (2, base),
                 f"{self.name}: a roster with another base")
            if flags & 3 != 1:
                continue
            for at, row in enumerate(self._block(In(blobs.get(blob), f"{self.name} rows"), blobs)):
                if at == 0 and tag is not None:
                    code = mac(domain.meta, b"tag", row[0].to_bytes(4, "little"), row[1])
                    need(int.from_bytes(code[:8], "little") == tag, f"{self.name}: another tag")
                yield (handle, *row)

    @staticmethod
    def _block(block, blobs):
        table = key = None
        while block.left:
            head = block.varint()
            shared, outlined, other = head >> 2, head & 2, head & 1
            last = (table, key)
            need(other or key is not None, f"{block.what}: a first row without a table")
            if other:
                need(shared == 0, f"{block.what}: shared with another table")
                table = block.varint()
            need(shared <= len(key or b""), f"{block.what}: more shared than there is")
            key = (key or b"")[:shared] + block.bytes()
            payload = block.bytes()
            need(last[0] is None or (table, key) > last, f"{block.what}: rows out of order")
            if outlined:
                payload = BlobList(In(payload, block.what)).read(blobs)
            yield table, key, payload

    def database(self, blobs):
        """(table name → rows, media path → (entry, bytes), handles that were met)"""
        schema = self.read_schema(blobs)
        self.spatial = {key.removeprefix("spatial "): int(value)
                        for key, value in schema["settings"].items() if key.startswith("spatial ")}
        tables = {table["name"]: [] for table in schema["tables"]}
        media, handles = {}, set()
        for handle, table, key, payload in self.read_rows(blobs):
            handles.add(handle)
            source = In(payload, f"{self.name} row")
            if table == MEDIA:
                entry = read_entry(source)
                media[key.decode()] = (entry, spread(entry, BlobList(source).read(blobs)))
            else:
                shape = schema["tables"][table]
                row = [read_value(source) for column in shape["columns"] if not column[2]]
                self._check_key(shape, key, row)
                tables[shape["name"]].append(row)
            source.end()
        for name in self.spatial:
            for ending in ("_node", "_parent", "_rowid"):
                need(not tables.pop(name + ending), f"{self.name}: nodes of {name} beside its rows")
        return tables, media, handles

    def _check_key(self, shape, key, row):
        """The key of a rowid table is the rowid, of others the primary key in its own order."""
        if shape["name"] in self.spatial:
            need(key == rowid(row[0]), f"{self.name}: a place of {shape['name']} under another key")
            return
        names = [column[0] for column in shape["columns"] if not column[2]]
        types = [column[1].upper() for column in shape["columns"] if not column[2]]
        values = [row[names.index(name)] for name in shape["primary_key"]]
        if not shape["flags"] & 1:
            expected = b"".join(map(key_bytes, values))
        elif len(values) == 1 and types[names.index(shape["primary_key"][0])] == "INTEGER":
            expected = rowid(values[0])
        else:
            return
        need(key == expected, f"{self.name}: a row of {shape['name']} under another key")


def rowid(number):
    return (number + (1 << 63)).to_bytes(8, "big")


def key_bytes(value):
    if value is None:
        return b"\x05"
    if isinstance(value, int):
        return b"\x10" + rowid(value)
    if isinstance(value, float):
        bits, = struct.unpack(">Q", struct.pack(">d", value))
        return b"\x11" + (bits ^ ((1 << 64) - 1 if bits >> 63 else 1 << 63)).to_bytes(8, "big")
    tag, data = (b"\x20", value.encode()) if isinstance(value, str) else (b"\x30", value)
    return tag + data.replace(b"\0", b"\0\xff") + b"\0\0"


class Snapshot:
    def __init__(self, name, stored, keyring):
        self.name = name
        body = three_copies(stored, name)
        self.hash = sha256(body)
        outer = In(body, name)
        preamble(outer, b"PDSN")
        need(outer.raw(16) == keyring.repository, f"{name}: of another repository")
        session, salt = outer.raw(16), outer.raw(32)
        need(name == f"snapshot/{session.hex()}", f"{name}: of another session")
        context = body[:outer.at]
        need(outer.raw(32) == mac(keyring.common.meta, b"commit", b"snapshot", salt),
             f"{name}: another commitment")
        plain = In(open_sealed(mac(keyring.common.meta, b"snapshot", salt), body[outer.at:],
                               context, name), name)
        signed, signature = plain.bytes(), plain.raw(64)
        plain.end()
        self._fields(In(signed, name))
        need(self.session == session, f"{name}: another session inside")
        need(self.min_epoch <= keyring.epoch, f"{name}: the keyring is too old")
        need(self.writer in keyring.writers, f"{name}: an unknown writer")
        try:
            keyring.writers[self.writer][1].verify(
                signature, b"perdure1/snapshot" + keyring.repository + signed)
        except InvalidSignature:
            raise Damage(f"{name}: the signature does not fit") from None

    def _fields(self, source):
        need(source.varint() == 1, f"{source.what}: a newer version")
        self.session, self.started, self.finished = source.raw(16), source.time(), source.time()
        self.type = source.u8()
        self.host, self.user, self.program = (source.text() for _ in range(3))
        self.tags = [source.text() for _ in range(source.count())]
        self.parent = source.raw(16) if source.u8() else None
        self.receipt = source.time() if source.u8() else None
        self.min_epoch, self.writer = source.varint(), source.raw(32)
        self.sequence, self.previous = source.varint(), source.raw(32)
        self.sources = {}
        for _ in range(source.count(90)):
            one = Source(source)
            self.sources[one.name] = one
        self.statistics = [source.varint() for _ in range(5)]
        last = 0
        while source.left:
            tag = source.varint()
            need(tag > last, f"{source.what}: later fields out of order")
            last = tag
            source.bytes()
