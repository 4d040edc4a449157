#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "service/setup/demo.h"

namespace perdure::face {
namespace {

using service::QuickstartAnswer;
using service::Stage;

constexpr double worth_a_look = 0.7;

struct Totals {
    std::uint64_t tables = 0, rows = 0, subjects = 0;
};

Totals totals_of(origin::Inventory const& inventory) {
    Totals out;
    for (auto const& database : inventory.databases) {
        out.tables += database.tables;
        out.rows += database.rows;
    }
    return out;
}

/// Tells a quickstart as it goes: what is being done on the progress line, what came of it as a
/// line.
class Story {
public:
    explicit Story(Invocation& in) : in_(in) {}

    void begin(Stage stage) {
        constexpr std::string_view words[] = {"",
                                              "looking around",
                                              "writing the configuration",
                                              "making the key",
                                              "backing up",
                                              "verifying",
                                              "restoring",
                                              ""};
        view_.reset();
        auto const word = words[static_cast<std::size_t>(stage)];
        if (!word.empty()) view_.emplace(in_.out(), std::string(word), 0);
    }

    void tell(Stage stage, QuickstartAnswer const& answer) {
        view_.reset();
        switch (stage) {
            case Stage::discover:
                return discovered(answer);
            case Stage::space:
                return line("space", fmt::format("{} needed at most, {} free",
                                                 spell_bytes(answer.bytes_needed),
                                                 spell_bytes(answer.bytes_free)));
            case Stage::configure:
                return line("wrote", "perdure.toml, what is protected and how sure each line is");
            case Stage::key:
                return line("made",
                            "perdure.key and perdure-recovery.txt; nothing else opens the "
                            "backups");
            case Stage::backup:
                return backed_up(answer);
            case Stage::verify:
                return line("verified",
                            fmt::format("every byte of {} read and proven",
                                        plural(answer.verify.report.blobs, "blob")),
                            answer.verify.passed());
            case Stage::drill:
                return drilled(answer);
            case Stage::done:
                return;
        }
    }

    repository::Progress hook() {
        return {.report =
                    [this](std::uint64_t items, std::uint64_t bytes, std::string_view current) {
                        if (view_) view_->report(items, bytes, current);
                    },
                .reading =
                    [this](std::uint64_t bytes, std::string_view name) {
                        if (view_) view_->reading(bytes, name);
                    }};
    }

    void line(std::string const& what, std::string const& text, bool good = true) {
        auto const& style = in_.out().out_style();
        in_.out().line(
            fmt::format("  {} {:<14}{}", good ? style.green("✓") : style.red("✗"), what, text));
        JsonObject object;
        object.put("stage", what).put("text", text).put("passed", good);
        in_.out().event("stage", object);
    }

private:
    void detail(std::string const& text) {
        in_.out().line(std::string(18, ' ') + in_.out().out_style().dim(text));
    }

    void discovered(QuickstartAnswer const& answer) {
        auto const& found = answer.inventory;
        auto const totals = totals_of(found);
        std::string text;
        auto const add = [&](std::size_t count, std::string_view one, std::string_view many = {}) {
            if (count > 0) text += (text.empty() ? "" : ", ") + plural(count, one, many);
        };
        add(found.databases.size(), "database");
        add(totals.tables, "table");
        add(totals.rows, "row");
        add(found.repositories.size(), "git repository", "git repositories");
        add(found.certificates.size(), "certificate");
        add(found.files, "file");
        line("looked around", text + ", " + spell_bytes(found.bytes));
        for (auto const& proposed : found.proposed) source_lines(proposed.options);
        doubts(found);
    }

    void source_lines(origin::SourceOptions const& source) {
        std::string text = fmt::format("{} ({})", source.name, source.type);
        if (auto const& subjects = source.mapping.subjects) {
            text += fmt::format(", people in \"{}\"", subjects->table);
        }
        std::vector<std::string> records;
        for (auto const& record : source.mapping.records) records.push_back(record.type);
        if (!records.empty()) text += ", records: " + joined(records);
        if (!source.media.empty()) text += ", media in " + source.media.filename().string() + "/";
        detail(text);
    }

    void doubts(origin::Inventory const& found) {
        std::size_t unsure = 0;
        for (auto const& database : found.databases) {
            for (auto const& guess : database.guesses) unsure += guess.confidence < worth_a_look;
        }
        if (unsure > 0) {
            detail(fmt::format("{} of the mapping {} worth a look in perdure.toml",
                               plural(unsure, "line"), unsure == 1 ? "is" : "are"));
        }
        std::size_t shown = 0;
        for (auto const& one : found.not_covered) {
            if (shown++ == 5) {
                detail(fmt::format("… and {} more not covered", found.not_covered.size() - 5));
                break;
            }
            detail(fmt::format("not covered: {}: {}", printable(one.path.string()),
                               printable(one.why)));
        }
    }

    void backed_up(QuickstartAnswer const& answer) {
        auto const& report = answer.backup.report;
        std::uint64_t people = 0;
        for (auto const& source : report.sources) people += source.subjects;
        std::string text = fmt::format("{}, {} read, {} stored", plural(report.items, "item"),
                                       spell_bytes(report.bytes_read),
                                       spell_bytes(report.statistics.bytes_stored));
        if (people > 0) {
            text += fmt::format(", {} each under {} own key", plural(people, "person", "people"),
                                people == 1 ? "its" : "their");
        }
        line("backed up", text + fmt::format(" ({})", spell_seconds(answer.backup.duration_s)));
        in_.problems(answer.backup.problems);
    }

