#include <array>

#include "face/cli/commands/handlers.h"

namespace perdure::face {
namespace {

using enum OptionRow::Kind;

constexpr OptionRow destination{"--destination", value, "NAME",
                                "Only this destination: a name, or a folder."};
constexpr OptionRow dry_run{"--dry-run", flag, {}, "Tell what would be done; change nothing."};
constexpr OptionRow confirm{"--confirm", value, "NAME",
                            "Type the name of what would be lost. --yes does not replace it."};
constexpr OptionRow keep_rules[] = {
    {"--keep", number, "N", "Keep the newest N snapshots."},
    {"--keep-last", number, "N", "The same."},
    {"--keep-hourly", number, "N", "Keep the newest of N hours."},
    {"--keep-daily", number, "N", "Keep the newest of N days."},
    {"--keep-weekly", number, "N", "Keep the newest of N weeks."},
    {"--keep-monthly", number, "N", "Keep the newest of N months."},
    {"--keep-yearly", number, "N", "Keep the newest of N years."},
    {"--keep-within", value, "DURATION", "Keep everything younger, such as 30d."},
};

constexpr OptionRow quickstart_options[] = {
    {"--dir", value, "DIR", "Where the configuration and the backups go; here, by default."},
};
constexpr OptionRow init_options[] = {
    {"--path", value, "DIR", "Where the repository will rest; \"backups\", by default."},
    {"--no-key", flag, {}, "Do not make the key file when it is missing."},
    destination,
};
constexpr OptionRow config_check_options[] = {
    {"--offline", flag, {}, "Only read the file; do not try sources, destinations and key."},
};
constexpr OptionRow config_show_options[] = {
    {"--resolved", flag, {}, "Defaults too, each value with its origin."},
};
constexpr OptionRow config_schema_options[] = {
    {"--markdown", flag, {}, "The reference as Markdown instead."},
};
constexpr OptionRow status_options[] = {
    {"--exit-code", flag, {}, "Exit with 20 when something is overdue."},
    {"--offline", flag, {}, "Do not ask the destinations."},
};
constexpr OptionRow source_discover_options[] = {
    {"--server",
     flag,
     {},
     "The machine itself: databases that run, configs that differ from "
     "their package, files that no package owns, cron, systemd."},
    {"--root", value, "DIR", "With --server: where that machine's file system lies; / here."},
};
constexpr OptionRow source_add_options[] = {
    {"--type", value, "sqlite|files|git|command", "What kind of data it is."},
    {"--path", value, "FILE", "The database file, folder or repository."},
    {"--media", value, "DIR", "Media files that a database refers to."},
    {"--exclude", values, "PATTERN", "What stays out, gitignore syntax; may be repeated."},
    {"--one-file-system", flag, {}, "Stay on one file system."},
    {"--command", values, "WORD", "Program and arguments of a command source, one a time."},
    {"--output-name", value, "NAME", "File name for a command's output."},
    {"--no-discover", flag, {}, "Do not look into a database for people and records."},
};
constexpr OptionRow destination_add_options[] = {
    {"--type", value, "local", "The kind of store."},
    {"--path", value, "DIR", "The folder."},
};
constexpr OptionRow backup_options[] = {
    {"--type", value, "auto|full|incremental|differential", "What to compare with."},
    destination,
    {"--tag", values, "TAG", "A name for the snapshot; may be repeated.", 't'},
    dry_run,
};
constexpr OptionRow only_destination[] = {destination};
constexpr OptionRow show_options[] = {
    {"--files", flag, {}, "All files, not only the top level."},
    destination,
};
constexpr OptionRow verify_options[] = {
    {"--read-data", flag, {}, "Read and check every byte."},
    {"--sample", value, "PERCENT", "Read this part, least recently checked first: 5%."},
    {"--restore", flag, {}, "Also restore into a scratch place and compare (a drill)."},
    destination,
};
constexpr OptionRow diff_options[] = {
    {"--text", flag, {}, "Line by line, for text files that changed."},
    {"--limit", number, "N", "So many changes a table or folder; 20 by default, 0 for all."},
    destination,
};
constexpr OptionRow find_options[] = {
    {"--where", value, "CONDITION", "Records by condition instead of a text."},
    {"--exact", flag, {}, "Letters in the case as written."},
    {"--since", value, "TIME", "Only snapshots taken at or after this time."},
    {"--until", value, "TIME", "Only snapshots taken before this time."},
    {"--limit", number, "N", "Show so many; 100 by default, 0 for all."},
    destination,
};
constexpr OptionRow history_options[] = {
    {"--restore", number, "N", "Write version N into a folder."},
    {"--to", value, "DIR", "That folder."},
    destination,
};
constexpr OptionRow pin_options[] = {{"--reason", value, "TEXT", "Why it must stay."}, destination};
constexpr OptionRow delete_options[] = {confirm, destination};
constexpr OptionRow cleanup_options[] = {
    keep_rules[0], keep_rules[1], keep_rules[2], keep_rules[3], keep_rules[4],
    keep_rules[5], keep_rules[6], keep_rules[7], dry_run,       destination,
};
constexpr OptionRow preview_options[] = {
    keep_rules[0], keep_rules[1], keep_rules[2], keep_rules[3], keep_rules[4],
    keep_rules[5], keep_rules[6], keep_rules[7], destination,
};
constexpr OptionRow change_options[] = {dry_run, destination};
constexpr OptionRow map_owner{"--map-owner", values, "OLD=NEW",
                              "A user, :OLD=:NEW a group, by name or number; may be repeated."};
constexpr OptionRow map_path{"--map-path", values, "OLD=NEW",
                             "What lay below OLD comes to lie below NEW; may be repeated."};
constexpr OptionRow numeric_owners{
    "--numeric-owners", flag, {}, "Keep the numbers of owners; do not look for their names."};
constexpr OptionRow strategy{"--merge-strategy", value,
                             "keep-newer|keep-older|keep-oldest|keep-both|skip|overwrite",
                             "Who wins where both are there and differ; keep-newer by default."};
constexpr OptionRow remove_more{
    "--delete", flag, {}, "Also delete what the selection has there and the snapshot lacks."};
constexpr OptionRow map_column{"--map-column", values, "TABLE.OLD=NEW",
                               "Where a column's values go; nothing after = leaves them behind."};
constexpr OptionRow restore_at{"--at", value, "TIME",
                               "The latest state at or before this time, 2026-11-21T02:00:00Z."};
constexpr OptionRow scratch{"--scratch", value, "DIR",
                            "Where to unpack for comparing; TMPDIR by default."};
constexpr OptionRow filter_rows[] = {
    {"--type", values, "TYPE", "Only this record type; may be repeated, as all that follow."},
    {"--project", values, "NAME", "Only this project."},
    {"--category", values, "NAME", "Only this category."},
    {"--collection", values, "NAME", "Only this collection."},
    {"--tag", values, "TAG", "Only with this tag."},
    {"--subject", values, "KEY", "Only about this person."},
    {"--since", value, "TIME", "Created at or after this time."},
    {"--until", value, "TIME", "Created before this time."},
    {"--where", value, "CONDITION", "Such as: rating >= 4 and title like '%Alps%'."},
};
constexpr OptionRow restore_options[] = {
    {"--to", value, "TARGET", "live (in place), a folder (DIR/<source>/), or a database file."},
    restore_at,
    strategy,
    remove_more,
    map_column,
    map_owner,
    map_path,
    numeric_owners,
    filter_rows[0],
    filter_rows[1],
    filter_rows[2],
    filter_rows[3],
    filter_rows[4],
    filter_rows[5],
    filter_rows[6],
    filter_rows[7],
    filter_rows[8],
    scratch,
    confirm,
    destination,
};
constexpr OptionRow restore_plan_options[] = {
    {"--target", value, "TARGET", "live (in place, the default), a folder, or a database file."},
    restore_at,
    strategy,
    remove_more,
    map_column,
    filter_rows[0],
    filter_rows[1],
    filter_rows[2],
    filter_rows[3],
    filter_rows[4],
    filter_rows[5],
    filter_rows[6],
    filter_rows[7],
    filter_rows[8],
    {"--output", value, "FILE", "Where the plan goes; the state folder by default.", 'o'},
    {"--details", number, "N", "How many records to show with their fields; 10 by default."},
    scratch,
    destination,
};
constexpr OptionRow restore_apply_options[] = {
    {"--override", values, "RECORD=DECISION", "Another decision for one record; may be repeated."},
    scratch,
    confirm,
    destination,
};
constexpr OptionRow restore_undo_options[] = {
    dry_run,
    {"--partly", flag, {}, "Take back all the others where some records have to stay."},
    confirm,
    destination,
};
constexpr OptionRow drill_options[] = {
    {"--source", values, "NAME", "Only this source; may be repeated."},
    {"--scratch", value, "DIR", "Where to restore to for the test; TMPDIR by default."},
    {"--random", flag, {}, "Also an older snapshot, drawn at random."},
    {"--seed", number, "N", "The same, drawn by this number: the same one every time."},
    destination,
};
constexpr OptionRow report_output{"--output", value, "DIR",
                                  "Where the files go; perdure-reports by default.", 'o'};
constexpr OptionRow report_options[] = {report_output, destination};
constexpr OptionRow report_restore_options[] = {
    {"--source", values, "NAME", "Only this source; may be repeated."},
    {"--scratch", value, "DIR", "Where to restore to for the test; TMPDIR by default."},
    report_output,
    destination,
};
constexpr OptionRow report_permissions_options[] = {
    {"--restored", value, "DIR", "The folder that the snapshot was restored into."},
    map_owner,
    map_path,
    numeric_owners,
    report_output,
    destination,
};
constexpr OptionRow export_options[] = {
    {"--format", value, "FORMAT", "json by default; `perdure export formats` names them all.", 'f'},
    {"--output", value, "FILE", "The file, a new folder, or X.zip or X.tar.gz of a folder.", 'o'},
    {"--replace", flag, {}, "Take the place of a file that exists."},
    {"--source", value, "NAME", "Which source; needless where only one has records."},
    {"--snapshot", value, "SNAPSHOT", "From a snapshot instead of the live data."},
    {"--at", value, "TIME", "From the latest snapshot at or before this time."},
    {"--type", values, "TYPE", "Only this record type; may be repeated, as all that follow."},
    {"--project", values, "NAME", "Only this project."},
    {"--category", values, "NAME", "Only this category."},
    {"--collection", values, "NAME", "Only this collection."},
    {"--tag", values, "TAG", "Only with this tag."},
    {"--subject", values, "KEY", "Only about this person."},
    {"--since", value, "TIME", "Created at or after this time."},
    {"--until", value, "TIME", "Created before this time."},
    {"--where", value, "CONDITION", "Such as: rating >= 4 and title like '%Alps%'."},
    {"--fields", values, "NAME", "Only these columns or roles, in this order: title,created."},
    {"--redact", values, "NAME", "Leave the value of a column or role out: \"[redacted]\"."},
    {"--sort", value, "created|updated|title|collection|project|key", "The order of records."},
    {"--title", value, "TEXT", "The title; the source's name by default."},
    {"--media", value, "original|jpeg|webp|avif", "How pictures leave; as they are, by default."},
    {"--media-max", number, "PIXELS", "Pictures at most so long on their longer side."},
    {"--strip-location", flag, {}, "Take out of media where they were taken."},
    {"--no-media", flag, {}, "Leave media files out."},
    {"--profile", value, "NAME", "Options of [export.NAME] in the configuration; given ones win."},
    {"--theme", value, "NAME", "How it looks, where the format has themes."},
    {"--paper", value, "NAME", "The size of pages, such as a4, letter."},
    {"--layout", value, "NAME", "Another arrangement, where the format has some."},
    {"--option", values, "NAME=VALUE", "Any other option of the format."},
    {"--all-tables", flag, {}, "Tables without a mapping too, as types named like them."},
    {"--dialect", value, "data|spreadsheet", "Of csv: exact, or safe to open in a spreadsheet."},
    destination,
};
constexpr OptionRow runs_options[] = {{"--max", number, "N", "How many; 20 by default."}};
constexpr OptionRow batch_options[] = {
    {"--replace", flag, {}, "Take the place of files that exist."},
};
constexpr OptionRow share_options[] = {
    {"--output", value, "FILE", "The bundle; FILE.age by default.", 'o'},
    {"--expires", value, "DURATION", "How long the link is good; 7d by default."},
    {"--downloads", number, "N", "How often it may be fetched; any number, by default."},
    {"--passphrase", flag, {}, "Ask for a passphrase that is needed beside the secret."},
};
constexpr OptionRow check_options[] = {
    {"--read-data", flag, {}, "Read and check every byte."},
    {"--sample", value, "PERCENT", "Read this part, least recently checked first: 5%."},
    destination,
};
constexpr OptionRow compact_options[] = {
    dry_run,
    {"--grace", value, "DURATION", "How long deleted data stays recoverable; 7d by default."},
    destination,
};
constexpr OptionRow key_add_options[] = {
    {"--file", value, "FILE", "A key file; made when it does not exist."},
    {"--passphrase", flag, {}, "Ask for a passphrase."},
    {"--env", value, "NAME", "Take the secret from an environment variable."},
    {"--label", value, "TEXT", "A name for people."},
};
constexpr OptionRow only_confirm[] = {confirm};
constexpr OptionRow kit_options[] = {
    {"--output", value, "FILE", "Write the kit there; else it is printed.", 'o'},
};
constexpr OptionRow verify_report_options[] = {
    {"--key", value, "KEY", "Only this key counts: a <key id>.json, hexadecimal or Base64."},
};
constexpr OptionRow demo_options[] = {
    {"--size", number, "N", "How many memories; the rest grows along. 2000 by default."},
    {"--seed", number, "N", "Other data from another seed; 1 by default."},
};

constexpr auto rows = std::to_array<CommandRow>({
    {"quickstart", "TARGET", "Find, back up, verify, restore and prove: from nothing, in one go.",
     quickstart_options, run_quickstart, "perdure quickstart /srv/app/app.db"},
    {"demo", "[DIR]", "Make sample applications and run the whole story on them.", demo_options,
     run_demo, "perdure demo"},
    {"init", "", "Write a configuration if there is none; make the repository and its key.",
     init_options, run_init, "perdure init --path /mnt/backup/app"},
    {"config check", "", "Name every fault of the configuration; then try what it points at.",
     config_check_options, run_config_check, "perdure config check --offline"},
    {"config show", "", "Show what is configured, secrets left out.", config_show_options,
     run_config_show, "perdure config show --resolved"},
    {"config schema", "", "Print the JSON Schema of perdure.toml.", config_schema_options,
     run_config_schema, "perdure config schema > perdure.schema.json"},
    {"doctor", "", "Look for what could go wrong, from the key to the free space.",
     only_destination, run_doctor, "perdure doctor"},
    {"status", "", "One sentence of health, and five lights for every source.", status_options,
     run_status, "perdure status --exit-code"},

    {"source discover", "[PATH…]", "Look around for data worth keeping; propose sources.",
     source_discover_options, run_source_discover, "perdure source discover /srv/app"},
    {"source add", "NAME", "Add a source to the configuration.", source_add_options, run_source_add,
     "perdure source add photos --type files --path /srv/app/photos"},
    {"source list",
     "",
     "The sources, and when each was last backed up.",
     {},
     run_source_list,
     "perdure source list"},
    {"source test",
     "[SOURCE…]",
     "Whether the sources can be read now.",
     {},
     run_source_test,
     "perdure source test app"},
    {"destination add", "NAME", "Add a destination to the configuration and the repository.",
     destination_add_options, run_destination_add,
     "perdure destination add usb --path /mnt/usb/perdure"},
    {"destination list",
     "",
     "The destinations, their free space.",
     {},
     run_destination_list,
     "perdure destination list"},
    {"destination test",
     "[DESTINATION…]",
     "Prove live what a destination can do.",
     {},
     run_destination_test,
     "perdure destination test disk"},

    {"backup", "[SOURCE…]", "Take a snapshot of all sources, or of some.", backup_options,
     run_backup, "perdure backup --tag before-upgrade"},
    {"backup create", "[SOURCE…]", "The same.", backup_options, run_backup,
     "perdure backup create app"},
    {"backup list", "", "The snapshots, oldest first.", only_destination, run_backup_list,
     "perdure backup list"},
    {"backup show", "SNAPSHOT", "What a snapshot holds.", show_options, run_backup_show,
     "perdure backup show latest"},
    {"backup verify", "[SNAPSHOT]", "Prove that a snapshot is whole; the latest, by default.",
     verify_options, run_backup_verify, "perdure backup verify latest --read-data"},
    {"backup diff", "SNAPSHOT SNAPSHOT|live [SELECTOR…]",
     "What changed between two snapshots, or since one.", diff_options, run_backup_diff,
     "perdure backup diff before-upgrade latest app:memory"},
    {"backup find", "[TEXT] [SELECTOR…]", "Look through all snapshots; each block is read once.",
     find_options, run_backup_find, "perdure backup find \"old address\" app:memory"},
    {"backup history", "SELECTOR", "Every version of one record or file, over all snapshots.",
     history_options, run_backup_history, "perdure backup history app:memory/17"},
    {"backup pin", "SNAPSHOT", "Keep a snapshot whatever the rules say.", pin_options,
     run_backup_pin, "perdure backup pin before-upgrade --reason \"audit 2026\""},
    {"backup unpin", "SNAPSHOT", "Let the rules decide again.", only_destination, run_backup_unpin,
     "perdure backup unpin before-upgrade"},
    {"backup delete", "SNAPSHOT", "Delete one snapshot.", delete_options, run_backup_delete,
     "perdure backup delete 3f9a21bc --confirm 3f9a21bc0d4e"},
    {"backup cleanup", "", "Delete the snapshots that no retention rule keeps.", cleanup_options,
     run_backup_cleanup, "perdure backup cleanup --keep-daily 7 --keep-weekly 5"},
    {"backup sync", "", "Bring all destinations to the same state.", change_options,
     run_backup_sync, "perdure backup sync"},
    {"backup restore", "SNAPSHOT [SELECTOR…]", "The same as restore.", restore_options, run_restore,
     "perdure backup restore latest --to /tmp/back"},

    {"restore", "SNAPSHOT [SELECTOR…]", "Put back everything, sources, files or single records.",
     restore_options, run_restore, "perdure restore latest app:memory/17 --to live --confirm app"},
    {"restore plan", "SNAPSHOT [SELECTOR…]", "Tell what a restore would do, record by record.",
     restore_plan_options, run_restore_plan, "perdure restore plan latest app:memory -o plan.json"},
    {"restore apply", "PLAN", "Do what a plan says, after a safety snapshot.",
     restore_apply_options, run_restore_apply, "perdure restore apply plan.json --confirm app"},
    {"restore undo", "[RUN]", "Take a restore back; without a run, list them.",
     restore_undo_options, run_restore_undo, "perdure restore undo 12 --confirm app"},
    {"restore drill", "[SOURCE|SNAPSHOT]",
     "Restore into a scratch place, check, compare; a signed report.", drill_options,
     run_restore_drill, "perdure restore drill app --random"},
    {"restore drill list",
     "",
     "Past drills, from their signed reports.",
     {},
     run_restore_drill_list,
     "perdure restore drill list"},

    {"export", "", "Write records, live or of any snapshot, into a file people can use.",
     export_options, run_export, "perdure export --format csv --type memory -o memories.csv"},
    {"export resume",
     "FILE",
     "Go on with an export that was stopped or killed.",
     {},
     run_export_resume,
     "perdure export resume memories.csv"},
    {"export batch", "FILE", "Carry out a list of exports: [export.NAME] sections of TOML.",
     batch_options, run_export_batch, "perdure export batch exports.toml"},
    {"export list", "", "What was exported: when, of what, where to, its digest.", runs_options,
     run_export_list, "perdure export list"},
    {"export verify",
     "FILE",
     "Whether an export is what was written, byte for byte and record by record.",
     {},
     run_export_verify,
     "perdure export verify memories.zip"},
    {"export share", "FILE", "Encrypt an export for somebody else, with a secret that can expire.",
     share_options, run_export_share, "perdure export share memories.zip --expires 3d"},
    {"export share list",
     "",
     "What is shared, until when.",
     {},
     run_export_share_list,
     "perdure export share list"},
    {"export share revoke",
     "SHARE",
     "Take a share back.",
     {},
     run_export_share_revoke,
     "perdure export share revoke 5e0c91aa01f2"},
    {"export formats",
     "",
     "The formats, and what they write.",
     {},
     run_export_formats,
     "perdure export formats"},
    {"export template list",
     "",
     "Templates beside the configuration, and those built in.",
     {},
     run_export_template_list,
     "perdure export template list"},
    {"export template show",
     "TEMPLATE",
     "Print a template, to begin one's own with.",
     {},
     run_export_template_show,
     "perdure export template show atom > templates/feed.xml"},
    {"export template check",
     "TEMPLATE",
     "Whether a template can be used; where not, the line.",
     {},
     run_export_template_check,
     "perdure export template check templates/letter.html"},
    {"export schema",
     "FORMAT",
     "Print the schema that every export of a format fits: json, ndjson, xml.",
     {},
     run_export_schema,
     "perdure export schema xml > perdure-export.xsd"},

    {"retention preview", "", "Which rule keeps which snapshot, and what would go.",
     preview_options, run_retention_preview, "perdure retention preview"},
    {"repo check", "", "Check the whole repository.", check_options, run_repo_check,
     "perdure repo check --sample 5%"},
    {"repo repair", "", "Mend what can be mended; name exactly what cannot.", change_options,
     run_repo_repair, "perdure repo repair --dry-run"},
    {"repo compact", "", "Give back the space of deleted snapshots.", compact_options,
     run_repo_compact, "perdure repo compact"},
    {"repo stats", "", "What the repository holds, and what it saves.", only_destination,
     run_repo_stats, "perdure repo stats"},
    {"key add", "", "Add another way to open the repository.", key_add_options, run_key_add,
     "perdure key add --passphrase --label \"Ada\""},
    {"key list", "", "The keys that open the repository.", {}, run_key_list, "perdure key list"},
    {"key remove", "KEY", "Let a key open nothing any more.", only_confirm, run_key_remove,
     "perdure key remove 5e0c91aa --confirm 5e0c91aa"},
    {"key rotate",
     "",
     "Fresh inner keys; everybody's secret stays valid.",
     {},
     run_key_rotate,
     "perdure key rotate"},
    {"key recovery-kit", "", "Make a recovery phrase to print and lock away.", kit_options,
     run_key_recovery_kit, "perdure key recovery-kit -o perdure-recovery.txt"},
    {"verify-report", "FILE", "Whether a signed report is unchanged, and whose it is.",
     verify_report_options, run_verify_report, "perdure verify-report drill-20261125T201500Z.json"},
    {"report inventory", "[PATH]", "What lies at a place, and which of it is protected; signed.",
     report_options, run_report_inventory, "perdure report inventory /srv -o evidence"},
    {"report integrity", "[SNAPSHOT]", "SHA-256 of every file and table of a snapshot; signed.",
     report_options, run_report_integrity, "perdure report integrity latest -o evidence"},
    {"report permissions", "[SNAPSHOT]",
     "A restored folder's owners, modes and access lists against its snapshot; signed.",
     report_permissions_options, run_report_permissions,
     "perdure report permissions latest --restored /srv/new -o evidence"},
    {"report restore", "[SNAPSHOT]", "A restore test with its checks; signed.",
     report_restore_options, run_report_restore, "perdure report restore latest -o evidence"},
    {"report custody", "", "Who handed on what, and when, from the first backup on; signed.",
     report_options, run_report_custody, "perdure report custody -o evidence"},
    {"report key show",
     "",
     "The keys that reports were and are signed with.",
     {},
     run_report_key_show,
     "perdure report key show"},
    {"report key rotate",
     "",
     "Sign with a fresh key from now on; old reports stay valid.",
     {},
     run_report_key_rotate,
     "perdure report key rotate"},
    {"runs list", "", "What ran, and how it ended.", runs_options, run_runs_list,
     "perdure runs list"},
    {"runs show",
     "RUN",
     "One run, with everything that it skipped.",
     {},
     run_runs_show,
     "perdure runs show 12"},
    {"completion",
     "SHELL",
     "A completion script for bash, zsh or fish.",
     {},
     run_completion,
     "perdure completion bash > /etc/bash_completion.d/perdure"},
    {"version", "", "The version of this program.", {}, run_version, "perdure version"},
});

constexpr auto global_rows = std::to_array<OptionRow>({
    {"--json", flag, {}, "JSON Lines on stdout; the last line is the summary."},
    {"--config", value, "FILE", "The configuration; perdure.toml here or above, by default.", 'c'},
    {"--quiet", flag, {}, "No talk, only data, warnings and errors.", 'q'},
    {"--verbose", flag, {}, "More talk.", 'v'},
    {"--no-color", flag, {}, "No colours (NO_COLOR does the same)."},
    {"--no-input", flag, {}, "Never ask; fail instead."},
    {"--yes", flag, {}, "Answer harmless questions with yes.", 'y'},
    {"--timeout", value, "DURATION", "Stop cleanly after this long."},
    {"--help", flag, {}, "Help about a command.", 'h'},
});

}  // namespace

std::span<CommandRow const> commands() {
    return rows;
}
std::span<OptionRow const> global_options() {
    return global_rows;
}

}  // namespace perdure::face
