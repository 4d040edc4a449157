#include "job/recovery/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "job/recovery/files.h"
#include "job/recovery/swap.h"
#include "job/remap/path_map.h"

namespace perdure::job {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::uint64_t written_bytes(data::Json const& source) {
    std::uint64_t bytes = 0;
    if (auto const* tables = source.find("tables"); tables && tables->array()) {
        for (auto const& table : *tables->array())
            bytes += static_cast<std::uint64_t>(table.integer_of("bytes"));
    }
    bytes += static_cast<std::uint64_t>(source.integer_of("file_bytes"));
    auto const swapped = static_cast<std::uint64_t>(source.integer_of("swap_bytes"));
    return std::max(bytes, swapped);
}

/// Space where the target rests: what is written, its journal in the database, and again for undo.
data::Json space_json(RecoveryPlace const& place, std::uint64_t written) {
    data::Json json;
    auto folder = place.target.path;
    std::error_code error;
    while (!folder.empty() && !std::filesystem::is_directory(folder, error))
        folder = folder.parent_path();
    auto const free = system::free_bytes(folder.empty() ? "." : folder);
    json.put("source", place.source->name).put("needed", written * 2);
    if (free) json.put("free", *free);
    return json;
}

std::uint64_t writes_in(data::Json const& decisions) {
    std::uint64_t out = 0;
    if (!decisions.object()) return 0;
    for (auto const& [name, count] : *decisions.object()) {
        auto const decision = data::parse_decision(name);
        bool const writes = decision ? data::may_write(*decision) : name == "remove";
        if (writes && count.integer()) out += static_cast<std::uint64_t>(*count.integer());
    }
    return out;
}

bool took_nothing(data::Json const& sources) {
    auto const chosen = [](data::Json const* counts) {
        return counts && counts->integer_of("chosen") > 0;
    };
    return std::ranges::none_of(*sources.array(), [&](data::Json const& source) {
        auto const* tables = source.find("tables");
        return chosen(source.find("files")) ||
               (tables && tables->array() &&
                std::ranges::any_of(*tables->array(),
                                    [&](data::Json const& table) { return chosen(&table); }));
    });
}

class Planner {
public:
    Planner(repository::Repository& repository, PlanRequest const& request, std::stop_token stop)
        : repository_(repository), request_(request), stop_(std::move(stop)) {}

