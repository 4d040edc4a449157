#include "origin/holder.h"
#include "system/folder/list_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>

namespace perdure::origin {

namespace {

/// A share refuses with EAGAIN, too, whoever has the file open or has not.
bool refuses_leases(int file) {
    struct statfs status{};
    if (::fstatfs(file, &status) != 0) return true;
    auto const type = static_cast<std::uint32_t>(status.f_type);
    constexpr std::uint32_t cifs = 0xff534d42, smb2 = 0xfe534d42;
    return type == cifs || type == smb2;
}

}  // namespace

std::string find_holder(struct stat const& wanted) {
    std::error_code error;
    for (auto const& process : system::list_folder("/proc", error)) {
        auto const pid = process.filename().string();
        if (pid.find_first_not_of("0123456789") != pid.npos) continue;
        if (pid == std::to_string(::getpid())) continue;
        std::error_code unreadable;
        for (auto const& open : system::list_folder(process / "fd", unreadable)) {
            struct stat status{};
            if (::stat(open.c_str(), &status) != 0) continue;
            if (status.st_dev != wanted.st_dev || status.st_ino != wanted.st_ino) continue;
            std::string name;
            std::getline(std::ifstream(process / "comm"), name);
            return fmt::format("{} ({})", name.empty() ? "process" : name, pid);
        }
    }
    return {};
}

std::string holder_of(int file) {
    struct stat status{};
    if (::fstat(file, &status) != 0) return {};
    // Who opens the file makes the kernel send a signal; this one is ignored unless asked for.
    static_cast<void>(::fcntl(file, F_SETSIG, SIGURG));
    if (::fcntl(file, F_SETLEASE, F_WRLCK) == 0) {
        static_cast<void>(::fcntl(file, F_SETLEASE, F_UNLCK));
        return {};
    }
    bool const open_elsewhere = errno == EAGAIN && !refuses_leases(file);
    auto const holder = find_holder(status);
    return holder.empty() && open_elsewhere ? "somebody" : holder;
}

}  // namespace perdure::origin
