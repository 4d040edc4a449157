#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "system/file.h"

namespace perdure::origin {

/// A database server that runs now.
struct RunningServer {
    std::string engine;  ///< "postgresql", "mariadb", "redis"…
    std::int64_t pid = 0;
    std::string program;                 ///< its command line, as far as it names no password
    std::vector<std::string> listening;  ///< "127.0.0.1:5432"
    system::Path data;                   ///< its data folder, where the command line names one
    /// What backs it up today: argv of a command source, or empty.
    std::vector<std::string> dump;
    std::string output_name;  ///< file name for the dump
    std::string advice;       ///< what to do, in words
};

struct ServerFile {
    enum class What {
        changed,  ///< a package's configuration that differs from what the package brought
        missing,  ///< a package's configuration that somebody removed
        unowned,  ///< belongs to no package: made by people or programs
        unit,     ///< a systemd unit or timer of this machine
        crontab,
        dump,  ///< a database's own dump, such as Redis' dump.rdb
    };
    What what = What::unowned;
    system::Path path;  ///< as the machine names it (below the root that was looked at)
    std::string note;   ///< "nginx-common", "of root"
    std::uint64_t bytes = 0;
};
std::string_view server_file_name(ServerFile::What what);

struct InstalledPackage {
    std::string name, version, architecture;
    bool automatic = false;  ///< came with another, nobody asked for it
};

/// What makes this machine this machine, beside the data of its applications.
struct ServerInventory {
    std::vector<RunningServer> servers;
    std::vector<ServerFile> files;  ///< by kind, then path
    std::vector<InstalledPackage> packages;
    std::uint64_t files_left_out = 0;  ///< beyond 100,000
    std::vector<std::string> remarks;  ///< what could not be looked at, and why
};

struct ServerOptions {
    /// Where the machine's file system lies: "/" for this one, another folder for a mounted disk
    /// or a test. Running servers are looked for in its proc folder.
    system::Path root = "/";
};

/// Reads what dpkg knows, /etc, /opt, /srv, /usr/local, container volumes, cron and systemd, and
/// the processes; changes nothing and starts nothing. Needs root to see every process's sockets;
/// says so in remarks where it was not. Fails: not_found (the root), cancelled.
Result<ServerInventory> inspect_server(ServerOptions const& options, std::stop_token stop);

}  // namespace perdure::origin
