#include "job/backup.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "job/damage_look.h"
#include "job/dry_run.h"
#include "job/live_databases.h"
#include "job/paced_reader.h"
#include "job/proof/output_hash.h"
#include "job/source_options.h"
#include "job/watched_reader.h"
#include "origin/damage.h"
#include "repository/keyring/keyring.h"
#include "repository/tree/tree_walk.h"
#include "system/account.h"

namespace perdure::job {

namespace {

using repository::SourceSnapshot;

std::string in_source(std::string const& name) {
    return fmt::format("source \"{}\"", name);
}

bool any_parent(std::vector<repository::Snapshot> const& snapshots,
                std::vector<origin::SourceOptions> const& sources) {
    for (auto const& source : sources) {
        if (find_parent(snapshots, source.name, source.type, false)) return true;
    }
    return false;
}

void add_up(BackupReport& report, SourceSnapshot source) {
    report.items += source.items;
    report.bytes_read += source.bytes_read;
    for (auto const& problem : source.problems) {
        report.problems.push_back({source.name + ": " + problem.path, problem.reason});
    }
    report.problems_unnamed +=
        source.problems_total -
        std::min<std::uint64_t>(source.problems_total, source.problems.size());
    report.sources.push_back(std::move(source));
}

repository::Snapshot describe(BackupRequest const& request, BackupReport const& report,
                              repository::SnapshotType type) {
    repository::Snapshot snapshot;
    snapshot.type = type;
    snapshot.host = system::host_name();
    snapshot.user = system::user_name();
    snapshot.program = "perdure " PERDURE_VERSION;
    snapshot.tags = request.tags;
    snapshot.sources = report.sources;
    // Names of people's media and rows must not outlive their erasure in the common domain: the
    // one who runs the backup is told them, the snapshot keeps only their number.
    for (auto& source : snapshot.sources) {
        if (source.subjects > 0) source.problems.clear();
    }
    return snapshot;
}

/// An empty folder, or a command that said nothing. A database without rows is still there.
bool holds_nothing(SourceSnapshot const& source) {
    if (source.rows) return false;
    if (source.type != "command") return source.items <= 1;  // its root alone
    return source.bytes_total == 0 && source.bytes_read == 0;
}

/// A disk that is not mounted leaves another, empty folder behind; a dump whose pipe broke may end
/// well with nothing said. Neither may pass for what the source holds now.
std::optional<Error> suddenly_empty(SourceReading const& reading, SourceSnapshot const& written,
                                    repository::WriteContext& context, std::stop_token stop) {
    auto const& [source, parent, pace] = reading;
    auto const fix = fmt::format("if this is meant: perdure backup {} --type full", source.name);
    if (!parent || !holds_nothing(written) || holds_nothing(*parent)) return std::nullopt;
    if (source.type == "command") {
        return fail(Fault::unavailable,
                    fmt::format("the command gave nothing, the last time {} bytes",
                                parent->bytes_read))
            .with_fix(fix);
    }
    if (source.type != "files") return std::nullopt;
    auto const before = repository::find_in_tree(*parent, "", context.known,
                                                 context.domains.common(), std::move(stop));
    struct stat now{};
    if (!before || ::stat(source.path.c_str(), &now) != 0) return std::nullopt;
    if (before->entry.device == now.st_dev && before->entry.inode == now.st_ino)
        return std::nullopt;  // emptied by somebody
    return fail(Fault::unavailable,
                fmt::format("{} is empty, and not the folder that held {} items the last time",
                            source.path.string(), parent->items))
        .with_fix("mount or connect its disk; " + fix);
}

Result<SourceSnapshot> read_watched(SourceReading const& reading, repository::WriteContext& context,
                                    DamageLook& damage, std::optional<Error>& failure,
                                    std::stop_token stop) {
    auto const& [source, parent, pace] = reading;
    PD_TRY(auto origin, watched(origin::open_origin(source), failure));
    if (origin->shape() == origin::Shape::tree) {
        PD_CHECK(watched(origin->test(stop), failure));
        bool const output = source.type == "command";
        OutputHash hash;
        PD_TRY(auto reader, watched(origin->open_tree(stop), failure));
        reader = watched(std::move(reader), failure);
        reader = output ? hashed(std::move(reader), hash)
                        : tell_live_databases(std::move(reader), source.path);
        if (pace) reader = paced(std::move(reader), *pace);
        PD_TRY(auto written, repository::write_tree(*reader, parent, context, stop));
        PD_CHECK(reader->next(stop));  // a command that failed is no partial success
        if (output) written.digest = hash.finish();
        return written;
    }
    PD_TRY(auto reader, watched(origin->open_rows(stop), failure));
    std::uint64_t media = 0;
    reader = damage.beside(watched(std::move(reader), failure, media));
    if (pace) reader = paced(std::move(reader), *pace);
    auto stored = repository::write_rows(*reader, source.name, parent, context, stop);
    if (!stored && stored.error().fault() == Fault::invalid && !failure)
        failure = origin::with_advice(
            fail(Fault::corrupt, "it is damaged: " + stored.error().message()), source);
    PD_TRY(auto written, std::move(stored));
    if (!source.media.empty()) remember_media_items(written, media);
    PD_TRY(written.digest, reader->digest());
    written.rows = true;
    return written;
}

/// The source holds nothing, or the folder of its media does not.
bool lacks_all(SourceSnapshot const& source) {
    return source.rows ? media_items_then(source) == std::uint64_t{0} : holds_nothing(source);
}

std::uint64_t output_bytes(SourceSnapshot const& source) {
    return std::max(source.bytes_total, source.bytes_read);
}

/// Of a pipe only the last program tells whether it worked: what is left of a dump that failed
/// there is a few bytes that compress well.
std::optional<data::Problem> shrunk(SourceSnapshot const& now, SourceSnapshot const& before,
                                    std::string const& snapshot) {
    constexpr std::uint64_t part = 10;
    if (now.type != "command" || output_bytes(now) >= output_bytes(before) / part)
        return std::nullopt;
    return data::Problem{now.name,
                         fmt::format("gave {} bytes, and in snapshot {} {}: did all of its command "
                                     "work?",
                                     output_bytes(now), snapshot, output_bytes(before))};
}

/// Nothing where something was is a valid state, and what a disk that is not mounted or a broken
/// pipe look like: it is told once, before retention forgets what was there.
std::optional<data::Problem> emptied(SourceSnapshot const& now,
                                     std::vector<repository::Snapshot> const& snapshots) {
    for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
        auto const before = std::ranges::find(snapshot->sources, now.name, &SourceSnapshot::name);
        if (before == snapshot->sources.end() || before->type != now.type) continue;
        if (!lacks_all(now)) return shrunk(now, *before, snapshot->id().substr(0, 12));
        bool const unknown = now.rows && !media_items_then(*before);
        if (unknown || lacks_all(*before)) return std::nullopt;
        return data::Problem{now.name,
                             (now.rows ? "its media folder holds nothing any more, unlike "
                                         "in snapshot "
                                       : "holds nothing any more, unlike in snapshot ") +
                                 snapshot->id().substr(0, 12) +
                                 ": is its disk mounted, did its command work?"};
    }
    return std::nullopt;
}

/// One try to make the snapshot of `sources`.
struct Attempt {
    BackupReport report;
    std::optional<Error> failure;  ///< of the source at `failed`; nothing was committed then
    std::size_t failed = 0;
};

Result<Attempt> attempt_backup(repository::Repository& repository, BackupRequest const& request,
                               std::vector<origin::SourceOptions> const& sources,
                               std::stop_token stop) {
    using repository::SnapshotType;
    auto const started = to_timestamp(std::chrono::system_clock::now());
    PD_TRY(auto const snapshots, repository.snapshots(nullptr, stop));
    auto const type = request.type.value_or(
        any_parent(snapshots, sources) ? SnapshotType::incremental : SnapshotType::full);
    std::unique_ptr<repository::BackupSession> session;
    if (!request.dry_run) {
        PD_TRY(session, repository.begin(stop));
    }
    auto const reading = repository.read_context();
    DryRunWriter dry_writer(repository.blobs());
    auto context = session ? session->context()
                           : repository::WriteContext{.blobs = dry_writer,
                                                      .known = repository.blobs(),
                                                      .domains = repository.domains(),
                                                      .chunk_key = repository.keyring().chunk_key(),
                                                      .threads = reading.threads,
                                                      .spill_folder = reading.spill_folder};
    context.progress = request.progress;

    store::TokenBucket pace(request.read_bytes_per_second);
    Attempt attempt;
    auto& report = attempt.report;
    for (; attempt.failed < sources.size(); ++attempt.failed) {
        auto const& source = sources[attempt.failed];
        auto const* parent = type == SnapshotType::full
                                 ? nullptr
                                 : find_parent(snapshots, source.name, source.type,
                                               type == SnapshotType::differential);
        auto read = read_source({source, parent, request.read_bytes_per_second ? &pace : nullptr},
                                context, stop);
        if (!read) return std::move(read).error().within(in_source(source.name));
        if (read->failure) {
            attempt.failure = std::move(read->failure);
            return attempt;
        }
        auto gone = request.past_failed_sources ? emptied(read->snapshot, snapshots) : std::nullopt;
        add_up(report, std::move(read->snapshot));
        if (gone) report.emptied.push_back(std::move(*gone));
    }
    report.statistics = context.blobs.statistics();
    if (request.dry_run) return attempt;

    auto snapshot = describe(request, report, type);
    snapshot.started = started;
    if (!snapshots.empty() && type != SnapshotType::full) {
        snapshot.parent = snapshots.back().session;
        snapshot.parent_receipt = snapshots.back().received;
    }
    PD_TRY(report.snapshot, session->commit(std::move(snapshot), stop));
    report.statistics = report.snapshot->statistics;
    return attempt;
}

/// Those that can be opened now: cheaper to know before hours of reading than after.
std::vector<origin::SourceOptions> openable(BackupRequest const& request,
                                            std::vector<FailedSource>& failed,
                                            std::stop_token stop) {
    std::vector<origin::SourceOptions> out;
    for (auto const& source : request.sources) {
        std::optional<Error> failure;
        auto const origin = watched(origin::open_origin(source), failure);
        if (origin) static_cast<void>(watched((*origin)->test(stop), failure));
        // A stop is no failure of the source: the reading will be told of it, too.
        bool const failing = failure && failure->fault() != Fault::cancelled;
        if (failing) failed.push_back({source.name, std::move(*failure)});
        if (!failing) out.push_back(source);
    }
    return out;
}

}  // namespace

