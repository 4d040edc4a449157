#pragma once

#include <string>

#include "base/codec.h"
#include "format/output.h"

namespace perdure::format {

/// A file of an OutputTree that grows at the end of one buffer: what a writer appends to `text`
/// leaves in large pieces. Threads: one.
class TextFile {
public:
    std::string text;  ///< append here, then settle()

    Result<void> create(OutputTree& tree, std::string name, FileOptions options = {});
    /// After a resume. Fails: whatever OutputTree::reopen fails with.
    Result<void> reopen(OutputTree& tree, std::string name);
    bool is_open() const { return out_ != nullptr; }
    std::string const& name() const { return name_; }
    /// Writes the buffer when it is worth it.
    Result<void> settle() {
        if (text.size() < piece_bytes) return {};
        return flush();
    }
    Result<void> flush();
    Result<void> finish();
    /// What left, over all files that this object has been.
    std::uint64_t bytes_written() const { return bytes_written_; }

private:
    static constexpr std::size_t piece_bytes = 128 << 10, keep_bytes = 4 << 20;
    std::unique_ptr<Output> out_;
    std::string name_;
    std::uint64_t bytes_written_ = 0;
};

}  // namespace perdure::format
