#include "job/report/verify_restored.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "origin/files/below.h"
#include "origin/files/stat.h"
#include "origin/files/xattr.h"
#include "repository/tree/tree_walk.h"

namespace perdure::job {

namespace {

constexpr std::size_t faults_max = 10'000;

std::string_view kind_name(data::EntryKind kind) {
    constexpr std::string_view names[] = {
        "?",      "folder",           "file",        "symbolic link", "fifo",
        "socket", "character device", "block device"};
    auto const at = static_cast<std::size_t>(kind);
    return at < std::size(names) ? names[at] : names[0];
}

class TreeCheck {
public:
    TreeCheck(RestoredCheck& out, std::string source, system::File root, Remap const& remap)
        : out_(out), source_(std::move(source)), root_(std::move(root)), remap_(remap) {}

    Result<void> take(std::string const& stored, repository::TreeRecord const& record) {
        std::string const path = remap_.paths.apply(stored);
        if (path.empty() && !stored.empty()) return {};
        data::Entry expected = record.entry;
        remap_.owners.apply(expected);
        if (expected.kind == data::EntryKind::symlink) {
            expected.link_target = remap_.paths.apply_link(expected.link_target);
        }
        ++out_.checked;
        auto const split = origin::split_path(path);
        PD_CHECK(open_parent(std::string(split.parent)));
        std::string const name(split.name);
        struct statx status{};
        int const failed = parent_.is_open()
                               ? origin::stat_at(parent_.descriptor(), name.c_str(), status)
                               : ENOENT;
        if (failed != 0) {
            note(path, "missing", std::string(kind_name(expected.kind)), "nothing");
            return {};
        }
        compare(path, name, expected, origin::entry_from(status));
        return {};
    }

private:
    Result<void> open_parent(std::string const& parent) {
        if (parent_.is_open() && parent == parent_path_) return {};
        int const descriptor =
            origin::open_beneath(root_.descriptor(), parent, O_RDONLY | O_DIRECTORY);
        parent_ = descriptor < 0 ? system::File() : system::File(descriptor);
        parent_path_ = parent;
        return {};
    }

    void note(std::string const& path, std::string property, std::string expected,
              std::string found) {
        ++out_.faults_total;
        if (out_.faults.size() >= faults_max) return;
        out_.faults.push_back(
            {source_, path, std::move(property), std::move(expected), std::move(found)});
    }

    void compare(std::string const& path, std::string const& name, data::Entry const& expected,
                 data::Entry const& found) {
        if (expected.kind != found.kind) {
            note(path, "kind", std::string(kind_name(expected.kind)),
                 std::string(kind_name(found.kind)));
            return;
        }
        bool const link = expected.kind == data::EntryKind::symlink;
        if (!link && expected.mode != found.mode) {
            note(path, "mode", fmt::format("{:04o}", expected.mode),
                 fmt::format("{:04o}", found.mode));
        }
        if (expected.uid != found.uid) {
            note(path, "owner", std::to_string(expected.uid), std::to_string(found.uid));
        }
        if (expected.gid != found.gid) {
            note(path, "group", std::to_string(expected.gid), std::to_string(found.gid));
        }
        if (expected.kind == data::EntryKind::file && expected.size != found.size) {
            note(path, "size", std::to_string(expected.size), std::to_string(found.size));
        }
        if (link) {
            std::string target;
            origin::read_link_at(parent_.descriptor(), name.c_str(), target);
            if (target != expected.link_target) {
                note(path, "link target", expected.link_target, target);
            }
        }
        std::vector<data::Xattr> attributes;
        origin::read_xattrs(parent_.descriptor(), name.c_str(), attributes);
        compare_attributes(path, expected.xattrs, attributes);
    }

    void compare_attributes(std::string const& path, std::vector<data::Xattr> const& expected,
                            std::vector<data::Xattr> const& found) {
        auto const words = [](std::string const& name) {
            return name.starts_with("system.posix_acl") ? "access list" : "attribute " + name;
        };
        for (auto const& attribute : expected) {
            auto const at = std::ranges::find(found, attribute.name, &data::Xattr::name);
            bool const same = at != found.end() && at->value == attribute.value;
            if (same) continue;
            note(path, words(attribute.name), to_hex(attribute.value).substr(0, 200),
                 at == found.end() ? "none" : to_hex(at->value).substr(0, 200));
        }
        for (auto const& attribute : found) {
            if (std::ranges::find(expected, attribute.name, &data::Xattr::name) == expected.end()) {
                note(path, words(attribute.name), "none", to_hex(attribute.value).substr(0, 200));
            }
        }
    }

    RestoredCheck& out_;
    std::string source_;
    system::File root_, parent_;
    std::string parent_path_;
    Remap const& remap_;
};

}  // namespace

Result<RestoredCheck> verify_restored(repository::Repository& repository,
                                      repository::Snapshot const& snapshot,
                                      system::Path const& folder, Remap const& remap,
                                      std::stop_token stop) {
    RestoredCheck out;
    auto const common = repository.domains().common();
    for (auto const& source : snapshot.sources) {
        if (source.rows) {
            out.passed_over.push_back(source.name);
            continue;
        }
        PD_CHECK(data::check_component(source.name));
        PD_TRY(auto root, system::File::open_to_read(folder / source.name));
        TreeCheck check(out, source.name, std::move(root), remap);
        repository::TreeVisitor visitor;
        visitor.enter = [&](std::string const& path,
                            repository::TreeRecord& record) -> Result<bool> {
            PD_CHECK(check.take(path, record));
            return true;
        };
        visitor.leaf = [&](std::string const& path, repository::TreeRecord& record) {
            return check.take(path, record);
        };
        PD_CHECK(repository::walk_tree(source, repository.blobs(), common, visitor, stop));
    }
    return out;
}

}  // namespace perdure::job
