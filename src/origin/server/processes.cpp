#include "origin/server/processes.h"
#include "system/folder/list_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

namespace perdure::origin {

namespace {

constexpr std::uint64_t proc_bytes_max = std::uint64_t{16} << 20;

struct Engine {
    std::string_view program, name;
    std::string_view data_option;          ///< what the data folder follows on the command line
    std::array<std::string_view, 5> dump;  ///< argv of what dumps it; empty: nothing simple does
    std::string_view output, advice;
};
constexpr Engine engines[] = {
    {"postgres",
     "postgresql",
     "-D",
     {"pg_dumpall", "--clean", "--if-exists"},
     "postgresql.sql",
     "run as a user that may read every database"},
    {"mariadbd",
     "mariadb",
     "--datadir=",
     {"mariadb-dump", "--all-databases", "--single-transaction", "--routines", "--events"},
     "mariadb.sql",
     "run as a user that may read every database"},
    {"mysqld",
     "mysql",
     "--datadir=",
     {"mysqldump", "--all-databases", "--single-transaction", "--routines", "--events"},
     "mysql.sql",
     "run as a user that may read every database"},
    {"redis-server", "redis", "--dir", {"redis-cli", "--rdb", "-"}, "redis.rdb", ""},
    {"valkey-server", "valkey", "--dir", {"valkey-cli", "--rdb", "-"}, "valkey.rdb", ""},
    {"mongod", "mongodb", "--dbpath", {"mongodump", "--archive"}, "mongodb.archive", ""},
    {"qdrant", "qdrant", "", {}, "", "take its own snapshots and protect their folder as files"},
    {"influxd", "influxdb", "", {}, "", "influx backup into a folder, protect it as files"},
    {"clickhouse-serv", "clickhouse", "", {}, "", "BACKUP into a folder, protect it as files"},
    {"slapd", "openldap", "", {"slapcat"}, "openldap.ldif", ""},
};

Engine const* engine_of(std::string_view program) {
    auto const found = std::ranges::find(engines, program, &Engine::program);
    return found == std::end(engines) ? nullptr : found;
}

std::string text_of(system::Path const& file) {
    auto const bytes = system::read_file(file, proc_bytes_max);
    std::string text = bytes ? to_string(*bytes) : "";
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

std::vector<std::string> arguments_of(system::Path const& process) {
    std::vector<std::string> out;
    std::string const text = text_of(process / "cmdline");
    for (std::size_t begin = 0; begin < text.size();) {
        auto const end = std::min(text.find('\0', begin), text.size());
        out.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return out;
}

/// The command line for people; what follows a word that speaks of a secret is left out.
std::string spell_program(std::vector<std::string> const& arguments) {
    std::string out;
    bool secret = false;
    for (auto const& word : arguments) {
        if (!out.empty()) out += ' ';
        out += secret ? "…" : word;
        secret = word.starts_with("-") &&
                 (word.find("pass") != std::string::npos || word.find("auth") != std::string::npos);
        auto const equals = word.find('=');
        if (!secret || equals == std::string::npos) continue;
        out.resize(out.size() - (word.size() - equals - 1));
        out += "…";
        secret = false;
    }
    return out.size() > 500 ? out.substr(0, 500) + "…" : out;
}

system::Path data_of(Engine const& engine, std::vector<std::string> const& arguments) {
    if (engine.data_option.empty()) return {};
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == engine.data_option && i + 1 < arguments.size()) return arguments[i + 1];
        bool const joined = engine.data_option.ends_with('=');
        if (joined && arguments[i].starts_with(engine.data_option)) {
            return arguments[i].substr(engine.data_option.size());
        }
    }
    return {};
}

/// The fourth field of stat, behind the program's name in brackets, which may hold anything.
std::int64_t parent_of(system::Path const& process) {
    std::string const stat = text_of(process / "stat");
    auto const end = stat.rfind(')');
    if (end == std::string::npos || end + 4 >= stat.size()) return 0;
    std::int64_t parent = 0;
    std::from_chars(stat.data() + end + 4, stat.data() + stat.size(), parent);
    return parent;
}

/// Inodes of the sockets that a process holds; empty: not allowed to look.
std::optional<std::vector<std::uint64_t>> sockets_of(system::Path const& process) {
    std::error_code error;
    auto const files = system::list_folder(process / "fd", error);
    if (error == std::errc::permission_denied) return std::nullopt;
    std::vector<std::uint64_t> out;
    for (auto const& file : files) {
        std::error_code ignored;
        std::string const target = std::filesystem::read_symlink(file, ignored).string();
        constexpr std::string_view start = "socket:[";
        if (!target.starts_with(start)) continue;
        std::uint64_t inode = 0;
        std::from_chars(target.data() + start.size(), target.data() + target.size(), inode);
        out.push_back(inode);
    }
    return out;
}

/// "0100007F:1538" → "127.0.0.1:5432": words of four bytes, each in the machine's own order.
std::string spell_address(std::string_view hex, std::uint32_t port) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t word = 0; word + 8 <= hex.size(); word += 8) {
        for (std::size_t i = 8; i > 0; i -= 2) {
            std::uint8_t byte = 0;
            std::from_chars(hex.data() + word + i - 2, hex.data() + word + i, byte, 16);
            bytes.push_back(byte);
        }
    }
    if (bytes.size() == 4) {
        return fmt::format("{}.{}.{}.{}:{}", bytes[0], bytes[1], bytes[2], bytes[3], port);
    }
    bool const any = std::ranges::all_of(bytes, [](auto byte) { return byte == 0; });
    bool const own = bytes.size() == 16 && bytes.back() == 1 &&
                     std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
    if (any) return fmt::format("[::]:{}", port);
    if (own) return fmt::format("[::1]:{}", port);
    std::string out = "[";
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        out += fmt::format("{}{:x}", i == 0 ? "" : ":", bytes[i] * 256 + bytes[i + 1]);
    }
    return out + fmt::format("]:{}", port);
}

}  // namespace

