#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "face/cli/commands/export/export_choices.h"
#include "face/cli/commands/export/export_words.h"
#include "face/cli/commands/filter_options.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "format/format.h"
#include "service/config/units.h"
#include "service/export/export.h"
#include "service/export/export_template.h"

namespace perdure::face {
namespace {

/// A format may be a template: "template:FILE", or one by name.
Result<void> take_template(Invocation const& in, service::ExportCall& call) {
    PD_TRY(auto const named, service::find_template(call.format, in.config_file().parent_path()));
    if (!named) return {};
    call.format = "template";
    call.options["template"] = named->text;
    call.options["template_name"] = named->name;
    return {};
}

void tell_exported(Invocation& in, service::ExportAnswer const& answer,
                   service::ExportCall const& call) {
    auto const& summary = answer.report.summary;
    Table table({"type", ">records"});
    for (auto const& [type, records] : summary.per_type) table.add({type, spell_count(records)});
    table.print(in.out());
    for (auto const& omission : summary.omissions) {
        JsonObject object;
        object.put("record", omission.record).put("what", omission.what);
        in.out().event("omission", object);
    }
    in.summary().put("source", answer.source).put("format", call.format);
    if (answer.snapshot) in.summary().put("snapshot", answer.snapshot->id());
    in.summary().put("records_read", answer.report.records_read);
    in.summary().put("records", summary.records).put("media", summary.media);
    in.summary().put("files", summary.files).put("bytes", summary.bytes);
    in.summary().put("omissions", summary.omissions_total);
    in.summary().put_path("output", call.output.string());
    in.summary().put("sha256", to_hex(answer.report.proof.digest));
    in.summary().put("output_bytes", answer.report.proof.bytes);
    in.summary().put("encrypted", !call.parcel.seal.empty());
    in.summary().put("resumed_at", answer.report.resumed_at);
    if (!answer.report.restarted.empty()) {
        in.summary().put("restarted", answer.report.restarted);
        in.out().warn("  started again: " + printable(answer.report.restarted));
    }
    if (answer.report.resumed_at > 0) {
        in.out().talk(fmt::format("  went on after {}",
                                  plural(answer.report.resumed_at, "record", "records")));
    }
    if (summary.omissions_total == 0) return;
    in.out().warn(fmt::format("{} could not be held exactly by {}; the first: {}, {}",
                              plural(summary.omissions_total, "value", "values"), call.format,
                              summary.omissions.front().record, summary.omissions.front().what));
}

/// Options that a resumed export takes from its own command line, or that are told apart anyway.
constexpr std::string_view not_repeated[] = {"--profile",  "--config",  "--output",   "--json",
                                             "--quiet",    "--verbose", "--no-color", "--timeout",
                                             "--no-input", "--yes"};

/// The words that ask for the same export again, from anywhere.
std::vector<std::string> words_again(Invocation const& in, Arguments const& arguments,
                                     system::Path const& output) {
    std::error_code ignored;
    std::vector<std::string> words = {"export", "--config",
                                      std::filesystem::absolute(in.config_file(), ignored).string(),
                                      "--output", output.string()};
    for (auto const& [name, values] : arguments.options) {
        if (std::ranges::find(not_repeated, name) != std::end(not_repeated)) continue;
        for (auto const& value : values) {
            auto const same = name == "--format"          ? service::template_from_anywhere(value)
                              : names_a_file(name, value) ? absolute_output(value).string()
                                                          : value;
            words.push_back(same.empty() ? name : name + "=" + same);
        }
    }
    return words;
}

Result<std::optional<data::RecordOrder>> order_of(Arguments const& arguments) {
    using Order = data::RecordOrder;
    static std::map<std::string, Order> const orders = {
        {"created", Order::created},       {"updated", Order::updated}, {"title", Order::title},
        {"collection", Order::collection}, {"project", Order::project}, {"key", Order::key},
    };
    auto const word = arguments.value("--sort");
    if (word.empty()) return std::optional<Order>();
    if (auto const found = orders.find(word); found != orders.end()) {
        return std::optional<Order>(found->second);
    }
    std::vector<std::string> known;
    for (auto const& [name, order] : orders) known.push_back(name);
    auto const near = nearest_word(word, known);
    return fail(Fault::invalid, fmt::format("records are not sorted by \"{}\"", word))
        .with_code(2)
        .with_fix(near.empty() ? "take " + joined(known) : "did you mean \"" + near + "\"?");
}

/// "a,b" and "a" "b" mean the same.
std::vector<std::string> names_of(Arguments const& arguments, std::string const& option) {
    std::vector<std::string> names;
    for (auto const& value : arguments.values(option)) {
        for (auto const& name : service::split_words(value, ',')) {
            if (!name.empty()) names.push_back(name);
        }
    }
    return names;
}

Result<service::ExportCall> call_of(Invocation const& in) {
    PD_TRY(auto const arguments, with_profile(in));
    service::ExportCall call;
    call.source = arguments.value("--source");
    call.snapshot = arguments.value("--snapshot");
    call.format = arguments.value("--format", "json");
    call.title = arguments.value("--title");
    call.all_tables = arguments.has("--all-tables");
    call.replace = arguments.has("--replace");
    PD_TRY(call.media, media_of(arguments));
    call.fields = names_of(arguments, "--fields");
    call.redact = names_of(arguments, "--redact");
    PD_TRY(call.options, format_options(arguments));
    PD_TRY(call.order, order_of(arguments));
    PD_TRY(call.at, at_option(arguments));
    PD_TRY(call.filter, filter_of(arguments));
    PD_CHECK(take_template(in, call));
    auto const kind = format::find_format(call.format);
    if (!kind) return Error(kind.error()).with_code(2);
    if (!arguments.has("--output")) {
        return fail(Fault::invalid, "export needs a place to write to")
            .with_code(2)
            .with_fix("perdure export --format " + call.format + " -o records." +
                      std::string((*kind)->extension));
    }
    PD_TRY(call.parcel, parcel_of(arguments));
    call.output = job::parcel_name(absolute_output(arguments.value("--output")), call.parcel);
    bool const looks_sealed = call.output.filename().string().ends_with(".age");
    if (looks_sealed && call.parcel.seal.empty()) {
        return fail(Fault::invalid, call.output.filename().string() +
                                        " names an encrypted file, and nothing is encrypted")
            .with_code(2)
            .with_fix("add --encrypt-to age1… or --encrypt-passphrase-file FILE");
    }
    call.words = words_again(in, arguments, call.output);
    return call;
}

/// As it was written, but for what was put behind it.
std::string shown_output(Invocation const& in, service::ExportCall const& call) {
    auto const written = in.arguments().value("--output", call.output.string());
    return job::parcel_name(written, call.parcel).string();
}

}  // namespace

Result<int> run_export(Invocation& in) {
    PD_TRY(auto call, call_of(in));
    PD_TRY(auto workspace, open_workspace(in));
    std::optional<service::ExportAnswer> answer;
    {
        ProgressView progress(in.out(), "export", 0);
        call.progress = progress.hook();
        PD_TRY(answer, service::export_records(*workspace, call));
    }
    tell_exported(in, *answer, call);
    in.problems(answer->report.problems);
    bool const whole =
        answer->report.problems.empty() && answer->report.summary.omissions_total == 0;
    auto const& style = in.out().out_style();
    in.out().line();
    in.out().line(fmt::format(
        "{} exported {} of {} into {}", whole ? style.green("✓") : style.yellow("!"),
        plural(answer->report.summary.records, "record", "records"),
        answer->snapshot ? "snapshot " + service::short_id(answer->snapshot->id()) : "live data",
        printable(shown_output(in, call))));
    return whole ? service::exit_code::ok : service::exit_code::partial;
}

/// Of an export by the name it was asked for, or by the one it was to get.
Result<std::vector<std::string>> unfinished_words(system::Path const& output) {
    auto words = job::words_of_unfinished(output);
    for (auto const* const end : {".age", ".parts", ".age.parts"}) {
        if (words || words.error().fault() != Fault::not_found) break;
        auto longer = output;
        longer += end;
        auto found = job::words_of_unfinished(longer);
        if (found) return found;
    }
    return words;
}

Result<int> run_export_resume(Invocation& in) {
    auto const output = absolute_output(in.arguments().positional.front());
    auto words = unfinished_words(output);
    if (!words) {
        bool const none = words.error().fault() == Fault::not_found;
        return fail(words.error().fault(),
                    none ? fmt::format("no unfinished export to {}", printable(output.string()))
                         : words.error().message())
            .with_fix("perdure export … starts one");
    }
    PD_TRY(auto arguments, parse_arguments(*words));
    Invocation again(std::move(arguments), in.out(), in.stop());
    auto code = run_export(again);
    in.summary().merge(again.summary());
    return code;
}

Result<int> run_export_formats(Invocation& in) {
    Table table({"format", "what it is", "writes"});
    for (auto const& kind : format::format_kinds()) {
        table.add({std::string(kind.name), std::string(kind.description),
                   kind.single_file ? "a ." + std::string(kind.extension) + " file"
                                    : "a folder, or a .zip or .tar.gz of it"});
        JsonObject object;
        object.put("name", kind.name).put("media_type", kind.media_type);
        object.put("extension", kind.extension).put("description", kind.description);
        object.put("single_file", kind.single_file).put("lossless", kind.lossless);
        in.out().event("format", object);
    }
    table.print(in.out());
    in.summary().put("formats", format::format_kinds().size());
    return service::exit_code::ok;
}

}  // namespace perdure::face
