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

/// Whether the text is a path that climbs by "..": what below_media refuses, and yet a file.
bool leads_out(std::string_view written);

/// Who each media file belongs to, collected from the rows that name it.
class MediaOwners {
public:
    /// By whom a file is named, for the problem report.
    struct Named {
        std::string row, written;  ///< "a row of media", and the path as it stands there
        bool must_exist = true;
    };
    void add(std::string path, ByteView subject, Named named);
    /// A path that lies outside the media folder.
    void add_outside(Named named);
    /// The encoded key of the only person whose rows name the file; empty: nobody's, or several
    /// people's (what two share must survive the erasure of one). Marks the file as met.
    /// A folder whose named files are all one person's is that person's: its name may be, too.
    ByteView owner(std::string const& path, data::EntryKind kind);
    /// Files that rows name and that do not come back with them, and why; what is excluded is no
    /// problem.
    std::vector<data::Problem> unmet(system::Path const& folder,
                                     ExcludeRules const& excluded) const;

private:
    struct Owner {
        Bytes subject;
        bool shared = false, met = false, link = false;
        Named named;
    };
    struct FolderOwner {
        Bytes subject;
        bool shared = false;
    };
    static std::string doubt(std::string const& path, Owner const& owner,
                             system::Path const& folder);
    std::unordered_map<std::string, Owner> owners_;
    std::unordered_map<std::string, std::string> outside_;  ///< as written → who names it
    std::unordered_map<std::string, FolderOwner> folders_;  ///< those above what rows name
};

}  // namespace perdure::origin
