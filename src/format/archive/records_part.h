#pragma once

#include "base/codec.h"
#include "format/archive/archive_files.h"

namespace perdure::format {

/// One file of records, "[\n{record},\n{record}\n]\n", and beside it where each lies: a line
/// ["id",offset,length,"sha256"] a record. Both wait in spools.
class RecordsPart {
public:
    /// `name` tells the part's spools from another's. A resumed tree's spools hold what they held.
    static Result<RecordsPart> open(OutputTree& tree, std::string const& name);

    /// `json` is one object on one line.
    Result<void> add(std::string_view id, std::string_view json);
    Result<ArchiveFiles::Written> write_records(ArchiveFiles& files, std::string_view name);
    Result<ArchiveFiles::Written> write_index(ArchiveFiles& files, std::string_view name);
    std::uint64_t count() const { return count_; }

    void save(Encoder& out) const { out.varint(count_); }
    Result<void> restore(Decoder& in);

private:
    std::unique_ptr<Spool> json_, index_;
    std::uint64_t count_ = 0;
};

}  // namespace perdure::format
