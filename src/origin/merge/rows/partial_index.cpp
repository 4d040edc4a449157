#include "origin/merge/rows/partial_index.h"

#include "origin/sqlite/handle.h"

namespace perdure::origin {

namespace {

bool is_word(char c) {
    bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80) != 0;
}

}  // namespace

std::string condition_of(std::string_view sql) {
    int depth = 0;
    for (std::size_t at = 0; at < sql.size();) {
        char const c = sql[at];
        auto const past = [&](std::string_view end, std::size_t from) {
            auto const found = sql.find(end, from);
            return found == sql.npos ? sql.size() : found + end.size();
        };
        if (c == '\'' || c == '"' || c == '`' || c == '[') {  // a doubled quote begins another one
            at = past(c == '[' ? "]" : std::string_view(&c, 1), at + 1);
        } else if (sql.substr(at, 2) == "--") {
            at = past("\n", at);
        } else if (sql.substr(at, 2) == "/*") {
            at = past("*/", at + 2);
        } else if (is_word(c)) {
            auto end = at;
            while (end < sql.size() && is_word(sql[end])) ++end;
            if (depth == 0 && same_name(sql.substr(at, end - at), "where")) {
                return std::string(sql.substr(end));
            }
            at = end;
        } else {
            depth += c == '(' ? 1 : (c == ')' ? -1 : 0);
            ++at;
        }
    }
    return {};
}

}  // namespace perdure::origin
