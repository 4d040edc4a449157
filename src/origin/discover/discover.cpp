// A walk that looks at names and first bytes, then at each database it met, and then puts together
// sources that cover everything which was found. What no source can protect is said, with the
// reason.
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/below.h"
#include "origin/discover/certificates.h"
#include "origin/discover/classify.h"
#include "origin/discover/inventory.h"
#include "origin/discover/names.h"
#include "origin/discover/proposals.h"
#include "origin/files/below.h"
#include "origin/files/walk.h"
#include "origin/git/work_trees.h"
#include "system/clock.h"

namespace perdure::origin {

namespace {

constexpr std::size_t head_bytes = 512;
constexpr std::size_t certificate_bytes_max = std::size_t{256} << 10;
constexpr std::size_t others_listed_max = 10'000;

class Discovery {
public:
    Discovery(system::Path root, std::stop_token stop) : stop_(std::move(stop)) {
        inventory_.root = std::move(root);
    }
    Result<Inventory> run();

private:
    Result<void> walk();
    void enter(Walk& walk, data::Entry const& entry);
    void leaf(std::string const& path, data::Entry const& entry);
    void file(std::string const& path, data::Entry const& entry);
    Bytes head_of(system::Path const& path, std::size_t bytes) const;
    bool holds_backups(system::Path const& folder) const;
    Result<void> inspect_databases();
    void find_media_folders();
    void find_loose_media();
    bool is_side_of_database(system::Path const& file) const;
    bool is_certificate(FoundFile& file);
    void look_at_work_tree(FoundFile const& file);
    void find_work_trees();
    std::vector<system::Path> media_candidates(system::Path const& database) const;
    system::Path full(std::string const& path) const {
        return path.empty() ? inventory_.root : inventory_.root / path;
    }

