#include "format/text.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace perdure::format {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::size_t name_bytes_max = 120;

/// How many bytes the ill-formed start of `text` spans: a lead byte with as many of its trailing
/// bytes as could still have become a character.
std::size_t broken_length(std::string_view text) {
    std::size_t length = 1;
    auto const could_continue = [&](std::string_view part) {
        for (char const low : {'\x80', '\x90', '\xa0'}) {
            std::string candidate(part);
            while (candidate.size() < 4) {
                candidate += candidate.size() == 1 ? low : '\x80';
                if (is_utf8(candidate)) return true;
            }
        }
        return false;
    };
    while (length < std::min<std::size_t>(3, text.size()) &&
           could_continue(text.substr(0, length + 1))) {
        ++length;
    }
    return length;
}

bool reserved_dos_name(std::string const& name) {
    std::string stem = name.substr(0, name.find('.'));
    std::ranges::transform(stem, stem.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    static constexpr std::string_view reserved[] = {"CON", "PRN", "AUX", "NUL"};
    if (std::ranges::find(reserved, stem) != std::end(reserved)) return true;
    return stem.size() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")) &&
           stem[3] >= '0' && stem[3] <= '9';
}

}  // namespace

std::string repair_utf8(std::string_view text) {
    if (is_utf8(text)) return std::string(text);
    std::string repaired;
    while (!text.empty()) {
        if (auto const length = utf8_length(text); length > 0) {
            repaired.append(text, 0, length);
            text.remove_prefix(length);
        } else {
            repaired += replacement;
            text.remove_prefix(broken_length(text));
        }
    }
    return repaired;
}

std::string safe_file_name(std::string_view name) {
    auto const text = repair_utf8(name);
    std::string safe;
    for (std::size_t i = 0; i < text.size();) {
        auto const length = utf8_length(std::string_view(text).substr(i));
        if (safe.size() + length > name_bytes_max) break;
        auto const c = static_cast<unsigned char>(text[i]);
        bool const bad =
            c < 0x20 || c == 0x7f || std::string_view("/\\:*?\"<>|%").contains(text[i]);
        if (bad) {
            safe += '_';
        } else {
            safe.append(text, i, length);
        }
        i += length;
    }
    while (safe.ends_with('.') || safe.ends_with(' ')) safe.pop_back();
    while (safe.starts_with(' ')) safe.erase(0, 1);
    if (safe.empty() || safe.starts_with('.')) safe.insert(0, "_");
    if (reserved_dos_name(safe)) safe.insert(0, "_");
    // One sign too many by now; a second pass puts nothing in front.
    return safe.size() <= name_bytes_max ? safe : safe_file_name(safe);
}

}  // namespace perdure::format
