#include "service/recovery/selected_paths.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_word.h"
#include "job/source_options.h"

namespace perdure::service {

namespace {

/// Names that a typing error may have meant; more would take longer to compare than to read.
constexpr std::size_t near_names_max = 2000;

/// Looks which selectors of one source something fits.
class Fitting {
public:
    Fitting(repository::SourceSnapshot const& source, std::vector<data::Selector> const& selectors)
        : source_(source) {
        for (auto const& selector : selectors) {
            bool const path = selector.kind == data::Selector::Kind::path;
            if (path && selector.source == source.name) left_.push_back(&selector);
        }
    }
    bool done() const { return left_.empty(); }

    Result<void> take(std::string_view path) {
        std::erase_if(left_,
                      [&](auto const* selector) { return data::selects_path(*selector, path); });
        if (names_.size() < near_names_max) names_.emplace_back(path);
        // Nothing is left to look for: what follows need not be read.
        return done() ? Result<void>(fail(Fault::cancelled, "all were found")) : Result<void>{};
    }

    Error missing() const {
        auto const& selector = *left_.front();
        auto const near = selector.pattern ? std::string() : nearest_word(selector.path, names_);
        return fail(Fault::not_found,
                    fmt::format("\"{}\": nothing in the snapshot fits that", selector.text))
            .with_code(2)
            .with_fix(near.empty() ? fmt::format("perdure backup show SNAPSHOT --files tells what "
                                                 "{} holds",
                                                 source_.name)
                                   : fmt::format("did you mean \"{}/{}\"?", source_.name,
                                                 data::spell_path(near)));
    }

private:
    repository::SourceSnapshot const& source_;
    std::vector<data::Selector const*> left_;
    std::vector<std::string> names_;
};

}  // namespace

Result<void> check_selected_paths(repository::Repository& repository,
                                  repository::Snapshot const& snapshot,
                                  std::vector<data::Selector> const& selectors,
                                  std::stop_token stop) {
    for (auto const& source : snapshot.sources) {
        Fitting fitting(source, selectors);
        if (fitting.done()) continue;
        auto context = repository.read_context();
        auto const looked =
            source.rows
                ? repository::list_rows(
                      source,
                      [&](data::RowView const& row) {
                          return row.table == data::media_table ? fitting.take(as_text(row.key))
                                                                : Result<void>{};
                      },
                      context, stop)
                : repository::list_tree(
                      source, "",
                      [&](repository::Listed const& listed) { return fitting.take(listed.path); },
                      context, stop);
        if (fitting.done()) continue;
        if (!looked) return Error(looked.error());
        return fitting.missing();
    }
    return {};
}

}  // namespace perdure::service
