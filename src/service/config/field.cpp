#include "service/config/field.h"

#include <algorithm>
#include <array>

namespace perdure::service {
namespace {

using enum FieldType;

constexpr auto rows = std::to_array<Field>({
    {"version", integer, "", "The version of this file's grammar. Always 1.", "1", {}, true},

    {"repository.*.destinations",
     list,
     "",
     "Where the repository rests: names of destinations.",
     "[\"disk\"]",
     {},
     true},
    {"repository.*.key",
     key,
     "",
     "What opens the repository: a key file, an environment variable, a systemd credential, the "
     "output of a command (which may take a minute, or what `timeout` beside it says), or a "
     "question. A literal here works and warns.",
     "{ file = \"perdure.key\" }",
     {},
     true,
     true},
    {"repository.*.quorum", integer, "",
     "How many destinations must hold a snapshot for a backup to be complete; all, by default.",
     "1"},
    {"repository.*.parity", boolean, "true",
     "Append Reed-Solomon parity to packs, so that damaged sectors repair themselves.", "true"},
    {"repository.*.label", text, "", "A name for people.", "\"home\""},

    {"destination.*.type", choice, "", "The kind of store.", "\"local\"",
     "local|s3|azure|gcs|webdav|sftp|dropbox|drive", true},
    {"destination.*.path", path, "", "The folder (local).", "\"backups\""},
    {"destination.*.keys", boolean, "true",
     "Whether the keyring rests here (a key home). At least one destination of a repository is "
     "one; "
     "`backup sync` brings keys to a new one and takes them from a former one.",
     "true"},
    {"destination.*.upload_mb_s", real, "",
     "Highest write rate to this destination, MB/s; instead of that of [limits].", "50"},
    {"destination.*.download_mb_s", real, "",
     "Highest read rate from this destination, MB/s; instead of that of [limits].", "50"},

    {"source.*.type", choice, "", "The kind of application data.", "\"sqlite\"",
     "sqlite|files|git|command", true},
    {"source.*.path", path, "", "The database file, folder or repository.", "\"app.db\""},
    {"source.*.media", path, "", "The folder of media files that the rows refer to.", "\"media\""},
    {"source.*.exclude", list, "[]",
     "What of a tree or a media folder stays out, in gitignore syntax.", "[\"logs/**\"]"},
    {"source.*.exclude_caches", boolean, "true",
     "Leave out folders that a CACHEDIR.TAG marks as caches.", "true"},
    {"source.*.one_file_system", boolean, "false", "Do not descend into other file systems.",
     "false"},
    {"source.*.mask", map, "", "Columns that never enter a backup: \"table.column\" = \"drop\".",
     "{ \"users.phone\" = \"drop\" }"},
    {"source.*.priority", integer, "5", "Order of backup and restore; 1 is most critical.", "1"},
    {"source.*.command", command, "", "The program whose output is backed up, with its arguments.",
     "[\"pg_dump\", \"app\"]"},
    {"source.*.output_name", text, "", "The file name that a command's output gets.",
     "\"app.sql\""},
    {"source.*.quiesce", command, "", "Run before the source is read; must exit 0.",
     "[\"systemctl\", \"stop\", \"app\"]"},
    {"source.*.resume", command, "", "Run after the source was read, also when that failed.",
     "[\"systemctl\", \"start\", \"app\"]"},
    {"source.*.invariants.*", invariant, "",
     "What must hold in a restored copy: SQL that returns no rows, or a command that exits 0.",
     "\"SELECT id FROM memories WHERE user_id NOT IN (SELECT id FROM users)\""},

    {"source.*.subjects.table",
     text,
     "",
     "The table with one row a person.",
     "\"users\"",
     {},
     true},
    {"source.*.subjects.key", text, "", "Its unique key column.", "\"id\"", {}, true},
    {"source.*.subjects.label", text, "", "The column with a person's name.", "\"name\""},
    {"source.*.subjects.email", text, "", "The column with a person's e-mail address.",
     "\"email\""},
    {"source.*.subjects.owners", map, "",
     "Tables whose rows belong to a person by a rule that foreign keys do not tell: "
     "table = \"column\", or \"column -> table\".",
     "{ notes = \"author_id\" }"},

    {"source.*.records.*.table",
     text,
     "",
     "The table whose rows are these records.",
     "\"memories\"",
     {},
     true},
    {"source.*.records.*.key", text, "", "The column that names a record.", "\"id\""},
    {"source.*.records.*.title", text, "", "Column or path of the title.", "\"title\""},
    {"source.*.records.*.body", text, "", "Column or path of the text.", "\"content\""},
    {"source.*.records.*.body_format", choice, "\"text\"", "How the text is marked up.",
     "\"markdown\"", "text|markdown|html"},
    {"source.*.records.*.created", text, "", "Column of the time of creation.", "\"created_at\""},
    {"source.*.records.*.updated", text, "", "Column of the last change.", "\"updated_at\""},
    {"source.*.records.*.project", text, "", "Column or path of the project.", "\"project\""},
    {"source.*.records.*.category", text, "", "Column or path of the category.", "\"category\""},
    {"source.*.records.*.collection", text, "", "Path of the collection.",
     "\"collection_id -> collections.name\""},
    {"source.*.records.*.tags", text, "", "Path of the tags.",
     "\"memory_tags(memory_id, tag_id) -> tags.name\""},
    {"source.*.records.*.media", text, "", "Path of the media files' names.",
     "\"media(memory_id).path\""},
    {"source.*.records.*.subject", text, "", "Column or path of the person it is about.",
     "\"user_id\""},
    {"source.*.records.*.embedding", embedding, "", "The column of the embedding vector.",
     "{ column = \"embedding\", model = \"embedding_model\", dtype = \"f32\" }"},
    {"source.*.records.*.fields", map, "", "Further fields: name = column or path.",
     "{ rating = \"stars\" }"},

    {"export.*.format", text, "\"json\"", "The format of this profile.", "\"csv\""},
    {"export.*.output", path, "", "Where it is written to.", "\"memories.csv\""},
    {"export.*.source", text, "", "The source; the only one with records, by default.", "\"app\""},
    {"export.*.type", list, "", "Only these record types.", "[\"memory\"]"},
    {"export.*.project", list, "", "Only these projects.", "[\"house\"]"},
    {"export.*.category", list, "", "Only these categories.", "[\"travel\"]"},
    {"export.*.collection", list, "", "Only these collections.", "[\"Alps\"]"},
    {"export.*.tag", list, "", "Only with one of these tags.", "[\"family\"]"},
    {"export.*.subject", list, "", "Only about these people, by key.", "[\"17\"]"},
    {"export.*.since", text, "", "Created at or after this time.", "\"2024-01-01\""},
    {"export.*.until", text, "", "Created before this time.", "\"2025-01-01\""},
    {"export.*.where", text, "", "A condition.", "\"rating >= 4\""},
    {"export.*.fields", list, "", "Only these columns or roles.", "[\"title\", \"created\"]"},
    {"export.*.redact", list, "", "Columns or roles without their values.", "[\"email\"]"},
    {"export.*.sort", choice, "", "The order of records.", "\"created\"",
     "created|updated|title|collection|project|key"},
    {"export.*.title", text, "", "The title.", "\"Memories\""},
    {"export.*.media", choice, "\"original\"", "How pictures leave.", "\"jpeg\"",
     "original|jpeg|webp|avif"},
    {"export.*.media_max", integer, "", "Pixels of a picture's longer side, at most.", "2048"},
    {"export.*.media_quality", integer, "", "Of pictures that are converted, 1 to 100.", "85"},
    {"export.*.audio", choice, "\"original\"", "How sounds leave.", "\"mp3\"",
     "original|mp3|opus|m4a"},
    {"export.*.video", choice, "\"original\"", "How films leave.", "\"mp4\"", "original|mp4|webm"},
    {"export.*.embed_media", boolean, "false", "Media inside json, ndjson, xml.", "true"},
    {"export.*.xmp_sidecars", boolean, "false", "A .xmp beside every medium.", "true"},
    {"export.*.encrypt_to", list, "", "Encrypt for these age keys.", "[\"age1…\"]"},
    {"export.*.encrypt_passphrase_file", path, "", "Encrypt with the passphrase in this file.",
     "\"secret.txt\""},
    {"export.*.split_size", text, "", "Cut the file into parts of this size.", "\"100MB\""},
    {"export.*.strip_location", boolean, "false", "Take the place out of media.", "true"},
    {"export.*.no_media", boolean, "false", "Leave media files out.", "true"},
    {"export.*.all_tables", boolean, "false", "Tables without a mapping too.", "true"},
    {"export.*.dialect", text, "", "Of csv.", "\"spreadsheet\""},
    {"export.*.theme", text, "", "How it looks.", "\"dark\""},
    {"export.*.paper", text, "", "The size of pages.", "\"a4\""},
    {"export.*.layout", text, "", "Another arrangement.", "\"bagit\""},
    {"export.*.option", list, "", "Other options of the format, NAME=VALUE.", "[\"dialect=data\"]"},

    {"schedule.*.job", choice, "", "What runs.", "\"backup\"",
     "backup|export|verify|drill|sync|retention", true},
    {"schedule.*.enabled", boolean, "true", "Whether it runs.", "true"},
    {"schedule.*.source", text, "", "The source; all, by default.", "\"app\""},
    {"schedule.*.destination", text, "", "The destination; all, by default.", "\"disk\""},
    {"schedule.*.cron",
     cron,
     "",
     "When: minute, hour, day, month, weekday.",
     "\"0 2 * * *\"",
     {},
     true},
    {"schedule.*.timezone", text, "\"UTC\"", "The zone that the hours are meant in.",
     "\"Europe/Berlin\""},
    {"schedule.*.catch_up", boolean, "true", "Run once after downtime when a time was missed.",
     "true"},
    {"schedule.*.deadline", duration, "\"26h\"", "How old the last success may get.", "\"26h\""},
    {"schedule.*.jitter", duration, "\"0s\"", "Start up to this much later, at random.", "\"5m\""},
    {"schedule.*.retry.attempts", integer, "3", "How often a failed run is tried again.", "5"},
    {"schedule.*.retry.backoff", backoff, "\"1m..1h\"", "The pause between tries, first..longest.",
     "\"1m..1h\""},

    {"retention.*.last", integer, "0", "Keep this many newest snapshots.", "3"},
    {"retention.*.hourly", integer, "0", "Keep the newest of this many hours.", "24"},
    {"retention.*.daily", integer, "0", "Keep the newest of this many days.", "7"},
    {"retention.*.weekly", integer, "0", "Keep the newest of this many weeks.", "5"},
    {"retention.*.monthly", integer, "0", "Keep the newest of this many months.", "12"},
    {"retention.*.yearly", integer, "0", "Keep the newest of this many years.", "10"},
    {"retention.*.within", duration, "", "Keep everything younger than this.", "\"30d\""},

    {"import.strategy", choice, "\"keep-newer\"",
     "What happens to records that exist on both sides, where --merge-strategy does not say.",
     "\"keep-newer\"", "keep-newer|keep-older|keep-oldest|keep-both|skip"},

    {"limits.cpu", real, "", "Processor cores that a job may use: so many threads, rounded up.",
     "1.0"},
    {"limits.read_mb_s", real, "", "Highest rate at which sources are read, MB/s.", "200"},
    {"limits.upload_mb_s", rate, "",
     "Highest rate to each destination, MB/s, by the local time of day.",
     "{ default = 50, \"08:00-18:00\" = 5 }"},
    {"limits.download_mb_s", rate, "",
     "Highest rate from each destination, MB/s, by the local time of day.", "20"},
    {"limits.window", window, "", "The hours in which scheduled jobs may run.", "\"01:00-06:00\""},

    {"objectives.rpo", duration, "\"26h\"", "How old the newest backup of a source may get.",
     "\"1h\""},
    {"objectives.rto", duration, "",
     "How long a restore may take; measured by drills (`status --slo`).", "\"1h\""},
    {"objectives.check_every", duration, "\"7d\"", "How old the last verification may get.",
     "\"7d\""},
    {"objectives.drill_every", duration, "\"30d\"", "How old the last restore drill may get.",
     "\"30d\""},
    {"objectives.backup_success", real, "",
     "The part of backups that must succeed (`status --slo`); every stretch as long as rpo without "
     "one counts as missed.",
     "0.999"},
    {"objectives.export_success", real, "",
     "The part of exports that must succeed (`status --slo`).", "0.98"},
});

struct Later {
    std::string_view beginning;  ///< of a field's path
    std::string_view why, instead;
};

/// What this version keeps and checks but does not act on; `config check` and `doctor` warn where
/// a file sets it.
constexpr std::array<Later, 2> later{
    {{"schedule.", "this version has no scheduler", "start perdure from cron or a systemd timer"},
     {"limits.window", "this version has no scheduler",
      "start perdure in those hours, from cron or a systemd timer"}}};

}  // namespace

std::span<Field const> fields() {
    return rows;
}

Field const* find_field(std::string_view pattern) {
    auto const found = std::ranges::find(rows, pattern, &Field::path);
    return found == rows.end() ? nullptr : &*found;
}

std::optional<Unacted> acts_later(Field const& field) {
    for (auto const& [beginning, why, instead] : later) {
        if (field.path.starts_with(beginning)) return Unacted{why, instead};
    }
    return std::nullopt;
}

bool is_section(std::string_view pattern) {
    return std::ranges::any_of(rows, [&](Field const& field) {
        return field.path.size() > pattern.size() && field.path.starts_with(pattern) &&
               field.path[pattern.size()] == '.';
    });
}

std::string_view type_name(FieldType type) {
    switch (type) {
        case text:
            return "a string";
        case path:
            return "a path";
        case integer:
            return "a whole number";
        case real:
            return "a number";
        case boolean:
            return "true or false";
        case duration:
            return "a duration such as \"26h\"";
        case size:
            return "a size such as \"64MiB\"";
        case choice:
            return "one of a few words";
        case list:
            return "an array of strings";
        case command:
            return "an array of strings: a program and its arguments";
        case key:
            return "a key reference such as { file = \"perdure.key\" }";
        case map:
            return "a table of strings";
        case invariant:
            return "SQL, or an array of strings";
        case embedding:
            return "a column, or { column, model, dtype }";
        case rate:
            return "a number of MB/s, or { default = 50, \"08:00-18:00\" = 5 }";
        case cron:
            return "five cron fields such as \"0 2 * * *\"";
        case window:
            return "hours such as \"01:00-06:00\"";
        case backoff:
            return "two durations such as \"1m..1h\"";
    }
    return "";
}

}  // namespace perdure::service
