#include "store/own_names.h"

#include <algorithm>

namespace perdure::store {

namespace {

/// Hexadecimal digits, or several groups of them with one hyphen between: ids, hashes and numbers.
/// How many digits there are is for whoever reads the object to judge.
bool is_spelled_like_ours(std::string_view text) {
    bool group_open = false;
    for (char const c : text) {
        bool const digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!digit && (c != '-' || !group_open)) return false;
        group_open = digit;
    }
    return group_open;
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::string_view numbered[] = {"keyring/m/", "collect/"};
constexpr std::string_view named[] = {"keyring/s/", "keyring/a/", "pack/d/", "pack/m/", "index/",
                                      "snapshot/",  "fence/",     "lease/",  "pin/"};

}  // namespace

bool is_own_name(std::string_view name) {
    for (auto const prefix : numbered) {
        if (name.starts_with(prefix)) return is_number(name.substr(prefix.size()));
    }
    for (auto const prefix : named) {
        if (name.starts_with(prefix)) return is_spelled_like_ours(name.substr(prefix.size()));
    }
    return true;
}

}  // namespace perdure::store