std::vector<std::pair<std::uint64_t, std::string>> listening_sockets(std::string_view table) {
    std::vector<std::pair<std::uint64_t, std::string>> out;
    while (!table.empty()) {
        auto const end = std::min(table.find('\n'), table.size());
        std::vector<std::string_view> words;
        for (std::string_view line = table.substr(0, end); !line.empty();) {
            auto const from = line.find_first_not_of(' ');
            if (from == std::string_view::npos) break;
            line.remove_prefix(from);
            auto const to = std::min(line.find(' '), line.size());
            words.push_back(line.substr(0, to));
            line.remove_prefix(to);
        }
        table.remove_prefix(std::min(end + 1, table.size()));
        constexpr std::string_view listening = "0A";
        if (words.size() < 10 || words[3] != listening) continue;
        auto const colon = words[1].find(':');
        if (colon == std::string_view::npos) continue;
        std::uint32_t port = 0;
        std::uint64_t inode = 0;
        auto const digits = words[1].substr(colon + 1);
        std::from_chars(digits.data(), digits.data() + digits.size(), port, 16);
        std::from_chars(words[9].data(), words[9].data() + words[9].size(), inode);
        out.emplace_back(inode, spell_address(words[1].substr(0, colon), port));
    }
    return out;
}

std::vector<RunningServer> running_servers(system::Path const& proc,
                                           std::vector<std::string>& remarks) {
    struct Seen {
        Engine const* engine = nullptr;
        std::int64_t pid = 0, parent = 0;
    };
    std::vector<Seen> seen;
    std::error_code error;
    auto const processes = system::list_folder(proc, error);
    if (processes.empty()) {
        remarks.push_back("running programs cannot be seen: " + error.message());
        return {};
    }
    for (auto const& process : processes) {
        std::string const name = process.filename().string();
        std::int64_t pid = 0;
        auto const [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (bad != std::errc() || end != name.data() + name.size()) continue;
        Engine const* engine = engine_of(text_of(process / "comm"));
        if (engine) seen.push_back({engine, pid, parent_of(process)});
    }
    std::map<std::uint64_t, std::string> addresses;
    for (char const* table : {"tcp", "tcp6"}) {
        for (auto& [inode, address] : listening_sockets(text_of(proc / "net" / table))) {
            addresses.emplace(inode, std::move(address));
        }
    }
    std::vector<RunningServer> out;
    for (Seen const& one : seen) {
        bool const child = std::ranges::any_of(seen, [&](Seen const& other) {
            return other.engine == one.engine && other.pid == one.parent;
        });
        if (child) continue;
        auto const folder = proc / std::to_string(one.pid);
        auto const arguments = arguments_of(folder);
        RunningServer server{.engine = std::string(one.engine->name), .pid = one.pid};
        server.program = spell_program(arguments);
        server.data = data_of(*one.engine, arguments);
        server.output_name = one.engine->output;
        server.advice = one.engine->advice;
        for (auto const word : one.engine->dump) {
            if (!word.empty()) server.dump.emplace_back(word);
        }
        auto const sockets = sockets_of(folder);
        if (!sockets) {
            remarks.push_back(fmt::format("the sockets of {} (pid {}) cannot be seen: run as root",
                                          server.engine, server.pid));
        }
        for (auto const inode : sockets.value_or(std::vector<std::uint64_t>())) {
            if (auto const at = addresses.find(inode); at != addresses.end()) {
                server.listening.push_back(at->second);
            }
        }
        std::ranges::sort(server.listening);
        out.push_back(std::move(server));
    }
    std::ranges::sort(out, {},
                      [](auto const& server) { return std::pair(server.engine, server.pid); });
    return out;
}

}  // namespace perdure::origin
