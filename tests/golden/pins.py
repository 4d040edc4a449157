"""docs/FORMAT.md "Pin": which snapshots must stay, and why."""
from wire import In, mac, need, open_sealed, preamble


def read_pin(name, body, keyring):
    """The reason; the name alone already pins."""
    if body[:4] != b"PDPN":
        return body.decode()
    source = In(body, name)
    preamble(source, b"PDPN")
    need(source.raw(16) == keyring.repository, f"{name}: of another repository")
    session, salt = source.raw(16), source.raw(32)
    need(name == f"pin/{session.hex()}", f"{name}: of another snapshot")
    context, meta = body[:source.at], keyring.common.meta
    need(source.raw(32) == mac(meta, b"commit", b"pin", salt), f"{name}: another commitment")
    plain = open_sealed(mac(meta, b"pin", salt), body[source.at:], context, name)
    need(len(plain) % 128 == 0, f"{name}: its length tells of the reason")
    inner = In(plain, name)
    reason = inner.text()
    need(len(reason.encode()) <= 1024, f"{name}: a reason too long")
    need(not any(inner.raw(inner.left)), f"{name}: something behind the reason")
    return reason
