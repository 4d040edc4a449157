#include "service/health/health.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/spell.h"
#include "repository/index/index.h"
#include "repository/keyring/keyring.h"
#include "repository/repository.h"
#include "service/health/skipped.h"
#include "service/setup/keys.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t space_low_bytes = 1ull << 30;

Check bad(std::string what, Error const& error) {
    return {std::move(what), Verdict::bad, in_one_line(error.message()), error.fix()};
}

Check check_reach(DestinationConfig const& destination) {
    std::string const what = "destination " + destination.name;
    store::DestinationOptions options;
    options.name = destination.name;
    options.kind = destination.type;
    options.path = destination.path.string();
    options.read_only = true;
    options.attempts_max = 1;
    auto opened = store::open_store(options);
    if (!opened) return bad(what, opened.error());
    return {what, Verdict::good, (*opened)->describe(), ""};
}

Check check_space(DestinationConfig const& destination) {
    std::string const what = "space at " + destination.name;
    auto const free = system::free_bytes(destination.path);
    if (!free) return bad(what, free.error());
    std::string const detail = spell_bytes(*free) + " free";
    if (*free < space_low_bytes) return {what, Verdict::doubtful, detail, "make room there"};
    return {what, Verdict::good, detail, ""};
}

Check check_key(Workspace& workspace) {
    auto repository = workspace.repository();
    if (!repository) return bad("repository", repository.error());
    return {"repository", Verdict::good,
            "opens with the configured key, id " + to_hex((*repository)->id()).substr(0, 12), ""};
}

Check check_mode(system::Path const& file, std::string what) {
    struct stat status{};
    if (stat(file.c_str(), &status) != 0) {
        return {std::move(what), Verdict::bad, file.string() + " cannot be looked at", ""};
    }
    if ((status.st_mode & 077) == 0) return {std::move(what), Verdict::good, "private", ""};
    return {std::move(what), Verdict::doubtful, file.string() + " can be read by other users",
            "chmod 600 " + file.string()};
}

Check check_recovery(Workspace& workspace) {
    auto repository = workspace.repository();
    if (!repository) return {"recovery kit", Verdict::doubtful, "not known: nothing opens", ""};
    auto const slots = (*repository)->keyring().slots();
    bool const kit = std::ranges::any_of(
        slots, [](auto const& slot) { return slot.kind == repository::SlotKind::recovery_phrase; });
    if (kit) return {"recovery kit", Verdict::good, "made", ""};
    return {"recovery kit", Verdict::doubtful,
            slots.size() == 1 ? "the only key opens this repository" : "none",
            "perdure key recovery-kit -o perdure-recovery.txt"};
}

/// Parts of the index that no copy gives, neither this machine's nor a destination's. Restores read
/// the packs' own directories instead; whatever writes next makes them anew.
std::optional<Check> check_index(Workspace& workspace) {
    auto repository = workspace.repository();
    if (!repository) return std::nullopt;
    auto const& index = *(*repository)->index();
    std::vector<store::ObjectName> damaged;
    auto const again =
        repository::Index::open({.source = index.source(), .cache_folder = index.cache_folder()},
                                &damaged, workspace.stop());
    if (!again) return bad("index", again.error());
    if (damaged.empty()) return std::nullopt;
    return Check{
        "index", Verdict::bad,
        fmt::format("{} damaged, such as {}: what they name is found without them, slowly",
                    damaged.size() == 1 ? "a part is" : fmt::format("{} parts are", damaged.size()),
                    damaged.front()),
        "perdure repo repair"};
}

/// Why a destination is not used at all, where that is so.
std::optional<Error> shut_out(Workspace& workspace, std::string const& name) {
    if (!workspace.store()) return std::nullopt;
    for (auto const& leg : workspace.health())
        if (leg.name == name && leg.shut_out) return leg.error;
    return std::nullopt;
}

/// What time a destination stamps on what it takes: only a store that may write can tell.
Result<Timestamp> time_at(Workspace& workspace, DestinationConfig const& destination) {
    store::DestinationOptions options;
    options.name = destination.name;
    options.kind = destination.type;
    options.path = destination.path.string();
    options.attempts_max = 1;
    PD_TRY(auto const store, store::open_store(options));
    return store->now(workspace.stop());
}

