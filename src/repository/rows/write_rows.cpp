// Three passes: the intake reads the source once and sorts its rows by (domain, table, key); the
// merge (caller's thread) cuts them into blocks; workers read media, encode, compare with the
// parent and store; one thread collects the results, in order, into the roster. Invariants:
//  1. A block's borders depend on its rows' keys, so a change touches one block, or two.
//  2. The first block of a domain has the tag 0, every other the keyed hash of its first key: the
//     parent's block with the same tag is its predecessor, else the one that held its middle row.
//  3. The roster names every blob of the source, bases and contents included, under its handle.
#include "base/task_group.h"
#include "repository/rows/merge_rows.h"

namespace perdure::repository {

namespace {

constexpr std::size_t batches_in_flight_max = 16;

/// What the blocks added up to.
struct RowTotals {
    std::uint64_t media_bytes_read = 0, rows_left_out = 0, blocks = 0;
    BlobList roster;
    Problems problems;
};

Result<void> collect_roster(RowPipeline& pipeline, RosterWriter& roster, RowTotals& totals) {
    while (auto batch = pipeline.next()) {
        if (batch->error) return *batch->error;
        for (RowBlockJob& job : batch->blocks) {
            ++totals.blocks;
            totals.media_bytes_read += job.media_bytes_read;
            totals.rows_left_out += job.rows_left_out;
            for (RosterEntry const& entry : job.entries) PD_CHECK(roster.add(entry));
            for (data::Problem& problem : job.problems) totals.problems.add(std::move(problem));
        }
    }
    PD_TRY(totals.roster, roster.finish());
    return {};
}

Result<BlobList> write_schema(data::DatabaseSchema const& schema, WriteContext& context) {
    RecordWriter records(context.blobs, context.domains.common(), folder_cuts);
    PD_CHECK(records.add(0, schema.encode()));
    return records.finish();
}

struct RowJob {
    data::RowReader& reader;
    SourceSnapshot const* parent;
    WriteContext& context;
    Workers& workers;
    ContentWriter& contents;
};

/// Cuts, stores and lists what the sort holds.
Result<void> store_sorted(RowSort& sort, RowJob job, RowPipeline& pipeline, SourceSnapshot& source,
                          std::stop_token stop) {
    std::function<void(RowBatch&)> const work = [&, stop](RowBatch& batch) {
        for (RowBlockJob& block : batch.blocks) {
            if (pipeline.aborted()) return;
            auto const stored = store_block(block, job.context, job.contents, stop);
            if (stored) continue;
            batch.error = stored.error();
            return;
        }
    };
    RowMerge merge(
        job.reader, job.parent, job.context,
        [&](std::unique_ptr<RowBatch> batch) {
            return pipeline.push(std::move(batch), job.workers, work);
        },
        stop);
    auto const merged = merge.run(sort);
    if (!merged) pipeline.abort();
    pipeline.close();
    // Batches hold references to what lies here; the workers must be through with them.
    pipeline.wait_idle();
    PD_CHECK(merged);
    source.subjects = merge.subjects;
    source.items_unchanged = merge.media_unchanged;
    source.bytes_total = merge.media_bytes;
    return {};
}

}  // namespace

Result<SourceSnapshot> write_rows(data::RowReader& reader, std::string const& name,
                                  SourceSnapshot const* parent, WriteContext& context,
                                  std::stop_token stop) {
    SourceSnapshot source;
    source.rows = true;
    source.started = context.clock->now();
    RowPipeline pipeline(batches_in_flight_max);
    Workers workers(context.threads);
    ContentWriter contents(context.blobs, context.chunk_key, workers);
    RowIntake intake(reader, name, context, contents);
    RowSort sort({.spill_folder = context.spill_folder});
    PD_CHECK(intake.run(sort, stop));
    PD_TRY(source.digest, reader.digest());
    PD_TRY(source.schema, write_schema(reader.schema(), context));
    PD_CHECK(sort.finish());

    RosterWriter roster(context.blobs, context.domains.common(), cut_seed(context.chunk_key));
    RowTotals totals;
    TaskGroup collecting;
    collecting.spawn([&](std::stop_token) {
        auto collected = collect_roster(pipeline, roster, totals);
        if (!collected) pipeline.abort();
        return collected;
    });
    auto const stored =
        store_sorted(sort, {reader, parent, context, workers, contents}, pipeline, source, stop);
    auto const collected = collecting.wait();
    PD_CHECK(stored);
    PD_CHECK(collected);
    source.root = std::move(totals.roster);
    source.items = intake.rows - totals.rows_left_out;
    source.bytes_read = intake.bytes + totals.media_bytes_read;
    source.bytes_total += intake.bytes;
    totals.problems.add(std::move(intake.problems));
    for (data::Problem& problem : reader.take_problems()) totals.problems.add(std::move(problem));
    source.problems_total = totals.problems.total();
    source.problems = totals.problems.take_named();
    return source;
}

}  // namespace perdure::repository
