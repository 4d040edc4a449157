#include "origin/discover/names.h"

#include <algorithm>
#include <cctype>

#include "base/ascii.h"

namespace perdure::origin {

namespace {

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0;
}

}  // namespace

std::vector<std::string> words_of(std::string_view name) {
    std::vector<std::string> words;
    std::string word;
    for (std::size_t at = 0; at < name.size(); ++at) {
        char const c = name[at];
        bool const starts =
            is_upper(c) && at > 0 &&
            (!is_upper(name[at - 1]) || (at + 1 < name.size() && is_lower(name[at + 1])));
        if ((!is_word(c) || starts) && !word.empty())
            words.push_back(std::move(word)), word.clear();
        if (is_word(c)) word += ascii_lower(c);
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

std::string singular(std::string word) {
    if (word == "people" || word == "persons") return "person";
    if (word == "media" || word == "news" || word == "series") return word;
    auto const ends = [&](std::string_view ending) { return word.ends_with(ending); };
    if (ends("ies") && word.size() > 4) return word.substr(0, word.size() - 3) + "y";
    if (ends("sses") || ends("xes") || ends("ches") || ends("shes")) {
        return word.substr(0, word.size() - 2);
    }
    if (ends("s") && !ends("ss") && !ends("us") && !ends("is") && word.size() > 2) word.pop_back();
    return word;
}

std::string plain(std::string_view name) {
    std::string out;
    for (auto const& word : words_of(name)) out += word;
    return out;
}

std::string record_type(std::string_view table) {
    auto words = words_of(table);
    if (words.empty()) return "record";
    words.back() = singular(std::move(words.back()));
    std::string out;
    for (auto const& word : words) out += (out.empty() ? "" : "_") + word;
    return out;
}

std::string shared_prefix(std::vector<std::string> const& columns) {
    if (columns.size() < 2) return {};
    auto const end = columns[0].find('_');
    if (end > 4) return {};  // no underline at all, or too much for a prefix
    std::string const prefix = columns[0].substr(0, end + 1);
    bool const all = std::ranges::all_of(
        columns, [&](auto const& name) { return name.starts_with(prefix) && name != prefix; });
    return all ? prefix : std::string();
}

std::string bare_column(std::string_view column, std::string_view table, std::string_view prefix) {
    if (!prefix.empty() && column.starts_with(prefix)) column.remove_prefix(prefix.size());
    std::string const name = plain(column), owner = plain(record_type(table));
    if (name.size() > owner.size() && name.starts_with(owner) && name != "username") {
        std::string const rest = name.substr(owner.size());
        if (rest == "name" || rest == "title" || rest == "id" || rest == "description" ||
            rest == "date")
            return rest;
    }
    return name;
}

std::string path_name(std::string const& name) {
    bool const word =
        !name.empty() && std::ranges::all_of(name, [](char c) { return is_word(c) || c == '_'; });
    if (word) return name;
    std::string quoted = "\"";
    for (char const c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
}

double rank_among(std::string_view name, std::initializer_list<std::string_view> best_first) {
    double const step = 0.4 / static_cast<double>(std::max<std::size_t>(best_first.size(), 1));
    double rank = 1;
    for (auto const candidate : best_first) {
        if (name == candidate) return rank;
        rank -= step;
    }
    return 0;
}

}  // namespace perdure::origin
