#include "origin/files/files_origin.h"

#include "origin/files/digest.h"
#include "origin/files/reader.h"

namespace perdure::origin {
namespace {

class FilesOrigin final : public Origin {
public:
    explicit FilesOrigin(SourceOptions options) : options_(std::move(options)) {}

    Shape shape() const override { return Shape::tree; }

    Result<void> test(std::stop_token) override {
        PD_TRY(Walk walk, Walk::open(walk_options(options_)));
        PD_CHECK(walk.next());
        return {};
    }
    Result<std::unique_ptr<data::TreeReader>> open_tree(std::stop_token) override {
        return read_tree(walk_options(options_));
    }
    Result<std::unique_ptr<data::RowReader>> open_rows(std::stop_token) override {
        return fail(Fault::unsupported, "a tree of files has no rows");
    }
    Result<data::LogicalDigest> digest(std::stop_token stop) override {
        PD_TRY(auto reader, open_tree(stop));
        return digest_tree(*reader, stop);
    }
    Result<std::vector<data::Problem>> check(std::stop_token stop) override {
        PD_TRY(auto reader, open_tree(stop));
        return check_readable(*reader, stop);
    }

private:
    SourceOptions options_;
};

}  // namespace

Result<std::vector<data::Problem>> check_readable(data::TreeReader& reader, std::stop_token stop) {
    std::vector<data::Problem> problems;
    std::string path;
    Bytes buffer(256 << 10);
    for (;;) {
        PD_TRY(auto item, reader.next(stop));
        if (!item) break;
        if (item->step == data::TreeItem::Step::leave) {
            path.resize(path.empty() ? 0 : path.find_last_of('/', path.size() - 2) + 1);
            continue;
        }
        if (item->step == data::TreeItem::Step::enter) {
            if (!item->entry.name.empty()) path += item->entry.name + "/";
            continue;
        }
        if (!item->content || !item->entry.same_as.empty()) continue;
        auto source = item->content->open(stop);
        auto got = source ? (*source)->read(buffer) : Result<std::size_t>(source.error());
        while (got && *got > 0) got = (*source)->read(buffer);
        if (!got) problems.push_back({path + item->entry.name, got.error().message()});
    }
    for (data::Problem& problem : reader.take_problems()) problems.push_back(std::move(problem));
    return problems;
}

Result<std::unique_ptr<Origin>> open_files(SourceOptions const& options) {
    if (options.path.empty())
        return fail(Fault::invalid, "source " + options.name + " has no path");
    return std::make_unique<FilesOrigin>(options);
}

}  // namespace perdure::origin
