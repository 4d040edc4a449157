#pragma once

#include <memory>
#include <optional>

#include "format/format.h"
#include "job/export/journal.h"
#include "job/export/parcel.h"

namespace perdure::job {

struct PlaceRequest {
    format::FormatKind const* kind = nullptr;
    system::Path output;
    Parcel const* parcel = nullptr;  ///< what becomes of the file; null: nothing
    bool replace = false;
    Timestamp modified;                ///< of what has no time of its own
    std::uint64_t expected_bytes = 0;  ///< about how much is read
};

/// Where a format writes to: a file, a folder, or a container around the files of a folder. By the
/// output's name: "-o X.zip" and "-o X.tar.gz" (".tgz") wrap a format of several files; a name with
/// the format's own extension asks for its one file. What becomes a parcel is written apart, and
/// packed when it is whole: a resume goes on with what is not packed.
class OutputPlace {
public:
    /// Starts anew. Fails: conflict (the output exists); invalid (a format of one file in a zip).
    static Result<OutputPlace> open(PlaceRequest const& request);
    /// Fails: corrupt, where what is there does not fit the checkpoint.
    static Result<OutputPlace> resume(PlaceRequest const& request, ExportCheckpoint const& at);

    format::OutputTree& tree() { return container_ ? *container_ : *disk_; }
    /// Fills in the states of disk and container; the writer's was asked for before.
    Result<void> checkpoint(ExportCheckpoint& at);
    /// After the writer's finish: everything is written, nothing has its final name yet.
    Result<void> seal();
    /// The file or folder that is sealed: what the format's reader reads.
    system::Path sealed() const;
    /// After seal(): makes the parcel, where one is wanted. Fails: as pack_parcel.
    Result<void> pack(std::stop_token stop);
    /// What will get the final name.
    system::Path packed() const;
    /// Puts it under its final name.
    Result<void> deliver() { return parcel_tree_ ? parcel_tree_->finish() : disk_->finish(); }

private:
    Result<void> open_parcel(PlaceRequest const& request);

    system::Path output_, content_;
    Parcel const* parcel_ = nullptr;
    // In this order: the container writes to the disk until it is gone.
    std::unique_ptr<format::OutputTree> parcel_tree_, disk_, container_;
};

enum class Wrapping { folder, single_file, zip, tar_gz };
/// Fails: invalid.
Result<Wrapping> wrapping_of(format::FormatKind const& kind, system::Path const& output);

}  // namespace perdure::job
