#pragma once

#include "format/archive/read/portable_archive.h"
#include "format/record/read/line_reader.h"

namespace perdure::format {

/// Where a record lies, by a line of the index.
struct IndexLine {
    std::string id;
    std::uint64_t offset = 0, length = 0;
    std::string sha256;

    /// Fails: invalid.
    static Result<IndexLine> parse(std::string_view line);
};

/// The JSON of each record of one file, by its index; where a salvage has no whole index, line by
/// line.
class RecordsCursor {
public:
    /// Fails: corrupt (a file is missing).
    static Result<RecordsCursor> open(PortableArchive const& archive, std::string const& file);

    struct Found {
        std::string_view json;
        std::string id;    ///< by the index; empty without one
        std::string lost;  ///< why it is not there; `json` is empty then
    };
    /// Nothing at the end. Fails: corrupt, invalid (unless salvaging).
    Result<std::optional<Found>> next();

private:
    Result<std::optional<Found>> next_by_index();
    Result<std::optional<Found>> next_by_line();
    Result<void> check_end();

    std::string file_;
    bool salvage_ = false, by_index_ = true;
    system::File records_;
    std::uint64_t size_ = 0, expected_ = 2, count_ = 0;
    LineReader lines_;
    Bytes json_;
};

}  // namespace perdure::format
