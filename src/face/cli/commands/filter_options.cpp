#include "face/cli/commands/filter_options.h"

namespace perdure::face {

Result<std::optional<Timestamp>> time_option(Arguments const& arguments, std::string const& name) {
    auto const text = arguments.value(name);
    if (text.empty()) return std::optional<Timestamp>();
    auto time = parse_time(text);
    if (!time) return Error(time.error()).within(name).with_code(2);
    return std::optional<Timestamp>(*time);
}

Result<data::RecordFilter> filter_of(Arguments const& arguments) {
    data::RecordFilter filter;
    filter.types = arguments.values("--type");
    filter.projects = arguments.values("--project");
    filter.categories = arguments.values("--category");
    filter.collections = arguments.values("--collection");
    filter.tags = arguments.values("--tag");
    filter.subjects = arguments.values("--subject");
    PD_TRY(filter.since, time_option(arguments, "--since"));
    PD_TRY(filter.until, time_option(arguments, "--until"));
    filter.where_text = arguments.value("--where");
    if (!filter.where_text.empty()) {
        auto where = data::Where::parse(filter.where_text);
        if (!where) return Error(where.error()).within("--where").with_code(2);
        filter.where = std::move(*where);
    }
    return filter;
}

}  // namespace perdure::face
