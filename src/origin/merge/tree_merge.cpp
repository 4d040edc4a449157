// Files come back in two steps, so that a kill leaves before or after:
//   1. all contents go into a stage beneath the root, are synced, and are compared once more;
//   2. each is renamed (or exchanged) with its name; what was there lies in the stage until the
//   end.
// Names are resolved by openat2 beneath the root without following a link; a link that somebody
// planted in the way makes a name "blocked", it is never written through.
#include "origin/merge/tree_merge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "crypto/hash.h"
#include "origin/files/below.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

using data::EntryKind;
using Act = FileChange::Act;

constexpr std::size_t piece_bytes = 256 << 10;

struct Seen {
    bool there = false, blocked = false;
    std::string why;
    struct stat status{};
};

Seen look(int root, std::string_view path) {
    Seen seen;
    auto const [parent, name] = split_path(path);
    int const folder = open_beneath(root, parent, O_PATH | O_DIRECTORY);
    if (folder == -ENOENT) return seen;
    if (folder < 0) {
        seen.blocked = true;
        seen.why = fmt::format("{} is a link or no folder: nothing is written through it", parent);
        return seen;
    }
    std::string const text(name);
    seen.there = ::fstatat(folder, text.c_str(), &seen.status, AT_SYMLINK_NOFOLLOW) == 0;
    ::close(folder);
    return seen;
}

