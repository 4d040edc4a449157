#include "system/memory.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace perdure::system {

std::uint64_t resident_bytes() {
    int const file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[128] = {};
    auto const got = ::read(file, text, sizeof text - 1);
    ::close(file);
    unsigned long long total = 0, resident = 0;
    if (got <= 0 || std::sscanf(text, "%llu %llu", &total, &resident) != 2) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t descriptors_for(std::size_t wanted) {
    constexpr std::size_t users = 8, least = 2;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
    return std::clamp<std::size_t>(limit.rlim_cur / users, least, wanted);
}

}  // namespace perdure::system
