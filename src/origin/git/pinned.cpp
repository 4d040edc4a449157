#include "origin/git/pinned.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "data/bytes/memory_content.h"

namespace perdure::origin {
namespace {

class PinnedSource final : public data::ByteSource {
public:
    PinnedSource(std::unique_ptr<data::ByteSource> source, data::Entry entry)
        : source_(std::move(source)), entry_(std::move(entry)) {}
    Result<std::size_t> read(ByteSpan into) override { return source_->read(into); }
    Result<data::Entry> entry_after_reading() override {
        PD_TRY(data::Entry now, source_->entry_after_reading());
        bool const same = now.size == entry_.size && now.modified == entry_.modified;
        return same ? entry_ : now;
    }

private:
    std::unique_ptr<data::ByteSource> source_;
    data::Entry entry_;
};

class DescriptorContent final : public data::Content {
public:
    DescriptorContent(system::File file, std::string path, data::Entry entry)
        : file_(std::move(file)), path_(std::move(path)), entry_(std::move(entry)) {}

    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        int const again = ::fcntl(file_.descriptor(), F_DUPFD_CLOEXEC, 0);
        if (again < 0) return system::error_from_errno(errno, "cannot open " + path_);
        PD_TRY(auto source,
               read_open_file(system::File(again), path_, entry_.extents, entry_.sparse));
        return std::make_unique<PinnedSource>(std::move(source), entry_);
    }

private:
    system::File file_;
    std::string path_;
    data::Entry entry_;
};

}  // namespace

std::shared_ptr<data::Content> content_in_memory(Bytes bytes, data::Entry const& entry) {
    data::Entry whole = entry;  // holes are bytes like others here
    whole.sparse = false;
    whole.extents.clear();
    whole.size = bytes.size();
    return std::make_shared<data::MemoryContent>(std::move(bytes), std::move(whole));
}

Result<Pinned> pin(Root const& root, std::string const& path, data::Entry const& entry) {
    auto file = open_file_beneath(root->descriptor(), path);
    if (!file && file.error().fault() == Fault::not_found) return Pinned{.vanished = true};
    if (!file) return file.error();
    // Git replaces its files by renaming: what is open now may be longer than what was looked at,
    // and its beginning alone would be refs that are cut short.
    PD_TRY(std::uint64_t const size, file->size_bytes());
    Pinned pinned;
    if (size > pinned_in_memory_max) {
        pinned.content = std::make_shared<DescriptorContent>(std::move(*file), path, entry);
        return pinned;
    }
    pinned.bytes.emplace(static_cast<std::size_t>(size));
    PD_TRY(std::size_t const got, file->read_at(*pinned.bytes, 0));
    pinned.bytes->resize(got);
    return pinned;
}

Result<std::shared_ptr<data::Content>> pin_file(Root const& root, std::string const& path,
                                                data::Entry const& entry, bool& vanished) {
    PD_TRY(auto pinned, pin(root, path, entry));
    vanished = pinned.vanished;
    if (pinned.bytes) return content_in_memory(std::move(*pinned.bytes), entry);
    return std::move(pinned.content);
}

}  // namespace perdure::origin
