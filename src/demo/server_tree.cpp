#include <fmt/core.h>

#include "demo/app.h"
#include "demo/certificate.h"
#include "demo/database.h"
#include "demo/deflate.h"
#include "demo/git_history.h"
#include "demo/language.h"
#include "demo/odd_files.h"

namespace perdure::demo {
namespace {

struct TextFile {
    std::string_view path, text;
    unsigned mode = 0644;
};

constexpr TextFile files[] = {
    {"etc/hostname", "garden\n"},
    {"etc/hosts", "127.0.0.1 localhost\n127.0.1.1 garden garden.example.org\n"},
    {"etc/nginx/nginx.conf",
     "user www-data;\nworker_processes auto;\nevents { worker_connections 768; }\n"
     "http {\n  include sites-enabled/*;\n  gzip on;\n}\n"},
    {"etc/nginx/sites-available/memories",
     "server {\n  listen 443 ssl http2;\n  server_name memories.example.org;\n"
     "  ssl_certificate /etc/ssl/certs/memories.pem;\n  ssl_certificate_key "
     "/etc/ssl/private/memories.key;\n"
     "  location / { proxy_pass http://127.0.0.1:8080; }\n  client_max_body_size 64m;\n}\n"},
    {"etc/nginx/sites-available/plants",
     "server {\n  listen 80;\n  server_name plants.example.org;\n  root /srv/www/plants;\n}\n"},
    {"etc/systemd/system/memories.service",
     "[Unit]\nDescription=Memories\nAfter=network.target\n\n[Service]\nUser=memories\n"
     "EnvironmentFile=/etc/memories/env\nExecStart=/opt/memories/bin/serve --port 8080\n"
     "Restart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n"},
    {"etc/systemd/system/tidy.timer",
     "[Unit]\nDescription=Tidy nightly\n\n[Timer]\nOnCalendar=*-*-* 03:30\nPersistent=true\n\n"
     "[Install]\nWantedBy=timers.target\n"},
    {"etc/systemd/system/tidy.service",
     "[Unit]\nDescription=Tidy\n\n[Service]\nType=oneshot\nExecStart=/opt/memories/bin/tidy\n"},
    {"etc/memories/env",
     "DATABASE_URL=sqlite:///srv/memories/app.db\nSECRET_KEY=not-a-real-secret\nTZ=Europe/Berlin\n",
     0600},
    {"etc/memories/config.yaml",
     "features:\n  search: true\n  share: false\nlimits:\n  upload_mb: 64\n  # Grüße\n  locale: "
     "de\n"},
    {"etc/cron.d/memories",
     "MAILTO=root\n*/15 * * * * memories /opt/memories/bin/digest\n@daily root "
     "/opt/memories/bin/rotate\n"},
    {"etc/logrotate.d/memories",
     "/var/log/memories/*.ndjson {\n  weekly\n  rotate 8\n  compress\n}\n"},
    {"etc/ssh/sshd_config.d/10-local.conf", "PasswordAuthentication no\nPermitRootLogin no\n",
     0600},
    {"var/spool/cron/crontabs/root", "0 2 * * * /opt/memories/bin/dump > /dev/null\n", 0600},
    {"opt/memories/bin/serve", "#!/bin/sh\nexec python3 -m memories \"$@\"\n", 0755},
    {"opt/memories/bin/tidy", "#!/bin/sh\nfind /tmp/memories -mtime +7 -delete\n", 0755},
    {"srv/www/plants/index.html",
     "<!doctype html>\n<html lang=\"en\"><title>Plants</title><p>🌱 Plants &amp; more</html>\n"},
    {"var/lib/dpkg/selections", "nginx\tinstall\npython3\tinstall\nsqlite3\tinstall\n"},
};

class ServerTree {
public:
    ServerTree(system::Path folder, SampleOptions const& options)
        : folder_(std::move(folder)), options_(options), dice_(options.seed, "server") {}

    Result<void> make(std::stop_token const& stop) {
        for (TextFile const& file : files) {
            Timestamp const time = time_before(dice_, options_.now, 700);
            PD_CHECK(make_file(folder_ / file.path, file.text, {file.mode, time}));
        }
        PD_CHECK(make_certificates());
        PD_CHECK(make_logs(stop));
        PD_CHECK(make_state());
        PD_CHECK(make_git_repository(folder_ / "srv" / "git" / "memories.git",
                                     {options_.seed, options_.now}, stop));
        return make_odd_files(folder_, {options_.seed, options_.now});
    }

private:
    Result<void> make_certificates();
    Result<void> make_logs(std::stop_token const& stop);
    std::string make_log(Timestamp from, std::uint64_t lines);
    Result<void> make_state();

