#include "format/text_file.h"

namespace perdure::format {

Result<void> TextFile::create(OutputTree& tree, std::string name, FileOptions options) {
    name_ = std::move(name);
    PD_TRY(out_, tree.create(name_, options));
    return {};
}

Result<void> TextFile::reopen(OutputTree& tree, std::string name) {
    name_ = std::move(name);
    PD_TRY(out_, tree.reopen(name_));
    return {};
}

Result<void> TextFile::flush() {
    if (text.empty()) return {};
    PD_ASSERT(out_ != nullptr);
    PD_CHECK(out_->write(std::string_view(text)));
    bytes_written_ += text.size();
    // One huge record must not hold its memory until the end.
    if (text.capacity() > keep_bytes) text = {};
    text.clear();
    return {};
}

Result<void> TextFile::finish() {
    PD_CHECK(flush());
    PD_CHECK(out_->finish());
    out_.reset();
    return {};
}

}  // namespace perdure::format
