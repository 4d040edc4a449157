#include "job/live_databases.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "origin/sqlite_magic.h"

namespace perdure::job {

namespace {

bool begins_with(system::Path const& file, std::string_view magic) {
    struct stat status{};
    if (::lstat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
    auto const opened = system::File::open_to_read(file);
    Bytes head(magic.size());
    if (!opened) return false;
    auto const got = opened->read_at(head, 0);
    return got && *got == head.size() && as_text(head) == magic;
}

class LiveDatabases final : public data::TreeReader {
public:
    LiveDatabases(std::unique_ptr<data::TreeReader> reader, system::Path root)
        : reader_(std::move(reader)), root_(std::move(root)) {}

    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        PD_TRY(auto item, reader_->next(std::move(stop)));
        if (item) follow(*item);
        return item;
    }
    std::vector<data::Problem> take_problems() override {
        auto out = reader_->take_problems();
        out.insert(out.end(), std::make_move_iterator(found_.begin()),
                   std::make_move_iterator(found_.end()));
        found_.clear();
        return out;
    }

private:
    void follow(data::TreeItem const& item) {
        using Step = data::TreeItem::Step;
        if (item.step == Step::leave) {
            folder_ = folder_.parent_path();
            open_ = std::move(above_.back());
            above_.pop_back();
        } else if (item.step == Step::enter) {
            if (!item.entry.name.empty()) folder_ /= item.entry.name;
            above_.push_back(std::exchange(open_, {}));
        } else if (item.entry.kind == data::EntryKind::file) {
            look_at(item.entry.name);
        }
    }

    /// In memcmp order whatever stands between a database and its log begins with its name: the
    /// names of which each begins the next one are enough to know whether it was in the tree.
    void look_at(std::string const& name) {
        while (!open_.empty() && !name.starts_with(open_.back())) open_.pop_back();
        for (std::string_view const side : {"-wal", "-journal"}) {
            if (!name.ends_with(side)) continue;
            auto const database = name.substr(0, name.size() - side.size());
            if (std::ranges::find(open_, database) != open_.end()) judge(database, name);
        }
        open_.push_back(name);
    }

    void judge(std::string const& database, std::string const& log) {
        auto const path = folder_ / database;
        if (path == told_ || !begins_with(root_ / path, origin::sqlite_database_magic)) return;
        bool const journal = log.ends_with("-journal");
        if (journal && !begins_with(root_ / folder_ / log, origin::sqlite_journal_magic)) return;
        told_ = path;
        found_.push_back({path.string(),
                          "is a SQLite database that is in use, or was left so by a crash (" + log +
                              " lies beside it): copied file by file it may be no whole one; "
                              "perdure source add NAME --type sqlite --path " +
                              (root_ / path).string() +
                              " keeps it whole, and its files out of here"});
    }

    std::unique_ptr<data::TreeReader> reader_;
    system::Path root_, folder_, told_;
    std::vector<std::string> open_;  ///< names of this folder, of which each begins the next
    std::vector<std::vector<std::string>> above_;
    std::vector<data::Problem> found_;
};

}  // namespace

std::unique_ptr<data::TreeReader> tell_live_databases(std::unique_ptr<data::TreeReader> reader,
                                                      system::Path root) {
    return std::make_unique<LiveDatabases>(std::move(reader), std::move(root));
}

}  // namespace perdure::job
