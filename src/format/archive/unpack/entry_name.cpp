#include "format/archive/unpack/entry_name.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/utf8.h"

namespace perdure::format {

namespace {

constexpr std::size_t name_max = 1024, parts_max = 16;

std::string shown(std::string_view name) {
    std::string out;
    for (auto const c : name.substr(0, 200)) {
        auto const byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
    }
    return out;
}

Error refused(std::string_view name, std::string_view why) {
    return fail(Fault::denied,
                fmt::format("the archive holds a file named \"{}\": {}", shown(name), why));
}

bool has_drive(std::string_view name) {
    auto const letter = name.empty() ? ' ' : static_cast<char>(name[0] | 0x20);
    return name.size() > 1 && name[1] == ':' && letter >= 'a' && letter <= 'z';
}

}  // namespace

Result<std::string> checked_name(std::string_view name) {
    if (name.size() > name_max) return refused(name, "too long");
    if (!is_utf8(name)) return refused(name, "no UTF-8");
    if (name.starts_with('/')) return refused(name, "an absolute path");
    if (has_drive(name)) return refused(name, "a path on a drive");
    for (auto const c : name) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '\\') return refused(name, "a backslash, which some systems take for a slash");
        if (byte < 0x20 || byte == 0x7f) return refused(name, "a control character");
    }
    std::string out;
    std::size_t parts = 0;
    while (!name.empty()) {
        auto const part = name.substr(0, name.find('/'));
        name.remove_prefix(std::min(part.size() + 1, name.size()));
        if (part == "..") return refused(part, "it leads outside");
        if (part.empty() || part == ".") continue;
        if (++parts > parts_max) return refused(out, "too deep");
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

std::string folded_name(std::string_view name) {
    utf8proc_uint8_t* folded = nullptr;
    auto const size = utf8proc_map(
        reinterpret_cast<utf8proc_uint8_t const*>(name.data()),
        static_cast<utf8proc_ssize_t>(name.size()), &folded,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                       UTF8PROC_CASEFOLD | UTF8PROC_IGNORE));
    if (size < 0) return std::string(name);
    std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> const owner(folded, std::free);
    return {reinterpret_cast<char const*>(folded), static_cast<std::size_t>(size)};
}

Result<void> NameCollisions::add(std::string const& name) {
    auto const [found, fresh] = seen_.emplace(folded_name(name), name);
    if (fresh) return {};
    if (found->second == name) return refused(name, "it stands there twice");
    return refused(name,
                   fmt::format("on some systems it is the same as \"{}\"", shown(found->second)));
}

}  // namespace perdure::format
