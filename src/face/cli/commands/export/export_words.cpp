#include "face/cli/commands/export/export_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_word.h"
#include "face/cli/commands/export/export_choices.h"
#include "service/config/config.h"

namespace perdure::face {
namespace {

using service::Node;

std::string spell(Node const& value) {
    switch (value.kind) {
        case Node::Kind::integer:
            return std::to_string(value.integer);
        case Node::Kind::real:
            return fmt::format("{}", value.real);
        default:
            return value.text;
    }
}

void add_words(std::vector<std::string>& words, std::string const& option, Node const& value,
               system::Path const& folder) {
    if (value.kind == Node::Kind::boolean) {
        if (value.boolean) words.push_back(option);
    } else if (value.kind == Node::Kind::array) {
        for (auto const& item : value.items) add_words(words, option, item, folder);
    } else if (option == "--output" || names_a_file(option, spell(value))) {
        words.push_back(option + "=" + (folder / spell(value)).string());
    } else {
        words.push_back(option + "=" + spell(value));
    }
}

std::string option_of(std::string const& key) {
    std::string option = "--" + key;
    std::ranges::replace(option, '_', '-');
    return option;
}

}  // namespace

system::Path absolute_output(std::string const& name) {
    std::error_code ignored;
    auto path = std::filesystem::absolute(name, ignored).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

std::vector<std::string> option_words(Node const& table, system::Path const& folder) {
    std::vector<std::string> words;
    for (auto const& member : table.members) {
        add_words(words, option_of(member.key), member.value, folder);
    }
    return words;
}

Result<Arguments> with_profile(Invocation const& in) {
    Arguments arguments = in.arguments();
    auto const name = arguments.value("--profile");
    if (name.empty()) return arguments;
    PD_TRY(auto const config, service::load_config(in.config_file()));
    std::vector<std::string> words = {"export"}, known;
    auto const sections = config.settings.sections_like("export.*");
    for (auto const& section : sections) known.push_back(section.name);
    if (std::ranges::find(known, name) == known.end()) {
        auto const near = nearest_word(name, known);
        return fail(Fault::invalid, fmt::format("there is no profile \"{}\"", name))
            .with_code(2)
            .with_fix(near.empty() ? fmt::format("add [export.{}] to {}", name,
                                                 config.file.filename().string())
                                   : fmt::format("did you mean \"{}\"?", near));
    }
    auto const prefix = "export." + name + ".";
    for (auto const& [path, setting] : config.settings.values) {
        if (!path.starts_with(prefix)) continue;
        add_words(words, option_of(path.substr(prefix.size())), setting.value, config.folder);
    }
    PD_TRY(auto const saved, parse_arguments(words));
    for (auto const& [option, values] : saved.options)
        arguments.options.try_emplace(option, values);
    return arguments;
}

}  // namespace perdure::face
