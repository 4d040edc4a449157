#include "repository/triple.h"

#include <algorithm>
#include <optional>

#include "base/codec.h"
#include "content/parity.h"
#include "crypto/hash.h"
#include "store/wrap/keyless.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {

namespace {

constexpr std::string_view copy_magic = "PD3C";
constexpr std::string_view single_magic = "PD1P";
constexpr std::string_view tombstone_magic = "PDTS";
constexpr std::size_t copy_header_bytes = 4 + 4 + 32;  // magic, length, SHA-256
constexpr std::size_t copies = 3;
constexpr std::size_t single_body_bytes_max = 32u << 20;  // what one parity suffix covers, halved

/// The body of a copy that starts at the front of `bytes`, when its checksum fits.
std::optional<ByteView> whole_copy(ByteView bytes, std::uint64_t body_bytes_max,
                                   std::string_view magic = copy_magic) {
    if (bytes.size() < copy_header_bytes) return std::nullopt;
    if (as_text(bytes.first(4)) != magic) return std::nullopt;
    Decoder in(bytes.subspan(4));
    auto const length = in.u32();
    auto const sum = in.id<crypto::Digest>();
    if (!length || !sum || *length > body_bytes_max || *length > in.left()) return std::nullopt;
    ByteView const body = bytes.subspan(copy_header_bytes, *length);
    if (crypto::sha256(body) != *sum) return std::nullopt;
    return body;
}

/// All three thirds are damaged, each elsewhere: the byte that two of them agree on is right.
std::optional<Bytes> vote(ByteView object, std::uint64_t body_bytes_max) {
    auto const third = object.size() / copies;
    Bytes elected(third);
    for (std::size_t i = 0; i < third; ++i) {
        std::byte const a = object[i], b = object[third + i], c = object[2 * third + i];
        elected[i] = b == c ? b : a;
    }
    auto const body = whole_copy(elected, body_bytes_max);
    if (!body) return std::nullopt;
    return to_bytes(*body);
}

void add_copy(Encoder& out, std::string_view magic, ByteView body) {
    out.raw(as_bytes(magic));
    out.u32(static_cast<std::uint32_t>(body.size()));
    out.raw(crypto::sha256(body).view());
    out.raw(body);
}

/// One copy and its parity.
Bytes make_single(ByteView body) {
    Encoder out;
    add_copy(out, single_magic, body);
    Bytes object = out.take();
    append(object, content::make_parity(object));
    return object;
}

/// The body of an object of one copy, repaired by its parity where that is needed.
std::optional<Untripled> read_single(ByteView object, std::uint64_t body_bytes_max) {
    if (auto const body = whole_copy(object, body_bytes_max, single_magic)) {
        bool const whole = same_bytes(make_single(*body), object);
        return Untripled{to_bytes(*body), !whole};
    }
    Bytes const mended = content::salvage_with_parity(object);
    auto const body = whole_copy(mended, body_bytes_max, single_magic);
    if (!body) return std::nullopt;
    return Untripled{to_bytes(*body), true};
}

}  // namespace

Bytes make_triple(ByteView body) {
    PD_ASSERT(body.size() <= 0xffffffffU);
    if (body.size() > triple_body_bytes_max && body.size() <= single_body_bytes_max) {
        return make_single(body);
    }
    Encoder out;
    out.reserve(copies * (copy_header_bytes + body.size()));
    for (std::size_t i = 0; i < copies; ++i) add_copy(out, copy_magic, body);
    return out.take();
}

Result<Untripled> read_triple(ByteView object, std::uint64_t body_bytes_max) {
    if (object.size() > copies * (copy_header_bytes + body_bytes_max)) {
        return fail(Fault::exhausted, "an object of three copies exceeds its limit");
    }
    bool const thirds = object.size() % copies == 0;
    auto const third = object.size() / copies;
    std::optional<ByteView> found;
    std::size_t whole = 0;
    for (std::size_t i = 0; thirds && i < copies; ++i) {
        auto const body = whole_copy(object.subspan(i * third, third), body_bytes_max);
        if (!body || copy_header_bytes + body->size() != third) continue;
        ++whole;
        if (!found) found = body;
    }
    if (found) return Untripled{to_bytes(*found), whole != copies};
    // A truncated or overlong object still begins with its first copy.
    if (auto const body = whole_copy(object, body_bytes_max)) {
        return Untripled{to_bytes(*body), true};
    }
    if (thirds) {
        if (auto elected = vote(object, body_bytes_max))
            return Untripled{*std::move(elected), true};
    }
    if (auto single = read_single(object, body_bytes_max)) return *std::move(single);
    return fail(Fault::corrupt, "more of the object is damaged than its copies or parity can mend")
        .with_code(14);
}

Result<void> put_triple(store::ObjectStore& store, store::ObjectName const& name, ByteView body,
                        store::PutMode mode, std::stop_token stop) {
    return store.put(name, make_triple(body), mode, std::move(stop));
}

Result<Untripled> get_triple(store::ObjectStore& store, store::ObjectName const& name,
                             std::uint64_t body_bytes_max, std::stop_token stop) {
    std::uint64_t const object_bytes_max = copies * (copy_header_bytes + body_bytes_max);
    // Between asking for its size and reading it, an object may be replaced by its tombstone: what
    // does not fit then is read again.
    for (int left = 3;; --left) {
        auto object = store::read_all(store, name, object_bytes_max, stop);
        auto body =
            object ? read_triple(*object, body_bytes_max) : Result<Untripled>(object.error());
        if (body) return body;
        auto const fault = body.error().fault();
        if (left > 1 && (fault == Fault::invalid || fault == Fault::corrupt)) continue;
        if (fault == Fault::corrupt || fault == Fault::exhausted) {
            Untripled whole;
            auto const take = [&](Bytes const& other) -> Result<void> {
                PD_TRY(whole, read_triple(other, body_bytes_max));
                whole.damaged = true;
                return {};
            };
            if (read_elsewhere(store, name, object_bytes_max, take, stop)) return whole;
        }
        if (fault == Fault::invalid) {
            return fail(Fault::unavailable, "the object keeps changing").within("reading " + name);
        }
        return std::move(body).error().within("reading " + name);
    }
}

bool read_elsewhere(store::ObjectStore& store, store::ObjectName const& name,
                    std::uint64_t object_bytes_max,
                    std::function<Result<void>(Bytes object)> const& take, std::stop_token stop) {
    auto const places = store::is_of_keyring(name) ? store::key_places(store).homes : store.legs();
    if (places.size() < 2) return false;
    return std::ranges::any_of(places, [&](store::ObjectStore* place) {
        auto object = store::read_all(*place, name, object_bytes_max, stop);
        return object && take(*std::move(object)).has_value();
    });
}

Bytes tombstone_body(Timestamp when) {
    Encoder out;
    out.raw(as_bytes(tombstone_magic));
    out.i64(when.seconds);
    return out.take();
}

bool is_tombstone(ByteView body) {
    if (body.size() == tombstone_object_bytes) {
        auto const inner = read_triple(body, tombstone_object_bytes / copies);
        return inner && is_tombstone(inner->body);
    }
    return body.size() == 12 && as_text(body.first(4)) == tombstone_magic;
}

}  // namespace perdure::repository
