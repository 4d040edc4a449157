#include "face/cli/commands/recovery/plan_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "data/selector.h"
#include "face/cli/table.h"

namespace perdure::face {
namespace {

constexpr std::size_t value_columns = 60;

using Counts = std::map<std::string, std::uint64_t>;

data::Json::Array const& list_of(data::Json const& json, std::string_view key) {
    static data::Json::Array const none;
    auto const* list = json.find(key);
    return list && list->array() ? *list->array() : none;
}

std::uint64_t number(data::Json const& json, std::string_view key) {
    return static_cast<std::uint64_t>(json.integer_of(key));
}

bool flag(data::Json const& json, std::string_view key) {
    auto const* value = json.find(key);
    return value && value->boolean() && *value->boolean();
}

void add_decisions(Counts& counts, data::Json const& holder) {
    auto const* decisions = holder.find("decisions");
    if (!decisions || !decisions->object()) return;
    for (auto const& [name, count] : *decisions->object()) {
        if (count.integer()) counts[name] += static_cast<std::uint64_t>(*count.integer());
    }
}

Counts decisions_of(data::Json const& summary) {
    Counts counts;
    for (auto const& source : list_of(summary, "sources")) {
        add_decisions(counts, source);
        for (auto const& table : list_of(source, "tables")) add_decisions(counts, table);
    }
    return counts;
}

std::string value_text(data::Json const* value) {
    if (!value || value->is_null()) return "nothing";
    if (auto const* text = value->text()) {
        return "\"" + printable(shorten(*text, value_columns)) + "\"";
    }
    if (auto const* whole = value->integer()) return std::to_string(*whole);
    if (value->find("text")) {
        return fmt::format("\"{}\" ({})", printable(shorten(value->text_of("text"), value_columns)),
                           spell_bytes(number(*value, "bytes")));
    }
    if (value->find("bytes")) {
        return fmt::format("{} of bytes ({}…)", spell_bytes(number(*value, "bytes")),
                           value->text_of("sha256").substr(0, 8));
    }
    return printable(value->canonical());
}

std::string count_or_dash(std::uint64_t count) {
    return count == 0 ? "·" : spell_count(count);
}

void tell_tables(Invocation& in, data::Json const& source) {
    Table table({"", ">chosen", ">create", ">conflict", ">delete", ">blocked", ">identical",
                 "taken because"});
    std::uint64_t same_tables = 0, same_rows = 0;
    for (auto const& row : list_of(source, "tables")) {
        auto const chosen = number(row, "chosen");
        if (chosen + number(row, "delete") + number(row, "only_in_target") == 0) continue;
        bool const same = number(row, "identical") == chosen && number(row, "delete") == 0;
        if (same && number(row, "belonging") + number(row, "needed") == 0) {
            ++same_tables;
            same_rows += chosen;
            continue;
        }
        std::string why;
        if (auto const needed = number(row, "needed"); needed > 0) {
            why = fmt::format("{} needed: others refer to them", spell_count(needed));
        }
        if (auto const belonging = number(row, "belonging"); belonging > 0) {
            why += fmt::format("{}{} belong to selected records", why.empty() ? "" : ", ",
                               spell_count(belonging));
        }
        table.add({printable(row.text_of("type")), spell_count(number(row, "chosen")),
                   count_or_dash(number(row, "create")), count_or_dash(number(row, "conflict")),
                   count_or_dash(number(row, "delete")), count_or_dash(number(row, "blocked")),
                   count_or_dash(number(row, "identical")), why});
    }
    if (auto const* files = source.find("files")) {
        table.add({source.text_of("kind") == "media" ? "media" : "files",
                   spell_count(number(*files, "chosen")), count_or_dash(number(*files, "create")),
                   count_or_dash(number(*files, "conflict")),
                   count_or_dash(number(*files, "delete")),
                   count_or_dash(number(*files, "blocked")),
                   count_or_dash(number(*files, "identical")), ""});
    }
    if (!table.empty()) table.print(in.out());
    if (same_tables > 0) {
        in.out().line(fmt::format(
            "{} in {} {} the same on both sides", plural(same_rows, "record", "records"),
            plural(same_tables, "table", "tables"), same_rows == 1 ? "is" : "are"));
    }
}

void tell_differences(Invocation& in, data::Json const& source) {
    auto const& style = in.out().out_style();
    for (auto const& each : list_of(source, "schema_differences")) {
        bool const refused = flag(each, "refused");
        auto const line =
            fmt::format("{}: {}. {}", printable(each.text_of("table")),
                        printable(each.text_of("what")), printable(each.text_of("consequence")));
        in.out().line(fmt::format("  {} {}", refused ? style.red("✗") : style.dim("·"), line));
    }
}

void tell_swap(Invocation& in, data::Json const& source) {
    if (!flag(source, "swap")) return;
    auto const state = source.text_of("swap_target");
    in.out().line(fmt::format(
        "  the whole database becomes the snapshot's, in one step{}",
        state == "absent"    ? ": there is none now"
        : state == "damaged" ? ". The one that is there cannot be read: it will stay beside, under "
                               "another name"
        : state == "unsaved" ? ". A snapshot cannot hold all that is there (masked columns, or a "
                               "schema that the mapping does not fit): it will stay beside, under "
                               "another name"
                             : ". What only the target has is in the safety snapshot afterwards"));
    in.out().line("  the application must be stopped when the plan is applied");
}

void tell_what_stays(Invocation& in, data::Json const& summary) {
    std::uint64_t only_target = 0, erased = 0;
    for (auto const& source : list_of(summary, "sources")) {
        erased += number(source, "erased_subjects");
        only_target += number(source, "files_only_in_target");
        for (auto const& table : list_of(source, "tables")) {
            only_target += number(table, "only_in_target");
        }
    }
    if (only_target > 0) {
        in.out().line(fmt::format("Stays     {} only in the target; --delete would remove {}",
                                  plural(only_target, "record or file is", "records or files are"),
                                  only_target == 1 ? "it" : "them"));
    }
    if (erased > 0) {
        in.out().line(fmt::format("Erased    {} cannot come back: the keys are destroyed",
                                  plural(erased, "person", "people")));
    }
}

void tell_space(Invocation& in, data::Json const& summary) {
    std::uint64_t needed = 0, free = 0;
    for (auto const& place : list_of(summary, "space")) {
        needed += number(place, "needed");
        free = free == 0 ? number(place, "free") : std::min(free, number(place, "free"));
    }
    auto const* scratch = summary.find("scratch");
    auto const unpacked = scratch ? number(*scratch, "needed") : 0;
    bool const short_of = needed > free && free > 0;
    auto const line = fmt::format("Space     {} needed, {} free; {} to unpack for comparing",
                                  spell_bytes(needed), spell_bytes(free), spell_bytes(unpacked));
    in.out().line(short_of ? in.out().out_style().red(line) : line);
    in.out().line(fmt::format(
        "Time      about {} ({})",
        spell_seconds(static_cast<double>(summary.integer_of("estimate_ms")) / 1000),
        summary.text_of("estimate_basis") == "measured" ? "measured by earlier runs here"
                                                        : "no earlier run to measure by"));
}

/// As a selector takes it back.
std::string name_of(data::Json const& item) {
    if (!item.find("file")) return item.text_of("record");
    auto const exact = from_base64(item.text_of("file_b64"));
    return data::spell_path(item.find("file_b64") && exact ? to_string(*exact)
                                                           : item.text_of("file"));
}

}  // namespace

std::string spell_decisions(data::Json const& summary) {
    auto counts = decisions_of(summary);
    std::vector<std::string> parts;
    auto const say = [&](char const* decision, char const* word) {
        if (counts[decision] > 0) {
            parts.push_back(fmt::format("{} {}", spell_count(counts[decision]), word));
        }
    };
    say("insert", "created");
    say("replace", "replaced");
    say("duplicate", "duplicated");
    say("remove", "deleted");
    // A run that replaced a whole database counts no records.
    auto const whole = std::ranges::count_if(list_of(summary, "sources"), [](auto const& source) {
        return flag(source, "swap") && list_of(source, "tables").empty();
    });
    if (whole > 0) {
        parts.push_back(
            plural(static_cast<std::uint64_t>(whole), "whole database", "whole databases") +
            " replaced");
    }
    return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

void tell_plan_item(Invocation& in, data::Json const& item) {
    auto const& style = in.out().out_style();
    auto const decision = item.text_of("decision");
    auto word = decision;
    if (decision == "delete") word = style.red("delete");
    if (decision == "replace" || decision == "duplicate") word = style.yellow(word);
    if (decision == "insert") word = style.green("create");
    auto const name = name_of(item);
    auto const because = item.text_of("because");
    auto reason = item.text_of("reason");
    if (!because.empty()) reason = (reason.empty() ? "" : reason + "; ") + because;
    in.out().line(fmt::format("  {}  {}{}", style.bold(printable(name)), word,
                              reason.empty() ? "" : "  " + style.dim(printable(reason))));
    auto const* fields = item.find("fields");
    if (!fields || !fields->object()) return;
    bool const writes = decision == "replace" || decision == "duplicate";
    for (auto const& [name, change] : *fields->object()) {
        in.out().line(
            fmt::format("      {}: {} {} {}", printable(name), value_text(change.find("target")),
                        writes ? "→" : "| snapshot:", value_text(change.find("snapshot"))));
    }
}

void tell_plan_summary(Invocation& in, data::Json const& summary) {
    auto const& style = in.out().out_style();
    for (auto const& source : list_of(summary, "sources")) {
        in.out().line();
        in.out().line(fmt::format("{} → {}", style.bold(printable(source.text_of("name"))),
                                  printable(source.text_of("target"))));
        tell_tables(in, source);
        tell_differences(in, source);
        tell_swap(in, source);
        if (flag(source, "media_left_out")) {
            in.out().line(
                "  · media files are not part of this plan: their folder is gone. Make it, or "
                "restore them with --to DIR");
        }
    }
    auto counts = decisions_of(summary);
    in.out().line();
    in.out().line(fmt::format("Writes    {}", style.bold(spell_decisions(summary))));
    auto const left = counts["keep"] + counts["skip"];
    if (left > 0) {
        in.out().line(fmt::format("Leaves    {} as they are in the target",
                                  plural(left, "differing or blocked record or file",
                                         "differing or blocked records or files")));
        if (counts["keep"] > 0) {
            in.out().line("          where the snapshot shall win: --merge-strategy overwrite");
        }
    }
    tell_what_stays(in, summary);
    tell_space(in, summary);
}

bool keeps_old(data::Json const& summary) {
    auto const& sources = list_of(summary, "sources");
    return std::ranges::any_of(sources, [](data::Json const& source) {
        auto const there = source.text_of("swap_target");
        return there == "damaged" || there == "unsaved";
    });
}

}  // namespace perdure::face