Timestamp modified_of(struct stat const& status) {
    return {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
}

std::string_view kind_word(mode_t mode) {
    if (S_ISREG(mode)) return "file";
    if (S_ISDIR(mode)) return "folder";
    if (S_ISLNK(mode)) return "link";
    return "special file";
}

mode_t type_of(EntryKind kind) {
    switch (kind) {
        case EntryKind::folder:
            return S_IFDIR;
        case EntryKind::file:
            return S_IFREG;
        case EntryKind::symlink:
            return S_IFLNK;
        case EntryKind::fifo:
            return S_IFIFO;
        case EntryKind::socket:
            return S_IFSOCK;
        case EntryKind::char_device:
            return S_IFCHR;
        case EntryKind::block_device:
            return S_IFBLK;
    }
    return 0;
}

std::string link_text(int root, std::string_view path) {
    auto const [parent, name] = split_path(path);
    int const folder = open_beneath(root, parent, O_PATH | O_DIRECTORY);
    if (folder < 0) return {};
    std::string out(4096, 0);
    auto const size = ::readlinkat(folder, std::string(name).c_str(), out.data(), out.size());
    ::close(folder);
    out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return out;
}

/// Bytes of a content against a file; both are read to the end or the first difference.
Result<bool> same_bytes(data::ByteSource& content, int file) {
    Bytes ours(piece_bytes), theirs(piece_bytes);
    while (true) {
        PD_TRY(auto const got, content.read(ours));
        std::size_t filled = 0;
        while (filled < std::max<std::size_t>(got, 1)) {
            auto const more =
                ::read(file, theirs.data() + filled, std::max<std::size_t>(got, 1) - filled);
            if (more < 0) return system::error_from_errno(errno, "reading a file to compare");
            if (more == 0) break;
            filled += static_cast<std::size_t>(more);
        }
        if (filled != got) return false;
        if (got == 0) return true;
        if (std::memcmp(ours.data(), theirs.data(), got) != 0) return false;
    }
}

class FileSource : public data::ByteSource {
public:
    explicit FileSource(system::File file) : file_(std::move(file)) {}
    Result<std::size_t> read(ByteSpan into) override { return file_.read(into); }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    system::File file_;
};

class Merging final : public TreeMerge {
public:
    Merging(TreeMergeRequest request, system::File root)
        : request_(std::move(request)), root_(std::move(root)) {}

    Result<void> prepare() {
        if (request_.stage.empty()) return {};
        PD_CHECK(system::step(system::Step::make_folder, request_.stage));
        if (::mkdirat(root_.descriptor(), request_.stage.c_str(), 0700) != 0) {
            return system::error_from_errno(errno, "making " + request_.stage);
        }
        SourceOptions const files{.name = request_.source, .type = "files"};
        PD_TRY(staged_, open_tree_target(
                            files, {.folder = request_.root / request_.stage, .overwrite = true}));
        return {};
    }

    FileSummary const& summary() const override { return summary_; }
    std::vector<FileChange> const& changes() const override { return changes_; }
    std::string state() const override {
        Encoder out;
        for (auto const part : state_) out.u64(part);
        return to_hex(ByteView(out.view()));
    }
    std::vector<data::Problem> take_problems() override {
        return staged_ ? staged_->take_problems() : std::vector<data::Problem>{};
    }

    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        if (path.empty() || !request_.chosen(path)) return {};
        auto const seen = look(root_.descriptor(), path);
        FileItem item{.path = path};
        if (seen.blocked || (seen.there && !S_ISDIR(seen.status.st_mode))) {
            block(item, seen.blocked ? seen.why
                                     : fmt::format("a {} stands where the folder belongs",
                                                   kind_word(seen.status.st_mode)));
        } else if (seen.there) {
            std::lock_guard lock(mutex_);
            ++summary_.chosen;
            ++summary_.identical;
            return {};
        } else {
            item.decision = data::Decision::insert;
        }
        PD_TRY(auto const decision, settle(item, 0));
        if (decision == data::Decision::insert && staged_) {
            std::lock_guard lock(mutex_);
            folders_.emplace_back(path, entry);
        }
        return {};
    }

    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        if (!request_.chosen(path)) return {};
        auto const seen = look(root_.descriptor(), path);
        std::uint64_t number = 0;
        FileItem item{.path = path};
        PD_TRY(bool const same, compare_file(path, entry, seen, content, item, number));
        if (same) {
            std::lock_guard lock(mutex_);
            ++summary_.chosen;
            ++summary_.identical;
            return {};
        }
        decide(item, entry, seen);
        PD_TRY(auto const decision, settle(item, entry.size));
        if (!data::may_write(decision) || !staged_) return {};
        if (number == 0) {
            PD_TRY(number, stage(entry, content));
        }
        return keep(path, number, seen.there ? Act::replace : Act::create);
    }

    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        if (!request_.chosen(path)) return {};
        auto const seen = look(root_.descriptor(), path);
        FileItem item{.path = path};
        bool const same_kind = seen.there && (seen.status.st_mode & S_IFMT) == type_of(entry.kind);
        if (!entry.same_as.empty()) {
            if (seen.there) return count_identical();
            block(item, "a second name of " + entry.same_as + ": restore both with --to DIR");
        } else if (same_kind && (entry.kind != EntryKind::symlink ||
                                 link_text(root_.descriptor(), path) == entry.link_target)) {
            return count_identical();
        } else {
            if (same_kind) {
                item.fields.push_back(
                    {"leads to", link_text(root_.descriptor(), path), entry.link_target});
            }
            decide(item, entry, seen);
        }
        PD_TRY(auto const decision, settle(item, 0));
        if (!data::may_write(decision) || !staged_) return {};
        auto const number = next_number();
        PD_CHECK(staged_->make_other(std::to_string(number), entry));
        return keep(path, number, seen.there ? Act::replace : Act::create);
    }

    Result<void> finish_folder(std::string const&, data::Entry const&) override { return {}; }

    Result<void> remove(std::string const& path) override {
        auto const seen = look(root_.descriptor(), path);
        if (!seen.there || seen.blocked) return {};
        FileItem item{.finding = FileItem::Finding::remove, .path = path};
        item.decision = data::Decision::replace;
        item.reason = "not in the snapshot";
        item.target_state = state_of(seen.status);
        PD_TRY(auto const decision, settle(item, 0));
        if (!data::may_write(decision) || !staged_) return {};
        std::lock_guard lock(mutex_);
        changes_.push_back({Act::remove, path, ++number_, seen.status.st_ino, 0, {}});
        return {};
    }

    void remove_folder(std::string const& path) override { emptied_.push_back(path); }

    Result<void> settle_stage() override {
        for (auto const& [path, entry] : folders_) {
            changes_.insert(changes_.begin() + static_cast<std::ptrdiff_t>(folders_made_++),
                            FileChange{Act::folder, path, 0, 0, 0, {}});
        }
        for (auto path = emptied_.rbegin(); path != emptied_.rend(); ++path) {
            changes_.push_back({Act::folder_gone, *path, 0, 0, 0, {}});
        }
        PD_CHECK(system::step(system::Step::sync, request_.stage));
        if (::syncfs(root_.descriptor()) == 0) return {};
        return system::error_from_errno(errno, "bringing the staged files to the disk");
    }

