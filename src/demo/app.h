#pragma once

#include <stop_token>
#include <string>

#include "demo/dice.h"
#include "demo/sample_apps.h"

namespace perdure::demo {

// One application each, into a folder that exists and is empty.
Result<void> make_memories_app(system::Path const& folder, SampleOptions const& options,
                               std::stop_token stop);
Result<void> make_plant_app(system::Path const& folder, SampleOptions const& options,
                            std::stop_token stop);
Result<void> make_assistant(system::Path const& folder, SampleOptions const& options,
                            std::stop_token stop);
Result<void> make_server_tree(system::Path const& folder, SampleOptions const& options,
                              std::stop_token stop);

/// A file and its folders, not synced, with the given time.
struct FileOptions {
    unsigned mode = 0644;
    Timestamp modified;
};
Result<void> make_file(system::Path const& path, ByteView bytes, FileOptions options);
Result<void> make_file(system::Path const& path, std::string_view text, FileOptions options);

/// "2026-03-01T08:15:00+01:00" and such: a text in one of the few offsets that applications store.
std::string local_time(Dice& dice, Timestamp time);
/// A moment within the years before `now`.
Timestamp time_before(Dice& dice, Timestamp now, unsigned days_max);

}  // namespace perdure::demo
