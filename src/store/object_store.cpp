#include "store/object_store.h"

#include <fmt/core.h>

#include <algorithm>

namespace perdure::store {

namespace {

constexpr std::size_t name_characters_max = 200;

bool is_allowed(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool is_component(std::string_view part) {
    return !part.empty() && part.front() != '.' && std::ranges::all_of(part, is_allowed);
}

bool is_name(std::string_view name) {
    if (name.size() > name_characters_max) return false;
    for (;;) {
        auto const slash = name.find('/');
        if (!is_component(name.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        name.remove_prefix(slash + 1);
    }
}

}  // namespace

Result<void> check_name(ObjectName const& name) {
    if (is_name(name)) return {};
    return fail(Fault::invalid, fmt::format("\"{}\" is no object name", name.substr(0, 220)));
}

Result<Bytes> read_all(ObjectStore& store, ObjectName const& name, std::uint64_t max_bytes,
                       std::stop_token stop) {
    PD_TRY(ObjectInfo const info, store.head(name, stop));
    if (info.size_bytes > max_bytes) {
        return fail(Fault::exhausted, fmt::format("{} has {} bytes, more than the {} allowed", name,
                                                  info.size_bytes, max_bytes));
    }
    PD_TRY(Bytes bytes, store.read(name, 0, info.size_bytes, stop));
    // Stores are outside: one that returns another length than promised must not be believed.
    if (bytes.size() != info.size_bytes) {
        return fail(Fault::corrupt,
                    fmt::format("{} gave {} of {} bytes", name, bytes.size(), info.size_bytes));
    }
    return bytes;
}

}  // namespace perdure::store