    Result<PlanReport> run() {
        auto const started = std::chrono::steady_clock::now();
        report_.header = request_.header;
        report_.header.put("scope", scope_to_json(request_.scope));
        PD_TRY(writer_, PlanWriter::create(request_.output, report_.header));
        data::Json sources{data::Json::Array{}}, space{data::Json::Array{}};
        for (auto const& place : request_.places) {
            auto source = plan_source(place);
            if (!source) {
                return std::move(source).error().within("source \"" + place.source->name + "\"");
            }
            std::uint64_t bytes = 0;
            for (auto& part : *source) {
                bytes += written_bytes(part);
                sources.add(std::move(part));
            }
            space.add(space_json(place, bytes));
        }
        if (!request_.scope.filter.empty() && !request_.scope.remove && took_nothing(sources)) {
            return fail(Fault::not_found, "nothing of the snapshot meets the conditions")
                .with_code(2)
                .with_fix("perdure backup find searches all snapshots by the same conditions");
        }
        note_idle(idle_rules_.all(), report_.problems);
        data::Json summary;
        summary.put("sources", std::move(sources)).put("space", std::move(space));
        summary.put("scratch", data::Json{}.put("needed", scratch_).put("free", scratch_free_));
        summary.put("state", to_hex(state_.finish()));
        summary.put("problems", std::uint64_t{report_.problems.size()});
        auto const writes = writes_of(summary);
        summary.put("writes", writes);
        // Applying compares twice more: before the safety snapshot and under the lock.
        auto const compared = seconds_since(started);
        auto const rate = request_.items_per_s.value_or(20'000);
        auto const total =
            compared * 2 + static_cast<double>(writes) / rate + request_.safety_s.value_or(0);
        summary.put("estimate_ms", static_cast<std::int64_t>(std::ceil(total * 1000)));
        summary.put("estimate_basis", request_.items_per_s ? "measured" : "not measured yet");
        report_.summary = summary;
        PD_CHECK(writer_->finish(summary));
        report_.digest = writer_->digest();
        return std::move(report_);
    }

private:
    Result<data::Json> plan_files(RecoveryPlace const& place, FilesRequest files) {
        files.take = [&](data::Json const& item) { return writer_->item(item); };
        PD_TRY(auto const work,
               merge_files(repository_, files, request_.scope, request_.progress, stop_));
        report_.problems.insert(report_.problems.end(), work.problems.begin(), work.problems.end());
        idle_rules_.add(work.idle_rules);
        state_.update(as_bytes(files_state(place, *work.merge)));
        return files_summary(place, work.merge->summary());
    }

    Result<std::vector<data::Json>> plan_source(RecoveryPlace const& place) {
        std::vector<data::Json> out;
        if (!place.source->rows) {
            PD_TRY(auto json, plan_files(place, {.source = place.source, .target = place.target}));
            out.push_back(std::move(json));
            return out;
        }
        PD_TRY(auto copy, bring_back_rows(repository_, *place.source, request_.scratch,
                                          place.target.media, request_.progress, stop_));
        scratch_ = std::max(scratch_, copy.bytes);
        if (auto const free = system::free_bytes(copy.folder->path())) scratch_free_ = *free;
        report_.problems.insert(report_.problems.end(), copy.problems.begin(), copy.problems.end());
        if (request_.scope.swap) {
            PD_TRY(auto json, plan_swap(place, copy));
            out.push_back(std::move(json));
            return out;
        }
        PD_TRY(auto merge,
               open_merge(copy, place, request_.scope, {}, origin::Merge::Mode::read, stop_));
        auto const take = [&](data::Json const& item) -> Result<void> {
            auto const line = item.canonical();
            state_.update(as_bytes(line));
            return writer_->item_line(line);
        };
        PD_TRY(auto json, compare_merge(*merge, place, take, stop_));
        json.put("erased_subjects", copy.erased_subjects);
        bool const lacks_folder =
            !place.target.media.empty() && copy.media_differ && !system::exists(place.target.media);
        json.put("media_left_out", lacks_folder);
        out.push_back(std::move(json));
        if (auto const media = media_request(place, copy, *merge, request_.scope)) {
            PD_TRY(auto part, plan_files(place, *media));
            out.push_back(std::move(part));
        }
        return out;
    }

    /// Every row becomes what it was, whatever stands there; what differs is told where both sides
    /// can be read.
    Result<data::Json> plan_swap(RecoveryPlace const& place, BroughtBack const& copy) {
        PD_TRY(auto const live, live_state(place.target.path, stop_));
        state_.update(as_bytes(live.text));
        data::Json json;
        if (live.readable()) {
            auto scope = request_.scope;
            scope.strategy = data::Strategy::overwrite;
            scope.remove = copy.lost == 0 && copy.erased_subjects == 0;
            PD_TRY(auto merge,
                   open_merge(copy, place, scope, {}, origin::Merge::Mode::read, stop_));
            PD_TRY(json, compare_merge(
                             *merge, place,
                             [&](data::Json const& item) { return writer_->item(item); }, stop_));
        } else {
            json.put("name", place.source->name).put("kind", "rows");
            json.put_path("target", place.target.path.string());
        }
        bool saved = false;
        if (live.readable()) {
            PD_TRY(saved, can_be_saved(place.target, stop_));
        }
        auto const* const readable = saved ? "database" : "unsaved";
        json.put("swap", true)
            .put("swap_target", live.there() ? (live.readable() ? readable : "damaged") : "absent");
        json.put("swap_bytes", copy.bytes);
        return json.put("erased_subjects", copy.erased_subjects);
    }

    repository::Repository& repository_;
    PlanRequest const& request_;
    std::stop_token stop_;
    std::unique_ptr<PlanWriter> writer_;
    crypto::Sha256 state_;
    std::uint64_t scratch_ = 0, scratch_free_ = 0;
    IdleRules idle_rules_;
    PlanReport report_;
};

}  // namespace

std::uint64_t writes_of(data::Json const& summary) {
    std::uint64_t out = 0;
    auto const* sources = summary.find("sources");
    if (!sources || !sources->array()) return 0;
    for (auto const& source : *sources->array()) {
        if (source.find("swap")) {
            ++out;
            continue;
        }
        if (auto const* files = source.find("decisions")) out += writes_in(*files);
        auto const* tables = source.find("tables");
        if (!tables || !tables->array()) continue;
        for (auto const& table : *tables->array()) {
            if (auto const* decisions = table.find("decisions")) out += writes_in(*decisions);
        }
    }
    return out;
}

std::vector<data::Problem> blocked_of(data::Json const& summary) {
    std::vector<data::Problem> out;
    auto const note = [&](std::string path, data::Json const& counts, std::string_view what) {
        auto const blocked = counts.integer_of("blocked");
        if (blocked <= 0) return;
        out.push_back(
            {std::move(path), fmt::format("{} {}{} cannot be put back: blocked in the plan, "
                                          "which says why",
                                          blocked, what, blocked == 1 ? "" : "s")});
    };
    auto const* sources = summary.find("sources");
    if (!sources || !sources->array()) return out;
    for (auto const& source : *sources->array()) {
        if (source.find("swap")) continue;
        auto const name = source.text_of("name");
        if (auto const* files = source.find("files")) note(name, *files, "file");
        auto const* tables = source.find("tables");
        if (!tables || !tables->array()) continue;
        for (auto const& table : *tables->array()) {
            note(data::spell_type(name, table.text_of("type")), table, "record");
        }
    }
    return out;
}

Result<PlanReport> plan_recovery(repository::Repository& repository, PlanRequest const& request,
                                 std::stop_token stop) {
    return Planner(repository, request, std::move(stop)).run();
}

}  // namespace perdure::job
