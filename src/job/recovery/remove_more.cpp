// "The snapshot lacks it" means "it is new" only for what the snapshot looked at. It did not look
// at names that could not be read then, at what its own rules left out (they may be others today),
// and into file systems that were not there or not wanted: all that stays, and is told. Nor is new
// what a file system that takes "a" for "A" lists in other letters than the snapshot: it is that
// very file.
#include "job/recovery/remove_more.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/ascii.h"
#include "job/source_options.h"
#include "origin/merge/files/look_beneath.h"
#include "repository/tree/tree_walk.h"

namespace perdure::job {

namespace {

using Step = data::TreeItem::Step;
/// Paths as hashes: a false match only spares a file.
using Paths = std::unordered_set<std::size_t>;

std::size_t hash_of(std::string_view path) {
    return std::hash<std::string_view>{}(path);
}

/// Alike for paths that a file system may take for one another: what lies beyond ASCII, which each
/// folds in its own way, is passed over.
std::size_t hash_without_case(std::string_view path) {
    std::string text = ascii_lower(path);
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return hash_of(text);
}

Result<Paths> names_without_case(repository::Repository& repository,
                                 repository::SourceSnapshot const& source, std::stop_token stop) {
    Paths out;
    repository::TreeVisitor visitor;
    visitor.leaf = [&](std::string const& path, repository::TreeRecord&) -> Result<void> {
        out.insert(hash_without_case(path));
        return {};
    };
    auto context = repository.read_context();
    PD_CHECK(repository::walk_tree(source, context.blobs, context.domains.common(), visitor,
                                   std::move(stop)));
    return out;
}

/// What a snapshot holds, and where it did not look.
struct Known {
    Paths names;
    std::set<std::string, std::less<>> unread;  ///< names that could not be read
    std::set<std::string, std::less<>> mounts;  ///< other file systems of which it has nothing
};

Result<Known> known_to(repository::Repository& repository, repository::SourceSnapshot const& source,
                       std::stop_token stop) {
    Known out;
    if (source.problems_total > source.problems.size()) {
        return fail(Fault::conflict,
                    fmt::format("{} names could not be read when the snapshot was taken, and it "
                                "does not tell all of them, so what it lacks cannot be told from "
                                "what is new",
                                source.problems_total))
            .with_code(15)
            .with_fix("restore without --delete");
    }
    for (auto const& problem : source.problems) out.unread.insert(problem.path);
    struct Folder {
        std::uint64_t device = 0, names = 0;
        bool foreign = false;
    };
    std::vector<Folder> above;
    auto const met = [&](std::string const& path) {
        if (above.empty()) return;
        ++above.back().names;
        out.names.insert(hash_of(path));
    };
    repository::TreeVisitor visitor;
    visitor.enter = [&](std::string const& path, repository::TreeRecord& record) -> Result<bool> {
        met(path);
        bool const foreign = !above.empty() && above.back().device != record.entry.device;
        above.push_back({.device = record.entry.device, .foreign = foreign});
        return true;
    };
    visitor.leaf = [&](std::string const& path, repository::TreeRecord&) -> Result<void> {
        met(path);
        return {};
    };
    visitor.leave = [&](std::string const& path, data::Entry const&) -> Result<void> {
        if (above.back().foreign && above.back().names == 0) out.mounts.insert(path);
        above.pop_back();
        return {};
    };
    auto context = repository.read_context();
    PD_CHECK(repository::walk_tree(source, context.blobs, context.domains.common(), visitor,
                                   std::move(stop)));
    return out;
}

/// Every name of a live folder but the root and what a restore stages there.
Result<void> walk_live(origin::SourceOptions const& options, std::stop_token stop,
                       std::function<Result<void>(Step, std::string const&)> const& each) {
    PD_TRY(auto live, origin::open_origin(options));
    PD_TRY(auto reader, live->open_tree(stop));
    std::vector<std::size_t> lengths;  ///< of the paths of the folders above
    std::string path;
    while (true) {
        PD_TRY(auto const item, reader->next(stop));
        if (!item) return {};
        if (item->step == Step::leave) {
            if (!path.empty() && !path.starts_with(stage_name(""))) {
                PD_CHECK(each(Step::leave, path));
            }
            if (!lengths.empty()) {
                path.resize(lengths.back());
                lengths.pop_back();
            }
            continue;
        }
        if (item->step == Step::enter && item->entry.name.empty()) continue;
        auto const above = path.size();
        path += (path.empty() ? "" : "/") + item->entry.name;
        if (!path.starts_with(stage_name(""))) PD_CHECK(each(item->step, path));
        if (item->step == Step::enter) {
            lengths.push_back(above);
        } else {
            path.resize(above);
        }
    }
}

/// What the snapshot's own rules let it look at, of what is there now; nothing: it does not
/// remember them, so today's count.
Result<std::optional<Paths>> looked_at(repository::SourceSnapshot const& source,
                                       origin::SourceOptions const& target, std::stop_token stop) {
    auto const then = rules_then(source);
    if (!then) return std::optional<Paths>();
    auto options = target;
    options.exclude = then->exclude;
    options.one_file_system = then->one_file_system;
    options.exclude_caches = then->exclude_caches;
    Paths out;
    PD_CHECK(walk_live(options, std::move(stop), [&](Step step, std::string const& path) {
        if (step != Step::leave) out.insert(hash_of(path));
        return Result<void>{};
    }));
    return std::optional(std::move(out));
}

constexpr char const* unread_then = "could not be read when the snapshot was taken";
constexpr char const* left_out_then = "was left out when the snapshot was taken";
constexpr char const* mount_then =
    "was another file system when the snapshot was taken, which has nothing of it";
constexpr char const* in_other_letters =
    "is called in other letters than in the snapshot, which are the same name on this file system";

/// What a snapshot holds in other letters than the live folder, where these are one name.
class OtherLetters {
public:
    OtherLetters(system::File root, std::function<Result<Paths>()> names)
        : root_(std::move(root)), ask_(std::move(names)) {}
    Result<bool> hold(std::string const& path) {
        if (!origin::takes_other_letters(root_.descriptor(), path)) return false;
        if (!names_) {
            PD_TRY(names_, ask_());
        }
        return names_->contains(hash_without_case(path));
    }

private:
    system::File root_;
    std::function<Result<Paths>()> ask_;
    std::optional<Paths> names_;  ///< read when a file system makes it matter
};

class Removal {
public:
    Removal(RemoveRequest const& request, Known known, std::optional<Paths> looked,
            origin::TreeMerge& merge, OtherLetters other_letters)
        : request_(request),
          known_(std::move(known)),
          looked_(std::move(looked)),
          merge_(merge),
          other_letters_(std::move(other_letters)) {}

