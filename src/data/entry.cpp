// An entry is varint(length) ‖ body; the body is u8 kind ‖ bytes name ‖ fields. A field is
// varint(number · 2 + wire) and then a varint (wire 0) or a byte string (wire 1), numbers strictly
// ascending, values that equal the default left out. So an entry has exactly one encoding, costs
// about 60 bytes, and a reader skips (and keeps) the fields of a newer writer.
#include "data/entry.h"

#include <algorithm>

namespace perdure::data {

namespace {

enum Field : std::uint64_t {
    field_mode = 1,
    field_uid,
    field_gid,
    field_user,
    field_group,
    field_modified_seconds,
    field_modified_nanoseconds,
    field_changed_seconds,
    field_changed_nanoseconds,
    field_size,
    field_device,
    field_inode,
    field_links,
    field_special,
    field_flags,
    field_link_target,
    field_same_as,
    field_xattrs,
    field_extents,
    field_last = field_extents,
};

constexpr std::size_t entry_bytes_max = 64u << 20;
constexpr std::size_t name_bytes_max = 4096;
constexpr std::size_t path_bytes_max = 1u << 20;
constexpr std::size_t owner_bytes_max = 4096;

Error bad(char const* what) {
    return fail(Fault::corrupt, what);
}

std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Leaves out what equals its default, so that an entry has one encoding.
class FieldWriter {
public:
    explicit FieldWriter(Encoder& out) : out_(out) {}
    void number(std::uint64_t field, std::uint64_t value, std::uint64_t usual = 0) {
        if (value == usual) return;
        out_.varint(field << 1);
        out_.varint(value);
    }
    void text(std::uint64_t field, std::string_view value) {
        if (value.empty()) return;
        out_.varint((field << 1) | 1);
        out_.text(value);
    }
    void nested(std::uint64_t field, Encoder const& value) {
        out_.varint((field << 1) | 1);
        out_.bytes(value.view());
    }

private:
    Encoder& out_;
};

void encode_body(Encoder& out, Entry const& entry) {
    out.u8(static_cast<std::uint8_t>(entry.kind));
    out.text(entry.name);
    FieldWriter fields(out);
    fields.number(field_mode, entry.mode & 07777);
    fields.number(field_uid, entry.uid);
    fields.number(field_gid, entry.gid);
    fields.text(field_user, entry.user);
    fields.text(field_group, entry.group);
    fields.number(field_modified_seconds, zigzag(entry.modified.seconds));
    fields.number(field_modified_nanoseconds, entry.modified.nanoseconds);
    fields.number(field_changed_seconds, zigzag(entry.changed.seconds));
    fields.number(field_changed_nanoseconds, entry.changed.nanoseconds);
    fields.number(field_size, entry.size);
    fields.number(field_device, entry.device);
    fields.number(field_inode, entry.inode);
    fields.number(field_links, entry.links, 1);
    fields.number(field_special, entry.special);
    fields.number(field_flags, entry.flags);
    fields.text(field_link_target, entry.link_target);
    fields.text(field_same_as, entry.same_as);
    if (!entry.xattrs.empty()) {
        Encoder nested;
        for (Xattr const& xattr : entry.xattrs) {
            nested.text(xattr.name);
            nested.bytes(xattr.value);
        }
        fields.nested(field_xattrs, nested);
    }
    if (entry.sparse) {
        Encoder nested;
        std::uint64_t end = 0;
        for (Extent const& extent : entry.extents) {
            nested.varint(extent.offset - end);
            nested.varint(extent.length);
            end = extent.offset + extent.length;
        }
        fields.nested(field_extents, nested);
    }
    out.raw(entry.unknown_fields);
}

Result<void> decode_xattrs(ByteView bytes, Entry& entry) {
    if (bytes.empty()) return bad("an empty list of xattrs");
    Decoder in(bytes);
    while (!in.done()) {
        Xattr xattr;
        PD_TRY(xattr.name, in.text(name_bytes_max));
        PD_TRY(ByteView const value, in.bytes(entry_bytes_max));
        xattr.value = to_bytes(value);
        if (xattr.name.empty() || xattr.name.find('\0') != std::string::npos) {
            return bad("an xattr without a name");
        }
        if (!entry.xattrs.empty() && entry.xattrs.back().name >= xattr.name) {
            return bad("xattrs that are not sorted");
        }
        entry.xattrs.push_back(std::move(xattr));
    }
    return {};
}

Result<void> decode_extents(ByteView bytes, Entry& entry) {
    entry.sparse = true;
    Decoder in(bytes);
    std::uint64_t end = 0;
    while (!in.done()) {
        PD_TRY(std::uint64_t const gap, in.varint());
        PD_TRY(std::uint64_t const length, in.varint());
        if (length == 0 || gap > entry.size - end || length > entry.size - end - gap) {
            return bad("an extent outside its file");
        }
        entry.extents.push_back({end + gap, length});
        end += gap + length;
    }
    return {};
}

Result<void> check_relative_path(std::string_view path) {
    while (true) {
        std::size_t const slash = path.find('/');
        PD_CHECK(check_component(path.substr(0, slash)));
        if (slash == std::string_view::npos) return {};
        path.remove_prefix(slash + 1);
    }
}

template <typename Number>
Result<void> set_number(Number& into, std::uint64_t value, std::uint64_t largest) {
    if (value > largest) return bad("a number in an entry that is out of range");
    into = static_cast<Number>(value);
    return {};
}

constexpr std::uint64_t u32_max = 0xffff'ffff;

Result<void> take_number(Entry& entry, std::uint64_t field, std::uint64_t value) {
    if (value == (field == field_links ? 1u : 0u))
        return bad("a default value that is written out");
    switch (field) {
        case field_mode:
            return set_number(entry.mode, value, 07777);
        case field_uid:
            return set_number(entry.uid, value, u32_max);
        case field_gid:
            return set_number(entry.gid, value, u32_max);
        case field_modified_seconds:
            entry.modified.seconds = unzigzag(value);
            return {};
        case field_modified_nanoseconds:
            return set_number(entry.modified.nanoseconds, value, 999'999'999);
        case field_changed_seconds:
            entry.changed.seconds = unzigzag(value);
            return {};
        case field_changed_nanoseconds:
            return set_number(entry.changed.nanoseconds, value, 999'999'999);
        case field_size:
            entry.size = value;
            return {};
        case field_device:
            entry.device = value;
            return {};
        case field_inode:
            entry.inode = value;
            return {};
        case field_links:
            return set_number(entry.links, value, u32_max);
        case field_special:
            entry.special = value;
            return {};
        case field_flags:
            return set_number(entry.flags, value, u32_max);
        default:
            return bad("a field of an entry with the wrong type");
    }
}

Result<void> set_text(std::string& into, ByteView value, std::size_t longest) {
    if (value.empty() || value.size() > longest) return bad("a text in an entry of a wrong length");
    into = as_text(value);
    if (into.find('\0') != std::string::npos) return bad("a NUL in a text of an entry");
    return {};
}

Result<void> take_bytes(Entry& entry, std::uint64_t field, ByteView value) {
    switch (field) {
        case field_user:
            return set_text(entry.user, value, owner_bytes_max);
        case field_group:
            return set_text(entry.group, value, owner_bytes_max);
        case field_link_target:
            return set_text(entry.link_target, value, path_bytes_max);
        case field_same_as:
            PD_CHECK(set_text(entry.same_as, value, path_bytes_max));
            if (!check_relative_path(entry.same_as)) return bad("a hard link to an unsafe path");
            return {};
        case field_xattrs:
            return decode_xattrs(value, entry);
        case field_extents:
            return decode_extents(value, entry);
        default:
            return bad("a field of an entry with the wrong type");
    }
}

Result<void> decode_fields(Decoder& in, ByteView body, Entry& entry) {
    std::uint64_t previous = 0;
    while (!in.done()) {
        std::size_t const start = body.size() - in.left();
        PD_TRY(std::uint64_t const tag, in.varint());
        std::uint64_t const field = tag >> 1;
        if (field <= previous) return bad("fields of an entry that are not sorted");
        previous = field;
        bool const known = field <= field_last;
        if ((tag & 1) == 0) {
            PD_TRY(std::uint64_t const value, in.varint());
            if (known) PD_CHECK(take_number(entry, field, value));
        } else {
            PD_TRY(ByteView const value, in.bytes(entry_bytes_max));
            if (known) PD_CHECK(take_bytes(entry, field, value));
        }
        if (!known) {
            std::size_t const end = body.size() - in.left();
            append(entry.unknown_fields, body.subspan(start, end - start));
        }
    }
    return {};
}

}  // namespace

void encode_entry(Encoder& out, Entry const& entry) {
    thread_local Encoder body;
    body.clear();
    encode_body(body, entry);
    out.bytes(body.view());
}

Result<Entry> decode_entry(Decoder& outer, bool allow_root) {
    PD_TRY(ByteView const body, outer.bytes(entry_bytes_max));
    Decoder in(body);
    Entry entry;
    PD_TRY(std::uint8_t const kind, in.u8());
    if (kind < 1 || kind > 7) return bad("an entry of an unknown kind");
    entry.kind = static_cast<EntryKind>(kind);
    PD_TRY(ByteView const name, in.bytes(name_bytes_max));
    entry.name = as_text(name);
    if (!(allow_root && entry.name.empty()) && !check_component(entry.name)) {
        return bad("an entry with an unsafe name");
    }
    PD_CHECK(decode_fields(in, body, entry));
    return entry;
}

Result<void> check_component(std::string_view name) {
    if (name.empty()) return fail(Fault::invalid, "an empty name in a path");
    if (name == "." || name == "..") return fail(Fault::invalid, "a dot name in a path");
    if (name.find('/') != name.npos || name.find('\0') != name.npos) {
        return fail(Fault::invalid, "a name with a slash or NUL in it");
    }
    return {};
}

bool looks_unchanged(Entry const& before, Entry const& now) {
    return before.kind == EntryKind::file && now.kind == EntryKind::file &&
           before.inode == now.inode && before.device == now.device && before.size == now.size &&
           before.modified == now.modified && before.changed == now.changed;
}

}  // namespace perdure::data
