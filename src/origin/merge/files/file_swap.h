#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/time.h"
#include "data/entry.h"
#include "system/file.h"

namespace perdure::origin {

/// What a restore sets of a folder that is there.
struct FolderLook {
    std::uint32_t mode = 0, uid = 0, gid = 0;
    std::vector<data::Xattr> xattrs;  ///< all of them, by name
    bool operator==(FolderLook const&) const = default;
};

/// One name that changes, for journals and undo.
struct FileChange {
    enum class Act : std::uint8_t {
        create = 1,
        replace = 2,
        remove = 3,
        folder = 4,       ///< made
        folder_gone = 5,  ///< taken away, if it is empty
        link = 6,         ///< a further name of `first`
        relink = 7,       ///< the same, in place of what is there
        dress = 8,        ///< a folder's owner, mode and attributes; "" is the root itself
    } act{};
    std::string path;
    std::uint64_t number = 0;  ///< its name in the stage
    /// Of what is put there: tells later whether somebody changed it since.
    std::uint64_t inode = 0, size = 0;
    Timestamp modified;
    std::uint32_t mode = 0;    ///< of folder_gone, to make it again
    std::string first;         ///< of links
    FolderLook before, after;  ///< of dress
    /// What stood there when it was compared: nothing else goes. Not in journals.
    struct Was {
        std::uint64_t inode = 0, size = 0;
        Timestamp modified;
    };
    std::optional<Was> was;
};
void encode_file_change(Encoder& out, FileChange const& change);
/// Fails: corrupt (also for a path that leaves the root).
Result<FileChange> decode_file_change(Decoder& in);

/// Puts staged files under their names and takes away what goes; what was there is in the stage
/// afterwards. Fails: conflict (a name came, went or was written to meanwhile): the rest is not
/// done, and what was done is for swap_back.
Result<void> swap_files(system::Path const& root, std::string const& stage,
                        std::vector<FileChange> const& changes);
/// Takes back whatever swap_files did, as far as it came. What somebody changed since it was put
/// stays, for nothing else holds it: those paths.
Result<std::vector<std::string>> swap_back(system::Path const& root, std::string const& stage,
                                           std::vector<FileChange> const& changes);
/// Whether swap_files came to its end, as the stage tells: what was changed later does not matter.
bool all_put(system::Path const& root, std::string const& stage,
             std::vector<FileChange> const& changes);
/// Removes the stage with all that is in it.
Result<void> drop_stage(system::Path const& root, std::string const& stage);
/// Whether what the change put there is still there, as it was put.
bool still_there(system::Path const& root, FileChange const& change);

}  // namespace perdure::origin
