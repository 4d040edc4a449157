#include "service/config/settings.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "service/config/units.h"
#include "service/config/value_check.h"

namespace perdure::service {
namespace {

std::string join(std::string const& prefix, std::string_view word) {
    return prefix.empty() ? std::string(word) : prefix + "." + std::string(word);
}

/// The words that may stand below a pattern.
std::vector<std::string> words_below(std::string_view pattern) {
    std::vector<std::string> out;
    for (auto const& field : fields()) {
        std::string_view rest = field.path;
        if (!pattern.empty()) {
            if (!rest.starts_with(pattern) || rest.size() <= pattern.size() ||
                rest[pattern.size()] != '.') {
                continue;
            }
            rest.remove_prefix(pattern.size() + 1);
        }
        std::string word(rest.substr(0, rest.find('.')));
        if (std::ranges::find(out, word) == out.end()) out.push_back(word);
    }
    return out;
}

/// Every section in which a word is known, for "it belongs in [source.NAME]".
std::string home_of(std::string_view word) {
    for (auto const& field : fields()) {
        auto const dot = field.path.rfind('.');
        if (dot != std::string_view::npos && field.path.substr(dot + 1) == word) {
            return std::string(field.path.substr(0, dot));
        }
    }
    return {};
}

class Walk {
public:
    explicit Walk(Settings& out) : out_(out) {}

    void table(Node const& node, std::string const& pattern, std::string const& path) {
        for (auto const& member : node.members) this->member(member, pattern, path);
    }

private:
    void member(Member const& member, std::string const& pattern, std::string const& path) {
        std::string child = join(pattern, member.key);
        std::string const wild = join(pattern, "*");
        bool known = find_field(child) || is_section(child);
        if (!known && (find_field(wild) || is_section(wild))) {
            known = true;
            child = wild;
            if (!name_is_fit(member.key)) {
                return out_.add_fault(member.place, "\"" + member.key + "\" cannot be a name",
                                      "use letters, digits, '-', '_' and '.', at most 64");
            }
        }
        if (!known) return unknown(member, pattern, path);
        if (Field const* field = find_field(child)) return value(member, *field, path);
        if (member.value.kind != Node::Kind::table) {
            return out_.add_fault(member.place,
                                  "\"" + join(path, member.key) + "\" is a section, not a value",
                                  "write [" + join(path, member.key) + "]");
        }
        std::string const here = join(path, member.key);
        out_.sections.push_back({here, child, member.key, member.place});
        table(member.value, child, here);
    }

    void value(Member const& member, Field const& field, std::string const& path) {
        std::string const here = join(path, member.key);
        if (auto fault = check_value(field, member.value)) {
            if (fault->place.line == 0) fault->place = member.place;
            fault->message = here + ": " + fault->message;
            out_.faults.push_back(*fault);
            out_.troubled.insert(path);
            return;
        }
        if (field.type == FieldType::key && member.value.kind == Node::Kind::text) {
            out_.warnings.push_back(
                {member.place, here + ": the key itself stands in this file",
                 "put it into a file of mode 0600 and write key = { file = \"…\" }"});
        }
        if (auto const later = acts_later(field)) warn_later(*later, member.place, path);
        out_.values[here] = {&field, member.place, member.value};
    }

    /// Once a section: what is accepted but does nothing yet must not look as if it did.
    void warn_later(Unacted const& later, Place place, std::string const& path) {
        if (!warned_.insert(path).second) return;
        bool const all = path != "limits";
        out_.warnings.push_back({place,
                                 "[" + path + "] is kept, but " + (all ? "it" : "\"window\"") +
                                     " does nothing: " + std::string(later.why),
                                 std::string(later.instead)});
    }

    void unknown(Member const& member, std::string const& pattern, std::string const& path) {
        std::string const where = path.empty() ? "at the top" : "in [" + path + "]";
        std::string fix;
        if (auto near = nearest_word(member.key, words_below(pattern)); !near.empty()) {
            fix = "did you mean \"" + near + "\"?";
        } else if (auto home = home_of(member.key); !home.empty()) {
            fix = "it belongs in [" + home + "]";
        }
        out_.troubled.insert(path);
        out_.add_fault(member.place, "unknown key \"" + member.key + "\" " + where, fix);
    }

