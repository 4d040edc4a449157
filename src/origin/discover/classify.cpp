#include "origin/discover/classify.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "origin/sqlite/handle.h"
#include "origin/sqlite_magic.h"

namespace perdure::origin {

namespace {

constexpr std::array media_endings = {
    ".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff",
    ".bmp", ".svg",  ".mp3", ".m4a", ".ogg",  ".opus", ".flac", ".wav",  ".mp4", ".mov",
    ".mkv", ".webm", ".avi", ".m4v", ".pdf",  ".dng",  ".cr2",  ".nef",  ".raw", ".aac"};
constexpr std::array config_endings = {
    ".conf", ".cfg",   ".ini",      ".toml",    ".yaml",  ".yml",    ".env",     ".properties",
    ".cnf",  ".json5", ".htaccess", ".service", ".timer", ".socket", ".desktop", ".rules"};
constexpr std::array certificate_endings = {".pem", ".crt", ".cer", ".der", ".key", ".cert"};

struct Known {
    std::string_view part, note;
};
/// Of whom a configuration is, by a part of its path.
constexpr std::array config_owners = {Known{"nginx", "nginx"},
                                      Known{"apache", "Apache"},
                                      Known{"postgresql", "PostgreSQL"},
                                      Known{"mysql", "MySQL"},
                                      Known{"systemd", "systemd unit"},
                                      Known{"cron", "crontab"},
                                      Known{"redis", "Redis"},
                                      Known{"docker", "Docker"},
                                      Known{"ssh", "SSH"},
                                      Known{"letsencrypt", "Let's Encrypt"},
                                      Known{"netplan", "network"}};

template <typename Endings>
bool ends_with_any(std::string_view name, Endings const& endings) {
    return std::ranges::any_of(endings, [&](std::string_view end) { return name.ends_with(end); });
}

bool has_component(std::string_view path, std::string_view wanted) {
    return path.starts_with(std::string(wanted) + "/") ||
           path.find("/" + std::string(wanted) + "/") != path.npos;
}

bool is_log(std::string_view path, std::string_view name) {
    if (name.ends_with(".log") || name.find(".log.") != name.npos) return true;
    return (has_component(path, "log") || has_component(path, "logs")) &&
           (name.find('.') == name.npos || name.ends_with(".gz") || name.ends_with(".1"));
}

std::string config_note(std::string_view path) {
    for (auto const& known : config_owners) {
        if (path.find(known.part) != path.npos) return std::string(known.note);
    }
    return {};
}

}  // namespace

Classified classify(std::string_view path, ByteView head) {
    std::string const lower = ascii_lower(path);
    std::string_view const name = std::string_view(lower).substr(lower.rfind('/') + 1);
    std::string_view const start = as_text(head);
    if (start.starts_with(sqlite_database_magic)) return {FileClass::sqlite, {}};
    for (std::string_view const side : {"-wal", "-shm", "-journal"}) {
        if (name.ends_with(side)) return {FileClass::sqlite_side, {}};
    }
    if (start.starts_with("REDIS")) {
        return {FileClass::other, "Redis dump: as fresh as the last BGSAVE"};
    }
    if (name == "pg_version") {
        return {FileClass::database_other,
                "a PostgreSQL data directory: its files are no backup while the server runs; add a "
                "command source that runs pg_dumpall"};
    }
    if (name == "ibdata1" || name == "aria_log_control") {
        return {FileClass::database_other,
                "a MariaDB or MySQL data directory: its files are no backup while the server runs; "
                "add a command source that runs mariadb-dump --single-transaction"};
    }
    bool const pem = start.starts_with("-----BEGIN");
    if (pem || ends_with_any(name, certificate_endings)) return {FileClass::certificate, {}};
    if (ends_with_any(name, media_endings)) return {FileClass::media, {}};
    if (is_log(lower, name)) return {FileClass::log, {}};
    if (ends_with_any(name, config_endings) || name == "crontab" || has_component(lower, "etc") ||
        name.starts_with(".env") || name == "dockerfile" || name == "makefile") {
        return {FileClass::config, config_note(lower)};
    }
    return {FileClass::other, {}};
}

}  // namespace perdure::origin