    Result<void> take(Step step, std::string const& path) {
        if (step == Step::leave) {
            if (inside_ == path) inside_.clear();
            return {};
        }
        if (step == Step::enter) {
            if (inside_.empty()) look_at_folder(path);
            return {};
        }
        if (known_.names.contains(hash_of(path)) || !request_.chosen(path)) return {};
        if (!inside_.empty()) {
            spare(inside_, path, why_);
        } else if (known_.unread.contains(path)) {
            spare(path, path, unread_then);
        } else if (looked_ && !looked_->contains(hash_of(path))) {
            spare(path.substr(0, path.rfind('/')), path, left_out_then);
        } else {
            PD_TRY(bool const known, other_letters_.hold(path));
            if (!known) return merge_.remove(path);
            spare(path.substr(0, path.rfind('/')), path, in_other_letters);
        }
        return {};
    }

    std::vector<data::Problem> spared() const {
        std::vector<data::Problem> out;
        for (auto const& [where, group] : spared_) {
            auto const& [place, why] = where;
            bool const one = group.count == 1;
            out.push_back({request_.source.name + "/" + (one ? group.first : place),
                           one ? fmt::format("{}: --delete leaves it", why)
                               : fmt::format("{} files stay, since this {}", group.count, why)});
        }
        return out;
    }

private:
    void look_at_folder(std::string const& path) {
        bool const unlooked =
            looked_ && !looked_->contains(hash_of(path)) && !known_.names.contains(hash_of(path));
        why_ = known_.unread.contains(path)   ? unread_then
               : known_.mounts.contains(path) ? mount_then
               : unlooked                     ? left_out_then
                                              : nullptr;
        if (why_ || request_.told.blocked_paths.contains(path)) inside_ = path;
    }
    /// Without a reason it has been told already.
    void spare(std::string const& place, std::string const& path, char const* why) {
        if (!why) return;
        auto& group = spared_[{place, why}];
        if (group.count++ == 0) group.first = path;
    }

    struct Group {
        std::uint64_t count = 0;
        std::string first;
    };
    RemoveRequest const& request_;
    Known known_;
    std::optional<Paths> looked_;
    origin::TreeMerge& merge_;
    OtherLetters other_letters_;
    std::string inside_;  ///< a folder that stays as it is with all below it
    char const* why_ = nullptr;
    std::map<std::pair<std::string, std::string>, Group> spared_;
};

}  // namespace

Result<std::vector<data::Problem>> remove_more(repository::Repository& repository,
                                               RemoveRequest const& request,
                                               origin::TreeMerge& merge, std::stop_token stop) {
    PD_TRY(auto known, known_to(repository, request.source, stop));
    PD_TRY(auto looked, looked_at(request.source, request.target, stop));
    PD_TRY(auto root, origin::open_root(request.target.path));
    OtherLetters other_letters(
        std::move(root), [&] { return names_without_case(repository, request.source, stop); });
    Removal removal(request, std::move(known), std::move(looked), merge, std::move(other_letters));
    PD_CHECK(walk_live(request.target, stop, [&](Step step, std::string const& path) {
        return removal.take(step, path);
    }));
    return removal.spared();
}

}  // namespace perdure::job
