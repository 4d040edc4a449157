#include "format/archive/unpack/gzip_members.h"

#include <algorithm>

namespace perdure::format {

namespace {

constexpr std::size_t part_bytes = 256 << 10, packed_max = std::size_t{64} << 20;
/// Unpacked in vain behind one broken member: what chance makes look like one ends soon.
constexpr std::uint64_t tried_max = std::uint64_t{4} << 30;
constexpr std::size_t plain_max = std::size_t{64} << 20, trailer_bytes = 8;

bool begins_member(ByteView bytes) {
    return bytes.size() >= 4 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b} &&
           bytes[2] == std::byte{8} && (bytes[3] & std::byte{0xe0}) == std::byte{0};
}

/// The length that a member's last four bytes tell.
std::size_t told_length(ByteView before) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        length |= std::to_integer<std::size_t>(before[before.size() - 4 + i]) << (8 * i);
    }
    return length;
}

}  // namespace

GzipMembers::GzipMembers(data::ByteSource& source)
    : source_(&source), inflater_(DeflateWrapping::gzip) {}

Result<void> GzipMembers::want(std::size_t count) {
    while (packed_.size() - at_ < count && !ended_) {
        auto const have = packed_.size();
        packed_.resize(have + part_bytes);
        auto const read = source_->read(ByteSpan(packed_).subspan(have));
        packed_.resize(have + (read ? *read : 0));
        if (!read) return Error(read.error());
        ended_ = *read == 0;
    }
    return {};
}

void GzipMembers::drop(std::size_t count) {
    at_ += count;
    if (at_ < part_bytes * 4) return;
    packed_.erase(packed_.begin(), packed_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
}

Result<std::optional<std::size_t>> GzipMembers::unpack(std::size_t from, Bytes& plain) {
    inflater_.start_again();
    plain.clear();
    std::size_t taken = 0;
    while (true) {
        PD_CHECK(want(from + taken + 1));
        auto const have = plain.size();
        if (have >= plain_max || taken >= packed_max) return std::optional<std::size_t>();
        plain.resize(have + part_bytes);
        auto const step = inflater_.step(ready().subspan(std::min(from + taken, ready().size())),
                                         ByteSpan(plain).subspan(have));
        plain.resize(have + (step ? step->produced : 0));
        if (!step) return std::optional<std::size_t>();
        taken += step->consumed;
        if (step->done) return std::optional(taken);
        if (step->consumed == 0 && step->produced == 0 && ended_ &&
            from + taken >= ready().size()) {
            return std::optional<std::size_t>();
        }
    }
}

Result<GzipMembers::Piece> GzipMembers::plain_piece() {
    PD_CHECK(want(1));
    auto const count = std::min(ready().size(), part_bytes);
    plain_.assign(ready().begin(), ready().begin() + static_cast<std::ptrdiff_t>(count));
    drop(count);
    return Piece{plain_, false};
}

Result<GzipMembers::Piece> GzipMembers::hole() {
    ++broken_;
    Bytes behind;
    std::uint64_t tried_bytes = 0;
    for (std::size_t at = 1;; ++at) {
        PD_CHECK(want(at + trailer_bytes));
        if (at + 4 > ready().size()) break;  // nothing is behind it
        if (at > packed_max) {
            return fail(Fault::exhausted, "a damaged part of more than 64 MiB");
        }
        if (!begins_member(ready().subspan(at))) continue;
        PD_TRY(auto const length, unpack(at, behind));
        tried_bytes += behind.size();
        if (!length && tried_bytes > tried_max) {
            return fail(Fault::exhausted, "a damaged part full of what looks like others");
        }
        if (!length) continue;
        // Its own trailer tells how much is lost, unless that is what broke; then what is usual.
        auto const told = at >= trailer_bytes ? told_length(ready().first(at)) : plain_max + 1;
        auto const usual = usual_ ? usual_ : behind.size();
        zeros_.assign(told <= usual && told > 0 ? told : usual, std::byte{0});
        drop(at);
        return Piece{zeros_, true};
    }
    drop(ready().size());
    // The last member: its rest is lost, and nothing stands behind it.
    zeros_.assign(1 << 20, std::byte{0});
    return Piece{zeros_, true};
}

Result<GzipMembers::Piece> GzipMembers::next() {
    PD_CHECK(want(4));
    if (ready().empty()) return Piece{};
    if (!started_) {
        started_ = true;
        // A tar's first bytes are a name; a broken gzip still has members behind.
        plain_file_ = ready().size() > 262 && as_text(ready()).substr(257, 5) == "ustar";
    }
    if (plain_file_) return plain_piece();
    while (!ready().empty()) {  // members may be empty, any number of them
        PD_TRY(auto const length, unpack(0, plain_));
        if (!length) return hole();
        drop(*length);
        usual_ = std::max(usual_, plain_.size());
        if (!plain_.empty()) return Piece{plain_, false};
        PD_CHECK(want(4));
    }
    return Piece{};
}

}  // namespace perdure::format
