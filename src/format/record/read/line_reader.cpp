#include "format/record/read/line_reader.h"

namespace perdure::format {

Result<std::optional<std::string_view>> LineReader::next() {
    while (true) {
        // What was looked through once is not looked through again: lines may be long.
        auto const end = waiting_.find('\n', std::max(at_, searched_));
        if (end != waiting_.npos) {
            auto const line = taken(end);
            at_ = end + 1;
            return std::optional(line);
        }
        searched_ = waiting_.size();
        if (ended_) {
            if (at_ == waiting_.size()) return std::optional<std::string_view>();
            auto const line = taken(waiting_.size());
            at_ = waiting_.size();
            return std::optional(line);
        }
        waiting_.erase(0, at_);
        passed_ += at_;
        searched_ -= at_;
        at_ = 0;
        if (waiting_.size() > line_max) {
            return fail(Fault::exhausted, "a line of more than 512 MiB");
        }
        Bytes part(256 << 10);
        PD_TRY(auto const count, file_.read(part));
        waiting_ += as_text(ByteView(part).first(count));
        ended_ = count == 0;
    }
}

std::string_view LineReader::taken(std::size_t end) {
    line_offset_ = passed_ + at_;
    return std::string_view(waiting_).substr(at_, end - at_);
}

Result<std::string> LineReader::bytes_at(std::uint64_t offset, std::size_t count) const {
    std::string text(count, '\0');
    auto const into = ByteSpan(reinterpret_cast<std::byte*>(text.data()), text.size());
    PD_TRY(auto const got, file_.read_at(into, offset));
    if (got != count) return fail(Fault::corrupt, "the file was cut short");
    return text;
}

}  // namespace perdure::format
