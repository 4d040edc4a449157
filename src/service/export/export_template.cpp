#include "service/export/export_template.h"

#include <algorithm>

#include "format/template/template_writer.h"
#include "system/folder/list_folder.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t template_bytes_max = 1 << 20;
constexpr std::string_view prefix = "template:";

Result<NamedTemplate> read_template(system::Path const& path) {
    auto bytes = system::read_file(path, template_bytes_max);
    if (!bytes) return Error(bytes.error()).within("the template " + path.string());
    return NamedTemplate{path.filename().string(), path.string(), to_string(*bytes)};
}

bool means(std::string_view word, std::string_view name) {
    return word == name || word == name.substr(0, name.find('.'));
}

}  // namespace

std::string template_from_anywhere(std::string const& format) {
    if (!format.starts_with(prefix)) return format;
    std::error_code ignored;
    auto const file = std::filesystem::absolute(format.substr(prefix.size()), ignored);
    return std::string(prefix) + file.lexically_normal().string();
}

std::vector<NamedTemplate> list_templates(system::Path const& config_folder) {
    std::vector<NamedTemplate> found;
    std::error_code ignored;
    for (auto const& file : system::list_folder(config_folder / "templates", ignored)) {
        if (!std::filesystem::is_regular_file(file, ignored)) continue;
        if (auto one = read_template(file)) found.push_back(std::move(*one));
    }
    std::ranges::sort(found, {}, &NamedTemplate::name);
    for (auto const& each : format::builtin_templates()) {
        found.push_back({std::string(each.name), "built in", std::string(each.text)});
    }
    return found;
}

Result<std::optional<NamedTemplate>> find_template(std::string_view format,
                                                   system::Path const& config_folder) {
    if (format.starts_with(prefix)) {
        auto one = read_template(system::Path(format.substr(prefix.size())));
        if (!one) return Error(one.error()).with_code(2);
        return std::optional(std::move(*one));
    }
    if (format::find_format(format)) return std::optional<NamedTemplate>();
    for (auto& each : list_templates(config_folder)) {
        if (means(format, each.name)) return std::optional(std::move(each));
    }
    return std::optional<NamedTemplate>();
}

}  // namespace perdure::service
