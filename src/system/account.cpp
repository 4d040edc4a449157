#include "system/account.h"

#include <pwd.h>
#include <unistd.h>

#include <vector>

namespace perdure::system {

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string user_name() {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
    return found ? found->pw_name : std::to_string(geteuid());
}

}  // namespace perdure::system
