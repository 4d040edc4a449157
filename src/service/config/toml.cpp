#include <algorithm>
#include <sstream>

#include "service/config/node.h"

// The only file that sees toml++ (its header takes seconds to compile).
#include <toml++/toml.h>

namespace perdure::service {
namespace {

constexpr int syntax_faults_max = 20;
constexpr int depth_max = 32;

Place place_of(toml::source_region const& region) {
    return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

template <typename T>
std::string spelled(T const& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

Node convert(toml::node const& from, int depth) {
    Node node;
    node.place = place_of(from.source());
    if (depth > depth_max) return node;
    if (auto const* table = from.as_table()) {
        for (auto const& [key, value] : *table) {
            node.members.push_back(
                {std::string(key.str()), place_of(key.source()), convert(value, depth + 1)});
        }
        std::ranges::stable_sort(node.members, [](Member const& a, Member const& b) {
            return std::pair(a.place.line, a.place.column) <
                   std::pair(b.place.line, b.place.column);
        });
    } else if (auto const* array = from.as_array()) {
        node.kind = Node::Kind::array;
        for (auto const& item : *array) node.items.push_back(convert(item, depth + 1));
    } else if (auto const* text = from.as_string()) {
        node.kind = Node::Kind::text;
        node.text = text->get();
    } else if (auto const* integer = from.as_integer()) {
        node.kind = Node::Kind::integer;
        node.integer = integer->get();
    } else if (auto const* real = from.as_floating_point()) {
        node.kind = Node::Kind::real;
        node.real = real->get();
    } else if (auto const* boolean = from.as_boolean()) {
        node.kind = Node::Kind::boolean;
        node.boolean = boolean->get();
    } else {
        node.kind = Node::Kind::time;
        if (auto const* date = from.as_date()) node.text = spelled(date->get());
        if (auto const* time = from.as_time()) node.text = spelled(time->get());
        if (auto const* both = from.as_date_time()) node.text = spelled(both->get());
    }
    return node;
}

std::string sentence(std::string_view description) {
    std::string out(description);
    for (std::string_view prefix : {"Error while parsing ", "Error parsing "}) {
        if (out.starts_with(prefix)) out = "cannot read " + out.substr(prefix.size());
    }
    return out;
}

/// Empties a line that does not parse. A broken header becomes one that parse_toml drops, so that
/// the keys below it are not taken for keys of the section above.
bool set_line_aside(std::vector<std::string>& lines, int line, int attempt) {
    if (line < 1 || line > static_cast<int>(lines.size())) return false;
    std::string& text = lines[static_cast<std::size_t>(line - 1)];
    auto const first = text.find_first_not_of(" \t");
    if (first == std::string::npos) return false;
    bool const header = text[first] == '[' && text.find('=') == std::string::npos;
    bool const again = text.starts_with("[\"broken line ");
    text = header && !again ? "[\"broken line " + std::to_string(attempt) + "\"]" : "";
    return true;
}

}  // namespace

Node const* Node::find(std::string const& key) const {
    for (auto const& member : members) {
        if (member.key == key) return &member.value;
    }
    return nullptr;
}

Node parse_toml(std::string const& text, std::vector<ConfigFault>& faults) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    for (int attempt = 0; attempt < syntax_faults_max; ++attempt) {
        std::string joined;
        for (auto const& line : lines) joined += line + '\n';
        try {
            Node root = convert(toml::parse(joined), 0);
            std::erase_if(root.members,
                          [](Member const& m) { return m.key.starts_with("broken line "); });
            return root;
        } catch (toml::parse_error const& error) {
            Place const place = place_of(error.source());
            faults.push_back({place, sentence(error.description()), ""});
            // An unterminated value is noticed on a later line than the one at fault.
            if (!set_line_aside(lines, place.line, attempt) &&
                !set_line_aside(lines, place.line - 1, attempt)) {
                return {};
            }
        }
    }
    return {};
}

}  // namespace perdure::service
