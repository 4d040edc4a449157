#pragma once

#include <string>

#include "format/format.h"
#include "format/tally.h"
#include "format/text_file.h"

namespace perdure::format {

/// What all formats of one text file share: the file, the counts, checkpoint and resume.
class TextWriter : public RecordWriter {
public:
    explicit TextWriter(OutputTree& tree) : tree_(tree) {}
    Result<void> begin(ExportInfo const& info) final;
    Result<FormatSummary> finish(std::stop_token stop) final;
    Result<std::optional<Bytes>> checkpoint() final;
    Result<void> resume(ExportInfo const& info, ByteView state) final;

protected:
    /// Looks at what was asked for, before anything is written; of a resume too.
    virtual Result<void> prepare(ExportInfo const& info) {
        static_cast<void>(info);
        return {};
    }
    /// Of the file; asked after prepare().
    virtual std::string name() const = 0;
    /// What stands before and behind the records, appended to file().text.
    virtual Result<void> open(ExportInfo const& info) = 0;
    virtual Result<void> close() = 0;
    /// What a resume needs beside the counts. load() fails: corrupt.
    virtual void save(Encoder& state) const { static_cast<void>(state); }
    virtual Result<void> load(Decoder& state) {
        static_cast<void>(state);
        return {};
    }

    TextFile& file() { return file_; }
    Tally& tally() { return tally_; }
    /// Over all processes that wrote the file.
    std::uint64_t bytes_written() { return tally_.summary().bytes + file_.bytes_written(); }

private:
    OutputTree& tree_;
    TextFile file_;
    Tally tally_;
};

}  // namespace perdure::format