    std::stop_token stop_;
    Inventory inventory_;
    CertificateSearch certificates_;
    std::uint64_t device_ = 0;
    std::string repository_;  ///< inside a git repository: its path below the root
    struct Tally {
        std::uint64_t media = 0, media_bytes = 0, files = 0;
        std::uint64_t media_here = 0, bytes_here = 0;  ///< of media, none of below
    };
    std::map<std::string, Tally> folders_;  ///< counted with all below
};

Result<Inventory> Discovery::run() {
    struct stat status{};
    if (::stat(inventory_.root.c_str(), &status) != 0) {
        return system::error_from_errno(errno, "looking at " + inventory_.root.string());
    }
    if (S_ISDIR(status.st_mode)) {
        device_ = status.st_dev;
        PD_CHECK(walk());
    } else {
        data::Entry entry;
        entry.size = static_cast<std::uint64_t>(status.st_size);
        system::Path const place = inventory_.root;
        inventory_.root = place.parent_path();
        file(place.filename().string(), entry);
    }
    find_media_folders();
    PD_CHECK(inspect_databases());
    find_loose_media();
    find_work_trees();
    inventory_.certificates = certificates_.finish(system::real_clock().now());
    propose(inventory_);
    return std::move(inventory_);
}

Result<void> Discovery::walk() {
    PD_TRY(
        Walk tree,
        Walk::open({.folder = inventory_.root, .one_file_system = true, .exclude_caches = false}));
    for (;;) {
        if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(std::optional<data::TreeItem> item, tree.next());
        if (!item) break;
        if (item->step == data::TreeItem::Step::enter) enter(tree, item->entry);
        if (item->step == data::TreeItem::Step::leaf) leaf(tree.path(), item->entry);
    }
    for (auto& problem : tree.take_problems()) {
        inventory_.not_covered.push_back({full(problem.path), problem.reason});
    }
    return {};
}

void Discovery::enter(Walk& walk, data::Entry const& entry) {
    std::string const& path = walk.path();
    if (device_ != 0 && entry.device != device_ && entry.device != 0 && !path.empty()) {
        inventory_.not_covered.push_back({full(path),
                                          "another file system is mounted here; discover "
                                          "it on its own"});
    }
    system::Path const here = full(path);
    if (holds_backups(here)) {
        inventory_.backups.push_back(here);
        inventory_.not_covered.push_back(
            {here,
             "a repository of perdure: a further destination and perdure backup sync copy "
             "what it keeps"});
        return walk.skip_folder();
    }
    bool const is_git_folder = entry.name == ".git";
    bool const bare = !is_git_folder && system::exists(here / "HEAD") &&
                      system::exists(here / "objects") && system::exists(here / "refs");
    if (!is_git_folder && !bare) return;
    inventory_.repositories.push_back({is_git_folder ? here.parent_path() : here, bare, 0});
    walk.skip_folder();
}

void Discovery::leaf(std::string const& path, data::Entry const& entry) {
    switch (entry.kind) {
        case data::EntryKind::file:
            return file(path, entry);
        case data::EntryKind::symlink: {
            system::Path const target =
                (full(path).parent_path() / entry.link_target).lexically_normal();
            if (!is_below(target, inventory_.root)) {
                inventory_.not_covered.push_back(
                    {full(path), "the link is kept, but what it points to (" + entry.link_target +
                                     ") lies outside"});
            }
            if (inventory_.others.size() < others_listed_max)
                inventory_.others.push_back({full(path), 0, "a link to " + entry.link_target});
            return;
        }
        case data::EntryKind::socket:
            inventory_.not_covered.push_back({full(path), "a socket: its program makes it again"});
            return;
        default:
            return;
    }
}

Bytes Discovery::head_of(system::Path const& path, std::size_t bytes) const {
    Bytes head(bytes);
    auto const opened = system::File::open_to_read(path);
    auto const count = opened ? opened->read_at(head, 0) : Result<std::size_t>(std::size_t{0});
    head.resize(count ? *count : 0);
    return head;
}

/// By its config, which is there three times: docs/FORMAT.md.
bool Discovery::holds_backups(system::Path const& folder) const {
    std::error_code error;
    if (!std::filesystem::is_regular_file(folder / "config", error)) return false;
    Bytes const head = head_of(folder / "config", head_bytes);
    auto const has = [&](std::string_view magic) {
        return as_text(head).find(magic) != magic.npos;
    };
    return has("PD3C") && has("PDCF");
}

void Discovery::file(std::string const& path, data::Entry const& entry) {
    ++inventory_.files;
    inventory_.bytes += entry.size;
    system::Path const place = full(path);
    auto const found = classify(path, head_of(place, head_bytes));
    bool const is_media = found.kind == FileClass::media;
    for (std::string folder(split_path(path).parent);; folder = split_path(folder).parent) {
        auto& tally = folders_[folder];
        ++tally.files;
        tally.media += is_media ? 1 : 0;
        tally.media_bytes += is_media ? entry.size : 0;
        if (folder.empty()) break;
    }
    if (is_media) {
        auto& here = folders_[std::string(split_path(path).parent)];
        ++here.media_here;
        here.bytes_here += entry.size;
    }
    FoundFile file{place, entry.size, found.note};
    if (place.filename() == ".git") look_at_work_tree(file);
    switch (found.kind) {
        case FileClass::sqlite:
            inventory_.databases.push_back(
                {.path = place, .engine = "sqlite", .size_bytes = entry.size});
            return;
        case FileClass::certificate:
            if (entry.size <= certificate_bytes_max && is_certificate(file)) return;
            break;
        case FileClass::config:
            inventory_.configs.push_back(std::move(file));
            return;
        case FileClass::log:
            inventory_.logs.push_back(std::move(file));
            return;
        case FileClass::database_other:
            inventory_.not_covered.push_back({place.parent_path(), found.note});
            return;
        case FileClass::sqlite_side:
            // Only its name says so: "travel-journal" is somebody's file like any other.
            if (is_side_of_database(place)) return;
            break;
        case FileClass::media:
            return;
        case FileClass::other:
            break;
    }
    if (inventory_.others.size() < others_listed_max) inventory_.others.push_back(std::move(file));
}

/// The topmost folders that hold nearly nothing but media.
void Discovery::find_media_folders() {
    constexpr double share_min = 0.8;
    std::string last;
    for (auto const& [path, tally] : folders_) {
        if (path.empty() || tally.media == 0) continue;
        if (!last.empty() && path.starts_with(last + "/")) continue;
        double const share = static_cast<double>(tally.media) / static_cast<double>(tally.files);
        if (share < share_min) continue;
        last = path;
        inventory_.media.push_back({full(path), tally.media, tally.media_bytes});
    }
}

/// A linked work tree, or a submodule: what is committed lies elsewhere.
void Discovery::look_at_work_tree(FoundFile const& file) {
    auto const repository = repository_of_work_tree(file.path.parent_path());
    if (!repository || is_below(*repository, inventory_.root)) return;
    inventory_.not_covered.push_back(
        {file.path, "the work tree of a repository that lies in " + repository->string() +
                        ": what is committed is there; discover it on its own"});
}

void Discovery::find_work_trees() {
    for (auto const& repository : inventory_.repositories) {
        for (auto const& tree : work_trees_outside(repository.path)) {
            if (is_below(tree, inventory_.root)) continue;
            inventory_.not_covered.push_back(
                {tree, "a work tree of the repository " + repository.path.string() +
                           ": what is not committed there is no part of it; discover it on its "
                           "own"});
        }
    }
}

/// A key alone is noted as what it is: no certificate lists it.
bool Discovery::is_certificate(FoundFile& file) {
    Bytes const content = head_of(file.path, file.bytes);
    if (!certificates_.look_at(file.path, content)) return false;
    if (as_text(content).find("BEGIN CERTIFICATE") != std::string_view::npos) return true;
    bool const key = as_text(content).find("PRIVATE KEY-----") != std::string_view::npos;
    if (key) file.note = "private key";
    return !key;
}

/// In order of names the database comes before the files beside it.
bool Discovery::is_side_of_database(system::Path const& file) const {
    std::string const name = file.string();
    std::string const database = name.substr(0, name.rfind('-'));
    return std::ranges::any_of(inventory_.databases, [&](FoundDatabase const& each) {
        return each.path.string() == database;
    });
}

/// Media that lie among other things, or beside a database that does not name them: no folder of
/// media was made of those, and they must be part of some source all the same.
void Discovery::find_loose_media() {
    std::vector<system::Path> known;
    for (auto const& folder : inventory_.media) known.push_back(folder.path);
    for (auto const& database : inventory_.databases) {
        if (!database.media.empty()) known.push_back(database.media);
    }
    for (auto const& [path, tally] : folders_) {
        system::Path const folder = full(path);
        bool const met = std::ranges::any_of(
            known, [&](system::Path const& above) { return is_below(folder, above); });
        if (tally.media_here > 0 && !met)
            inventory_.media.push_back({folder, tally.media_here, tally.bytes_here});
    }
}

/// Folders that the paths in a database may start from: those with media, and folders beside it
/// that are named for it (for a database that was given as a single file).
std::vector<system::Path> Discovery::media_candidates(system::Path const& database) const {
    std::vector<system::Path> candidates;
    for (std::string const name :
         {"media", "uploads", "files", "photos", "images", "attachments", "assets", "storage"}) {
        auto const beside = database.parent_path() / name;
        if (std::error_code ignored; std::filesystem::is_directory(beside, ignored)) {
            candidates.push_back(beside);
        }
    }
    for (auto const& folder : inventory_.media) {
        if (std::ranges::find(candidates, folder.path) == candidates.end()) {
            candidates.push_back(folder.path);
        }
    }
    return candidates;
}

Result<void> Discovery::inspect_databases() {
    for (auto& database : inventory_.databases) {
        std::optional<FoundDatabase> best;
        std::string trouble;
        auto candidates = media_candidates(database.path);
        candidates.push_back({});  // without media
        for (auto const& media : candidates) {
            auto found = inspect_sqlite(database.path, media, stop_);
            if (!found) {
                if (found.error().fault() == Fault::cancelled) return found.error();
                trouble = found.error().message();
                break;
            }
            best = std::move(*found);
            if (!best->media.empty()) break;
        }
        bool const log = system::exists(database.path.string() + "-wal") ||
                         system::exists(database.path.string() + "-journal");
        if (best && trouble.empty()) {
            database = std::move(*best);
        } else {
            database.trouble = trouble;
        }
        database.live_log = log;
    }
    return {};
}

}  // namespace

Result<Inventory> discover(system::Path const& place, std::stop_token stop) {
    std::error_code failed;
    auto const absolute = std::filesystem::canonical(place, failed);
    if (failed) return system::error_from_errno(failed.value(), "looking at " + place.string());
    return Discovery(absolute, std::move(stop)).run();
}

}  // namespace perdure::origin