    system::Path folder_;
    SampleOptions options_;
    Dice dice_;
};

/// One has expired, one soon will, one holds for long.
Result<void> ServerTree::make_certificates() {
    constexpr std::int64_t day = 86400;
    struct Validity {
        std::string_view host;
        std::int64_t from_days, to_days;
    };
    constexpr Validity hosts[] = {{"old", -400, -35},
                                  {"memories", -70, 20},
                                  {"plants", -10, 380},
                                  {"internal-ca", -900, 2750}};
    for (Validity const& one : hosts) {
        std::string const host(one.host);
        PD_TRY(Certificate const made,
               make_certificate(dice_, {host + ".example.org",
                                        options_.now + std::chrono::seconds(one.from_days * day),
                                        options_.now + std::chrono::seconds(one.to_days * day)}));
        Timestamp const time = options_.now + std::chrono::seconds(one.from_days * day);
        PD_CHECK(make_file(folder_ / "etc/ssl/certs" / (host + ".pem"), made.certificate_pem,
                           {0644, time}));
        PD_CHECK(
            make_file(folder_ / "etc/ssl/private" / (host + ".key"), made.key_pem, {0600, time}));
    }
    return {};
}

std::string ServerTree::make_log(Timestamp from, std::uint64_t lines) {
    constexpr std::string_view levels[] = {"info", "info", "info", "debug", "warn", "error"};
    constexpr std::string_view paths[] = {"/", "/memories", "/api/v1/search?q=caf%C3%A9", "/login",
                                          "/media/2024/07/IMG-12.jpg"};
    std::string text;
    for (std::uint64_t i = 0; i < lines; ++i) {
        from = from + std::chrono::seconds(dice_.between(1, 40));
        text += fmt::format(R"({{"time":"{}","level":"{}","path":"{}","status":{},"ms":{:.3f},)"
                            R"("ip":"10.{}.{}.{}","request":"{:016x}"}})"
                            "\n",
                            to_rfc3339(from), dice_.pick(levels), dice_.pick(paths),
                            dice_.chance(95) ? 200 : 503, dice_.fraction() * 90, dice_.below(256),
                            dice_.below(256), dice_.below(256), dice_.next());
    }
    return text;
}

Result<void> ServerTree::make_logs(std::stop_token const& stop) {
    std::uint64_t const lines = std::min<std::uint64_t>(options_.size / 2 + 50, 50'000);
    for (int week = 0; week < 6; ++week) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        Timestamp const start = options_.now + std::chrono::seconds((-week - 1) * 7 * 86400);
        std::string const text = make_log(start, lines);
        std::string const name = "requests.ndjson" + (week == 0 ? "" : fmt::format(".{}.gz", week));
        system::Path const path = folder_ / "var/log/memories" / name;
        FileOptions const options{0640, start + std::chrono::seconds(7 * 86400)};
        if (week == 0)
            PD_CHECK(make_file(path, text, options));
        else
            PD_CHECK(make_file(path, gzip(as_bytes(text)), options));
    }
    std::string system_log;
    for (std::uint64_t i = 0; i < 200; ++i)
        system_log += fmt::format("{} garden memories[{}]: {}\n",
                                  to_rfc3339(time_before(dice_, options_.now, 7)),
                                  dice_.below(30000), make_title(dice_, Language::english));
    return make_file(folder_ / "var/log/syslog", system_log, {0640, options_.now});
}

Result<void> ServerTree::make_state() {
    PD_CHECK(system::make_folders(folder_ / "var/lib/memories", 0755));
    PD_TRY(Database state, Database::create(folder_ / "var/lib/memories/state.db"));
    PD_CHECK(state.run(
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT, last_run INTEGER, result TEXT);"
        "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"));
    Insert job = state.insert_into("jobs", 4);
    for (std::int64_t id = 1; id <= 40; ++id) {
        job.add(id).add(make_tag(dice_)).add(time_before(dice_, options_.now, 30).seconds);
        PD_CHECK(job.add(dice_.chance(90) ? "ok" : "failed: disk full").run());
    }
    PD_CHECK(state.insert_into("counters", 2).add("requests").add(INT64_MAX).run());
    PD_CHECK(state.finish());
    return make_file(folder_ / "var/cache/memories/CACHEDIR.TAG",
                     "Signature: 8a477f597d28d172789f06886806bc55\n# made again when needed\n",
                     {0644, options_.now});
}

}  // namespace

Result<void> make_server_tree(system::Path const& folder, SampleOptions const& options,
                              std::stop_token stop) {
    PD_CHECK(system::make_folders(folder, 0755));
    return ServerTree(folder, options).make(stop);
}

}  // namespace perdure::demo