Result<SourceOutcome> read_source(SourceReading const& reading, repository::WriteContext& context,
                                  std::stop_token stop) {
    auto const& source = reading.source;
    SourceOutcome outcome;
    DamageLook damage(reading, stop);
    auto read = read_watched(reading, context, damage, outcome.failure, stop);
    if (outcome.failure && outcome.failure->fault() != Fault::cancelled) return outcome;
    if (!read) return std::move(read).error();
    outcome.snapshot = std::move(*read);
    outcome.snapshot.name = source.name;
    outcome.snapshot.type = source.type;
    outcome.snapshot.location = source.path.string();
    outcome.snapshot.options.merge(remembered_options(source));
    PD_CHECK(damage.note(outcome.snapshot));
    outcome.failure = suddenly_empty(reading, outcome.snapshot, context, stop);
    return outcome;
}

SourceSnapshot const* find_parent(std::vector<repository::Snapshot> const& snapshots,
                                  std::string const& source, std::string const& type,
                                  bool full_only) {
    for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
        if (full_only && snapshot->type != repository::SnapshotType::full) continue;
        for (auto const& candidate : snapshot->sources) {
            if (candidate.name == source && candidate.type == type) return &candidate;
        }
    }
    return nullptr;
}

// A source that fails half-way has left things in the session that nobody should build on: the
// others are read again in a new one, which finds most of what they hold stored.
Result<BackupReport> backup(repository::Repository& repository, BackupRequest const& request,
                            std::stop_token stop) {
    std::vector<FailedSource> failed;
    bool const go_on = request.past_failed_sources;
    auto sources =
        go_on && request.sources.size() > 1 ? openable(request, failed, stop) : request.sources;
    BackupReport report;
    while (!sources.empty() || request.sources.empty()) {
        PD_TRY(auto attempt, attempt_backup(repository, request, sources, stop));
        if (!attempt.failure) {
            report = std::move(attempt.report);
            break;
        }
        auto const at = sources.begin() + static_cast<std::ptrdiff_t>(attempt.failed);
        if (!go_on) return std::move(*attempt.failure).within(in_source(at->name));
        failed.push_back({at->name, std::move(*attempt.failure)});
        sources.erase(at);
    }
    report.failed = std::move(failed);
    return report;
}

}  // namespace perdure::job
