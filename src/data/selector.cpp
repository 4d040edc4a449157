#include "data/selector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest_word.h"
#include "base/utf8.h"
#include "data/entry.h"

namespace perdure::data {

namespace {

constexpr std::size_t selector_bytes_max = 64 << 10;

Error wrong(std::string_view text, std::string_view why) {
    return fail(Fault::invalid, fmt::format("\"{}\" selects nothing: {}", text, why))
        .with_code(2)
        .with_fix(
            "write SOURCE, SOURCE/PATH, SOURCE:TYPE or SOURCE:TYPE/ID, such as "
            "app/photos/**.jpg or app:memory/17");
}

bool is_pattern(std::string_view path) {
    for (std::size_t at = 0; at < path.size(); ++at) {
        if (path[at] == '\\') {
            ++at;
        } else if (path[at] == '*' || path[at] == '?') {
            return true;
        }
    }
    return false;
}

/// The byte that the \xHH at the beginning of `text` stands for.
std::optional<char> escaped_byte(std::string_view text) {
    if (!text.starts_with("\\x") || text.size() < 4) return std::nullopt;
    auto const byte = from_hex(text.substr(2, 2));
    return byte ? std::optional(static_cast<char>(byte->front())) : std::nullopt;
}

std::string without_backslashes(std::string_view path) {
    std::string out;
    for (std::size_t at = 0; at < path.size(); ++at) {
        if (auto const byte = escaped_byte(path.substr(at))) {
            out.push_back(*byte);
            at += 3;
            continue;
        }
        if (path[at] == '\\' && at + 1 < path.size()) ++at;
        out.push_back(path[at]);
    }
    return out;
}

Result<void> check_components(std::string_view text, std::string_view path) {
    while (true) {
        auto const cut = path.find('/');
        auto const part = path.substr(0, cut);
        if (auto const checked = check_component(part); !checked) {
            return wrong(text, fmt::format("\"{}\" is no name of a file", part));
        }
        if (cut == path.npos) return {};
        path.remove_prefix(cut + 1);
    }
}

Result<Selector> parse_path(Selector selector, std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty()) return selector;  // "app/" is all of it
    selector.kind = Selector::Kind::path;
    selector.pattern = is_pattern(path);
    selector.path = selector.pattern ? std::string(path) : without_backslashes(path);
    PD_CHECK(check_components(selector.text, selector.path));
    return selector;
}

/// "odd ""name""" → odd "name"; leaves `rest` behind the closing quote.
std::optional<std::string> take_quoted(std::string_view& rest) {
    std::string out;
    for (std::size_t at = 1; at < rest.size(); ++at) {
        if (rest[at] != '"') {
            out.push_back(rest[at]);
        } else if (at + 1 < rest.size() && rest[at + 1] == '"') {
            out.push_back(rest[at++]);
        } else {
            rest.remove_prefix(at + 1);
            return out;
        }
    }
    return std::nullopt;
}

Result<Selector> parse_type(Selector selector, std::string_view rest) {
    selector.kind = Selector::Kind::type;
    if (rest.starts_with('"')) {
        auto name = take_quoted(rest);
        if (!name) return wrong(selector.text, "the closing quote is missing");
        selector.type = std::move(*name);
        if (!rest.empty() && rest.front() != '/') {
            return wrong(selector.text, "after the quoted name only /ID may follow");
        }
    } else {
        auto const cut = std::min(rest.find('/'), rest.size());
        selector.type = rest.substr(0, cut);
        rest.remove_prefix(cut);
    }
    if (selector.type.empty()) return wrong(selector.text, "no type or table is named after \":\"");
    if (rest.empty()) return selector;
    selector.kind = Selector::Kind::record;
    selector.id = rest.substr(1);
    if (selector.id.empty()) return wrong(selector.text, "no key is named after \"/\"");
    return selector;
}

/// One sign of a pattern against one byte; `at` moves behind the sign.
bool sign_fits(std::string_view pattern, std::size_t& at, char byte) {
    if (auto const escaped = escaped_byte(pattern.substr(at))) {
        at += 4;
        return *escaped == byte;
    }
    char const sign = pattern[at++];
    if (sign == '?') return byte != '/';
    if (sign == '\\' && at < pattern.size()) return pattern[at++] == byte;
    return sign == byte;
}

/// The classic two-pointer match, with one place to go back to for "*" and one for "**": both
/// together cost at most pattern × path².
bool fits(std::string_view pattern, std::string_view path) {
    struct Back {
        std::size_t pattern, path;
        bool set = false, whole = false;  ///< whole: goes on behind a '/' only
    };
    Back one{}, deep{};
    std::size_t p = 0, s = 0;
    while (true) {
        if (pattern.substr(p, 2) == "**") {
            p += 2;
            // "a/**/b" fits "a/b" and "a/x/b", not "a/xb".
            bool const whole =
                p < pattern.size() && pattern[p] == '/' && (p == 2 || pattern[p - 3] == '/');
            if (whole) ++p;
            deep = {p, s, true, whole};
            one.set = false;
            continue;
        }
        if (p < pattern.size() && pattern[p] == '*') {
            one = {++p, s, true, false};
            continue;
        }
        if (p == pattern.size() && s == path.size()) return true;
        if (p < pattern.size() && s < path.size() && sign_fits(pattern, p, path[s])) {
            ++s;
            continue;
        }
        if (one.set && one.path < path.size() && path[one.path] != '/') {
            p = one.pattern;
            s = ++one.path;
        } else if (deep.set && deep.path < path.size()) {
            auto const next = deep.whole ? path.find('/', deep.path) : deep.path;
            if (next == path.npos) return false;
            p = deep.pattern;
            s = deep.path = next + 1;
            one.set = false;
        } else {
            return false;
        }
    }
}

std::string listed(std::vector<std::string> const& words) {
    constexpr std::size_t shown_max = 20;
    auto const shown = std::span(words).first(std::min(words.size(), shown_max));
    return fmt::format("{}{}", fmt::join(shown, ", "), words.size() > shown_max ? ", …" : "");
}

Error unknown(std::string_view text, std::string_view what, std::string const& name,
              std::vector<std::string> const& known) {
    auto const near = nearest_word(name, known);
    return fail(Fault::not_found, fmt::format("\"{}\": there is no {} \"{}\"", text, what, name))
        .with_code(2)
        .with_fix(near.empty() ? fmt::format("there is: {}", listed(known))
                               : fmt::format("did you mean \"{}\"?", near));
}

bool plain(std::string_view name) {
    return !name.empty() && name.find_first_of("/:\" \t\n") == name.npos;
}

}  // namespace

