#include "service/report/runbook.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/ascii.h"
#include "repository/keyring/keyring.h"
#include "service/config/shown/hidden_words.h"
#include "service/health/health.h"
#include "service/health/objectives.h"
#include "service/report/drills.h"
#include "service/snapshots.h"

// A page that is read in the worst hour, by somebody who may never have seen perdure: every command
// stands as it is typed, in the order in which it is needed, with the names of this installation.

namespace perdure::service {
namespace {

constexpr std::size_t drills_told_max = 5;
constexpr char const* back = "/srv/restore";

/// A word for a shell.
std::string word(std::string const& text) {
    bool const plain = !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_ascii_alphanumeric(c) || std::string_view("/._-+:=@,%").contains(c);
    });
    if (plain) return text;
    std::string out = "'";
    for (char const c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// The page is printed, and lies where others see it.
std::string words(std::vector<std::string> const& argv) {
    std::string out;
    for (auto const& one : without_secrets(argv)) out += (out.empty() ? "" : " ") + word(one);
    return out;
}

/// Text for a cell of a table, or a line: nothing in it can end either.
std::string cell(std::string const& text) {
    std::string out;
    for (char const c : text) {
        if (c == '|' || c == '`' || c == '*' || c == '<' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
}

std::string basic_string(std::string const& text) {
    std::string out = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string key_words(KeyReference const& key) {
    using Way = KeyReference::Way;
    switch (key.way) {
        case Way::file:
            return "the key file " + key.value;
        case Way::environment:
            return "the environment variable " + key.value;
        case Way::credential:
            return "the systemd credential " + key.value;
        case Way::command:
            return "what this program prints: " + words(key.argv);
        case Way::prompt:
            return "a passphrase that somebody knows and types";
        case Way::literal:
            return "a key that stands in the configuration file (move it out of there)";
        case Way::none:
            break;
    }
    return "nothing: the configuration names no key";
}

std::string_view slot_words(repository::SlotKind kind) {
    switch (kind) {
        case repository::SlotKind::passphrase:
            return "passphrase";
        case repository::SlotKind::key_file:
            return "key file";
        case repository::SlotKind::recovery_phrase:
            return "recovery phrase (the printed kit)";
        case repository::SlotKind::command:
            return "output of a program";
    }
    return "";
}

class Writer {
public:
    explicit Writer(Workspace& workspace) : workspace_(workspace), config_(workspace.config()) {
        sources_ = config_.sources;
        std::ranges::stable_sort(sources_, {}, &SourceConfig::priority);
    }

    Runbook run() {
        look();
        head();
        what_is_protected();
        where_it_rests();
        keys();
        bare_machine();
        put_back();
        smaller_accidents();
        lost_keys();
        drills();
        people();
        appendix();
        return std::move(out_);
    }

private:
    void line(std::string const& text = {}) { out_.markdown += text + "\n"; }
    void code(std::vector<std::string> const& lines, char const* language = "sh") {
        line(fmt::format("```{}", language));
        for (auto const& each : lines) line(each);
        line("```");
    }
    void unasked(std::string const& what, Error const& error) {
        out_.problems.push_back({what, error.message()});
    }

    void look();
    void head();
    void what_is_protected();
    void where_it_rests();
    void keys();
    void bare_machine();
    void put_back();
    void put_back(SourceConfig const& source);
    void smaller_accidents();
    void lost_keys();
    void drills();
    void people();
    void appendix();
    repository::SourceSnapshot const* stored(std::string const& name) const;

    Workspace& workspace_;
    Config const& config_;
    std::vector<SourceConfig> sources_;
    std::optional<repository::Snapshot> newest_;
    std::size_t snapshots_ = 0;
    std::vector<repository::SlotInfo> slots_;
    std::string repository_id_;
    Runbook out_;
};

void Writer::look() {
    auto repository = workspace_.repository();
    if (!repository) return unasked("repository", repository.error());
    repository_id_ = to_hex((*repository)->id());
    slots_ = (*repository)->keyring().slots();
    auto list = list_snapshots(workspace_);
    if (!list) return unasked("snapshots", list.error());
    for (auto& problem : list->damaged) out_.problems.push_back(std::move(problem));
    snapshots_ = list->snapshots.size();
    if (auto newest = choose_snapshot(list->snapshots, "latest", {})) newest_ = std::move(*newest);
}

repository::SourceSnapshot const* Writer::stored(std::string const& name) const {
    if (!newest_) return nullptr;
    auto const at = std::ranges::find(newest_->sources, name, &repository::SourceSnapshot::name);
    return at == newest_->sources.end() ? nullptr : &*at;
}

void Writer::head() {
    char host[256] = {};
    static_cast<void>(gethostname(host, sizeof host - 1));
    line(fmt::format("# Disaster runbook of {}", cell(host)));
    line(fmt::format(
        "Made {} by perdure {} from {}. It holds no secret. Print it, keep it where "
        "this machine's fire does",
        to_rfc3339(system::real_clock().now()), PERDURE_VERSION, cell(config_.file.string())));
    line("not reach it, and make it anew after every change of the configuration:");
    code({"perdure report runbook -o runbook.md --replace"});
    line("## At a glance");
    line("- " + cell(assess(workspace_, false).sentence));
    if (newest_) {
        line(fmt::format("- Newest snapshot: {} of {}, {} in all.", short_id(newest_->id()),
                         to_rfc3339(newest_->finished), snapshots_));
    } else {
        line("- **No snapshot could be read when this page was made.**");
    }
    auto const objectives = measure_objectives(workspace_, false);
    if (!objectives) return unasked("objectives", objectives.error());
    for (auto const& one : *objectives) {
        line(fmt::format("- {}{}: wanted {}, measured {}{}", one.name,
                         one.about.empty() ? "" : " of " + cell(one.about), one.wanted,
                         one.measured.empty() ? "never" : one.measured,
                         one.met ? "." : " — **not met**."));
    }
}

void Writer::what_is_protected() {
    line();
    line("## What is protected");
    line("In the order of restoring: the most critical first.");
    line();
    line("| | source | kind | lives at | newest state |");
    line("|---|---|---|---|---|");
    for (auto const& source : sources_) {
        auto const& options = source.options;
        std::string place = options.type == "command" ? "output of: " + words(options.command)
                                                      : options.path.string();
        if (!options.media.empty()) place += ", media in " + options.media.string();
        auto const* const state = stored(options.name);
        line(fmt::format("| {} | {} | {} | {} | {} |", source.priority, cell(options.name),
                         options.type, cell(place),
                         state ? fmt::format("{} items, {} bytes", state->items, state->bytes_total)
                               : std::string("**not in the newest snapshot**")));
    }
    for (auto const& source : sources_) {
        auto const& options = source.options;
        for (auto const& rule : options.exclude) {
            line(fmt::format("- Left out of {} on purpose: {}", cell(options.name), cell(rule)));
        }
        for (auto const& [column, how] : options.mask) {
            line(fmt::format("- Never stored of {}: {}", cell(options.name), cell(column)));
        }
    }
    line("What lies on the machine and no source covers: `perdure report inventory /`.");
}

void Writer::where_it_rests() {
    line();
    line("## Where the backups rest");
    auto const config = workspace_.repository_config();
    if (!config) return line("**" + cell(config.error().message()) + "**");
    bool const all = std::ranges::all_of(workspace_.destinations(), &DestinationConfig::keys);
    line(fmt::format("Repository \"{}\"{}. Each of these holds {}:", cell((*config)->name),
                     repository_id_.empty() ? "" : ", id " + repository_id_,
                     all ? "all of it"
                         : "all of it, but \"without keys\" is of no use unless one of the others "
                           "lives"));
    line();
    line("| destination | kind | place | when this page was made |");
    line("|---|---|---|---|");
    auto const opened = workspace_.store();
    auto const legs = workspace_.health();
    for (auto const& destination : workspace_.destinations()) {
        auto const leg = std::ranges::find(legs, destination.name, &store::LegHealth::name);
        std::string state = "could not be reached";
        if (opened && leg != legs.end()) {
            state = !leg->degraded ? "reachable"
                    : leg->error   ? leg->error->message()
                                   : "missed something";
        }
        if (!destination.keys) state = "without keys; " + state;
        line(fmt::format("| {} | {} | {} | {} |", cell(destination.name), destination.type,
                         cell(destination.path.string()), cell(state)));
    }
}

void Writer::keys() {
    line();
    line("## Which keys open them");
    auto const config = workspace_.repository_config();
    if (!config) return;
    line(fmt::format("This machine opens the repository with {}. Any one of these is enough:",
                     cell(key_words((*config)->key))));
    line();
    for (auto const& slot : slots_) {
        line(fmt::format("- {}{}, made {}: kept at ______________________", slot_words(slot.kind),
                         slot.label.empty() ? "" : " \"" + cell(slot.label) + "\"",
                         to_rfc3339(slot.created)));
    }
    if (slots_.empty()) line("- (the repository could not be asked; see `perdure key list`)");
    bool const kit = std::ranges::any_of(slots_, [](auto const& slot) {
        return slot.kind == repository::SlotKind::recovery_phrase;
    });
    if (!slots_.empty() && !kit) {
        line(
            "- **There is no recovery kit.** If this machine burns, the key burns with it: "
            "`perdure key recovery-kit -o perdure-recovery.txt`, print it, delete the file.");
    }
    line();
    line("Without one of them nobody can read the backups, their makers included.");
}

void Writer::bare_machine() {
    line();
    line("## A bare machine, step by step");
    line("1. Install perdure (one program, Debian 12 or later), as root.");
    line(
        "2. Bring one destination that holds keys: plug the disk in, mount the share, or copy the "
        "folder. Bring "
        "one key: the printed kit, typed into a file, or the key file.");
    line(
        "3. In an empty folder, write `perdure.toml` with the place where the destination is now:");
    auto const& all = workspace_.destinations();
    auto const home = std::ranges::find_if(all, &DestinationConfig::keys);
    std::string const name = home == all.end() ? std::string("disk") : home->name;
    std::string const path = home == all.end() ? std::string("/mnt/backups") : home->path.string();
    code(
        {"version = 1", "[repository.main]", fmt::format("destinations = [{}]", basic_string(name)),
         "key = { file = \"perdure-recovery.txt\" }    # or the key file",
         fmt::format("[destination.{}]", name), "type = \"local\"",
         fmt::format("path = {}", basic_string(path))},
        "toml");
    line("4. Look before you touch anything; both only read:");
    code({"perdure backup list", "perdure repo check"});
    line(fmt::format("5. Bring everything back into {}, which has to be new or empty:", back));
    code({fmt::format("perdure restore latest --to {}", back)});
    line(
        "   Exit code 0: all of it. 3: something was passed over and is named. 14: something is "
        "damaged; `perdure repo repair --dry-run` says what another destination can mend.");
    line(
        "   Damage or deletion that was backed up too: choose an older state with "
        "`--at 2026-11-20T12:00:00Z` or a snapshot's id instead of `latest`.");
}

void Writer::put_back() {
    line("6. Put each source where its application expects it, in this order:");
    for (auto const& source : sources_) put_back(source);
    line();
    line("7. Check owners and modes, then let the applications run, then protect them again:");
    code({fmt::format("perdure report permissions latest --restored {}", back), "perdure backup",
          "perdure restore drill"});
    line(
        "   Other user names or paths on the new machine: `--map-owner alice=deploy`, "
        "`--map-path /var/www=/srv/web` with restore and with the report.");
}

void Writer::put_back(SourceConfig const& source) {
    auto const& options = source.options;
    std::string const from = std::string(back) + "/" + options.name;
    std::vector<std::string> steps;
    if (!source.quiesce.empty()) steps.push_back(words(source.quiesce));
    if (options.type == "command") {
        std::string const file =
            options.output_name.empty() ? options.name + ".out" : options.output_name;
        steps.push_back(fmt::format("# {} is what this printed; feed it to its counterpart: {}",
                                    word(from + "/" + file), words(options.command)));
    } else if (!options.path.empty() && options.type != "files" && options.type != "git") {
        auto const target = options.path.string();
        steps.push_back("mkdir -p " + word(options.path.parent_path().string()));
        steps.push_back(fmt::format("rm -f {} {}   # a log of the old file would spoil the new one",
                                    word(target + "-wal"), word(target + "-shm")));
        steps.push_back(fmt::format(
            "cp -a {} {}", word(from + "/" + options.path.filename().string()), word(target)));
        steps.push_back(
            fmt::format("chown USER:GROUP {}   # whom the application runs as", word(target)));
        if (!options.media.empty()) {
            steps.push_back(
                fmt::format("rsync -aHAX {}/ {}/",
                            word(from + "/" + origin::relocated(options, {}).media.string()),
                            word(options.media.string())));
        }
    } else {
        steps.push_back("mkdir -p " + word(options.path.string()));
        steps.push_back(fmt::format("rsync -aHAX --numeric-ids {}/ {}/", word(from),
                                    word(options.path.string())));
        if (options.type == "git") {
            steps.push_back(fmt::format("git -C {} fsck --full", word(options.path.string())));
        }
    }
    if (!source.resume.empty()) steps.push_back(words(source.resume));
    line();
    line(fmt::format("   **{}** ({}):", cell(options.name), options.type));
    code(steps);
    for (auto const& invariant : source.invariants) {
        line(fmt::format("   Must hold afterwards, {}: {}", cell(invariant.name),
                         invariant.argv.empty() ? "no rows from " + cell(invariant.sql)
                                                : "exit 0 of " + cell(words(invariant.argv))));
    }
}

void Writer::smaller_accidents() {
    line();
    line("## Smaller accidents");
    line("What happened, and when (nothing here changes anything):");
    code({"perdure backup diff latest live", "perdure backup find \"some text\"",
          "perdure runs list"});
    for (auto const& source : sources_) {
        auto const& options = source.options;
        if (!options.mapping.records.empty()) {
            auto const& record = options.mapping.records.front().type;
            line(fmt::format("One record of {}, in place, with a preview and a way back:",
                             cell(options.name)));
            code({fmt::format("perdure backup history {}:{}/KEY", options.name, record),
                  fmt::format("perdure restore plan latest {}:{}/KEY -o plan.json", options.name,
                              record),
                  fmt::format("perdure restore apply plan.json --confirm {}", word(options.name)),
                  "perdure restore undo RUN --confirm " + word(options.name)});
        } else if (options.type == "files" || options.type == "git") {
            line(fmt::format("One file or folder of {}:", cell(options.name)));
            code({fmt::format("perdure backup history {}/PATH", options.name),
                  fmt::format("perdure restore latest {}/PATH --to {}", options.name, back)});
        }
    }
}

void Writer::lost_keys() {
    line();
    line("## When a part of the rescue is lost too");
    line("| lost | then |");
    line("|---|---|");
    line(
        "| the key file | any other key of the list above opens everything; afterwards "
        "`perdure key remove` the lost one and `perdure key add` another |");
    line("| every key | the backups cannot be read by anybody |");
    if (!std::ranges::all_of(workspace_.destinations(), &DestinationConfig::keys)) {
        line(
            "| every destination that holds keys | the backups cannot be read by anybody: bring a "
            "second one, or let `keys` be true at another |");
    }
    line(
        "| one destination | another holds all of it: `--destination NAME`; later "
        "`perdure backup sync` fills a new one |");
    line(
        "| a key in wrong hands | `perdure key remove ID --confirm ID`: everything gets fresh "
        "inner keys |");
    line(
        "| some of the stored data | `perdure repo repair --dry-run`, then without; what cannot "
        "be mended is named file by file |");
    line("| destinations that disagree about keys | `perdure key merge`, which explains first |");
    line(
        "| perdure itself | docs/FORMAT.md describes every byte; an independent reader in Python "
        "lies in tests/golden |");
}

void Writer::drills() {
    line();
    line("## Last tests");
    auto const past = past_drills(workspace_.state_folder());
    if (!past) return unasked("drills", past.error());
    if (past->empty()) {
        return line(
            "**No restore was ever tested.** `perdure restore drill` does it in a scratch "
            "folder, now.");
    }
    line("| when | source | result | proof | recovery time |");
    line("|---|---|---|---|---|");
    std::size_t told = 0;
    for (auto drill = past->rbegin(); drill != past->rend() && told < drills_told_max;
         ++drill, ++told) {
        line(fmt::format("| {} | {} | {} | {} | {:.1f} s |", cell(drill->when), cell(drill->source),
                         !drill->intact  ? "**report changed**"
                         : drill->passed ? "passed"
                                         : "**failed**",
                         drill->equality, static_cast<double>(drill->rto_ms) / 1000));
    }
}

void Writer::people() {
    line();
    line("## Whom to call");
    line("| role | name | telephone |");
    line("|---|---|---|");
    for (char const* role : {"decides about a restore", "holds a recovery kit", "owns the machine",
                             "owns the destinations", "data protection"}) {
        line(fmt::format("| {} | | |", role));
    }
}

void Writer::appendix() {
    line();
    line("## Appendix: the configuration");
    line("Enough to write `perdure.toml` anew; what looks like a secret stands as `[redacted]`.");
    std::vector<std::string> lines;
    for (auto const& value : show_config(config_, false)) {
        bool const hidden = value.value == "[redacted]";
        lines.push_back(hidden ? "# " + value.path + " stood here in plain text"
                               : value.path + " = " + value.value);
    }
    code(lines, "toml");
    if (out_.problems.empty()) return;
    line("## What could not be asked when this page was made");
    for (auto const& problem : out_.problems) {
        line(fmt::format("- {}: {}", cell(problem.path), cell(problem.reason)));
    }
}

}  // namespace

Runbook make_runbook(Workspace& workspace) {
    return Writer(workspace).run();
}

}  // namespace perdure::service
