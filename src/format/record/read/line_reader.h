#pragma once

#include <optional>
#include <string>

#include "system/file.h"

namespace perdure::format {

/// Lines of a file, one after the other, of at most `line_max` bytes.
class LineReader {
public:
    LineReader() = default;
    explicit LineReader(system::File file) : file_(std::move(file)) {}
    /// Without its line feed; nothing at the end. Fails: exhausted.
    Result<std::optional<std::string_view>> next();
    /// Where the line that next() gave begins in the file.
    std::uint64_t line_offset() const { return line_offset_; }
    /// Bytes of the file, wherever next() is. Fails: corrupt (fewer are there).
    Result<std::string> bytes_at(std::uint64_t offset, std::size_t count) const;
    static constexpr std::size_t line_max = std::size_t{512} << 20;

private:
    std::string_view taken(std::size_t end);

    system::File file_;
    std::string waiting_;
    std::size_t at_ = 0, searched_ = 0;
    std::uint64_t passed_ = 0;  ///< bytes before `waiting_`
    std::uint64_t line_offset_ = 0;
    bool ended_ = false;
};

}  // namespace perdure::format
