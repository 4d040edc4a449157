#include "repository/pack/pack.h"

#include <algorithm>

#include "base/codec.h"
#include "content/padding.h"
#include "content/parity.h"
#include "crypto/seal.h"

namespace perdure::repository {
namespace {

constexpr std::string_view footer_magic = "PDPKEND\n";
constexpr std::size_t length_bytes = 4;
constexpr std::size_t directory_overhead_bytes = 32 + crypto::seal_overhead_bytes + length_bytes;

Bytes footer(std::size_t directory_bytes) {
    Encoder out;
    out.u32(static_cast<std::uint32_t>(directory_bytes));
    out.u32(~static_cast<std::uint32_t>(directory_bytes));
    out.raw(as_bytes(footer_magic));
    return out.take();
}

/// Length of the sealed directory, from the last bytes of a body.
Result<std::uint32_t> parse_footer(ByteView bytes, std::uint64_t body_bytes) {
    Decoder in(bytes);
    PD_TRY(std::uint32_t length, in.u32());
    PD_TRY(std::uint32_t inverse, in.u32());
    if (inverse != ~length || as_text(bytes.subspan(8)) != footer_magic ||
        length < directory_overhead_bytes ||
        length + object_header_bytes + pack_footer_bytes > body_bytes) {
        return fail(Fault::corrupt, "the pack does not end as one");
    }
    return length;
}

Result<PackDirectory> open_pack_directory(ByteView sealed, FrameFacts const& facts,
                                          Domain const& common, std::uint64_t frames_end) {
    PD_TRY(Bytes plain, open_directory(common, facts, sealed));
    Decoder in(plain);
    PD_TRY(std::uint32_t length, in.u32());
    PD_TRY(ByteView body, in.raw(length));
    PD_TRY(ByteView padding, in.raw(in.left()));
    if (std::ranges::any_of(padding, [](std::byte b) { return b != std::byte{0}; })) {
        return fail(Fault::corrupt, "the padding of a pack is not empty");
    }
    PD_TRY(PackDirectory directory, PackDirectory::decode(body, frames_end));
    directory.salt = facts.salt;
    directory.body_bytes = frames_end + sealed.size() + pack_footer_bytes;
    return directory;
}

/// Reads header, footer and directory with three small reads.
Result<PackDirectory> read_ends(PackSource const& source, PackName const& name,
                                std::stop_token stop) {
    store::ObjectName const text = name.text();
    PD_TRY(store::ObjectInfo info, source.store.head(text, stop));
    if (info.size_bytes < object_header_bytes + pack_footer_bytes ||
        info.size_bytes > pack_object_bytes_max) {
        return fail(Fault::corrupt, "a pack of an impossible size");
    }
    std::uint64_t const tail_bytes =
        std::min<std::uint64_t>(info.size_bytes, content::parity_tail_bytes);
    PD_TRY(Bytes tail, source.store.read(text, info.size_bytes - tail_bytes, tail_bytes, stop));
    std::uint64_t const body = content::body_bytes_from_tail(tail, info.size_bytes);
    if (body < object_header_bytes + pack_footer_bytes || body > pack_body_bytes_max) {
        return fail(Fault::corrupt, "a pack of an impossible size");
    }
    PD_TRY(Bytes head, source.store.read(text, 0, object_header_bytes, stop));
    PD_TRY(ObjectHeader header, ObjectHeader::parse(head, name.kind));
    PD_TRY(Bytes end, source.store.read(text, body - pack_footer_bytes, pack_footer_bytes, stop));
    PD_TRY(std::uint32_t length, parse_footer(end, body));
    std::uint64_t const begin = body - pack_footer_bytes - length;
    PD_TRY(Bytes sealed, source.store.read(text, begin, length, stop));
    FrameFacts const facts{source.repository, name.kind, header.salt};
    return open_pack_directory(sealed, facts, *source.common, begin);
}

Result<PackBody> read_pack_at(store::ObjectStore& store, PackName const& name,
                              std::stop_token const& stop) {
    PD_TRY(Bytes object, store::read_all(store, name.text(), pack_object_bytes_max, stop));
    std::uint64_t const length = content::body_bytes(object);
    bool const intact = crypto::sha256(ByteView(object).first(length)) == name.hash;
    if (intact) {
        object.resize(length);
        return PackBody{std::move(object), false};
    }
    auto repaired = content::repair_with_parity(object, name.hash);
    if (!repaired) return std::move(repaired).error().within("pack " + name.text());
    return PackBody{std::move(*repaired), true};
}

}  // namespace

store::ObjectName PackName::text() const {
    return (kind == ObjectKind::meta_pack ? "pack/m/" : "pack/d/") + to_hex(session) + "-" +
           to_hex(hash);
}

Result<PackName> PackName::parse(store::ObjectName const& name) {
    constexpr std::size_t prefix = 7, session = 32, hash = 64;
    PackName parsed;
    if (name.size() != prefix + session + 1 + hash || name[prefix + session] != '-') {
        return fail(Fault::invalid, "not the name of a pack: " + name);
    }
    if (name.starts_with("pack/m/")) {
        parsed.kind = ObjectKind::meta_pack;
    } else if (!name.starts_with("pack/d/")) {
        return fail(Fault::invalid, "not the name of a pack: " + name);
    }
    PD_TRY(Bytes session_bytes, from_hex(std::string_view(name).substr(prefix, session)));
    PD_TRY(Bytes hash_bytes, from_hex(std::string_view(name).substr(prefix + session + 1)));
    PD_TRY(parsed.session, SessionId::from(session_bytes));
    PD_TRY(parsed.hash, crypto::Digest::from(hash_bytes));
    if (parsed.text() != name) return fail(Fault::invalid, "not the name of a pack: " + name);
    return parsed;
}

void append_directory(ObjectSeal& seal, Domain const& common, PackDirectory const& directory,
                      Bytes& body) {
    Bytes const listed = directory.encode();
    std::uint64_t const least =
        body.size() + directory_overhead_bytes + listed.size() + pack_footer_bytes;
    std::uint64_t const padding = content::padded_bytes(least) - least;
    Encoder plain;
    plain.u32(static_cast<std::uint32_t>(listed.size()));
    plain.raw(listed);
    plain.raw(Bytes(padding));
    std::size_t const before = body.size();
    seal.seal_directory(common, plain.view(), body);
    append(body, footer(body.size() - before));
    PD_ASSERT(body.size() <= pack_body_bytes_max);
}

Result<PackDirectory> parse_pack(ByteView body, ObjectKind kind, RepositoryId const& repository,
                                 Domain const& common) {
    PD_TRY(ObjectHeader header, ObjectHeader::parse(body, kind));
    if (body.size() < object_header_bytes + pack_footer_bytes) {
        return fail(Fault::corrupt, "the pack is too short");
    }
    PD_TRY(std::uint32_t length, parse_footer(body.last(pack_footer_bytes), body.size()));
    std::size_t const begin = body.size() - pack_footer_bytes - length;
    FrameFacts const facts{repository, kind, header.salt};
    return open_pack_directory(body.subspan(begin, length), facts, common, begin);
}

Result<PackDirectory> read_pack_directory(PackSource const& source, PackName const& name,
                                          std::stop_token stop) {
    auto directory = read_ends(source, name, stop);
    if (directory || (directory.error().fault() != Fault::corrupt &&
                      directory.error().fault() != Fault::invalid)) {
        return directory;
    }
    PD_TRY(PackBody pack, read_pack(source, name, stop));
    return parse_pack(pack.body, name.kind, source.repository, *source.common);
}

Result<PackBody> read_pack(PackSource const& source, PackName const& name, std::stop_token stop) {
    auto first = read_pack_at(source.store, name, stop);
    auto const places = source.store.legs();
    if (first || first.error().fault() != Fault::corrupt || places.size() < 2) return first;
    for (store::ObjectStore* place : places) {
        auto other = read_pack_at(*place, name, stop);
        if (!other) continue;
        other->repaired = true;
        return other;
    }
    return first;
}

Result<Bytes> salvage_pack(PackSource const& source, PackName const& name, std::stop_token stop) {
    PD_TRY(Bytes object, store::read_all(source.store, name.text(), pack_object_bytes_max, stop));
    return content::salvage_with_parity(object);
}

Result<Bytes> decode_frame(Domain const& domain, FrameFacts const& facts, Bytes sealed,
                           ByteView prefix) {
    if (facts.raw_bytes > content::frame_raw_bytes_max) {
        return fail(Fault::corrupt, "a frame is larger than any may be");
    }
    PD_CHECK(open_frame_in_place(domain, facts, sealed));
    if (facts.codec == content::Codec::stored) {
        if (sealed.size() == facts.raw_bytes) return sealed;
        return fail(Fault::corrupt, "a stored frame has another length than it says");
    }
    return content::decompress({facts.codec, sealed, facts.raw_bytes, prefix});
}

}  // namespace perdure::repository