Check check_clock(Workspace& workspace) {
    std::optional<Error> why;
    for (auto const& destination : workspace.destinations()) {
        if (!workspace.store() || shut_out(workspace, destination.name)) continue;
        auto const theirs = time_at(workspace, destination);
        if (!theirs) {
            why = theirs.error();
            continue;
        }
        auto const off = system::real_clock().now().seconds - theirs->seconds;
        if (off <= 300 && off >= -300)
            return {"clock", Verdict::good, "agrees with the destination", ""};
        return {"clock", Verdict::bad,
                fmt::format("this machine and the destination differ by {} s", off),
                "set the clock (NTP)"};
    }
    if (why) return bad("clock", *why);
    return {"clock", Verdict::doubtful, "not compared with any destination", ""};
}

/// One promise of a store, proven; stops at the first that does not hold.
class Trial {
public:
    Trial(store::ObjectStore& store, std::stop_token stop) : store_(store), stop_(std::move(stop)) {
        auto const mark = system::real_random().draw<Opaque<8, struct TrialTag>>();
        name_ = "trial/" + to_hex(mark);
    }
    ~Trial() { static_cast<void>(store_.remove(name_, {})); }

    std::vector<Check> run() {
        auto const body = to_bytes(std::string_view("perdure destination test"));
        auto const put = store_.put(name_, body, store::PutMode::if_absent, stop_);
        add("write", put);
        if (!put) return std::move(checks_);  // nothing is there that the rest could be tried on
        auto again = store_.put(name_, body, store::PutMode::if_absent, stop_);
        bool const refused = !again && again.error().fault() == Fault::conflict;
        add("write only if absent", refused, "a second writer was not refused");
        auto const part = store_.read(name_, 8, 11, stop_);
        add("read a range", part && as_text(*part) == "destination", "other bytes came back");
        bool listed = false;
        auto const walked = store_.list(
            "trial/",
            [&](store::ObjectInfo const& info) -> Result<void> {
                listed = listed || info.name == name_;
                return {};
            },
            stop_);
        add("list after write", walked && listed, "a new object was not listed");
        add("replace", store_.put(name_, body, store::PutMode::replace, stop_));
        add("remove", store_.remove(name_, stop_));
        auto const gone = store_.head(name_, stop_);
        add("gone after remove", !gone && gone.error().fault() == Fault::not_found,
            "it is still there");
        return std::move(checks_);
    }

private:
    void add(std::string what, Result<void> const& result) {
        if (result) {
            checks_.push_back({std::move(what)});
        } else {
            checks_.push_back(bad(std::move(what), result.error()));
        }
    }
    void add(std::string what, bool held, std::string otherwise) {
        checks_.push_back({std::move(what), held ? Verdict::good : Verdict::bad,
                           held ? "" : std::move(otherwise), ""});
    }

    store::ObjectStore& store_;
    std::stop_token stop_;
    store::ObjectName name_;
    std::vector<Check> checks_;
};

}  // namespace

std::string in_one_line(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) {
        text.replace(at, 1, ": ");
    }
    return text;
}

std::string_view verdict_name(Verdict verdict) {
    constexpr std::array names{"good", "doubtful", "bad"};
    return names[static_cast<std::size_t>(verdict)];
}

namespace {

/// A shell's script with a pipe, and no word of pipefail.
bool hides_failures(std::vector<std::string> const& argv) {
    auto const shell = argv.empty() ? std::string() : system::Path(argv[0]).filename().string();
    bool const known = shell == "sh" || shell == "bash" || shell == "dash" || shell == "zsh" ||
                       shell == "ksh" || shell == "ash";
    if (!known) return false;
    bool pipes = false;
    for (auto const& word : argv) {
        if (word.find("pipefail") != word.npos) return false;
        char quote = 0;
        for (std::size_t at = 0; at < word.size(); ++at) {
            char const c = word[at];
            if (c == '\\' && quote != '\'') ++at;
            if (c == '"' || c == '\'') quote = quote == 0 ? c : quote == c ? char{0} : quote;
            if (c != '|' || quote != 0) continue;
            bool const either = at + 1 < word.size() && word[at + 1] == '|';
            pipes = pipes || !either;
            if (either) ++at;
        }
    }
    return pipes;
}

}  // namespace

Check test_source(Workspace& workspace, SourceConfig const& source) {
    std::string const what = "source " + source.options.name;
    auto origin = origin::open_origin(source.options);
    if (!origin) return bad(what, origin.error());
    if (auto tested = (*origin)->test(workspace.stop()); !tested) return bad(what, tested.error());
    if (hides_failures(source.options.command)) {
        return {what, Verdict::doubtful,
                "of a pipe a shell asks only the last program whether it worked: a dump that fails "
                "would be kept as a small one",
                "command = [\"bash\", \"-o\", \"pipefail\", \"-c\", \"…\"]"};
    }
    return {what, Verdict::good, source.options.type + " " + source.options.path.string(), ""};
}

