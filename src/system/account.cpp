#include "system/account.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "system/step.h"

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

Result<void> give_to(int descriptor, Path const& path, unsigned user, unsigned group) {
    PD_CHECK(step(Step::set_metadata, path.native()));
    if (::fchown(descriptor, user, group) == 0) return {};
    return error_from_errno(errno, "giving " + path.native() + " to its owner");
}

}  // namespace perdure::system