    void drilled(QuickstartAnswer const& answer) {
        for (auto const& source : answer.drill.sources) {
            std::string text = source.name + ": " + std::string(equality_words(source.equality));
            if (source.equality == job::Equality::equal_to_live) {
                text += ", digest " + to_hex(source.restored.hash).substr(0, 12);
            }
            line("restored", text + fmt::format(" ({})", spell_seconds(source.restore_s)),
                 source.passed());
            in_.problems(source.problems, "failed");
            tell_not_judged(in_.out(), source);
        }
    }

    Invocation& in_;
    std::optional<ProgressView> view_;
};

void summarise(Invocation& in, QuickstartAnswer const& answer) {
    auto const totals = totals_of(answer.inventory);
    auto& summary = in.summary();
    summary.put_path("config", answer.config.string());
    summary.put_path("key_file", answer.key_file.string());
    summary.put_path("recovery_kit", answer.recovery_kit.string());
    auto const& report = answer.backup.report;
    summary.put("snapshot", report.snapshot ? report.snapshot->id() : std::string());
    summary.put("items", report.items).put("bytes_read", report.bytes_read);
    summary.put("bytes_new", report.statistics.bytes_new);
    summary.put("bytes_stored", report.statistics.bytes_stored);
    summary.put("tables", totals.tables).put("rows", totals.rows);
    summary.put("verified", answer.verify.passed()).put("drilled", answer.drill.passed());
    JsonArray sources;
    for (auto const& source : answer.drill.sources) {
        JsonObject object;
        object.put("name", source.name).put("type", source.type).put("passed", source.passed());
        object.put("equal_to_live", source.equality == job::Equality::equal_to_live);
        object.put("digest", to_hex(source.restored.hash));
        sources.add(object);
    }
    summary.put("sources", sources).put("health", answer.health.sentence);
    summary.put_path("drill_report", answer.drill_report.string());
    summary.put("duration_s", answer.duration_s);
}

int code_of(QuickstartAnswer const& answer) {
    if (!answer.verify.passed() || !answer.drill.passed()) return service::exit_code::integrity;
    return answer.backup.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

void tell_next(Invocation& in, QuickstartAnswer const& answer) {
    auto const& style = in.out().out_style();
    auto& out = in.out();
    auto const next = [&](char const* command, char const* words) {
        out.line(fmt::format("  {}{}", style.cyan(fmt::format("{:<34}", command)), words));
    };
    out.line();
    out.line(style.bold(answer.health.sentence));
    out.line();
    next("perdure backup", "again, whenever you like: only what changed is stored");
    next("perdure restore latest --to DIR", "everything back, into a folder of its own");
    next("perdure status", "whether it is still so");
    out.line();
    out.line(
        style.dim(fmt::format("Print {}, lock it away, and delete it here: it opens every "
                              "backup.",
                              answer.recovery_kit.filename().string())));
}

service::QuickstartCall call_of(Invocation& in, Story& story) {
    service::QuickstartCall call;
    call.stop = in.stop();
    call.ask_secret = in.ask_secret();
    call.progress = story.hook();
    call.begin = [&story](Stage stage) { story.begin(stage); };
    return call;
}

}  // namespace

Result<int> run_quickstart(Invocation& in) {
    Story story(in);
    auto call = call_of(in, story);
    call.target = in.arguments().positional.front();
    call.folder = in.arguments().value("--dir", ".");
    in.out().line();
    PD_TRY(auto const answer,
           service::quickstart(call, [&](Stage stage, QuickstartAnswer const& so_far) {
               story.tell(stage, so_far);
           }));
    summarise(in, answer);
    tell_next(in, answer);
    return code_of(answer);
}

Result<int> run_demo(Invocation& in) {
    auto const& arguments = in.arguments();
    auto const& words = arguments.positional;
    Story story(in);
    service::DemoCall call;
    call.folder = words.empty() ? "perdure-demo" : words.front();
    call.sample.seed = arguments.number("--seed", 1);
    call.sample.size = arguments.number("--size", call.sample.size);
    call.quickstart = call_of(in, story);
    auto& out = in.out();
    auto const& style = out.out_style();
    out.line(style.bold(fmt::format("perdure demo in {}", call.folder.string())));
    out.line();
    auto const each = [&](service::DemoStage stage, service::DemoAnswer const& answer) {
        if (stage == service::DemoStage::made_apps) {
            story.line("made", "four applications: memories, plants, an assistant, a server");
        } else if (stage == service::DemoStage::second_backup) {
            auto const& report = answer.second.report;
            story.line("backed up", fmt::format("again after one file more: {} new, {} stored ({})",
                                                spell_bytes(report.statistics.bytes_new),
                                                spell_bytes(report.statistics.bytes_stored),
                                                spell_seconds(answer.second.duration_s)));
        } else {
            std::uint64_t items = 0;
            for (auto const& source : answer.restored.sources) items += source.items;
            story.line("restored", fmt::format("{} into restored/ ({})", plural(items, "item"),
                                               spell_seconds(answer.restored.duration_s)));
        }
    };
    PD_TRY(
        auto const answer,
        service::run_demo(
            call, [&](Stage stage, QuickstartAnswer const& so_far) { story.tell(stage, so_far); },
            each));
    summarise(in, answer.quickstart);
    tell_next(in, answer.quickstart);
    out.line(style.dim("Try them there: cd " + call.folder.string()));
    return code_of(answer.quickstart);
}

}  // namespace perdure::face
