#include "origin/git/captured.h"

#include "base/codec.h"

namespace perdure::origin {

namespace {

constexpr std::size_t chunk_bytes = 1 << 20;
enum class Holds : std::uint8_t { nothing, bytes, content };

}  // namespace

void Captured::add(data::TreeItem item, std::optional<Pinned> pinned) {
    Encoder out;
    out.u8(static_cast<std::uint8_t>(item.step));
    data::encode_entry(out, item.entry);
    if (pinned) item.content = std::move(pinned->content);
    bool const bytes = pinned && pinned->bytes;
    out.u8(static_cast<std::uint8_t>(bytes          ? Holds::bytes
                                     : item.content ? Holds::content
                                                    : Holds::nothing));
    if (bytes) out.bytes(*pinned->bytes);
    if (!bytes && item.content) contents_.push_back(std::move(item.content));
    if (chunks_.empty() || chunks_.back().size() + out.size() > chunk_bytes) {
        chunks_.emplace_back().reserve(std::max(chunk_bytes, out.size()));
    }
    append(chunks_.back(), out.view());
    ++count_;
}

Result<std::optional<data::TreeItem>> Captured::take() {
    std::optional<data::TreeItem> item;
    if (count_ == 0) return item;
    if (at_ == chunks_.front().size()) {
        chunks_.pop_front();
        at_ = 0;
    }
    auto const rest = ByteView(chunks_.front()).subspan(at_);
    Decoder in(rest);
    item.emplace();
    PD_TRY(auto const step, in.u8());
    item->step = static_cast<data::TreeItem::Step>(step);
    PD_TRY(item->entry, data::decode_entry(in, true));
    PD_TRY(auto const holds, in.u8());
    if (static_cast<Holds>(holds) == Holds::bytes) {
        PD_TRY(ByteView const bytes, in.bytes(pinned_in_memory_max));
        item->content = content_in_memory({bytes.begin(), bytes.end()}, item->entry);
    } else if (static_cast<Holds>(holds) == Holds::content) {
        item->content = std::move(contents_.front());
        contents_.pop_front();
    }
    at_ += rest.size() - in.left();
    if (--count_ == 0) chunks_.clear();
    return item;
}

}  // namespace perdure::origin
