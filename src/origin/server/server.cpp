// What a machine holds beside its applications' data, from four witnesses: dpkg (which files it
// brought, and what their configuration looked like), the file system (what else lies there), cron
// and systemd (what runs by itself), and the processes (which databases answer now).
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "origin/files/walk.h"
#include "origin/server/packages.h"
#include "origin/server/processes.h"

namespace perdure::origin {

namespace {

constexpr std::size_t files_listed_max = 100'000;

/// Where people and their programs put things that no package knows.
std::vector<std::string> const looked_at = {"/etc", "/opt", "/srv", "/usr/local"};
/// Data of containers: a package never owns it.
constexpr char const* volumes[] = {"/var/lib/docker/volumes",
                                   "/var/lib/containers/storage/volumes"};
/// Where people's and programs' own data lie, too much to be listed file by file.
constexpr char const* not_looked_at[] = {"/home",    "/root",     "/var/www",
                                         "/var/lib", "/var/mail", "/var/backups"};
/// Made anew by the machine's own tools; to carry them over would do harm, or nothing.
constexpr std::string_view generated[] = {
    "/etc/ld.so.cache",     "/etc/machine-id",
    "/etc/.pwd.lock",       "/etc/mtab",
    "/etc/resolv.conf",     "/etc/adjtime",
    "/etc/alternatives/",   "/etc/rc0.d/",
    "/etc/rc1.d/",          "/etc/rc2.d/",
    "/etc/rc3.d/",          "/etc/rc4.d/",
    "/etc/rc5.d/",          "/etc/rc6.d/",
    "/etc/rcS.d/",          "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs/java/", "/etc/ca-certificates.",
    "/etc/udev/hwdb.bin",   "/etc/passwd-",
    "/etc/group-",          "/etc/shadow-",
    "/etc/gshadow-",        "/etc/subuid-",
    "/etc/subgid-",         "/etc/java-17-openjdk/security/cacerts",
};

bool is_generated(std::string_view path) {
    return std::ranges::any_of(generated, [&](auto start) {
        bool const folder = start.ends_with('/') || start.ends_with('.');
        return folder ? path.starts_with(start) : path == start;
    });
}

bool is_unit(std::string_view path) {
    return path.starts_with("/etc/systemd/system/") &&
           (path.ends_with(".service") || path.ends_with(".timer") || path.ends_with(".mount") ||
            path.ends_with(".socket") || path.ends_with(".path"));
}

bool is_crontab(std::string_view path) {
    return path == "/etc/crontab" || path.starts_with("/etc/cron.") ||
           path.starts_with("/var/spool/cron/");
}

class ServerInspection {
public:
    ServerInspection(ServerOptions const& options, std::stop_token stop)
        : root_(options.root), stop_(std::move(stop)) {}

    Result<ServerInventory> run() {
        struct stat status{};
        if (::stat(root_.c_str(), &status) != 0) {
            return system::error_from_errno(errno, "looking at " + root_.string());
        }
        files_ = read_packages(root_, looked_at, out_.remarks);
        out_.packages = files_.packages;
        std::ranges::sort(out_.packages, {}, &InstalledPackage::name);
        PD_CHECK(compare_configs());
        for (auto const& folder : looked_at) PD_CHECK(look_below(folder));
        for (char const* folder : volumes) PD_CHECK(look_below(folder));
        PD_CHECK(look_below("/var/spool/cron/crontabs"));
        look_for_dumps();
        name_what_was_not_looked_at();
        out_.servers = running_servers(root_ / "proc", out_.remarks);
        std::ranges::sort(out_.files, {}, [](ServerFile const& file) {
            return std::pair(file.what, file.path.string());
        });
        return std::move(out_);
    }

private:
    system::Path real(std::string const& path) const { return root_ / path.substr(1); }

    void add(ServerFile file) {
        if (out_.files.size() < files_listed_max) {
            out_.files.push_back(std::move(file));
        } else {
            ++out_.files_left_out;
        }
    }

    Result<void> compare_configs() {
        for (auto const& [path, config] : files_.configs) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            struct stat status{};
            auto const file = real(path);
            if (::lstat(file.c_str(), &status) != 0) {
                if (errno == ENOENT) add({ServerFile::What::missing, path, config.package, 0});
                continue;
            }
            auto const size = static_cast<std::uint64_t>(status.st_size);
            if (!S_ISREG(status.st_mode)) {
                add({ServerFile::What::changed, path, config.package + ", no file any more", 0});
                continue;
            }
            auto const digest = md5_of(file);
            if (!digest) {
                out_.remarks.push_back(path + ": " + digest.error().message());
            } else if (*digest != config.md5) {
                add({ServerFile::What::changed, path, config.package, size});
            }
        }
        return {};
    }

    Result<void> look_below(std::string const& folder) {
        if (!system::exists(real(folder))) return {};
        auto opened =
            Walk::open({.folder = real(folder), .one_file_system = false, .exclude_caches = false});
        if (!opened) {
            out_.remarks.push_back(folder + ": " + opened.error().message());
            return {};
        }
        while (true) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_TRY(auto const item, opened->next());
            if (!item) break;
            if (item->step == data::TreeItem::Step::leaf) {
                judge(folder + "/" + opened->path(), item->entry);
            }
        }
        for (auto const& problem : opened->take_problems()) {
            out_.remarks.push_back(folder + "/" + problem.path + ": " + problem.reason);
        }
        return {};
    }

    void judge(std::string const& path, data::Entry const& entry) {
        if (entry.kind != data::EntryKind::file) return;
        bool const owned = files_.owned.contains(path);
        std::string const note = entry.user.empty() ? "" : "of " + entry.user;
        if (is_crontab(path) && !owned)
            return add({ServerFile::What::crontab, path, note, entry.size});
        if (is_unit(path) && !owned) return add({ServerFile::What::unit, path, note, entry.size});
        if (owned || is_generated(path)) return;
        add({ServerFile::What::unowned, path, note, entry.size});
    }

    void name_what_was_not_looked_at() {
        for (char const* folder : not_looked_at) {
            std::error_code error;
            std::filesystem::directory_iterator const there(real(folder), error);
            if (error == std::errc::no_such_file_or_directory) continue;
            if (!error && there == std::filesystem::directory_iterator()) continue;
            out_.remarks.push_back(
                fmt::format("{}: what people and programs keep there; perdure source discover {}",
                            folder, folder));
        }
    }

    void look_for_dumps() {
        for (char const* path : {"/var/lib/redis/dump.rdb", "/var/lib/valkey/dump.rdb"}) {
            struct stat status{};
            if (::lstat(real(path).c_str(), &status) != 0) continue;
            add({ServerFile::What::dump, path, "as the server last saved it",
                 static_cast<std::uint64_t>(status.st_size)});
        }
    }

    system::Path root_;
    std::stop_token stop_;
    PackageFiles files_;
    ServerInventory out_;
};

}  // namespace

std::string_view server_file_name(ServerFile::What what) {
    switch (what) {
        case ServerFile::What::changed:
            return "changed config";
        case ServerFile::What::missing:
            return "removed config";
        case ServerFile::What::unowned:
            return "in no package";
        case ServerFile::What::unit:
            return "systemd unit";
        case ServerFile::What::crontab:
            return "crontab";
        case ServerFile::What::dump:
            return "database dump";
    }
    return "";
}

Result<ServerInventory> inspect_server(ServerOptions const& options, std::stop_token stop) {
    return ServerInspection(options, std::move(stop)).run();
}

}  // namespace perdure::origin