private:
    Result<void> count_identical() {
        std::lock_guard lock(mutex_);
        ++summary_.chosen;
        ++summary_.identical;
        return {};
    }

    static void block(FileItem& item, std::string why) {
        item.finding = FileItem::Finding::blocked;
        item.decision = data::Decision::skip;
        item.reason = std::move(why);
    }

    static std::string state_of(struct stat const& status) {
        return fmt::format("{:o} {} {}.{:09}", status.st_mode, status.st_size,
                           status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    }

    std::uint64_t next_number() {
        std::lock_guard lock(mutex_);
        return ++number_;
    }

    Result<std::uint64_t> stage(data::Entry const& entry, data::ByteSource& content) {
        auto const number = next_number();
        PD_CHECK(staged_->write_file(std::to_string(number), entry, content));
        return number;
    }

    /// True: nothing differs. With a stage a file of the same size is staged first, since a content
    /// can be read only once.
    Result<bool> compare_file(std::string const& path, data::Entry const& entry, Seen const& seen,
                              data::ByteSource& content, FileItem& item, std::uint64_t& number) {
        if (!seen.there || seen.blocked || !S_ISREG(seen.status.st_mode)) return false;
        auto const size = static_cast<std::uint64_t>(seen.status.st_size);
        bool const same_time = modified_of(seen.status) == entry.modified;
        bool same = size == entry.size;
        if (same && !same_time) {
            system::File const file(open_beneath(root_.descriptor(), path, O_RDONLY | O_NOATIME));
            system::File const plain(
                file.is_open() ? -1 : open_beneath(root_.descriptor(), path, O_RDONLY));
            int const descriptor = file.is_open() ? file.descriptor() : plain.descriptor();
            if (descriptor < 0) {
                return fail(Fault::denied, path + " cannot be read to compare it");
            }
            if (staged_ && !entry.sparse) {
                PD_TRY(number, stage(entry, content));
                PD_TRY(auto copy, system::File::open_to_read(request_.root / request_.stage /
                                                             std::to_string(number)));
                FileSource source(std::move(copy));
                PD_TRY(same, same_bytes(source, descriptor));
            } else {
                PD_TRY(same, entry.sparse ? Result<bool>(false) : same_bytes(content, descriptor));
            }
        }
        auto const mode = seen.status.st_mode & 07777u;
        if (size != entry.size) {
            item.fields.push_back({"size", std::to_string(size), std::to_string(entry.size)});
        } else if (!same) {
            item.fields.push_back({"content", "differs", "differs"});
        }
        if (!same) {
            item.fields.push_back(
                {"modified", to_rfc3339(modified_of(seen.status)), to_rfc3339(entry.modified)});
        }
        if (mode != (entry.mode & 07777u)) {
            item.fields.push_back(
                {"mode", fmt::format("{:04o}", mode), fmt::format("{:04o}", entry.mode & 07777u)});
        }
        return item.fields.empty();
    }

    void decide(FileItem& item, data::Entry const& entry, Seen const& seen) {
        if (seen.blocked) return block(item, seen.why);
        if (!seen.there) {
            item.decision = data::Decision::insert;
            return;
        }
        item.target_state = state_of(seen.status);
        if (S_ISDIR(seen.status.st_mode)) return block(item, "a folder stands in its place");
        item.finding = FileItem::Finding::conflict;
        auto const verdict = data::resolve(request_.strategy, {modified_of(seen.status), {}},
                                           {entry.modified, {}}, request_.now, "the snapshot's");
        item.decision = verdict.decision;
        item.reason = verdict.reason;
        if (item.decision == data::Decision::duplicate) {
            item.decision = data::Decision::keep;
            item.reason = "keep-both is for records: restore the file with --to DIR beside it";
        }
    }

    /// Tells, counts, and lets the person decide otherwise.
    Result<data::Decision> settle(FileItem item, std::uint64_t bytes) {
        std::lock_guard lock(mutex_);
        using enum FileItem::Finding;
        bool const removes = item.finding == remove;
        summary_.chosen += removes ? 0 : 1;
        ++(item.finding == create     ? summary_.create
           : item.finding == conflict ? summary_.conflict
           : removes                  ? summary_.remove
                                      : summary_.blocked);
        add_to_state(item);
        PD_CHECK(request_.tell(item));
        auto const wish = request_.overrides.find(request_.source + "/" + item.path);
        if (wish != request_.overrides.end()) {
            bool const stays = !data::may_write(wish->second);
            bool const fits = stays || (!removes && item.finding == conflict &&
                                        wish->second == data::Decision::replace);
            if (!fits) {
                return fail(Fault::invalid, fmt::format("the override \"{}\" does not fit {}/{}",
                                                        data::decision_name(wish->second),
                                                        request_.source, item.path))
                    .with_code(2);
            }
            item.decision = wish->second;
        }
        bool const goes = removes && data::may_write(item.decision);
        ++summary_.decisions[goes ? "remove" : std::string(data::decision_name(item.decision))];
        if (data::may_write(item.decision)) summary_.bytes += bytes;
        return item.decision;
    }

    void add_to_state(FileItem const& item) {
        auto const text =
            fmt::format("{}\n{}\n{}\n{}\n{}", static_cast<int>(item.finding), item.path,
                        data::decision_name(item.decision), item.reason, item.target_state);
        auto const hash = crypto::sha256(as_bytes(text));
        Decoder in(hash.view());
        for (auto& part : state_) part += *in.u64();
    }

    Result<void> keep(std::string const& path, std::uint64_t number, Act act) {
        struct stat status{};
        auto const name = request_.stage + "/" + std::to_string(number);
        if (::fstatat(root_.descriptor(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return {};  // a device that could not be made; named among the problems
        }
        std::lock_guard lock(mutex_);
        changes_.push_back({act, path, number, status.st_ino,
                            static_cast<std::uint64_t>(status.st_size), modified_of(status)});
        return {};
    }

    TreeMergeRequest request_;
    system::File root_;
    std::unique_ptr<data::TreeTarget> staged_;
    std::mutex mutex_;  ///< of what follows
    FileSummary summary_;
    std::array<std::uint64_t, 4> state_{};
    std::vector<FileChange> changes_;
    std::vector<std::pair<std::string, data::Entry>> folders_;
    std::vector<std::string> emptied_;
    std::size_t folders_made_ = 0;
    std::uint64_t number_ = 0;
};

Result<system::File> open_root(system::Path const& root) {
    int const opened = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened >= 0) return system::File(opened);
    return system::error_from_errno(errno, "opening " + root.string());
}

}  // namespace

Result<std::unique_ptr<TreeMerge>> TreeMerge::create(TreeMergeRequest request) {
    PD_TRY(auto root, open_root(request.root));
    auto merge = std::make_unique<Merging>(std::move(request), std::move(root));
    PD_CHECK(merge->prepare());
    return merge;
}

}  // namespace perdure::origin
