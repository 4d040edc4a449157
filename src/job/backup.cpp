#include "job/backup.h"

#include <fmt/format.h>
#include <unistd.h>

#include "job/dry_run.h"
#include "job/paced_reader.h"
#include "job/source_options.h"
#include "system/account.h"

namespace perdure::job {

namespace {

using repository::SourceSnapshot;

bool any_parent(std::vector<repository::Snapshot> const& snapshots, BackupRequest const& request) {
    for (auto const& source : request.sources) {
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

}  // namespace

Result<SourceSnapshot> read_source(SourceReading const& reading, repository::WriteContext& context,
                                   std::stop_token stop) {
    auto const& [source, parent, pace] = reading;
    PD_TRY(auto origin, origin::open_origin(source));
    PD_CHECK(origin->test(stop));
    SourceSnapshot written;
    if (origin->shape() == origin::Shape::tree) {
        PD_TRY(auto reader, origin->open_tree(stop));
        if (pace) reader = paced(std::move(reader), *pace);
        PD_TRY(written, repository::write_tree(*reader, parent, context, stop));
        PD_CHECK(reader->next(stop));  // a command that failed is no partial success
    } else {
        PD_TRY(auto reader, origin->open_rows(stop));
        if (pace) reader = paced(std::move(reader), *pace);
        PD_TRY(written, repository::write_rows(*reader, source.name, parent, context, stop));
        PD_TRY(written.digest, reader->digest());
        written.rows = true;
    }
    written.name = source.name;
    written.type = source.type;
    written.location = source.path.string();
    written.options = remembered_options(source);
    return written;
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

Result<BackupReport> backup(repository::Repository& repository, BackupRequest const& request,
                            std::stop_token stop) {
    using repository::SnapshotType;
    auto const started = to_timestamp(std::chrono::system_clock::now());
    PD_TRY(auto const snapshots, repository.snapshots(nullptr, stop));
    auto const type = request.type.value_or(
        any_parent(snapshots, request) ? SnapshotType::incremental : SnapshotType::full);
    PD_TRY(auto session, repository.begin(stop));

    auto context = session->context();  // a copy: a dry run puts its own writer in
    DryRunWriter dry_writer(repository.blobs());
    repository::WriteContext dry_context{.blobs = dry_writer,
                                         .known = context.known,
                                         .domains = context.domains,
                                         .chunk_key = context.chunk_key,
                                         .threads = context.threads,
                                         .spill_folder = context.spill_folder,
                                         .progress = request.progress};
    context.progress = request.progress;
    auto& chosen = request.dry_run ? dry_context : context;

    store::TokenBucket pace(request.read_bytes_per_second);
    BackupReport report;
    for (auto const& source : request.sources) {
        auto const* parent = type == SnapshotType::full
                                 ? nullptr
                                 : find_parent(snapshots, source.name, source.type,
                                               type == SnapshotType::differential);
        auto written = read_source(
            {source, parent, request.read_bytes_per_second ? &pace : nullptr}, chosen, stop);
        if (!written) {
            return std::move(written).error().within(fmt::format("source \"{}\"", source.name));
        }
        add_up(report, std::move(*written));
    }
    report.statistics = chosen.blobs.statistics();
    if (request.dry_run) return report;

    auto snapshot = describe(request, report, type);
    snapshot.started = started;
    if (!snapshots.empty() && type != SnapshotType::full) {
        snapshot.parent = snapshots.back().session;
        snapshot.parent_receipt = snapshots.back().received;
    }
    PD_TRY(report.snapshot, session->commit(std::move(snapshot), stop));
    report.statistics = report.snapshot->statistics;
    return report;
}

}  // namespace perdure::job
