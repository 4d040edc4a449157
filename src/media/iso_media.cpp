#include "media/iso_media.h"

#include <algorithm>
#include <functional>

namespace perdure::media {

namespace {

/// Reads big-endian numbers; past the end it gives zeros, which mean nothing anywhere here.
std::uint64_t number(ByteView bytes, std::size_t at, std::size_t count) {
    if (at + count > bytes.size()) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
    }
    return value;
}

using EachBox = std::function<void(std::string_view type, ByteView body)>;

/// Boxes side by side; a size that lies ends the walk.
void for_each_box(ByteView bytes, EachBox const& each) {
    while (bytes.size() >= 8) {
        std::uint64_t size = number(bytes, 0, 4);
        std::size_t header = 8;
        if (size == 1) {
            size = number(bytes, 8, 8);
            header = 16;
        } else if (size == 0) {
            size = bytes.size();
        }
        if (size < header || size > bytes.size()) return;
        each(as_text(bytes.subspan(4, 4)), bytes.subspan(header, size - header));
        bytes = bytes.subspan(size);
    }
}

void read_movie_header(ByteView body, IsoFacts& facts) {
    constexpr std::int64_t from_1904_to_1970 = 2'082'844'800;
    bool const wide = number(body, 0, 1) == 1;
    auto const created = static_cast<std::int64_t>(number(body, 4, wide ? 8 : 4));
    // 0 and the years before 1970 are cameras that did not know.
    if (created > from_1904_to_1970 && created < from_1904_to_1970 + (1LL << 33)) {
        facts.taken = Timestamp{created - from_1904_to_1970, 0};
    }
}

void read_track_header(ByteView body, IsoFacts& facts) {
    bool const wide = number(body, 0, 1) == 1;
    std::size_t const matrix = wide ? 52 : 40;
    auto width = static_cast<unsigned>(number(body, matrix + 36, 4) >> 16);
    auto height = static_cast<unsigned>(number(body, matrix + 40, 4) >> 16);
    bool const quarter_turn = number(body, matrix, 4) == 0 && number(body, matrix + 4, 4) != 0;
    if (quarter_turn) std::swap(width, height);
    if (width > facts.width) {
        facts.width = width;
        facts.height = height;
    }
}

bool tells_place(ByteView user_data) {
    auto const text = as_text(user_data);
    return text.find("\xa9xyz") != text.npos || text.find("loci") != text.npos ||
           text.find("com.apple.quicktime.location") != text.npos;
}

}  // namespace

void IsoScan::feed(ByteView bytes) {
    while (!bytes.empty() && state_ != State::done) {
        if (state_ == State::header) {
            header_.push_back(bytes.front());
            bytes = bytes.subspan(1);
            take_header();
            continue;
        }
        auto const now = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        if (state_ == State::moov) append(moov_, bytes.first(now));
        bytes = bytes.subspan(now);
        left_ -= now;
        if (left_ == 0) state_ = state_ == State::moov ? State::done : State::header;
    }
}

void IsoScan::take_header() {
    if (header_.size() < 8) return;
    std::uint64_t size = number(header_, 0, 4);
    if (size == 1 && header_.size() < 16) return;
    std::size_t const read = header_.size();
    if (size == 1) size = number(header_, 8, 8);
    bool const is_moov = as_text(ByteView(header_).subspan(4, 4)) == "moov";
    header_.clear();
    if (size < read || (is_moov && size > moov_max_bytes)) {  // to the end of the file, or a lie
        state_ = State::done;
        return;
    }
    left_ = size - read;
    state_ = is_moov ? State::moov : left_ == 0 ? State::header : State::skip;
}

IsoFacts IsoScan::facts() const {
    IsoFacts facts;
    for_each_box(moov_, [&](std::string_view type, ByteView body) {
        if (type == "mvhd") read_movie_header(body, facts);
        if (type == "udta" || type == "meta") facts.located |= tells_place(body);
        if (type != "trak") return;
        for_each_box(body, [&](std::string_view inner, ByteView track) {
            if (inner == "tkhd") read_track_header(track, facts);
            if (inner == "udta" || inner == "meta") facts.located |= tells_place(track);
        });
    });
    return facts;
}

}  // namespace perdure::media
