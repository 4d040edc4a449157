#pragma once

#include "data/stream.h"
#include "system/file.h"

namespace perdure::origin {

/// An open file as a source, front to back; its entry is somebody else's business.
class FileBytes final : public data::ByteSource {
public:
    explicit FileBytes(system::File file) : file_(std::move(file)) {}
    Result<std::size_t> read(ByteSpan into) override { return file_.read(into); }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    system::File file_;
};

}  // namespace perdure::origin