std::vector<Check> test_destination(Workspace& workspace, DestinationConfig const& destination) {
    store::DestinationOptions options;
    options.name = destination.name;
    options.kind = destination.type;
    options.path = destination.path.string();
    options.attempts_max = 1;
    auto opened = store::open_store(options);
    if (!opened) return {bad("destination " + destination.name, opened.error())};
    // Nothing is tried out on somebody else's disk.
    if (auto const strange = shut_out(workspace, destination.name)) {
        return {bad("destination " + destination.name, *strange)};
    }
    auto checks = Trial(**opened, workspace.stop()).run();
    checks.insert(checks.begin(),
                  {"destination " + destination.name, Verdict::good, (*opened)->describe(), ""});
    checks.push_back(check_space(destination));
    return checks;
}

std::vector<Check> probe(Workspace& workspace) {
    std::vector<Check> out;
    for (auto const& source : workspace.config().sources) {
        out.push_back(test_source(workspace, source));
    }
    for (auto const& destination : workspace.destinations()) {
        out.push_back(check_reach(destination));
    }
    if (!workspace.repository_config()) return out;
    out.push_back(check_key(workspace));
    // It answers; but what lies there may be something else, or not all of it.
    for (auto const& leg : workspace.health()) {
        auto const check = std::ranges::find(out, "destination " + leg.name, &Check::what);
        if (check == out.end() || check->verdict == Verdict::bad || !leg.error) continue;
        *check = bad(check->what, *leg.error);
    }
    return out;
}

namespace {

void tell_skipped(Workspace& workspace, catalog::RunLog& log, std::vector<Check>& out) {
    for (auto const& source : workspace.config().sources) {
        auto const skipped = last_skipped(log, source.options.name);
        if (!skipped) continue;
        auto const such = skipped->first.empty() ? "" : ", such as " + skipped->first;
        out.push_back({"last backup of " + source.options.name, Verdict::doubtful,
                       fmt::format("skipped {} thing{}{}", skipped->things,
                                   skipped->things == 1 ? "" : "s", in_one_line(such)),
                       fmt::format("perdure runs show {}", skipped->run)});
    }
}

}  // namespace

std::vector<Check> examine(Workspace& workspace) {
    auto out = probe(workspace);
    for (auto const& destination : workspace.destinations()) {
        // One that is not there was named above.
        if (system::exists(destination.path)) out.push_back(check_space(destination));
    }
    if (auto const config = workspace.repository_config()) {
        auto const& key = (*config)->key;
        if (key.way == KeyReference::Way::file) out.push_back(check_mode(key.value, "key file"));
        for (auto const& problem : misplaced_keys(workspace)) {
            out.push_back({problem.path, Verdict::doubtful,
                           "it holds keys, though it is no key home (keys = false)",
                           "perdure backup sync"});
        }
        if (auto index = check_index(workspace)) out.push_back(std::move(*index));
        out.push_back(check_recovery(workspace));
        out.push_back(check_clock(workspace));
    }
    out.push_back(check_mode(workspace.config().file, "configuration"));
    // What the file asks for and nothing carries out must not look as if it did.
    for (auto const& warning : workspace.config().settings.warnings) {
        out.push_back({"configuration", Verdict::doubtful,
                       spell_place(workspace.config(), warning.place) + ": " + warning.message,
                       warning.fix});
    }
    bool const cache = system::make_folders(workspace.cache_folder()).has_value();
    if (!cache) {
        out.push_back({"cache", Verdict::doubtful,
                       workspace.cache_folder().string() +
                           " cannot be written: slower, and an older state of the repository that "
                           "somebody puts back is not noticed",
                       "make the folder writable, or set XDG_CACHE_HOME"});
    }
    auto* log = workspace.runs();
    auto const state = workspace.state_folder().string();
    out.push_back({"run log", log ? Verdict::good : Verdict::doubtful,
                   log ? state : state + " cannot be written: nobody remembers what ran",
                   log ? "" : "make the folder writable, or set XDG_STATE_HOME"});
    if (log) tell_skipped(workspace, *log, out);
    return out;
}

}  // namespace perdure::service
