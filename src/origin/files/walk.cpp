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

constexpr std::size_t open_folders_max = 100;
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
    return {source.path, ExcludeRules(source.exclude, source.path.native()), source.one_file_system,
            source.exclude_caches};
}

Walk::Walk(WalkOptions options, Root root) : options_(std::move(options)), root_(std::move(root)) {}

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

Result<std::optional<data::TreeItem>> Walk::next() {
    if (!started_) {
        started_ = true;
        return start();
    }
    while (!frames_.empty()) {
        Frame& frame = frames_.back();
        if (frame.at == frame.names.size()) return leave();
        if (auto item = visit(frame, frame.names[frame.at++])) return item;
    }
    return std::optional<data::TreeItem>();
}

Result<std::optional<data::TreeItem>> Walk::start() {
    struct statx status{};
    if (int const error = stat_at(root_->descriptor(), "", status))
        return system::error_from_errno(error, "cannot stat " + options_.folder.native());
    data::TreeItem item;
    item.step = data::TreeItem::Step::enter;
    item.entry = entry_from(status);
    enter(item.entry, status);
    if (frames_.back().names.empty() && !problems_.empty())
        return fail(Fault::denied,
                    "cannot list " + options_.folder.native() + ": " + problems_[0].reason);
    return std::optional(std::move(item));
}

data::TreeItem Walk::leave() {
    data::TreeItem item;
    item.step = data::TreeItem::Step::leave;
    item.entry.kind = data::EntryKind::folder;
    item.entry.name = std::move(frames_.back().name);
    item_path_.resize(frames_.back().path_bytes);
    frames_.pop_back();
    return item;
}

std::optional<data::TreeItem> Walk::visit(Frame& frame, Name listed) {
    char const* name = frame.names_text.data() + listed.offset;
    item_path_.resize(frame.path_bytes);
    if (frame.path_bytes > 0) item_path_ += '/';
    item_path_ += name;
    if (listed.type != DT_UNKNOWN && options_.exclude.excludes(item_path_, listed.type == DT_DIR))
        return std::nullopt;
    int const folder = folder_of(frame);
    struct statx status{};
    int const error = folder < 0 ? -folder : stat_at(folder, name, status);
    if (error == ENOENT) return std::nullopt;
    if (error != 0) {
        problem(std::string("cannot stat: ") + ::strerror(error));
        return std::nullopt;
    }
    if (listed.type == DT_UNKNOWN && options_.exclude.excludes(item_path_, is_folder(status)))
        return std::nullopt;
    data::TreeItem item;
    item.entry = entry_from(status);
    item.entry.name = name;
    item.entry.user = owners_.user(item.entry.uid);
    item.entry.group = owners_.group(item.entry.gid);
    if (is_folder(status)) {
        item.step = data::TreeItem::Step::enter;
        enter(item.entry, status);  // `frame` is no longer valid
        return item;
    }
    if (std::find(no_xattrs_.begin(), no_xattrs_.end(), item.entry.device) == no_xattrs_.end() &&
        read_xattrs(folder, name, item.entry.xattrs) == ENOTSUP)
        no_xattrs_.push_back(item.entry.device);
    if (item.entry.kind == data::EntryKind::symlink) {
        if (int const unread = read_link_at(folder, name, item.entry.link_target)) {
            if (unread != ENOENT)
                problem(std::string("cannot read the link: ") + ::strerror(unread));
            return std::nullopt;
        }
    }
    complete_file(item.entry, status, item);
    return item;
}

void Walk::complete_file(data::Entry& entry, struct statx const& status, data::TreeItem& item) {
    if (entry.links > 1 && find_first_name(entry)) return;
    if (entry.kind != data::EntryKind::file) return;
    if (may_be_sparse(status)) {
        // An unreadable file is reported by whoever opens its content.
        if (auto file = open_file_beneath(root_->descriptor(), item_path_))
            find_extents(file->descriptor(), entry);
    }
    item.content = file_content(root_, item_path_, entry);
}

/// True when another name of this file came before; same_as then says which.
bool Walk::find_first_name(data::Entry& entry) {
    auto const [found, added] = linked_.try_emplace({entry.device, entry.inode});
    if (added) {
        found->second = {item_path_, entry.links - 1};
        return false;
    }
    entry.same_as = found->second.path;
    if (--found->second.names_left == 0) linked_.erase(found);
    return true;
}

void Walk::enter(data::Entry& entry, struct statx const& status) {
    Frame frame;
    frame.name = entry.name;
    frame.path_bytes = item_path_.size();
    frame.device = entry.device;
    int opened = 0;
    if (frames_.empty()) {
        opened = open_beneath(root_->descriptor(), "", folder_flags);
        entry.user = owners_.user(entry.uid);
        entry.group = owners_.group(entry.gid);
    } else {
        opened = open_folder_at(folder_of(frames_.back()), entry.name.c_str());
    }
    if (opened < 0) {
        problem(std::string("cannot open the folder: ") + ::strerror(-opened));
        frames_.push_back(std::move(frame));
        return;
    }
    frame.folder = system::File(opened);
    entry.flags = read_flags(opened);
    read_xattrs(opened, "", entry.xattrs);
    if (may_descend(entry, opened)) {
        if (int const error = list(frame))
            problem(std::string("cannot list: ") + ::strerror(error));
        if (options_.exclude_caches && !frames_.empty()) keep_only_cache_tag(frame);
    }
    (void)status;
    if (frames_.size() > open_folders_max) frames_.back().folder = {};
    frames_.push_back(std::move(frame));
}

bool Walk::may_descend(data::Entry const& entry, int folder) const {
    if (frames_.empty() || entry.device == frames_.back().device) return true;
    return !options_.one_file_system && !is_kernel_view(folder);
}

/// The frame's folder, opened again when it was closed on the way down. Negative errno on failure.
int Walk::folder_of(Frame& frame) {
    if (!frame.folder.is_open()) {
        int const opened =
            open_beneath(root_->descriptor(),
                         std::string_view(item_path_).substr(0, frame.path_bytes), folder_flags);
        if (opened < 0) return opened;
        frame.folder = system::File(opened);
    }
    return frame.folder.descriptor();
}

int Walk::list(Frame& frame) const {
    alignas(8) thread_local std::array<char, 65536> buffer;
    for (;;) {
        long const got =
            ::syscall(SYS_getdents64, frame.folder.descriptor(), buffer.data(), buffer.size());
        if (got < 0) return errno;
        if (got == 0) break;
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
    char const* text = frame.names_text.data();
    // strcmp compares as unsigned char, hence like memcmp of the names.
    std::sort(frame.names.begin(), frame.names.end(),
              [text](Name a, Name b) { return std::strcmp(text + a.offset, text + b.offset) < 0; });
    return 0;
}

/// The Cache Directory Tagging convention: the folder and its tag stay, the rest is left out.
void Walk::keep_only_cache_tag(Frame& frame) const {
    constexpr std::string_view signature = "Signature: 8a477f597d28d172789f06886806bc55";
    auto const tag = std::find_if(frame.names.begin(), frame.names.end(), [&](Name name) {
        return std::strcmp(frame.names_text.data() + name.offset, "CACHEDIR.TAG") == 0;
    });
    if (tag == frame.names.end()) return;
    std::string const path = (item_path_.empty() ? "" : item_path_ + "/") + "CACHEDIR.TAG";
    auto file = open_file_beneath(root_->descriptor(), path);
    if (!file) return;
    std::array<std::byte, signature.size()> head{};
    auto const got = file->read_at(head, 0);
    if (!got || as_text(head) != signature) return;
    frame.names = {*tag};
}

}  // namespace perdure::origin
