#include "origin/merge/files/stage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>

#include "origin/files/content.h"
#include "origin/files/stat.h"
#include "origin/merge/files/differences.h"
#include "origin/merge/files/look_beneath.h"
#include "origin/origin.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

/// What a restore into a new folder names and passes over ends one in place: whoever put it here
/// would go on, and tell of nothing.
Result<void> ending(Result<void> done) {
    if (done || done.error().code() != 3) return done;
    return fail(Fault::exhausted, "beside what it would replace: " + done.error().message());
}

}  // namespace

Result<std::unique_ptr<FileStage>> FileStage::make(int root, system::Path const& path,
                                                   std::string name, std::string const& source) {
    PD_CHECK(system::step(system::Step::make_folder, name));
    if (::mkdirat(root, name.c_str(), 0700) != 0) {
        return system::error_from_errno(errno, "making " + name);
    }
    SourceOptions const files{.name = source, .type = "files"};
    auto folder = path / name;
    PD_TRY(auto target, open_tree_target(files, {.folder = folder, .overwrite = true}));
    return std::unique_ptr<FileStage>(
        new FileStage(root, std::move(folder), std::move(name), std::move(target)));
}

Result<std::uint64_t> FileStage::put(data::Entry const& entry, data::ByteSource& content) {
    auto const number = next();
    data::Entry loose = entry;  // what is locked could not be put in place
    loose.flags &= ~flags_that_lock;
    PD_CHECK(ending(target_->write_file(std::to_string(number), loose, content)));
    return number;
}

Result<std::uint64_t> FileStage::put_other(data::Entry const& entry) {
    auto const number = next();
    PD_CHECK(ending(target_->make_other(std::to_string(number), entry)));
    return number;
}

Result<std::uint64_t> FileStage::put_folder(data::Entry entry) {
    auto const number = next();
    auto const name = std::to_string(number);
    entry.mode |= 0700u;
    entry.flags &= ~flags_that_lock;
    PD_CHECK(ending(target_->make_folder(name, entry)));
    PD_CHECK(target_->finish_folder(name, entry));
    return number;
}

Result<std::unique_ptr<data::ByteSource>> FileStage::read(std::uint64_t number,
                                                          data::Entry const& entry) {
    auto const name = std::to_string(number);
    PD_TRY(auto copy, system::File::open_to_read(folder_ / name));
    return read_open_file(std::move(copy), name, entry.extents, entry.sparse);
}

Result<void> FileStage::drop(std::uint64_t number) {
    auto const name = name_ + "/" + std::to_string(number);
    PD_CHECK(system::step(system::Step::remove, name));
    if (::unlinkat(root_, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return system::error_from_errno(errno, "removing " + name);
}

std::optional<FileChange> FileStage::change(FileChange::Act act, std::string const& path,
                                            std::uint64_t number) const {
    struct stat status{};
    auto const name = name_ + "/" + std::to_string(number);
    if (::fstatat(root_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    FileChange change{.act = act, .path = path, .number = number};
    change.inode = status.st_ino;
    change.size = static_cast<std::uint64_t>(status.st_size);
    change.modified = modified_of(status);
    return change;
}

std::string FileStage::lacks(std::uint64_t number, data::Entry const& entry) const {
    struct stat status{};
    auto const name = name_ + "/" + std::to_string(number);
    if (::fstatat(root_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return "could not be made by this user, or on this file system";
    std::set<std::string> other;
    for (auto const& field : metadata_differences(root_, name, entry, status))
        other.insert(field.name);
    if (status.st_uid != entry.uid || status.st_gid != entry.gid) other.insert("owner");
    // Not every file system counts nanoseconds; FAT counts two seconds.
    auto const off = modified_of(status).seconds - entry.modified.seconds;
    if (std::abs(off) > 2) other.insert("time");
    if (other.empty()) return {};
    return fmt::format("came back with another {}, which could not be set", fmt::join(other, ", "));
}

Result<void> FileStage::settle() {
    PD_CHECK(system::step(system::Step::sync, name_));
    if (::syncfs(root_) == 0) return {};
    return system::error_from_errno(errno, "bringing the staged files to the disk");
}

}  // namespace perdure::origin