Result<Selector> parse_selector(std::string_view text) {
    Selector selector{.text = std::string(text)};
    if (text.size() > selector_bytes_max) {
        return wrong(text.substr(0, 60), "it is longer than 64 KiB");
    }
    if (text.find('\0') != text.npos) return wrong(selector.text, "it holds a NUL");
    auto const cut = std::min(text.find_first_of("/:"), text.size());
    selector.source = text.substr(0, cut);
    if (selector.source.empty()) return wrong(text, "it does not begin with a source");
    if (cut == text.size()) return selector;
    auto const rest = text.substr(cut + 1);
    return text[cut] == '/' ? parse_path(std::move(selector), rest)
                            : parse_type(std::move(selector), rest);
}

Result<std::vector<Selector>> parse_selectors(std::vector<std::string> const& texts) {
    std::vector<Selector> out;
    for (auto const& text : texts) {
        PD_TRY(auto selector, parse_selector(text));
        out.push_back(std::move(selector));
    }
    return out;
}

bool selects_path(Selector const& selector, std::string_view path) {
    if (selector.kind == Selector::Kind::whole) return true;
    if (selector.kind != Selector::Kind::path) return false;
    if (!selector.pattern) {
        return path == selector.path ||
               (path.starts_with(selector.path) && path.size() > selector.path.size() &&
                path[selector.path.size()] == '/');
    }
    while (true) {  // a folder that fits is taken with all below it
        if (fits(selector.path, path)) return true;
        auto const cut = path.rfind('/');
        if (cut == path.npos) return false;
        path = path.substr(0, cut);
    }
}

bool may_select_below(Selector const& selector, std::string_view path) {
    if (path.empty() || selects_path(selector, path)) {
        return selector.kind == Selector::Kind::whole || selector.kind == Selector::Kind::path;
    }
    if (selector.kind != Selector::Kind::path) return false;
    auto const signs = selector.pattern ? selector.path.find_first_of("*?\\") : std::string::npos;
    auto const fixed = std::string_view(selector.path).substr(0, signs);
    auto const folder = std::string(path) + "/";
    // Only the part before the first sign is compared: a walk may look too far, never too short.
    auto const common = std::min(fixed.size(), folder.size());
    bool const longer = selector.pattern || fixed.size() > path.size();
    return longer && fixed.substr(0, common) == std::string_view(folder).substr(0, common);
}

std::string spell_path(std::string_view path) {
    std::string out;
    for (char const c : path) {
        if (c == '\\' || c == '*' || c == '?') out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

std::string text_in_utf8(Selector const& selector) {
    if (selector.kind != Selector::Kind::path || is_utf8(selector.text)) return selector.text;
    std::string out;
    for (char const c : selector.text) {
        auto const byte = static_cast<unsigned char>(c);
        out += byte < 0x80 ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    }
    return out;
}

std::string spell_type(std::string_view source, std::string_view type) {
    if (plain(type)) return fmt::format("{}:{}", source, type);
    std::string quoted = "\"";
    for (char const c : type) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return fmt::format("{}:{}\"", source, quoted);
}

std::string spell_record(std::string_view source, std::string_view type, std::string_view id) {
    return fmt::format("{}/{}", spell_type(source, type), id);
}

Result<void> check_selectors(std::vector<Selector> const& selectors,
                             std::vector<Selectable> const& known) {
    std::vector<std::string> names;
    for (auto const& each : known) names.push_back(each.source);
    for (auto const& selector : selectors) {
        auto const source = std::ranges::find(known, selector.source, &Selectable::source);
        if (source == known.end()) {
            return unknown(selector.text, "source", selector.source, names);
        }
        if (selector.kind == Selector::Kind::whole || selector.kind == Selector::Kind::path) {
            continue;
        }
        if (!source->rows) {
            return fail(Fault::unsupported,
                        fmt::format("\"{}\": source \"{}\" holds files, not records", selector.text,
                                    selector.source))
                .with_code(2)
                .with_fix(fmt::format("write {0}/PATH, or a pattern such as {0}/**.jpg",
                                      selector.source));
        }
        if (std::ranges::find(source->types, selector.type) == source->types.end()) {
            return unknown(selector.text, "record type or table", selector.type, source->types);
        }
    }
    return {};
}

}  // namespace perdure::data
