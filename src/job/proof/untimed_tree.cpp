#include "job/proof/untimed_tree.h"

#include <sys/stat.h>

#include "base/below.h"

namespace perdure::job {

namespace {

class UntimedTree final : public data::TreeReader {
public:
    UntimedTree(std::unique_ptr<data::TreeReader> reader, UntimedFolders const& folders)
        : reader_(std::move(reader)), folders_(folders) {}

    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        using Step = data::TreeItem::Step;
        PD_TRY(auto item, reader_->next(std::move(stop)));
        if (item && item->step == Step::leave) {
            path_ = path_.parent_path();
        } else if (item && item->step == Step::enter) {
            if (!item->entry.name.empty()) path_ /= item->entry.name;
            if (folders_.databases.contains(path_.string())) item->entry.modified = {};
        }
        return item;
    }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<data::TreeReader> reader_;
    UntimedFolders const& folders_;
    system::Path path_;
};

}  // namespace

UntimedFolders folders_of_databases(system::Path const& root,
                                    std::map<std::string, origin::SourceOptions> const& sources,
                                    Timestamp since) {
    UntimedFolders out;
    std::error_code error;
    auto const top = std::filesystem::canonical(root, error);
    if (root.empty() || error) return out;
    for (auto const& [name, source] : sources) {
        if (source.type != "sqlite") continue;
        // SQLite has its files beside the one that a link leads to.
        auto const database = std::filesystem::canonical(source.path, error);
        struct stat status{};
        bool const there = !error && ::stat(database.parent_path().c_str(), &status) == 0;
        if (!there || !is_below(database, top)) continue;
        Timestamp const changed{status.st_ctim.tv_sec,
                                static_cast<std::uint32_t>(status.st_ctim.tv_nsec)};
        if (changed < since) continue;
        auto const below = database.parent_path().lexically_relative(top);
        out.databases.emplace(below == "." ? "" : below.string(), database.filename().string());
    }
    return out;
}

std::unique_ptr<data::TreeReader> without_times(std::unique_ptr<data::TreeReader> reader,
                                                UntimedFolders const& folders) {
    return std::make_unique<UntimedTree>(std::move(reader), folders);
}

}  // namespace perdure::job
