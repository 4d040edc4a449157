#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "data/stream.h"
#include "origin/origin.h"

namespace perdure::origin {

/// Things that could not be put back and are not worth failing for: each kind is reported once,
/// with the first path and the count. Threads: any.
class Shortfalls {
public:
    void note(std::string const& what, std::string const& path);
    std::vector<data::Problem> take();

private:
    struct Seen {
        std::string first_path;
        std::size_t count = 0;
    };
    std::mutex mutex_;
    std::map<std::string, Seen> seen_;
};

/// What an entry says about its owner, mode, attributes and times, applied to something on disk.
/// Order matters: owners first (chown clears setuid and capabilities), then mode, then attributes
/// (an access list refines the mode; a capability must survive), times last (all before touch ctime
/// only, but content touches mtime). Flags that lock are the caller's business.
struct MetadataOptions {
    bool owners = true;
    bool special = true;          ///< setuid, setgid, file capabilities
    bool inherits_group = false;  ///< new files do not simply get our own group
    bool strip_xattrs = false;    ///< remove attributes that the entry does not have
};

/// A file or folder by its descriptor, or, when `name` is given, what stands under that name there.
struct MetadataTarget {
    int descriptor = -1;
    char const* name = "";
    std::string const& path;  ///< for messages
};

/// Unsupported with code 3 for what this file system will never hold: such a name, kind or size,
/// another link. A restore goes on without it; any other failure would meet the next entry too.
Error cannot(int error_number, std::string const& what);

/// Where a name is taken and nothing is to be replaced: conflict. But where no entry of the folder
/// has that very name (FAT takes "a" for "A") unsupported with code 3: both cannot be kept there.
Error taken(int folder, std::string const& name, std::string const& path);
/// The same where it is known that another name was put which the folder takes for this one.
Error one_name(int folder, std::string const& name, std::string const& path);

/// What the file system refuses falls short instead. Fails: as the disk.
Result<void> apply_metadata(MetadataTarget const& target, data::Entry const& entry,
                            MetadataOptions const& options, Shortfalls& shortfalls);

/// Sets file flags on an open file or folder, besides those that it has.
void apply_flags(int descriptor, std::uint32_t flags, std::string const& path,
                 Shortfalls& shortfalls);

}  // namespace perdure::origin
