#pragma once

#include <string>
#include <vector>

#include "format/document/put_file.h"

namespace perdure::format {

/// A medium of a record as it stands in the output. Paths are relative to ShelfOptions::root.
struct ShownMedia {
    std::string source;    ///< as the record names it
    std::string name;      ///< of the file, for a caption
    std::string original;  ///< path of the original; empty: not there (see `problem`)
    std::string preview;   ///< path of a small picture; empty: none
    std::string media_type, description, problem;
    std::uint64_t size_bytes = 0;
    unsigned width = 0, height = 0;  ///< of the preview
    std::optional<Timestamp> taken;
    /// A browser shows the original itself, and nothing in it can run.
    bool shown_directly = false;
    /// The file could run a program when opened; its name was changed so that it is saved instead.
    bool disarmed = false;
    bool fresh = false;  ///< this record put a file there; else an earlier one did, or nobody
};

enum class Originals {
    all,
    as_pictures,  ///< only of pictures that every reader shows and that have no preview
};

struct ShelfOptions {
    std::string root;  ///< in front of every path, in the tree
    std::string folder = "media";
    unsigned preview_pixels = 640;
    Originals originals = Originals::all;
};

/// Puts the media of a record into the output, each file once however many records refer to it.
/// What cannot be had is reported to the tally; the record stays. Fails: what the tree fails with.
Result<std::vector<ShownMedia>> shelve_media(data::Record const& record, MediaLibrary& library,
                                             OutputTree& tree, Tally& tally,
                                             ShelfOptions const& options, std::stop_token stop);

/// For BodyOptions::local: the URL of the medium that a body means by `address`, with `prefix` in
/// front; nothing when the record has none of that name that can be shown.
std::optional<std::string> picture_address(std::vector<ShownMedia> const& media,
                                           std::string_view address, std::string_view prefix);

}  // namespace perdure::format
