#include "format/container/inflate.h"

#include <isa-l.h>

#include <algorithm>
#include <limits>

namespace perdure::format {

struct Inflater::State {
    inflate_state inflate;
};

std::uint32_t crc32_of(std::uint32_t so_far, ByteView bytes) {
    return crc32_gzip_refl(so_far, reinterpret_cast<unsigned char const*>(bytes.data()),
                           bytes.size());
}

Inflater::Inflater(DeflateWrapping wrapping)
    : state_(std::make_unique<State>()), wrapping_(wrapping) {
    start_again();
}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

void Inflater::start_again() {
    isal_inflate_init(&state_->inflate);
    state_->inflate.crc_flag = wrapping_ == DeflateWrapping::gzip ? ISAL_GZIP : ISAL_DEFLATE;
}

Result<Inflater::Step> Inflater::step(ByteView in, ByteSpan out) {
    auto& state = state_->inflate;
    constexpr auto most = std::size_t{std::numeric_limits<std::uint32_t>::max() / 2};
    auto const offered = std::min(in.size(), most), room = std::min(out.size(), most);
    // ISA-L's interface takes its input as writable and only reads it.
    state.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
    state.avail_in = static_cast<std::uint32_t>(offered);
    state.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state.avail_out = static_cast<std::uint32_t>(room);
    if (isal_inflate(&state) < 0) return fail(Fault::corrupt, "compressed bytes are damaged");
    return Step{offered - state.avail_in, room - state.avail_out,
                state.block_state == ISAL_BLOCK_FINISH};
}

}  // namespace perdure::format
