// The parity suffix.
//
// Problem: a disk returns wrong or unreadable sectors; most packs rest in one copy.
// Layout: body ‖ table ‖ parity rows ‖ table.
//   table = head(32) ‖ header copy(64) ‖ crc per body sector ‖ crc per parity sector ‖ u32 crc of
//   all
//           before ‖ head(32); so an intact object can be measured from its last 32 bytes.
// Invariants:
//  1. Sector i of the body belongs to stripe i mod S, place i div S; parity row p of stripe s is
//     sector p·S + s of the rows. A burst of 3·S sectors touches no stripe more than three times.
//  2. A stripe always has 64 data places; those past the body are zero and are stored nowhere.
//  3. A CRC only says which sectors to distrust; what is accepted is decided by SHA-256 alone.
// Chosen: Cauchy matrix: every square submatrix is invertible, so any three losses are repairable.
// Rejected: ISA-L's Vandermonde matrix, which is singular for some losses; parity inside the body,
//   which would make the name of a pack depend on whether it carries parity.
#include "content/parity.h"

#include <isa-l/crc.h>
#include <isa-l/erasure_code.h>

#include <algorithm>
#include <optional>

#include "base/codec.h"

namespace perdure::content {
namespace {

constexpr std::size_t data_places = 64, parity_places = 3, places = data_places + parity_places;
constexpr std::size_t sector_bytes_max = 4096;
constexpr std::size_t head_bytes = parity_tail_bytes;
constexpr std::size_t header_copy_bytes = 64;
constexpr std::string_view magic = "PDPARITY";
constexpr std::uint32_t version = 1;
constexpr std::uint64_t body_bytes_max = 64 << 20;

/// How a body of a given length is laid out; everything follows from the length.
struct Layout {
    explicit Layout(std::uint64_t body) : body_bytes(body) {
        // A body below one sector is one short sector: three copies of it are its parity.
        sector = std::clamp<std::size_t>((body + 63) / 64 * 64, 64, sector_bytes_max);
        sectors = (body + sector - 1) / sector;
        stripes = std::max<std::size_t>(1, (sectors + data_places - 1) / data_places);
    }
    std::size_t parity_sectors() const { return parity_places * stripes; }
    std::size_t rows_bytes() const { return parity_sectors() * sector; }
    std::size_t table_bytes() const {
        return 2 * head_bytes + header_copy_bytes + 4 * (sectors + parity_sectors()) + 4;
    }
    std::size_t object_bytes() const { return body_bytes + rows_bytes() + 2 * table_bytes(); }

    std::size_t body_bytes, sector, sectors, stripes;
};

unsigned char* raw(std::byte const* bytes) {
    // ISA-L takes pointers to mutable bytes even where it only reads.
    return const_cast<unsigned char*>(reinterpret_cast<unsigned char const*>(bytes));
}

struct Matrix {
    Matrix() { gf_gen_cauchy1_matrix(rows.data(), places, data_places); }
    std::array<unsigned char, places * data_places> rows;
};
Matrix const& matrix() {
    static Matrix const the_matrix;
    return the_matrix;
}

Bytes head_of(Layout const& layout) {
    Encoder out;
    out.raw(as_bytes(magic));
    out.u32(version);
    out.u32(static_cast<std::uint32_t>(layout.sector));
    out.u64(layout.body_bytes);
    out.u32(0);
    out.u32(crc32c(out.view()));
    return out.take();
}

std::optional<Layout> parse_head(ByteView bytes) {
    if (bytes.size() < head_bytes || as_text(bytes.first(magic.size())) != magic)
        return std::nullopt;
    Decoder in(bytes.subspan(magic.size() + 8, 8));
    auto const body = in.u64();
    if (!body || *body > body_bytes_max) return std::nullopt;
    Layout const layout(*body);
    if (!same_bytes(bytes.first(head_bytes), head_of(layout))) return std::nullopt;
    return layout;
}

/// Where the sectors of the body and the rows lie; short and absent ones are read from scratch.
ByteView body_sector(Layout const& layout, ByteView body, std::size_t index) {
    std::size_t const begin = index * layout.sector;
    if (begin >= body.size()) return {};
    return body.subspan(begin, std::min(layout.sector, body.size() - begin));
}

/// The sectors of one stripe as whole sectors in memory: places 0…63 data, 64…66 parity.
struct Stripe {
    explicit Stripe(Layout const& layout)
        : zero(layout.sector), last(layout.sector), at(places, zero.data()) {}
    Bytes zero, last;  ///< absent sectors; the last sector of the body, filled up with zeros
    std::vector<std::byte const*> at;

