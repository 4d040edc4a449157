#include "format/file_names.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/ascii.h"
#include "base/utf8.h"
#include "crypto/hash.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::size_t name_bytes_max = 120;

std::string mapped(std::string_view text, utf8proc_option_t options) {
    utf8proc_uint8_t* raw = nullptr;
    auto const length = utf8proc_map(reinterpret_cast<utf8proc_uint8_t const*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &raw, options);
    std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> const owned(raw, std::free);
    if (length < 0) return std::string(text);
    return {reinterpret_cast<char const*>(raw), static_cast<std::size_t>(length)};
}

bool is_ascii(std::string_view text) {
    for (char const c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
}

/// What two names must not have in common: their letters without case and composition.
std::string folded(std::string_view name) {
    if (is_ascii(name)) return ascii_lower(name);
    return mapped(name, static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD));
}

std::uint64_t hash_of(std::string_view path) {
    auto const digest = crypto::sha256(as_bytes(folded(path)));
    std::uint64_t hash = 0;
    std::memcpy(&hash, digest.bytes.data(), sizeof hash);
    return hash == 0 ? 1 : hash;
}

/// At most `bytes_max` bytes of whole characters.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) {
        --bytes_max;
    }
    return text.substr(0, bytes_max);
}

}  // namespace

std::string to_nfc(std::string_view text) {
    if (is_ascii(text)) return std::string(text);
    return mapped(repair_utf8(text),
                  static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
}

std::string FileNames::unique(std::string_view folder, std::string_view stem,
                              std::string_view extension, std::string_view mark) {
    auto const safe = safe_file_name(to_nfc(stem));
    auto const safe_mark = mark.empty() ? std::string() : safe_file_name(to_nfc(mark));
    std::string suffix;
    for (unsigned attempt = 0;; ++attempt) {
        if (attempt == 1 && safe_mark.empty()) continue;
        if (attempt == 1) suffix = fmt::format(" ({})", cut(safe_mark, 60));
        if (attempt > 1) {
            suffix = safe_mark.empty() ? fmt::format(" {}", attempt)
                                       : fmt::format(" ({}) {}", cut(safe_mark, 60), attempt);
        }
        auto const room = name_bytes_max - extension.size() - suffix.size();
        std::string name(cut(safe, room));
        while (name.ends_with(' ') || name.ends_with('.')) name.pop_back();
        if (name.empty()) name = "_";
        name += suffix;
        name += extension;
        auto path = folder.empty() ? name : fmt::format("{}/{}", folder, name);
        if (insert(hash_of(path))) return path;
    }
}

std::vector<std::uint64_t> FileNames::take_fresh() {
    return std::exchange(fresh_, {});
}

void FileNames::remember(std::uint64_t hash) {
    insert(hash);
    fresh_.clear();
}

bool FileNames::insert(std::uint64_t hash) {
    if (used_ * 2 >= slots_.size()) grow();
    auto const mask = slots_.size() - 1;
    for (auto at = hash & mask;; at = (at + 1) & mask) {
        if (slots_[at] == hash) return false;
        if (slots_[at] != 0) continue;
        slots_[at] = hash;
        ++used_;
        fresh_.push_back(hash);
        return true;
    }
}

void FileNames::grow() {
    auto const old =
        std::exchange(slots_, std::vector<std::uint64_t>(slots_.empty() ? 64 : slots_.size() * 2));
    auto const mask = slots_.size() - 1;
    for (auto const hash : old) {
        if (hash == 0) continue;
        auto at = hash & mask;
        while (slots_[at] != 0) at = (at + 1) & mask;
        slots_[at] = hash;
    }
}

std::vector<std::string> safe_unique_names(std::vector<std::string> const& names,
                                           std::string_view extension) {
    FileNames taken;
    std::vector<std::string> safe;
    for (auto const& name : names) safe.push_back(taken.unique("", name, extension, ""));
    return safe;
}

}  // namespace perdure::format
