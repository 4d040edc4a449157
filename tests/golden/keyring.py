"""docs/FORMAT.md "Keyring": from a key file to the secrets of all domains and the writers' keys."""
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from wire import (In, Damage, check_commitment, mac, need, open_sealed, preamble, sha256,
                  three_copies, u32)

KEY_FILE = 2
TOMBSTONE_BYTES = 156


def hkdf(secret, salt, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(secret)


def public_bytes(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def open_box(secret, box, what):
    try:
        return SealedBox(PrivateKey(secret)).decrypt(box)
    except CryptoError:
        raise Damage(f"{what}: the box does not open") from None


class Domain:
    """One erasure scope: its handle and the keys that follow from its secret."""

    def __init__(self, repository, handle, generation, secret):
        self.handle, self.generation = handle, generation
        self.data, self.id, self.meta = (
            mac(secret, b"perdure1/" + use, repository, handle, u32(generation))
            for use in (b"data", b"id", b"meta"))


class Keyring:
    def __init__(self, objects, repository, config_hash, key_file):
        """`objects` maps names to bytes."""
        self.repository = repository
        self.domains, self.tombstones, self.writers, self.tokens = {}, {}, {}, {}
        name = "keyring/m/%d" % max(int(name.rpartition("/")[2]) for name in objects
                                    if name.startswith("keyring/m/"))
        self._manifest(three_copies(objects[name], name), name, config_hash, key_file)
        for shard, key in self.shards:
            name = f"keyring/s/{shard.hex()}"
            self._shard(three_copies(objects[name], name), name, shard, key)
        for name in sorted(objects):
            if name.startswith("keyring/a/") and len(objects[name]) != TOMBSTONE_BYTES:
                self._addition(three_copies(objects[name], name), name)
        for handle in self.tombstones:
            self.domains.pop(handle, None)

    def _manifest(self, body, what, config_hash, key_file):
        source = In(body, what)
        preamble(source, b"PDKM")
        need(source.raw(16) == self.repository, f"{what}: of another repository")
        self.epoch = source.u64()
        need(what == f"keyring/m/{self.epoch}", f"{what}: of another epoch")
        need(source.raw(32) == config_hash, f"{what}: another config")
        source.raw(32)
        need(source.u8() == 0, f"{what}: another key mode")
        source.time()
        salt = source.raw(32)
        slots = [self._slot(source) for _ in range(source.count(250))]
        source.bytes()
        header = body[:source.at]
        commitment, sealed, code = source.raw(32), source.bytes(), source.raw(32)
        source.end()
        root, authenticity = self._open_slot(slots, key_file)
        need(code == mac(authenticity, b"perdure1/manifest", body[:-32]), f"{what}: another code")
        check_commitment(root, salt, commitment, what)
        plain = In(open_sealed(mac(root, b"manifest", salt), sealed, header, what), what)
        self._body(plain, authenticity)

    @staticmethod
    def _slot(source):
        slot = {"id": source.raw(16), "kind": source.u8(), "label": source.text(),
                "created": source.time(), "memory": source.u32(), "passes": source.u32(),
                "salt": source.raw(16), "public": source.raw(32), "commitment": source.raw(32),
                "wrapped": source.raw(80), "box": source.raw(80)}
        return slot

    def _open_slot(self, slots, key_file):
        for slot in slots:
            if slot["kind"] != KEY_FILE:
                continue
            key = hkdf(key_file, slot["salt"], b"perdure1/slot/key-file")
            if mac(key, b"commit", slot["salt"]) != slot["commitment"]:
                continue
            context = b"".join((b"perdure1/slot", self.repository, slot["id"],
                                bytes([slot["kind"]]), u32(slot["memory"]), u32(slot["passes"]),
                                slot["salt"], slot["public"]))
            plain = open_sealed(mac(key, b"wrap", slot["salt"]), slot["wrapped"], context, "a slot")
            need(public_bytes(X25519PrivateKey.from_private_bytes(plain[:32])) == slot["public"],
                 "a slot: its keys are no pair")
            return open_box(plain[:32], slot["box"], "a slot"), plain[32:]
        raise Damage("no slot opens with this key file")

    def _body(self, source, authenticity):
        need(source.raw(32) == authenticity, f"{source.what}: another authenticity key")
        self.authenticity = authenticity
        handle, generation, secret = source.raw(16), source.u32(), source.raw(32)
        need(generation == 1, f"{source.what}: a generation that this format reserves")
        self.common = Domain(self.repository, handle, generation, secret)
        self.domains[handle] = self.common
        self.lookup, self.chunk, self.ledger = (source.raw(32) for _ in range(3))
        self.inboxes = {}
        for _ in range(source.count(72)):
            epoch, private, public = source.u64(), source.raw(32), source.raw(32)
            need(public_bytes(X25519PrivateKey.from_private_bytes(private)) == public,
                 f"{source.what}: an inbox that is no pair")
            self.inboxes[epoch] = private
        self._writers(source)
        self.shards = [(source.raw(32), source.raw(32)) for _ in range(source.count(64))]
        self.erasing = [source.raw(32) for _ in range(source.count(32))]
        source.end()

    def _writers(self, source):
        for _ in range(source.count(33)):
            label, seed = source.text(), source.raw(32)
            key = Ed25519PrivateKey.from_private_bytes(seed)
            self.writers[sha256(public_bytes(key))] = (label, key.public_key())

    def _entries(self, source):
        last = b""
        for _ in range(source.count(84)):
            handle, generation = source.raw(16), source.u32()
            secret, token = source.raw(32), source.raw(32)
            need(generation == 1, f"{source.what}: a generation that this format reserves")
            need(handle > last, f"{source.what}: entries out of order")
            last = handle
            self.domains[handle] = Domain(self.repository, handle, generation, secret)
            self.tokens[handle] = token
        for _ in range(source.count(32)):
            self.tombstones[source.raw(16)] = (source.u64(), source.number(8, signed=True))

    def _shard(self, body, what, name, key):
        need(sha256(body) == name, f"{what}: another SHA-256")
        source = In(body, what)
        preamble(source, b"PDKS")
        need(source.raw(16) == self.repository, f"{what}: of another repository")
        salt, commitment = source.raw(32), source.raw(32)
        check_commitment(key, salt, commitment, what)
        plain = In(open_sealed(mac(key, b"shard", salt), body[source.at:], body[:source.at], what),
                   what)
        self._entries(plain)
        plain.end()

    def _addition(self, body, what):
        source = In(body, what)
        preamble(source, b"PDKA")
        need(source.raw(16) == self.repository, f"{what}: of another repository")
        epoch, session, number = source.u64(), source.raw(16), source.u32()
        need(what == f"keyring/a/{session.hex()}-{number}", f"{what}: of another name")
        header = body[:source.at]
        plain = open_box(self.inboxes[epoch], body[source.at:], what)
        payload, code = plain[:-32], plain[-32:]
        need(code == mac(self.authenticity, b"perdure1/addition", header, payload),
             f"{what}: another code")
        inside = In(payload, what)
        self._entries(inside)
        self._writers(inside)
        inside.end()

    def token(self, source, key):
        return mac(self.lookup, bytes([len(source)]), source.encode(), key)
