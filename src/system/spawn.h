#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "base/result.h"

namespace perdure::system {

/// posix_spawn's two parameter blocks, freed in every case.
struct SpawnSetup {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    SpawnSetup() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnSetup() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSetup(SpawnSetup const&) = delete;
    SpawnSetup& operator=(SpawnSetup const&) = delete;
};

/// argv or envp of posix_spawn: the texts must outlive it, unmoved.
inline std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

struct BoundStart {
    std::vector<std::string> argv, environment;
    std::array<int, 3> ends{};   ///< what becomes its 0, 1 and 2
    std::string working_folder;  ///< empty: ours
};

/// Starts a program, in a process group of its own, that gets SIGTERM when we end, however we end:
/// by SIGKILL too. The kernel sends it when the *thread* that called this ends, so that thread must
/// be the one that waits for the program. A program that takes on another user loses the bond; it
/// ends when it writes to a pipe that nobody reads any more.
/// Fails: not_found, denied and the like, as posix_spawnp; what the program is told is the same.
Result<pid_t> start_bound(BoundStart start);

}  // namespace perdure::system
