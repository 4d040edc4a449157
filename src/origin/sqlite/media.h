#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/mapping.h"
#include "origin/files/walk.h"
#include "origin/sqlite/layout.h"

namespace perdure::origin {

/// A column that holds paths of media files.
struct MediaColumn {
    std::size_t table = 0, column = 0;  ///< positions in the layout
    double certainty = 1;  ///< share of sampled values that are files there; 1: as mapped
};

/// The columns that the mapping's `media` fields name: "t(fk).column", "fk -> t.column", "column".
/// Fails: invalid (no such table or column).
Result<std::vector<MediaColumn>> mapped_media(data::Mapping const& mapping, Layout const& layout);

/// The columns whose sampled values are names of files below `folder`, surest first.
Result<std::vector<MediaColumn>> probe_media(Connection& connection, Layout const& layout,
                                             system::Path const& folder);

/// A path as an application wrote it ("./a/b.jpg", "media/a/b.jpg", "/srv/app/media/a/b.jpg"), as a
/// path below the media folder. Empty when it cannot lie there (a URL, "..", no path at all).
std::string below_media(std::string_view written, system::Path const& folder);

/// Who each media file belongs to, collected from the rows that name it.
class MediaOwners {
public:
    /// `row` names the row for the problem report, should the file be missing.
    void add(std::string path, ByteView subject, bool must_exist, std::string row);
    /// The encoded key of the only person whose rows name the file; empty: nobody's, or several
    /// people's (what two share must survive the erasure of one). Marks the file as met.
    /// A folder whose named files are all one person's is that person's: its name may be, too.
    ByteView owner(std::string const& path);
    /// What rows name and no file was met for.
    std::vector<data::Problem> missing() const;

private:
    struct Owner {
        Bytes subject;
        bool shared = false, must_exist = false, met = false;
        std::string row;
    };
    struct FolderOwner {
        Bytes subject;
        bool shared = false;
    };
    std::unordered_map<std::string, Owner> owners_;
    std::unordered_map<std::string, FolderOwner> folders_;  ///< those above what rows name
};

}  // namespace perdure::origin
