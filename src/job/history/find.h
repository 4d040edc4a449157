#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "data/selector.h"
#include "data/where.h"
#include "repository/repository.h"

namespace perdure::job {

/// Something that was found, and the snapshots that hold it as it is.
struct Found {
    std::string source;
    bool file = false;
    std::string path;         ///< of a file, or a database's media file
    std::string table, type;  ///< of a record; type: of the mapping, may be empty
    std::string id, title;
    std::string field;    ///< column, "name" (of a file) or "content"; empty: by condition
    std::string excerpt;  ///< what stands around the first match, UTF-8 in part
    std::size_t first = 0, last = 0;  ///< positions in FindRequest::snapshots
    std::size_t snapshots = 0;        ///< how many between them hold it
};

struct FindRequest {
    std::vector<repository::Snapshot> snapshots;  ///< oldest first
    std::vector<data::Selector> select;           ///< empty: everything
    std::string text;                             ///< this, in any text or name; or
    std::optional<data::Where> where;             ///< this, of records
    bool exact_case = false;                      ///< else ASCII letters match in either case
    std::size_t max = 10'000;                     ///< findings kept; further ones are counted
    std::function<void(std::uint64_t blocks)> progress;
};

struct FindReport {
    std::vector<Found> found;  ///< by source, then table or path, then id
    std::uint64_t left_out = 0;
    std::uint64_t blocks_read = 0;    ///< row blocks, each once
    std::uint64_t blocks_named = 0;   ///< what reading every snapshot would have cost
    std::uint64_t contents_read = 0;  ///< blobs of files, each once
    std::uint64_t erased_subjects = 0;
    std::vector<data::Problem> problems;
};

/// Looks through all snapshots; every row block and every piece of a file's
/// content is read once, however many snapshots hold it. A condition sees a
/// row's own columns and what the mapping leads to in other tables (a
/// collection's name, tags), as it was in each snapshot; then the blocks are
/// read twice.
/// Memory: 80 B a distinct block, 200 B a distinct piece of content, 1 KiB a
/// finding kept. Fails: invalid (an empty text), unsupported (a field that
/// nothing leads to), exhausted (RelatedRows::rows_max), corrupt, cancelled.
Result<FindReport> find(repository::Repository& repository, FindRequest const& request,
                        std::stop_token stop);

}  // namespace perdure::job
