#pragma once

#include <sys/stat.h>

#include <string>

namespace perdure::origin {

/// Who has that file open, of the processes that /proc shows to this one: "gunicorn (4711)". Empty:
/// nobody that can be seen.
std::string find_holder(struct stat const& wanted);

/// Who else has an open file open at this moment: its name, or "somebody". The kernel tells by a
/// write lease (fcntl(2), F_SETLEASE), which it grants only where nobody does; where a file system
/// knows none, or the file is another user's, the descriptors of all processes are looked through.
/// Empty: nobody, or it cannot be told.
std::string holder_of(int file);

}  // namespace perdure::origin
