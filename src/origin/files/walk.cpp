#include "origin/files/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "origin/files/below.h"
#include "origin/files/xattr.h"
#include "system/memory.h"

// The problem: visit every name of a tree that other programs keep changing, in a stable order, at
// the speed of the system calls, and never be led out of it.
//
// 1. Every call is relative to an open folder; no link is ever followed.
// 2. Order is memcmp order of names within a folder, depth first.
// 3. What cannot be read is a Problem with its path; the walk goes on. A name that vanished between
//    listing and stat is as if it had been removed before: no problem.
// 4. Descriptors are bounded: folders deeper than `open_folders_max` are closed while the walk is
//    below them and found again from the root (again beneath it, again without links).
// 5. Memory is bounded by the names of the folders on the way, not by the tree.
//
// Rejected: stat of a whole folder before its first item (100,000 entries of half a kilobyte);
// fts(3) and std::filesystem (paths instead of descriptors).

namespace perdure::origin {
namespace {

std::size_t const open_folders_max = system::descriptors_for(100);
/// Four times what a system call takes. Below it the levels, the paths of the names that are read
/// ahead, and all that readers of a snapshot keep of either, stay small.
constexpr std::size_t folder_path_bytes_max = 16u << 10;
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct ListedName {  // as getdents64 lays it out
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t record_bytes;
    std::uint8_t type;
    char name[1];
};

int open_folder_at(int parent, char const* name) {
    int opened = ::openat(parent, name, folder_flags | O_NOATIME);
    if (opened < 0 && errno == EPERM) opened = ::openat(parent, name, folder_flags);
    return opened < 0 ? -errno : opened;
}

/// Why attributes stay out of a backup; empty where none do.
std::string lacks_attributes(int error) {
    if (error == 0 || error == ENOTSUP || error == ENOENT) return {};
    if (error == E2BIG) return "it has more attributes than can be kept; what is over was left out";
    return std::string("attributes cannot be read and were left out: ") + ::strerror(error);
}

/// File systems that are views of the kernel's state: their "files" have no end and no meaning
/// later.
bool is_kernel_view(int folder) {
    struct statfs status{};
    if (::fstatfs(folder, &status) != 0) return false;
    switch (static_cast<unsigned long>(status.f_type)) {
        case PROC_SUPER_MAGIC:
        case SYSFS_MAGIC:
        case CGROUP_SUPER_MAGIC:
        case CGROUP2_SUPER_MAGIC:
        case DEBUGFS_MAGIC:
        case TRACEFS_MAGIC:
        case SECURITYFS_MAGIC:
        case PSTOREFS_MAGIC:
        case BPF_FS_MAGIC:
        case DEVPTS_SUPER_MAGIC:
        case EFIVARFS_MAGIC:
            return true;
        default:
            return false;
    }
}

}  // namespace

WalkOptions walk_options(SourceOptions const& source) {
    return {source.path, ExcludeRules(source.exclude, source.path.native()), source.kept_as_rows,
            source.one_file_system, source.exclude_caches};
}

Walk::Walk(WalkOptions options, Root root)
    : options_(std::move(options)),
      root_(std::move(root)),
      kept_(options_.kept_as_rows.empty() ? nullptr
                                          : std::make_shared<KeptAsRows>(options_.kept_as_rows)),
      leaves_(root_, kept_) {}

Result<Walk> Walk::open(WalkOptions options) {
    // The root's own path may lead through links: the user wrote it.
    int const opened = ::open(options.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) {
        if (errno == ENOTDIR)
            return fail(Fault::invalid, options.folder.native() + " is no folder")
                .with_fix("name the folder and take the rest out with `exclude`");
        return system::error_from_errno(errno, "cannot open " + options.folder.native());
    }
    return Walk(std::move(options), std::make_shared<system::File const>(opened));
}

void Walk::problem(std::string reason) {
    problems_.push_back({item_path_.empty() ? "." : item_path_, std::move(reason)});
}

std::vector<data::Problem> Walk::take_problems() {
    for (data::Problem& one : leaves_.take_problems()) problems_.push_back(std::move(one));
    return std::move(problems_);
}

Result<std::optional<data::TreeItem>> Walk::next() {
    for (;;) {
        PD_TRY(auto pending, next_pending());
        if (!pending) return std::optional<data::TreeItem>();
        if (pending->folder && !leaves_.complete(*pending)) continue;
        links_.resolve(pending->item, pending->path);
        return std::optional(std::move(pending->item));
    }
}

Result<std::optional<Pending>> Walk::next_pending() {
    if (!started_) {
        started_ = true;
        return start();
    }
    while (!frames_.empty()) {
        Frame& frame = frames_.back();
        if (frame.at == frame.names.size()) return std::optional(leave());
        if (auto pending = visit(frame, frame.names[frame.at++])) return pending;
    }
    return std::optional<Pending>();
}

Result<std::optional<Pending>> Walk::start() {
    struct statx status{};
    if (int const error = stat_at(root_->descriptor(), "", status))
        return system::error_from_errno(error, "cannot stat " + options_.folder.native());
    Pending pending;
    pending.item.step = data::TreeItem::Step::enter;
    pending.item.entry = entry_from(status);
    enter(pending.item.entry);
    if (frames_.back().names.empty() && !problems_.empty())
        return fail(Fault::denied,
                    "cannot list " + options_.folder.native() + ": " + problems_[0].reason);
    return std::optional(std::move(pending));
}

Pending Walk::leave() {
    Pending pending;
    pending.item.step = data::TreeItem::Step::leave;
    pending.item.entry.kind = data::EntryKind::folder;
    pending.item.entry.name = std::move(frames_.back().name);
    item_path_.resize(frames_.back().path_bytes);
    pending.path = item_path_;
    frames_.pop_back();
    return pending;
}

std::optional<Pending> Walk::visit(Frame& frame, Name listed) {
    char const* name = frame.names_text.data() + listed.offset;
    item_path_.resize(frame.path_bytes);
    if (frame.path_bytes > 0) item_path_ += '/';
    item_path_ += name;
    int const folder = folder_of(frame);
    if (folder < 0) {
        problem(std::string("cannot open its folder again: ") + ::strerror(-folder));
        return std::nullopt;
    }
    if (listed.type == DT_UNKNOWN) {
        struct statx status{};
        if (stat_at(folder, name, status) == 0) listed.type = is_folder(status) ? DT_DIR : DT_REG;
    }
    bool const enters = listed.type == DT_DIR;
    if (options_.exclude.excludes(item_path_, enters)) return std::nullopt;
    if (enters && item_path_.size() > folder_path_bytes_max) {
        problem("its path is longer than 16 KiB: it and all in it was left out");
        return std::nullopt;
    }
    if (enters) return visit_folder(frame, name);
    std::optional<Pending> pending(std::in_place);
    pending->item.entry.name = name;
    pending->path = item_path_;
    pending->folder = frame.folder;
    return pending;
}

std::optional<Pending> Walk::visit_folder(Frame& frame, char const* name) {
    struct statx status{};
    int const error = stat_at(folder_of(frame), name, status);
    if (error == ENOENT || (error == 0 && !is_folder(status))) return std::nullopt;
    if (error != 0) {
        problem(std::string("cannot stat: ") + ::strerror(error));
        return std::nullopt;
    }
    std::optional<Pending> pending(std::in_place);
    pending->item.step = data::TreeItem::Step::enter;
    pending->item.entry = entry_from(status);
    pending->item.entry.name = name;
    pending->path = item_path_;
    enter(pending->item.entry);  // `frame` is no longer valid
    return pending;
}

bool LeafReader::stays_out(std::string const& path, struct statx const& status) {
    auto const kept = kept_->find(status);
    if (kept == KeptAsRows::Kept::no) return false;
    if (kept == KeptAsRows::Kept::as_file) {
        problems_.push_back(
            {path,
             "is another name (a hard link) of a database that is read as one: left out, "
             "since no erasure and no mask would reach it here; exclude it to say so"});
    } else if (kept_->is_first_in_folder()) {
        problems_.push_back(
            {".",
             "hard links in here lead to media of people that a source of rows keeps: they "
             "are left out, since no erasure would reach them here; exclude them to say so"});
    }
    return true;
}

bool LeafReader::complete(Pending& pending) {
    auto const folder = std::exchange(pending.folder, nullptr);
    data::Entry& entry = pending.item.entry;
    std::string const name = std::move(entry.name);
    auto const failed = [&](char const* what, int error) {
        if (error != ENOENT)
            problems_.push_back({pending.path, std::string(what) + ::strerror(error)});
        return false;
    };
    struct statx status{};
    if (int const error = stat_at(folder->descriptor(), name.c_str(), status))
        return failed("cannot stat: ", error);
    if (is_folder(status)) return false;  // was no folder when listed: another name, come later
    if (kept_ && stays_out(pending.path, status)) return false;
    entry = entry_from(status);
    entry.name = name;
    entry.user = owners_.user(entry.uid);
    entry.group = owners_.group(entry.gid);
    if (std::find(no_xattrs_.begin(), no_xattrs_.end(), entry.device) == no_xattrs_.end()) {
        int const error = read_xattrs(folder->descriptor(), name.c_str(), entry.xattrs);
        if (error == ENOTSUP) no_xattrs_.push_back(entry.device);
        auto lack = lacks_attributes(error);
        if (!lack.empty()) problems_.push_back({pending.path, std::move(lack)});
    }
    if (entry.kind == data::EntryKind::symlink) {
        if (int const error = read_link_at(folder->descriptor(), name.c_str(), entry.link_target))
            return failed("cannot read the link: ", error);
    }
    if (entry.kind != data::EntryKind::file) return true;
    if (may_be_sparse(status)) {
        // An unreadable file is reported by whoever opens its content.
        if (auto file = open_file_beneath(root_->descriptor(), pending.path))
            find_extents(file->descriptor(), entry);
    }
    pending.item.content = file_content(root_, pending.path, entry);
    return true;
}

void HardLinks::resolve(data::TreeItem& item, std::string const& path) {
    data::Entry& entry = item.entry;
    if (item.step != data::TreeItem::Step::leaf || entry.links < 2) return;
    auto const [found, added] = seen_.try_emplace({entry.device, entry.inode});
    LinkedFile& known = found->second;
    bool const same = !added && known.kind == entry.kind &&
                      (known.changed == entry.changed ||
                       (known.modified == entry.modified && known.size == entry.size));
    if (!same) {
        known = {path, entry.links - 1, entry.changed, entry.modified, entry.size, entry.kind};
        return;
    }
    entry.same_as = known.path;  // and its content stays: the first name may be another's by then
    if (--known.names_left == 0) seen_.erase(found);
}

void Walk::enter(data::Entry& entry) {
    Frame frame;
    frame.name = entry.name;
    frame.path_bytes = item_path_.size();
    frame.device = entry.device;
    entry.user = leaves_.owners().user(entry.uid);
    entry.group = leaves_.owners().group(entry.gid);
    int const opened = frames_.empty()
                           ? open_beneath(root_->descriptor(), "", folder_flags)
                           : open_folder_at(folder_of(frames_.back()), entry.name.c_str());
    if (opened < 0) {
        problem(std::string("cannot open the folder: ") + ::strerror(-opened));
        frames_.push_back(std::move(frame));
        return;
    }
    frame.folder = std::make_shared<system::File const>(opened);
    entry.flags = read_flags(opened);
    if (auto lack = lacks_attributes(read_xattrs(opened, "", entry.xattrs)); !lack.empty())
        problem(std::move(lack));
    if (may_descend(entry, opened)) {
        if (int const error = list(frame))
            problem(std::string(frame.names.empty() ? "cannot list: " : "cannot list all of it: ") +
                    ::strerror(error));
        if (options_.exclude_caches && !frames_.empty()) keep_only_cache_tag(frame);
    }
    if (frames_.size() > open_folders_max) frames_.back().folder = {};
    frames_.push_back(std::move(frame));
}

bool Walk::may_descend(data::Entry const& entry, int folder) const {
    if (frames_.empty() || entry.device == frames_.back().device) return true;
    return !options_.one_file_system && !is_kernel_view(folder);
}

/// The frame's folder, opened again when it was closed on the way down. Negative errno on failure.
int Walk::folder_of(Frame& frame) {
    if (!frame.folder) {
        int const opened =
            open_beneath(root_->descriptor(),
                         std::string_view(item_path_).substr(0, frame.path_bytes), folder_flags);
        if (opened < 0) return opened;
        frame.folder = std::make_shared<system::File const>(opened);
    }
    return frame.folder->descriptor();
}

int Walk::read_names(Frame& frame) {
    alignas(8) thread_local std::array<char, 65536> buffer;
    for (;;) {
        long const got =
            ::syscall(SYS_getdents64, frame.folder->descriptor(), buffer.data(), buffer.size());
        if (got < 0) return errno;
        if (got == 0) return 0;
        for (long at = 0; at < got;) {
            auto const* record = reinterpret_cast<ListedName const*>(buffer.data() + at);
            at += record->record_bytes;
            char const* name = record->name;
            if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0))) continue;
            frame.names.push_back(
                {static_cast<std::uint32_t>(frame.names_text.size()), record->type});
            frame.names_text.append(name, std::strlen(name) + 1);
        }
    }
}

/// What a bad disk gave before it broke off is listed, and in order, too.
int Walk::list(Frame& frame) {
    int const error = read_names(frame);
    char const* text = frame.names_text.data();
    // strcmp compares as unsigned char, hence like memcmp of the names.
    std::sort(frame.names.begin(), frame.names.end(),
              [text](Name a, Name b) { return std::strcmp(text + a.offset, text + b.offset) < 0; });
    return error;
}

/// The folder and its tag stay, the rest is left out.
void Walk::keep_only_cache_tag(Frame& frame) const {
    auto const tag = std::find_if(frame.names.begin(), frame.names.end(), [&](Name name) {
        return std::strcmp(frame.names_text.data() + name.offset, cache_tag_name) == 0;
    });
    if (tag == frame.names.end()) return;
    std::string const path = (item_path_.empty() ? "" : item_path_ + "/") + cache_tag_name;
    auto const file = open_file_beneath(root_->descriptor(), path);
    if (file && is_cache_tag(*file)) frame.names = {*tag};
}

}  // namespace perdure::origin
