// Content-defined chunking.
//
// Problem: find cuts that follow the content, at memory speed, equal on every machine for ever.
// Invariants:
//  1. H(n) = Σ_{i=0..63} gear[b[n-1-i]] << i (mod 2^64) depends on the 64 bytes before n alone, so
//     a scan may begin anywhere after a warm-up of 64 bytes.
//  2. The cut is the smallest n in [min, usual) with H(n) < strict limit, else the smallest n in
//     [usual, max) with H(n) < lenient limit, else max (or the end).
// Chosen: several lanes walk neighbouring stretches of the window at once, because one lane waits
// for its own shift-and-add; a stretch with a hit is walked again by one lane, which finds the
// first. Rejected: hashing from zero at min (classic FastCDC): the cut would depend on where a lane
// began.
#include "content/chunk.h"

#include <bit>

#include "crypto/hash.h"

namespace perdure::content {
namespace {

constexpr std::size_t window_bytes = 64;
constexpr std::size_t lanes = 4;
constexpr std::size_t stretch_bytes = 4096;
constexpr int normalisation_bits = 2;

using Gear = std::array<std::uint64_t, 256>;

std::uint64_t warm(Gear const& gear, std::byte const* end) {
    std::uint64_t hash = 0;
    for (std::byte const* at = end - window_bytes; at != end; ++at) {
        hash = (hash << 1) + gear[std::to_integer<std::size_t>(*at)];
    }
    return hash;
}

/// The smallest n in (from, to] with H(n) < limit, or 0. `bytes` holds 64 bytes before `from`.
std::size_t scan_one(Gear const& gear, std::byte const* bytes, std::size_t from, std::size_t to,
                     std::uint64_t limit) {
    std::uint64_t hash = warm(gear, bytes + from);
    for (std::size_t n = from; n < to; ++n) {
        hash = (hash << 1) + gear[std::to_integer<std::size_t>(bytes[n])];
        if (hash < limit) return n + 1;
    }
    return 0;
}

/// Whether any H(n) < limit for n in (from, from + lanes * stretch].
bool any_in_lanes(Gear const& gear, std::byte const* bytes, std::size_t from, std::uint64_t limit) {
    std::byte const* a = bytes + from;
    std::byte const* b = a + stretch_bytes;
    std::byte const* c = b + stretch_bytes;
    std::byte const* d = c + stretch_bytes;
    std::uint64_t ha = warm(gear, a), hb = warm(gear, b), hc = warm(gear, c), hd = warm(gear, d);
    for (std::size_t i = 0; i < stretch_bytes; i += 8) {
        std::uint64_t va, vb, vc, vd;
        std::memcpy(&va, a + i, 8);
        std::memcpy(&vb, b + i, 8);
        std::memcpy(&vc, c + i, 8);
        std::memcpy(&vd, d + i, 8);
        std::uint64_t hit = 0;
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j) {
            ha = (ha << 1) + gear[va & 255];
            hb = (hb << 1) + gear[vb & 255];
            hc = (hc << 1) + gear[vc & 255];
            hd = (hd << 1) + gear[vd & 255];
            hit |= std::uint64_t{ha < limit} | std::uint64_t{hb < limit} |
                   std::uint64_t{hc < limit} | std::uint64_t{hd < limit};
            va >>= 8;
            vb >>= 8;
            vc >>= 8;
            vd >>= 8;
        }
        if (hit != 0) return true;
    }
    return false;
}

/// The smallest n in (from, to] with H(n) < limit, or 0.
std::size_t scan(Gear const& gear, std::byte const* bytes, std::size_t from, std::size_t to,
                 std::uint64_t limit) {
    constexpr std::size_t span = lanes * stretch_bytes;
    while (to > from && to - from >= span) {
        if (any_in_lanes(gear, bytes, from, limit)) {
            return scan_one(gear, bytes, from, from + span, limit);
        }
        from += span;
    }
    return to > from ? scan_one(gear, bytes, from, to, limit) : 0;
}

std::uint64_t limit_of_bits(int bits) {
    return std::uint64_t{1} << (64 - bits);
}

}  // namespace

Chunker::Chunker(crypto::Secret32 const& key, ChunkSizes sizes) : sizes_(sizes) {
    PD_ASSERT(sizes.min_bytes > window_bytes && sizes.min_bytes <= sizes.usual_bytes &&
              sizes.usual_bytes <= sizes.max_bytes);
    crypto::HmacKey const mac(key);
    for (std::size_t block = 0; block < 64; ++block) {
        std::byte const number{static_cast<std::uint8_t>(block)};
        crypto::Digest const digest = mac.mac({as_bytes("perdure1/gear"), ByteView(&number, 1)});
        for (std::size_t word = 0; word < 4; ++word) {
            std::uint64_t value = 0;
            for (std::size_t i = 8; i-- > 0;) {
                value = value << 8 | std::to_integer<std::uint64_t>(digest.bytes[word * 8 + i]);
            }
            gear_[block * 4 + word] = value;
        }
    }
}

std::size_t Chunker::cut(ByteView bytes, bool last) const {
    std::size_t const end = std::min<std::size_t>(bytes.size(), sizes_.max_bytes);
    bool const whole = last || end == sizes_.max_bytes;
    if (end < sizes_.min_bytes) return whole ? end : 0;
    int const usual_bits = std::bit_width(sizes_.usual_bytes) - 1;
    // scan looks at n in (from, to]: first at those below usual, then at usual and above.
    std::size_t const below_usual = std::min<std::size_t>(sizes_.usual_bytes - 1, end);
    std::size_t found = scan(gear_, bytes.data(), sizes_.min_bytes - 1, below_usual,
                             limit_of_bits(usual_bits + normalisation_bits));
    if (found == 0 && end > below_usual) {
        found = scan(gear_, bytes.data(), below_usual, end,
                     limit_of_bits(usual_bits - normalisation_bits));
    }
    if (found != 0) return found;
    return whole ? end : 0;
}

}  // namespace perdure::content
