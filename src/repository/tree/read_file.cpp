#include "repository/tree/read_file.h"

#include <algorithm>

namespace perdure::repository {

namespace {

constexpr int attempts_max = 4;  // the first, and three more for files that change

/// One reading: the list and whether the file stood still; or `problem` says why there is none.
struct Attempt {
    std::optional<BlobList> list;
    bool steady = false;
};

/// Tells of bytes as they go by.
class Told final : public data::ByteSource {
public:
    Told(data::ByteSource& source, Progress const& progress, std::string const& name)
        : source_(source), progress_(progress), name_(name) {}
    Result<std::size_t> read(ByteSpan into) override {
        auto count = source_.read(into);
        if (count) progress_.reading(*count, name_);
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return source_.entry_after_reading(); }

private:
    data::ByteSource& source_;
    Progress const& progress_;
    std::string const& name_;
};

Result<StoredContent> store(FileJob const& job, data::ByteSource& source, ContentWriter& contents,
                            ContentOptions const& options, std::stop_token stop) {
    if (!options.progress || !options.progress->reading) {
        return contents.store(source, options, std::move(stop));
    }
    Told told(source, *options.progress, job.entry.name);
    return contents.store(told, options, std::move(stop));
}

Result<Attempt> attempt(FileJob& job, ContentWriter& contents, ContentOptions const& options,
                        std::stop_token stop) {
    auto const unreadable = [&](Error const& error) -> Result<Attempt> {
        if (error.fault() == Fault::cancelled) return error;
        job.problem = error.message();
        return Attempt{};
    };
    if (!job.content) return unreadable(fail(Fault::internal, "a file without content"));
    Result<std::unique_ptr<data::ByteSource>> source = std::move(job.opened);
    if (!*source) source = job.content->open(stop);
    if (!source) return unreadable(source.error());
    PD_TRY(StoredContent stored, store(job, **source, contents, options, stop));
    if (stored.unreadable) return unreadable(*stored.unreadable);
    job.bytes_read += stored.list.length_bytes;
    auto after = (*source)->entry_after_reading();
    if (!after) return unreadable(after.error());
    Attempt result{std::move(stored.list), data::looks_unchanged(job.entry, *after)};
    if (after->kind != data::EntryKind::file) return result;
    if (result.steady) {
        // The same stamps, but perhaps other holes than when the tree was walked, or than at the
        // last attempt: those that were read are what the bytes belong to.
        job.entry.sparse = after->sparse;
        job.entry.extents = std::move(after->extents);
        return result;
    }
    after->name = job.entry.name;
    after->same_as = job.entry.same_as;
    after->user = std::move(job.entry.user);
    after->group = std::move(job.entry.group);
    job.entry = std::move(*after);
    return result;
}

/// Cut short below our hands: what was read keeps its place.
void cut_extents(data::Entry& entry, std::uint64_t length_bytes) {
    std::uint64_t end = 0;
    std::size_t kept = 0;
    for (data::Extent& extent : entry.extents) {
        if (length_bytes == 0) break;
        extent.length = std::min(extent.length, length_bytes);
        length_bytes -= extent.length;
        end = extent.offset + extent.length;
        ++kept;
    }
    entry.extents.resize(kept);
    entry.size = std::max(entry.size, end);
}

/// The size must fit what was read: a file can shrink or grow below our hands, and those of /proc
/// lie about theirs.
void fit_size(FileJob& job, std::uint64_t length_bytes) {
    data::Entry& entry = job.entry;
    if (!entry.sparse) {
        entry.size = length_bytes;
        return;
    }
    std::uint64_t data_bytes = 0;
    for (data::Extent const& extent : entry.extents) data_bytes += extent.length;
    if (data_bytes == length_bytes) return;
    if (job.problem.empty()) job.problem = "its holes changed while it was read";
    if (data_bytes < length_bytes) {
        entry.sparse = false;
        entry.extents.clear();
        entry.size = length_bytes;
        return;
    }
    cut_extents(entry, length_bytes);
}

}  // namespace

Result<void> read_job(FileJob& job, ContentWriter& contents, ContentOptions options,
                      std::stop_token stop) {
    std::uint64_t const device = job.entry.device, inode = job.entry.inode;
    job.names = job.entry.links;
    std::optional<BlobList> list;
    for (int i = 0; i < attempts_max; ++i) {
        options.size_hint = job.entry.size;
        PD_TRY(Attempt result, attempt(job, contents, options, stop));
        list = std::move(result.list);
        if (!list) return {};
        job.other_file = job.entry.device != device || job.entry.inode != inode;
        if (result.steady) break;
        if (i + 1 == attempts_max) {
            job.problem = "changed while it was read; kept as last seen";
            // Its stamps may be younger than its bytes: it must never be taken over unread.
            job.entry.changed = {};
            job.entry.inode = 0;
        }
    }
    fit_size(job, list->length_bytes);
    Encoder out;
    data::encode_entry(out, job.entry);
    encode_list(out, *list);
    job.record = out.take();
    return {};
}

}  // namespace perdure::repository
