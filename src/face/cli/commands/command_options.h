#pragma once

#include <algorithm>
#include <array>

#include "face/cli/command.h"

/// The options of each command, for command_table.cpp alone.
namespace perdure::face::options {

using enum OptionRow::Kind;

/// Rows one behind the other: what several commands share is listed once.
template <std::size_t... Counts>
constexpr auto one_list(OptionRow const (&... parts)[Counts]) {
    std::array<OptionRow, (Counts + ...)> out;
    auto to = out.begin();
    ((to = std::copy_n(parts, Counts, to)), ...);
    return out;
}

inline constexpr OptionRow destination{"--destination", value, "NAME",
                                       "Only this destination: a name, or a folder."};
inline constexpr OptionRow dry_run{
    "--dry-run", flag, {}, "Tell what would be done; change nothing."};
inline constexpr OptionRow confirm{
    "--confirm", value, "NAME", "Type the name of what would be lost. --yes does not replace it."};
inline constexpr OptionRow keep_rules[] = {
    {"--keep", number, "N", "Keep the newest N snapshots."},
    {"--keep-last", number, "N", "The same."},
    {"--keep-hourly", number, "N", "Keep the newest of N hours."},
    {"--keep-daily", number, "N", "Keep the newest of N days."},
    {"--keep-weekly", number, "N", "Keep the newest of N weeks."},
    {"--keep-monthly", number, "N", "Keep the newest of N months."},
    {"--keep-yearly", number, "N", "Keep the newest of N years."},
    {"--keep-within", value, "DURATION", "Keep everything younger, such as 30d."},
};

inline constexpr OptionRow quickstart_options[] = {
    {"--dir", value, "DIR", "Where the configuration and the backups go; here, by default."},
};
inline constexpr OptionRow init_options[] = {
    {"--path", value, "DIR", "Where the repository will rest; \"backups\", by default."},
    {"--no-key", flag, {}, "Do not make the key file when it is missing."},
    {"--confirm", value, "NAME",
     "The repository's name: begin anew although one that was used before is not there."},
    destination,
};
inline constexpr OptionRow config_check_options[] = {
    {"--offline", flag, {}, "Only read the file; do not try sources, destinations and key."},
};
inline constexpr OptionRow config_show_options[] = {
    {"--resolved", flag, {}, "Defaults too, each value with its origin."},
};
inline constexpr OptionRow config_schema_options[] = {
    {"--markdown", flag, {}, "The reference as Markdown instead."},
};
inline constexpr OptionRow status_options[] = {
    {"--exit-code",
     flag,
     {},
     "Exit with 20 when something is overdue, with 3 when the last backup skipped something."},
    {"--offline", flag, {}, "Do not ask the destinations."},
    {"--slo", flag, {}, "Measure the objectives of the file as well; not met counts as overdue."},
};
inline constexpr OptionRow source_discover_options[] = {
    {"--server",
     flag,
     {},
     "The machine itself: databases that run, configs that differ from "
     "their package, files that no package owns, cron, systemd."},
    {"--root", value, "DIR", "With --server: where that machine's file system lies; / here."},
};
inline constexpr OptionRow source_add_options[] = {
    {"--type", value, "sqlite|files|git|command", "What kind of data it is."},
    {"--path", value, "FILE", "The database file, folder or repository."},
    {"--media", value, "DIR", "Media files that a database refers to."},
    {"--exclude", values, "PATTERN", "What stays out, gitignore syntax; may be repeated."},
    {"--one-file-system", flag, {}, "Stay on one file system."},
    {"--command", values, "WORD", "Program and arguments of a command source, one a time."},
    {"--output-name", value, "NAME", "File name for a command's output."},
    {"--no-discover", flag, {}, "Do not look into a database for people and records."},
};
inline constexpr OptionRow destination_add_options[] = {
    {"--type", value, "local", "The kind of store."},
    {"--path", value, "DIR", "The folder."},
};
inline constexpr OptionRow backup_options[] = {
    {"--type", value, "auto|full|incremental|differential", "What to compare with."},
    destination,
    {"--tag", values, "TAG", "A name for the snapshot; may be repeated.", 't'},
    dry_run,
};
inline constexpr OptionRow only_destination[] = {destination};
inline constexpr OptionRow show_options[] = {
    {"--files", flag, {}, "All files, not only the top level."},
    destination,
};
inline constexpr OptionRow verify_options[] = {
    {"--read-data", flag, {}, "Read and check every byte."},
    {"--sample", value, "PERCENT", "Read this part, least recently checked first: 5%."},
    {"--restore", flag, {}, "Also restore into a scratch place and compare (a drill)."},
    destination,
};
inline constexpr OptionRow diff_options[] = {
    {"--text", flag, {}, "Line by line, for text files that changed."},
    {"--limit", number, "N", "So many changes a table or folder; 20 by default, 0 for all."},
    destination,
};
inline constexpr OptionRow find_options[] = {
    {"--where", value, "CONDITION", "Records by condition instead of a text."},
    {"--exact", flag, {}, "Letters in the case as written."},
    {"--since", value, "TIME", "Only snapshots taken at or after this time."},
    {"--until", value, "TIME", "Only snapshots taken before this time."},
    {"--limit", number, "N", "Show so many; 100 by default, 0 for all."},
    destination,
};
inline constexpr OptionRow history_options[] = {
    {"--restore", number, "N", "Write version N into a folder."},
    {"--to", value, "DIR", "That folder."},
    destination,
};
inline constexpr OptionRow pin_options[] = {{"--reason", value, "TEXT", "Why it must stay."},
                                            destination};
inline constexpr OptionRow delete_first_at{
    "--destination", value, "NAME",
    "Delete at this destination first; the next sync deletes the same at the others."};
inline constexpr OptionRow delete_options[] = {confirm, delete_first_at};
inline constexpr auto cleanup_options = one_list(keep_rules, {dry_run, delete_first_at});
inline constexpr auto preview_options = one_list(keep_rules, {destination});
inline constexpr OptionRow change_options[] = {dry_run, destination};
inline constexpr OptionRow sync_options[] = {
    dry_run,
    destination,
    {"--confirm", value, "NAME",
     "The destination's name: fill it anew although it held the repository and is empty now."},
};
inline constexpr OptionRow map_owner{
    "--map-owner", values, "OLD=NEW",
    "A user, :OLD=:NEW a group, by name or number; may be repeated."};
inline constexpr OptionRow map_path{"--map-path", values, "OLD=NEW",
                                    "What lay below OLD comes to lie below NEW; may be repeated."};
inline constexpr OptionRow numeric_owners{
    "--numeric-owners", flag, {}, "Keep the numbers of owners; do not look for their names."};
inline constexpr OptionRow strategy{
    "--merge-strategy", value, "keep-newer|keep-older|keep-oldest|keep-both|skip|overwrite",
    "Who wins where both are there and differ; keep-newer by default."};
inline constexpr OptionRow remove_more{
    "--delete",
    flag,
    {},
    "Also delete files and records that are there and that the snapshot lacks; folders stay."};
inline constexpr OptionRow map_column{
    "--map-column", values, "TABLE.OLD=NEW",
    "Where a column's values go; nothing after = leaves them behind."};
inline constexpr OptionRow swap_whole{
    "--swap",
    flag,
    {},
    "Replace whole databases in one step, built beside; the application must be stopped."};
inline constexpr OptionRow restore_at{
    "--at", value, "TIME",
    "The latest state at or before this time, such as \"2026-11-21 02:00\"."};
inline constexpr OptionRow scratch{"--scratch", value, "DIR",
                                   "Where to unpack for comparing; TMPDIR by default."};
inline constexpr OptionRow filter_rows[] = {
    {"--type", values, "TYPE", "Only this record type; may be repeated, as all that follow."},
    {"--project", values, "NAME", "Only this project."},
    {"--category", values, "NAME", "Only this category."},
    {"--collection", values, "NAME", "Only this collection."},
    {"--tag", values, "TAG", "Only with this tag."},
    {"--subject", values, "[KEY]",
     "Only about this person; --subject= is the one with an empty key."},
    {"--since", value, "TIME", "Created at or after this time."},
    {"--until", value, "TIME", "Created before this time."},
    {"--where", value, "CONDITION", "Such as: rating >= 4 and title like '%Alps%'."},
};
/// What a restore brings back, and how, whatever it goes into.
inline constexpr OptionRow recovery_rows[] = {
    restore_at, strategy, remove_more, swap_whole, map_column, map_owner, map_path, numeric_owners,
};
inline constexpr OptionRow restore_target[] = {
    {"--to", value, "TARGET", "live (in place), a folder (DIR/<source>/), or a database file."},
};
inline constexpr auto restore_options =
    one_list(restore_target, recovery_rows, filter_rows, {scratch, confirm, destination});
inline constexpr OptionRow plan_target[] = {
    {"--target", value, "TARGET", "live (in place, the default), a folder, or a database file."},
};
inline constexpr OptionRow plan_rows[] = {
    {"--output", value, "FILE", "Where the plan goes; the state folder by default.", 'o'},
    {"--details", number, "N", "How many records to show with their fields; 10 by default."},
    scratch,
    destination,
};
inline constexpr auto restore_plan_options =
    one_list(plan_target, recovery_rows, filter_rows, plan_rows);
inline constexpr OptionRow restore_apply_options[] = {
    {"--override", values, "RECORD=DECISION", "Another decision for one record; may be repeated."},
    scratch,
    confirm,
    destination,
};
inline constexpr OptionRow restore_undo_options[] = {
    dry_run,
    {"--partly", flag, {}, "Take back all the others where some records have to stay."},
    confirm,
    destination,
};
inline constexpr OptionRow drill_options[] = {
    {"--source", values, "NAME", "Only this source; may be repeated."},
    {"--scratch", value, "DIR", "Where to restore to for the test; TMPDIR by default."},
    {"--random", flag, {}, "Also an older snapshot, drawn at random."},
    {"--seed", number, "N", "The same, drawn by this number: the same one every time."},
    destination,
};
inline constexpr OptionRow report_output{"--output", value, "DIR",
                                         "Where the files go; perdure-reports by default.", 'o'};
inline constexpr OptionRow runbook_options[] = {
    {"--output", value, "FILE", "Write it there; else it is printed.", 'o'},
    {"--replace", flag, {}, "Take the place of a file that exists."},
    destination,
};
inline constexpr OptionRow report_options[] = {report_output, destination};
inline constexpr OptionRow report_restore_options[] = {
    {"--source", values, "NAME", "Only this source; may be repeated."},
    {"--scratch", value, "DIR", "Where to restore to for the test; TMPDIR by default."},
    report_output,
    destination,
};
inline constexpr OptionRow report_permissions_options[] = {
    {"--restored", value, "DIR", "The folder that the snapshot was restored into."},
    map_owner,
    map_path,
    numeric_owners,
    report_output,
    destination,
};
inline constexpr OptionRow export_place_rows[] = {
    {"--format", value, "FORMAT", "json by default; `perdure export formats` names them all.", 'f',
     "What, and where to"},
    {"--output", value, "FILE", "The file, a new folder, or X.zip or X.tar.gz of a folder.", 'o'},
    {"--replace", flag, {}, "Take the place of a file that exists."},
    {"--source", value, "NAME", "Which source; needless where only one has records."},
    {"--snapshot", value, "SNAPSHOT", "From a snapshot instead of the live data."},
    {"--at", value, "TIME", "From the latest snapshot at or before this time."},
    {"--profile", value, "NAME", "Options of [export.NAME] in the configuration; given ones win."},
};
inline constexpr OptionRow export_shape_rows[] = {
    {"--all-tables", flag, {}, "Tables without a mapping too, as types named like them."},
    {"--fields", values, "NAME", "Only these columns or roles, in this order: title,created.", 0,
     "What of them"},
    {"--redact", values, "NAME", "Leave the value of a column or role out: \"[redacted]\"."},
    {"--sort", value, "created|updated|title|collection|project|key", "The order of records."},
    {"--no-media", flag, {}, "Leave media files out.", 0, "Media"},
    {"--media", value, "original|jpeg|webp|avif", "How pictures leave; as they are, by default."},
    {"--media-max", number, "PIXELS", "Pictures at most so long on their longer side."},
    {"--media-quality", number, "1-100", "Of pictures that are converted; 85 by default."},
    {"--audio", value, "original|mp3|opus|m4a", "How sounds leave; converting takes ffmpeg."},
    {"--video", value, "original|mp4|webm", "How films leave; converting takes ffmpeg."},
    {"--strip-location", flag, {}, "Take out of media where they were taken."},
    {"--embed-media", flag, {}, "Of json, ndjson, xml: the media inside, as base64."},
    {"--xmp-sidecars",
     flag,
     {},
     "Of zip, tar.gz, markdown: a .xmp beside every medium, with title, tags, record."},
    {"--encrypt-to", values, "RECIPIENT",
     "Encrypt for this age key, age1… or a file of them; may be repeated.", 0,
     "Encrypted, and in parts"},
    {"--encrypt-passphrase-file", value, "FILE",
     "Encrypt with the passphrase in the first line of this file."},
    {"--split-size", value, "SIZE", "Cut the file into parts of this size, such as 100MB."},
    {"--title", value, "TEXT", "The title; the source's name by default.", 0,
     "How it looks, and the rest"},
    {"--theme", value, "NAME", "Of pdf: classic or modern."},
    {"--paper", value, "NAME", "Of pdf: a4, a5 or letter."},
    {"--layout", value, "NAME", "Of archive: flat or bagit."},
    {"--dialect", value, "data|spreadsheet", "Of csv: exact, or safe to open in a spreadsheet."},
    {"--option", values, "NAME=VALUE", "Any other option of the format."},
    destination,
};
inline constexpr auto export_options = [] {
    auto all = one_list(export_place_rows, filter_rows, export_shape_rows);
    all[std::size(export_place_rows)].heading = "Which records";
    return all;
}();
inline constexpr OptionRow archive_verify_options[] = {
    {"--public-key", value, "KEY", "The minisign key (RW...) or .pub file whose signature counts."},
    {"--identity", value, "FILE", "An age identity that opens an encrypted archive."},
    {"--passphrase-file", value, "FILE", "The passphrase that opens it."},
    {"--salvage", flag, {}, "Go on where bytes are broken, and name what is lost."},
};
inline constexpr OptionRow runs_options[] = {
    {"--max", number, "N", "How many; 20 by default, 0 for all."},
};
inline constexpr OptionRow batch_options[] = {
    {"--replace", flag, {}, "Take the place of files that exist."},
};
inline constexpr OptionRow share_options[] = {
    {"--output", value, "FILE", "The bundle; FILE.age by default.", 'o'},
    {"--expires", value, "DURATION", "How long the link is good; 7d by default."},
    {"--downloads", number, "N", "How often it may be fetched; any number, by default."},
    {"--passphrase", flag, {}, "Ask for a passphrase that is needed beside the secret."},
};
inline constexpr OptionRow check_options[] = {
    {"--read-data", flag, {}, "Read and check every byte."},
    {"--sample", value, "PERCENT", "Read this part, least recently checked first: 5%."},
    destination,
};
inline constexpr OptionRow compact_options[] = {
    dry_run,
    {"--grace", value, "DURATION", "How long deleted data stays recoverable; 7d by default."},
    {"--confirm", value, "NAME",
     "The repository's name: go on although snapshots are missing that nobody deleted."},
    destination,
};
inline constexpr OptionRow key_add_options[] = {
    {"--file", value, "FILE", "A key file; made when it does not exist."},
    {"--passphrase", flag, {}, "Ask for a passphrase."},
    {"--env", value, "NAME", "Take the secret from an environment variable."},
    {"--command", values, "WORD", "Take what a program prints; again for each of its arguments."},
    {"--label", value, "TEXT", "A name for people."},
};
inline constexpr OptionRow only_confirm[] = {confirm};
inline constexpr OptionRow kit_options[] = {
    {"--output", value, "FILE", "Write the kit there; else it is printed.", 'o'},
};
inline constexpr OptionRow verify_report_options[] = {
    {"--key", value, "KEY", "Only this key counts: a <key id>.json, hexadecimal or Base64."},
};
inline constexpr OptionRow demo_options[] = {
    {"--size", number, "N", "How many memories; the rest grows along. 2000 by default."},
    {"--seed", number, "N", "Other data from another seed; 1 by default."},
};

}  // namespace perdure::face::options
