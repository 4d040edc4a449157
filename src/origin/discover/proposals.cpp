#include "origin/discover/proposals.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/utf8.h"
#include "origin/files/exclude.h"

namespace perdure::origin {

namespace {

std::string counted(std::uint64_t count, std::string const& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

class Proposals {
public:
    explicit Proposals(Inventory& inventory) : inventory_(inventory) {}
    void run() {
        for (auto const& database : inventory_.databases) add_database(database);
        for (auto const& repository : inventory_.repositories) add_repository(repository);
        for (auto const& folder : inventory_.backups) {
            if (folder != inventory_.root && is_utf8(folder.string())) cover(folder, "/");
        }
        add_files();
    }

private:
    /// A name for a source that no other has: "app", "app-2"…
    std::string fresh_name(std::string const& wanted) {
        std::string base;
        for (char const c : ascii_lower(wanted)) {
            bool const plain =
                (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            base += plain ? c : '-';
        }
        while (base.starts_with('-')) base.erase(0, 1);
        if (base.empty()) base = "source";
        std::string name = base;
        for (int number = 2; !names_.insert(name).second; ++number) {
            name = base + "-" + std::to_string(number);
        }
        return name;
    }

    /// Leaves what another source protects out of the source of files.
    void cover(system::Path const& path, std::string const& ending = {}) {
        auto const& root = inventory_.root;
        covered_.push_back(literal_pattern(path.lexically_relative(root).string(), root.string()) +
                           ending);
    }

    void add_database(FoundDatabase const& database) {
        if (!database.trouble.empty()) {
            inventory_.not_covered.push_back(
                {database.path, "looks like a SQLite database but cannot be read as one (" +
                                    database.trouble + "); it is kept as a plain file"});
            return;
        }
        if (!is_utf8(database.path.string())) {
            inventory_.not_covered.push_back(
                {database.path,
                 "its name is no UTF-8, which perdure.toml cannot hold: it is kept "
                 "as a plain file only; rename it, or name a link to it"});
            ++unspelled_;
            return;
        }
        ProposedSource source;
        source.options.name = fresh_name(database.path.stem().string());
        source.options.type = "sqlite";
        source.options.path = database.path;
        auto const media = is_utf8(database.media.string()) ? database.media : system::Path();
        source.options.media = media;
        source.options.mapping = database.mapping;
        bool const cache = database.path.string().find("cache") != std::string::npos;
        source.confidence = cache ? 0.5 : database.tables == 0 ? 0.6 : 0.95;
        source.reason = counted(database.tables, "table") + ", " + counted(database.rows, "row") +
                        (cache ? "; named like a cache" : "");
        inventory_.proposed.push_back(std::move(source));
        cover(database.path);
        for (char const* side : {"-wal", "-shm", "-journal"}) cover(database.path, side);
        if (!media.empty()) cover(media, "/");
    }

    void add_repository(FoundRepository const& repository) {
        if (!is_utf8(repository.path.string())) {
            inventory_.not_covered.push_back(
                {repository.path,
                 "its name is no UTF-8, which perdure.toml cannot hold: it is "
                 "kept as plain files only; rename it, or name a link to it"});
            ++unspelled_;
            return;
        }
        ProposedSource source;
        source.options.name = fresh_name(repository.path.stem().string());
        source.options.type = "git";
        // Where databases lie in the work tree, git must not copy them as files while they are
        // written: then the history alone is its source and the work tree is files.
        bool const with_databases =
            std::ranges::any_of(inventory_.databases, [&](FoundDatabase const& database) {
                return database.path.string().starts_with(repository.path.string() + "/");
            });
        bool const history_only = !repository.bare && with_databases;
        source.options.path = history_only ? repository.path / ".git" : repository.path;
        source.confidence = 0.9;
        source.reason = repository.bare ? "a bare git repository"
                        : history_only  ? "a git repository; its work tree holds databases and is "
                                          "among the files"
                                        : "a git repository with its work tree";
        if (source.options.path == inventory_.root) {
            all_covered_ = true;
        } else {
            cover(source.options.path, "/");
        }
        inventory_.proposed.push_back(std::move(source));
    }

    void add_files() {
        std::size_t const databases = static_cast<std::size_t>(std::ranges::count_if(
            inventory_.databases, [](auto const& d) { return d.trouble.empty(); }));
        std::set<system::Path> taken;
        for (auto const& database : inventory_.databases) taken.insert(database.media);
        bool const loose_media = std::ranges::any_of(
            inventory_.media,
            [&](FoundFolder const& folder) { return !taken.contains(folder.path); });
        bool const rest = !inventory_.configs.empty() || !inventory_.logs.empty() ||
                          !inventory_.others.empty() || !inventory_.certificates.empty() ||
                          loose_media || databases < inventory_.databases.size() || unspelled_ > 0;
        if (!rest || all_covered_) return;
        ProposedSource source;
        source.options.name = fresh_name(
            names_.contains("files") ? inventory_.root.filename().string() + "-files" : "files");
        source.options.type = "files";
        source.options.path = inventory_.root;
        source.options.exclude = covered_;
        source.confidence = 0.8;
        source.reason = "all other files: " + counted(inventory_.configs.size(), "configuration") +
                        ", " + counted(inventory_.certificates.size(), "certificate") + ", " +
                        counted(inventory_.logs.size(), "log") + ", " +
                        counted(inventory_.others.size(), "other");
        inventory_.proposed.push_back(std::move(source));
    }

    Inventory& inventory_;
    std::set<std::string> names_;
    bool all_covered_ = false;
    std::size_t unspelled_ = 0;  ///< databases and repositories without a source of their own
    std::vector<std::string> covered_;  ///< exclude patterns of the source of files
};

}  // namespace

void propose(Inventory& inventory) {
    Proposals(inventory).run();
}

}  // namespace perdure::origin
