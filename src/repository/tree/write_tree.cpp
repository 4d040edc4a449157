// The problem: a tree is deep, ordered and read by many threads at once, and memory must not grow
// with it.
// Invariants:
//  1. The scanner (caller's thread) walks source and parent in step; it never reads a file.
//  2. Workers read files, batch by batch, in any order; a batch knows only its own files.
//  3. The assembler (one thread) sees batches in the scanner's order and stores folders bottom-up.
//  4. A further name of a file is read, by the assembler, only when its first name was read under
//     another inode or not at all: the walk bound the two names, not what is there later.
//  5. In flight are at most batches_in_flight_max batches; each holds records, never contents, and
//     of all of them at most opened_ahead_all_max files are open.
// Chosen: one pipeline of batches, because per-entry hand-over costs more than the entry itself.
// A worker opens its next small files before it reads one: 200,000 of them from a cold disk take
// half the time, because the disk is asked for sixteen at once.
// Rejected: a task per folder (most folders are tiny, a few are huge).
#include <algorithm>

#include "base/task_group.h"
#include "repository/tree/assemble.h"
#include "repository/tree/read_file.h"
#include "repository/tree/scan.h"

namespace perdure::repository {

namespace {

constexpr std::size_t batches_in_flight_max = 64;
/// Files opened ahead of the one that is read, of all workers together and of one; larger ones the
/// kernel reads ahead by itself.
constexpr std::size_t opened_ahead_all_max = 128, opened_ahead_max = 16;
constexpr std::uint64_t opened_ahead_bytes_max = 1u << 20;

void read_batch(TreeBatch& batch, ContentWriter& contents, ContentOptions const& options,
                TreePipeline& pipeline, std::size_t ahead, std::stop_token stop) {
    std::size_t opened = 0;
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
        if (pipeline.aborted()) return;
        for (opened = std::max(opened, i); opened < std::min(i + ahead, batch.jobs.size());
             ++opened) {
            FileJob& next = batch.jobs[opened];
            if (!next.content || next.entry.size > opened_ahead_bytes_max) continue;
            // What fails is tried again, and told of, when its turn comes.
            if (auto source = next.content->open(stop)) next.opened = std::move(*source);
        }
        FileJob& job = batch.jobs[i];
        auto const read = read_job(job, contents, options, stop);
        job.content.reset();
        if (!read) {
            batch.error = read.error();
            return;
        }
    }
}

Result<void> assemble_all(TreePipeline& pipeline, TreeAssembler& assembler) {
    while (auto batch = pipeline.next()) {
        auto const added = assembler.add(*batch);
        if (!added) {
            pipeline.abort();
            return added.error();
        }
    }
    return {};
}

}  // namespace

Result<SourceSnapshot> write_tree(data::TreeReader& reader, SourceSnapshot const* parent,
                                  WriteContext& context, std::stop_token stop) {
    SourceSnapshot source;
    source.started = context.clock->now();
    TreePipeline pipeline(batches_in_flight_max);
    TreeScanner::Counts counts;
    Workers workers(context.threads);
    ContentWriter contents(context.blobs, context.chunk_key, workers);
    TreeAssembler assembler(context, contents, stop);
    {
        TaskGroup assembling;
        assembling.spawn([&](std::stop_token) { return assemble_all(pipeline, assembler); });
        Result<void> scanned;
        {
            ContentOptions const options{.domain = context.domains.common(),
                                         .progress = &context.progress};
            std::size_t const ahead = std::clamp<std::size_t>(
                opened_ahead_all_max / std::max(context.threads, 1u), 1, opened_ahead_max);
            std::function<void(TreeBatch&)> const work = [&](TreeBatch& batch) {
                read_batch(batch, contents, options, pipeline, ahead, stop);
            };
            TreeScanner scanner(
                reader, parent, context,
                [&](std::unique_ptr<TreeBatch> batch) {
                    bool const reads = !batch->jobs.empty();
                    return pipeline.push(std::move(batch), workers, reads ? work : nullptr);
                },
                stop);
            scanned = scanner.run();
            counts = scanner.counts();
            if (!scanned) pipeline.abort();
            pipeline.close();
            pipeline.wait_idle();  // workers hold references to what ends here
        }
        auto const assembled = assembling.wait();
        PD_CHECK(scanned);
        PD_CHECK(assembled);
    }
    source.root = assembler.take_root();
    source.items = counts.items - assembler.items_left_out;
    source.bytes_total = counts.bytes_total + assembler.bytes_of_own;
    source.bytes_read = assembler.bytes_read;
    source.items_unchanged = counts.files_unchanged;
    for (data::Problem& problem : reader.take_problems()) {
        assembler.problems.add(std::move(problem));
    }
    source.problems_total = assembler.problems.total();
    source.problems = assembler.problems.take_named();
    return source;
}

}  // namespace perdure::repository
