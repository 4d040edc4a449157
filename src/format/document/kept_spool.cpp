#ifdef __clang__  // libstdc++ 12 sorts stably by what it itself calls deprecated
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#endif

#include "format/document/kept_spool.h"

#include <algorithm>
#include <queue>

namespace perdure::format {

namespace {

constexpr std::size_t waiting_bytes_max = 256 << 10;
constexpr std::size_t arena_bytes_max = 8 << 20;
constexpr std::size_t merge_bytes_max = 8 << 20;  // of all cursors together

}  // namespace

Result<void> KeptSpool::append(std::string_view text) {
    waiting_ += text;
    if (waiting_.size() < waiting_bytes_max) return {};
    return flush();
}

Result<void> KeptSpool::flush() {
    if (waiting_.empty()) return {};
    if (!spool_) {
        PD_TRY(spool_, tree_.spool(name_));
    }
    PD_CHECK(spool_->append(std::string_view(waiting_)));
    written_ += waiting_.size();
    waiting_.clear();
    return {};
}

Result<void> KeptSpool::resume(std::uint64_t size) {
    written_ = size;
    if (size == 0) return {};
    PD_TRY(spool_, tree_.spool(name_));
    if (spool_->size_bytes() == size) return {};
    return fail(Fault::corrupt, name_ + " is not as long as at the checkpoint");
}

Result<std::string> KeptSpool::read(std::uint64_t offset, std::size_t count) {
    PD_CHECK(flush());
    // Before anything is allocated: places come out of checkpoints, too.
    if (offset > written_ || count > written_ - offset) {
        return fail(Fault::corrupt, name_ + " ends too early");
    }
    std::string text(count, '\0');
    if (count == 0) return text;
    PD_TRY(auto const got,
           spool_->read_at(std::as_writable_bytes(std::span(text.data(), count)), offset));
    if (got != count) return fail(Fault::corrupt, name_ + " ends too early");
    return text;
}

Result<void> KeptSpool::replay(std::function<Result<void>(std::string_view)> const& take) {
    PD_CHECK(flush());
    for (std::uint64_t at = 0; at < written_;) {
        auto const count = std::min<std::uint64_t>(waiting_bytes_max, written_ - at);
        PD_TRY(auto const piece, read(at, count));
        PD_CHECK(take(piece));
        at += count;
    }
    return {};
}

Result<void> KeptSpool::append_frame(ByteView frame) {
    Encoder length;
    length.u32(static_cast<std::uint32_t>(frame.size()));
    PD_CHECK(append(as_text(length.view())));
    return append(as_text(frame));
}

Result<void> KeptSpool::frames(std::function<Result<void>(ByteView)> const& take) {
    std::string buffer;
    PD_CHECK(replay([&](std::string_view piece) -> Result<void> {
        buffer += piece;
        std::size_t at = 0;
        while (buffer.size() - at >= 4) {
            Decoder in(as_bytes(std::string_view(buffer).substr(at)));
            PD_TRY(auto const length, in.u32());
            if (in.left() < length) break;
            PD_TRY(auto const frame, in.raw(length));
            PD_CHECK(take(frame));
            at += 4 + length;
        }
        buffer.erase(0, at);
        return {};
    }));
    return buffer.empty() ? Result<void>() : fail(Fault::corrupt, name_ + " ends inside a frame");
}

Result<void> SortedSpool::add(std::string_view key, std::string_view value) {
    auto const at = arena_.size();
    arena_ += key;
    arena_ += value;
    entries_.push_back({at, at + key.size(), arena_.size()});
    if (arena_.size() + entries_.size() * sizeof(Entry) < arena_bytes_max) return {};
    return flush();
}

Result<void> SortedSpool::flush() {
    if (entries_.empty()) return {};
    std::string_view const arena = arena_;
    auto const key = [&](Entry const& entry) {
        return arena.substr(entry.key, entry.value - entry.key);
    };
    std::ranges::stable_sort(entries_, {}, key);
    auto const first = spool_.size_bytes();
    for (auto const& entry : entries_) {
        Encoder out;
        out.text(key(entry));
        out.text(arena.substr(entry.value, entry.end - entry.value));
        PD_CHECK(spool_.append(as_text(out.view())));
    }
    runs_.push_back({first, spool_.size_bytes()});
    arena_.clear();
    entries_.clear();
    return {};
}

/// Reads one run front to back through a window.
class SortedSpool::Cursor {
public:
    Cursor(KeptSpool& spool, Run run, std::size_t window)
        : spool_(spool), run_(run), window_(window) {}

    /// False at the end.
    Result<bool> next() {
        if (at_ == buffer_.size() && run_.first == run_.last) return false;
        while (true) {
            Decoder in(as_bytes(std::string_view(buffer_).substr(at_)));
            auto key = in.bytes(buffer_.size());
            auto value = in.bytes(buffer_.size());
            if (key && value) {
                key_ = to_string(*key);
                value_ = to_string(*value);
                at_ = buffer_.size() - in.left();
                return true;
            }
            if (run_.first == run_.last) return fail(Fault::corrupt, "a sorted run is broken");
            buffer_.erase(0, at_);
            at_ = 0;
            auto const count = std::min<std::uint64_t>(window_, run_.last - run_.first);
            PD_TRY(auto const more, spool_.read(run_.first, count));
            run_.first += count;
            buffer_ += more;
        }
    }
    std::string const& key() const { return key_; }
    std::string const& value() const { return value_; }

private:
    KeptSpool& spool_;
    Run run_;
    std::size_t window_, at_ = 0;
    std::string buffer_, key_, value_;
};

Result<void> SortedSpool::merge(
    std::function<Result<void>(std::string_view key, std::string_view value)> const& take) {
    PD_CHECK(flush());
    auto const window = std::clamp<std::size_t>(
        merge_bytes_max / std::max<std::size_t>(runs_.size(), 1), 4 << 10, 1 << 20);
    std::vector<Cursor> cursors;
    for (auto const run : runs_) cursors.emplace_back(spool_, run, window);
    auto const later = [&](std::size_t a, std::size_t b) {
        auto const order = cursors[a].key() <=> cursors[b].key();
        return order != 0 ? order > 0 : a > b;
    };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> heads(later);
    for (std::size_t i = 0; i < cursors.size(); ++i) {
        PD_TRY(bool const some, cursors[i].next());
        if (some) heads.push(i);
    }
    while (!heads.empty()) {
        auto const i = heads.top();
        heads.pop();
        PD_CHECK(take(cursors[i].key(), cursors[i].value()));
        PD_TRY(bool const some, cursors[i].next());
        if (some) heads.push(i);
    }
    return {};
}

Result<void> SortedSpool::save(Encoder& out) {
    PD_CHECK(flush());
    PD_CHECK(spool_.flush());
    out.varint(runs_.size());
    for (auto const& run : runs_) out.varint(run.last);
    return {};
}

Result<void> SortedSpool::load(Decoder& in) {
    PD_TRY(auto const count, in.varint());
    std::uint64_t first = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        PD_TRY(auto const last, in.varint());
        runs_.push_back({first, last});
        first = last;
    }
    return spool_.resume(first);
}

}  // namespace perdure::format
