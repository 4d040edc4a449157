#include "origin/origin.h"
#include "origin/sqlite/sqlite_origin.h"

namespace perdure::origin {
namespace {

Result<OriginKind const*> find_kind(SourceOptions const& source) {
    std::string known;
    for (OriginKind const& kind : origin_kinds()) {
        if (kind.type == source.type) return &kind;
        known += (known.empty() ? "" : ", ") + std::string(kind.type);
    }
    return fail(Fault::invalid,
                "source " + source.name + " has the unknown type \"" + source.type + "\"")
        .with_fix("use one of: " + known);
}

}  // namespace

Result<std::unique_ptr<Origin>> open_origin(SourceOptions const& options) {
    PD_TRY(OriginKind const* const kind, find_kind(options));
    return kind->open(options);
}

Result<std::unique_ptr<data::TreeTarget>> open_tree_target(SourceOptions const& source,
                                                           TargetOptions const& options) {
    PD_TRY(OriginKind const* const kind, find_kind(source));
    if (kind->open_tree_target == nullptr)
        return fail(Fault::unsupported, "a source of type " + source.type + " is no tree");
    return kind->open_tree_target(source, options);
}

Result<std::unique_ptr<data::RowTarget>> open_row_target(SourceOptions const& source,
                                                         TargetOptions const& options) {
    PD_TRY(OriginKind const* const kind, find_kind(source));
    if (kind->open_row_target == nullptr)
        return fail(Fault::unsupported, "a source of type " + source.type + " has no rows");
    return kind->open_row_target(source, options);
}

SourceOptions relocated(SourceOptions const& source, system::Path const& folder) {
    SourceOptions there = source;
    there.path = folder;
    if (source.type == "command") {  // what is put back is a file, not a program
        there.type = "files";
        there.exclude.clear();
    }
    auto const kind = find_kind(source);
    if (kind && (*kind)->shape == Shape::rows) {
        there.path = folder / source.path.filename();
        if (!source.media.empty()) there.media = folder / media_name(source);
    }
    return there;
}

}  // namespace perdure::origin