    void load_body(Layout const& layout, ByteView body, std::size_t stripe) {
        for (std::size_t place = 0; place < data_places; ++place) {
            ByteView const sector = body_sector(layout, body, place * layout.stripes + stripe);
            if (sector.size() == layout.sector) {
                at[place] = sector.data();
            } else if (sector.empty()) {
                at[place] = zero.data();
            } else {
                std::ranges::fill(last, std::byte{0});
                copy_bytes(sector, last);
                at[place] = last.data();
            }
        }
    }
};

Bytes make_rows(Layout const& layout, ByteView body) {
    Bytes rows(layout.rows_bytes());
    std::vector<unsigned char> tables(32 * data_places * parity_places);
    ec_init_tables(
        data_places, parity_places,
        raw(reinterpret_cast<std::byte const*>(matrix().rows.data())) + data_places * data_places,
        tables.data());
    Stripe stripe(layout);
    std::array<unsigned char*, data_places> in{};
    std::array<unsigned char*, parity_places> out{};
    for (std::size_t s = 0; s < layout.stripes; ++s) {
        stripe.load_body(layout, body, s);
        for (std::size_t p = 0; p < data_places; ++p) in[p] = raw(stripe.at[p]);
        for (std::size_t p = 0; p < parity_places; ++p) {
            out[p] = raw(rows.data() + (p * layout.stripes + s) * layout.sector);
        }
        ec_encode_data(static_cast<int>(layout.sector), data_places, parity_places, tables.data(),
                       in.data(), out.data());
    }
    return rows;
}

Bytes make_table(Layout const& layout, ByteView body, ByteView rows) {
    Encoder out;
    out.reserve(layout.table_bytes());
    Bytes const head = head_of(layout);
    out.raw(head);
    Bytes copy(header_copy_bytes);
    copy_bytes(body.first(std::min(body.size(), copy.size())), copy);
    out.raw(copy);
    for (std::size_t i = 0; i < layout.sectors; ++i) out.u32(crc32c(body_sector(layout, body, i)));
    for (std::size_t i = 0; i < layout.parity_sectors(); ++i) {
        out.u32(crc32c(rows.subspan(i * layout.sector, layout.sector)));
    }
    out.u32(crc32c(out.view()));
    out.raw(head);
    PD_ASSERT(out.size() == layout.table_bytes());
    return out.take();
}

bool table_intact(Layout const& layout, ByteView table) {
    std::size_t const checked = layout.table_bytes() - head_bytes - 4;
    auto const sum = Decoder(table.subspan(checked, 4)).u32();
    return sum && *sum == crc32c(table.first(checked));
}

/// A damaged object, measured: where its body, rows and best table are.
struct Measured {
    Layout layout;
    ByteView body, table, rows;  ///< body and rows may be cut short by a truncation
};

ByteView part(ByteView object, std::size_t begin, std::size_t length) {
    if (begin >= object.size()) return {};
    return object.subspan(begin, std::min(length, object.size() - begin));
}

/// The layout from the end of the object, else from wherever a head is still readable.
std::optional<Layout> find_layout(ByteView object) {
    if (object.size() >= head_bytes) {
        if (auto layout = parse_head(object.last(head_bytes))) return layout;
    }
    std::string_view text = as_text(object);
    for (std::size_t at = text.rfind(magic); at != std::string_view::npos && at > 0;
         at = text.rfind(magic, at - 1)) {
        auto layout = parse_head(object.subspan(at));
        // A head is believed where it lies at its place: the body could hold a copy of another's.
        if (layout && (at == layout->body_bytes ||
                       at == layout->body_bytes + layout->table_bytes() - head_bytes ||
                       at == layout->object_bytes() - layout->table_bytes())) {
            return layout;
        }
    }
    return std::nullopt;
}

std::optional<Measured> measure(ByteView object) {
    auto const layout = find_layout(object);
    if (!layout) return std::nullopt;
    std::size_t const table = layout->table_bytes();
    std::size_t const rows_begin = layout->body_bytes + table;
    ByteView const tables[] = {part(object, layout->body_bytes, table),
                               part(object, rows_begin + layout->rows_bytes(), table)};
    for (ByteView const candidate : tables) {
        if (candidate.size() == table && table_intact(*layout, candidate)) {
            return Measured{*layout, part(object, 0, layout->body_bytes), candidate,
                            part(object, rows_begin, layout->rows_bytes())};
        }
    }
    return std::nullopt;
}

std::uint32_t table_crc(Measured const& object, std::size_t index) {
    auto const value =
        Decoder(object.table.subspan(head_bytes + header_copy_bytes + 4 * index, 4)).u32();
    return value ? *value : 0;
}

/// Rebuilds the lost data places of one stripe from 64 good places.
bool rebuild(Stripe const& stripe, std::vector<std::size_t> const& good,
             std::vector<std::size_t> const& lost, Layout const& layout, std::vector<Bytes>& out) {
    std::vector<unsigned char> square(data_places * data_places), inverse(square.size());
    for (std::size_t r = 0; r < data_places; ++r) {
        std::memcpy(&square[r * data_places], &matrix().rows[good[r] * data_places], data_places);
    }
    if (gf_invert_matrix(square.data(), inverse.data(), data_places) != 0) return false;
    std::vector<unsigned char> rows(lost.size() * data_places);
    for (std::size_t i = 0; i < lost.size(); ++i) {
        std::memcpy(&rows[i * data_places], &inverse[lost[i] * data_places], data_places);
    }
    std::vector<unsigned char> tables(32 * data_places * lost.size());
    auto const count = static_cast<int>(lost.size());
    ec_init_tables(data_places, count, rows.data(), tables.data());
    std::array<unsigned char*, data_places> in{};
    for (std::size_t i = 0; i < data_places; ++i) in[i] = raw(stripe.at[good[i]]);
    std::vector<unsigned char*> into;
    out.assign(lost.size(), Bytes(layout.sector));
    for (Bytes& sector : out) into.push_back(raw(sector.data()));
    ec_encode_data(static_cast<int>(layout.sector), data_places, count, tables.data(), in.data(),
                   into.data());
    return true;
}

/// Repairs the sectors of one stripe inside `body` (of full length); leaves it when it cannot.
void repair_stripe(Measured const& object, std::size_t s, Bytes& body) {
    Layout const& layout = object.layout;
    Stripe stripe(layout);
    stripe.load_body(layout, body, s);
    std::vector<std::size_t> good, lost;
    for (std::size_t place = 0; place < data_places; ++place) {
        std::size_t const index = place * layout.stripes + s;
        bool const absent = index >= layout.sectors;
        bool const fits =
            absent || crc32c(body_sector(layout, body, index)) == table_crc(object, index);
        (fits ? good : lost).push_back(place);
    }
    if (lost.empty() || lost.size() > parity_places) return;
    for (std::size_t p = 0; p < parity_places && good.size() < data_places; ++p) {
        std::size_t const index = p * layout.stripes + s;
        ByteView const row = part(object.rows, index * layout.sector, layout.sector);
        if (row.size() < layout.sector ||
            crc32c(row) != table_crc(object, layout.sectors + index)) {
            continue;
        }
        stripe.at[data_places + p] = row.data();
        good.push_back(data_places + p);
    }
    std::vector<Bytes> rebuilt;
    if (good.size() < data_places || !rebuild(stripe, good, lost, layout, rebuilt)) return;
    for (std::size_t i = 0; i < lost.size(); ++i) {
        std::size_t const begin = (lost[i] * layout.stripes + s) * layout.sector;
        std::size_t const length = std::min(layout.sector, body.size() - begin);
        std::memcpy(body.data() + begin, rebuilt[i].data(), length);
    }
}

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
    return ~crc32_iscsi(raw(bytes.data()), static_cast<int>(bytes.size()), ~0U);
}

Bytes make_parity(ByteView body) {
    PD_ASSERT(body.size() <= body_bytes_max);
    Layout const layout(body.size());
    Bytes const rows = make_rows(layout, body);
    Bytes const table = make_table(layout, body, rows);
    Bytes suffix;
    suffix.reserve(rows.size() + 2 * table.size());
    append(suffix, table);
    append(suffix, rows);
    append(suffix, table);
    return suffix;
}

Bytes salvage_with_parity(ByteView object) {
    auto const measured = measure(object);
    if (!measured) return to_bytes(part(object, 0, body_bytes(object)));
    Bytes body = to_bytes(measured->body);
    body.resize(measured->layout.body_bytes);
    for (std::size_t s = 0; s < measured->layout.stripes; ++s) repair_stripe(*measured, s, body);
    // Where the first sector could not be rebuilt, the copy of the header is the better one.
    if (measured->layout.sectors > 0 &&
        crc32c(body_sector(measured->layout, body, 0)) != table_crc(*measured, 0)) {
        std::size_t const length = std::min(header_copy_bytes, body.size());
        std::memcpy(body.data(), measured->table.data() + head_bytes, length);
    }
    return body;
}

Result<Bytes> repair_with_parity(ByteView object, crypto::Digest const& expected) {
    ByteView const as_is = part(object, 0, body_bytes(object));
    if (crypto::sha256(as_is) == expected) return to_bytes(as_is);
    if (crypto::sha256(object) == expected) return to_bytes(object);
    Bytes body = salvage_with_parity(object);
    if (crypto::sha256(body) != expected) {
        return fail(Fault::corrupt, "more of the object is damaged than its parity can repair");
    }
    return body;
}

std::uint64_t body_bytes_from_tail(ByteView tail, std::uint64_t object_bytes) {
    if (tail.size() < head_bytes) return object_bytes;
    auto const layout = parse_head(tail.last(head_bytes));
    return layout && layout->object_bytes() == object_bytes ? layout->body_bytes : object_bytes;
}

std::uint64_t body_bytes(ByteView object) {
    auto const layout = find_layout(object);
    return layout ? std::min<std::uint64_t>(layout->body_bytes, object.size()) : object.size();
}

}  // namespace perdure::content
