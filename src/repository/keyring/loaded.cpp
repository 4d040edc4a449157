#include "repository/keyring/loaded.h"

#include <algorithm>

namespace perdure::repository {

void Loaded::index() {
    std::vector<EntrySetPtr> sets = shards;
    for (auto const& [name, addition] : additions) {
        if (addition.set) sets.push_back(addition.set);
    }
    for (auto const& set : sets) {
        for (Tombstone const& tombstone : set->tombstones) {
            dead_.emplace(tombstone.handle, &tombstone);
        }
    }
    for (auto const& set : sets) {
        for (Entry const& entry : set->entries) {
            if (dead_.contains(entry.handle)) continue;
            if (live_.emplace(entry.handle, &entry).second) tokens_.emplace(entry.token, &entry);
        }
    }
    writers_ = manifest.body.writers;
    for (auto const& [name, addition] : additions) {
        for (Writer const& writer : addition.writers) {
            auto const same = [&](Writer const& each) {
                return each.pair.open == writer.pair.open;
            };
            if (std::ranges::none_of(writers_, same)) writers_.push_back(writer);
        }
    }
    std::ranges::stable_sort(
        writers_, [](Writer const& a, Writer const& b) { return a.pair.open < b.pair.open; });
}

Entry const* Loaded::find(Handle const& handle) const {
    auto const at = live_.find(handle);
    return at == live_.end() ? nullptr : at->second;
}

Tombstone const* Loaded::tombstone(Handle const& handle) const {
    auto const at = dead_.find(handle);
    return at == dead_.end() ? nullptr : at->second;
}

std::vector<Entry const*> Loaded::find(Token const& token) const {
    std::vector<Entry const*> found;
    auto const [first, last] = tokens_.equal_range(token);
    for (auto at = first; at != last; ++at) found.push_back(at->second);
    std::ranges::sort(found, {}, [](Entry const* entry) { return entry->handle; });
    return found;
}

}  // namespace perdure::repository
