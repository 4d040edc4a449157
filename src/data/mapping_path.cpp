#include "data/mapping_path.h"

#include <fmt/format.h>

#include <optional>

namespace perdure::data {

namespace {

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool take(std::string_view sign) {
        skip_space();
        if (!text_.substr(at_).starts_with(sign)) return false;
        at_ += sign.size();
        return true;
    }
    std::optional<std::string> name() {
        skip_space();
        if (at_ < text_.size() && text_[at_] == '"') return quoted();
        auto const start = at_;
        // "->" ends a name although '-' may stand in one.
        while (at_ < text_.size() && is_name(text_[at_]) && !text_.substr(at_).starts_with("->")) {
            ++at_;
        }
        auto const found = text_.substr(start, at_ - start);
        if (found.empty()) return std::nullopt;
        return std::string(found);
    }
    bool done() {
        skip_space();
        return at_ == text_.size();
    }

private:
    static bool is_name(char c) {
        return std::string_view(" \t.,()\"").find(c) == std::string_view::npos && c != '>';
    }
    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }
    std::optional<std::string> quoted() {
        std::string found;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] != '"') {
                found.push_back(text_[at_]);
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
                found.push_back('"');
                ++at_;
            } else {
                ++at_;
                return found;
            }
        }
        return std::nullopt;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// "TABLE.COLUMN" after an arrow.
bool target(Scanner& in, MappingPath& path) {
    auto table = in.name();
    if (!table || !in.take(".")) return false;
    auto value = in.name();
    if (!value) return false;
    path.table = std::move(*table);
    path.value = std::move(*value);
    return true;
}

bool after_parenthesis(Scanner& in, std::string first, MappingPath& path) {
    auto here = in.name();
    if (!here) return false;
    if (in.take(")")) {
        path.kind = MappingPath::Kind::children;
        path.table = std::move(first);
        path.children_key = std::move(*here);
        if (!in.take(".")) return false;
        auto value = in.name();
        if (!value) return false;
        path.value = std::move(*value);
        return true;
    }
    path.kind = MappingPath::Kind::link;
    path.link_table = std::move(first);
    path.link_here = std::move(*here);
    if (!in.take(",")) return false;
    auto there = in.name();
    if (!there || !in.take(")") || !in.take("->")) return false;
    path.link_there = std::move(*there);
    return target(in, path);
}

bool parse(Scanner& in, MappingPath& path) {
    auto first = in.name();
    if (!first) return false;
    if (in.take("(")) return after_parenthesis(in, std::move(*first), path);
    path.column = std::move(*first);
    if (!in.take("->")) return true;
    path.kind = MappingPath::Kind::lookup;
    return target(in, path);
}

}  // namespace

Result<MappingPath> parse_mapping_path(std::string const& text) {
    Scanner in(text);
    MappingPath path;
    if (parse(in, path) && in.done()) return path;
    return fail(Fault::invalid, fmt::format("\"{}\" is no mapping path", text))
        .with_fix(
            "write COLUMN, KEY -> TABLE.COLUMN, LINK(HERE, THERE) -> TABLE.COLUMN or "
            "TABLE(HERE).COLUMN");
}

}  // namespace perdure::data
