#include "job/history/text_search.h"

#include <algorithm>

#include "base/ascii.h"
#include "repository/stream/blob_list.h"

namespace perdure::job {

namespace {

constexpr std::size_t around_bytes = 40;

unsigned char fold(char c) {
    return static_cast<unsigned char>(ascii_lower(c));
}

}  // namespace

// Horspool's search: what stands under the last letter says how far the next try lies.
TextSearch::TextSearch(std::string text, bool exact_case)
    : text_(std::move(text)), exact_case_(exact_case) {
    std::ranges::fill(shift_, text_.size());
    for (std::size_t i = 0; i + 1 < text_.size(); ++i) {
        std::size_t const far = text_.size() - 1 - i;
        auto const byte = static_cast<unsigned char>(text_[i]);
        shift_[byte] = far;
        if (exact_case_) continue;
        shift_[fold(text_[i])] = far;
        bool const lower = byte >= 'a' && byte <= 'z';
        if (lower) shift_[byte - 32] = far;
    }
}

std::size_t TextSearch::find(std::string_view in) const {
    if (text_.empty()) return std::string_view::npos;
    std::size_t const last = text_.size() - 1;
    for (std::size_t at = 0; at + last < in.size();) {
        std::size_t i = text_.size();
        while (i > 0 && (exact_case_ ? in[at + i - 1] == text_[i - 1]
                                     : fold(in[at + i - 1]) == fold(text_[i - 1]))) {
            --i;
        }
        if (i == 0) return at;
        at += shift_[static_cast<unsigned char>(in[at + last])];
    }
    return std::string_view::npos;
}

std::string TextSearch::excerpt(std::string_view in, std::size_t at) const {
    auto const inside = [&](std::size_t i) {
        return i < in.size() && (static_cast<unsigned char>(in[i]) & 0xc0) == 0x80;
    };
    std::size_t begin = at > around_bytes ? at - around_bytes : 0;
    std::size_t end = std::min(in.size(), at + text_.size() + around_bytes);
    for (std::size_t i = at; i > begin; --i) {
        if (in[i - 1] == '\n' || in[i - 1] == '\0') begin = i;
    }
    auto const stop =
        in.substr(0, end).find_first_of(std::string_view("\n\0", 2), at + text_.size());
    if (stop != std::string_view::npos) end = stop;
    while (begin < at && inside(begin)) ++begin;
    while (end > at + text_.size() && inside(end)) --end;
    std::string out(in.substr(begin, end - begin));
    std::ranges::replace(out, '\r', ' ');
    return out;
}

Result<ContentSearch::Piece const*> ContentSearch::look(repository::BlobId const& id,
                                                        std::stop_token stop) {
    auto const [at, fresh] = pieces_.try_emplace(id);
    if (!fresh) return &at->second;
    auto const blob = blobs_.read(id, domain_, std::move(stop));
    if (!blob) {
        pieces_.erase(at);
        return blob.error();
    }
    ++pieces_read_;
    std::string_view const text = as_text(blob->view());
    auto const found = search_.find(text);
    if (found != std::string_view::npos) at->second.excerpt = search_.excerpt(text, found);
    std::size_t const edge = std::min(text.size(), search_.text().size() - 1);
    at->second.head = text.substr(0, edge);
    at->second.tail = text.substr(text.size() - edge);
    return &at->second;
}

Result<std::optional<std::string>> ContentSearch::find(repository::BlobList const& list,
                                                       std::stop_token stop) {
    repository::ListReader ids(blobs_, domain_, list);
    std::size_t const edge = search_.text().size() - 1;
    std::string tail;
    while (true) {
        PD_TRY(auto const id, ids.next(stop));
        if (!id) return std::optional<std::string>();
        PD_TRY(Piece const* piece, look(*id, stop));
        if (piece->excerpt) return piece->excerpt;
        std::string const border = tail + piece->head;
        if (auto const at = search_.find(border); at != std::string::npos) {
            return std::optional(search_.excerpt(border, at));
        }
        tail += piece->tail;
        if (tail.size() > edge) tail.erase(0, tail.size() - edge);
    }
}

}  // namespace perdure::job