    Settings& out_;
    std::set<std::string> warned_;
};

void check_required(Settings& out, Node const& root) {
    for (auto const& field : fields()) {
        if (!field.required) continue;
        auto const dot = field.path.rfind('.');
        if (dot == std::string_view::npos) {
            if (!root.find(std::string(field.path))) {
                out.add_fault(
                    {1, 1}, "\"" + std::string(field.path) + "\" is missing",
                    "add: " + std::string(field.path) + " = " + std::string(field.example));
            }
            continue;
        }
        std::string const word(field.path.substr(dot + 1));
        for (auto const& section : out.sections_like(field.path.substr(0, dot))) {
            Node const* node = &root;
            for (auto const& step : split_words(section.path, '.')) {
                node = node ? node->find(step) : nullptr;
            }
            if (!node || node->find(word)) continue;
            bool const misspelled = std::ranges::any_of(node->members, [&](Member const& m) {
                return nearest_word(m.key, {word}) == word;
            });
            if (misspelled) continue;
            out.add_fault(section.place, "[" + section.path + "] lacks \"" + word + "\"",
                          "add: " + word + " = " + std::string(field.example));
        }
    }
}

/// The fallback as plain text: quotes taken off.
std::string plain(std::string_view fallback) {
    if (fallback.size() >= 2 && fallback.front() == '"') {
        fallback = fallback.substr(1, fallback.size() - 2);
    }
    return std::string(fallback);
}

}  // namespace

void Settings::add_fault(Place place, std::string message, std::string fix) {
    faults.push_back({place, std::move(message), std::move(fix)});
}

bool name_is_fit(std::string_view name) {
    return !name.empty() && name.size() <= 64 && name[0] != '.' && name[0] != '-' &&
           std::ranges::all_of(name, [](char c) {
               return is_ascii_alphanumeric(c) || c == '-' || c == '_' || c == '.';
           });
}

Setting const* Settings::find(std::string const& path) const {
    auto const found = values.find(path);
    return found == values.end() ? nullptr : &found->second;
}

std::vector<Section> Settings::sections_like(std::string_view pattern) const {
    std::vector<Section> out;
    for (auto const& section : sections) {
        if (section.pattern == pattern) out.push_back(section);
    }
    return out;
}

/// The row of a concrete path: the pattern whose words match, '*' matching any.
Field const* field_of(std::string const& path) {
    auto const words = split_words(path, '.');
    for (auto const& field : fields()) {
        auto const pattern = split_words(field.path, '.');
        bool const same = pattern.size() == words.size() &&
                          std::ranges::equal(pattern, words, [](auto const& p, auto const& w) {
                              return p == "*" || p == w;
                          });
        if (same) return &field;
    }
    return nullptr;
}

std::optional<std::string> Settings::text(std::string const& path) const {
    if (auto const* setting = find(path)) return setting->value.text;
    Field const* field = field_of(path);
    if (!field || field->fallback.empty()) return std::nullopt;
    return plain(field->fallback);
}

std::optional<std::uint64_t> Settings::integer(std::string const& path) const {
    if (auto const* setting = find(path)) return static_cast<std::uint64_t>(setting->value.integer);
    Field const* field = field_of(path);
    if (!field || field->fallback.empty()) return std::nullopt;
    std::uint64_t value = 0;
    std::from_chars(field->fallback.data(), field->fallback.data() + field->fallback.size(), value);
    return value;
}

std::optional<double> Settings::real(std::string const& path) const {
    auto const* setting = find(path);
    if (!setting) return std::nullopt;
    bool const whole = setting->value.kind == Node::Kind::integer;
    return whole ? static_cast<double>(setting->value.integer) : setting->value.real;
}

bool Settings::boolean(std::string const& path) const {
    if (auto const* setting = find(path)) return setting->value.boolean;
    Field const* field = field_of(path);
    return field && field->fallback == "true";
}

std::vector<std::string> Settings::list(std::string const& path) const {
    std::vector<std::string> out;
    if (auto const* setting = find(path)) {
        for (auto const& item : setting->value.items) out.push_back(item.text);
    }
    return out;
}

std::map<std::string, std::string> Settings::map(std::string const& path) const {
    std::map<std::string, std::string> out;
    if (auto const* setting = find(path)) {
        for (auto const& member : setting->value.members) out[member.key] = member.value.text;
    }
    return out;
}

Settings check_settings(Node const& root) {
    Settings out;
    Walk(out).table(root, "", "");
    check_required(out, root);
    return out;
}

}  // namespace perdure::service
