#include "service/listing.h"

#include "repository/rows/read_blocks.h"

namespace perdure::service {
namespace {

constexpr std::size_t lines_max = 100'000;

Result<void> list_tables(repository::SourceSnapshot const& source, SourceContents& out,
                         repository::ReadContext& context, std::stop_token stop) {
    PD_TRY(auto const schema, repository::read_schema(source, context, stop));
    std::vector<std::uint64_t> counts(schema.tables.size());
    std::uint64_t media = 0;
    PD_CHECK(repository::list_rows(
        source,
        [&](data::RowView const& row) -> Result<void> {
            if (row.table == data::media_table) {
                media += row.key.empty() ? 0 : 1;  // the folder itself is no media file
            } else if (row.table < counts.size()) {
                ++counts[row.table];
            }
            return {};
        },
        context, stop));
    for (std::size_t i = 0; i < counts.size(); ++i) {
        out.lines.push_back({schema.tables[i].name, counts[i], std::nullopt, ""});
    }
    if (media > 0) out.lines.push_back({"(media files)", media, std::nullopt, ""});
    return {};
}

std::string remark_of(data::Entry const& entry) {
    if (entry.kind == data::EntryKind::symlink) return "-> " + entry.link_target;
    return entry.same_as.empty() ? "" : "same as " + entry.same_as;
}

Result<void> list_files(repository::SourceSnapshot const& source, bool all, SourceContents& out,
                        repository::ReadContext& context, std::stop_token stop) {
    return repository::list_tree(
        source, "",
        [&](repository::Listed const& listed) -> Result<void> {
            bool const top = listed.path.find('/') == std::string::npos;
            if (listed.path.empty() || (!top && !all)) return {};
            if (out.lines.size() >= lines_max) {
                ++out.left_out;
                return {};
            }
            out.lines.push_back(
                {listed.path, listed.entry.size, listed.entry.kind, remark_of(listed.entry)});
            return {};
        },
        context, std::move(stop));
}

}  // namespace

Result<std::vector<SourceContents>> list_contents(Workspace& workspace,
                                                  repository::Snapshot const& snapshot, bool all) {
    PD_TRY(auto* repository, workspace.repository());
    std::vector<SourceContents> out;
    for (auto const& source : snapshot.sources) {
        SourceContents contents;
        contents.name = source.name;
        contents.type = source.type;
        contents.location = source.location;
        contents.rows = source.rows;
        auto context = repository->read_context();
        if (source.rows) {
            PD_CHECK(list_tables(source, contents, context, workspace.stop()));
        } else {
            PD_CHECK(list_files(source, all, contents, context, workspace.stop()));
        }
        out.push_back(std::move(contents));
    }
    return out;
}

}  // namespace perdure::service
