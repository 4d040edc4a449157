#include <algorithm>
#include <map>
#include <set>

#include "service/config/config.h"
#include "service/config/shown/hidden_words.h"

namespace perdure::service {
namespace {

std::string quoted(std::string const& text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string number(double value) {
    std::string text = std::to_string(value);
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text += '0';
    return text;
}

std::string spell(Node const& node) {
    switch (node.kind) {
        case Node::Kind::text:
            return quoted(node.text);
        case Node::Kind::time:
            return node.text;
        case Node::Kind::integer:
            return std::to_string(node.integer);
        case Node::Kind::real:
            return number(node.real);
        case Node::Kind::boolean:
            return node.boolean ? "true" : "false";
        case Node::Kind::array: {
            std::string out;
            for (auto const& item : node.items) out += (out.empty() ? "" : ", ") + spell(item);
            return "[" + out + "]";
        }
        case Node::Kind::table: {
            std::string out;
            for (auto const& m : node.members) {
                bool const bare = m.key.find_first_of(". :") == std::string::npos;
                out += (out.empty() ? "" : ", ") + (bare ? m.key : quoted(m.key)) + " = " +
                       spell(m.value);
            }
            return "{ " + out + " }";
        }
    }
    return {};
}

/// A reference to a secret may be shown; the secret itself never.
std::string shown(Setting const& setting) {
    bool const hide = setting.field->secret && setting.value.kind == Node::Kind::text;
    return hide ? std::string(redacted) : spell(without_secrets(setting.value));
}

/// The sections in which a field has a value or a fallback: those that are present, and sections
/// without a free name, which always are.
std::vector<std::string> homes(Settings const& settings, std::string_view pattern) {
    std::vector<std::string> out;
    for (auto const& section : settings.sections_like(pattern)) out.push_back(section.path);
    if (out.empty() && pattern.find('*') == std::string_view::npos) out.emplace_back(pattern);
    return out;
}

}  // namespace

std::vector<ShownValue> show_config(Config const& config, bool with_defaults) {
    std::vector<ShownValue> out;
    std::set<std::string> told;
    std::string const file = config.file.filename().string();
    auto const tell_set = [&](std::string const& path) {
        auto const* setting = config.settings.find(path);
        if (!setting || !told.insert(path).second) return false;
        out.push_back({path, shown(*setting), file + ":" + std::to_string(setting->place.line)});
        return true;
    };
    for (auto const& field : fields()) {
        auto const dot = field.path.rfind('.');
        if (dot == std::string_view::npos) {
            tell_set(std::string(field.path));
            continue;
        }
        std::string const word(field.path.substr(dot + 1));
        for (auto const& home : homes(config.settings, field.path.substr(0, dot))) {
            std::string const path = home + "." + word;
            if (tell_set(path)) continue;
            if (with_defaults && !field.fallback.empty() && word != "*" &&
                told.insert(path).second) {
                out.push_back({path, std::string(field.fallback), "default"});
            }
        }
    }
    for (auto const& [path, setting] : config.settings.values) tell_set(path);
    // Fields come in the order of their table, so those of several sections interleave: a section
    // stays together, where its first value stands.
    std::map<std::string, std::size_t> place;
    auto const section = [](ShownValue const& value) {
        return value.path.substr(0, value.path.rfind('.'));
    };
    for (auto const& value : out) place.emplace(section(value), place.size());
    std::ranges::stable_sort(out, {},
                             [&](ShownValue const& value) { return place.at(section(value)); });
    return out;
}

}  // namespace perdure::service
